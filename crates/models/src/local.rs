//! The model on this machine: started at the first need, watched, stopped when nobody needs it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, TryFutureExt, stream};
use openclaw_types::{Env, Message, Price};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    catalog::Catalog,
    error::{Error, Kind},
    http::{Http, Transport},
    local::model::Model,
    openai::OpenAi,
    options::{Api, Deadlines, InputKind, LocalOptions, ModelOptions, ProviderOptions},
    profile::Tier,
    provider::{ChunkStream, Provider, Request},
    status::LocalState,
};

mod engine;
mod launch;
mod line;
mod model;

/// Its id in references.
pub(crate) const ID: &str = "local";
/// How long a call waits for the model: long enough to fetch it over a slow line.
const READY_WAIT: Duration = Duration::from_secs(900);
/// How long counting tokens may take, the start of a model that is here included.
const COUNT_WAIT: Duration = Duration::from_secs(10);
/// How long it may take until the end of a process is noticed.
const NOTICE_WAIT: Duration = Duration::from_secs(1);
/// After a failure, so long nobody tries again.
const RETRY_PAUSE: Duration = Duration::from_secs(15);
/// Longest answer of a tiny model, in tokens: a page, after which it only rambles.
const TINY_OUTPUT: u32 = 512;

/// The model on this machine. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: LocalOptions,
    /// Kept open for as long as the provider's path leads through it.
    _door: launch::Door,
    model: Model,
    catalog: Catalog,
    provider: OpenAi,
    state: watch::Sender<LocalState>,
    usage: Mutex<Usage>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Who uses the engine, and whether it runs.
#[derive(Debug, Default)]
struct Usage {
    is_running: bool,
    calls: usize,
    idle_since: Option<Instant>,
    failed_at: Option<Instant>,
}

/// One call's hold on the engine.
#[derive(Debug)]
struct InUse(Arc<Shared>);

impl Drop for InUse {
    fn drop(&mut self) {
        let mut usage = self.0.usage();
        usage.calls = usage.calls.saturating_sub(1);
        usage.idle_since = Some(Instant::now());
    }
}

/// What the engine needs beside its options.
pub(crate) struct Parts {
    pub(crate) catalog: Catalog,
    pub(crate) http: Http,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) deadlines: Deadlines,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Local {
    /// Prepares everything; nothing is started or fetched.
    ///
    /// # Errors
    /// Says why there can't be a model on this machine, in words for the status.
    pub(crate) fn new(options: LocalOptions, parts: Parts) -> Result<Self, String> {
        let Some(modeld) = &options.modeld else {
            return Err("its program `openclaw-modeld` is not installed".to_owned());
        };
        if !modeld.is_file() {
            return Err(format!("{} is not there", modeld.display()));
        }
        let door = launch::Door::to(&options);
        let model = Model::of(options.model.as_deref(), &parts.catalog)?;
        let provider = OpenAi::new(
            &ProviderOptions {
                id: ID.to_owned(),
                base_url: "http://local/v1".to_owned(),
                api: Api::OpenAiCompletions,
                key: None,
                key_variable: None,
                headers: Vec::new(),
                deadlines: parts.deadlines,
                models: Vec::new(),
                transport: Transport::Unix(door.path.clone()),
                recordings: None,
            },
            parts.http,
            parts.env,
        )
        .map_err(|error| error.full_text())?;
        Ok(Self {
            shared: Arc::new(Shared {
                options,
                _door: door,
                model,
                catalog: parts.catalog,
                provider,
                state: watch::channel(LocalState::Idle).0,
                usage: Mutex::default(),
                tasks: parts.tasks,
                stop: parts.stop,
            }),
        })
    }

    /// What routing and prompts need to know of it.
    pub(crate) fn model(&self) -> (ModelOptions, Tier) {
        let shared = &self.shared;
        let tier = shared.model.tier();
        let window = match (&*shared.state.borrow(), &shared.model) {
            (LocalState::Ready { context_window, .. }, _) => *context_window,
            (_, Model::Entry(entry)) => shared.options.context_window.min(entry.context_window),
            (_, Model::File { .. }) => shared.options.context_window,
        };
        let model = ModelOptions {
            id: shared.model.name().to_owned(),
            name: shared.model.title().to_owned(),
            context_window: window,
            max_output: match tier {
                Tier::Tiny => TINY_OUTPUT,
                Tier::Full => window / 4,
            },
            input_kinds: vec![InputKind::Text],
            reasoning: false,
            price: Some(Price::FREE),
        };
        (model, tier)
    }

    /// How it is.
    pub(crate) fn state(&self) -> LocalState {
        self.shared.state.borrow().clone()
    }

    /// Fetches and starts it, without waiting for that.
    pub(crate) fn wake(&self) {
        self.shared.ensure_running();
    }

    /// How many tokens these messages are for it; `None` when it is not here, or does not say in time.
    pub(crate) async fn count_tokens(&self, messages: &[Message]) -> Option<u64> {
        if let Model::Entry(entry) = self.shared.model {
            // Counting is not worth a download.
            self.shared.catalog.installed(entry)?;
        }
        let count = async {
            let _in_use = self.shared.ready().await.ok()?;
            self.shared.provider.count_tokens(messages).await.ok()
        };
        tokio::time::timeout(COUNT_WAIT, count).await.ok().flatten()
    }
}

