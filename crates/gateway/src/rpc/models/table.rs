//! The routing table as the wire has it.

use openclaw_config::Config;
use openclaw_models::models::{DeploymentState, GroupState, Inventory};
use openclaw_types::{Money, Price};
use openclaw_wire::methods::router::{DeploymentRow, GroupRow, PriceRow};

/// The file that names a group, or `found`.
fn source(config: &Config, group: &GroupState) -> String {
    let litellm = config.router.litellm.as_deref();
    let of_litellm = litellm.is_some_and(|file| {
        file.deployments
            .iter()
            .any(|known| known.group == *group.name)
    });
    let provider = group.deployments.first();
    let provider = provider.map(|state| &**state.deployment.provider());
    let stated = &config.models.providers;
    let is_stated = group.is_named
        || stated
            .iter()
            .any(|known| Some(known.id.as_str()) == provider);
    let file = match litellm {
        Some(litellm) if group.is_named && of_litellm => &litellm.file,
        _ if is_stated => &config.paths.config_file,
        _ => return "found".to_owned(),
    };
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The routing table, with how each of its deployments is.
pub(crate) fn groups(config: &Config, inventory: &Inventory) -> Vec<GroupRow> {
    let groups = inventory.groups.iter();
    groups
        .map(|group| GroupRow {
            name: group.name.to_string(),
            source: source(config, group),
            fallbacks: group.fallbacks.clone(),
            deployments: group.deployments.iter().map(deployment).collect(),
        })
        .collect()
}

fn deployment(state: &DeploymentState) -> DeploymentRow {
    let deployment = &state.deployment;
    let known = |tokens: u32| (tokens > 0).then_some(tokens);
    DeploymentRow {
        id: deployment.id.to_string(),
        provider: deployment.provider().to_string(),
        model: deployment.model.to_string(),
        usable: state.is_usable,
        cooling_until_ms: state.resting.map(|(until, _)| until.as_millis()),
        reason: state.resting.map(|(_, kind)| kind.as_str().to_owned()),
        last_failure: state.failed.map(|(_, kind)| kind.as_str().to_owned()),
        last_failure_ms: state.failed.map(|(at, _)| at.as_millis()),
        in_flight: state.in_flight,
        requests_this_minute: state.requests,
        tokens_this_minute: state.tokens,
        rpm: deployment.rpm,
        tpm: deployment.tpm,
        first_byte_ms: state.first_byte.map(|took| took.as_secs_f64() * 1_000.0),
        price: deployment.price.map(price),
        context_window: known(deployment.context_window),
        max_output: known(deployment.max_output),
        reasoning: deployment.reasoning,
    }
}

fn price(price: Price) -> PriceRow {
    // Picodollars for a token are millionths of dollars for a million tokens.
    let usd = |pico: u64| Money(pico.saturating_mul(1_000_000)).as_usd();
    PriceRow {
        input: usd(price.input),
        output: usd(price.output),
        cache_read: price.cache_read.map(usd),
        cache_write: price.cache_write.map(usd),
    }
}
