//! The handle of a connection: call a method, wait for its answer.

use std::{
    collections::BTreeMap,
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use openclaw_wire::{Method, connect::HelloOk, frame, limits::FRAME_BYTES_MAX, method::TwoPhase};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{
    Error, Events, Options, connect,
    connection::{self, Actor, Answer, Call, Command, Ending},
    event,
    limits::{ANSWERS_MAX, REQUESTS_WAITING_MAX},
};

/// A connection to the gateway. Dropping it ends the connection.
pub struct Client {
    commands: mpsc::Sender<Command>,
    hello: HelloOk,
    ending: Ending,
    next_id: AtomicU64,
    /// Owns the connection's task, which goes with it.
    tasks: JoinSet<()>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.hello.server)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Connects and says hello.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::hint`] says what to do.
    pub async fn connect(options: &Options) -> Result<(Self, Events), Error> {
        let (socket, hello) = connect::connect(options).await?;
        let (commands, receiver) = mpsc::channel(REQUESTS_WAITING_MAX);
        let (outlet, events) = event::channel();
        let ending = Ending::default();
        let actor = Actor {
            socket,
            commands: receiver,
            outlet,
            ending: ending.clone(),
            policy: hello.policy,
            waiting: BTreeMap::new(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(actor.run());
        let client = Self {
            commands,
            hello,
            ending,
            next_id: AtomicU64::new(1),
            tasks,
        };
        Ok((client, events))
    }

    /// What the gateway said when we connected.
    #[must_use]
    pub const fn hello(&self) -> &HelloOk {
        &self.hello
    }

    /// Calls a method and waits for its answer; of a method with two answers, for the last.
    ///
    /// # Errors
    /// [`Error::Rejected`] with what the gateway said; [`Error::Deadline`] when it said nothing in time;
    /// [`Error::Closed`] when the connection ended first.
    pub async fn call<M: Method>(
        &self,
        params: &M::Params,
        deadline: Duration,
    ) -> Result<M::Result, Error> {
        let until = Until::after(deadline);
        let mut started = self.begin::<M>(params, until).await?;
        loop {
            let payload = started.answer(until).await?;
            if !connection::is_accepted(&payload) {
                return read::<M, _>(&payload);
            }
        }
    }

    /// Calls a method with two answers and waits for the first.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn start<M: TwoPhase>(
        &self,
        params: &M::Params,
        deadline: Duration,
    ) -> Result<(M::Accepted, Started<M>), Error> {
        let until = Until::after(deadline);
        let mut started = self.begin::<M>(params, until).await?;
        let payload = started.answer(until).await?;
        Ok((read::<M, _>(&payload)?, started))
    }

    /// Ends the connection politely.
    pub async fn close(mut self) {
        let (done, closed) = oneshot::channel();
        // A task that is gone has closed already; the wait for one that is there is bounded by the task.
        if self.commands.send(Command::Close(done)).await.is_ok() {
            closed.await.unwrap_or_default();
        }
        self.tasks.shutdown().await;
    }

    async fn begin<M: Method>(
        &self,
        params: &M::Params,
        until: Until,
    ) -> Result<Started<M>, Error> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed).to_string();
        let text = frame::encode_request(&id, M::NAME, params)?;
        let bytes_max = self.hello.policy.max_payload.min(FRAME_BYTES_MAX);
        let bytes = text.len();
        if bytes > bytes_max {
            return Err(Error::TooLarge { bytes, bytes_max });
        }
        let (answers, receiver) = mpsc::channel(ANSWERS_MAX);
        let (taken, verdict) = oneshot::channel();
        let call = Call {
            id,
            text,
            answers,
            taken,
        };
        let hand_over = async {
            if self.commands.send(Command::Call(call)).await.is_err() {
                return Err(self.ended());
            }
            verdict.await.unwrap_or_else(|_gone| Err(self.ended()))
        };
        until.wait(M::NAME, hand_over).await??;
        Ok(Started {
            answers: receiver,
            ending: self.ending.clone(),
            method: std::marker::PhantomData,
        })
    }

    fn ended(&self) -> Error {
        ended(&self.ending)
    }
}

fn ended(ending: &Ending) -> Error {
    let (code, reason) = ending.get().cloned().unwrap_or_default();
    Error::Closed { code, reason }
}

/// A call that was accepted and is not done. Dropping it gives up the answer, not the work.
#[derive(Debug)]
pub struct Started<M> {
    answers: mpsc::Receiver<Answer>,
    ending: Ending,
    method: std::marker::PhantomData<fn() -> M>,
}

impl<M: Method> Started<M> {
    /// Waits for the last answer.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn finish(&mut self, deadline: Duration) -> Result<M::Result, Error> {
        let payload = self.answer(Until::after(deadline)).await?;
        read::<M, _>(&payload)
    }

    async fn answer(&mut self, until: Until) -> Result<Box<RawValue>, Error> {
        match until.wait(M::NAME, self.answers.recv()).await? {
            Some(Ok(payload)) => Ok(payload),
            Some(Err(shape)) => Err(Error::Rejected {
                method: M::NAME,
                source: Box::new(shape),
            }),
            None => Err(ended(&self.ending)),
        }
    }
}

/// One deadline over all the waits of a call.
#[derive(Debug, Clone, Copy)]
struct Until {
    /// None where the deadline is further away than the clock can tell.
    at: Option<Instant>,
    after: Duration,
}

impl Until {
    fn after(after: Duration) -> Self {
        let at = Instant::now().checked_add(after);
        Self { at, after }
    }

    async fn wait<T>(self, what: &'static str, work: impl Future<Output = T>) -> Result<T, Error> {
        let Some(at) = self.at else {
            return Ok(work.await);
        };
        let after = self.after;
        timeout_at(at, work)
            .await
            .map_err(|_elapsed| Error::Deadline { what, after })
    }
}

fn read<M: Method, T: DeserializeOwned>(payload: &RawValue) -> Result<T, Error> {
    serde_json::from_str(payload.get()).map_err(|source| Error::Shape {
        method: M::NAME,
        source,
    })
}
