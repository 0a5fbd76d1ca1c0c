//! An HTTP/1.1 client as small as one can be: one connection, one request written again and again.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout},
};

/// A request that takes longer is a failure.
const DEADLINE: Duration = Duration::from_secs(30);

/// What is asked, written once.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) address: SocketAddr,
    bytes: Vec<u8>,
    is_streaming: bool,
}

impl Ask {
    /// A chat completion of a model.
    pub(crate) fn chat(
        address: SocketAddr,
        path: &str,
        key: Option<&str>,
        (model, is_streaming): (&str, bool),
    ) -> Self {
        let body = format!(
            r#"{{"model":"{model}","messages":[{{"role":"system","content":"You are brief."}},{{"role":"user","content":"Say something about the weather in a small town by the sea."}}],"max_tokens":64,"stream":{is_streaming}}}"#
        );
        let key = key.map_or_else(String::new, |key| {
            format!("authorization: Bearer {key}\r\n")
        });
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/json\r\n{key}content-length: {}\r\n\r\n{body}",
            address.port(),
            body.len()
        );
        Self {
            address,
            bytes: bytes.into_bytes(),
            is_streaming,
        }
    }

    /// A document posted to a path; the answer's body comes back.
    pub(crate) async fn post(
        address: SocketAddr,
        path: &str,
        key: &str,
        body: &str,
    ) -> Result<String, String> {
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/json\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n{body}",
            address.port(),
            body.len()
        );
        let ask = Self {
            address,
            bytes: bytes.into_bytes(),
            is_streaming: false,
        };
        let mut connection = Connection::open(&ask).await?;
        let _times = connection.ask(&ask).await?;
        let text = String::from_utf8_lossy(&connection.buffer);
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        body.ok_or_else(|| "an answer without a body".to_owned())
    }
}

/// When the first byte of an answer's content came, and when the last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) first: Duration,
    pub(crate) whole: Duration,
}

/// One kept-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(ask: &Ask) -> Result<Self, String> {
        let stream = TcpStream::connect(ask.address)
            .await
            .map_err(|error| format!("connect to {}: {error}", ask.address))?;
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(8 * 1024),
        })
    }

    /// Asks and reads the whole answer, which has to be a good one.
    pub(crate) async fn ask(&mut self, ask: &Ask) -> Result<Times, String> {
        let started = Instant::now();
        let exchange = async {
            self.buffer.clear();
            self.stream.write_all(&ask.bytes).await?;
            let mut first = None;
            loop {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
                }
                let Some(head) = find(&self.buffer, b"\r\n\r\n") else {
                    continue;
                };
                if first.is_none() && self.buffer.len() > head + 4 {
                    first = Some(started.elapsed());
                }
                if is_whole(&self.buffer, head) {
                    return Ok(Times {
                        first: first.unwrap_or_default(),
                        whole: started.elapsed(),
                    });
                }
            }
        };
        let times = timeout(DEADLINE, exchange)
            .await
            .map_err(|_elapsed| "no answer in time".to_owned())?
            .map_err(|error: std::io::Error| error.to_string())?;
        self.check(ask)?;
        Ok(times)
    }

    /// Asks and reads only until the first piece is there.
    pub(crate) async fn begin(&mut self, ask: &Ask) -> Result<(), String> {
        let exchange = async {
            self.stream.write_all(&ask.bytes).await?;
            while find(&self.buffer, b"word0").is_none() {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
                }
            }
            Ok(())
        };
        timeout(DEADLINE, exchange)
            .await
            .map_err(|_elapsed| "no first piece in time".to_owned())?
            .map_err(|error: std::io::Error| {
                let said = String::from_utf8_lossy(&self.buffer);
                format!("{error}: {said}")
            })
    }

    fn check(&self, ask: &Ask) -> Result<(), String> {
        let is_good = self.buffer.starts_with(b"HTTP/1.1 200")
            && (!ask.is_streaming || find(&self.buffer, b"data: [DONE]").is_some());
        if is_good {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&self.buffer);
        Err(format!(
            "not a good answer: {}",
            said.chars().take(400).collect::<String>()
        ))
    }
}

/// Whether an answer has ended, by its length or by its last chunk.
fn is_whole(buffer: &[u8], head: usize) -> bool {
    let text = String::from_utf8_lossy(buffer.get(..head).unwrap_or_default()).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    match length.and_then(|value| value.trim().parse::<usize>().ok()) {
        Some(length) => buffer.len() >= head + 4 + length,
        None => buffer.ends_with(b"0\r\n\r\n"),
    }
}

fn find(buffer: &[u8], needle: &[u8]) -> Option<usize> {
    buffer
        .windows(needle.len())
        .position(|window| window == needle)
}

/// What a load saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    /// Until the first byte of content, in milliseconds.
    pub(crate) first_ms: Vec<f64>,
    /// Until the last.
    pub(crate) whole_ms: Vec<f64>,
}

/// As many clients as told, each asking again as soon as it has its answer.
pub(crate) async fn closed_loop(ask: &Ask, clients: usize, time: Duration) -> Result<Seen, String> {
    let started = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let ask = ask.clone();
        let _handle = running.spawn(async move {
            let mut connection = Connection::open(&ask).await?;
            let mut times = Vec::new();
            while started.elapsed() < time {
                times.push(connection.ask(&ask).await?);
            }
            Ok::<_, String>(times)
        });
    }
    gather(running, started).await
}

/// Requests at fixed times, whether or not the earlier ones have been answered; their wait counts.
pub(crate) async fn open_loop(
    ask: &Ask,
    per_second: f64,
    clients: usize,
    time: Duration,
) -> Result<Seen, String> {
    let started = Instant::now();
    let pause = Duration::from_secs_f64(clients as f64 / per_second);
    let mut running = JoinSet::new();
    for place in 0..clients {
        let ask = ask.clone();
        let offset = pause.mul_f64(place as f64 / clients as f64);
        let _handle = running.spawn(async move {
            let mut connection = Connection::open(&ask).await?;
            let mut times = Vec::new();
            let mut due = started + offset;
            while due < started + time {
                tokio::time::sleep_until(due).await;
                // What the timer is late is not the server's.
                let late = due.elapsed();
                let asked = connection.ask(&ask).await?;
                if late < Duration::from_millis(2) {
                    times.push(asked);
                }
                due += pause;
            }
            Ok::<_, String>(times)
        });
    }
    gather(running, started).await
}

async fn gather(
    mut running: JoinSet<Result<Vec<Times>, String>>,
    started: Instant,
) -> Result<Seen, String> {
    let mut seen = Seen::default();
    while let Some(ended) = running.join_next().await {
        let times = ended.map_err(|error| error.to_string())??;
        seen.requests += times.len() as u64;
        for times in times {
            seen.first_ms.push(times.first.as_secs_f64() * 1000.0);
            seen.whole_ms.push(times.whole.as_secs_f64() * 1000.0);
        }
    }
    seen.elapsed = started.elapsed();
    Ok(seen)
}
