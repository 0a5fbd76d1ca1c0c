//! Providers, what is found without them, and which model answers for which name.

use std::{collections::BTreeMap, path::PathBuf};

use indexmap::IndexMap;

use super::Record;
use crate::secret::Secret;

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
    /// How requests and answers are kept for a replay.
    pub record: Record,
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
    /// Nobody is asked: answers are those of the recordings below this directory.
    pub recordings: Option<PathBuf>,
}

/// The protocols spoken with model servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
