//! `router.health`: every group and deployment as calls have shown them, and whether the ledger works.

use serde::{Deserialize, Serialize};

use crate::{
    method::Method,
    methods::Empty,
    schema::{Field, Kind, may, need},
    scope::Scope,
};

/// `router.health`. Nobody is called for it.
#[derive(Debug, Clone, Copy)]
pub struct RouterHealth;

impl Method for RouterHealth {
    const NAME: &'static str = "router.health";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[];
    const RESULT: &'static [Field] = &[
        need(
            "ready",
            Kind::Flag,
            "whether a request for a model can be taken now",
        ),
        need(
            "groups",
            Kind::List,
            "`{name, source, fallbacks, deployments}` each; a deployment is `{id, provider, model, usable, coolingUntilMs, reason, lastFailure, lastFailureMs, inFlight, requestsThisMinute, tokensThisMinute, rpm, tpm, firstByteMs, price, contextWindow, maxOutput, reasoning}`",
        ),
        may("patterns", Kind::List, "wildcards, such as `openai/*`"),
        may(
            "aliases",
            Kind::Object,
            "other names, and what they stand for",
        ),
        need("keys", Kind::Object, "`{count, failure}` of virtual keys"),
        need(
            "ledger",
            Kind::Object,
            "`{ok, failure, linesDamaged, linesLost, unsettled}`",
        ),
        may(
            "listen",
            Kind::Text,
            "where requests are taken, where a port is open for them",
        ),
    ];
    type Params = Empty;
    type Result = RouterHealthResult;
}

/// Result of `router.health`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RouterHealthResult {
    /// Whether a request for a model can be taken now.
    pub ready: bool,
    /// The groups that the configuration names, then the models of providers.
    pub groups: Vec<GroupRow>,
    /// Wildcards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    /// Other names, and what they stand for.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub aliases: std::collections::BTreeMap<String, String>,
    /// Virtual keys.
    pub keys: KeysState,
    /// What is written of spending.
    pub ledger: LedgerState,
    /// Where requests are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
}

/// One group of deployments.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupRow {
    /// What requests call it.
    pub name: String,
    /// The configuration file that names it, or `found` for a model of a provider that was found without one.
    pub source: String,
    /// What is tried when all of it fails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<String>,
    /// Its deployments, the first to be tried first.
    pub deployments: Vec<DeploymentRow>,
}

/// One model at one server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentRow {
    /// Unique among all.
    pub id: String,
    /// The provider.
    pub provider: String,
    /// The model at the provider.
    pub model: String,
    /// Whether it would be asked now if nothing else were there.
    pub usable: bool,
    /// Until when it rests, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooling_until_ms: Option<i64>,
    /// Why it rests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why a call to it failed last, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure_ms: Option<i64>,
    /// Calls to it that have not ended.
    pub in_flight: u32,
    /// Calls to it in this minute.
    pub requests_this_minute: u32,
    /// Tokens of them.
    pub tokens_this_minute: u64,
    /// Calls it takes in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u32>,
    /// Tokens it takes in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<u32>,
    /// How long the first byte of an answer takes of late, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<f64>,
    /// What it costs, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceRow>,
    /// Tokens a request may hold, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u32>,
    /// Tokens an answer may hold, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output: Option<u32>,
    /// Whether it thinks aloud.
    pub reasoning: bool,
}

/// A price, in dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceRow {
    /// Of tokens read.
    pub input: f64,
    /// Of tokens written.
    pub output: f64,
    /// Of tokens read from the provider's cache, where it has a price of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<f64>,
    /// Of tokens written to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
}

/// Whether virtual keys work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeysState {
    /// How many there are.
    pub count: u64,
    /// What is wrong with their file; all are refused then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Whether spending is written down.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerState {
    /// Whether it is.
    pub ok: bool,
    /// Why it isn't; requests under a budget are refused then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Lines that could not be read when it was opened.
    pub lines_damaged: u64,
    /// Lines that were lost because the disk refused or was too slow.
    pub lines_lost: u64,
    /// Calls whose end nobody saw, found when it was opened.
    pub unsettled: u64,
}
