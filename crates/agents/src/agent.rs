//! One agent: its workspace as last read, its lanes, and its state.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use openclaw_types::{AgentId, Priority, RunId, SessionId, Timestamp};
use tokio::sync::Notify;

pub(crate) use self::character::{Character, SystemKey};
use crate::{
    agents::AgentState,
    core::Core,
    event::{Event, EventKind, Sink},
    kit::Kit,
    lane::{Filled, Full, Lanes, Waiting},
    options::AgentOptions,
    outcome,
    queue::Ticket,
    settings::Traits,
    templates,
    workspace::Workspace,
};

mod character;

#[derive(Debug)]
struct Desk {
    lanes: Lanes,
    /// Messages on their way to the disk.
    arriving: usize,
    /// Accepted runs that have not ended.
    active: usize,
    state: AgentState,
    last_activity: Option<Timestamp>,
    /// No new work is taken: the agent is being restarted or deleted.
    is_closed: bool,
}

/// One agent.
pub(crate) struct Agent {
    pub id: AgentId,
    /// What the gateway's configuration says of it, if anything.
    pub configured: Option<AgentOptions>,
    workspace: Result<Workspace, String>,
    path: PathBuf,
    character: Mutex<Option<Arc<Character>>>,
    desk: Mutex<Desk>,
    rested: Notify,
    sink: Arc<dyn Sink>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent")
            .field("id", &self.id)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What a new agent is made of.
pub(crate) struct Parts {
    pub id: AgentId,
    pub configured: Option<AgentOptions>,
    /// The workspace, or why it cannot be used.
    pub workspace: Result<Workspace, String>,
    pub path: PathBuf,
    pub lanes: Lanes,
    pub sink: Arc<dyn Sink>,
}

impl Agent {
    pub(crate) fn new(parts: Parts) -> Self {
        let state = match &parts.workspace {
            Ok(_) => AgentState::Idle,
            Err(reason) => AgentState::Error {
                reason: reason.clone(),
            },
        };
        Self {
            id: parts.id,
            configured: parts.configured,
            workspace: parts.workspace,
            path: parts.path,
            character: Mutex::new(None),
            desk: Mutex::new(Desk {
                lanes: parts.lanes,
                arriving: 0,
                active: 0,
                state,
                last_activity: None,
                is_closed: false,
            }),
            rested: Notify::new(),
            sink: parts.sink,
        }
    }

    /// What it may do.
    pub(crate) fn kit(&self, core: &Core) -> Kit {
        let policy = self.configured.as_ref().map(|agent| agent.tools.clone());
        let registries = [&core.options.tools, &core.collective].map(Arc::clone);
        Kit::new(registries, policy.unwrap_or_default())
    }

    pub(crate) const fn path(&self) -> &PathBuf {
        &self.path
    }

    /// The workspace.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn workspace(&self) -> Result<&Workspace, String> {
        self.workspace.as_ref().map_err(Clone::clone)
    }

    /// What the workspace says now: as last read, unless a file has changed since.
    ///
    /// # Errors
    /// Why it cannot be used; the agent's state says so too, until it can.
    pub(crate) fn character(&self) -> Result<Arc<Character>, String> {
        let workspace = self.workspace()?;
        let stamp = workspace.stamp();
        let mut character = lock(&self.character);
        if let Some(known) = character.as_ref()
            && known.stamp == stamp
        {
            return Ok(Arc::clone(known));
        }
        match Character::read(&self.id, self.configured.as_ref(), workspace, stamp) {
            Ok(read) => {
                let read = Arc::new(read);
                *character = Some(Arc::clone(&read));
                drop(character);
                self.repaired();
                Ok(read)
            }
            Err(error) => {
                *character = None;
                drop(character);
                let reason = outcome::chain(&error);
                self.broken(&reason);
                Err(reason)
            }
        }
    }

    /// Whether the agent can run as far as is known; one that could not is looked at again.
    ///
    /// # Errors
    /// Why it cannot.
    pub(crate) fn check(&self) -> Result<(), String> {
        let is_broken = matches!(lock(&self.desk).state, AgentState::Error { .. });
        if is_broken {
            self.character().map(drop)
        } else {
            Ok(())
        }
    }

    /// What is known of the agent, even where its workspace cannot be read.
    pub(crate) fn traits(&self) -> Traits {
        self.character().map_or_else(
            |_| {
                self.configured
                    .as_ref()
                    .map_or_else(|| templates::defaults(&self.id), AgentOptions::traits)
            },
            |character| character.traits.clone(),
        )
    }

    pub(crate) fn reserve(
        &self,
        session: &SessionId,
        run: RunId,
        priority: Priority,
    ) -> Result<Ticket, Refusal> {
        let mut desk = lock(&self.desk);
        if desk.is_closed {
            return Err(Refusal::Closed);
        }
        let ticket = desk.lanes.reserve(session, run, priority);
        desk.arriving += usize::from(ticket.is_ok());
        ticket.map_err(Refusal::Full)
    }

