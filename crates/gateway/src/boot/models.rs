//! Model servers, what is found without them, and the local model.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_accounts::Accounts;
use openclaw_config::{Config, Environment, config};
use openclaw_models::{self as models, Models};
use openclaw_process::Launcher;
use openclaw_types::{Env, Price};
use tokio_util::sync::CancellationToken;

use super::{Error, routing};

/// An idle local model gives its memory back after this.
const LOCAL_IDLE_MS: u64 = 600_000;
/// The model daemon's file name.
const MODELD: &str = "openclaw-modeld";

/// What the models are made with beside the configuration.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) catalog: models::catalog::Options,
    /// Our own binary, which children are started through.
    pub(crate) helper: &'a Path,
    pub(crate) accounts: &'a Accounts,
    /// The id of this process, by which it knows itself.
    pub(crate) instance: &'a str,
}

/// Sets up the models.
pub(crate) fn models(
    config: &Config,
    parts: Parts<'_>,
    env: &Arc<dyn Env>,
) -> Result<Models, Error> {
    let (stated, named) = (&config.models, &config.routing);
    // Where no router of ours listens, no server can be it, and none has to be asked.
    let own_id = config.router.listen.map(|_| parts.instance.to_owned());
    let options = models::Options {
        providers: stated.providers.iter().map(provider).collect(),
        aliases: named.aliases.clone(),
        agent_models: config
            .agents
            .iter()
            .map(|agent| (agent.id.clone(), agent_model(agent)))
            .collect(),
        default_model: routing::default_model(config),
        failover: named.failover.clone(),
        routing: routing::options(config),
        discovery: discovery(stated, own_id),
        local: stated.local.enabled.then(|| local(config, parts.helper)),
        catalog: parts.catalog,
        proxy: None,
        accounts: Some(parts.accounts.clone()),
        cache: super::cache_options(config),
        record: record(config),
    };
    let stop = CancellationToken::new();
    Ok(Models::start(options, Arc::clone(env), stop)?)
}

/// Where model files are kept, and how they get there.
#[must_use]
pub fn catalog_options(
    config: &Config,
    environment: &Environment,
    helper: &Path,
) -> models::catalog::Options {
    models::catalog::Options {
        dir: config.paths.models(),
        launcher: Launcher::new(helper.to_owned()),
        environment: environment
            .variables()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

pub(super) fn secret(secret: &openclaw_config::Secret) -> models::Secret {
    models::Secret::new(secret.expose())
}

pub(super) const fn deadlines(deadlines: config::Deadlines) -> models::Deadlines {
    models::Deadlines {
        connect_ms: deadlines.connect_ms,
        first_byte_ms: deadlines.first_byte_ms,
        idle_ms: deadlines.idle_ms,
        total_ms: deadlines.total_ms,
    }
}

fn agent_model(agent: &config::Agent) -> models::AgentModel {
    models::AgentModel {
        reference: agent.model.reference.clone(),
        fallbacks: agent.model.fallbacks.clone(),
        is_stated: agent.model.stated,
    }
}

fn provider(provider: &config::Provider) -> models::ProviderOptions {
    models::ProviderOptions {
        id: provider.id.clone(),
        base_url: provider.base_url.clone(),
        api: api(provider.api),
        key: provider.key.as_ref().map(secret),
        key_variable: provider.key_variable.clone(),
        headers: provider
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), secret(value)))
            .collect(),
        deadlines: deadlines(provider.deadlines),
        models: provider.models.iter().map(model).collect(),
        transport: models::Transport::Tcp,
        recordings: provider.recordings.clone(),
    }
}

/// Where requests and answers are kept for a replay.
fn record(config: &Config) -> Option<models::recording::Options> {
    let (stated, paths) = (config.models.record, &config.paths);
    let master_key = config.router.master_key.as_ref();
    stated.enabled.then(|| models::recording::Options {
        agents: paths.agents(),
        callers: paths.router().join("recordings"),
        bytes_max: stated.bytes_max,
        secrets: master_key.map(secret).into_iter().collect(),
    })
}

pub(super) const fn api(api: config::Api) -> models::Api {
    match api {
        config::Api::OpenAiCompletions => models::Api::OpenAiCompletions,
        config::Api::AnthropicMessages => models::Api::AnthropicMessages,
        config::Api::OpenAiResponses => models::Api::OpenAiResponses,
        config::Api::Gemini => models::Api::Gemini,
        config::Api::Ollama => models::Api::Ollama,
    }
}

fn model(model: &config::Model) -> models::ModelOptions {
    let mut input_kinds = vec![models::InputKind::Text];
    if model.reads_images {
        input_kinds.push(models::InputKind::Image);
    }
    models::ModelOptions {
        id: model.id.clone(),
        name: model.name.clone(),
        context_window: model.context_window,
        max_output: model.max_output,
        input_kinds,
        reasoning: model.reasoning,
        price: price(model.cost),
    }
}

/// Files write zero for what they don't know, so a model of no cost has no price here.
fn price(cost: config::Cost) -> Option<Price> {
    let of_token = |per_million: f64| per_million / 1_000_000.0;
    let stated = |per_million: f64| (per_million > 0.0).then(|| of_token(per_million));
    Price::per_token_usd(
        of_token(cost.input),
        of_token(cost.output),
        stated(cost.cache_read),
        stated(cost.cache_write),
    )
}

fn discovery(stated: &config::Models, instance: Option<String>) -> models::DiscoveryOptions {
    let found = &stated.discovery;
    let base_urls = [
        ("minimax", &found.minimax_base_url),
        ("zai", &found.zai_base_url),
    ];
    models::DiscoveryOptions {
        enabled: found.enabled,
        environment_keys: found
            .environment_keys
            .iter()
            .map(|(name, key)| (name.clone(), secret(key)))
            .collect(),
        base_urls: base_urls
            .into_iter()
            .filter_map(|(id, url)| url.clone().map(|url| (id.to_owned(), url)))
            .collect::<BTreeMap<_, _>>(),
        litellm_url: found.litellm_url.clone(),
        litellm_key: found.litellm_key.as_ref().map(secret),
        ollama_url: found.ollama_url.clone(),
        deadlines: deadlines(stated.deadlines),
        instance,
    }
}

fn local(config: &Config, helper: &Path) -> models::LocalOptions {
    let stated = &config.models.local;
    models::LocalOptions {
        modeld: stated.binary.clone().or_else(|| beside(helper)),
        model: stated.model.clone(),
        run_dir: config.paths.run(),
        context_window: stated.context_window,
        memory_bytes_max: stated.memory_bytes_max,
        idle_ms: Some(LOCAL_IDLE_MS),
        launcher: Launcher::new(helper.to_owned()),
    }
}

/// The model daemon beside our own binary, where the build and the packages put it.
fn beside(helper: &Path) -> Option<PathBuf> {
    let candidate = helper.parent()?.join(MODELD);
    candidate.is_file().then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_in_dollars_per_million_is_a_price_and_no_cost_is_none() {
        assert_eq!(price(config::Cost::default()), None);
        let cost = config::Cost {
            input: 3.0,
            output: 15.0,
            cache_read: 0.3,
            cache_write: 0.0,
        };
        let expected = Price {
            input: 3_000_000,
            output: 15_000_000,
            cache_read: Some(300_000),
            cache_write: None,
        };
        assert_eq!(price(cost), Some(expected));
    }
}
