//! HTTP by hand: any bytes out, one answer back.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::within;

/// Time for an answer to anything, head deadlines of ten seconds included.
const ANSWER_DEADLINE: Duration = Duration::from_secs(14);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status; 0 when the connection was closed without one.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// What followed, as far as it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads one answer off a stream; what comes after it stays in `buffer`.
pub async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Answer {
    let closed = Answer {
        status: 0,
        head: String::new(),
        body: Vec::new(),
    };
    loop {
        if let Some(answer) = take_answer(buffer) {
            return answer;
        }
        match stream.read_buf(buffer).await {
            Ok(0) | Err(_) => return closed,
            Ok(_) => {}
        }
    }
}

fn take_answer(buffer: &mut Vec<u8>) -> Option<Answer> {
    let end = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer {
        status,
        head,
        body: Vec::new(),
    };
    let length: usize = answer
        .header("content-length")
        .and_then(|value| value.parse().ok())
        .unwrap_or_default();
    if buffer.len() < end + length {
        return None;
    }
    answer.body = buffer.drain(..end + length).skip(end).collect();
    Some(answer)
}

/// Sends bytes on a fresh connection and reads the answer.
///
/// # Panics
/// When the connection is refused or nothing comes.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The gateway may answer and close before it has read everything.
    drop(stream.write_all(bytes).await);
    let mut buffer = Vec::new();
    within(
        "an HTTP answer",
        ANSWER_DEADLINE,
        read_answer(&mut stream, &mut buffer),
    )
    .await
}

/// A request's text.
#[must_use]
pub fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// The headers that ask for a WebSocket, besides Host.
pub const UPGRADE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];
