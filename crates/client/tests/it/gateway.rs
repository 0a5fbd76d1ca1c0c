//! A gateway of a few lines: one socket per script.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use openclaw_client::{Identity, Options, Token};
use openclaw_wire::Scope;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_websockets::{Message, ServerBuilder, WebSocketStream};

pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) struct Peer {
    socket: WebSocketStream<TcpStream>,
    pub(crate) subprotocol: String,
}

impl Peer {
    pub(crate) async fn say(&mut self, frame: Value) {
        self.say_text(&frame.to_string()).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        let message = Message::text(text.to_owned());
        self.socket.send(message).await.unwrap();
    }

    /// The next request, or none once the client has left.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        loop {
            let message = timeout(SOON, self.socket.next()).await.unwrap()?.ok()?;
            if let Some(text) = message.as_text() {
                return Some(serde_json::from_str(text).unwrap());
            }
            if message.is_close() {
                return None;
            }
        }
    }

    pub(crate) async fn answer(&mut self, request: &Value, payload: Value) {
        self.say(json!({"type": "res", "id": request["id"], "ok": true, "payload": payload}))
            .await;
    }

    pub(crate) async fn refuse(&mut self, request: &Value, error: Value) {
        self.say(json!({"type": "res", "id": request["id"], "ok": false, "error": error}))
            .await;
    }

    pub(crate) async fn challenge(&mut self) -> Value {
        let payload = json!({"nonce": "n", "ts": 1});
        self.say(json!({"type": "event", "event": "connect.challenge", "payload": payload}))
            .await;
        self.hear().await.unwrap()
    }

    pub(crate) async fn welcome(&mut self) -> Value {
        let request = self.challenge().await;
        self.answer(&request, hello()).await;
        request
    }

    pub(crate) async fn close(mut self, code: u16, reason: &str) {
        let code = code.try_into().unwrap();
        let message = Message::close(Some(code), reason);
        self.socket.send(message).await.unwrap();
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}

pub(crate) fn hello() -> Value {
    json!({
        "type": "hello-ok", "protocol": 4,
        "server": {"version": "0.1.0", "connId": "c1"},
        "features": {"methods": ["health"], "events": ["tick"]},
        "snapshot": {"presence": [], "health": {}, "stateVersion": {"presence": 0, "health": 0}, "uptimeMs": 1},
        "auth": {"role": "operator", "scopes": ["operator.read"]},
        "policy": {"maxPayload": 1_000_000, "maxBufferedBytes": 2_000_000, "tickIntervalMs": 30_000}
    })
}

/// Serves one connection with the script, and returns the options that reach it.
pub(crate) async fn serve<S, F>(script: S) -> (Options, JoinSet<()>)
where
    S: FnOnce(Peer) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        script(accept(stream).await).await;
    });
    (options(port), tasks)
}

pub(crate) async fn accept(stream: TcpStream) -> Peer {
    let builder = ServerBuilder::new();
    let (request, socket) = builder.accept(stream).await.unwrap();
    let offered = request.headers().get("sec-websocket-protocol").unwrap();
    let subprotocol = offered.to_str().unwrap().to_owned();
    Peer {
        socket,
        subprotocol,
    }
}

pub(crate) fn options(port: u16) -> Options {
    Options {
        url: format!("ws://127.0.0.1:{port}"),
        token: Some(Token::new("t0ken", "the test")),
        identity: Identity {
            id: "cli".to_owned(),
            mode: "cli".to_owned(),
            version: "0.1.0".to_owned(),
        },
        scopes: vec![Scope::Read, Scope::Write],
        connect_deadline: SOON,
        handshake_deadline: SOON,
    }
}

/// The script must have run to its end.
pub(crate) async fn finished(mut tasks: JoinSet<()>) {
    while let Some(done) = timeout(SOON, tasks.join_next()).await.unwrap() {
        done.unwrap();
    }
}
