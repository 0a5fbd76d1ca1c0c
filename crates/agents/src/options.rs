//! What the agents are given to start with: explicit, checked by whoever made it, and never looked up.

use std::{path::PathBuf, sync::Arc};

use openclaw_tools::Registry;
use openclaw_types::AgentId;
use serde_json::Value;

use crate::{
    kit::ToolPolicy,
    settings::{Traits, default_session},
};

/// Everything that can be chosen.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory that holds one workspace per agent; its parent holds the roster and the trash.
    pub root: PathBuf,
    /// The configured agents, in the order in which they are listed.
    pub agents: Vec<AgentOptions>,
    /// Whether agents that were created by command, and that `agents` does not name, run too.
    pub discover: bool,
    /// Messages that wait in one lane.
    pub lane_depth: usize,
    /// Runs in flight over all agents.
    pub runs_max: usize,
    /// Entries of history in a prompt.
    pub history_entries: usize,
    /// How long a run and its parts may take.
    pub run_deadlines: RunDeadlines,
    /// Model calls of one run.
    pub steps_max: u32,
    /// Bytes that one run may say.
    pub output_bytes_max: usize,
    /// A proposal that names no deadline.
    pub deliberation_ms: u64,
    /// Every tool there is; which of them an agent may use is said for each.
    pub tools: Arc<Registry>,
}

/// How long a run and its parts may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunDeadlines {
    /// From the moment its turn has come to its last entry.
    pub total_ms: u64,
    /// One append to the transcript.
    pub append_ms: u64,
}

/// One configured agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentOptions {
    /// Its id.
    pub id: AgentId,
    /// What it is called.
    pub name: String,
    /// What it is for, in a word.
    pub role: String,
    /// How it is shown in lists.
    pub emoji: Option<String>,
    /// Its model reference; `None` leaves the choice to the gateway.
    pub model: Option<String>,
    /// A label; nothing listens there.
    pub port: Option<u16>,
    /// What it can do, in words.
    pub capabilities: Vec<String>,
    /// Skills it has.
    pub skills: Vec<String>,
    /// Tools it may use.
    pub tools: ToolPolicy,
    /// Numbers and switches of its own.
    pub parameters: Value,
    /// Whether it answers messages that name no agent.
    pub primary: bool,
}

impl AgentOptions {
    pub(crate) fn traits(&self) -> Traits {
        Traits {
            name: self.name.clone(),
            role: self.role.clone(),
            emoji: self.emoji.clone(),
            model: self.model.clone(),
            session: default_session(),
            capabilities: self.capabilities.clone(),
            skills: self.skills.clone(),
            parameters: self.parameters.clone(),
        }
    }
}
