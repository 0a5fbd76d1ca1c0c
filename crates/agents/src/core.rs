//! What every part of a running set of agents shares.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use openclaw_models::Models;
use openclaw_sessions::Store;
use openclaw_tools::{Registry, registry::Refusal};
use openclaw_types::{AgentId, Env};
use tokio::{runtime, sync::Semaphore};
use tokio_util::task::TaskTracker;

use crate::{agent::Agent, collective, event::Sink, options::Options, roster::Roster, runs::Runs};

/// The agents, their runs, and what they need of the world.
pub(crate) struct Core {
    pub options: Options,
    pub store: Store,
    pub models: Models,
    pub sink: Arc<dyn Sink>,
    pub env: Arc<dyn Env>,
    /// Tools over the agents themselves.
    pub collective: Arc<Registry>,
    pub runs: Runs,
    /// One for each run in flight.
    pub permits: Semaphore,
    /// The owner of every task of this crate.
    pub tasks: TaskTracker,
    /// Where tasks run, also for those that are started while something is dropped.
    pub runtime: runtime::Handle,
    /// Proposals under deliberation.
    pub proposals: Mutex<BTreeSet<String>>,
    /// Held over a change of the set of agents, so that changes come one after another.
    pub changes: tokio::sync::Mutex<Roster>,
    agents: RwLock<Listed>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct Listed {
    agents: BTreeMap<AgentId, Arc<Agent>>,
    /// The order in which they are listed: as configured, then as found or created.
    order: Vec<AgentId>,
    line: Arc<str>,
}

impl Listed {
    fn write_line(&mut self) {
        let names: Vec<&str> = self.order.iter().map(AgentId::as_str).collect();
        self.line = Arc::from(names.join(", "));
    }
}

/// What a core is made of.
pub(crate) struct Parts {
    pub options: Options,
    pub store: Store,
    pub models: Models,
    pub sink: Arc<dyn Sink>,
    pub env: Arc<dyn Env>,
    pub roster: Roster,
}

impl Core {
    /// # Errors
    /// A tool of the collective can't be registered.
    pub(crate) fn new(parts: Parts) -> Result<Arc<Self>, Refusal> {
        let mut refused = None;
        let core = Arc::new_cyclic(|core| {
            let collective = collective::registry(core).unwrap_or_else(|refusal| {
                refused = Some(refusal);
                Registry::default()
            });
            Self::made(parts, Arc::new(collective))
        });
        match refused {
            Some(refusal) => Err(refusal),
            None => Ok(core),
        }
    }

    fn made(parts: Parts, collective: Arc<Registry>) -> Self {
        Self {
            collective,
            permits: Semaphore::new(parts.options.runs_max.clamp(1, Semaphore::MAX_PERMITS)),
            options: parts.options,
            store: parts.store,
            models: parts.models,
            sink: parts.sink,
            env: parts.env,
            runs: Runs::default(),
            tasks: TaskTracker::new(),
            runtime: runtime::Handle::current(),
            proposals: Mutex::default(),
            changes: tokio::sync::Mutex::new(parts.roster),
            agents: RwLock::default(),
            stopping: AtomicBool::new(false),
        }
    }

    pub(crate) fn agent(&self, agent: &AgentId) -> Option<Arc<Agent>> {
        let listed = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        listed.agents.get(agent).cloned()
    }

    /// All agents in the order in which they are listed.
    pub(crate) fn all(&self) -> Vec<Arc<Agent>> {
        let listed = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        let found = listed.order.iter().map(|id| listed.agents.get(id).cloned());
        found.flatten().collect()
    }

    /// Adds an agent, or replaces it in its place.
    pub(crate) fn put(&self, agent: Arc<Agent>) {
        let mut listed = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        if !listed.agents.contains_key(&agent.id) {
            listed.order.push(agent.id.clone());
            listed.write_line();
        }
        listed.agents.insert(agent.id.clone(), agent);
    }

    pub(crate) fn remove(&self, agent: &AgentId) {
        let mut listed = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        listed.agents.remove(agent);
        listed.order.retain(|id| id != agent);
        listed.write_line();
    }

    /// All agents by id, for prompts.
    pub(crate) fn roster_line(&self) -> Arc<str> {
        let listed = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&listed.line)
    }

    pub(crate) const fn append_deadline(&self) -> Duration {
        Duration::from_millis(self.options.run_deadlines.append_ms)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Takes nothing new from here on.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.tasks.close();
    }

    /// Starts a task that this core owns.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.tasks.spawn_on(task, &self.runtime)
    }
}
