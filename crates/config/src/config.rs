//! The checked configuration: every default filled in, every reference parsed.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::PathBuf,
};

use indexmap::IndexMap;
use openclaw_types::AgentId;

use crate::{
    endpoint::{Endpoint, Network},
    paths::Paths,
    secret::{Opaque, Secret},
};

/// Everything the gateway is told, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where things are on disk.
    pub paths: Paths,
    /// The one port.
    pub gateway: Gateway,
    /// The agents that run, in roster order; never empty.
    pub agents: Vec<Agent>,
    /// Where models come from.
    pub models: Models,
    /// Which model answers for which name.
    pub routing: Routing,
    /// Side services, for the deep status.
    pub memory: Memory,
    /// Which model makes vectors.
    pub embedding: Embedding,
    /// How conversations are kept.
    pub session: Session,
    /// Bounds.
    pub limits: Limits,
    /// What plugins may load.
    pub plugins: Plugins,
    /// Where skills are read from, beside the built-in ones.
    pub skills_path: Option<PathBuf>,
    /// The least important log line written: `error`, `warn`, `info`, `debug`, `trace`.
    pub log_level: String,
}

/// The one port, and who may use it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gateway {
    /// 0 takes a free port.
    pub port: u16,
    /// A loopback address unless the file or the command line opened the gateway and wrote its auth down.
    pub bind: IpAddr,
    /// The configured token; `None` means the token file.
    pub token: Option<Secret>,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// Host names beside loopback ones, in lower case, with a port only where one was written.
    pub allowed_hosts: Vec<String>,
    /// Web origins, in lower case, without a path.
    pub allowed_origins: Vec<String>,
}

/// One agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Directory name and address.
    pub id: AgentId,
    /// For people.
    pub name: String,
    /// Free text.
    pub role: String,
    /// A sign beside the name; may be empty.
    pub emoji: String,
    /// One line; may be empty.
    pub purpose: String,
    /// What answers for it.
    pub model: AgentModel,
    /// A label; nothing listens on it.
    pub port: Option<u16>,
    /// Words that discovery reports.
    pub capabilities: Vec<String>,
    /// Skills it may use.
    pub skills: Vec<String>,
    /// Settings of the agent's own, always an object.
    pub parameters: Opaque,
    /// Answers when no agent is named; true for exactly one.
    pub primary: bool,
    /// Whether it is one of the built-in roster.
    pub built_in: bool,
}

/// The model reference of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentModel {
    /// `agent/steward`, `litellm/agent/steward`, `openai/gpt-5`, or an alias.
    pub reference: String,
    /// Tried in order when the reference fails.
    pub fallbacks: Vec<String>,
    /// Whether the file asked for it; if not, any model will do when the reference is served by nobody.
    pub stated: bool,
}

/// Where models come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Models {
    /// In file order, which is the order of preference.
    pub providers: Vec<Provider>,
    /// Deadlines of providers that have none of their own.
    pub deadlines: Deadlines,
    /// What is found without configuration.
    pub discovery: Discovery,
    /// The built-in model.
    pub local: LocalModel,
}

/// One model server.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// Its name in references.
    pub id: String,
    /// With a version segment, without a slash at the end.
    pub base_url: String,
    /// The protocol.
    pub api: Api,
    /// Sent as a bearer token.
    pub key: Option<Secret>,
    /// The variable to name when the server refuses the key.
    pub key_variable: Option<String>,
    /// Sent with every request.
    pub headers: IndexMap<String, Secret>,
    /// Its own, or those of all.
    pub deadlines: Deadlines,
    /// Empty: ask the server.
    pub models: Vec<Model>,
}

/// The protocols spoken with model servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `POST /chat/completions` and its stream.
    OpenAiCompletions,
}

/// One model of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What the server calls it.
    pub id: String,
    /// For people.
    pub name: String,
    /// Whether it thinks aloud.
    pub reasoning: bool,
    /// Whether it reads images beside text.
    pub reads_images: bool,
    /// Tokens a request may hold.
    pub context_window: u32,
    /// Tokens an answer may hold.
    pub max_output: u32,
    /// Dollars per million tokens.
    pub cost: Cost,
}

/// Dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Read.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read from the provider's cache.
    pub cache_read: f64,
    /// Written to the provider's cache.
    pub cache_write: f64,
}

/// Deadlines of a model call, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the connection stands.
    pub connect_ms: u64,
    /// Until the first byte.
    pub first_byte_ms: u64,
    /// Between two bytes.
    pub idle_ms: u64,
    /// The whole call.
    pub total_ms: u64,
}

