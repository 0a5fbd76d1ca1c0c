//! Drives one run: performs what the turn wants, and tells it what came of it.

use std::{collections::VecDeque, panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use openclaw_models::{ChunkStream, Request};
use openclaw_sessions::{Appended, Draft, Kind};
use openclaw_types::{Role, SessionId, Timestamp, ToolCall, ToolResult};
use tokio::time::{Instant, Sleep, sleep_until};

use self::entry::{aborted_draft, append};
pub(crate) use self::{draft::PromptDraft, entry::interrupted_draft};
use crate::{
    agent::Agent,
    core::Core,
    event::{Event, EventKind},
    kit::Where,
    lane::Waiting,
    limits::ABORT_GRACE_MS,
    outcome::{Failure, FailureKind, Outcome, Status},
    runs::Run,
    turn::{AbortCause, Effect, Input, Limits, Record, Turn, Verdict},
};

mod draft;
mod entry;

/// The task of a lane: its runs, one after another, until none waits.
pub(crate) async fn drive_lane(core: Arc<Core>, agent: Arc<Agent>, session: SessionId) {
    while let Some(waiting) = agent.next(&session) {
        drive(&core, &agent, waiting).await;
    }
}

/// Takes an accepted run to its end, whatever happens on the way.
pub(crate) async fn drive(core: &Core, agent: &Agent, waiting: Waiting) {
    let run = Arc::clone(&waiting.run);
    let mut driver = Driver::new(core, agent, waiting);
    let ended = AssertUnwindSafe(driver.drive()).catch_unwind().await;
    let started = driver.started;
    let verdict = match ended {
        Ok(verdict) => verdict,
        Err(panic) => {
            drop(driver);
            let said = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let message = said.unwrap_or("unknown").to_owned();
            after_panic(core, agent, &run, message).await
        }
    };
    conclude(core, agent, &run, started, verdict);
}

/// Tells everyone: listeners, the agent's state, and then whoever waits for the outcome.
fn conclude(
    core: &Core,
    agent: &Agent,
    run: &Arc<Run>,
    started: Option<Timestamp>,
    verdict: Verdict,
) {
    let ended = core.env.now();
    if let Status::Failed(failure) = &verdict.status {
        tracing::warn!(agent = %agent.id, session = %run.session, run = %run.id,
            kind = failure.kind.as_str(), message = failure.message, "run failed");
    }
    let is_stopped = matches!(verdict.status, Status::Aborted);
    let cause = || run.abort_cause().unwrap_or(AbortCause::Requested);
    let outcome = Outcome {
        run: run.id.clone(),
        agent: agent.id.clone(),
        session: run.session.clone(),
        status: verdict.status,
        stopped: is_stopped.then(cause),
        text: verdict.text,
        model: verdict.model.map(Arc::from),
        usage: verdict.usage,
        entry: verdict.entry,
        started: started.unwrap_or(ended),
        ended,
    };
    emit(core, run, EventKind::RunEnded(outcome.clone()));
    agent.calmer(ended);
    core.runs.end(run, outcome);
}

/// The wall around a run: what broke is reported, and the run is ended on disk as well.
async fn after_panic(core: &Core, agent: &Agent, run: &Run, message: String) -> Verdict {
    tracing::error!(agent = %agent.id, run = %run.id, message, "run panicked");
    let failure = Failure::new(FailureKind::Internal, format!("internal error: {message}"));
    let draft = aborted_draft(run, format!("failed: {}", failure.message));
    let deadline = Instant::now() + core.append_deadline();
    let entry = append(core, agent, draft, deadline).await.ok();
    Verdict {
        status: Status::Failed(failure),
        text: Arc::from(""),
        model: None,
        usage: None,
        entry,
    }
}

fn emit(core: &Core, run: &Run, kind: EventKind) {
    core.sink.emit(Event {
        run: Some(run.id.clone()),
        agent: run.agent.clone(),
        session: Some(run.session.clone()),
        kind,
    });
}

pub(crate) fn emit_appended(core: &Core, run: &Run, entry: &Appended, kind: Kind, role: Role) {
    let kind = EventKind::EntryAppended {
        id: entry.id.clone(),
        seq: entry.seq,
        timestamp: entry.timestamp,
        kind,
        role,
    };
    emit(core, run, kind);
}

/// What came of waiting for something.
enum Waited<T> {
    Ready(T),
    Aborted,
    Late,
}

/// The two things that end every wait: somebody's wish, and the time.
struct Guard {
    aborted: Pin<Box<dyn Future<Output = ()> + Send>>,
    deadline: Pin<Box<Sleep>>,
}

impl Guard {
    /// Waits for `future`. An abort comes first, so that a model that never stops talking can be stopped.
    async fn wait<T>(&mut self, future: impl Future<Output = T>) -> Waited<T> {
        tokio::select! {
            biased;
            () = &mut self.aborted => Waited::Aborted,
            () = &mut self.deadline => Waited::Late,
            ready = future => Waited::Ready(ready),
        }
    }
}

struct Driver<'a> {
    core: &'a Core,
    agent: &'a Agent,
    waiting: Waiting,
    turn: Turn,
    todo: VecDeque<Effect>,
    fresh: Vec<Effect>,
    stream: Option<ChunkStream>,
    /// The calls under way; letting go of one stops it.
    calls: FuturesUnordered<BoxFuture<'static, ToolResult>>,
    started: Option<Timestamp>,
    /// Whether the prompt holds nothing but the message.
    is_alone: bool,
}