impl Provider for Local {
    fn stream(&self, request: Request) -> ChunkStream {
        let shared = Arc::clone(&self.shared);
        async move {
            match shared.open(request.clone()).await {
                // It died between two calls, and nobody had noticed.
                Err(error) if error.kind() == Kind::Transport && shared.noticed().await => {
                    shared.open(request).await
                }
                opened => opened,
            }
        }
        .try_flatten_stream()
        .boxed()
    }
}

impl Shared {
    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts one call; an error that comes before anything else is this call's own.
    async fn open(self: &Arc<Self>, request: Request) -> Result<ChunkStream, Error> {
        let ready = tokio::time::timeout(READY_WAIT, self.ready()).await;
        let in_use = ready.unwrap_or_else(|_elapsed| Err(self.unready()))?;
        let mut answer = self.provider.stream(request);
        let first = answer.next().await.transpose()?;
        let answer = stream::iter(first.map(Ok)).chain(answer);
        // The engine is in use as long as the stream lives.
        Ok(answer
            .inspect(move |_| {
                let _held = &in_use;
            })
            .boxed())
    }

    /// Waits until it is known that the process has ended, which is a matter of milliseconds if it has.
    async fn noticed(&self) -> bool {
        let mut state = self.state.subscribe();
        let ended = state.wait_for(|state| !matches!(state, LocalState::Ready { .. }));
        tokio::time::timeout(NOTICE_WAIT, ended).await.is_ok()
    }

    /// Waits until it answers, starting it if need be.
    async fn ready(self: &Arc<Self>) -> Result<InUse, Error> {
        let mut state = self.state.subscribe();
        loop {
            if let Some(in_use) = self.take() {
                return Ok(in_use);
            }
            if !self.ensure_running() {
                return Err(self.unready());
            }
            let changed = state.wait_for(|state| {
                // Idle again: it ended while we waited, and is started anew.
                matches!(
                    state,
                    LocalState::Ready { .. } | LocalState::Failed { .. } | LocalState::Idle
                )
            });
            tokio::select! {
                biased;
                // A gateway that stops waits for nothing.
                () = self.stop.cancelled() => return Err(Error::Cancelled),
                // The sender lives as long as we do.
                _ = changed => {}
            }
            if matches!(&*self.state.borrow(), LocalState::Failed { .. }) {
                return Err(self.unready());
            }
        }
    }

    /// Takes hold of an engine that is ready; it is not stopped for idleness as long as that lasts.
    fn take(self: &Arc<Self>) -> Option<InUse> {
        let mut usage = self.usage();
        if !matches!(&*self.state.borrow(), LocalState::Ready { .. }) {
            return None;
        }
        usage.calls += 1;
        Some(InUse(Arc::clone(self)))
    }

    /// Starts the engine unless it runs; false right after a failure.
    fn ensure_running(self: &Arc<Self>) -> bool {
        let mut usage = self.usage();
        if usage.is_running {
            return true;
        }
        let pausing = |at: Instant| at.elapsed() < RETRY_PAUSE;
        if usage.failed_at.is_some_and(pausing) || self.stop.is_cancelled() {
            return false;
        }
        usage.is_running = true;
        usage.failed_at = None;
        usage.idle_since = None;
        self.state
            .send_replace(LocalState::Starting { progress: 0.0 });
        self.tasks.spawn(engine::run(Arc::clone(self)));
        true
    }

    /// Why it can't be asked.
    fn unready(&self) -> Error {
        let (message, hint) = match &*self.state.borrow() {
            LocalState::Failed { message, hint } => (message.clone(), hint.clone()),
            LocalState::Fetching { .. } => ("it is still being fetched".to_owned(), None),
            _ => ("it is still starting".to_owned(), None),
        };
        Error::Local { message, hint }
    }
}
