//! `agents.*`: who there is, and how they are set up.

mod config;
mod prompt;

pub use config::{
    AgentsConfigGet, AgentsConfigGetParams, AgentsConfigGetResult, AgentsConfigSet,
    AgentsConfigSetParams, AgentsConfigSetResult,
};
use openclaw_types::AgentId;
pub use prompt::{AgentsPrompt, AgentsPromptParams, AgentsPromptResult, PromptMessage, PromptPart};
use serde::{Deserialize, Serialize};

use crate::{
    method::Method,
    methods::Empty,
    schema::{Field, Kind, may, need},
    scope::Scope,
    text,
};

/// Parameters that name one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentParams {
    /// Which one.
    #[serde(with = "text")]
    pub agent_id: AgentId,
}

const AGENT: Field = need("agentId", Kind::Agent, "which agent");

/// `agents.list`.
#[derive(Debug, Clone, Copy)]
pub struct AgentsList;

impl Method for AgentsList {
    const NAME: &'static str = "agents.list";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[];
    const RESULT: &'static [Field] = &[
        need("defaultId", Kind::Text, "the primary agent"),
        need(
            "mainKey",
            Kind::Text,
            "the session a message goes to that names none",
        ),
        need("scope", Kind::Text, "`per-sender`"),
        need(
            "agents",
            Kind::List,
            "every agent, as `agents.status` tells it",
        ),
    ];
    type Params = Empty;
    type Result = AgentsListResult;
}

/// Result of `agents.list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsListResult {
    /// The primary agent.
    pub default_id: String,
    /// The session a message goes to that names none.
    pub main_key: String,
    /// How sessions are separated.
    pub scope: String,
    /// Every agent.
    pub agents: Vec<AgentRow>,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentRow {
    /// Its id.
    pub id: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it presents itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// What it is for.
    #[serde(default)]
    pub role: String,
    /// `idle`, `busy`, `offline` or `error`.
    #[serde(default)]
    pub status: String,
    /// What is wrong, in state `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it is the primary one.
    #[serde(default)]
    pub primary: bool,
    /// Its directory.
    #[serde(default)]
    pub workspace: String,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelRef>,
    /// A label from the configuration; nothing listens there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How many sessions it has.
    #[serde(default)]
    pub sessions: u64,
    /// How many runs it is in.
    #[serde(default)]
    pub runs: u64,
    /// How many messages wait for it.
    #[serde(default)]
    pub waiting: u64,
    /// When it last did something, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<i64>,
}

/// How an agent presents itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    /// Its character, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<String>,
}

/// Which model an agent uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelRef {
    /// The reference.
    pub primary: String,
    /// What is tried after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<String>,
}

/// `agents.status`.
#[derive(Debug, Clone, Copy)]
pub struct AgentsStatus;

impl Method for AgentsStatus {
    const NAME: &'static str = "agents.status";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[AGENT];
    const RESULT: &'static [Field] = &[
        need("id", Kind::Text, "its id"),
        may("name", Kind::Text, "its name for people"),
        may("identity", Kind::Object, "`{name, emoji, theme}`"),
        may("role", Kind::Text, "what it is for"),
        may("status", Kind::Text, "`idle`, `busy`, `offline` or `error`"),
        may("reason", Kind::Text, "what is wrong, in state `error`"),
        may("primary", Kind::Flag, "whether it is the primary one"),
        may("workspace", Kind::Text, "its directory"),
        may("model", Kind::Object, "`{primary, fallbacks}`"),
        may("port", Kind::Number, "a label; nothing listens there"),
        may("sessions", Kind::Number, "how many it has"),
        may("runs", Kind::Number, "how many it is in"),
        may("waiting", Kind::Number, "how many messages wait for it"),
        may("lastActivity", Kind::Number, "when it last did something"),
    ];
    type Params = AgentParams;
    type Result = AgentRow;
}

/// `agents.create`.
#[derive(Debug, Clone, Copy)]
pub struct AgentsCreate;

impl Method for AgentsCreate {
    const NAME: &'static str = "agents.create";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[
        need(
            "name",
            Kind::Text,
            "its name; the id is made from it unless given",
        ),
        may("id", Kind::Agent, "its id"),
        may("role", Kind::Text, "what it is for"),
        may("model", Kind::Text, "its model"),
        may("emoji", Kind::Text, "its sign"),
        may("brief", Kind::Text, "the first paragraph of its SOUL.md"),
    ];
    const RESULT: &'static [Field] = &[
        need("ok", Kind::Flag, "true"),
        need("agentId", Kind::Text, "its id"),
        need("name", Kind::Text, "its name"),
        need("workspace", Kind::Text, "its directory"),
        may("model", Kind::Text, "its model"),
    ];
    type Params = AgentsCreateParams;
    type Result = AgentsCreateResult;
}

/// Parameters of `agents.create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentsCreateParams {
    /// Its name.
    pub name: String,
    /// Its id; made from the name unless given.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub id: Option<AgentId>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    /// The first paragraph of its SOUL.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brief: Option<String>,
}

/// Result of `agents.create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsCreateResult {
    /// True.
    pub ok: bool,
    /// Its id.
    pub agent_id: String,
    /// Its name.
    pub name: String,
    /// Its directory.
    pub workspace: String,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// `agents.delete`.
#[derive(Debug, Clone, Copy)]
pub struct AgentsDelete;

impl Method for AgentsDelete {
    const NAME: &'static str = "agents.delete";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[
        AGENT,
        may(
            "deleteFiles",
            Kind::Flag,
            "also remove its directory; the default keeps it",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need("ok", Kind::Flag, "true"),
        need("agentId", Kind::Text, "which agent"),
        need("filesRemoved", Kind::Flag, "whether its directory is gone"),
    ];
    type Params = AgentsDeleteParams;
    type Result = AgentsDeleteResult;
}

/// Parameters of `agents.delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsDeleteParams {
    /// Which one.
    #[serde(with = "text")]
    pub agent_id: AgentId,
    /// Whether its directory goes too.
    #[serde(default)]
    pub delete_files: bool,
}

/// Result of `agents.delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsDeleteResult {
    /// True.
    pub ok: bool,
    /// Which one.
    pub agent_id: String,
    /// Whether its directory is gone.
    pub files_removed: bool,
}

/// `agents.restart`: read the workspace again and end what runs.
#[derive(Debug, Clone, Copy)]
pub struct AgentsRestart;

impl Method for AgentsRestart {
    const NAME: &'static str = "agents.restart";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[AGENT];
    const RESULT: &'static [Field] = &[
        need("ok", Kind::Flag, "whether it is online again"),
        need("agentId", Kind::Text, "which agent"),
        need("status", Kind::Text, "how it is now"),
        may("reason", Kind::Text, "why it can't run, if it can't"),
    ];
    type Params = AgentParams;
    type Result = AgentsRestartResult;
}

/// Result of `agents.restart`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsRestartResult {
    /// Whether it is online again.
    pub ok: bool,
    /// Which one.
    pub agent_id: String,
    /// How it is now.
    pub status: String,
    /// Why it can't run, if it can't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