impl<'a> Driver<'a> {
    fn new(core: &'a Core, agent: &'a Agent, waiting: Waiting) -> Self {
        let limits = Limits {
            steps_max: core.options.steps_max,
            output_bytes_max: core.options.output_bytes_max,
        };
        Self {
            core,
            agent,
            waiting,
            turn: Turn::new(limits),
            todo: VecDeque::new(),
            fresh: Vec::new(),
            stream: None,
            calls: FuturesUnordered::new(),
            started: None,
            is_alone: false,
        }
    }

    fn tell(&mut self, input: Input) {
        self.turn.step(input, &mut self.fresh);
        self.todo.extend(self.fresh.drain(..));
        if !self.turn.is_calling() {
            self.stream = None;
        }
        if !self.turn.is_using_tools() {
            self.calls.clear();
        }
    }

    async fn drive(&mut self) -> Verdict {
        let core = self.core;
        let total = Duration::from_millis(core.options.run_deadlines.total_ms);
        let far = Instant::now() + Duration::from_secs(86_400 * 30);
        let mut guard = Guard {
            aborted: Box::pin(self.waiting.run.aborted()),
            deadline: Box::pin(sleep_until(far)),
        };
        // Waiting for others does not count against the run's own time.
        let permit = guard.wait(core.permits.acquire()).await;
        if matches!(permit, Waited::Ready(_)) {
            guard.deadline.as_mut().reset(Instant::now() + total);
            let started = core.env.now();
            self.started = Some(started);
            emit(core, &self.waiting.run, EventKind::RunStarted { started });
            self.tell(Input::Start);
        } else {
            self.tell(self.abort());
        }
        loop {
            while let Some(effect) = self.todo.pop_front() {
                if let Some(verdict) = self.perform(effect, &mut guard).await {
                    return verdict;
                }
            }
            let input = self.listen(&mut guard).await;
            self.tell(input);
        }
    }

    fn abort(&self) -> Input {
        let cause = self.waiting.run.abort_cause();
        Input::Abort(cause.unwrap_or(AbortCause::Requested))
    }

    /// The next thing that the model or a tool says.
    async fn listen(&mut self, guard: &mut Guard) -> Input {
        if self.turn.is_using_tools() {
            return match guard.wait(self.calls.next()).await {
                Waited::Ready(Some(result)) => Input::ToolDone(result),
                Waited::Ready(None) => stuck(),
                Waited::Aborted => self.abort(),
                Waited::Late => Input::Deadline,
            };
        }
        let Some(stream) = &mut self.stream else {
            return stuck();
        };
        match guard.wait(stream.next()).await {
            Waited::Ready(Some(Ok(chunk))) => Input::Chunk(chunk),
            Waited::Ready(Some(Err(error))) => {
                let character = self.agent.character().ok();
                let choice = character.and_then(|character| character.model_hint(&self.agent.id));
                let failure = Failure::of_model(&error).chosen(choice);
                Input::ModelFailed(failure.alone(self.is_alone))
            }
            Waited::Ready(None) => Input::ModelFailed(Failure::new(
                FailureKind::Model(openclaw_models::Kind::Malformed),
                "the model's answer broke off",
            )),
            Waited::Aborted => self.abort(),
            Waited::Late => Input::Deadline,
        }
    }

