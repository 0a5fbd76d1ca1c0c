//! A `litellm_config.yaml`, checked.

use std::{collections::BTreeMap, path::PathBuf};

use indexmap::IndexMap;
use openclaw_types::{AgentId, Price};

use super::{Api, Budgets, Deadlines};
use crate::{
    endpoint::{self, Endpoint},
    secret::{Opaque, Secret},
};

/// Where a Redis listens unless its address says otherwise.
const REDIS_PORT: u16 = 6379;

/// What is read of a `litellm_config.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Litellm {
    /// Where it is.
    pub file: PathBuf,
    /// Deployments in file order; those of one group share the load.
    pub deployments: Vec<Deployment>,
    /// How they are chosen, and what is tried when one fails.
    pub routing: RouterSettings,
    /// The model of requests that name none.
    pub default_model: Option<String>,
    /// Where answers are kept for equal requests; `None` keeps none.
    pub cache: Option<Cache>,
    /// The key that may do everything.
    pub master_key: Option<Secret>,
    /// Whether `/metrics` needs a key, where that is said.
    pub metrics_need_key: Option<bool>,
    /// Paths that are passed on to one address.
    pub pass_through: Vec<PassThrough>,
    /// Deadline of a request to one of them.
    pub pass_through_timeout_ms: u64,
    /// Largest request body, where it is said.
    pub request_bytes_max: Option<u64>,
    /// Who may use how much.
    pub budgets: Budgets,
    /// What agents' virtual models stand for besides the group of that name.
    pub agents: BTreeMap<AgentId, AgentMapping>,
}

/// One deployment of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Where it stands in the file.
    pub line: u32,
    /// As written; `None` leaves it to who needs one.
    pub id: Option<String>,
    /// What requests call it; a `*` in it makes a wildcard.
    pub group: String,
    /// The provider's id.
    pub provider: String,
    /// What the provider calls it; a `*` takes what the group's stands for.
    pub model: String,
    /// The protocol.
    pub api: Api,
    /// With a version segment where the protocol has one.
    pub base_url: String,
    /// The key.
    pub key: Option<Secret>,
    /// The variable to name when the server refuses the key.
    pub key_variable: Option<String>,
    /// Sent with every request.
    pub headers: IndexMap<String, Secret>,
    /// Lower orders of a group are tried first.
    pub order: u32,
    /// Its share of the group's requests.
    pub weight: Option<u32>,
    /// Requests in a minute.
    pub rpm: Option<u32>,
    /// Tokens in a minute.
    pub tpm: Option<u32>,
    /// What it costs, as far as the file says.
    pub price: Option<Price>,
    /// Tokens a request may hold; 0 when unknown.
    pub context_window: u32,
    /// Tokens an answer may hold; 0 when unknown.
    pub max_output: u32,
    /// Whether it reads images; true unless the file denies it.
    pub reads_images: bool,
    /// Whether it calls tools, where that is said.
    pub calls_tools: Option<bool>,
    /// Whether it thinks aloud.
    pub reasoning: bool,
    /// What it is for.
    pub mode: Mode,
    /// For people; may be empty.
    pub description: String,
    /// Deadlines of an answer in one piece.
    pub deadlines: Deadlines,
    /// Deadlines of a stream.
    pub stream_deadlines: Deadlines,
    /// Repeats in place of what the settings say.
    pub num_retries: Option<u32>,
    /// How long it rests after failures.
    pub cooldown_ms: Option<u64>,
    /// Failures in a minute that don't make it rest.
    pub allowed_fails: Option<u32>,
    /// The same for single kinds of failure.
    pub allowed_fails_policy: PerKind,
    /// Whether request fields that its protocol does not know are left out.
    pub drop_params: bool,
    /// Fields for requests that don't have them; always an object.
    pub extra: Opaque,
}

/// What a deployment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Conversations.
    Chat,
    /// Texts to be continued.
    Completion,
    /// Vectors.
    Embedding,
    /// Conversations over `/v1/responses`.
    Responses,
}

