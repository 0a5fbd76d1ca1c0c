//! Creating, deleting, restarting and configuring agents while others run.

use std::{path::PathBuf, sync::Arc, time::Duration};

use openclaw_types::AgentId;
use serde_json::Value;

use super::{AgentStatus, Agents, open, status_of};
use crate::{
    agent::Agent,
    core::Core,
    error::Error,
    limits::WITHDRAW_MS,
    options::AgentOptions,
    outcome::chain,
    roster::Roster,
    settings::{self, Settings, Traits},
    turn::AbortCause,
    workspace::Workspace,
};

/// An agent to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAgent {
    /// Its id.
    pub id: AgentId,
    /// What it is called; else its id.
    pub name: Option<String>,
    /// What it is for, in a word.
    pub role: Option<String>,
    /// What it is for, in a sentence.
    pub purpose: Option<String>,
    /// How it is shown in lists.
    pub emoji: Option<String>,
    /// Its model reference.
    pub model: Option<String>,
}

impl NewAgent {
    pub(super) fn describe(&self, traits: &mut Traits) {
        let words = [
            (&self.name, &mut traits.name),
            (&self.role, &mut traits.role),
        ];
        for (given, word) in words {
            if let Some(given) = given {
                word.clone_from(given);
            }
        }
        if self.emoji.is_some() {
            traits.emoji.clone_from(&self.emoji);
        }
        if self.model.is_some() {
            traits.model.clone_from(&self.model);
        }
    }
}

impl Agents {
    /// Makes an agent: its workspace, its transcript, its place in the list. It can be talked to at once.
    ///
    /// # Errors
    /// There is one of this id, a value is refused, or the disk refuses.
    pub async fn create(&self, new: NewAgent) -> Result<AgentStatus, Error> {
        let core = Arc::clone(self.core());
        let id = new.id.clone();
        see_through(self.core(), id, async move { create(&core, new).await }).await
    }

    /// Stops an agent and moves its workspace to the trash, where every byte of it stays; returns where.
    ///
    /// # Errors
    /// There is no such agent, its runs don't stop, or the disk refuses; the agent goes on then.
    pub async fn delete(&self, id: &AgentId) -> Result<Option<PathBuf>, Error> {
        let (core, agent) = (Arc::clone(self.core()), id.clone());
        let change = async move { delete(&core, &agent).await };
        see_through(self.core(), id.clone(), change).await
    }

    /// Stops an agent's runs and opens its workspace and transcript again.
    ///
    /// # Errors
    /// There is no such agent, or its runs don't stop.
    pub async fn restart(&self, id: &AgentId) -> Result<AgentStatus, Error> {
        let (core, agent) = (Arc::clone(self.core()), id.clone());
        let change = async move { restart(&core, &agent).await };
        see_through(self.core(), id.clone(), change).await
    }

    /// What holds for an agent: all of it, or what stands under a dotted key.
    ///
    /// # Errors
    /// There is no such agent or key, or its settings are broken.
    pub async fn config_get(&self, id: &AgentId, key: Option<&str>) -> Result<Value, Error> {
        let core = self.core();
        let _changes = core.changes.lock().await;
        held(core, id, key)
    }

    /// Changes one value in the agent's own settings; `null` takes it back. It holds from the next run on.
    ///
    /// # Errors
    /// There is no such agent or key, the value is refused, or the disk refuses; nothing is changed then.
    pub async fn config_set(&self, id: &AgentId, key: &str, value: Value) -> Result<Value, Error> {
        let (core, agent, key) = (Arc::clone(self.core()), id.clone(), key.to_owned());
        let change = async move {
            let _changes = core.changes.lock().await;
            let workspace = known(&core, &agent)?;
            let workspace = workspace.workspace().map_err(|reason| Error::Broken {
                agent: agent.clone(),
                reason,
            })?;
            write(&agent, workspace, &key, value)?;
            held(&core, &agent, Some(&key))
        };
        see_through(self.core(), id.clone(), change).await
    }
}

/// Makes a change as a task of the core, so that it is done even when whoever asked for it leaves: half a change is an
/// agent that is listed and answers nobody.
async fn see_through<T: Send + 'static>(
    core: &Core,
    agent: AgentId,
    change: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    if core.is_stopping() {
        return Err(Error::Stopping);
    }
    match core.spawn(change).await {
        Ok(result) => result,
        Err(source) => Err(Error::ChangeBrokeOff { agent, source }),
    }
}

fn known(core: &Core, id: &AgentId) -> Result<Arc<Agent>, Error> {
    core.agent(id)
        .ok_or_else(|| Error::UnknownAgent { agent: id.clone() })
}

