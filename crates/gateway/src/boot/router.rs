//! The models over HTTP, and who may spend what there.

use std::sync::Arc;

use openclaw_accounts::Accounts;
use openclaw_config::Config;
use openclaw_router::{Endpoint, Options};
use openclaw_types::Env;

use super::{Error, accounts_options};

/// Opens the accounts of a state directory.
pub(crate) fn accounts(config: &Config, env: &Arc<dyn Env>) -> Result<Accounts, Error> {
    Ok(Accounts::open(accounts_options(config), Arc::clone(env))?)
}

/// What the surface is told.
pub(crate) fn router_options(config: &Config, instance: &str, version: &'static str) -> Options {
    let litellm = config.router.litellm.as_ref();
    let stated = litellm.map(|litellm| litellm.pass_through.as_slice());
    let endpoints = stated.unwrap_or_default().iter().map(|stated| Endpoint {
        path: stated.path.clone(),
        // An agent's group has the failover that an address alone has not.
        reference: match stated.path.strip_prefix('/') {
            Some(group) if group.starts_with("agent/") => group.to_owned(),
            _ => stated.path.clone(),
        },
        has_target: true,
        has_subpaths: stated.has_subpaths,
        forwards_headers: stated.forwards_headers,
        is_open: !stated.needs_key,
    });
    Options {
        instance: instance.to_owned(),
        version,
        endpoints: endpoints.collect(),
        metrics_need_key: litellm
            .and_then(|litellm| litellm.metrics_need_key)
            .unwrap_or(true),
        request_bytes_max: litellm
            .and_then(|litellm| litellm.request_bytes_max)
            .and_then(|bytes| usize::try_from(bytes).ok()),
    }
}
