//! What is found without configuration, the local model, and deadlines.

use std::collections::BTreeMap;

use openclaw_types::provider::KNOWN_PROVIDERS;

use super::{Checker, ENVIRONMENT};
use crate::{
    config::{Deadlines, Discovery, LocalModel, Models},
    endpoint::{self, Url},
    expand,
    problem::Severity,
    secret::{Origin, Secret},
    section::Section,
};

/// The variable that holds LiteLLM's key.
pub(crate) const LITELLM_KEY_VARIABLE: &str = "LITELLM_MASTER_KEY";

const LITELLM_URL: &str = "http://127.0.0.1:4000";
pub(crate) const OLLAMA_URL: &str = "http://127.0.0.1:11434";

impl Checker<'_> {
    pub(super) fn models(&mut self, root: &Section<'_>) -> Models {
        let models = root.section("models");
        let deadlines = deadlines(&models.section("timeouts"), None);
        Models {
            providers: self.providers(&models, deadlines),
            deadlines,
            discovery: self.discovery(&models),
            local: self.local_model(&models),
            record: self.record(&models),
        }
    }

    fn discovery(&mut self, models: &Section<'_>) -> Discovery {
        let replace = models.text("mode") == Some("replace");
        let mut environment_keys = BTreeMap::new();
        for known in &KNOWN_PROVIDERS {
            let variable = known.key_variable();
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
pub(crate) fn is_http(text: &str) -> bool {
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
