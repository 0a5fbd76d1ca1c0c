//! A provider that says what it is told to; for tests of everything above.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use openclaw_types::{StopReason, ToolCall, Usage};
use tokio::sync::Semaphore;

use crate::{
    error::{Error, Kind},
    provider::{Chunk, ChunkStream, Provider, Request},
};

/// Requests remembered; more than any test looks at, few enough for a load test.
pub const REQUESTS_KEPT_MAX: usize = 1_024;

/// One step of a script.
#[derive(Debug, Clone)]
pub enum Step {
    /// Says this.
    Say(Chunk),
    /// Waits.
    Wait(Duration),
    /// Waits until [`Gate::open`] has let one more caller pass.
    WaitFor(Gate),
    /// Ends the stream with an error of this kind.
    Fail(Kind),
    /// Never says anything again.
    Hang,
}

/// What one call gets.
#[derive(Debug, Clone, Default)]
pub struct Script {
    steps: Vec<Step>,
}

impl Script {
    /// Nothing yet; `Start` comes by itself.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A whole answer in one piece, with usage.
    #[must_use]
    pub fn answer(text: &str) -> Self {
        Self::deltas(&[text])
    }

    /// A whole answer in pieces, with usage.
    #[must_use]
    pub fn deltas(pieces: &[&str]) -> Self {
        let output_tokens = pieces.len() as u64;
        let script = pieces.iter().fold(Self::new(), |script, piece| {
            script.say(Chunk::Text((*piece).to_owned()))
        });
        script.end(Usage {
            input_tokens: 7,
            output_tokens,
            ..Usage::default()
        })
    }

    /// Tool calls and no text.
    #[must_use]
    pub fn calls(calls: Vec<ToolCall>) -> Self {
        let script = calls.into_iter().fold(Self::new(), |script, call| {
            script.say(Chunk::ToolCall(call))
        });
        script.say(Chunk::Stop(StopReason::ToolCalls))
    }

    /// An error and nothing else.
    #[must_use]
    pub fn failure(kind: Kind) -> Self {
        Self::new().then(Step::Fail(kind))
    }

    /// Adds a chunk.
    #[must_use]
    pub fn say(self, chunk: Chunk) -> Self {
        self.then(Step::Say(chunk))
    }

    /// Adds text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.say(Chunk::Text(text.to_owned()))
    }

    /// Adds usage and a plain stop.
    #[must_use]
    pub fn end(self, usage: Usage) -> Self {
        self.say(Chunk::Usage(usage))
            .say(Chunk::Stop(StopReason::Stop))
    }

    /// Adds a step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// Holds scripts back until a test lets them go on.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets so many waiting scripts pass, now or later.
    pub fn open(&self, count: usize) {
        self.0.add_permits(count);
    }

    async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

type Respond = Pin<Box<dyn Fn(&Request) -> Script + Send + Sync>>;

/// A provider that follows scripts: queued ones first, then what its rule makes of each request. Cheap to clone.
#[derive(Clone)]
pub struct ScriptedProvider {
    shared: Arc<Shared>,
}

struct Shared {
    id: String,
    respond: Respond,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queued: VecDeque<Script>,
    requests: VecDeque<Request>,
}

impl ScriptedProvider {
    /// Answers every request by this rule, unless a script is queued.
    pub fn new(respond: impl Fn(&Request) -> Script + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                id: "scripted".to_owned(),
                respond: Box::pin(respond),
                state: Mutex::default(),
            }),
        }
    }

    /// Answers every request with this text, unless a script is queued.
    #[must_use]
    pub fn answering(text: &str) -> Self {
        let script = Script::answer(text);
        Self::new(move |_| script.clone())
    }

    /// Queues a script for one call; queued scripts are used in order.
    pub fn queue(&self, script: Script) {
        self.state().queued.push_back(script);
    }

    /// The latest [`REQUESTS_KEPT_MAX`] requests, in the order of the calls.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.iter().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ScriptedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedProvider")
            .field("id", &self.shared.id)
            .finish_non_exhaustive()
    }
}

impl Provider for ScriptedProvider {
    fn stream(&self, request: Request) -> ChunkStream {
        let queued = {
            let mut state = self.state();
            if state.requests.len() >= REQUESTS_KEPT_MAX {
                state.requests.pop_front();
            }
            state.requests.push_back(request.clone());
            state.queued.pop_front()
        };
        let script = queued.unwrap_or_else(|| (self.shared.respond)(&request));
        let start = Step::Say(Chunk::Start {
            provider: self.shared.id.clone(),
            model: request.model,
            head: None,
        });
        let steps: VecDeque<Step> = std::iter::once(start).chain(script.steps).collect();
        stream::unfold(steps, perform).boxed()
    }
}

/// Performs steps up to the next one that is heard.
async fn perform(mut steps: VecDeque<Step>) -> Option<(Result<Chunk, Error>, VecDeque<Step>)> {
    loop {
        match steps.pop_front()? {
            Step::Say(chunk) => return Some((Ok(chunk), steps)),
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::WaitFor(gate) => gate.pass().await,
            Step::Fail(kind) => return Some((Err(Error::Scripted { kind }), VecDeque::new())),
            Step::Hang => std::future::pending().await,
        }
    }
}
