//! `provider/model`: which provider that is, which protocol it speaks, and where.

use openclaw_types::KnownProvider;

use super::Reader;
use crate::{
    api,
    check::models::{OLLAMA_URL, is_http},
    config::{Api, Mode},
    endpoint,
    secret::{Origin, Secret},
    section::Section,
    suggest,
};

/// Providers without an address of their own: LiteLLM's word, our id, the variable with the address, the variable
/// with the key, and the address where that is always the same.
const ADDRESSED: [(&str, &str, &str, &str, Option<&str>); 8] = [
    (
        "litellm_proxy",
        "litellm",
        "LITELLM_PROXY_API_BASE",
        "LITELLM_PROXY_API_KEY",
        None,
    ),
    (
        "hosted_vllm",
        "vllm",
        "HOSTED_VLLM_API_BASE",
        "HOSTED_VLLM_API_KEY",
        None,
    ),
    (
        "openai_like",
        "openai_like",
        "OPENAI_LIKE_API_BASE",
        "OPENAI_LIKE_API_KEY",
        None,
    ),
    (
        "custom_openai",
        "custom_openai",
        "OPENAI_LIKE_API_BASE",
        "OPENAI_LIKE_API_KEY",
        None,
    ),
    (
        "lm_studio",
        "lm_studio",
        "LM_STUDIO_API_BASE",
        "LM_STUDIO_API_KEY",
        None,
    ),
    (
        "llamafile",
        "llamafile",
        "LLAMAFILE_API_BASE",
        "LLAMAFILE_API_KEY",
        Some("http://127.0.0.1:8080/v1"),
    ),
    (
        "ollama",
        "ollama",
        "OLLAMA_API_BASE",
        "OLLAMA_API_KEY",
        Some(OLLAMA_URL),
    ),
    (
        "ollama_chat",
        "ollama",
        "OLLAMA_API_BASE",
        "OLLAMA_API_KEY",
        Some(OLLAMA_URL),
    ),
];

/// Providers of LiteLLM whose protocols are not spoken here.
const UNSUPPORTED: [&str; 24] = [
    "ai21",
    "aleph_alpha",
    "azure",
    "azure_ai",
    "azure_text",
    "bedrock",
    "cloudflare",
    "cohere",
    "cohere_chat",
    "databricks",
    "github_copilot",
    "huggingface",
    "jina_ai",
    "nlp_cloud",
    "oci",
    "perplexity",
    "petals",
    "predibase",
    "replicate",
    "sagemaker",
    "sagemaker_chat",
    "vertex_ai",
    "voyage",
    "watsonx",
];

/// What LiteLLM knows the provider of without being told.
const FAMILIES: [(&str, &str); 9] = [
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gemini"),
    ("deepseek-", "deepseek"),
];

/// Where a deployment's calls go.
#[derive(Debug)]
pub(super) struct Target {
    pub provider: String,
    pub model: String,
    pub api: Api,
    pub base_url: String,
    pub key: Option<Secret>,
    pub key_variable: Option<String>,
    /// What the provider's word says of the mode.
    pub mode: Option<Mode>,
}

/// A provider and what is known of it.
struct Found {
    id: String,
    api: Api,
    mode: Option<Mode>,
    address: Option<String>,
    key_variables: Vec<&'static str>,
}

