//! The commit thread: one per state directory, the only writer of every transcript below it.
//!
//! A round takes all that waits, writes each agent's lines with one write, syncs the touched files side by
//! side, and then answers everybody. While a round waits for the disk the next one gathers, so that the
//! disk is the limit and the number of syncs falls as the load rises.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread::{Builder, JoinHandle},
};

use openclaw_types::{AgentId, Env};
use tokio::{
    sync::oneshot,
    time::{Duration, Instant},
};

use self::{
    batch::{Batch, Written},
    sync::SyncPool,
};
pub(crate) use self::{
    batch::{Condition, Request},
    inbox::{Inbox, Refused},
};
use crate::{
    agent::{AgentFiles, Writer},
    cache::TailCache,
    disk::Disk,
    error::Error,
    limits::STACK_BYTES,
};

mod batch;
mod inbox;
mod sync;

/// When an append is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When it is on stable storage.
    Always,
    /// When the kernel has it; synced at this interval. A power cut may cost the last interval.
    Batch {
        /// Milliseconds between syncs.
        interval_ms: u64,
    },
    /// When the kernel has it; synced when the kernel likes and at shutdown.
    Os,
}

/// What the commit thread is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Append to an agent's transcript.
    Append(Arc<AgentFiles>, Request),
    /// Give an agent's file back, after what was asked before.
    Close(Arc<AgentFiles>, mpsc::SyncSender<()>),
    /// Read an agent's transcript again, without the cache of its index.
    Reread(Arc<AgentFiles>, mpsc::SyncSender<()>),
    /// Do something while nothing else happens to any transcript.
    Exclusive(Exclusive),
    /// Sync everything, give all files back, stop.
    Shutdown(oneshot::Sender<Result<(), Error>>),
}

/// Something to be done between rounds.
pub(crate) struct Exclusive(pub(crate) Box<dyn FnOnce(&Shared) + Send>);

impl std::fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exclusive")
    }
}

/// What the store and its commit thread share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) durability: Durability,
    pub(crate) segment_bytes_max: u64,
    pub(crate) entry_bytes_max: usize,
    pub(crate) agents: Mutex<BTreeMap<AgentId, Arc<AgentFiles>>>,
    pub(crate) cache: Mutex<TailCache>,
    pub(crate) counters: Counters,
}

/// What has happened since the store was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    pub(crate) rounds: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) unreadable: AtomicU64,
}

/// Starts the thread and its helpers.
pub(crate) fn start(
    shared: Arc<Shared>,
    inbox: Arc<Inbox<Command>>,
    sync_threads: usize,
) -> io::Result<JoinHandle<()>> {
    let pool = SyncPool::start(sync_threads)?;
    let thread = CommitThread {
        shared,
        inbox,
        pool,
        synced_at: Instant::now(),
    };
    Builder::new()
        .name("sessions-commit".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || thread.run())
}

#[derive(Debug)]
struct CommitThread {
    shared: Arc<Shared>,
    inbox: Arc<Inbox<Command>>,
    pool: SyncPool,
    synced_at: Instant,
}

impl CommitThread {
    fn run(mut self) {
        let mut commands = Vec::new();
        while self.inbox.take(&mut commands, self.wait()) {
            self.round(&mut commands);
            if self.wait().is_some_and(|wait| wait.is_zero()) {
                self.sync_late();
            }
        }
        self.sync_late();
        self.close_all();
    }

    /// How long to wait for work before a late sync is due.
    fn wait(&self) -> Option<Duration> {
        match self.shared.durability {
            Durability::Always | Durability::Os => None,
            Durability::Batch { interval_ms } => {
                Some(Duration::from_millis(interval_ms).saturating_sub(self.synced_at.elapsed()))
            }
        }
    }

    /// Carries out commands; what comes before a close or a shutdown is written before it.
    fn round(&mut self, commands: &mut Vec<Command>) {
        let mut batches: Vec<Batch> = Vec::new();
        for command in commands.drain(..) {
            match command {
                Command::Append(agent, request) => add(&mut batches, agent, request),
                Command::Close(agent, done) => {
                    self.commit(std::mem::take(&mut batches));
                    self.sync_late();
                    agent.checkpoint(&*self.shared.disk);
                    agent.close();
                    // Who asked may have stopped waiting.
                    done.try_send(()).unwrap_or_default();
                }
                Command::Reread(agent, done) => {
                    self.commit(std::mem::take(&mut batches));
                    let shared = &self.shared;
                    if let Err(error) = agent.reread(&*shared.disk, &*shared.env, &shared.cache) {
                        tracing::error!(agent = %agent.id, error = &error as &dyn std::error::Error, "the transcript could not be read again");
                    }
                    done.try_send(()).unwrap_or_default();
                }
                Command::Exclusive(Exclusive(act)) => {
                    self.commit(std::mem::take(&mut batches));
                    act(&self.shared);
                }
                Command::Shutdown(done) => {
                    self.inbox.close();
                    self.commit(std::mem::take(&mut batches));
                    let synced = self.sync_late();
                    self.close_all();
                    drop(done.send(synced.map_or(Ok(()), Err)));
                }
            }
        }
        self.commit(batches);
    }

