//! What a request says of caching: LiteLLM's `cache` object.

use std::time::Duration;

use serde::Deserialize;

/// What one request says of caching.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Controls {
    /// Don't answer from the cache.
    pub no_cache: bool,
    /// Don't keep the answer.
    pub no_store: bool,
    /// How long the answer is good.
    pub ttl: Option<Duration>,
    /// The oldest answer that will do.
    pub age_max: Option<Duration>,
    /// Instead of the configured one.
    pub namespace: Option<String>,
    /// Cache this, where nothing is cached unasked.
    pub is_asked_for: bool,
}

/// A `cache` object that can't be understood.
#[derive(Debug, thiserror::Error)]
#[error(
    "`cache` takes an object of `ttl`, `s-maxage`, `no-cache`, `no-store`, `namespace` and `use-cache`"
)]
pub struct Fault {
    source: serde_json::Error,
}

#[derive(Deserialize)]
struct Stated {
    #[serde(default, rename = "no-cache", alias = "no_cache")]
    no_cache: bool,
    #[serde(default, rename = "no-store", alias = "no_store")]
    no_store: bool,
    #[serde(default)]
    ttl: Option<f64>,
    #[serde(default, rename = "s-maxage", alias = "s-max-age", alias = "s_maxage")]
    age_max: Option<f64>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default, rename = "use-cache", alias = "use_cache")]
    use_cache: bool,
}

impl Controls {
    /// Reads the value of `cache`; `null` says nothing.
    ///
    /// # Errors
    /// When it is no such object.
    pub fn read(value: &str) -> Result<Self, Fault> {
        let stated: Option<Stated> =
            serde_json::from_str(value).map_err(|source| Fault { source })?;
        let Some(stated) = stated else {
            return Ok(Self::default());
        };
        // A negative or endless number of seconds is none; zero is a way to say "not at all".
        let seconds = |value: f64| Duration::try_from_secs_f64(value).unwrap_or_default();
        Ok(Self {
            no_cache: stated.no_cache,
            no_store: stated.no_store,
            ttl: stated.ttl.map(seconds),
            age_max: stated.age_max.map(seconds),
            namespace: stated.namespace,
            is_asked_for: stated.use_cache,
        })
    }
}
