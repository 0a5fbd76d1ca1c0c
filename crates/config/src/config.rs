//! The checked configuration: every default filled in, every reference parsed.

mod allowance;
mod litellm;
mod models;
mod router;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::PathBuf,
};

use openclaw_types::AgentId;

pub(crate) use self::allowance::is_period;
pub use self::{
    allowance::{Allowance, Budgets},
    litellm::{
        AgentMapping, Alias, Cache, CallType, Deployment, Litellm, Mode, PassThrough, PerKind,
        Redis, RouterSettings, Strategy,
    },
    models::{
        Api, Cost, Deadlines, Discovery, LocalModel, Model, Models, Passthrough,
        PassthroughEndpoint, Provider, Routing,
    },
    router::{Record, Router},
};
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
    /// The router's port, its groups, and who may use how much.
    pub router: Router,
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
    /// What is done on sessions unasked.
    pub keeper: Keeper,
    /// Bounds on what is kept.
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

/// What is done on sessions unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeper {
    /// Sessions that rest get commit markers.
    pub auto_commit: bool,
    /// Sessions idle for longer are archived; `None` leaves all where they are.
    pub archive_after_ms: Option<u64>,
}

/// Bounds on what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maintenance {
    /// What is done beyond the bounds.
    pub mode: MaintenanceMode,
    /// Sessions of an agent that are not archived.
    pub sessions_max: u32,
    /// Bytes of all archives together.
    pub archive_bytes_max: u64,
}

/// What is done beyond the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaintenanceMode {
    /// Nothing.
    Off,
    /// It is reported.
    Warn,
    /// The oldest sessions are archived, the oldest archives removed.
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
