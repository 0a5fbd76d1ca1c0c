//! The one task of a connection: it writes requests, hands answers to their callers, and passes events on.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use openclaw_wire::{ErrorShape, Frame, connect::Policy, frame};
use serde_json::value::RawValue;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};
use tokio_websockets::{CloseCode, Message};

use crate::{
    Error,
    connect::{Socket, closed},
    event::{Event, Outlet},
    limits::{CALLS_WAITING_MAX, CLOSE_MS, SILENT_TICKS_MAX, TICK_MS_MAX, TICK_MS_MIN, WRITE_MS},
};

/// One answer, as the caller gets it.
pub(crate) type Answer = Result<Box<RawValue>, ErrorShape>;

/// What a caller asks of the task.
#[derive(Debug)]
pub(crate) enum Command {
    Call(Call),
    Close(oneshot::Sender<()>),
}

/// One request with the way back.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) text: String,
    /// Closed without an answer when the connection ends.
    pub(crate) answers: mpsc::Sender<Answer>,
    /// Told at once when the call is not taken.
    pub(crate) taken: oneshot::Sender<Result<(), Error>>,
}

/// Why a connection ended, for calls made afterwards.
pub(crate) type Ending = std::sync::Arc<std::sync::OnceLock<(Option<u16>, String)>>;

pub(crate) struct Actor {
    pub(crate) socket: Socket,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) outlet: Outlet,
    pub(crate) ending: Ending,
    pub(crate) policy: Policy,
    pub(crate) waiting: BTreeMap<String, mpsc::Sender<Answer>>,
}

impl Actor {
    pub(crate) async fn run(mut self) {
        let (code, reason) = self.work().await;
        // Only this task sets it, once.
        self.ending.get_or_init(|| (code, reason));
    }

    /// Runs until the connection ends, and says why it did.
    async fn work(&mut self) -> (Option<u16>, String) {
        let tick_ms = self.policy.tick_interval_ms.clamp(TICK_MS_MIN, TICK_MS_MAX);
        let silence = Duration::from_millis(tick_ms) * SILENT_TICKS_MAX;
        let mut gone_at = Instant::now() + silence;
        loop {
            tokio::select! {
                biased;
                // Answers first: they free callers and places for calls.
                message = self.socket.next() => {
                    gone_at = Instant::now() + silence;
                    if let Some(ending) = self.received(message) {
                        return ending;
                    }
                }
                // Requests next: someone waits for each.
                command = self.commands.recv() => {
                    if let Some(ending) = self.obey(command).await {
                        return ending;
                    }
                }
                // Silence last: it only counts when nothing else is there.
                () = sleep_until(gone_at) => {
                    return (None, format!("nothing heard for {} s", silence.as_secs()));
                }
            }
        }
    }

    fn received(
        &mut self,
        message: Option<Result<Message, tokio_websockets::Error>>,
    ) -> Option<(Option<u16>, String)> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Some((None, error.to_string())),
            None => return Some((None, String::new())),
        };
        if let Error::Closed { code, reason } = closed(Some(&message))
            && message.is_close()
        {
            return Some((code, reason));
        }
        let text = message.as_text()?;
        match Frame::decode(text.as_bytes()) {
            Ok(Frame::Response(response)) => self.answer(response),
            Ok(Frame::Event(event)) => self.outlet.push(Event::from_frame(&event)),
            // A gateway asks nothing of an operator; what it may ask one day is not for this version.
            Ok(Frame::Request(_)) => {}
            Err(error) => return Some((None, error.to_string())),
        }
        None
    }

    fn answer(&mut self, response: frame::Response<'_>) {
        let Some(answers) = self.waiting.get(&*response.id) else {
            // Its caller gave up waiting.
            return;
        };
        let answer = response
            .outcome
            .map(|payload| payload.unwrap_or(RawValue::NULL).to_owned());
        let is_last = !answer.as_deref().is_ok_and(is_accepted);
        // The channel holds all answers a call can have: what does not fit was not asked for, and otherwise
        // the caller is gone.
        let is_gone = answers.try_send(answer).is_err();
        if is_last || is_gone {
            self.waiting.remove(&*response.id);
        }
    }

    async fn obey(&mut self, command: Option<Command>) -> Option<(Option<u16>, String)> {
        match command {
            Some(Command::Call(call)) => self.call(call).await,
            Some(Command::Close(done)) => {
                self.goodbye().await;
                // Whoever asked may have stopped waiting.
                done.send(()).unwrap_or_default();
                Some((None, "closed by this program".to_owned()))
            }
            None => {
                self.goodbye().await;
                Some((None, "closed by this program".to_owned()))
            }
        }
    }

    async fn call(&mut self, call: Call) -> Option<(Option<u16>, String)> {
        if self.waiting.len() >= CALLS_WAITING_MAX {
            self.waiting.retain(|_, answers| !answers.is_closed());
        }
        let waiting = self.waiting.len();
        if waiting >= CALLS_WAITING_MAX {
            let refusal = Err(Error::TooManyCalls { waiting });
            call.taken.send(refusal).unwrap_or_default();
            return None;
        }
        self.waiting.insert(call.id, call.answers);
        call.taken.send(Ok(())).unwrap_or_default();
        let write = self.socket.send(Message::text(call.text));
        match timeout(Duration::from_millis(WRITE_MS), write).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some((None, error.to_string())),
            Err(_) => Some((None, "the gateway stopped reading".to_owned())),
        }
    }

    async fn goodbye(&mut self) {
        let close = Message::close(Some(CloseCode::NORMAL_CLOSURE), "");
        let say = async {
            if self.socket.send(close).await.is_ok() {
                while let Some(Ok(_late)) = self.socket.next().await {}
            }
        };
        // A gateway that does not say goodbye in time is left without one.
        timeout(Duration::from_millis(CLOSE_MS), say)
            .await
            .unwrap_or_default();
    }
}

/// Whether this is the first answer of two. It is told by its word, as upstream's clients do, because a repeated
/// request may be answered with the last one at once.
pub(crate) fn is_accepted(payload: &RawValue) -> bool {
    #[derive(serde::Deserialize)]
    struct Word<'a> {
        #[serde(borrow, default)]
        status: Option<&'a RawValue>,
    }
    serde_json::from_str::<Word<'_>>(payload.get())
        .is_ok_and(|word| word.status.map(RawValue::get) == Some("\"accepted\""))
}
