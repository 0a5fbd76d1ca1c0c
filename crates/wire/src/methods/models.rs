//! `models.*`: which models there are, which one answers, and whether it does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    method::Method,
    methods::{Empty, router::GroupRow},
    schema::{Field, Kind, may, need},
    scope::Scope,
};

/// `models.list`.
#[derive(Debug, Clone, Copy)]
pub struct ModelsList;

impl Method for ModelsList {
    const NAME: &'static str = "models.list";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[];
    const RESULT: &'static [Field] = &[
        need(
            "models",
            Kind::List,
            "`{id, name, provider, contextWindow, available, tags}` each",
        ),
        may(
            "groups",
            Kind::List,
            "the routing table, as `router.health` has it",
        ),
        may("patterns", Kind::List, "wildcards, such as `openai/*`"),
        may(
            "aliases",
            Kind::Object,
            "other names, and what they stand for",
        ),
    ];
    type Params = Empty;
    type Result = ModelsListResult;
}

/// Result of `models.list`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ModelsListResult {
    /// The models.
    pub models: Vec<ModelChoice>,
    /// The routing table: every name that can be asked for, and what is behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupRow>,
    /// Wildcards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    /// Other names, and what they stand for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelChoice {
    /// Its id at the provider.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its provider.
    pub provider: String,
    /// Its window, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// Whether it thinks aloud.
    #[serde(default)]
    pub reasoning: bool,
    /// Such as `default`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// A shorter name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Whether it can answer now, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
}

/// `models.status`.
#[derive(Debug, Clone, Copy)]
pub struct ModelsStatus;

impl Method for ModelsStatus {
    const NAME: &'static str = "models.status";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[];
    const RESULT: &'static [Field] = &[
        may("source", Kind::Text, "where answers come from"),
        may("why", Kind::Text, "why from there"),
        may(
            "model",
            Kind::Text,
            "the model that answers unless an agent names another",
        ),
        may(
            "candidates",
            Kind::List,
            "`{name, ok, detail}` of every source looked at",
        ),
        may("cooldowns", Kind::List, "`{model, untilMs, reason}` each"),
        may(
            "local",
            Kind::Object,
            "`{state, detail, progress}` of the local model",
        ),
        may(
            "agents",
            Kind::List,
            "`{agentId, reference, stated, chain, leftUsd}` of every agent; the chain is what would be asked now, one after the other, `{model, key}` each",
        ),
    ];
    type Params = Empty;
    type Result = ModelsStatusResult;
}

/// Result of `models.status`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ModelsStatusResult {
    /// Where answers come from; absent while that is being found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The model that answers unless an agent names another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Every source looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// What is left alone for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cooldowns: Vec<Cooldown>,
    /// The local model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalModel>,
    /// What answers for every agent, and what is asked when it does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentRoute>,
}

/// What answers for an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentRoute {
    /// Which agent.
    pub agent_id: String,
    /// The model it names, or its own virtual model.
    pub reference: String,
    /// Whether somebody asked for that model; if not, any will do.
    pub stated: bool,
    /// Everything that would be asked, one after the other; empty where nothing would.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<RouteStep>,
    /// What it may still spend in this period, where it has a budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_usd: Option<f64>,
}

/// One that would be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStep {
    /// `provider/model`.
    pub model: String,
    /// Whether its key is there.
    pub key: KeyPresence,
}

/// Whether a key is there; never the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyPresence {
    /// It is.
    Set,
    /// The place where it would be is known, and nothing is there.
    Unset,
    /// Nobody says where it would be, as with servers of this machine.
    None,
}

/// A source that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which one.
    pub name: String,
    /// Whether it can answer.
    pub ok: bool,
    /// What was found.
    #[serde(default)]
    pub detail: String,
}

/// A model that is left alone for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cooldown {
    /// Which one.
    pub model: String,
    /// Until when, in milliseconds.
    pub until_ms: i64,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// How the local model is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalModel {
    /// `absent`, `fetching`, `starting`, `ready` or `failed`.
    pub state: String,
    /// In words.
    #[serde(default)]
    pub detail: String,
    /// From 0 to 1, while fetching.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
}

/// `models.auth`.
#[derive(Debug, Clone, Copy)]
pub struct ModelsAuth;

impl Method for ModelsAuth {
    const NAME: &'static str = "models.auth";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[];
    const RESULT: &'static [Field] = &[need(
        "providers",
        Kind::List,
        "`{provider, key, from, usedBy}` each: whether its key is set, which variable or configuration key gives it, and what uses it; never the key",
    )];
    type Params = Empty;
    type Result = ModelsAuthResult;
}

/// Result of `models.auth`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelsAuthResult {
    /// Those that something uses first, then those that could be.
    pub providers: Vec<ProviderAuth>,
}

/// Where the key of a provider comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderAuth {
    /// Which provider.
    pub provider: String,
    /// Whether its key is set.
    pub key: KeyPresence,
    /// The variable or the configuration key that gives it, or would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The configuration or the model groups that use it, or `discovery` where its key alone makes it found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<String>,
}

/// `models.probe`: ask a model one short question.
#[derive(Debug, Clone, Copy)]
pub struct ModelsProbe;

impl Method for ModelsProbe {
    const NAME: &'static str = "models.probe";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[
        may(
            "provider",
            Kind::Text,
            "only this provider; all unless given",
        ),
        may("model", Kind::Text, "only this model"),
        may(
            "timeoutMs",
            Kind::Number,
            "how long each may take; 15,000 unless given",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need("provider", Kind::Text, "which provider, or `all`"),
        need(
            "status",
            Kind::Text,
            "`ok`, `auth`, `rate_limit`, `timeout`, `no_model` or `unknown`",
        ),
        need(
            "results",
            Kind::List,
            "`{label, status, latencyMs, answer, error, hint}` each",
        ),
    ];
    type Params = ModelsProbeParams;
    type Result = ModelsProbeResult;
}

/// Parameters of `models.probe`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelsProbeParams {
    /// Only this provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Only this model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How long each may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// Result of `models.probe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelsProbeResult {
    /// Which provider, or `all`.
    pub provider: String,
    /// How it went.
    pub status: ProbeStatus,
    /// One by one.
    pub results: Vec<ProbeResult>,
}

/// How a question to a model went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeStatus {
    /// It answered.
    Ok,
    /// The key is wrong.
    Auth,
    /// Too many questions.
    RateLimit,
    /// No money left, or a budget is in the way.
    Billing,
    /// It took too long.
    Timeout,
    /// The answer made no sense.
    Format,
    /// Something else.
    Unknown,
    /// There is no such model.
    NoModel,
}

/// One question to one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeResult {
    /// Which model.
    pub label: String,
    /// How it went.
    pub status: ProbeStatus,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// The beginning of what it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What the provider said of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}
