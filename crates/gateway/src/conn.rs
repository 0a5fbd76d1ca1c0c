//! One connection: an actor that owns its socket and everything said over it.
//!
//! Its select is closed and biased: a stop first, then what waits to be written, then finished requests, then new
//! frames, then time. Reading pauses while too many requests are under way, writing has a deadline, and a client that
//! falls too far behind is cut off.

mod a2a;
pub(crate) mod limits;
mod native;
pub(crate) mod outbox;
mod peer;

use std::sync::Arc;

use futures_util::{
    FutureExt as _, SinkExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered,
};
use hyper_util::rt::TokioIo;
use openclaw_wire::{Dialect, frame::Raw};
use tokio::{
    io::AsyncReadExt as _,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tokio_websockets::{CloseCode, Config, Limits, Message, ServerBuilder, WebSocketStream};

use self::{
    limits::{
        CHALLENGE_SILENCE, CLOSE_DEADLINE, FRAME_BYTES_MAX, HANDSHAKE_DEADLINE, LAST_ANSWERS,
        LOCAL_FRAME_BYTES_MAX, PING, PONG_DEADLINE, PREAUTH_FRAME_BYTES_MAX, REQUESTS_MAX,
        WRITE_DEADLINE,
    },
    outbox::{Pending, Text},
};
pub(crate) use self::{
    native::tick,
    peer::{Opened, Peer},
};
use crate::{auth::Principal, http::upgrade::Declared, imports, state::State};

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Bytes written between flushes when many frames wait.
const FLUSH_THRESHOLD: usize = 16 * 1024;
/// Read buffer of the last words: what a client still sends is thrown away until it sees our close frame.
const DRAIN_BYTES: usize = 16 * 1024;

/// Longest reason of a close frame (RFC 6455 section 5.5), its two bytes of code taken off.
const REASON_BYTES_MAX: usize = 123;
/// Bytes fed to the socket before they are flushed and the deadline of the next write begins, so that a client that
/// reads steadily is never taken for a stuck one.
const WRITE_BATCH_BYTES: usize = 256 * 1024;

/// Why a connection ends, as its close frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closing {
    /// RFC 6455 section 7.4, or the registered range above it.
    pub(crate) code: u16,
    /// At most [`REASON_BYTES_MAX`].
    pub(crate) reason: String,
}

impl Closing {
    /// A reason that is too long for a close frame is cut at a character.
    pub(crate) fn new(code: u16, reason: &str) -> Self {
        let end = reason.floor_char_boundary(REASON_BYTES_MAX);
        Self {
            code,
            reason: reason[..end].to_owned(),
        }
    }
}

/// How a talk ended.
enum End {
    /// We close.
    Close(Closing),
    /// The client left or broke the protocol, and the library answered it already.
    Gone,
}

/// Serves one upgraded socket until it closes.
pub(crate) async fn run(
    upgraded: hyper::upgrade::Upgraded,
    opened: Opened,
    state: Arc<State>,
    stop: CancellationToken,
) {
    let (outbox, pending) = outbox::outbox(Arc::clone(&state.outbox_bytes));
    let declared = opened.declared;
    let peer = Arc::new(Peer::new(opened, outbox, &state));
    let socket = ServerBuilder::new()
        .config(Config::default().flush_threshold(FLUSH_THRESHOLD))
        .limits(Limits::default().max_payload_len(Some(PREAUTH_FRAME_BYTES_MAX)))
        .serve(TokioIo::new(upgraded));
    let now = Instant::now();
    let mut conn = Conn {
        socket,
        pending,
        peer: Arc::clone(&peer),
        state: Arc::clone(&state),
        requests: FuturesUnordered::new(),
        dialect: match declared {
            Declared::Native => Some(Dialect::Native),
            Declared::A2a => Some(Dialect::A2a),
            Declared::Nothing => None,
        },
        challenged: false,
        opened: now,
        pinged: now,
        unanswered: None,
    };
    // Who it is, is looked up while the client waits for us, so that it is certainly there; one of our own user may then
    // take its time before it speaks.
    conn.widen();
    if declared == Declared::Native {
        conn.challenge();
    }
    let end = conn.talk(stop).await;
    state.bus.forget(peer.number);
    peer.proven();
    conn.close(end).await;
    imports::abandon(&state, peer.number).await;
}

