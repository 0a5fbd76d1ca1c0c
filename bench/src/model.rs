//! The scripted model server: OpenAI's chat completions, streamed in twenty pieces, each flushed by itself, or whole.
//!
//! It is as small as a server can be, so that what is measured is what stands before it. The path says how it behaves:
//! `/fail/500/...` and `/fail/429/...` refuse, `/hold/...` stops after the first piece until the client leaves, and
//! everything else answers, streamed unless the body says `"stream":false`.

use std::{io, net::SocketAddr, process::ExitCode, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// The argument that turns this program into the model server.
pub(crate) const ARGUMENT: &str = "__model";
/// Pieces of every answer.
pub(crate) const PIECES: usize = 20;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 4_096;
/// The longest request it takes.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Serves until killed; the first line of standard output is the address.
pub(crate) fn serve() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime.and_then(|runtime| runtime.block_on(accept())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_broken) => ExitCode::FAILURE,
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the parent reads the address from here"
)]
async fn accept() -> io::Result<()> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    // Ten thousand clients may come at once.
    let listener = socket.listen(BACKLOG)?;
    println!("{}", listener.local_addr()?);
    let answers = Arc::new(Answers::new());
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let answers = Arc::clone(&answers);
        let _handle = connections.spawn(async move { serve_one(stream, &answers).await });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_one(mut stream: TcpStream, answers: &Answers) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(2 * 1024);
    while let Some(length) = request(&mut stream, &mut buffer).await? {
        let manner = Manner::of(buffer.get(..length).unwrap_or_default());
        drop(buffer.drain(..length));
        match manner {
            Manner::Stream => {
                for frame in &answers.frames {
                    stream.write_all(frame).await?;
                }
            }
            Manner::Whole => stream.write_all(&answers.whole).await?,
            Manner::Overloaded => stream.write_all(&answers.overloaded).await?,
            Manner::Throttled => stream.write_all(&answers.throttled).await?,
            Manner::Hold => {
                for frame in answers.frames.iter().take(2) {
                    stream.write_all(frame).await?;
                }
                // Nothing more is said, and nothing is expected but the end.
                let _length = stream.read_buf(&mut buffer).await?;
                return Ok(());
            }
        }
    }
    Ok(())
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Stream,
    Whole,
    Overloaded,
    Throttled,
    Hold,
}

impl Manner {
    fn of(request: &[u8]) -> Self {
        let has = |needle: &[u8]| request.windows(needle.len()).any(|window| window == needle);
        let path = request.get(..64.min(request.len())).unwrap_or_default();
        let path_has = |needle: &[u8]| path.windows(needle.len()).any(|window| window == needle);
        if path_has(b"/fail/500/") {
            Self::Overloaded
        } else if path_has(b"/fail/429/") {
            Self::Throttled
        } else if path_has(b"/hold/") {
            Self::Hold
        } else if has(b"\"stream\":false") || has(b"\"stream\": false") {
            Self::Whole
        } else {
            Self::Stream
        }
    }
}

/// Everything it ever says, written once.
#[derive(Debug)]
struct Answers {
    frames: Vec<Vec<u8>>,
    whole: Vec<u8>,
    overloaded: Vec<u8>,
    throttled: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        let document = |status: &str, body: &str| {
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        };
        Self {
            frames: frames(),
            whole: document(
                "200 OK",
                r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"echo","choices":[{"index":0,"message":{"role":"assistant","content":"Hello from a backend that says the same thing every time it is asked."},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}}"#,
            ),
            overloaded: document(
                "500 Internal Server Error",
                r#"{"error":{"message":"it can't","type":"server_error","param":null,"code":null}}"#,
            ),
            throttled: document(
                "429 Too Many Requests",
                r#"{"error":{"message":"not so fast","type":"rate_limit_error","param":null,"code":null}}"#,
            ),
        }
    }
}

/// Reads one request; its length in the buffer, or nothing when the client left.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        if let Some(length) = complete(buffer)? {
            return Ok(Some(length));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn complete(buffer: &[u8]) -> io::Result<Option<usize>> {
    let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(buffer.get(..head).unwrap_or_default()).to_ascii_lowercase();
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|value| value.trim().parse::<usize>().ok())
        .unwrap_or_default();
    if body > REQUEST_BYTES_MAX {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    let length = head + 4 + body;
    Ok((buffer.len() >= length).then_some(length))
}

/// The answer as it is written: a head, the pieces, the end; one write each.
fn frames() -> Vec<Vec<u8>> {
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    let event = |delta: &str, rest: &str| {
        chunk(&format!(
            r#"data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"echo","choices":[{{"index":0,"delta":{delta},"finish_reason":{rest}}}]}}"#
        ))
    };
    let mut frames = vec![head];
    frames.extend(
        (0..PIECES).map(|index| event(&format!(r#"{{"content":"word{index} "}}"#), "null")),
    );
    let mut end = event("{}", "\"stop\"");
    end.extend(chunk(
        r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"echo","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}}"#,
    ));
    end.extend(chunk("data: [DONE]"));
    end.extend(b"0\r\n\r\n");
    frames.push(end);
    frames
}

fn chunk(event: &str) -> Vec<u8> {
    let body = format!("{event}\n\n");
    format!("{:x}\r\n{body}\r\n", body.len()).into_bytes()
}
