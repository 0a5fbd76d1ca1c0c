//! The set of agents and the handle to it.

use std::{sync::Arc, time::Duration};

use openclaw_models::{Models, Tier};
use openclaw_sessions::Store;
use openclaw_types::{AgentId, Env, Message, RunId, SessionId, SessionKey, ToolSpec};

use self::open::{open, open_all};
pub(crate) use self::status::status_of;
use crate::{
    agent::Agent,
    core::{self, Core},
    error::Error,
    event::{Sink, Walled},
    limits::ABORT_GRACE_MS,
    options::{AgentOptions, Options},
    outcome::Outcome,
    roster::{self, Roster},
    run::{self, PromptDraft},
    submit::{self, Cause, Inbound, Submission},
    turn::AbortCause,
    workspace,
};

mod change;
mod open;
mod status;

pub use self::{
    change::NewAgent,
    status::{AgentState, AgentStatus},
};

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

/// What became of the runs that went on when the agents were shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Ended by themselves.
    pub ended: usize,
    /// Stopped, because the deadline had passed.
    pub stopped: usize,
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
        let roster = Roster::load(state_dir.join(roster::FILE))?;
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
        let parts = core::Parts {
            options,
            store,
            models,
            sink: Arc::new(Walled(sink)),
            env,
            roster,
        };
        let core = Core::new(parts).map_err(|source| Error::Tools { source })?;
        open_all(&core, configured, found);
        Ok(Self(core))
    }

    /// Sends a message to an agent. The message has its place and is on its way to the disk when this
    /// returns, so the order of calls is the order of arrival.
    ///
    /// # Errors
    /// The future says why the message was refused; nothing of it is in the transcript then, except after
    /// [`Error::StorageDeadline`].
    pub fn submit(&self, message: Inbound) -> Submission {
        submit::submit(&self.0, message, Cause::default())
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

    /// The conversation of a run that goes on or ended lately.
    #[must_use]
    pub fn conversation(&self, run: &RunId) -> Option<SessionKey> {
        self.0.runs.find(run).map(|run| SessionKey {
            agent: run.agent.clone(),
            session: run.session.clone(),
        })
    }

    /// All agents, as configured and then as found or created.
    #[must_use]
    pub fn list(&self) -> Vec<AgentStatus> {
        let agents = self.0.all();
        agents
            .iter()
            .map(|agent| status_of(&self.0, agent))
            .collect()
    }

    /// One agent.
    ///
    /// # Errors
    /// There is no such agent.
    pub fn status(&self, agent: &AgentId) -> Result<AgentStatus, Error> {
        Ok(status_of(&self.0, &*self.find(agent)?))
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
            .count_tokens(&agent.id, &draft.request.model, &prompt.messages)
            .await;
        let mut parts = parts(&draft, &prompt.messages, count.tokens);
        let tools = tools_part(&draft.request.tools);
        let of_tools = tools.as_ref().map_or(0, |(_, _, tokens)| *tokens as u64);
        parts.extend(tools);
        Ok(PromptView {
            parts,
            messages: prompt.messages,
            tokens: count.tokens + of_tools,
            exact: count.exact,
            model: format!("{}/{}", draft.profile.provider, draft.profile.model),
            tiny: draft.profile.tier == Tier::Tiny,
        })
    }

    /// Takes nothing new, lets runs end until the deadline, stops the rest and waits for their last entries.
    pub async fn shutdown(&self, deadline: Duration) -> Drained {
        let core = &self.0;
        core.stop();
        let runs = core.runs.live().len();
        if runs > 0 {
            let deadline_ms = deadline.as_millis();
            tracing::info!(runs, deadline_ms, "runs are waited for");
        }
        let ended = tokio::time::timeout(deadline, core.tasks.wait()).await;
        let late = if ended.is_ok() {
            Vec::new()
        } else {
            core.runs.live()
        };
        let drained = Drained {
            ended: runs.saturating_sub(late.len()),
            stopped: late.len(),
        };
        if runs > 0 {
            tracing::info!(
                ended = drained.ended,
                stopped = drained.stopped,
                "runs are over"
            );
        }
        if ended.is_ok() {
            return drained;
        }
        for run in late {
            run.abort(AbortCause::Stopping);
        }
        let grace = core.append_deadline() + Duration::from_millis(ABORT_GRACE_MS);
        if tokio::time::timeout(grace, core.tasks.wait())
            .await
            .is_err()
        {
            tracing::error!(tasks = core.tasks.len(), "agents did not stop in time");
        }
        drained
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

fn parts(draft: &PromptDraft, messages: &[Message], total: u64) -> Vec<(String, usize, usize)> {
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
    add_rest(&mut parts, total);
    parts
}

/// What offering tools costs, which is sent beside the messages.
fn tools_part(tools: &[ToolSpec]) -> Option<(String, usize, usize)> {
    let size = |tool: &ToolSpec| {
        tool.name.len() + tool.description.len() + tool.parameters.to_string().len()
    };
    let bytes: usize = tools.iter().map(size).sum();
    let tokens = crate::prompt::text_tokens(bytes);
    (bytes > 0).then(|| ("tools".to_owned(), bytes, tokens))
}

/// Where the estimates of the texts fall short of the whole, the rest is the chat template's, and rounding.
fn add_rest(parts: &mut Vec<(String, usize, usize)>, total: u64) {
    let sum: usize = parts.iter().map(|(_, _, tokens)| tokens).sum();
    let total = usize::try_from(total).unwrap_or(usize::MAX);
    match total.saturating_sub(sum) {
        0 => {}
        rest => parts.push(("template, rounding".to_owned(), 0, rest)),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_prompt_account_for_all_of_its_tokens() {
        let part = |name: &str, tokens| (name.to_owned(), 0, tokens);
        let texts = [part("SOUL.md", 66), part("message", 6)];
        for (total, expected) in [
            (
                87,
                vec![&texts[0], &texts[1], &part("template, rounding", 15)],
            ),
            (72, vec![&texts[0], &texts[1]]),
            (60, vec![&texts[0], &texts[1]]),
        ] {
            let mut parts = texts.to_vec();
            add_rest(&mut parts, total);
            assert_eq!(parts.iter().collect::<Vec<_>>(), expected, "{total}");
        }
    }
}