async fn create(core: &Arc<Core>, new: NewAgent) -> Result<AgentStatus, Error> {
    let mut roster = core.changes.lock().await;
    let id = new.id.clone();
    if core.agent(&id).is_some() {
        return Err(Error::AgentExists { agent: id });
    }
    check(&new)?;
    roster.add(&id)?;
    let configured = configured(core, &id);
    let agent = open(core, id.clone(), configured, Some(&new));
    agent
        .character()
        .map_err(|reason| Error::Broken { agent: id, reason })?;
    agent.announce();
    Ok(status_of(core, &agent))
}

async fn delete(core: &Arc<Core>, id: &AgentId) -> Result<Option<PathBuf>, Error> {
    let mut roster = core.changes.lock().await;
    let agent = known(core, id)?;
    withdraw(core, &agent).await?;
    close_transcript(core, id).await;
    let removed = remove(core, &agent, &mut roster);
    match removed {
        Ok(_) => core.remove(id),
        // Nothing of it is gone, so it works again.
        Err(_) => reopen(core, &agent),
    }
    removed
}

/// Moves the workspace away and takes the agent off the roster: both or neither.
fn remove(core: &Core, agent: &Agent, roster: &mut Roster) -> Result<Option<PathBuf>, Error> {
    let id = &agent.id;
    let Ok(workspace) = agent.workspace() else {
        return roster.remove(id).map(|()| None);
    };
    let root = &core.options.root;
    let trash = root.parent().unwrap_or(root).join("trash");
    let name = format!("{id}-{}", core.env.now().as_millis());
    let moved = workspace.move_to(&trash, &name);
    let moved = moved.map_err(|source| Error::Workspace {
        agent: id.clone(),
        source,
    })?;
    if let Err(error) = roster.remove(id) {
        if let Err(error) = workspace.move_back(&moved) {
            tracing::error!(agent = %id, error = chain(&error), from = %moved.display(), "a workspace stays in the trash");
        }
        return Err(error);
    }
    Ok(Some(moved))
}

async fn restart(core: &Arc<Core>, id: &AgentId) -> Result<AgentStatus, Error> {
    let _changes = core.changes.lock().await;
    let agent = known(core, id)?;
    withdraw(core, &agent).await?;
    close_transcript(core, id).await;
    reopen(core, &agent);
    Ok(status_of(core, &*known(core, id)?))
}

fn reopen(core: &Arc<Core>, agent: &Agent) {
    open(core, agent.id.clone(), agent.configured.clone(), None).announce();
}

/// What holds under a key; whoever asks holds the changes still.
fn held(core: &Core, id: &AgentId, key: Option<&str>) -> Result<Value, Error> {
    let agent = known(core, id)?;
    let character = agent.character().map_err(|reason| Error::Broken {
        agent: id.clone(),
        reason,
    })?;
    settings::lookup(id, &character.traits, key).map_err(|source| Error::Settings {
        agent: id.clone(),
        source,
    })
}

fn write(id: &AgentId, workspace: &Workspace, key: &str, value: Value) -> Result<(), Error> {
    let of_workspace = |source| Error::Workspace {
        agent: id.clone(),
        source,
    };
    let mut settings = workspace.read_settings().map_err(of_workspace)?;
    let changed = settings.set(key, value);
    changed.map_err(|source| Error::Settings {
        agent: id.clone(),
        source,
    })?;
    workspace.write_settings(&settings).map_err(of_workspace)
}

/// Checks the values before anything is written.
fn check(new: &NewAgent) -> Result<(), Error> {
    let mut traits = Traits::unknown(&new.id);
    new.describe(&mut traits);
    let text = Settings::new(&new.id, &traits).to_text();
    match Settings::parse(&new.id, text.as_bytes()) {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Settings {
            agent: new.id.clone(),
            source,
        }),
    }
}

fn configured(core: &Core, id: &AgentId) -> Option<AgentOptions> {
    let mut agents = core.options.agents.iter();
    agents.find(|agent| &agent.id == id).cloned()
}

/// Lets an agent take nothing new, stops its runs and waits for their last entries.
async fn withdraw(core: &Arc<Core>, agent: &Arc<Agent>) -> Result<(), Error> {
    agent.close();
    for run in core.runs.live() {
        if run.agent == agent.id {
            super::stop(core, agent, &run.session, &run.id, AbortCause::Withdrawn);
        }
    }
    let rested = tokio::time::timeout(Duration::from_millis(WITHDRAW_MS), agent.rest()).await;
    if rested.is_ok() {
        return Ok(());
    }
    agent.reopen();
    Err(Error::StillRunning {
        agent: agent.id.clone(),
        deadline_ms: WITHDRAW_MS,
    })
}

/// Gives the transcript back. That waits for the disk, so it happens on a thread that may block.
async fn close_transcript(core: &Arc<Core>, id: &AgentId) {
    let (store, id) = (core.store.clone(), id.clone());
    let closed = core
        .tasks
        .spawn_blocking_on(move || store.close_agent(&id), &core.runtime);
    if closed.await.is_err() {
        tracing::error!("closing a transcript panicked");
    }
}
