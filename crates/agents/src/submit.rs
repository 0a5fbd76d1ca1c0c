//! The way of one message into its lane: a place first, then the disk, then the lane.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::future::BoxFuture;
use openclaw_sessions::{Appended, Draft, Kind, Origin};
use openclaw_types::{AgentId, Priority, Role, RunId, SessionId};
use serde_json::Value;

use crate::{
    agent::{Agent, Refusal},
    core::Core,
    error::Error,
    lane::{Full, Waiting},
    limits::LANES_MAX,
    queue::Ticket,
    run,
    runs::{OutcomeFuture, Run},
    turn::AbortCause,
};

/// A message for an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// For whom.
    pub agent: AgentId,
    /// In which conversation.
    pub session: SessionId,
    /// What is said.
    pub text: String,
    /// How urgent it is among those that wait.
    pub priority: Priority,
    /// The run's id, where the caller has one; a known one is refused.
    pub run: Option<RunId>,
    /// Who caused it.
    pub origin: Origin,
}

/// What else there is to know of a message that comes from inside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cause {
    /// What the answer must look like, where the provider can see to it.
    pub schema: Option<Value>,
    /// The agents for the sake of whose messages it is sent, the sender last.
    pub chain: Vec<AgentId>,
}

/// A message that is durable and will have its run.
#[derive(Debug)]
pub struct Accepted {
    /// Its run.
    pub run: RunId,
    /// Its conversation.
    pub session: SessionId,
    /// The number of its entry in the conversation.
    pub seq: u64,
    /// How many runs of the conversation go before its own.
    pub position: usize,
    /// How the run ends.
    pub outcome: OutcomeFuture,
}

/// A message with a place, on its way to the disk.
struct Arrival {
    core: Arc<Core>,
    agent: Arc<Agent>,
    ticket: Ticket,
    waiting: Waiting,
}

type Append = BoxFuture<'static, Result<Vec<Appended>, openclaw_sessions::Error>>;

enum State {
    Refused(Error),
    Appending {
        arrival: Arrival,
        append: Append,
        deadline: Pin<Box<tokio::time::Sleep>>,
    },
    Done,
}

/// Resolves when the message is durable and has its place.
///
/// Dropping it takes nothing back: what is on its way to the disk is accepted once it is there.
#[must_use = "futures do nothing unless polled"]
pub struct Submission(State);

impl std::fmt::Debug for Submission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Submission")
    }
}

/// Takes a place and sends the message to the disk; both have happened when this returns.
pub(crate) fn submit(core: &Arc<Core>, message: Inbound, cause: Cause) -> Submission {
    Submission(match reserve(core, message, cause) {
        Ok((arrival, append)) => State::Appending {
            arrival,
            append,
            deadline: Box::pin(tokio::time::sleep(core.append_deadline())),
        },
        Err(error) => State::Refused(error),
    })
}

fn reserve(core: &Arc<Core>, message: Inbound, cause: Cause) -> Result<(Arrival, Append), Error> {
    if core.is_stopping() {
        return Err(Error::Stopping);
    }
    if message.text.trim().is_empty() {
        return Err(Error::EmptyMessage);
    }
    let agent = core
        .agent(&message.agent)
        .ok_or_else(|| Error::UnknownAgent {
            agent: message.agent.clone(),
        })?;
    agent.check().map_err(|reason| Error::Broken {
        agent: agent.id.clone(),
        reason,
    })?;
    let id = message.run.unwrap_or_else(|| fresh_run(core));
    let run = Run::new(id, agent.id.clone(), message.session).for_the_sake_of(cause.chain);
    let run = Arc::new(run);
    if !core.runs.add(&run) {
        return Err(Error::DuplicateRun {
            run: run.id.clone(),
        });
    }
    let place = agent.reserve(&run.session, run.id.clone(), message.priority);
    let ticket = place.map_err(|refusal| {
        core.runs.remove(&run.id);
        refused(core, &agent, &run, &refusal)
    })?;
    let draft = Draft {
        run: Some(run.id.clone()),
        origin: Some(message.origin.clone()),
        ..Draft::message(Role::User, run.session.clone(), message.text.as_str())
    };
    let append = Box::pin(core.store.append(&agent.id, vec![draft]));
    let arrival = Arrival {
        core: Arc::clone(core),
        agent,
        ticket,
        waiting: Waiting {
            run,
            text: message.text,
            origin: message.origin,
            schema: cause.schema,
        },
    };
    Ok((arrival, append))
}

