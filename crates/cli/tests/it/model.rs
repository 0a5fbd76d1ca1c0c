//! A model server that says what a test tells it to, and remembers what it was asked.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// One thing the model does.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Says a piece.
    Piece(String),
    /// Answers with an error status and this body instead.
    Refuse(u16, Value),
    /// Says that the answer took so many tokens, read and written.
    Usage(u64, u64),
    /// Waits until [`Model::open`] is called.
    Wait,
}

/// An answer in these pieces.
pub(crate) fn pieces(pieces: &[&str]) -> Vec<Step> {
    let pieces = pieces.iter();
    pieces
        .map(|piece| Step::Piece((*piece).to_owned()))
        .collect()
}

/// What the model does when it is asked with this request body.
pub(crate) type Answer = dyn Fn(&Value) -> Vec<Step> + Send + Sync;

/// The server.
pub(crate) struct Model {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Value>>>,
    gate: watch::Sender<bool>,
    _serving: JoinSet<()>,
}

impl Model {
    /// Starts to listen.
    pub(crate) async fn start(answer: Box<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::default();
        let gate = watch::Sender::new(false);
        let server = Arc::new(Server {
            answer,
            asked: Arc::clone(&asked),
            gate: gate.clone(),
        });
        let mut serving = JoinSet::new();
        let _accepting = serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _connection = connections.spawn(Arc::clone(&server).serve(stream));
            }
        });
        Self {
            address,
            asked,
            gate,
            _serving: serving,
        }
    }

    /// The bodies of all chat requests so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }

    /// Lets everything go on that waits.
    pub(crate) fn open(&self) {
        let _before = self.gate.send_replace(true);
    }
}

/// The text of the last user message of a request.
pub(crate) fn last_user(request: &Value) -> String {
    let messages = request["messages"].as_array().unwrap();
    let last = messages.iter().rfind(|message| message["role"] == "user");
    last.unwrap()["content"].as_str().unwrap().to_owned()
}

struct Server {
    answer: Box<Answer>,
    asked: Arc<Mutex<Vec<Value>>>,
    gate: watch::Sender<bool>,
}

impl Server {
    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some(request) = read_request(&mut stream, &mut buffer).await {
            // Anything but a chat is somebody who looks whether we are here.
            let steps = if request.is_null() {
                vec![Step::Refuse(200, json!({"object": "list", "data": []}))]
            } else {
                self.asked.lock().unwrap().push(request.clone());
                (self.answer)(&request)
            };
            if self.perform(&mut stream, steps).await.is_err() {
                return;
            }
        }
    }

    async fn perform(&self, stream: &mut TcpStream, steps: Vec<Step>) -> std::io::Result<()> {
        if let [Step::Refuse(status, body)] = steps.as_slice() {
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            return stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        let mut used = (7, 3);
        for step in steps {
            match step {
                Step::Piece(text) => {
                    let delta = json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
                    chunk(stream, &delta.to_string()).await?;
                }
                Step::Usage(read, written) => used = (read, written),
                Step::Wait => drop(self.gate.subscribe().wait_for(|open| *open).await),
                Step::Refuse(..) => panic!("a refusal stands alone"),
            }
        }
        let stop = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
        chunk(stream, &stop.to_string()).await?;
        let usage = json!({"choices": [], "usage": {"prompt_tokens": used.0, "completion_tokens": used.1, "total_tokens": used.0 + used.1}});
        chunk(stream, &usage.to_string()).await?;
        chunk(stream, "[DONE]").await?;
        stream.write_all(b"0\r\n\r\n").await
    }
}

async fn chunk(stream: &mut TcpStream, event: &str) -> std::io::Result<()> {
    let body = format!("data: {event}\n\n");
    let chunk = format!("{:x}\r\n{body}\r\n", body.len());
    stream.write_all(chunk.as_bytes()).await
}

/// The body of the next request, null where it has none.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Value> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(0, |length| length.trim().parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let body: Vec<u8> = buffer.drain(..end + 4 + length).skip(end + 4).collect();
                return Some(serde_json::from_slice(&body).unwrap_or(Value::Null));
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
