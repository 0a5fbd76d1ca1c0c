//! The routing table: groups of the LiteLLM file, and those that `openclaw.json` names backends of.

use std::{collections::BTreeMap, time::Duration};

use openclaw_accounts::secret::Digest;
use openclaw_config::{
    Config,
    config::{self, Litellm},
};
use openclaw_models as models;
use serde_json::{Map, Value};

use super::models::{api, deadlines, secret};

/// Repeats where a LiteLLM file says nothing: LiteLLM's own number.
const NUM_RETRIES: u32 = 2;

/// What the providers of paths that are passed on are called.
const PASS_THROUGH: &str = "pass-through";

/// Fallbacks of one request where a LiteLLM file says nothing: LiteLLM's own number.
const MAX_FALLBACKS: usize = 5;

/// Everything that is routed by groups.
pub(super) fn options(config: &Config) -> models::RoutingOptions {
    let litellm = config.router.litellm.as_deref();
    let mut deployments: Vec<models::DeploymentOptions> = Vec::new();
    let (mut agents, mut settings) = (BTreeMap::new(), models::Settings::default());
    if let Some(litellm) = litellm {
        deployments.extend(
            ids(litellm)
                .into_iter()
                .zip(&litellm.deployments)
                .map(deployment),
        );
        settings = self::settings(&litellm.routing);
        for stated in &litellm.pass_through {
            let timeout_ms = litellm.pass_through_timeout_ms;
            deployments.push(target(stated, config.models.deadlines, timeout_ms));
        }
        agents = litellm
            .agents
            .iter()
            .filter_map(|(id, mapping)| Some((id.clone(), agent(id.as_str(), mapping)?)))
            .collect();
    }
    let has = |group: &str, known: &[models::DeploymentOptions]| {
        known.iter().any(|deployment| deployment.group == group)
    };
    for backend in backends(config) {
        if !has(&backend.group, &deployments) {
            deployments.push(backend);
        }
    }
    models::RoutingOptions {
        deployments,
        settings,
        agents,
    }
}

/// The model of agents whose own nobody serves.
pub(super) fn default_model(config: &Config) -> Option<String> {
    let of_litellm = || config.router.litellm.as_ref()?.default_model.clone();
    config.routing.default.clone().or_else(of_litellm)
}

/// An id for each deployment: its own, or a digest of what it is, the same at every start.
fn ids(litellm: &Litellm) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for deployment in &litellm.deployments {
        let made = || {
            let key = deployment
                .key
                .as_ref()
                .map(|key| Digest::of(key.expose()).to_string());
            (0..)
                .map(|twin: u32| {
                    let parts = [
                        deployment.group.as_str(),
                        &deployment.provider,
                        &deployment.model,
                        &deployment.base_url,
                        key.as_deref().unwrap_or_default(),
                        &twin.to_string(),
                    ];
                    Digest::of(&parts.join("\n")).to_string()
                })
                .find(|id| !ids.contains(id))
                .unwrap_or_default()
        };
        let id = deployment.id.clone().unwrap_or_else(made);
        ids.push(id);
    }
    ids
}

fn deployment((id, stated): (String, &config::Deployment)) -> models::DeploymentOptions {
    let mut input_kinds = vec![models::InputKind::Text];
    if stated.reads_images {
        input_kinds.push(models::InputKind::Image);
    }
    models::DeploymentOptions {
        id,
        group: stated.group.clone(),
        provider: stated.provider.clone(),
        model: stated.model.clone(),
        api: Some(api(stated.api)),
        base_url: Some(stated.base_url.clone()),
        is_exact: false,
        only_embeds: stated.mode == config::Mode::Embedding,
        description: stated.description.clone(),
        key: stated.key.as_ref().map(secret),
        key_variable: stated.key_variable.clone(),
        headers: stated
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), secret(value)))
            .collect(),
        order: stated.order,
        weight: stated.weight,
        rpm: stated.rpm,
        tpm: stated.tpm,
        price: stated.price,
        context_window: stated.context_window,
        max_output: stated.max_output,
        input_kinds,
        calls_tools: stated.calls_tools,
        reasoning: stated.reasoning,
        deadlines: deadlines(stated.deadlines),
        stream_deadlines: deadlines(stated.stream_deadlines),
        num_retries: stated.num_retries,
        cooldown_ms: stated.cooldown_ms,
        allowed_fails: stated.allowed_fails,
        allowed_fails_policy: per_kind(stated.allowed_fails_policy),
        drop_params: stated.drop_params,
        extra: object(&stated.extra),
    }
}

