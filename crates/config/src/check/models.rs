//! What is found without configuration, the local model, and deadlines.

use std::collections::BTreeMap;

use super::{Checker, ENVIRONMENT};
use crate::{
    config::{Deadlines, Discovery, LocalModel, Models},
    endpoint::{self, Url},
    expand,
    problem::Severity,
    secret::{Origin, Secret},
    section::Section,
};

/// Providers known by the variable that holds their key: id, variable, base URL.
///
/// The first with a key is used on a machine without configuration, so the order is one of preference.
pub(crate) const KNOWN_PROVIDERS: [(&str, &str, &str); 12] = [
    ("openai", "OPENAI_API_KEY", "https://api.openai.com/v1"),
    (
        "anthropic",
        "ANTHROPIC_API_KEY",
        "https://api.anthropic.com/v1",
    ),
    ("minimax", "MINIMAX_API_KEY", "https://api.minimaxi.chat/v1"),
    ("zai", "ZAI_API_KEY", "https://api.z.ai/api/paas/v4"),
    (
        "openrouter",
        "OPENROUTER_API_KEY",
        "https://openrouter.ai/api/v1",
    ),
    ("groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1"),
    ("mistral", "MISTRAL_API_KEY", "https://api.mistral.ai/v1"),
    (
        "deepseek",
        "DEEPSEEK_API_KEY",
        "https://api.deepseek.com/v1",
    ),
    (
        "gemini",
        "GEMINI_API_KEY",
        "https://generativelanguage.googleapis.com/v1beta/openai",
    ),
    ("xai", "XAI_API_KEY", "https://api.x.ai/v1"),
    (
        "together",
        "TOGETHER_API_KEY",
        "https://api.together.xyz/v1",
    ),
    (
        "fireworks",
        "FIREWORKS_API_KEY",
        "https://api.fireworks.ai/inference/v1",
    ),
];

/// The variable that holds LiteLLM's key.
pub(super) const LITELLM_KEY_VARIABLE: &str = "LITELLM_MASTER_KEY";

const LITELLM_URL: &str = "http://127.0.0.1:4000";
const OLLAMA_URL: &str = "http://127.0.0.1:11434";

impl Checker<'_> {
    pub(super) fn models(&mut self, root: &Section<'_>) -> Models {
        let models = root.section("models");
        let deadlines = deadlines(&models.section("timeouts"), None);
        Models {
            providers: self.providers(&models, deadlines),
            deadlines,
            discovery: self.discovery(&models),
            local: self.local_model(&models),
        }
    }

    fn discovery(&mut self, models: &Section<'_>) -> Discovery {
        let replace = models.text("mode") == Some("replace");
        let mut environment_keys = BTreeMap::new();
        for (_, variable, _) in KNOWN_PROVIDERS {
            if let Some(key) = self.variable_secret(variable) {
                environment_keys.insert(variable.to_owned(), key);
            }
        }
        let ollama_url = match self.environment.value("OLLAMA_HOST") {
            None => None,
            Some(text) => {
                let url = endpoint::ollama_url(text);
                if url.is_none() {
                    self.bad_url("OLLAMA_HOST");
                }
                url
            }
        };
        Discovery {
            enabled: models.switch("discovery") && !replace,
            environment_keys,
            litellm_url: self
                .variable_url("LITELLM_URL")
                .unwrap_or_else(|| LITELLM_URL.to_owned()),
            litellm_key: self.variable_secret(LITELLM_KEY_VARIABLE),
            ollama_url: ollama_url.unwrap_or_else(|| OLLAMA_URL.to_owned()),
            minimax_base_url: self.base_url_of("MINIMAX_API_BASE"),
            zai_base_url: self.base_url_of("ZAI_API_BASE"),
        }
    }

    fn local_model(&self, models: &Section<'_>) -> LocalModel {
        const MEBIBYTE: u64 = 1_048_576;
        let local = models.section("local");
        let home = self.environment.home();
        LocalModel {
            enabled: models.switch("local"),
            model: local.text("model").map(str::to_owned),
            context_window: local.number("contextWindow"),
            memory_bytes_max: local.number::<u64>("memoryMbMax") * MEBIBYTE,
            binary: local
                .text("binary")
                .map(|text| expand::path(text, home.as_deref())),
        }
    }

    /// A secret of the environment.
    pub(super) fn variable_secret(&self, variable: &str) -> Option<Secret> {
        let value = self.environment.value(variable)?;
        Some(Secret::new(value, Origin::Environment(variable.to_owned())))
    }

    /// A URL of the environment with its version segment.
    pub(super) fn base_url_of(&mut self, variable: &str) -> Option<String> {
        self.variable_url(variable)
            .map(|url| endpoint::versioned(&url))
    }

    fn variable_url(&mut self, variable: &str) -> Option<String> {
        let text = self.environment.value(variable)?.trim();
        if is_http(text) {
            return Some(text.trim_end_matches('/').to_owned());
        }
        self.bad_url(variable);
        None
    }

    fn bad_url(&mut self, variable: &str) {
        self.problems
            .outside(
                Severity::Degraded,
                ENVIRONMENT,
                variable,
                "not a URL; it is ignored",
            )
            .hint("write `http://host:port`");
    }
}

/// Whether a text is a URL that a model server can have; one with a password or query would be shown in full.
pub(super) fn is_http(text: &str) -> bool {
    Url::parse(text).is_some_and(|url| {
        matches!(url.scheme, "http" | "https") && !url.has_credentials && !url.has_query
    })
}

/// The deadlines of a section; what it does not state comes from `base`, or from the table.
pub(super) fn deadlines(section: &Section<'_>, base: Option<Deadlines>) -> Deadlines {
    let of = |name: &str, base: Option<u64>| {
        section
            .stated(name)
            .or(base)
            .unwrap_or_else(|| section.number(name))
    };
    Deadlines {
        connect_ms: of("connectMs", base.map(|base| base.connect_ms)),
        first_byte_ms: of("firstByteMs", base.map(|base| base.first_byte_ms)),
        idle_ms: of("idleMs", base.map(|base| base.idle_ms)),
        total_ms: of("totalMs", base.map(|base| base.total_ms)),
    }
}