    fn commit(&self, batches: Vec<Batch>) {
        if batches.is_empty() {
            return;
        }
        let shared = &self.shared;
        let counters = &shared.counters;
        counters.rounds.fetch_add(1, Relaxed);
        let written: Vec<Written> = batches
            .into_iter()
            .filter_map(|batch| {
                let written = batch.write(shared);
                counters
                    .failures
                    .fetch_add(u64::from(written.is_none()), Relaxed);
                written
            })
            .collect();
        let synced = match shared.durability {
            Durability::Always => self.sync(&written),
            Durability::Batch { .. } | Durability::Os => written.iter().map(|_| Ok(())).collect(),
        };
        for (batch, synced) in written.into_iter().zip(synced) {
            let agent = Arc::clone(&batch.agent);
            if batch.finish(synced, &*shared.disk, &shared.cache) {
                self.seal_if_full(&agent);
            } else {
                counters.failures.fetch_add(1, Relaxed);
            }
        }
    }

    fn sync(&self, written: &[Written]) -> Vec<io::Result<()>> {
        let files: Vec<_> = written
            .iter()
            .map(|batch| Arc::clone(&batch.file))
            .collect();
        self.shared
            .counters
            .syncs
            .fetch_add(files.len() as u64, Relaxed);
        let results = self.pool.sync(files);
        for (batch, result) in written.iter().zip(&results) {
            if result.is_ok()
                && let Some(active) = batch.agent.writer().ready()
            {
                active.dirty = false;
            }
        }
        results
    }

    /// Syncs what the later-syncing modes have left unsynced. A failure poisons the segment: what is in it
    /// was acknowledged as the mode says, and what follows goes into a new one.
    fn sync_late(&mut self) -> Option<Error> {
        self.synced_at = Instant::now();
        let mut failed = None;
        for agent in self.agents() {
            let mut writer = agent.writer();
            let Some(active) = writer.ready().filter(|active| active.dirty) else {
                continue;
            };
            self.shared.counters.syncs.fetch_add(1, Relaxed);
            let synced = active.file.datasync();
            if synced.is_ok() {
                active.dirty = false;
            }
            if let Err(error) = synced {
                writer.poison();
                let error = Error::disk("sync", agent.layout.active(), error);
                tracing::error!(agent = %agent.id, error = &error as &dyn std::error::Error, "a late sync failed");
                failed = Some(error);
            }
        }
        failed
    }

    fn seal_if_full(&self, agent: &AgentFiles) {
        let full = match &*agent.writer() {
            Writer::Ready(active) => active.len >= self.shared.segment_bytes_max,
            Writer::Poisoned(_) | Writer::Lost | Writer::Closed => false,
        };
        if !full {
            return;
        }
        // The entries are durable where they are; a segment that cannot be sealed now grows a little more.
        if let Err(error) = agent.seal(&*self.shared.disk) {
            tracing::warn!(agent = %agent.id, error = &error as &dyn std::error::Error, "the segment could not be sealed");
        } else {
            agent.checkpoint_if_due(&*self.shared.disk);
        }
    }

    fn close_all(&self) {
        for agent in self.agents() {
            agent.checkpoint(&*self.shared.disk);
            agent.close();
        }
    }

    fn agents(&self) -> Vec<Arc<AgentFiles>> {
        lock(&self.shared.agents).values().cloned().collect()
    }
}

/// Puts a request with the others of its agent; order within an agent is order of arrival.
fn add(batches: &mut Vec<Batch>, agent: Arc<AgentFiles>, request: Request) {
    match batches
        .iter_mut()
        .find(|batch| Arc::ptr_eq(&batch.agent, &agent))
    {
        Some(batch) => batch.requests.push(request),
        None => batches.push(Batch {
            agent,
            requests: vec![request],
        }),
    }
}

/// A thread that panicked left the data as it was: every change under these locks is made whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
