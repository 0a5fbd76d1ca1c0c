//! The set of agents and the handle to it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use openclaw_models::{Models, Tier};
use openclaw_sessions::Store;
use openclaw_types::{AgentId, Env, Message, RunId, SessionId, Timestamp};

use crate::{
    agent::{self, Agent},
    core::{self, Core},
    error::Error,
    event::{Sink, Walled},
    lane::Lanes,
    limits::{ABORT_GRACE_MS, LANES_MAX},
    options::{AgentOptions, Options},
    outcome::{Outcome, chain},
    roster::Roster,
    run::{self, PromptDraft},
    settings::Settings,
    submit::{self, Inbound, Submission},
    templates,
    turn::AbortCause,
    workspace::{self, Seed, Workspace},
};

mod change;

pub use change::NewAgent;

/// What an agent is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentState {
    /// Nothing; it is free.
    Idle,
    /// It has runs.
    Busy,
    /// It takes no messages.
    Offline,
    /// It cannot run.
    Error {
        /// Why, with its causes.
        reason: String,
    },
}

impl AgentState {
    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Offline => "offline",
            Self::Error { .. } => "error",
        }
    }
}

/// What there is to say of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentStatus {
    /// Its id.
    pub id: AgentId,
    /// What it is called.
    pub name: String,
    /// What it is for, in a word.
    pub role: String,
    /// How it is shown in lists.
    pub emoji: Option<String>,
    /// A label; nothing listens there.
    pub port: Option<u16>,
    /// Whether it answers messages that name no agent.
    pub primary: bool,
    /// What it is doing.
    pub state: AgentState,
    /// Its model reference, where one was chosen for it.
    pub model: Option<String>,
    /// The session of messages that name none.
    pub session: SessionId,
    /// Its directory.
    pub workspace: PathBuf,
    /// What it can do, in words.
    pub capabilities: Vec<String>,
    /// Skills it has.
    pub skills: Vec<String>,
    /// Conversations it has had.
    pub sessions: usize,
    /// Runs at work.
    pub running: usize,
    /// Messages that wait for their run.
    pub waiting: usize,
    /// When something was last asked of it or answered by it, since the start.
    pub last_activity: Option<Timestamp>,
}

/// The exact prompt that a message would get.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptView {
    /// What is sent, in order.
    pub messages: Vec<Message>,
    /// What it is made of: name, bytes, tokens by estimate.
    pub parts: Vec<(String, usize, usize)>,
    /// Tokens of the whole.
    pub tokens: u64,
    /// Whether the model's own tokenizer counted them.
    pub exact: bool,
    /// The model, as `provider/model`.
    pub model: String,
    /// Whether the model gets the short prompt.
    pub tiny: bool,
}

/// A handle to all agents; clones share them.
#[derive(Clone)]
pub struct Agents(Arc<Core>);

impl std::fmt::Debug for Agents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Agents")
    }
}

impl Agents {
    /// Opens every workspace and transcript, and marks the runs that the last stop cut off.
    ///
    /// An agent that cannot be opened is listed with its reason and keeps nobody else from starting. Must
    /// be called inside a tokio runtime, which then runs the agents' tasks.
    ///
    /// # Errors
    /// The directory of the workspaces, or the roster beside it, cannot be used.
    pub fn start(
        options: Options,
        store: Store,
        models: Models,
        sink: Arc<dyn Sink>,
        env: Arc<dyn Env>,
    ) -> Result<Self, Error> {
        let root = options.root.clone();
        workspace::make_dirs(&root).map_err(|source| Error::Roster {
            path: root.clone(),
            source,
        })?;
        let state_dir = root.parent().unwrap_or(&root);
        let roster = Roster::load(state_dir.join("roster.json"))?;
        let configured: Vec<AgentOptions> = options
            .agents
            .iter()
            .filter(|agent| !roster.is_removed(&agent.id))
            .cloned()
            .collect();
        let found = if options.discover {
            roster.discover(&root)
        } else {
            Vec::new()
        };
        let core = Arc::new(Core::new(core::Parts {
            options,
            store,
            models,
            sink: Arc::new(Walled(sink)),
            env,
            roster,
        }));
        for agent in configured {
            open(&core, agent.id.clone(), Some(agent), None);
        }
        for id in found {
            if core.agent(&id).is_none() {
                open(&core, id, None, None);
            }
        }
        Ok(Self(core))
    }

