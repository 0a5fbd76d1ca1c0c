//! What the models are told at start; nothing is looked up elsewhere.

use std::{collections::BTreeMap, path::PathBuf};

use openclaw_accounts::Accounts;
use openclaw_process::Launcher;
use openclaw_types::{AgentId, Price};
use serde_json::{Map, Value};

use crate::{cache, catalog, recording, secret::Secret};
pub use crate::{
    http::Transport,
    routing::{AgentMapping, PerKind, Settings, Strategy},
};

/// Everything the models are told.
#[derive(Debug, Clone)]
pub struct Options {
    /// Configured providers, in order of preference.
    pub providers: Vec<ProviderOptions>,
    /// Alias to reference.
    pub aliases: BTreeMap<String, String>,
    /// The reference of each agent.
    pub agent_models: BTreeMap<AgentId, AgentModel>,
    /// For agents whose own reference nobody serves.
    pub default_model: Option<String>,
    /// Reference to the references tried when it fails.
    pub failover: BTreeMap<String, Vec<String>>,
    /// Groups of deployments, and what holds for all routing.
    pub routing: RoutingOptions,
    /// What is looked for without configuration.
    pub discovery: DiscoveryOptions,
    /// The model that runs on this machine; `None` switches it off.
    pub local: Option<LocalOptions>,
    /// Where model files are kept, and how they get there.
    pub catalog: catalog::Options,
    /// Everything but loopback and unix sockets goes through this proxy.
    pub proxy: Option<String>,
    /// Who may spend what; without, everybody may ask everything, and nothing is counted.
    pub accounts: Option<Accounts>,
    /// How answers are kept for the same request; `None` keeps none.
    pub cache: Option<cache::Options>,
    /// Where requests and answers are kept for a replay; `None` keeps none.
    pub record: Option<recording::Options>,
}

impl Options {
    /// What is routed and nothing else: nothing is looked for, nothing runs on this machine, no file is fetched.
    #[must_use]
    pub fn routed(routing: RoutingOptions, deadlines: Deadlines) -> Self {
        Self {
            providers: Vec::new(),
            aliases: BTreeMap::new(),
            agent_models: BTreeMap::new(),
            default_model: None,
            failover: BTreeMap::new(),
            routing,
            discovery: DiscoveryOptions {
                enabled: false,
                environment_keys: BTreeMap::new(),
                base_urls: BTreeMap::new(),
                litellm_url: String::new(),
                litellm_key: None,
                ollama_url: String::new(),
                deadlines,
                instance: None,
            },
            local: None,
            catalog: catalog::Options {
                dir: PathBuf::new(),
                launcher: Launcher::new(PathBuf::new()),
                environment: Vec::new(),
            },
            proxy: None,
            accounts: None,
            cache: None,
            record: None,
        }
    }
}

/// The model of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentModel {
    /// `agent/steward`, `litellm/agent/steward`, `openai/gpt-5`, or an alias.
    pub reference: String,
    /// Tried in order when the reference fails.
    pub fallbacks: Vec<String>,
    /// Whether somebody asked for it; if not, any model will do when nobody serves the reference.
    pub is_stated: bool,
}

/// One model server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderOptions {
    /// Its name in references.
    pub id: String,
    /// With or without a version segment; `/v1` is added where there is none.
    pub base_url: String,
    /// The protocol.
    pub api: Api,
    /// Sent as a bearer token.
    pub key: Option<Secret>,
    /// The variable to name when the server refuses the key.
    pub key_variable: Option<String>,
    /// Sent with every request.
    pub headers: Vec<(String, Secret)>,
    /// Its deadlines.
    pub deadlines: Deadlines,
    /// Its models; empty means that the server is asked.
    pub models: Vec<ModelOptions>,
    /// How it is reached.
    pub transport: Transport,
    /// Nobody is reached: the answers are those of the recordings below this directory.
    pub recordings: Option<PathBuf>,
}

/// The protocols of model servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Api {
    /// `POST /chat/completions` and its stream.
    OpenAiCompletions,
    /// `POST /messages` and its stream.
    AnthropicMessages,
    /// `POST /responses` and its stream.
    OpenAiResponses,
    /// `POST /models/<model>:generateContent` and its stream.
    Gemini,
    /// `POST /api/chat` and its lines.
    Ollama,
}

impl Api {
    /// The word used in configurations and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiCompletions => "openai-completions",
            Self::AnthropicMessages => "anthropic-messages",
            Self::OpenAiResponses => "openai-responses",
            Self::Gemini => "google-generative-ai",
            Self::Ollama => "ollama",
        }
    }
}

/// Groups of deployments, and what holds for all routing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoutingOptions {
    /// Deployments in the order of the configuration.
    pub deployments: Vec<DeploymentOptions>,
    /// What holds for every group; [`Options::failover`] and [`Options::aliases`] are added to its own.
    pub settings: Settings,
    /// What agents' virtual models stand for.
    pub agents: BTreeMap<AgentId, AgentMapping>,
}

