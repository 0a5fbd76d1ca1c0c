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
        header(&self.head, name)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A header's value in a head.
#[must_use]
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
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

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where it said it would.
    Whole,
    /// Before that.
    Cut,
    /// Not at all within the deadline.
    Late,
    /// It was more than anybody reads.
    Flood,
}

/// An answer read to its end, whatever its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The status; 0 when there was none.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// The body without its chunks.
    pub body: Vec<u8>,
    /// How it ended.
    pub end: End,
}

impl Whole {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// More than any answer that is read whole.
const FLOOD_BYTES: usize = 64 * 1024 * 1024;

/// Up to here an answer is looked at whenever more of it comes.
const OFTEN_BYTES: usize = 2 * 1024 * 1024;

/// Sends bytes on a fresh connection and reads the answer to its end.
///
/// # Panics
/// When the connection is refused.
pub async fn whole(address: SocketAddr, bytes: &[u8], deadline: Duration) -> Whole {
    let mut stream = TcpStream::connect(address).await.unwrap();
    drop(stream.write_all(bytes).await);
    let mut read = Vec::new();
    let reading = async {
        loop {
            // A long answer is looked at again only when it may have ended.
            let may_be_whole = read.len() < OFTEN_BYTES || read.ends_with(b"\r\n\r\n");
            if may_be_whole && let Some(whole) = parse(&read, false) {
                return whole;
            }
            if read.len() > FLOOD_BYTES {
                return ended(&read, End::Flood);
            }
            match stream.read_buf(&mut read).await {
                Ok(0) => return parse(&read, true).unwrap_or_else(|| ended(&read, End::Cut)),
                Err(_) => return ended(&read, End::Cut),
                Ok(_) => {}
            }
        }
    };
    match tokio::time::timeout(deadline, reading).await {
        Ok(whole) => whole,
        Err(_elapsed) => ended(&read, End::Late),
    }
}

/// What there is of an answer that did not end well.
fn ended(read: &[u8], end: End) -> Whole {
    let head = head_of(read);
    let body = &read[head.len()..];
    let is_chunked = header(&head, "transfer-encoding").is_some();
    let body = if is_chunked {
        dechunked(body).0
    } else {
        body.to_vec()
    };
    Whole {
        status: status_of(&head),
        head,
        body,
        end,
    }
}

fn parse(read: &[u8], is_closed: bool) -> Option<Whole> {
    let head = head_of(read);
    if head.is_empty() {
        return None;
    }
    let rest = &read[head.len()..];
    let body = if header(&head, "transfer-encoding").is_some() {
        let (body, is_whole) = dechunked(rest);
        is_whole.then_some(body)?
    } else if let Some(length) = header(&head, "content-length") {
        let length = length.parse().ok()?;
        rest.get(..length)?.to_vec()
    } else if is_closed || matches!(status_of(&head), 204 | 304) {
        rest.to_vec()
    } else {
        return None;
    };
    Some(Whole {
        status: status_of(&head),
        head,
        body,
        end: End::Whole,
    })
}

fn head_of(read: &[u8]) -> String {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n");
    end.map(|end| String::from_utf8_lossy(&read[..end + 4]).into_owned())
        .unwrap_or_default()
}

fn status_of(head: &str) -> u16 {
    head.split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default()
}

/// What is in chunks, and whether the last one has come.
fn dechunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else {
            return (body, false);
        };
        let size = String::from_utf8_lossy(&rest[..end]);
        let size = size.split(';').next().unwrap_or_default().trim();
        let Ok(size) = usize::from_str_radix(size, 16) else {
            return (body, false);
        };
        if size == 0 {
            return (body, true);
        }
        let data = &rest[end + 2..];
        if data.len() < size + 2 {
            body.extend_from_slice(&data[..size.min(data.len())]);
            return (body, false);
        }
        body.extend_from_slice(&data[..size]);
        rest = &data[size + 2..];
    }
}
