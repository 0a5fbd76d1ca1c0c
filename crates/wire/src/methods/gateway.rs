//! `connect`, `health`, `status` and `gateway.stop`: the gateway itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    connect::{ConnectParams, HelloOk},
    method::Method,
    methods::Empty,
    schema::{Field, Kind, may, need},
    scope::Scope,
};

/// `connect`: the first request on every native connection.
#[derive(Debug, Clone, Copy)]
pub struct Connect;

impl Method for Connect {
    const NAME: &'static str = "connect";
    const SCOPE: Scope = Scope::Anyone;
    const PARAMS: &'static [Field] = &[
        need(
            "minProtocol",
            Kind::Number,
            "oldest version the client speaks",
        ),
        need(
            "maxProtocol",
            Kind::Number,
            "newest version the client speaks",
        ),
        need("client", Kind::Object, "`{id, version, platform, mode}`"),
        may("role", Kind::Text, "`operator` (the default) or `node`"),
        may("scopes", Kind::List, "the scopes the client asks for"),
        may(
            "caps",
            Kind::List,
            "what it can show, such as `tool-events`",
        ),
        may("auth", Kind::Object, "`{token}`"),
        may("device", Kind::Object, "a device identity"),
    ];
    const RESULT: &'static [Field] = &[
        need("type", Kind::Text, "`hello-ok`"),
        need("protocol", Kind::Number, "the version spoken from now on"),
        need("server", Kind::Object, "`{version, connId}`"),
        need("features", Kind::Object, "`{methods, events}`"),
        need(
            "snapshot",
            Kind::Object,
            "presence, health and their versions",
        ),
        need("auth", Kind::Object, "`{role, scopes}` as granted"),
        need(
            "policy",
            Kind::Object,
            "`{maxPayload, maxBufferedBytes, tickIntervalMs}`",
        ),
    ];
    type Params = ConnectParams;
    type Result = HelloOk;
}

/// `health`: a quick look that needs no scope.
#[derive(Debug, Clone, Copy)]
pub struct Health;

impl Method for Health {
    const NAME: &'static str = "health";
    const SCOPE: Scope = Scope::Anyone;
    const PARAMS: &'static [Field] = &[];
    const RESULT: &'static [Field] = &[
        need("ok", Kind::Flag, "whether everything works"),
        need("ts", Kind::Number, "when it was looked at"),
        need("durationMs", Kind::Number, "how long looking took"),
        need("defaultAgentId", Kind::Text, "the primary agent"),
        need(
            "agents",
            Kind::List,
            "`{agentId, isDefault, status, sessions}` each",
        ),
    ];
    type Params = Empty;
    type Result = HealthResult;
}

/// Result of `health`, and payload of the event `health`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthResult {
    /// Whether everything works.
    pub ok: bool,
    /// When it was looked at, in milliseconds.
    pub ts: i64,
    /// How long looking took.
    pub duration_ms: u64,
    /// Messaging channels; we have none, and clients expect the key.
    #[serde(default)]
    pub channels: BTreeMap<String, Value>,
    /// Their order.
    #[serde(default)]
    pub channel_order: Vec<String>,
    /// Their names.
    #[serde(default)]
    pub channel_labels: BTreeMap<String, String>,
    /// Interval of the heartbeat; 0 without one.
    #[serde(default)]
    pub heartbeat_seconds: u64,
    /// The primary agent.
    pub default_agent_id: String,
    /// Every agent.
    pub agents: Vec<AgentHealth>,
    /// What does not work, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// One agent in `health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentHealth {
    /// Its id.
    pub agent_id: String,
    /// Whether it is the primary one.
    pub is_default: bool,
    /// `idle`, `busy`, `offline` or `error`.
    #[serde(default)]
    pub status: String,
    /// Its sessions.
    pub sessions: SessionCount,
}

/// How many sessions there are, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SessionCount {
    /// The file.
    pub path: String,
    /// How many.
    pub count: u64,
    /// The newest; left empty, because `sessions.list` tells more.
    #[serde(default)]
    pub recent: Vec<Value>,
}