/// What is found without configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovery {
    /// Whether anything is looked for.
    pub enabled: bool,
    /// Provider keys of the environment by variable: `OPENAI_API_KEY` and its siblings.
    pub environment_keys: BTreeMap<String, Secret>,
    /// Where LiteLLM is looked for: `LITELLM_URL` or port 4000 of this machine.
    pub litellm_url: String,
    /// `LITELLM_MASTER_KEY`.
    pub litellm_key: Option<Secret>,
    /// Where Ollama is looked for: `OLLAMA_HOST` or port 11434 of this machine.
    pub ollama_url: String,
    /// `MINIMAX_API_BASE`, with a version segment.
    pub minimax_base_url: Option<String>,
    /// `ZAI_API_BASE`, with a version segment.
    pub zai_base_url: Option<String>,
}

/// The built-in local model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalModel {
    /// Whether it may be used when nothing else is found.
    pub enabled: bool,
    /// `None` means the catalogue's default.
    pub model: Option<String>,
    /// Tokens a request may hold.
    pub context_window: u32,
    /// Most memory of its process.
    pub memory_bytes_max: u64,
    /// The `openclaw-modeld` program; `None` means beside our own, then on the path.
    pub binary: Option<PathBuf>,
}

/// Which model answers for which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// For agents whose own model is served by nobody.
    pub default: Option<String>,
    /// Alias to reference.
    pub aliases: BTreeMap<String, String>,
    /// Reference to the references tried when it fails.
    pub failover: BTreeMap<String, Vec<String>>,
    /// Virtual models of a LiteLLM.
    pub passthrough: Passthrough,
}

/// LiteLLM's virtual models, one an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passthrough {
    /// Whether they are used.
    pub enabled: bool,
    /// By virtual model, `agent/steward`.
    pub endpoints: BTreeMap<String, PassthroughEndpoint>,
}

/// One virtual model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassthroughEndpoint {
    /// The model behind it, as far as the file says.
    pub backend: Option<String>,
}

/// Side services; `None` where not configured or switched off.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// PostgreSQL with pgvector.
    pub pgvector: Option<Endpoint>,
    /// A cache.
    pub redis: Option<Endpoint>,
    /// Local embeddings and models.
    pub ollama: Option<Endpoint>,
}

/// Which model makes vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedding {
    /// Who serves it.
    pub provider: String,
    /// `None` means the provider's default.
    pub model: Option<String>,
    /// Numbers in a vector.
    pub dimensions: u32,
    /// Where it is served.
    pub base_url: Option<String>,
}

/// How conversations are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// When an entry counts as kept.
    pub durability: Durability,
    /// A larger active segment is sealed.
    pub segment_bytes_max: u64,
    /// Largest entry.
    pub entry_bytes_max: u64,
    /// Most entries that a prompt holds.
    pub history_entries: u32,
    /// Whether each answer is followed by a commit marker.
    pub auto_commit: bool,
    /// Work on old sessions.
    pub maintenance: Maintenance,
}

/// When an entry counts as kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Synced before it is acknowledged.
    Always,
    /// Synced at an interval.
    Batch {
        /// The interval.
        interval_ms: u64,
    },
    /// Left to the system.
    Os,
}

/// Work on old sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// What is done about sessions beyond the bounds.
    pub mode: MaintenanceMode,
    /// Idle for longer.
    pub archive_after_ms: u64,
    /// More than this, an agent.
    pub sessions_max: u32,
}

/// What is done about old sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaintenanceMode {
    /// Nothing.
    Off,
    /// They are reported.
    Warn,
    /// They are archived.
    Enforce,
}

/// Bounds that protect the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sockets at the same time.
    pub connections: u32,
    /// Messages that wait in one session.
    pub lane_depth: u32,
    /// Runs at the same time.
    pub runs: u32,
    /// Model calls in one run.
    pub steps: u32,
    /// The longest run.
    pub run_ms: u64,
    /// The longest deliberation.
    pub deliberation_ms: u64,
}

/// What plugins may load.
#[derive(Debug, Clone, PartialEq)]
pub struct Plugins {
    /// Whether any may.
    pub enabled: bool,
    /// When present, only these may.
    pub allow: Option<BTreeSet<String>>,
    /// These never may.
    pub deny: BTreeSet<String>,
    /// Deadline of one call into a plugin.
    pub timeout_ms: u64,
    /// Starts of a failing plugin before it is given up.
    pub retry_attempts: u32,
    /// By plugin id.
    pub entries: BTreeMap<String, PluginEntry>,
    /// Which plugin is the memory.
    pub memory_slot: Option<String>,
}

/// One plugin's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginEntry {
    /// `false` leaves it out.
    pub enabled: bool,
    /// Its own settings.
    pub config: Opaque,
}
