//! Keeps one child running: restarts it with a growing pause, and gives up when it dies too often.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    launcher::{Child, Launcher},
    plan::{Exit, Plan},
    supervisor::intensity::{Intensity, Verdict},
};

mod intensity;

/// Requests to restart that may wait; a second one while the first waits asks for the same thing.
const RESTARTS_QUEUED_MAX: usize = 1;

/// How a child is kept running.
#[derive(Debug, Clone)]
pub struct Options {
    /// So many restarts within `window` are put up with; one more, and the supervisor gives up.
    pub restarts_max: usize,
    /// The time over which restarts are counted.
    pub window: Duration,
    /// The pause before the first restart; it doubles with each restart in the window.
    pub pause_first: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// How long the tree may take to end by itself when it is stopped.
    pub grace: Duration,
}

/// What a supervised child is doing.
#[derive(Debug, Clone)]
pub enum State {
    /// The program does not run yet.
    Starting,
    /// The program runs.
    Running {
        /// Its process id.
        pid: u32,
    },
    /// It ended or could not be started; it is started again after a pause.
    Backoff {
        /// Why.
        reason: Reason,
        /// How long the pause is.
        pause: Duration,
    },
    /// It was stopped on request. Final.
    Stopped,
    /// It is not started again. Final.
    Failed {
        /// Why.
        reason: Reason,
    },
}

impl State {
    /// Whether no other state follows.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Stopped | Self::Failed { .. })
    }
}

/// Why a supervised child is not running.
#[derive(Debug, Clone)]
pub enum Reason {
    /// It could not be started.
    Spawn(Arc<Error>),
    /// It ended by itself.
    Ended(Exit),
    /// [`Handle::restart`] was called.
    Asked,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(error) => {
                write!(f, "{error}")?;
                std::error::Error::source(&**error).map_or(Ok(()), |cause| write!(f, ": {cause}"))
            }
            Self::Ended(exit) => write!(f, "it ended with {exit}"),
            Self::Asked => f.write_str("a restart was asked for"),
        }
    }
}

/// Watches a supervised child. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    state: watch::Receiver<State>,
    restarts: mpsc::Sender<()>,
}

impl Handle {
    /// The state, and a way to wait for the next.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Kills the tree and starts the child again, as if it had died by itself.
    pub fn restart(&self) {
        // A full queue means that a restart is on its way.
        self.restarts.try_send(()).ok();
    }
}

/// Looks at each child as it starts, to take its pipes.
pub type OnStart = Box<dyn FnMut(&mut Child) + Send>;

/// The actor that owns a supervised child.
pub struct Supervisor {
    options: Options,
    launcher: Launcher,
    plan: Plan,
    on_start: Option<OnStart>,
    state: watch::Sender<State>,
    restarts: mpsc::Receiver<()>,
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("options", &self.options)
            .field("plan", &self.plan)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

enum Outcome {
    Stop,
    Again(Reason),
}

impl Supervisor {
    /// Makes the supervisor and its handle; nothing runs before [`Supervisor::run`].
    #[must_use]
    pub fn new(options: Options, launcher: Launcher, plan: Plan) -> (Self, Handle) {
        let (state, watched) = watch::channel(State::Starting);
        let (asked, restarts) = mpsc::channel(RESTARTS_QUEUED_MAX);
        let supervisor = Self {
            options,
            launcher,
            plan,
            on_start: None,
            state,
            restarts,
        };
        let handle = Handle {
            state: watched,
            restarts: asked,
        };
        (supervisor, handle)
    }

    /// Calls `on_start` with every child as it starts. Pipes it doesn't take stay open, unread, as long as the child.
    #[must_use]
    pub fn on_start(mut self, on_start: OnStart) -> Self {
        self.on_start = Some(on_start);
        self
    }

    /// Runs until `stop` is cancelled or the child has failed for good; the child is dead and reaped when it returns.
    pub async fn run(mut self, stop: CancellationToken) -> State {
        let mut intensity = Intensity::new(&self.options);
        let last = loop {
            self.state.send_replace(State::Starting);
            let reason = match self.once(&stop).await {
                Outcome::Stop => break State::Stopped,
                Outcome::Again(reason) => reason,
            };
            let is_permanent = matches!(&reason, Reason::Spawn(error) if error.is_permanent());
            let pause = match intensity.record(Instant::now()) {
                Verdict::Restart { pause } if !is_permanent => pause,
                Verdict::Restart { .. } | Verdict::GiveUp => break State::Failed { reason },
            };
            tracing::warn!(program = %self.plan.program.display(), %reason, ?pause, "a child is started again");
            self.state.send_replace(State::Backoff { reason, pause });
            tokio::select! {
                biased;
                // Stopping never waits for a pause.
                () = stop.cancelled() => break State::Stopped,
                () = tokio::time::sleep(pause) => {}
            }
        };
        self.state.send_replace(last.clone());
        last
    }

    async fn once(&mut self, stop: &CancellationToken) -> Outcome {
        let spawned = tokio::select! {
            biased;
            // Dropping the start kills what was started.
            () = stop.cancelled() => return Outcome::Stop,
            spawned = self.launcher.spawn(&self.plan) => spawned,
        };
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => return Outcome::Again(Reason::Spawn(Arc::new(error))),
        };
        if let Some(on_start) = &mut self.on_start {
            on_start(&mut child);
        }
        // A request made before this child ran was about the one before it.
        while self.restarts.try_recv().is_ok() {}
        self.state.send_replace(State::Running { pid: child.pid() });
        tokio::select! {
            biased;
            // Stopping goes before everything else.
            () = stop.cancelled() => {
                child.kill_tree(self.options.grace).await;
                Outcome::Stop
            }
            // An end that has happened is the better reason for a restart.
            exit = child.wait() => Outcome::Again(Reason::Ended(exit)),
            Some(()) = self.restarts.recv() => {
                child.kill_tree(self.options.grace).await;
                Outcome::Again(Reason::Asked)
            }
        }
    }
}