/// `status`: everything worth knowing about the running gateway.
#[derive(Debug, Clone, Copy)]
pub struct Status;

impl Method for Status {
    const NAME: &'static str = "status";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[may(
        "deep",
        Kind::Flag,
        "also ask every configured neighbour and look at every workspace",
    )];
    const RESULT: &'static [Field] = &[
        need("runtimeVersion", Kind::Text, "our version"),
        need("gateway", Kind::Object, "process, port, start, memory"),
        need(
            "agents",
            Kind::Object,
            "how many are configured, online and busy",
        ),
        need("sessions", Kind::Object, "how many there are"),
        may("models", Kind::Object, "which model answers, and why"),
        may("plugins", Kind::Number, "how many are loaded"),
        may("skills", Kind::Number, "how many are loaded"),
        may("limits", Kind::List, "`{name, value, used}` each"),
        may(
            "probes",
            Kind::List,
            "with `deep`: `{name, target, ok, detail, hint, latencyMs}` each",
        ),
        may("problems", Kind::List, "what does not work, for people"),
        may(
            "router",
            Kind::Object,
            "`{listen, ready, up, cooling, spentTodayUsd, alerts, cache}`: what is behind the models, and budgets of which much is spent",
        ),
    ];
    type Params = StatusParams;
    type Result = StatusResult;
}

/// Parameters of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusParams {
    /// Whether to ask every neighbour.
    #[serde(default)]
    pub deep: bool,
}

/// Result of `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusResult {
    /// Our version.
    pub runtime_version: String,
    /// The process.
    pub gateway: Process,
    /// The agents.
    pub agents: AgentCount,
    /// The sessions.
    pub sessions: SessionTotal,
    /// The models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<super::models::ModelsStatusResult>,
    /// Loaded plugins.
    #[serde(default)]
    pub plugins: u64,
    /// Loaded skills.
    #[serde(default)]
    pub skills: u64,
    /// Limits and their use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitUse>,
    /// Neighbours and workspaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probe>,
    /// What does not work, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// The router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router: Option<super::router::RouterBrief>,
}

/// The gateway's process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Where it listens.
    pub bind: String,
    /// On which port.
    pub port: u16,
    /// This start.
    pub instance: String,
    /// When it started, in milliseconds.
    pub started_at: i64,
    /// Since when it runs.
    pub uptime_ms: u64,
    /// Its state directory.
    pub state_dir: String,
    /// Its configuration file, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_path: Option<String>,
    /// Its memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_bytes: Option<u64>,
    /// Open connections.
    #[serde(default)]
    pub connections: u64,
    /// `running` or `draining`.
    #[serde(default)]
    pub phase: String,
}

/// How many agents there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentCount {
    /// Configured.
    pub configured: u64,
    /// Able to answer.
    pub online: u64,
    /// Answering.
    pub busy: u64,
}

/// How many sessions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SessionTotal {
    /// Over all agents.
    pub count: u64,
}

/// A limit and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitUse {
    /// Its name.
    pub name: String,
    /// The limit.
    pub value: u64,
    /// How much is used, where that is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
}

/// What asking a neighbour, or looking at a workspace, found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Who was asked.
    pub name: String,
    /// Where.
    pub target: String,
    /// Whether it works.
    pub ok: bool,
    /// What it said.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
}

/// `gateway.stop`: drain and leave.
#[derive(Debug, Clone, Copy)]
pub struct GatewayStop;

impl Method for GatewayStop {
    const NAME: &'static str = "gateway.stop";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[may("reason", Kind::Text, "told to every client")];
    const RESULT: &'static [Field] = &[
        need("ok", Kind::Flag, "true"),
        need("pid", Kind::Number, "the process that will end"),
    ];
    type Params = GatewayStopParams;
    type Result = GatewayStopResult;
}

/// Parameters of `gateway.stop`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GatewayStopParams {
    /// Told to every client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Result of `gateway.stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayStopResult {
    /// True.
    pub ok: bool,
    /// The process that will end.
    pub pid: u32,
}