    /// Sends a message to an agent. The message has its place and is on its way to the disk when this
    /// returns, so the order of calls is the order of arrival.
    ///
    /// # Errors
    /// The future says why the message was refused; nothing of it is in the transcript then, except after
    /// [`Error::StorageDeadline`].
    pub fn submit(&self, message: Inbound) -> Submission {
        submit::submit(&self.0, message, None)
    }

    /// Stops one run of a session, or all of them; returns those that were asked to stop.
    pub fn abort(&self, agent: &AgentId, session: &SessionId, run: Option<&RunId>) -> Vec<RunId> {
        let Some(agent) = self.0.agent(agent) else {
            return Vec::new();
        };
        let mut runs = agent.runs(session);
        if let Some(run) = run {
            runs.retain(|id| id == run);
        }
        for id in &runs {
            stop(&self.0, &agent, session, id, AbortCause::Requested);
        }
        runs
    }

    /// How a run ended; `None` when it is unknown or goes on for longer than `timeout`.
    pub async fn wait(&self, run: &RunId, timeout: Duration) -> Option<Outcome> {
        let run = self.0.runs.find(run)?;
        if let Some(outcome) = run.outcome() {
            return Some(outcome.clone());
        }
        tokio::time::timeout(timeout, run.wait()).await.ok()
    }

    /// All agents, as configured and then as found or created.
    #[must_use]
    pub fn list(&self) -> Vec<AgentStatus> {
        let agents = self.0.all();
        agents.iter().map(|agent| status(&self.0, agent)).collect()
    }

    /// One agent.
    ///
    /// # Errors
    /// There is no such agent.
    pub fn status(&self, agent: &AgentId) -> Result<AgentStatus, Error> {
        Ok(status(&self.0, &*self.find(agent)?))
    }

    /// The prompt that a message would get if its run began now.
    ///
    /// # Errors
    /// There is no such agent, no model, or the workspace or transcript cannot be read.
    pub async fn prompt(
        &self,
        agent: &AgentId,
        session: &SessionId,
        message: &str,
    ) -> Result<PromptView, Error> {
        let agent = self.find(agent)?;
        let waiting = agent.depth(session);
        let draft = PromptDraft::new(&self.0, &agent, session, waiting)
            .await
            .map_err(|failure| Error::Prompt {
                agent: agent.id.clone(),
                failure,
            })?;
        let prompt = draft.assemble(message);
        let count = self
            .0
            .models
            .count_tokens(&agent.id, &prompt.messages)
            .await;
        Ok(PromptView {
            parts: parts(&draft, &prompt.messages),
            messages: prompt.messages,
            tokens: count.tokens,
            exact: count.exact,
            model: format!("{}/{}", draft.profile.provider, draft.profile.model),
            tiny: draft.profile.tier == Tier::Tiny,
        })
    }

    /// Takes nothing new, lets runs end until the deadline, stops the rest and waits for their last entries.
    pub async fn shutdown(&self, deadline: Duration) {
        let core = &self.0;
        core.stop();
        if tokio::time::timeout(deadline, core.tasks.wait())
            .await
            .is_ok()
        {
            return;
        }
        for run in core.runs.live() {
            run.abort(AbortCause::Stopping);
        }
        let grace = core.append_deadline() + Duration::from_millis(ABORT_GRACE_MS);
        if tokio::time::timeout(grace, core.tasks.wait())
            .await
            .is_err()
        {
            tracing::error!(tasks = core.tasks.len(), "agents did not stop in time");
        }
    }

    fn find(&self, agent: &AgentId) -> Result<Arc<Agent>, Error> {
        self.0.agent(agent).ok_or_else(|| Error::UnknownAgent {
            agent: agent.clone(),
        })
    }

    pub(crate) const fn core(&self) -> &Arc<Core> {
        &self.0
    }
}

fn parts(draft: &PromptDraft, messages: &[Message]) -> Vec<(String, usize, usize)> {
    let part = |name: &str, bytes: usize| {
        let tokens = crate::prompt::text_tokens(bytes);
        (name.to_owned(), bytes, tokens)
    };
    let size = |messages: &[Message]| messages.iter().map(|m| m.plain_text().len()).sum();
    let pieces = draft.system.pieces.iter();
    let mut parts: Vec<_> = pieces.map(|piece| part(piece.name, piece.bytes)).collect();
    if let [_, history @ .., message] = messages {
        parts.push(part("history", size(history)));
        parts.push(part("message", size(std::slice::from_ref(message))));
    }
    parts
}