impl Mode {
    /// The word in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completion => "completion",
            Self::Embedding => "embedding",
            Self::Responses => "responses",
        }
    }
}

/// A number for each kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerKind {
    /// The request is wrong.
    pub bad_request: Option<u32>,
    /// The key is.
    pub authentication: Option<u32>,
    /// A deadline passed.
    pub timeout: Option<u32>,
    /// Too many requests.
    pub rate_limit: Option<u32>,
    /// A content filter refused it.
    pub content_policy: Option<u32>,
    /// The server failed.
    pub internal_server: Option<u32>,
}

/// How deployments are chosen, and what is tried when one fails; `None` where the file says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouterSettings {
    /// How members of a group are put in order.
    pub strategy: Strategy,
    /// Repeats of a deployment when its group has no other.
    pub num_retries: Option<u32>,
    /// The same for single kinds of failure.
    pub retry_policy: PerKind,
    /// The most fallbacks tried for a request.
    pub max_fallbacks: Option<u32>,
    /// How long a deployment rests after failures.
    pub cooldown_ms: Option<u64>,
    /// Failures in a minute that don't make a deployment rest.
    pub allowed_fails: Option<u32>,
    /// The same for single kinds of failure.
    pub allowed_fails_policy: PerKind,
    /// Nothing rests but what asks for it.
    pub disable_cooldowns: bool,
    /// Group to what is tried when it fails.
    pub fallbacks: BTreeMap<String, Vec<String>>,
    /// The same for requests that are too long.
    pub context_window_fallbacks: BTreeMap<String, Vec<String>>,
    /// The same for requests that a content filter refused.
    pub content_policy_fallbacks: BTreeMap<String, Vec<String>>,
    /// For groups that have none of their own.
    pub default_fallbacks: Vec<String>,
    /// Other names for groups.
    pub aliases: BTreeMap<String, Alias>,
}

/// Another name for a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The group.
    pub model: String,
    /// Whether lists of models leave the name out.
    pub is_hidden: bool,
}

/// How the members of a group are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// By chance, in proportion to their weights.
    #[default]
    SimpleShuffle,
    /// The fewest calls in flight first.
    LeastBusy,
    /// The quickest of late first.
    LatencyBased,
    /// The fewest tokens in this minute first.
    UsageBased,
}

/// Where answers are kept for equal requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Redis; `None` keeps them in the process.
    pub redis: Option<Redis>,
    /// How long.
    pub ttl_ms: Option<u64>,
    /// Which calls are kept; empty for all.
    pub call_types: Vec<CallType>,
    /// Whether requests that say nothing take part.
    pub is_default_on: bool,
}

/// A kind of call whose answers can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallType {
    /// Conversations.
    Chat,
    /// Texts to be continued.
    Completion,
    /// Vectors.
    Embedding,
    /// `/v1/responses`.
    Responses,
}

/// A Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// `redis://host:port`, with a password where there is one.
    pub url: Secret,
    /// Put before its keys.
    pub namespace: Option<String>,
}

impl Redis {
    /// Where it is, when it can be asked there without more ado: one behind TLS can't.
    #[must_use]
    pub fn endpoint(&self) -> Option<Endpoint> {
        let is_plain = self.url.expose().starts_with("redis://");
        let endpoint = endpoint::endpoint(self.url.clone(), REDIS_PORT);
        endpoint.filter(|_| is_plain)
    }
}

/// A path that is passed on to one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassThrough {
    /// Where it is here.
    pub path: String,
    /// The address.
    pub target: String,
    /// Sent with every request.
    pub headers: IndexMap<String, Secret>,
    /// Whether paths below it are passed on too.
    pub has_subpaths: bool,
    /// Whether the client's headers are sent on; its key never is.
    pub forwards_headers: bool,
    /// Whether a key is needed.
    pub needs_key: bool,
}

/// What an agent's virtual model stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentMapping {
    /// A group, or `provider/model`.
    pub primary: Option<String>,
    /// Tried in order when that fails.
    pub fallbacks: Vec<String>,
    /// Fields for requests that don't have them; always an object.
    pub defaults: Opaque,
}
