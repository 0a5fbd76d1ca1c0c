//! Options of models that are looked for nowhere.

use std::collections::BTreeMap;

use openclaw_models::{Deadlines, DiscoveryOptions, Options, RoutingOptions};
use openclaw_process::Launcher;

/// For a discovery that is off.
const UNUSED: Deadlines = Deadlines {
    connect_ms: 1,
    first_byte_ms: 1,
    idle_ms: 1,
    total_ms: 1,
};

/// Nothing is configured and nothing discovered.
#[must_use]
pub fn options() -> Options {
    Options {
        providers: Vec::new(),
        aliases: BTreeMap::new(),
        agent_models: BTreeMap::new(),
        default_model: None,
        failover: BTreeMap::new(),
        routing: RoutingOptions::default(),
        discovery: DiscoveryOptions {
            enabled: false,
            environment_keys: BTreeMap::new(),
            base_urls: BTreeMap::new(),
            litellm_url: "http://127.0.0.1:9".to_owned(),
            litellm_key: None,
            ollama_url: "http://127.0.0.1:9".to_owned(),
            deadlines: UNUSED,
            instance: None,
        },
        local: None,
        catalog: openclaw_models::catalog::Options {
            dir: "/nonexistent".into(),
            launcher: Launcher::new("/nonexistent".into()),
            environment: Vec::new(),
        },
        proxy: None,
        accounts: None,
        cache: None,
        record: None,
    }
}
