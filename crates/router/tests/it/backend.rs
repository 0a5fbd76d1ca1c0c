//! A model server of every dialect that remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

/// No request of these tests is longer.
const BYTES_MAX: usize = 64 << 20;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// The path and the query.
    pub(crate) address: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    /// Everything of it, to look for what must not be there.
    pub(crate) fn everything(&self) -> String {
        format!(
            "{} {} {:?} {}",
            self.method, self.address, self.headers, self.body
        )
    }
}

type Log = Arc<Mutex<Vec<Seen>>>;

pub(crate) struct Backend {
    pub(crate) url: String,
    log: Log,
    _serving: JoinSet<()>,
}

impl Backend {
    pub(crate) async fn start() -> Self {
        let log = Log::default();
        let table = Router::new().fallback(answer).with_state(Arc::clone(&log));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut serving = JoinSet::new();
        let _task = serving.spawn(async move {
            axum::serve(listener, table).await.expect("it serves");
        });
        Self {
            url: format!("http://{address}/base"),
            log,
            _serving: serving,
        }
    }

    /// Everything it was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.lock().expect("nobody panics with it").clone()
    }
}

async fn answer(State(log): State<Log>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BYTES_MAX).await.expect("a body");
    let seen = Seen {
        method: parts.method,
        address: parts.uri.to_string(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    log.lock().expect("nobody panics with it").push(seen);
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    if asked["model"] == "broken" {
        let told = json!({"error": {"message": "no", "type": "server_error"}});
        return (StatusCode::INTERNAL_SERVER_ERROR, told.to_string()).into_response();
    }
    if asked["stream"] == true {
        let kind = [("content-type", "text/event-stream")];
        return (kind, events()).into_response();
    }
    let kind = [("content-type", "application/json")];
    (kind, document(parts.uri.path()).to_string()).into_response()
}

fn document(path: &str) -> Value {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7});
    match path.rsplit('/').next() {
        Some("completions") if path.ends_with("/chat/completions") => json!({
            "id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "all"}, "finish_reason": "stop"}],
        }),
        Some("completions") => json!({
            "id": "t", "object": "text_completion", "created": 1, "model": "m", "usage": usage,
            "choices": [{"index": 0, "text": "all", "finish_reason": "stop"}],
        }),
        Some("embeddings") => json!({
            "object": "list", "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3},
            "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        }),
        Some("messages") => json!({
            "id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "all"}], "usage": {"input_tokens": 3, "output_tokens": 4},
        }),
        _ => json!({"seen": path}),
    }
}

fn events() -> String {
    let chunk = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let first = chunk(json!({"role": "assistant", "content": "all"}), Value::Null);
    let last = chunk(json!({}), json!("stop"));
    format!("{first}{last}data: [DONE]\n\n")
}
