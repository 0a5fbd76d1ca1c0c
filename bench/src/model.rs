//! The scripted model server: OpenAI's streaming chat completions, twenty pieces, each flushed by itself.
//!
//! It is as small as a server can be, so that what is measured is the gateway.

use std::{io, net::SocketAddr, process::ExitCode};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// The argument that turns this program into the model server.
pub(crate) const ARGUMENT: &str = "__model";
/// Pieces of every answer.
pub(crate) const PIECES: usize = 20;
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
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    let frames = frames();
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let frames = frames.clone();
        let _handle = connections.spawn(async move { serve_one(stream, &frames).await });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_one(mut stream: TcpStream, frames: &[Vec<u8>]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(64 * 1024);
    while let Some(length) = request(&mut stream, &mut buffer).await? {
        drop(buffer.drain(..length));
        for frame in frames {
            stream.write_all(frame).await?;
        }
    }
    Ok(())
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
