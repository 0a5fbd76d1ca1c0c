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
        // The group of the same name has the failover that an address alone has not.
        reference: stated.path.trim_start_matches('/').to_owned(),
        has_subpaths: stated.has_subpaths,
        is_open: !stated.needs_key,
    });
    Options {
        instance: instance.to_owned(),
        version,
        endpoints: endpoints.collect(),
        metrics_need_key: litellm
            .and_then(|litellm| litellm.metrics_need_key)
            .unwrap_or(true),
    }
}