pub(crate) fn stop(
    core: &Arc<Core>,
    agent: &Arc<Agent>,
    session: &SessionId,
    run: &RunId,
    cause: AbortCause,
) {
    if let Some(run) = core.runs.find(run) {
        run.abort(cause);
    }
    // One that waits ends at once instead of when its turn comes.
    if let Some(waiting) = agent.take(session, run) {
        let (owner, agent) = (Arc::clone(core), Arc::clone(agent));
        core.spawn(async move { run::drive(&owner, &agent, waiting).await });
    }
}

fn status(core: &Core, agent: &Agent) -> AgentStatus {
    let traits = agent.traits();
    let snapshot = agent.snapshot();
    let configured = agent.configured.as_ref();
    AgentStatus {
        id: agent.id.clone(),
        name: traits.name,
        role: traits.role,
        emoji: traits.emoji,
        port: configured.and_then(|agent| agent.port),
        primary: configured.is_some_and(|agent| agent.primary),
        state: snapshot.state,
        model: traits.model,
        session: traits.session,
        workspace: agent.path().clone(),
        capabilities: traits.capabilities,
        skills: traits.skills,
        sessions: core.store.list(Some(&agent.id)).len(),
        running: snapshot.running,
        waiting: snapshot.waiting,
        last_activity: snapshot.last_activity,
    }
}

/// Opens an agent and lists it; one that cannot be opened is listed with its reason.
fn open(
    core: &Arc<Core>,
    id: AgentId,
    configured: Option<AgentOptions>,
    created: Option<&NewAgent>,
) -> Arc<Agent> {
    let opened = open_workspace(core, &id, configured.as_ref(), created);
    if let Err(reason) = &opened {
        tracing::error!(agent = %id, reason, "agent cannot run");
    }
    let agent = Arc::new(Agent::new(agent::Parts {
        path: core.options.root.join(id.as_str()),
        workspace: opened,
        configured,
        lanes: Lanes::new(core.options.lane_depth, LANES_MAX),
        sink: Arc::clone(&core.sink),
        id,
    }));
    // Broken settings show in the state from the start; whoever asks for them gets the reason.
    drop(agent.character());
    core.put(Arc::clone(&agent));
    agent
}

fn open_workspace(
    core: &Arc<Core>,
    id: &AgentId,
    configured: Option<&AgentOptions>,
    created: Option<&NewAgent>,
) -> Result<Workspace, String> {
    let mut traits = configured.map_or_else(|| templates::defaults(id), AgentOptions::traits);
    let mut purpose = format!("to serve as {} of the collective.", traits.role);
    if let Some(created) = created {
        created.describe(&mut traits);
        if let Some(text) = &created.purpose {
            purpose.clone_from(text);
        }
    }
    let settings = Settings::new(id, &traits);
    let seed = Seed {
        text: &|file| templates::text(id, &traits, &purpose, file),
        settings: &settings,
    };
    let workspace =
        Workspace::open(&core.options.root, id, &seed).map_err(|error| chain(&error))?;
    let recovery = core.store.open_agent(id).map_err(|error| chain(&error))?;
    if let Some(error) = &recovery.refused {
        tracing::warn!(agent = %id, error = chain(error), "transcript can be read only for now");
    }
    mark_interrupted(core, id);
    Ok(workspace)
}

/// Ends on disk what the last stop cut off. The appends are queued here, so they stand before any new entry.
fn mark_interrupted(core: &Arc<Core>, id: &AgentId) {
    let drafts: Vec<_> = core
        .store
        .unfinished_runs(id)
        .into_iter()
        .map(|(session, run)| run::interrupted_draft(session, run))
        .collect();
    if drafts.is_empty() {
        return;
    }
    tracing::info!(agent = %id, runs = drafts.len(), "marking runs that the last stop cut off");
    let appended = core.store.append(id, drafts);
    let (agent, deadline) = (id.clone(), core.append_deadline());
    core.spawn(async move {
        match tokio::time::timeout(deadline, appended).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%agent, error = chain(&error), "cut-off runs not marked");
            }
            Err(_) => tracing::warn!(%agent, "cut-off runs not marked in time"),
        }
    });
}
