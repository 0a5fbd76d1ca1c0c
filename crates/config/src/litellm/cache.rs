//! `litellm_settings.cache` and its parameters.

use super::{Reader, ms};
use crate::{
    config::{Cache, CallType, Redis},
    endpoint::Url,
    secret::{Origin, Secret},
    section::Section,
};

/// LiteLLM's words for calls; those of kinds that are not served here are left out.
const CALL_TYPES: [(&str, CallType); 8] = [
    ("completion", CallType::Chat),
    ("acompletion", CallType::Chat),
    ("text_completion", CallType::Completion),
    ("atext_completion", CallType::Completion),
    ("embedding", CallType::Embedding),
    ("aembedding", CallType::Embedding),
    ("responses", CallType::Responses),
    ("aresponses", CallType::Responses),
];

impl Reader<'_> {
    pub(super) fn cache(&mut self, settings: &Section<'_>) -> Option<Cache> {
        if !settings.flag("cache") {
            return None;
        }
        let params = settings.section("cache_params");
        let redis = self.redis(&params);
        let own = match redis {
            Some(_) => "default_in_redis_ttl",
            None => "default_in_memory_ttl",
        };
        let ttl = params.stated_fraction("ttl");
        Some(Cache {
            redis,
            ttl_ms: ttl.or_else(|| params.stated_fraction(own)).map(ms),
            call_types: self.call_types(&params),
            is_default_on: params.text_or_default("mode") == "default_on",
        })
    }

    /// The Redis, unless answers are kept in the process.
    fn redis(&mut self, params: &Section<'_>) -> Option<Redis> {
        let (at, path) = (params.at("type"), params.path_of("type"));
        let is_addressed = params.has("url") || params.has("host");
        match params.text("type") {
            Some("local" | "memory" | "in-memory") => return None,
            Some("redis") | None => {}
            Some(_) => {
                self.degraded(
                    at,
                    path,
                    "this kind of cache is not supported; answers are kept in the process",
                )
                .hint("`local` or `redis`");
                return None;
            }
        }
        if params.text("type").is_none() && !is_addressed {
            return None;
        }
        let namespace = params.text("namespace").map(str::to_owned);
        let Some(url) = self.redis_url(params) else {
            self.degraded(
                params.start(),
                params.path(),
                "Redis has no address that can be used; answers are kept in the process",
            )
            .hint("write `url: redis://host:6379`, or `host` and `port`");
            return None;
        };
        Some(Redis { url, namespace })
    }

    /// As written, put together, or of LiteLLM's variables.
    fn redis_url(&self, params: &Section<'_>) -> Option<Secret> {
        let usable = |url: &Secret| {
            Url::parse(url.expose()).is_some_and(|url| matches!(url.scheme, "redis" | "rediss"))
        };
        if let Some(url) = params.secret("url") {
            return Some(url).filter(usable);
        }
        let variable = |name: &str| {
            let value = self.environment.value(name)?;
            Some(Secret::new(value, Origin::Environment(name.to_owned())))
        };
        let host = params.text("host").map(str::to_owned);
        if host.is_none()
            && let Some(url) = variable("REDIS_URL")
        {
            return Some(url).filter(usable);
        }
        let host = host.or_else(|| self.environment.value("REDIS_HOST").map(str::to_owned))?;
        let stated: Option<u16> = params.stated("port");
        let set = || self.environment.value("REDIS_PORT")?.parse().ok();
        let port: u16 = stated.or_else(set).unwrap_or_else(|| params.number("port"));
        let password = params
            .secret("password")
            .or_else(|| variable("REDIS_PASSWORD"));
        let login = password.map_or_else(String::new, |password| {
            format!(":{}@", percent_encoded(password.expose()))
        });
        let url = Secret::new(&format!("redis://{login}{host}:{port}"), Origin::Inline);
        Some(url).filter(usable)
    }

    fn call_types(&mut self, params: &Section<'_>) -> Vec<CallType> {
        let mut kept = Vec::new();
        for (at, path, word) in params.text_items("supported_call_types") {
            match CALL_TYPES.iter().find(|(known, _)| *known == word) {
                Some((_, call_type)) if kept.contains(call_type) => {}
                Some((_, call_type)) => kept.push(*call_type),
                None => {
                    self.warning(at, path, "calls of this kind are not served here");
                }
            }
        }
        kept
    }
}

/// A password as a URL can hold it.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