/// One deployment of a group.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says another thing that a configuration may say"
)]
pub struct DeploymentOptions {
    /// Unique among deployments.
    pub id: String,
    /// What requests call it; several deployments of one name are a group, and a `*` in it makes a wildcard.
    pub group: String,
    /// The provider's id, such as `minimax`.
    pub provider: String,
    /// What the provider calls it; a `*` takes what the group's stands for.
    pub model: String,
    /// The protocol; `None` takes that of the configured provider of this id, or openai-completions.
    pub api: Option<Api>,
    /// `None` takes that of the configured provider of this id, or the provider's own where it is known.
    pub base_url: Option<String>,
    /// Whether `base_url` is the whole address of what is passed through.
    pub is_exact: bool,
    /// Whether it only makes vectors.
    pub only_embeds: bool,
    /// For people; may be empty.
    pub description: String,
    /// `None` takes that of the configured provider of this id, or that of the environment.
    pub key: Option<Secret>,
    /// The variable to name when the server refuses the key.
    pub key_variable: Option<String>,
    /// Sent with every request.
    pub headers: Vec<(String, Secret)>,
    /// Lower orders of a group are tried before higher ones.
    pub order: u32,
    /// Its share of the calls of its order.
    pub weight: Option<u32>,
    /// Requests in a minute.
    pub rpm: Option<u32>,
    /// Tokens in a minute.
    pub tpm: Option<u32>,
    /// What it costs; `None` takes the built-in table's price.
    pub price: Option<Price>,
    /// Tokens a request may hold; 0 when unknown.
    pub context_window: u32,
    /// Tokens an answer may hold; 0 when unknown.
    pub max_output: u32,
    /// What it reads.
    pub input_kinds: Vec<InputKind>,
    /// Whether it calls tools, where that is known.
    pub calls_tools: Option<bool>,
    /// Whether it thinks aloud.
    pub reasoning: bool,
    /// Deadlines of an answer in one piece.
    pub deadlines: Deadlines,
    /// Deadlines of a stream.
    pub stream_deadlines: Deadlines,
    /// Repeats allowed in place of what the settings say.
    pub num_retries: Option<u32>,
    /// How long it rests after a failure, in milliseconds.
    pub cooldown_ms: Option<u64>,
    /// How many failures in a minute do not make it rest.
    pub allowed_fails: Option<u32>,
    /// The same for single kinds of failure.
    pub allowed_fails_policy: PerKind,
    /// Whether request fields that its protocol does not know are left out.
    pub drop_params: bool,
    /// Fields for the request that does not have them itself, such as `temperature`.
    pub extra: Map<String, Value>,
}

impl DeploymentOptions {
    /// A deployment of which only this much is said.
    #[must_use]
    pub fn named(group: &str, provider: &str, model: &str, deadlines: Deadlines) -> Self {
        Self {
            id: format!("{group}:{provider}/{model}"),
            group: group.to_owned(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            api: None,
            base_url: None,
            is_exact: false,
            only_embeds: false,
            description: String::new(),
            key: None,
            key_variable: None,
            headers: Vec::new(),
            order: 0,
            weight: None,
            rpm: None,
            tpm: None,
            price: None,
            context_window: 0,
            max_output: 0,
            input_kinds: vec![InputKind::Text],
            calls_tools: None,
            reasoning: false,
            deadlines,
            stream_deadlines: deadlines,
            num_retries: None,
            cooldown_ms: None,
            allowed_fails: None,
            allowed_fails_policy: PerKind::default(),
            drop_params: false,
            extra: Map::new(),
        }
    }
}

/// Deadlines of one call to one candidate, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the connection stands.
    pub connect_ms: u64,
    /// Until the first byte of the answer's body.
    pub first_byte_ms: u64,
    /// Between two bytes, comments and reasoning included.
    pub idle_ms: u64,
    /// The whole call.
    pub total_ms: u64,
}

/// One model of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelOptions {
    /// What the server calls it.
    pub id: String,
    /// For people.
    pub name: String,
    /// Tokens a request may hold; 0 when unknown.
    pub context_window: u32,
    /// Tokens an answer may hold; 0 when unknown.
    pub max_output: u32,
    /// What it reads.
    pub input_kinds: Vec<InputKind>,
    /// Whether it thinks aloud.
    pub reasoning: bool,
    /// What it costs; `None` takes the built-in table's price.
    pub price: Option<Price>,
}

impl ModelOptions {
    /// A model of which only the id is known.
    #[must_use]
    pub fn named(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: id.to_owned(),
            context_window: 0,
            max_output: 0,
            input_kinds: vec![InputKind::Text],
            reasoning: false,
            price: None,
        }
    }
}

/// What a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Text.
    Text,
    /// Images.
    Image,
}

/// What is looked for without configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveryOptions {
    /// Whether anything is looked for beside the configured providers.
    pub enabled: bool,
    /// Provider keys by variable: `OPENAI_API_KEY` and its siblings.
    pub environment_keys: BTreeMap<String, Secret>,
    /// Base URLs that replace the known ones, by provider id.
    pub base_urls: BTreeMap<String, String>,
    /// Where LiteLLM is looked for.
    pub litellm_url: String,
    /// LiteLLM's key.
    pub litellm_key: Option<Secret>,
    /// Where Ollama is looked for.
    pub ollama_url: String,
    /// Deadlines of what is found.
    pub deadlines: Deadlines,
    /// What this gateway's own router says of itself in [`INSTANCE_HEADER`], so that it is never taken for another.
    pub instance: Option<String>,
}

/// The header in which a router of ours says which process it is.
pub const INSTANCE_HEADER: &str = "x-openclaw-instance";

/// The model that runs on this machine.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The `openclaw-modeld` program; `None` means that it was not found.
    pub modeld: Option<PathBuf>,
    /// A catalogue name or the path of a GGUF file; `None` means the catalogue's default.
    pub model: Option<String>,
    /// Where its socket is made; 0700.
    pub run_dir: PathBuf,
    /// Tokens a conversation may have.
    pub context_window: u32,
    /// Most memory of its process.
    pub memory_bytes_max: u64,
    /// How long it may be idle before it is stopped; `None` keeps it.
    pub idle_ms: Option<u64>,
    /// Starts its process.
    pub launcher: Launcher,
}
