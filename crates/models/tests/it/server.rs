//! A loopback server that says exactly the bytes it is told to, when it is told to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
    time::Instant,
};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Waits.
    Wait(Duration),
    /// Says nothing more, and keeps the connection.
    Hang,
    /// Resets the connection.
    Reset,
}

/// What the server does with each request: the request's text in, acts out.
type Rule = Arc<dyn Fn(&Asked) -> Vec<Act> + Send + Sync>;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
    /// When it was read.
    pub(crate) at: Instant,
}

impl Asked {
    /// The model that the body names; empty where there is no body.
    pub(crate) fn model(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["model"].as_str().unwrap_or_default().to_owned()
    }

    /// The first line's path.
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).expect("a request line")
    }
}

pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<Mutex<usize>>,
    ended: Arc<Notify>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(rule: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener, rule)
    }

    /// One that belongs to another user, where we may become one.
    pub(crate) fn of_nobody(
        rule: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        // Only the thread that opens the socket changes its user.
        let opening = std::thread::spawn(|| {
            let nobody = rustix::process::Uid::from_raw(65_534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody)?;
            std::net::TcpListener::bind("127.0.0.1:0")
        });
        let listener = opening.join().expect("the thread does not panic")?;
        listener.set_nonblocking(true)?;
        Ok(Self::on(TcpListener::from_std(listener)?, rule))
    }

    fn on(
        listener: TcpListener,
        rule: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let mut tasks = JoinSet::new();
        let (seen, count) = (Arc::clone(&asked), Arc::clone(&connections));
        let rule: Rule = Arc::new(rule);
        let ended = Arc::new(Notify::new());
        let over = Arc::clone(&ended);
        tasks.spawn(async move {
            let mut inner = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                *count.lock().expect("a lock") += 1;
                let (rule, seen, over) = (Arc::clone(&rule), Arc::clone(&seen), Arc::clone(&over));
                inner.spawn(async move {
                    Box::pin(serve(socket, rule, seen)).await;
                    over.notify_one();
                });
            }
        });
        Self {
            url,
            asked,
            connections,
            ended,
            _tasks: tasks,
        }
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("a lock").clone()
    }

    /// Waits until a connection is over.
    pub(crate) async fn closed(&self) {
        self.ended.notified().await;
    }

    /// Every chat request so far; a provider without declared models is also asked for those.
    pub(crate) fn chats(&self) -> Vec<Asked> {
        let mut asked = self.asked();
        asked.retain(|asked| asked.path().ends_with("/chat/completions"));
        asked
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().expect("a lock")
    }
}

async fn serve(mut socket: TcpStream, rule: Rule, seen: Arc<Mutex<Vec<Asked>>>) {
    socket.set_nodelay(true).expect("an option");
    while let Some(asked) = read(&mut socket).await {
        let acts = rule(&asked);
        seen.lock().expect("a lock").push(asked);
        for act in acts {
            match act {
                Act::Send(bytes) => {
                    // A client that has gone is part of the tests.
                    if socket.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Act::Wait(time) => tokio::time::sleep(time).await,
                Act::Hang => std::future::pending().await,
                Act::Reset => {
                    socket.set_zero_linger().expect("an option");
                    return;
                }
            }
        }
    }
}

async fn read(socket: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 8_192];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(Asked {
                    head: head.to_owned(),
                    body: body.to_owned(),
                    at: Instant::now(),
                });
            }
        }
        match socket.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// One piece of a chunked body.
pub(crate) fn piece(text: &str) -> Act {
    Act::Send(format!("{:x}\r\n{text}\r\n", text.len()).into_bytes())
}

/// The end of a chunked body.
pub(crate) fn end() -> Act {
    Act::Send(b"0\r\n\r\n".to_vec())
}

/// The head of a streamed answer.
pub(crate) fn stream_head() -> Act {
    Act::Send(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec(),
    )
}

/// A whole answer that is not a stream.
pub(crate) fn whole(status: u16, headers: &str, body: &str) -> Act {
    let length = body.len();
    Act::Send(
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}")
            .into_bytes(),
    )
}

/// An event whose data is this delta.
pub(crate) fn delta(text: &str) -> Act {
    let text = serde_json::to_string(text).expect("text is JSON");
    piece(&format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}}},\"finish_reason\":null}}],\"usage\":null}}\n\n"
    ))
}

/// The reason to stop, usage, the end mark, and the end.
pub(crate) fn stop() -> Vec<Act> {
    vec![
        piece("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"),
        piece(
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":2,\"total_tokens\":13,\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n",
        ),
        piece("data: [DONE]\n\n"),
        end(),
    ]
}

/// A good answer of these deltas.
pub(crate) fn answer(deltas: &[&str]) -> Vec<Act> {
    let mut acts = vec![stream_head()];
    acts.extend(deltas.iter().map(|text| delta(text)));
    acts.extend(stop());
    acts
}