    /// Gives a place back that is not needed, or not any more.
    pub(crate) fn release(&self, session: &SessionId, ticket: Ticket) {
        let mut desk = lock(&self.desk);
        desk.lanes.release(session, ticket);
        self.arrived(&mut desk);
    }

    /// Puts an accepted message in its place.
    pub(crate) fn fill(
        &self,
        session: &SessionId,
        ticket: Ticket,
        waiting: Waiting,
    ) -> Option<Filled> {
        let mut desk = lock(&self.desk);
        self.arrived(&mut desk);
        desk.lanes.fill(session, ticket, waiting)
    }

    fn arrived(&self, desk: &mut Desk) {
        desk.arriving = desk.arriving.saturating_sub(1);
        self.rested_if_free(desk);
    }

    fn rested_if_free(&self, desk: &Desk) {
        if desk.active == 0 && desk.arriving == 0 {
            self.rested.notify_waiters();
        }
    }

    pub(crate) fn next(&self, session: &SessionId) -> Option<Waiting> {
        lock(&self.desk).lanes.next(session)
    }

    pub(crate) fn take(&self, session: &SessionId, run: &RunId) -> Option<Waiting> {
        lock(&self.desk).lanes.take(session, run)
    }

    pub(crate) fn runs(&self, session: &SessionId) -> Vec<RunId> {
        lock(&self.desk).lanes.runs(session)
    }

    pub(crate) fn depth(&self, session: &SessionId) -> usize {
        lock(&self.desk).lanes.depth(session)
    }

    /// A run was accepted.
    pub(crate) fn busier(&self, now: Timestamp) {
        let mut desk = lock(&self.desk);
        desk.active += 1;
        desk.last_activity = Some(now);
        if desk.state == AgentState::Idle {
            self.turn_to(&mut desk, AgentState::Busy);
        }
    }

    /// An accepted run has ended.
    pub(crate) fn calmer(&self, now: Timestamp) {
        let mut desk = lock(&self.desk);
        desk.active = desk.active.saturating_sub(1);
        desk.last_activity = Some(now);
        if desk.active == 0 {
            if desk.state == AgentState::Busy {
                self.turn_to(&mut desk, AgentState::Idle);
            }
            self.rested_if_free(&desk);
        }
    }

    /// Looks at the settings, so that broken ones show in the state before anyone needs them. The texts are
    /// left unread until then.
    pub(crate) fn look_at_settings(&self) {
        if let Ok(workspace) = self.workspace()
            && let Err(error) = workspace.read_settings()
        {
            self.broken(&outcome::chain(&error));
        }
    }

    fn broken(&self, reason: &str) {
        let mut desk = lock(&self.desk);
        if !desk.is_closed {
            let reason = reason.to_owned();
            self.turn_to(&mut desk, AgentState::Error { reason });
        }
    }

    fn repaired(&self) {
        let mut desk = lock(&self.desk);
        if matches!(desk.state, AgentState::Error { .. }) {
            let now = if desk.active == 0 {
                AgentState::Idle
            } else {
                AgentState::Busy
            };
            self.turn_to(&mut desk, now);
        }
    }

    /// Announces an agent that has just joined.
    pub(crate) fn announce(&self) {
        let mut desk = lock(&self.desk);
        let now = std::mem::replace(&mut desk.state, AgentState::Offline);
        self.turn_to(&mut desk, now);
    }

    /// Takes no new work from here on.
    pub(crate) fn close(&self) {
        let mut desk = lock(&self.desk);
        desk.is_closed = true;
        self.turn_to(&mut desk, AgentState::Offline);
    }

    /// Takes work again.
    pub(crate) fn reopen(&self) {
        let mut desk = lock(&self.desk);
        desk.is_closed = false;
        let now = if desk.active == 0 {
            AgentState::Idle
        } else {
            AgentState::Busy
        };
        self.turn_to(&mut desk, now);
    }

    /// Changes the state, and says so while the desk is held: whoever listens hears every change in order.
    fn turn_to(&self, desk: &mut Desk, now: AgentState) {
        if desk.state == now {
            return;
        }
        let previous = std::mem::replace(&mut desk.state, now.clone());
        self.sink.emit(Event {
            run: None,
            agent: self.id.clone(),
            session: None,
            kind: EventKind::AgentState { previous, now },
        });
    }

    /// Resolves when no run is left and none is on its way.
    pub(crate) async fn rest(&self) {
        loop {
            let rested = self.rested.notified();
            if self.is_free() {
                return;
            }
            rested.await;
        }
    }

    fn is_free(&self) -> bool {
        let desk = lock(&self.desk);
        desk.active == 0 && desk.arriving == 0
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let desk = lock(&self.desk);
        Snapshot {
            state: desk.state.clone(),
            running: desk.lanes.running(),
            waiting: desk.lanes.waiting(),
            last_activity: desk.last_activity,
        }
    }
}

/// Why no place is given.
#[derive(Debug)]
pub(crate) enum Refusal {
    Closed,
    Full(Full),
}

/// The moving part of an agent's status.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub state: AgentState,
    pub running: usize,
    pub waiting: usize,
    pub last_activity: Option<Timestamp>,
}
