//! Where answers are kept for equal requests.

use std::time::Duration;

use openclaw_config::{Config, config::CallType};
use openclaw_models::{
    cache::{Options, Place},
    dialect::Front,
};

use super::models::secret;

/// Most bytes of answers kept in the process; a few thousand answers.
const BYTES_MAX: u64 = 64 * 1_048_576;

/// What the cache is told; `None` keeps nothing.
#[must_use]
pub fn cache_options(config: &Config) -> Option<Options> {
    let cache = config.router.litellm.as_ref()?.cache.as_ref()?;
    let redis = cache.redis.as_ref();
    Some(Options {
        place: match redis {
            Some(redis) => Place::Redis {
                url: secret(&redis.url),
            },
            None => Place::Memory {
                bytes_max: BYTES_MAX,
            },
        },
        ttl: cache.ttl_ms.map(Duration::from_millis),
        namespace: redis
            .and_then(|redis| redis.namespace.clone())
            .unwrap_or_default(),
        only_when_asked: !cache.is_default_on,
        fronts: cache.call_types.iter().copied().map(front).collect(),
    })
}

const fn front(call_type: CallType) -> Front {
    match call_type {
        CallType::Chat => Front::Chat,
        CallType::Completion => Front::Completions,
        CallType::Embedding => Front::Embeddings,
        CallType::Responses => Front::Responses,
    }
}
