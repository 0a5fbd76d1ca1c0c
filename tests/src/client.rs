//! A WebSocket client that does only what it is told.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::{
    DEADLINE, frame,
    http::{self, Answer, UPGRADE},
    soon,
};

/// What came.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A text frame.
    Text(String),
    /// A close frame.
    Close(u16, String),
    /// The end of the stream, with or without a reset.
    End,
}

/// Connects from one of the many addresses of loopback.
///
/// # Panics
/// When the connection is refused.
pub async fn connect_from(source: [u8; 4], address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(SocketAddr::from((source, 0))).unwrap();
    socket.connect(address).await.unwrap()
}

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The subprotocol the gateway chose.
    pub protocol: Option<String>,
}

impl Socket {
    /// Opens one with nothing but what every client sends.
    ///
    /// # Panics
    /// When the upgrade is refused.
    pub async fn open(address: SocketAddr) -> Self {
        Self::try_open(address, "/", &[])
            .await
            .expect("the upgrade")
    }

    /// Opens one that offers a subprotocol.
    ///
    /// # Panics
    /// When the upgrade is refused.
    pub async fn offering(address: SocketAddr, protocol: &str) -> Self {
        Self::try_open(address, "/", &[("Sec-WebSocket-Protocol", protocol)])
            .await
            .expect("the upgrade")
    }

    /// Opens one at a path and with further headers; one named Host replaces ours.
    ///
    /// # Errors
    /// The answer, when it is no upgrade.
    ///
    /// # Panics
    /// When the gateway can't be reached.
    pub async fn try_open(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Answer> {
        let stream = TcpStream::connect(address).await.unwrap();
        Self::upgrade(stream, path, headers).await
    }

    /// Upgrades a connection made elsewhere.
    ///
    /// # Errors
    /// The answer, when it is no upgrade.
    ///
    /// # Panics
    /// When nothing comes.
    pub async fn upgrade(
        mut stream: TcpStream,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Answer> {
        drop(stream.set_nodelay(true));
        let host = stream
            .peer_addr()
            .map(|peer| peer.to_string())
            .unwrap_or_default();
        let mut all: Vec<(&str, &str)> = UPGRADE.to_vec();
        if !headers.iter().any(|(name, _)| *name == "Host") {
            all.push(("Host", &host));
        }
        all.extend_from_slice(headers);
        drop(stream.write_all(&http::request("GET", path, &all)).await);
        let mut buffer = Vec::new();
        let answer = soon("the upgrade", http::read_answer(&mut stream, &mut buffer)).await;
        if answer.status != 101 {
            return Err(answer);
        }
        let protocol = answer.header("sec-websocket-protocol").map(str::to_owned);
        Ok(Self {
            stream,
            buffer,
            protocol,
        })
    }

    /// Takes over a connection that was upgraded already, with what was read of it.
    #[must_use]
    pub const fn upgraded(stream: TcpStream, buffer: Vec<u8>) -> Self {
        Self {
            stream,
            buffer,
            protocol: None,
        }
    }

    /// Sends a frame of the dialect.
    pub async fn say(&mut self, frame: &Value) {
        self.send(frame::TEXT, frame.to_string().as_bytes()).await;
    }

    /// Sends a whole frame.
    pub async fn send(&mut self, opcode: u8, payload: &[u8]) {
        self.raw(&frame::masked(opcode, payload)).await;
    }

    /// Sends any bytes.
    pub async fn raw(&mut self, bytes: &[u8]) {
        // A gateway that closed meanwhile is found out by reading.
        drop(tokio::time::timeout(DEADLINE, self.stream.write_all(bytes)).await);
    }

    /// What comes next; pings are answered and pongs left out.
    ///
    /// # Panics
    /// When nothing comes within the deadline, or a frame breaks the protocol.
    pub async fn next(&mut self) -> Heard {
        soon("a frame", self.hear_any()).await
    }

    /// What comes next, without a deadline.
    pub async fn hear_any(&mut self) -> Heard {
        loop {
            match frame::take(&mut self.buffer) {
                Ok(Some((frame::TEXT, payload))) => {
                    return Heard::Text(String::from_utf8(payload).expect("text is UTF-8"));
                }
                Ok(Some((frame::CLOSE, payload))) => {
                    let code = payload
                        .first_chunk::<2>()
                        .map_or(1005, |code| u16::from_be_bytes(*code));
                    let reason = payload.get(2..).unwrap_or_default();
                    return Heard::Close(code, String::from_utf8_lossy(reason).into_owned());
                }
                Ok(Some((frame::PING, payload))) => self.send(frame::PONG, &payload).await,
                Ok(Some((frame::PONG, _))) => {}
                Ok(Some((opcode, _))) => panic!("the gateway sent opcode {opcode}"),
                Ok(None) => match self.stream.read_buf(&mut self.buffer).await {
                    Ok(0) | Err(_) => return Heard::End,
                    Ok(_) => {}
                },
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The next text frame, read.
    ///
    /// # Panics
    /// When the gateway closes instead.
    pub async fn hear(&mut self) -> Value {
        match self.next().await {
            Heard::Text(text) => serde_json::from_str(&text).expect("frames are JSON"),
            other => panic!("wanted a frame, got {other:?}"),
        }
    }

    /// Sends a frame and reads the next one.
    pub async fn ask(&mut self, frame: &Value) -> Value {
        self.say(frame).await;
        self.hear().await
    }

    /// Reads until the gateway closes; the close frame's code, or none where the stream just ends.
    pub async fn until_closed(&mut self) -> Option<(u16, String)> {
        loop {
            match self.next().await {
                Heard::Text(_) => {}
                Heard::Close(code, reason) => return Some((code, reason)),
                Heard::End => return None,
            }
        }
    }

    /// Whatever comes within a time, most usefully nothing.
    pub async fn hears_within(&mut self, time: Duration) -> Vec<Heard> {
        let mut heard = Vec::new();
        let listening = async {
            loop {
                let next = self.hear_any().await;
                let is_over = next == Heard::End;
                heard.push(next);
                if is_over {
                    std::future::pending::<()>().await;
                }
            }
        };
        drop(tokio::time::timeout(time, listening).await);
        heard
    }

    /// Says goodbye and waits for the gateway's.
    pub async fn close(mut self) {
        self.send(frame::CLOSE, &1000_u16.to_be_bytes()).await;
        let _closed = self.until_closed().await;
    }

    /// Takes the connection out.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }
}
