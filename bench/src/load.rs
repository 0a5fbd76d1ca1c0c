//! The load generator: WebSocket clients in a closed loop, each with a session of its own.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _, future::try_join_all};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

/// The roster, over which sessions are spread.
pub(crate) const AGENTS: [&str; 12] = [
    "main",
    "steward",
    "alpha",
    "beta",
    "charlie",
    "examiner",
    "explorer",
    "sentinel",
    "coder",
    "dreamer",
    "empath",
    "historian",
];
/// A turn that takes longer is a failure.
const TURN_DEADLINE: Duration = Duration::from_secs(30);

/// Whether clients hear every piece or only the whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// One frame a turn.
    Final,
    /// Every piece as an event, then the whole.
    Deltas,
}

/// One client in one session.
#[derive(Debug)]
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    agent: &'static str,
    session: String,
}

/// What a client saw.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Whole answers.
    pub(crate) turns: u64,
    /// Pieces.
    pub(crate) deltas: u64,
}

impl Client {
    /// Connects and, for [`Hearing::Deltas`], subscribes.
    pub(crate) async fn connect(
        address: SocketAddr,
        agent: &'static str,
        session: &str,
        hearing: Hearing,
    ) -> Result<Self, String> {
        let uri = format!("ws://{address}/")
            .parse::<http::Uri>()
            .map_err(|error| error.to_string())?;
        let header = http::header::SEC_WEBSOCKET_PROTOCOL;
        let builder = ClientBuilder::from_uri(uri)
            .add_header(header, http::HeaderValue::from_static("a2a-v1"))
            .map_err(|error| error.to_string())?;
        let (socket, _) = builder.connect().await.map_err(|error| error.to_string())?;
        let MaybeTlsStream::Plain(stream) = socket.get_ref();
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        let mut client = Self {
            socket,
            agent,
            session: session.to_owned(),
        };
        if hearing == Hearing::Deltas {
            let frame = serde_json::json!({
                "type": "subscribe", "content": {"channel": "agent:message", "agents": [agent]},
            });
            client.send(frame.to_string()).await?;
            let answer = client.receive().await?;
            if !answer.contains(r#""status":"subscribed""#) {
                return Err(format!("not subscribed: {answer}"));
            }
        }
        Ok(client)
    }

    /// One message and its whole answer.
    pub(crate) async fn turn(&mut self) -> Result<Seen, String> {
        let frame = format!(
            r#"{{"type":"message","agent":"{}","sessionId":"{}","content":{{"role":"user","content":"Hello, how are you today?"}}}}"#,
            self.agent, self.session
        );
        self.send(frame).await?;
        let mut seen = Seen::default();
        loop {
            let answer = self.receive().await?;
            if answer.contains(r#""type":"message""#) {
                seen.turns += 1;
                return Ok(seen);
            }
            if !answer.contains(r#""type":"event""#) {
                return Err(format!("unexpected answer: {answer}"));
            }
            seen.deltas += u64::from(answer.contains(r#""state":"delta""#));
        }
    }

    async fn send(&mut self, text: String) -> Result<(), String> {
        self.socket
            .send(Message::text(text))
            .await
            .map_err(|error| error.to_string())
    }

    async fn receive(&mut self) -> Result<String, String> {
        let next = timeout(TURN_DEADLINE, self.socket.next())
            .await
            .map_err(|_late| "no answer in time".to_owned())?;
        let message = next
            .ok_or("the gateway closed the connection")?
            .map_err(|error| error.to_string())?;
        message
            .as_text()
            .map(str::to_owned)
            .ok_or_else(|| "not a text frame".to_owned())
    }
}

/// Connects many clients, spread over the agents, each with a session of its own.
pub(crate) async fn connect_many(
    address: SocketAddr,
    count: usize,
    hearing: Hearing,
) -> Result<Vec<Client>, String> {
    let connecting =
        AGENTS
            .iter()
            .cycle()
            .take(count)
            .enumerate()
            .map(|(index, agent)| async move {
                Client::connect(address, agent, &format!("bench-{index}"), hearing).await
            });
    try_join_all(connecting).await
}

/// Runs every client in a closed loop until the time is up; what they saw together, and how long it took.
pub(crate) async fn run(
    clients: &mut [Client],
    time: Duration,
) -> Result<(Seen, Duration), String> {
    let started = Instant::now();
    let loops = clients.iter_mut().map(|client| async move {
        let mut seen = Seen::default();
        while started.elapsed() < time {
            let turn = client.turn().await?;
            seen.turns += turn.turns;
            seen.deltas += turn.deltas;
        }
        Ok::<Seen, String>(seen)
    });
    let all = try_join_all(loops).await?;
    let elapsed = started.elapsed();
    let total = all.iter().fold(Seen::default(), |sum, seen| Seen {
        turns: sum.turns + seen.turns,
        deltas: sum.deltas + seen.deltas,
    });
    Ok((total, elapsed))
}