struct Conn {
    socket: Socket,
    pending: Pending,
    peer: Arc<Peer>,
    state: Arc<State>,
    /// Requests under way. They start in the order their frames came, and are dropped with the connection; a run they
    /// wait for belongs to its lane and goes on.
    requests: FuturesUnordered<BoxFuture<'static, ()>>,
    dialect: Option<Dialect>,
    challenged: bool,
    opened: Instant,
    pinged: Instant,
    /// When the first ping left since anything was heard.
    unanswered: Option<Instant>,
}

impl Conn {
    async fn talk(&mut self, stop: CancellationToken) -> End {
        let peer = Arc::clone(&self.peer);
        let mut overflow = std::pin::pin!(self.pending.overflow());
        loop {
            let alarm = self.next_alarm();
            let room = self.requests.len() < REQUESTS_MAX;
            let ended = tokio::select! {
                biased;
                // The gateway stops: say so and leave.
                () = stop.cancelled() => Some(self.farewell().await),
                // A handler decided to close, after what it said has been written.
                closing = peer.closing() => { self.write_rest().await; Some(End::Close(closing)) }
                // It reads too slowly, and frames were lost already.
                () = &mut overflow => Some(End::Close(Closing::new(1008, "slow consumer"))),
                // Answers and events leave before new work comes in.
                Some(text) = self.pending.next() => self.write(text).await,
                // Finished requests make room.
                Some(()) = self.requests.next() => None,
                // Before new frames, so that a flood of them can put off neither.
                () = peer.evicted() => Some(End::Close(Closing::new(1013, "too many connections; those that show the token keep their place"))),
                () = sleep_until(alarm) => self.ring().await,
                incoming = self.socket.next(), if room => self.hear(incoming).await,
            };
            if let Some(end) = ended {
                return end;
            }
        }
    }

    async fn hear(
        &mut self,
        incoming: Option<Result<Message, tokio_websockets::Error>>,
    ) -> Option<End> {
        self.unanswered = None;
        self.peer.heard();
        match incoming {
            None => Some(End::Gone),
            // The library says so itself where one frame is too large, and not where many together are.
            Some(Err(tokio_websockets::Error::PayloadTooLong { .. })) => {
                Some(End::Close(Closing::new(1009, "the message is too large")))
            }
            Some(Err(error)) => {
                tracing::debug!(conn_id = %self.peer.id, %error, "connection broke the protocol");
                Some(End::Gone)
            }
            Some(Ok(message)) if message.is_text() => {
                self.frame(message.as_payload());
                self.widen();
                None
            }
            Some(Ok(message)) if message.is_binary() => {
                self.peer.refuse_binary(&self.state, self.dialect);
                None
            }
            Some(Ok(message)) if message.is_close() => Some(End::Gone),
            // The library has queued the answer to a ping; it has to leave before the next one is read.
            Some(Ok(_control)) => match timeout(WRITE_DEADLINE, self.socket.flush()).await {
                Ok(Ok(())) => None,
                Ok(Err(_)) | Err(_) => Some(End::Gone),
            },
        }
    }

    fn frame(&mut self, bytes: &[u8]) {
        let raw = match Raw::parse(bytes) {
            Ok(raw) => raw,
            Err(error) => return self.peer.refuse(&self.state, self.dialect, error),
        };
        let dialect = match (raw.dialect(), self.dialect) {
            (Dialect::Unknown, known) => known.unwrap_or(Dialect::A2a),
            (spoken, _) => spoken,
        };
        if dialect != Dialect::Native && self.peer.native().is_some() {
            // Its scopes bind native requests; another dialect must not be a way around them.
            return self.peer.refuse_dialect();
        }
        self.dialect = Some(dialect);
        let request = match dialect {
            Dialect::Native => native::hear(&self.state, &self.peer, &raw),
            Dialect::A2a | Dialect::Unknown => a2a::hear(&self.state, &self.peer, &raw),
        };
        if let Some(mut request) = request {
            // Most answers need no waiting: they are queued before anything else happens.
            if request.as_mut().now_or_never().is_none() {
                self.requests.push(request);
            }
        }
    }

    /// Lets larger frames in as the client shows who it is.
    fn widen(&mut self) {
        let bytes_max = match self.peer.principal() {
            Principal::Operator => FRAME_BYTES_MAX,
            Principal::Local => LOCAL_FRAME_BYTES_MAX,
            Principal::Anonymous => PREAUTH_FRAME_BYTES_MAX,
        };
        self.socket
            .limits_mut()
            .set_max_payload_len(Some(bytes_max));
    }

