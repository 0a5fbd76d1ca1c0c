//! `router.spend` and `router.spend.logs`: what was spent, in sums and call by call.

use serde::{Deserialize, Serialize};

use crate::{
    method::Method,
    schema::{Field, Kind, may, need},
    scope::Scope,
};

const SINCE: Field = may("sinceMs", Kind::Number, "from then on");
const UNTIL: Field = may("untilMs", Kind::Number, "before then");
const KEY: Field = may("key", Kind::Text, "only of this key: its id or alias");
const TEAM: Field = may("team", Kind::Text, "only of this team");
const AGENT: Field = may("agent", Kind::Agent, "only of this agent");
const GROUP: Field = may("group", Kind::Text, "only of this model group");
const PROVIDER: Field = may("provider", Kind::Text, "only of this provider");
const MODEL: Field = may("model", Kind::Text, "only of this model at the provider");

/// Which calls are meant; all when nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SpendFilter {
    /// From then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<i64>,
    /// Before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
    /// Only of this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Only of this team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Only of this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Only of this model group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Only of this provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Only of this model at the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// `router.spend`.
#[derive(Debug, Clone, Copy)]
pub struct RouterSpend;

impl Method for RouterSpend {
    const NAME: &'static str = "router.spend";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[
        may(
            "by",
            Kind::List,
            "what to break it down by: `day`, `key`, `team`, `agent`, `group`, `provider`, `model`",
        ),
        SINCE,
        UNTIL,
        KEY,
        TEAM,
        AGENT,
        GROUP,
        PROVIDER,
        MODEL,
    ];
    const RESULT: &'static [Field] = &[
        need(
            "rows",
            Kind::List,
            "what it is broken down by, and `{costUsd, requests, failures, unpriced, unsettled, inputTokens, outputTokens, cachedTokens}` each; days are whole days of UTC",
        ),
        need("total", Kind::Object, "the same sums over all"),
        may(
            "hidden",
            Kind::Number,
            "rows that were left out, those that cost least",
        ),
    ];
    type Params = SpendParams;
    type Result = SpendResult;
}

/// Parameters of `router.spend`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpendParams {
    /// What to break it down by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Which calls are meant.
    #[serde(flatten)]
    pub filter: SpendFilter,
}

/// Result of `router.spend`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SpendResult {
    /// The lines, the earliest day first, then by the names.
    pub rows: Vec<SpendRow>,
    /// All together.
    pub total: SpendTally,
    /// Rows that were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hidden: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes the field by reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One line of what was spent; what it isn't broken down by is absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SpendRow {
    /// `YYYY-MM-DD`; `YYYY-MM` where days were summed up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// The key's id; empty for calls without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The key's alias, where it has one and is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_alias: Option<String>,
    /// The team; empty for calls without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The agent; empty for calls without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The model group that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model at the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The sums.
    #[serde(flatten)]
    pub tally: SpendTally,
}

/// Sums over calls.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SpendTally {
    /// What they cost.
    pub cost_usd: f64,
    /// Calls.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that cost nobody knows what.
    pub unpriced: u64,
    /// Those whose end nobody saw; they are counted at the most they could cost.
    pub unsettled: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Of those read, how many came from the provider's cache.
    pub cached_tokens: u64,
}

/// `router.spend.logs`.
#[derive(Debug, Clone, Copy)]
pub struct RouterSpendLogs;

impl Method for RouterSpendLogs {
    const NAME: &'static str = "router.spend.logs";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[
        SINCE,
        UNTIL,
        KEY,
        TEAM,
        AGENT,
        GROUP,
        PROVIDER,
        MODEL,
        may("offset", Kind::Number, "how many to leave out"),
        may(
            "limit",
            Kind::Number,
            "how many at most; 100 unless given, 1,000 at most",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need(
            "calls",
            Kind::List,
            "`{atMs, requestId, key, team, agent, group, provider, model, deployment, costUsd, status, ms, ...}` each, the last one first",
        ),
        need(
            "untilMs",
            Kind::Number,
            "what to say with the next `offset`, so that no call moves between pages",
        ),
        may(
            "nextOffset",
            Kind::Number,
            "where the next page begins, if there is one",
        ),
    ];
    type Params = SpendLogsParams;
    type Result = SpendLogsResult;
}

/// Parameters of `router.spend.logs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpendLogsParams {
    /// Which calls are meant.
    #[serde(flatten)]
    pub filter: SpendFilter,
    /// How many to leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Result of `router.spend.logs`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpendLogsResult {
    /// The calls, the last one first.
    pub calls: Vec<CallRow>,
    /// What to say with the next `offset`.
    pub until_ms: i64,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<u64>,
}

/// One call, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CallRow {
    /// When it ended.
    pub at_ms: i64,
    /// The id the caller was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The end user, as the caller named them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The caller's tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The model group that was asked for.
    pub group: String,
    /// The provider that answered.
    pub provider: String,
    /// The model at the provider.
    pub model: String,
    /// The deployment.
    pub deployment: String,
    /// Tokens read, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens written, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// What it cost, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Whether the cost is what was reserved.
    pub estimate: bool,
    /// Whether nobody saw its end.
    pub unsettled: bool,
    /// The HTTP status.
    pub status: u16,
    /// How long it took.
    pub ms: u64,
    /// How long its first content took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<u64>,
}
