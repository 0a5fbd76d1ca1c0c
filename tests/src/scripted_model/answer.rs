//! Writes what a script says, in chunks or whole, or with no regard for HTTP at all.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Script, Step};

/// How much of an endless answer is written at a time.
const ENDLESS_WRITE_BYTES: usize = 256 * 1024;

/// What has been said so far, which decides how the answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Head,
    Everything,
}

/// An answer under way.
pub(super) struct Answer<'a> {
    stream: &'a mut TcpStream,
    said: Said,
}

impl<'a> Answer<'a> {
    pub(super) const fn to(stream: &'a mut TcpStream) -> Self {
        Self {
            stream,
            said: Said::Nothing,
        }
    }

    /// Performs a script; false when the connection is over.
    pub(super) async fn perform(&mut self, script: Script) -> bool {
        for step in script {
            if !self.step(step).await {
                return false;
            }
        }
        self.said == Said::Everything || (self.head().await && self.write(b"0\r\n\r\n").await)
    }

    async fn step(&mut self, step: Step) -> bool {
        match step {
            Step::Head(status, headers) => self.send_head(status, &headers).await,
            Step::Piece(text) => self.delta(&json!({"content": text}), None).await,
            Step::Reasoning(text) => self.delta(&json!({"reasoning_content": text}), None).await,
            Step::ToolCall {
                id,
                name,
                arguments,
            } => {
                let (first, second) = arguments.split_at(arguments.len() / 2);
                let begin = json!({"tool_calls": [{"index": 0, "id": id, "type": "function",
                    "function": {"name": name, "arguments": first}}]});
                let rest = json!({"tool_calls": [{"index": 0, "function": {"arguments": second}}]});
                self.delta(&begin, None).await && self.delta(&rest, None).await
            }
            Step::Stop(reason) => self.delta(&json!({}), Some(reason)).await,
            Step::Usage(read, written) => {
                let usage = json!({"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written});
                let frame = json!({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage});
                self.chunk(event(&frame).as_bytes()).await
            }
            Step::Done => self.chunk(b"data: [DONE]\n\n").await,
            Step::Bytes(bytes) => self.chunk(&bytes).await,
            Step::Drip(bytes, pause) => {
                for byte in bytes {
                    if !(self.chunk(&[byte]).await && self.pause(pause).await) {
                        return false;
                    }
                }
                true
            }
            Step::Whole(status, headers, body) => self.whole(status, &headers, &body).await,
            Step::Raw(bytes) => {
                self.said = Said::Everything;
                self.write(&bytes).await
            }
            Step::Endless(bytes, limit) => self.endless(&bytes, limit).await,
            Step::Pause(time) => self.pause(time).await,
            Step::Wait(gate) => tokio::select! {
                biased;
                () = gate.pass() => true,
                () = gone(self.stream) => false,
            },
            Step::Hang => {
                gone(self.stream).await;
                false
            }
            Step::Reset => {
                // Closing with a linger of zero is what makes the kernel send a reset.
                let lingered =
                    rustix::net::sockopt::set_socket_linger(&*self.stream, Some(Duration::ZERO));
                assert_eq!(lingered, Ok(()));
                false
            }
            Step::Cut => false,
        }
    }

    async fn delta(&mut self, delta: &Value, stop: Option<&str>) -> bool {
        let frame = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "echo",
            "choices": [{"index": 0, "delta": delta, "finish_reason": stop}]});
        self.chunk(event(&frame).as_bytes()).await
    }

    async fn whole(
        &mut self,
        status: u16,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> bool {
        self.said = Said::Everything;
        let mut bytes = format!("HTTP/1.1 {status} X\r\n");
        for (name, value) in headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        bytes.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut bytes = bytes.into_bytes();
        bytes.extend_from_slice(body);
        self.write(&bytes).await
    }

    async fn endless(&mut self, bytes: &[u8], limit: u64) -> bool {
        let piece = bytes.repeat(ENDLESS_WRITE_BYTES.div_ceil(bytes.len().max(1)));
        let mut sent = 0;
        while sent < limit {
            if !self.chunk(&piece).await {
                return false;
            }
            sent += piece.len() as u64;
        }
        true
    }

    async fn pause(&mut self, time: Duration) -> bool {
        if time.is_zero() {
            return true;
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(time) => true,
            () = gone(self.stream) => false,
        }
    }

    async fn head(&mut self) -> bool {
        self.said != Said::Nothing || self.send_head(200, &[]).await
    }

    async fn send_head(&mut self, status: u16, headers: &[(&'static str, String)]) -> bool {
        self.said = Said::Head;
        let kind = if status == 200 {
            "text/event-stream"
        } else {
            "application/json"
        };
        let mut text = format!("HTTP/1.1 {status} X\r\ntransfer-encoding: chunked\r\n");
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            text.push_str(&format!("content-type: {kind}\r\n"));
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        self.write(text.as_bytes()).await
    }

    async fn chunk(&mut self, bytes: &[u8]) -> bool {
        if !self.head().await {
            return false;
        }
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.write(&chunk).await
    }

    async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }
}

/// One event of the stream.
#[must_use]
pub fn event(frame: &Value) -> String {
    format!("data: {frame}\n\n")
}

/// Resolves when the client has left.
async fn gone(stream: &mut TcpStream) {
    let mut byte = [0];
    while matches!(stream.read(&mut byte).await, Ok(length) if length > 0) {}
}