    async fn write(&mut self, first: Text) -> Option<End> {
        let writing = async {
            let mut next = Some(first);
            let mut fed = 0;
            while let Some(text) = next {
                fed += text.len();
                self.socket
                    .feed(Message::text(String::from(&*text)))
                    .await?;
                next = if fed < WRITE_BATCH_BYTES {
                    self.pending.try_next()
                } else {
                    None
                };
            }
            self.socket.flush().await
        };
        match timeout(WRITE_DEADLINE, writing).await {
            Ok(Ok(())) => None,
            Ok(Err(_gone)) => Some(End::Gone),
            Err(_elapsed) => Some(End::Close(Closing::new(1008, "slow consumer"))),
        }
    }

    async fn write_rest(&mut self) {
        while let Some(text) = self.pending.try_next() {
            if self.write(text).await.is_some() {
                return;
            }
        }
    }

    fn next_alarm(&self) -> Instant {
        let mut alarm = self.pinged + PING;
        if !self.peer.is_proven() {
            alarm = alarm.min(self.opened + HANDSHAKE_DEADLINE);
        }
        if self.dialect.is_none() && !self.challenged {
            alarm = alarm.min(self.opened + CHALLENGE_SILENCE);
        }
        alarm
    }

    async fn ring(&mut self) -> Option<End> {
        let now = Instant::now();
        if self.dialect.is_none() && !self.challenged {
            self.challenge();
            return None;
        }
        if !self.peer.is_proven() && now >= self.opened + HANDSHAKE_DEADLINE {
            return Some(End::Close(Closing::new(1008, "handshake timeout")));
        }
        if self.requests.len() >= REQUESTS_MAX {
            // We do not read, so silence says nothing.
            self.unanswered = None;
        }
        if self
            .unanswered
            .is_some_and(|since| now >= since + PONG_DEADLINE)
        {
            // After a pause of our own its answer may have been waiting all along.
            return match self.socket.next().now_or_never() {
                Some(waiting) => self.hear(waiting).await,
                None => Some(End::Close(Closing::new(
                    1001,
                    "nothing was heard for too long",
                ))),
            };
        }
        if now >= self.pinged + PING {
            self.pinged = now;
            let _first = self.unanswered.get_or_insert(now);
            return match timeout(WRITE_DEADLINE, self.socket.send(Message::ping(""))).await {
                Ok(Ok(())) => None,
                Ok(Err(_)) | Err(_) => Some(End::Gone),
            };
        }
        None
    }

    fn challenge(&mut self) {
        self.challenged = true;
        native::challenge(&self.state, &self.peer);
    }

    async fn farewell(&mut self) -> End {
        // Runs that just ended have answers on their way; they leave before the goodbye.
        let until = Instant::now() + LAST_ANSWERS;
        while let Ok(Some(())) = timeout_at(until, self.requests.next()).await {}
        match self.dialect {
            Some(Dialect::A2a) => a2a::farewell(&self.state, &self.peer),
            Some(Dialect::Native | Dialect::Unknown) => native::farewell(&self.peer),
            None => {}
        }
        self.write_rest().await;
        End::Close(Closing::new(1012, "service restart"))
    }

    /// Sends the close frame and reads what still comes, so that the client sees the frame and not a reset.
    async fn close(mut self, end: End) {
        let leaving = async {
            let closed = match end {
                End::Close(Closing { code, reason }) => match CloseCode::try_from(code) {
                    Ok(code) => {
                        let said = self.socket.send(Message::close(Some(code), &reason)).await;
                        // What the library has said already is flushed instead.
                        match said {
                            Err(tokio_websockets::Error::AlreadyClosed) => {
                                self.socket.close().await
                            }
                            said => said,
                        }
                    }
                    Err(_reserved) => self.socket.close().await,
                },
                End::Gone => self.socket.close().await,
            };
            if closed.is_err() {
                return;
            }
            let mut rest = vec![0; DRAIN_BYTES];
            while matches!(self.socket.get_mut().read(&mut rest).await, Ok(length) if length > 0) {}
        };
        if timeout(CLOSE_DEADLINE, leaving).await.is_err() {
            tracing::debug!(conn_id = %self.peer.id, "close frame not acknowledged in time");
        }
    }
}
