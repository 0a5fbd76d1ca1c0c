//! Every run that is going on, and the last that ended: who waits for one, and who may stop it.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use openclaw_types::{AgentId, RunId, SessionId};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    limits::{ENDED_BYTES_MAX, ENDED_MS_MAX, ENDED_RUNS_MAX},
    outcome::Outcome,
    turn::AbortCause,
};

/// One run, from the moment its place is reserved.
#[derive(Debug)]
pub(crate) struct Run {
    pub id: RunId,
    pub agent: AgentId,
    pub session: SessionId,
    /// The agents for the sake of whose messages it runs, the last sender last; empty for a client's message.
    pub chain: Vec<AgentId>,
    stop: CancellationToken,
    cause: OnceLock<AbortCause>,
    outcome: OnceLock<Outcome>,
    ended: Notify,
}

impl Run {
    pub(crate) fn new(id: RunId, agent: AgentId, session: SessionId) -> Self {
        Self {
            id,
            agent,
            session,
            chain: Vec::new(),
            stop: CancellationToken::new(),
            cause: OnceLock::new(),
            outcome: OnceLock::new(),
            ended: Notify::new(),
        }
    }

    /// The same run, for the sake of these agents' messages.
    pub(crate) fn for_the_sake_of(self, chain: Vec<AgentId>) -> Self {
        Self { chain, ..self }
    }

    /// Asks the run to stop, wherever it is; the first cause is the one that is told.
    pub(crate) fn abort(&self, cause: AbortCause) {
        // Losing the race means that a cause is there already, which is all that is needed.
        self.cause.get_or_init(|| cause);
        self.stop.cancel();
    }

    pub(crate) fn abort_cause(&self) -> Option<AbortCause> {
        self.cause.get().copied()
    }

    /// Resolves when somebody wants the run to stop.
    pub(crate) fn aborted(&self) -> impl Future<Output = ()> + Send + use<> {
        self.stop.clone().cancelled_owned()
    }

    fn end(&self, outcome: Outcome) {
        self.outcome.get_or_init(|| outcome);
        self.ended.notify_waiters();
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    pub(crate) async fn wait(&self) -> Outcome {
        loop {
            // Made before the look, so that an end between the two is not missed.
            let ended = self.ended.notified();
            if let Some(outcome) = self.outcome.get() {
                return outcome.clone();
            }
            ended.await;
        }
    }
}

/// Resolves when the run has ended. Dropping it stops nothing.
pub struct OutcomeFuture(BoxFuture<'static, Outcome>);

impl OutcomeFuture {
    pub(crate) fn of(run: Arc<Run>) -> Self {
        Self(Box::pin(async move { run.wait().await }))
    }
}

impl Future for OutcomeFuture {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.0.as_mut().poll(cx)
    }
}

impl std::fmt::Debug for OutcomeFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OutcomeFuture")
    }
}

/// All known runs.
#[derive(Debug, Default)]
pub(crate) struct Runs(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    known: BTreeMap<RunId, Arc<Run>>,
    /// Ended runs, the oldest first.
    ended: VecDeque<(Instant, Arc<Run>)>,
    ended_bytes: usize,
}

impl Runs {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a run; `false` when one of its id is known.
    pub(crate) fn add(&self, run: &Arc<Run>) -> bool {
        let mut table = self.table();
        table.forget_old(Instant::now());
        if table.known.contains_key(&run.id) {
            return false;
        }
        table.known.insert(run.id.clone(), Arc::clone(run));
        true
    }

    /// Forgets a run that was never accepted.
    pub(crate) fn remove(&self, run: &RunId) {
        self.table().known.remove(run);
    }

    pub(crate) fn find(&self, run: &RunId) -> Option<Arc<Run>> {
        self.table().known.get(run).cloned()
    }

    /// The runs that have not ended.
    pub(crate) fn live(&self) -> Vec<Arc<Run>> {
        let table = self.table();
        table
            .known
            .values()
            .filter(|run| run.outcome.get().is_none())
            .cloned()
            .collect()
    }

    /// Ends a run: whoever waits is told, and it is remembered for a while.
    pub(crate) fn end(&self, run: &Arc<Run>, outcome: Outcome) {
        let now = Instant::now();
        let bytes = outcome.text.len();
        run.end(outcome);
        let mut table = self.table();
        table.ended_bytes += bytes;
        table.ended.push_back((now, Arc::clone(run)));
        table.forget_old(now);
    }
}

impl Table {
    fn forget_old(&mut self, now: Instant) {
        let age_max = Duration::from_millis(ENDED_MS_MAX);
        while let Some((ended, _)) = self.ended.front() {
            let is_kept = self.ended.len() <= ENDED_RUNS_MAX
                && self.ended_bytes <= ENDED_BYTES_MAX
                && now.duration_since(*ended) <= age_max;
            if is_kept {
                return;
            }
            if let Some((_, run)) = self.ended.pop_front() {
                let bytes = run.outcome().map_or(0, |outcome| outcome.text.len());
                self.ended_bytes = self.ended_bytes.saturating_sub(bytes);
                self.known.remove(&run.id);
            }
        }
    }
}
