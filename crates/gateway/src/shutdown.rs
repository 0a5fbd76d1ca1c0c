//! In what order the gateway stops: take nothing new, let runs end, flush, say goodbye, go.

use std::time::Duration;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{boot::Error, keeper, state::State};

/// Time for runs to end by themselves before they are aborted. Their entries say so.
const RUNS_DEADLINE: Duration = Duration::from_secs(10);
/// Time for runs that were aborted to write their last entry.
const RUNS_GRACE: Duration = Duration::from_secs(3);
/// Time for commit markers to be written.
const MARKERS_DEADLINE: Duration = Duration::from_secs(3);
/// Time for transcripts to reach the disk.
const FLUSH_DEADLINE: Duration = Duration::from_secs(10);
/// Time for connections to hear goodbye.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(3);
/// Time for the models' processes to end.
const MODELS_DEADLINE: Duration = Duration::from_secs(5);

/// Tells a service manager that we are ready, where one started us.
pub(crate) fn notify_ready() {
    notify(&[sd_notify::NotifyState::Ready]);
}

fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager was not told");
    }
}

/// The signals that mean a stop, received from here on.
pub(crate) struct Signals {
    term: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Receives them instead of being ended by them.
    pub(crate) fn new() -> Result<Self, Error> {
        let receive = |kind| signal(kind).map_err(|source| Error::Signals { source });
        Ok(Self {
            term: receive(SignalKind::terminate())?,
            interrupt: receive(SignalKind::interrupt())?,
        })
    }

    /// Resolves on SIGTERM, SIGINT, or when somebody with the right asks.
    pub(crate) async fn wait(mut self, stop: &CancellationToken) {
        tokio::select! {
            biased;
            _signal = self.term.recv() => tracing::info!("SIGTERM received"),
            _signal = self.interrupt.recv() => tracing::info!("SIGINT received"),
            () = stop.cancelled() => tracing::info!("a stop was requested"),
        }
    }
}

/// Stops everything in order; each step has a deadline, so that a stop always ends.
pub(crate) async fn drain(state: &State, accepting: &CancellationToken) {
    notify(&[sd_notify::NotifyState::Stopping]);
    state.stopping.cancel();
    accepting.cancel();
    if timeout(
        RUNS_DEADLINE + RUNS_GRACE,
        state.agents.shutdown(RUNS_DEADLINE),
    )
    .await
    .is_err()
    {
        tracing::warn!("runs did not end in time");
    }
    // Answers of runs that just ended are in the outboxes now; connections write them before their goodbye.
    state.draining.cancel();
    let _closed = state.tasks.close();
    if timeout(GOODBYE_DEADLINE, state.tasks.wait()).await.is_err() {
        tracing::warn!("connections did not close in time");
    }
    // The last entries of runs are in by now.
    if timeout(MARKERS_DEADLINE, keeper::finish(state))
        .await
        .is_err()
    {
        tracing::warn!("sessions were not all marked in time");
    }
    match timeout(FLUSH_DEADLINE, state.store.shutdown()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "transcripts not flushed"),
        Err(_elapsed) => tracing::error!("transcripts not flushed in time"),
    }
    if timeout(MODELS_DEADLINE, state.models.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("models did not stop in time");
    }
    state.accounts.shutdown();
    tracing::info!("gateway stopped");
}

/// How long a stop may take at most, for those who wait for it.
pub const STOP_DEADLINE: Duration = RUNS_DEADLINE
    .saturating_add(RUNS_GRACE)
    .saturating_add(MARKERS_DEADLINE)
    .saturating_add(FLUSH_DEADLINE)
    .saturating_add(GOODBYE_DEADLINE)
    .saturating_add(MODELS_DEADLINE);