fn fresh_run(core: &Core) -> RunId {
    #[expect(clippy::expect_used, reason = "fresh ids are hex digits")]
    RunId::parse(&core.env.fresh_id()).expect("a valid id")
}

fn refused(core: &Core, agent: &Agent, run: &Run, refusal: &Refusal) -> Error {
    let agent = agent.id.clone();
    match refusal {
        Refusal::Closed => Error::Offline { agent },
        Refusal::Full(Full::Lane) => Error::Busy {
            agent,
            session: run.session.clone(),
            depth_max: core.options.lane_depth,
        },
        Refusal::Full(Full::Lanes) => Error::LanesFull {
            agent,
            lanes_max: LANES_MAX,
        },
    }
}

impl Arrival {
    /// The disk has answered: the message gets its place, or gives it back.
    fn settle(
        self,
        result: Result<Vec<Appended>, openclaw_sessions::Error>,
    ) -> Result<Accepted, Error> {
        let Self {
            core,
            agent,
            ticket,
            waiting,
        } = self;
        let run = Arc::clone(&waiting.run);
        let entry = result.and_then(|mut entries| {
            // An append of one draft that gives back no entry never reached the file.
            entries.pop().ok_or(openclaw_sessions::Error::Closed)
        });
        let entry = match entry {
            Ok(entry) => entry,
            Err(source) => {
                agent.release(&run.session, ticket);
                core.runs.remove(&run.id);
                return Err(Error::Storage {
                    agent: agent.id.clone(),
                    source,
                });
            }
        };
        run::emit_appended(&core, &run, &entry, Kind::Message, Role::User);
        agent.busier(core.env.now());
        let accepted = Accepted {
            run: run.id.clone(),
            session: run.session.clone(),
            seq: entry.seq,
            position: 0,
            outcome: OutcomeFuture::of(Arc::clone(&run)),
        };
        if run.abort_cause().is_some() {
            // It was stopped while it was on its way; its run ends at once and holds nobody up.
            agent.release(&run.session, ticket);
            let owner = Arc::clone(&core);
            core.spawn(async move { run::drive(&owner, &agent, waiting).await });
            return Ok(accepted);
        }
        let filled = agent.fill(&run.session, ticket, waiting);
        if filled.as_ref().is_some_and(|filled| filled.is_first) {
            let lane = run::drive_lane(Arc::clone(&core), agent, run.session.clone());
            core.spawn(lane);
        }
        Ok(Accepted {
            position: filled.map_or(0, |filled| filled.position),
            ..accepted
        })
    }
}

impl Future for Submission {
    type Output = Result<Accepted, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let State::Appending {
            append, deadline, ..
        } = &mut self.0
        else {
            return match std::mem::replace(&mut self.0, State::Done) {
                State::Refused(error) => Poll::Ready(Err(error)),
                // Polled again after its end; there is nothing more to say.
                State::Appending { .. } | State::Done => Poll::Pending,
            };
        };
        let result = match append.as_mut().poll(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => {
                ready!(deadline.as_mut().poll(cx));
                return Poll::Ready(Err(self.give_up()));
            }
        };
        match std::mem::replace(&mut self.0, State::Done) {
            State::Appending { arrival, .. } => Poll::Ready(arrival.settle(result)),
            State::Refused(_) | State::Done => Poll::Pending,
        }
    }
}

impl Submission {
    /// The caller is told no, so the run must not happen; should the entry arrive, it is marked as not run.
    fn give_up(&mut self) -> Error {
        let State::Appending { arrival, .. } = &self.0 else {
            return Error::Stopping;
        };
        arrival.waiting.run.abort(AbortCause::Unwanted);
        let error = Error::StorageDeadline {
            agent: arrival.agent.id.clone(),
            deadline_ms: arrival.core.options.run_deadlines.append_ms,
        };
        self.leave_behind();
        error
    }

    /// Hands what is on its way to a task of its own.
    fn leave_behind(&mut self) {
        if let State::Appending {
            arrival, append, ..
        } = std::mem::replace(&mut self.0, State::Done)
        {
            let core = Arc::clone(&arrival.core);
            core.spawn(async move {
                let run = arrival.waiting.run.id.clone();
                let agent = arrival.agent.id.clone();
                if let Err(error) = arrival.settle(append.await) {
                    tracing::warn!(%agent, %run, %error, "message left by its sender was not accepted");
                }
            });
        }
    }
}

impl Drop for Submission {
    fn drop(&mut self) {
        self.leave_behind();
    }
}