/// The address that a path is passed on to: a group of one, under the path's name.
fn target(
    stated: &config::PassThrough,
    usual: config::Deadlines,
    timeout_ms: u64,
) -> models::DeploymentOptions {
    let limits = config::Deadlines {
        connect_ms: usual.connect_ms.min(timeout_ms),
        first_byte_ms: timeout_ms,
        idle_ms: timeout_ms,
        total_ms: timeout_ms,
    };
    models::DeploymentOptions {
        id: format!("pass-through {}", stated.path),
        base_url: Some(stated.target.clone()),
        is_exact: true,
        headers: stated
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), secret(value)))
            .collect(),
        ..models::DeploymentOptions::named(
            &stated.path,
            PASS_THROUGH,
            &stated.path,
            deadlines(limits),
        )
    }
}

fn settings(stated: &config::RouterSettings) -> models::Settings {
    let aliases = stated.aliases.iter();
    models::Settings {
        strategy: match stated.strategy {
            config::Strategy::SimpleShuffle => models::Strategy::SimpleShuffle,
            config::Strategy::LeastBusy => models::Strategy::LeastBusy,
            config::Strategy::LatencyBased => models::Strategy::LatencyBased,
            config::Strategy::UsageBased => models::Strategy::UsageBased,
        },
        num_retries: stated.num_retries.unwrap_or(NUM_RETRIES),
        retry_policy: per_kind(stated.retry_policy),
        max_fallbacks: Some(stated.max_fallbacks.map_or(MAX_FALLBACKS, |max| {
            usize::try_from(max).unwrap_or(usize::MAX)
        })),
        cooldown: stated.cooldown_ms.map(Duration::from_millis),
        allowed_fails: stated.allowed_fails,
        allowed_fails_policy: per_kind(stated.allowed_fails_policy),
        disable_cooldowns: stated.disable_cooldowns,
        fallbacks: stated.fallbacks.clone(),
        context_window_fallbacks: stated.context_window_fallbacks.clone(),
        content_policy_fallbacks: stated.content_policy_fallbacks.clone(),
        default_fallbacks: stated.default_fallbacks.clone(),
        hidden: stated
            .aliases
            .iter()
            .filter(|(_, alias)| alias.is_hidden)
            .map(|(name, _)| name.clone())
            .collect(),
        aliases: aliases
            .map(|(name, alias)| (name.clone(), alias.model.clone()))
            .collect(),
    }
}

const fn per_kind(stated: config::PerKind) -> models::PerKind {
    models::PerKind {
        bad_request: stated.bad_request,
        authentication: stated.authentication,
        timeout: stated.timeout,
        rate_limit: stated.rate_limit,
        content_policy: stated.content_policy,
        internal_server: stated.internal_server,
    }
}

/// What an agent's virtual model stands for; its own group where the file names no other.
fn agent(id: &str, mapping: &config::AgentMapping) -> Option<models::AgentMapping> {
    let defaults = object(&mapping.defaults);
    if mapping.primary.is_none() && mapping.fallbacks.is_empty() && defaults.is_empty() {
        return None;
    }
    let primary = mapping.primary.clone();
    Some(models::AgentMapping {
        primary: primary.unwrap_or_else(|| format!("agent/{id}")),
        fallbacks: mapping.fallbacks.clone(),
        defaults,
    })
}

/// `model_routing.passthrough_endpoints`: a backend is a group of one, where there is a way to call it.
fn backends(config: &Config) -> Vec<models::DeploymentOptions> {
    let passthrough = &config.routing.passthrough;
    if !passthrough.enabled {
        return Vec::new();
    }
    let keys = &config.models.discovery.environment_keys;
    let mut backends = Vec::new();
    for (group, endpoint) in &passthrough.endpoints {
        let Some((provider, model)) = endpoint
            .backend
            .as_deref()
            .and_then(|text| text.split_once('/'))
        else {
            continue;
        };
        let is_configured = config
            .models
            .providers
            .iter()
            .any(|known| known.id == provider);
        let known = openclaw_types::KnownProvider::find(provider);
        let has_key = known.is_some_and(|known| keys.contains_key(known.key_variable()));
        if !is_configured && !has_key {
            continue;
        }
        let id = known.map_or(provider, |known| known.id);
        let mut backend =
            models::DeploymentOptions::named(group, id, model, deadlines(config.models.deadlines));
        // Nothing is known against it.
        backend.input_kinds.push(models::InputKind::Image);
        backends.push(backend);
    }
    backends
}

fn object(fields: &openclaw_config::Opaque) -> Map<String, Value> {
    match &fields.0 {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