    async fn perform(&mut self, effect: Effect, guard: &mut Guard) -> Option<Verdict> {
        match effect {
            Effect::CallModel => {
                if self.turn.is_calling() {
                    let called = {
                        let request = self.request();
                        guard.wait(request).await
                    };
                    match called {
                        Waited::Ready(Ok(request)) => {
                            let stream = self.core.models.stream(&self.agent.id, request);
                            self.stream = Some(stream);
                        }
                        Waited::Ready(Err(failure)) => self.tell(Input::ModelFailed(failure)),
                        Waited::Aborted => self.tell(self.abort()),
                        Waited::Late => self.tell(Input::Deadline),
                    }
                }
            }
            Effect::CallTool(call) => {
                if self.turn.is_using_tools() {
                    self.calls.push(self.call(call));
                }
            }
            Effect::Append(record) => {
                let input = self.append(record, guard).await;
                self.tell(input);
            }
            Effect::Emit(kind) => emit(self.core, &self.waiting.run, kind),
            Effect::Finish(verdict) => return Some(verdict),
        }
        None
    }

    /// Writes a record. An abort that comes meanwhile waits a moment for it: what is already on its way to
    /// the disk is better known than unknown.
    async fn append(&mut self, record: Record, guard: &mut Guard) -> Input {
        let run = &self.waiting.run;
        let (kind, role) = (record.kind, record.role);
        let draft = Draft {
            role,
            content: record.content,
            session: run.session.clone(),
            run: Some(run.id.clone()),
            kind,
            parts: record.parts,
            origin: None,
            model: record.model,
            usage: record.usage,
        };
        let deadline = Instant::now() + self.core.append_deadline();
        let mut appended = std::pin::pin!(append(self.core, self.agent, draft, deadline));
        let was_aborted = run.abort_cause().is_some();
        let mut result = None;
        if !was_aborted {
            result = tokio::select! {
                biased;
                result = &mut appended => Some(result),
                () = &mut guard.aborted => None,
            };
        }
        if result.is_none() {
            let grace = Duration::from_millis(ABORT_GRACE_MS);
            result = tokio::time::timeout(grace, appended).await.ok();
        }
        match result {
            Some(Ok(entry)) => {
                emit_appended(self.core, run, &entry, kind, role);
                Input::Appended(entry)
            }
            Some(Err(failure)) => Input::AppendFailed(failure),
            None if was_aborted => Input::AppendFailed(Failure::new(
                FailureKind::Storage,
                "the disk did not take the entry in time",
            )),
            None => self.abort(),
        }
    }

    /// Begins to call a tool.
    fn call(&self, call: ToolCall) -> BoxFuture<'static, ToolResult> {
        let run = &self.waiting.run;
        let from = Where {
            agent: &self.agent.id,
            session: &run.session,
            run: &run.id,
            workspace: self.agent.path().clone(),
            origin: &self.waiting.origin,
        };
        self.agent.kit(self.core).call(from, call)
    }

    /// The next model call.
    async fn request(&mut self) -> Result<Request, Failure> {
        let run = &self.waiting.run;
        let waiting = self.agent.depth(&run.session);
        let mut draft = PromptDraft::new(self.core, self.agent, &run.session, waiting).await?;
        let prompt = draft.assemble(&self.waiting.text);
        self.is_alone = prompt.history == 0 && self.turn.spoken().is_empty();
        draft.request.messages = prompt.messages;
        draft.request.messages.extend_from_slice(self.turn.spoken());
        draft.request.run = Some(run.id.clone());
        draft.request.schema.clone_from(&self.waiting.schema);
        Ok(draft.request)
    }
}

/// The turn waits for nothing that is under way: a bug, which must not hang the lane.
fn stuck() -> Input {
    Input::AppendFailed(Failure::new(FailureKind::Internal, "the run got stuck"))
}