impl Reader<'_> {
    /// Where the calls of a deployment go; `None` where nobody can tell, which is said.
    pub(super) fn target(&mut self, params: &Section<'_>) -> Option<Target> {
        let Some(text) = params.text("model") else {
            self.degraded(
                params.start(),
                params.path_of("model"),
                "a deployment without a model; it is left out",
            )
            .hint("write `provider/model`, like `minimax/MiniMax-M2.7`");
            return None;
        };
        self.target_of(params, "model", text)
    }

    /// The same for `provider/model` under a key.
    pub(super) fn target_of(
        &mut self,
        params: &Section<'_>,
        key: &str,
        text: &str,
    ) -> Option<Target> {
        let (word, mut model) = self.words(params, key, text)?;
        let mut found = self.provider(params, key, &word)?;
        // LiteLLM's way to ask for the other protocol of OpenAI.
        if let Some(rest) = model.strip_prefix("responses/")
            && found.api == Api::OpenAiCompletions
        {
            found.api = Api::OpenAiResponses;
            model = rest.to_owned();
        }
        let base_url = self.address(params, &found)?;
        let is_public = params.text("api_base").is_none();
        let (key, key_variable) = self.key(params, &found, is_public)?;
        Some(Target {
            provider: found.id,
            model,
            api: found.api,
            base_url: endpoint::based(&base_url, found.api),
            key,
            key_variable,
            mode: found.mode,
        })
    }

    /// The provider's word and the model's name.
    fn words(&mut self, params: &Section<'_>, key: &str, text: &str) -> Option<(String, String)> {
        let custom = params.text("custom_llm_provider");
        if let Some(word) = custom {
            let own = text.strip_prefix(word);
            let model = own.and_then(|rest| rest.strip_prefix('/')).unwrap_or(text);
            return Some((word.to_owned(), model.to_owned()));
        }
        if let Some((word, model)) = text.split_once('/')
            && !model.is_empty()
        {
            return Some((word.to_owned(), model.to_owned()));
        }
        let family = FAMILIES.iter().find(|(start, _)| text.starts_with(start));
        if let Some((_, word)) = family {
            return Some(((*word).to_owned(), text.to_owned()));
        }
        self.degraded(
            params.at(key),
            params.path_of(key),
            "the model names no provider; the deployment is left out",
        )
        .hint(
            "write `provider/model`; `openai/` is for every server that speaks OpenAI's protocol",
        );
        None
    }

    fn provider(&mut self, params: &Section<'_>, key: &str, word: &str) -> Option<Found> {
        if let Some(known) = KnownProvider::find(word) {
            let api = match known.native {
                Some((_, native)) => api::parse(native).unwrap_or(Api::OpenAiCompletions),
                None => Api::OpenAiCompletions,
            };
            let variable = known.base_variable;
            let stated = variable.and_then(|variable| self.environment.value(variable));
            let address = stated.unwrap_or_else(|| api::address(known, api));
            return Some(Found {
                id: known.id.to_owned(),
                api,
                mode: (word == "text-completion-openai").then_some(Mode::Completion),
                address: Some(address.to_owned()),
                key_variables: known.key_variables.to_vec(),
            });
        }
        let addressed = ADDRESSED.iter().find(|(known, ..)| *known == word);
        if let Some((_, id, base, key, usual)) = addressed {
            let api = match *id {
                "ollama" => Api::Ollama,
                _ => Api::OpenAiCompletions,
            };
            let stated = self.environment.value(base).map(str::to_owned);
            let host = || endpoint::ollama_url(self.environment.value("OLLAMA_HOST")?);
            let host = if api == Api::Ollama { host() } else { None };
            return Some(Found {
                id: (*id).to_owned(),
                api,
                mode: None,
                address: stated.or(host).or_else(|| usual.map(str::to_owned)),
                key_variables: vec![*key],
            });
        }
        self.strange(params, key, word);
        None
    }

    /// Says that a provider is not one of ours.
    fn strange(&mut self, params: &Section<'_>, key: &str, word: &str) {
        let key = match params.text("custom_llm_provider") {
            Some(_) => "custom_llm_provider",
            None => key,
        };
        let (at, path) = (params.at(key), params.path_of(key));
        if UNSUPPORTED.contains(&word) {
            let message =
                format!("the provider `{word}` is not supported; the deployment is left out");
            self.degraded(at, path, message).hint(
                "put a LiteLLM in front of it and write `litellm_proxy/` with its `api_base`",
            );
            return;
        }
        let message = "this provider is not known; the deployment is left out";
        self.degraded(at, path, message).hint_with(|| {
            let known = openclaw_types::provider::KNOWN_PROVIDERS.iter();
            let words = known.flat_map(|known| known.prefixes.iter().chain([&known.id]).copied());
            let words = words.chain(ADDRESSED.iter().map(|(word, ..)| *word));
            Some(match suggest::nearest(word, words) {
                Some(near) => format!("did you mean `{near}/`?"),
                None => "`openai/` is for every server that speaks OpenAI's protocol".to_owned(),
            })
        });
    }

    /// The address: as written, of a variable, or the provider's own.
    fn address(&mut self, params: &Section<'_>, found: &Found) -> Option<String> {
        if let Some(text) = params.text("api_base") {
            if is_http(text) {
                return Some(text.to_owned());
            }
            self.degraded(
                params.at("api_base"),
                params.path_of("api_base"),
                "not an http:// or https:// address without password and query; the deployment is left out",
            )
            .hint("write `http://host:port/v1`");
            return None;
        }
        let unset = params.unset("api_base");
        // Without its address a key would be sent to somebody else.
        if let Some(variable) = unset {
            let owner = KnownProvider::of_base_variable(variable);
            if let Some(known) = owner {
                return Some(api::address(known, found.api).to_owned());
            }
            self.problems.follows(
                params.start(),
                &params.path_of("api_base"),
                "without its address the deployment is left out",
            );
            return None;
        }
        if found.address.as_deref().is_some_and(is_http) {
            return found.address.clone();
        }
        self.degraded(
            params.start(),
            params.path_of("api_base"),
            "this provider has no address of its own; the deployment is left out",
        )
        .hint("add `api_base: http://host:port/v1`");
        None
    }

    /// The key and the variable to name when it is refused. `None` where the deployment can't be called without.
    fn key(
        &mut self,
        params: &Section<'_>,
        found: &Found,
        is_public: bool,
    ) -> Option<(Option<Secret>, Option<String>)> {
        if let Some(key) = params.secret("api_key") {
            let variable = key.variable().map(str::to_owned);
            return Some((Some(key), variable));
        }
        if let Some(variable) = params.unset("api_key") {
            if is_public && found.api != Api::Ollama {
                self.problems.follows(
                    params.start(),
                    &params.path_of("api_key"),
                    "without its key the deployment is left out",
                );
                return None;
            }
            return Some((None, Some(variable.to_owned())));
        }
        let variables = found.key_variables.iter();
        let set = variables.clone().find_map(|name| {
            let value = self.environment.value(name)?;
            let origin = Origin::Environment((*name).to_owned());
            Some((Secret::new(value, origin), (*name).to_owned()))
        });
        let named = variables.copied().next().map(str::to_owned);
        Some(match set {
            // A key of the environment belongs to the provider, not to any server that is written in a file.
            Some((key, variable)) if is_public => (Some(key), Some(variable)),
            _ => (None, named),
        })
    }
}
