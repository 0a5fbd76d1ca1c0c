//! The store: append, read, list and delete, for every agent of one state directory.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, atomic::Ordering::Relaxed, mpsc},
    thread::JoinHandle,
};

use openclaw_types::{AgentId, Env, RunId, SessionId, Timestamp};
use tokio::{sync::oneshot, time::Duration};

use crate::{
    agent::{AgentFiles, Recovery},
    cache::TailCache,
    chain::{unknown, wait},
    commit::{
        self, Command, Condition, Counters, Durability, Exclusive, Inbox, Refused, Request, Shared,
        lock,
    },
    disk::Disk,
    entry::{Appended, Draft, Entry, Kind},
    error::Error,
    index::SessionSummary,
    limits::{CLOSE_DEADLINE_MS, EXCLUSIVE_DEADLINE_MS},
};

mod read;

/// How a store works. Nothing has a hidden default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The directory that holds one directory per agent.
    pub root: PathBuf,
    /// When an append is acknowledged.
    pub durability: Durability,
    /// The active segment is sealed when it has grown to this.
    pub segment_bytes_max: u64,
    /// The longest line.
    pub entry_bytes_max: usize,
    /// How many appends may wait for the disk.
    pub queue_depth: usize,
    /// How many files are synced side by side, the commit thread's own included.
    pub sync_threads: usize,
    /// How many recent entries of a session in use are kept in memory.
    pub tail_cache_entries: usize,
}

/// What the store has done and is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// When an append is acknowledged.
    pub durability: Durability,
    /// Open agents.
    pub agents: usize,
    /// Sessions that are neither deleted nor archived.
    pub sessions: usize,
    /// Appends waiting for the next round.
    pub queued: usize,
    /// How many may wait.
    pub queue_depth: usize,
    /// Appends accepted since the start.
    pub requests: u64,
    /// Rounds of the commit thread.
    pub rounds: u64,
    /// Files synced.
    pub syncs: u64,
    /// Rounds of one agent that failed.
    pub failures: u64,
    /// Entries that were damaged between being read at the start and being read again.
    pub unreadable: u64,
}

