//! A model server that says exactly what a test tells it to, byte for byte, and remembers what it was asked.
//!
//! It speaks HTTP/1.1 by hand, because half of what it is for no HTTP library would send.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::soon;

mod answer;

use answer::Answer;
pub use answer::event;

/// Something a test opens when it wants the model to go on.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Gate {
    /// Lets everyone through, now and later.
    pub fn open(&self) {
        let _before = self.0.send_replace(true);
    }

    async fn pass(&self) {
        let mut seen = self.0.subscribe();
        // The sender lives in `self`, so the wait ends with the gate open.
        drop(seen.wait_for(|open| *open).await);
    }
}

/// One thing the model does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends a status and headers; without it the first byte sends 200 and an event stream.
    Head(u16, Vec<(&'static str, String)>),
    /// Says a piece of text.
    Piece(String),
    /// Thinks a piece of text.
    Reasoning(String),
    /// Asks for a tool, the arguments in two halves.
    ToolCall {
        /// The call's id.
        id: &'static str,
        /// The tool.
        name: &'static str,
        /// JSON, or not.
        arguments: &'static str,
    },
    /// Says why it stops.
    Stop(&'static str),
    /// Counts its tokens: read, written.
    Usage(u64, u64),
    /// The end mark.
    Done,
    /// Any bytes, written and flushed as they are.
    Bytes(Vec<u8>),
    /// Any bytes, one by one with a pause after each.
    Drip(Vec<u8>, Duration),
    /// A whole answer with its length: status, headers, body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Bytes on the wire with nothing around them, in place of an answer.
    Raw(Vec<u8>),
    /// The same bytes again and again, until so many have been sent.
    Endless(Vec<u8>, u64),
    /// Does nothing for a while, though it notices when the client leaves.
    Pause(Duration),
    /// Waits until the gate is open.
    Wait(Gate),
    /// Says nothing more until the client leaves.
    Hang,
    /// Breaks the connection with a reset.
    Reset,
    /// Ends the connection without the last chunk.
    Cut,
}

/// What the model does for one request.
pub type Script = Vec<Step>;

/// A whole answer in these pieces.
#[must_use]
pub fn pieces(pieces: &[&str]) -> Script {
    let said = pieces.iter().map(|piece| Step::Piece((*piece).to_owned()));
    said.chain([Step::Stop("stop"), Step::Usage(7, 5), Step::Done])
        .collect()
}

/// Repeats the last thing said to it, in five pieces.
#[must_use]
pub fn echo(asked: &Asked) -> Script {
    pieces(&["you", " said", ": ", &asked.last_user(), "."])
}

/// An error answer with a JSON body.
#[must_use]
pub fn refusal(status: u16, headers: Vec<(&'static str, String)>, body: &Value) -> Script {
    vec![
        Step::Head(status, headers),
        Step::Bytes(body.to_string().into_bytes()),
    ]
}

/// One request, as it came.
#[derive(Clone)]
pub struct Asked {
    /// The request line and headers.
    pub head: String,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// The body, read.
    pub json: Value,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.body))
    }
}

impl Asked {
    /// The method and the target, query included.
    #[must_use]
    pub fn target(&self) -> (&str, &str) {
        let mut words = self.head.split(' ');
        (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        )
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        crate::http::header(&self.head, name)
    }

    /// The text of the last user message.
    #[must_use]
    pub fn last_user(&self) -> String {
        let messages = self.json["messages"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let last = messages.iter().rfind(|message| message["role"] == "user");
        let content = last.map(|message| message["content"].clone());
        content
            .unwrap_or_default()
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The system message.
    #[must_use]
    pub fn system(&self) -> String {
        self.json["messages"][0]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

type Responder = dyn Fn(&Asked) -> Script + Send + Sync;

#[derive(Debug, Default)]
struct Seen {
    asked: Vec<Asked>,
    left: usize,
}

/// A model server.
pub struct Model {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    changed: watch::Sender<()>,
    _serving: JoinSet<()>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({})", self.address)
    }
}

struct Server {
    respond: Arc<Responder>,
    seen: Arc<Mutex<Seen>>,
    changed: watch::Sender<()>,
}

impl Model {
    /// Starts a server that does what `respond` says.
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn start(respond: impl Fn(&Asked) -> Script + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", respond).await
    }

    /// The same at an address of the caller's choice.
    ///
    /// # Panics
    /// When it can't be bound.
    pub async fn start_at(
        address: &str,
        respond: impl Fn(&Asked) -> Script + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::new(Server {
            respond: Arc::new(respond),
            seen: Arc::default(),
            changed: watch::Sender::new(()),
        });
        let (seen, changed) = (Arc::clone(&server.seen), server.changed.clone());
        let mut serving = JoinSet::new();
        let _accepting = serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _connection = connections.spawn(Arc::clone(&server).serve(stream));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            seen,
            changed,
            _serving: serving,
        }
    }

    /// Everything asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.seen).asked.clone()
    }

    /// Forgets what was asked so far, for those who ask without end.
    pub fn forget(&self) {
        lock(&self.seen).asked.clear();
    }

    /// Waits until so many requests have come.
    pub async fn asked_times(&self, times: usize) -> Vec<Asked> {
        self.until(&format!("{times} requests to the model"), |seen| {
            seen.asked.len() >= times
        })
        .await;
        self.asked()
    }

    /// Waits until so many clients left before their answer ended.
    pub async fn left_times(&self, times: usize) {
        self.until(&format!("{times} cancelled requests"), |seen| {
            seen.left >= times
        })
        .await;
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Seen) -> bool) {
        let mut changed = self.changed.subscribe();
        soon(what, async {
            while !is_so(&lock(&self.seen)) {
                drop(changed.changed().await);
            }
        })
        .await;
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        drop(stream.set_nodelay(true));
        let mut buffer = Vec::new();
        while let Some(asked) = read_request(&mut stream, &mut buffer).await {
            let script = (self.respond)(&asked);
            lock(&self.seen).asked.push(asked);
            let _told = self.changed.send(());
            if !Answer::to(&mut stream).perform(script).await {
                lock(&self.seen).left += 1;
                let _told = self.changed.send(());
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Asked> {
    loop {
        if let Some(asked) = take_request(buffer) {
            return Some(asked);
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn take_request(buffer: &mut Vec<u8>) -> Option<Asked> {
    let end = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or_default();
    if buffer.len() < end + length {
        return None;
    }
    let body: Vec<u8> = buffer.drain(..end + length).skip(end).collect();
    let json = serde_json::from_slice(&body).unwrap_or_default();
    Some(Asked { head, body, json })
}