/// A handle to the transcripts of one state directory; clones share it.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    queue_depth: usize,
    shared: Arc<Shared>,
    inbox: Arc<Inbox<Command>>,
    /// A lock for each agent that was ever opened, so that no two open the same one.
    opening: Mutex<BTreeMap<AgentId, Arc<Mutex<()>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Starts the commit thread. Agents are opened one by one.
    ///
    /// # Errors
    /// The threads could not be started.
    pub fn open(options: Options, disk: Arc<dyn Disk>, env: Arc<dyn Env>) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            disk,
            env,
            durability: options.durability,
            segment_bytes_max: options.segment_bytes_max,
            entry_bytes_max: options.entry_bytes_max,
            agents: Mutex::new(BTreeMap::new()),
            cache: Mutex::new(TailCache::new(options.tail_cache_entries)),
            counters: Counters::default(),
        });
        let inbox = Arc::new(Inbox::new(options.queue_depth));
        let thread = commit::start(
            Arc::clone(&shared),
            Arc::clone(&inbox),
            options.sync_threads,
        )
        .map_err(|error| Error::disk("start the threads for", &options.root, error))?;
        Ok(Self(Arc::new(Inner {
            root: options.root,
            queue_depth: options.queue_depth,
            shared,
            inbox,
            opening: Mutex::default(),
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// Opens an agent's transcript, made if there is none, and says what was found in it.
    ///
    /// An agent that is open stays as it is. Several may be opened side by side, from as many threads.
    ///
    /// # Errors
    /// Another process holds the transcript, or it cannot be opened or read.
    pub fn open_agent(&self, agent: &AgentId) -> Result<Recovery, Error> {
        let shared = &self.0.shared;
        // One opening of an agent at a time; other agents open and append meanwhile, however long the file is.
        let opening = Arc::clone(lock(&self.0.opening).entry(agent.clone()).or_default());
        let _opening = lock(&opening);
        if lock(&shared.agents).contains_key(agent) {
            return Ok(Recovery::default());
        }
        let dir = self.0.root.join(agent.as_str());
        let (files, recovery) = AgentFiles::open(&*shared.disk, &*shared.env, agent.clone(), dir)?;
        lock(&shared.agents).insert(agent.clone(), Arc::new(files));
        Ok(recovery)
    }

    /// Lets go of an agent's transcript, after what was asked of it before.
    ///
    /// Waits for the round in flight, so it may block for some milliseconds.
    pub fn close_agent(&self, agent: &AgentId) {
        let Some(files) = lock(&self.0.shared.agents).remove(agent) else {
            return;
        };
        files.stop_rewriting();
        let (done, closed) = mpsc::sync_channel(1);
        if self
            .0
            .inbox
            .push_control(Command::Close(files, done))
            .is_ok()
            && closed
                .recv_timeout(Duration::from_millis(CLOSE_DEADLINE_MS))
                .is_err()
        {
            tracing::warn!(%agent, "the disk is slow: the transcript closes later");
        }
        lock(&self.0.shared.cache).forget_agent(agent);
    }

    /// Appends entries, which become durable together. They are queued by the time this returns, so the
    /// order of calls is the order in the file; the future resolves when they are on stable storage.
    ///
    /// # Errors
    /// Nothing is promised of the entries then, and nothing of them is half there.
    pub fn append(
        &self,
        agent: &AgentId,
        drafts: Vec<Draft>,
    ) -> impl Future<Output = Result<Vec<Appended>, Error>> + Send + 'static + use<> {
        self.queue(agent, drafts, Vec::new())
    }

    /// Appends entries from elsewhere, with their times and under new ids and numbers; like [`Store::append`] in
    /// everything else.
    pub(crate) fn queue(
        &self,
        agent: &AgentId,
        drafts: Vec<Draft>,
        imported: Vec<Entry>,
    ) -> impl Future<Output = Result<Vec<Appended>, Error>> + Send + 'static + use<> {
        let queued = self.enqueue(agent, drafts, imported);
        async move {
            match queued?.await {
                Ok(result) => result,
                Err(_) => Err(Error::Closed),
            }
        }
    }

    fn enqueue(
        &self,
        agent: &AgentId,
        drafts: Vec<Draft>,
        imported: Vec<Entry>,
    ) -> Result<oneshot::Receiver<Result<Vec<Appended>, Error>>, Error> {
        let files = self.agent(agent)?;
        let drafted: usize = drafts.iter().map(Draft::queue_bytes).sum();
        let bytes = drafted + imported.iter().map(Entry::memory_bytes).sum::<usize>();
        let bytes_max = self.0.shared.entry_bytes_max;
        let drafted = drafts.iter().map(|draft| draft.content.len());
        if let Some(bytes) = drafted
            .chain(imported.iter().map(|entry| entry.content.len()))
            .find(|&bytes| bytes > bytes_max)
        {
            return Err(Error::TooLarge { bytes, bytes_max });
        }
        self.push(files, (drafts, imported, None), bytes)
    }

    fn push(
        &self,
        files: Arc<AgentFiles>,
        (drafts, imported, only_if): (Vec<Draft>, Vec<Entry>, Option<Condition>),
        bytes: usize,
    ) -> Result<oneshot::Receiver<Result<Vec<Appended>, Error>>, Error> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Append(
            files,
            Request {
                drafts,
                imported,
                only_if,
                reply,
            },
        );
        match self.0.inbox.push(command, bytes) {
            Ok(()) => {
                self.0.shared.counters.requests.fetch_add(1, Relaxed);
                Ok(answer)
            }
            Err(Refused::Full) => Err(Error::Busy),
            Err(Refused::Closed) => Err(Error::Closed),
        }
    }

    /// Appends an entry if something holds of its session; the answer is empty if not.
    pub(crate) fn append_if(
        &self,
        agent: &AgentId,
        entry: Entry,
        condition: Condition,
    ) -> impl Future<Output = Result<Vec<Appended>, Error>> + Send + 'static + use<> {
        let bytes = entry.memory_bytes();
        let files = self.agent(agent);
        let queued = files
            .and_then(|files| self.push(files, (Vec::new(), vec![entry], Some(condition)), bytes));
        async move {
            match queued?.await {
                Ok(result) => result,
                Err(_) => Err(Error::Closed),
            }
        }
    }

    /// The disk the transcripts are on.
    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.0.shared.disk
    }

    /// The environment's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.shared.env.now()
    }

    /// A session's id: the one given, or a fresh one. The session is on disk with its first entry only.
    ///
    /// # Errors
    /// The agent is not open.
    pub fn create(&self, agent: &AgentId, session: Option<SessionId>) -> Result<SessionId, Error> {
        self.agent(agent)?;
        if let Some(session) = session {
            return Ok(session);
        }
        let fresh = format!("sess-{}", self.0.shared.env.fresh_id());
        Ok(SessionId::parse(&fresh)?)
    }

    /// The sessions of one agent, or of all open ones; deleted and archived ones are left out.
    #[must_use]
    pub fn list(&self, agent: Option<&AgentId>) -> Vec<SessionSummary> {
        let mut found = Vec::new();
        for files in self.wanted(agent) {
            found.extend(files.view().index.list(&files.id));
        }
        found
    }

    /// The archived sessions of one agent, or of all open ones; deleted ones are left out.
    #[must_use]
    pub fn list_archived(&self, agent: Option<&AgentId>) -> Vec<SessionSummary> {
        let mut found = Vec::new();
        for files in self.wanted(agent) {
            found.extend(files.view().index.list_archived(&files.id));
        }
        found
    }

    pub(crate) fn wanted(&self, agent: Option<&AgentId>) -> Vec<Arc<AgentFiles>> {
        match agent {
            Some(agent) => self.agent(agent).into_iter().collect(),
            None => lock(&self.0.shared.agents).values().cloned().collect(),
        }
    }

    /// How many sessions of an agent are neither deleted nor archived.
    ///
    /// # Errors
    /// The agent is not open.
    pub fn count(&self, agent: &AgentId) -> Result<usize, Error> {
        Ok(self.agent(agent)?.view().index.len())
    }

    /// One session, unless it does not exist or is deleted.
    #[must_use]
    pub fn summary(&self, agent: &AgentId, session: &SessionId) -> Option<SessionSummary> {
        let files = self.agent(agent).ok()?;
        files.view().index.summary(agent, session)
    }

    /// Hides a session behind a tombstone.
    ///
    /// # Errors
    /// There is no such session, or the tombstone could not be made durable.
    pub async fn delete(&self, agent: &AgentId, session: &SessionId) -> Result<(), Error> {
        if !self.agent(agent)?.view().index.is_alive(session) {
            return Err(unknown(agent, session));
        }
        let tombstone = Draft::record(Kind::Tombstone, session.clone());
        self.append(agent, vec![tombstone]).await.map(drop)
    }

    /// Hides a session behind a tombstone, and waits for the disk on this thread.
    ///
    /// # Errors
    /// There is no such session, or the tombstone could not be made durable.
    pub fn delete_now(&self, agent: &AgentId, session: &SessionId) -> Result<(), Error> {
        wait(self.delete(agent, session))
    }

    /// Runs that have a user's entry and no end, as found at open, less those ended since.
    #[must_use]
    pub fn unfinished_runs(&self, agent: &AgentId) -> Vec<(SessionId, RunId)> {
        self.agent(agent)
            .map_or_else(|_| Vec::new(), |files| files.view().index.unfinished_runs())
    }

    /// What the store has done and is doing.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = &self.0.shared;
        let agents: Vec<_> = lock(&shared.agents).values().cloned().collect();
        let counters = &shared.counters;
        Stats {
            durability: shared.durability,
            agents: agents.len(),
            sessions: agents.iter().map(|files| files.view().index.len()).sum(),
            queued: self.0.inbox.len(),
            queue_depth: self.0.queue_depth,
            requests: counters.requests.load(Relaxed),
            rounds: counters.rounds.load(Relaxed),
            syncs: counters.syncs.load(Relaxed),
            failures: counters.failures.load(Relaxed),
            unreadable: counters.unreadable.load(Relaxed),
        }
    }

    /// Writes and syncs what waits, gives the files back, and stops the threads. Appends are refused from
    /// then on; reading goes on.
    ///
    /// # Errors
    /// Something acknowledged before its sync, as the durability allows, could not be synced.
    pub async fn shutdown(&self) -> Result<(), Error> {
        for files in self.wanted(None) {
            files.stop_rewriting();
        }
        let (done, ended) = oneshot::channel();
        let asked = self.0.inbox.push_control(Command::Shutdown(done));
        let result = match asked {
            Ok(()) => ended.await.unwrap_or(Err(Error::Closed)),
            Err(_) => Ok(()),
        };
        let thread = lock(&self.0.thread).take();
        // It has answered: what is left of it is closing files, not waiting for anybody.
        if thread.is_some_and(|thread| thread.join().is_err()) {
            return Err(Error::Closed);
        }
        result
    }

    /// Does something while nothing else happens to any transcript, and waits for it.
    ///
    /// # Errors
    /// The store is closed, or the disk is so slow that it is still to come.
    pub(crate) fn exclusively<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Shared) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (done, acted) = mpsc::sync_channel(1);
        let act = move |shared: &Shared| {
            // Who asked may have stopped waiting.
            done.try_send(act(shared)).unwrap_or_default();
        };
        let asked = Command::Exclusive(Exclusive(Box::new(act)));
        if self.0.inbox.push_control(asked).is_err() {
            return Err(Error::Closed);
        }
        let deadline = Duration::from_millis(EXCLUSIVE_DEADLINE_MS);
        acted.recv_timeout(deadline).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => Error::Busy,
            mpsc::RecvTimeoutError::Disconnected => Error::Closed,
        })
    }

    pub(crate) fn agent(&self, agent: &AgentId) -> Result<Arc<AgentFiles>, Error> {
        let found = lock(&self.0.shared.agents).get(agent).cloned();
        found.ok_or_else(|| Error::UnknownAgent {
            agent: agent.clone(),
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.inbox.close();
    }
}
