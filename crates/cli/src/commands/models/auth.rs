//! `openclaw models auth`: where the keys of providers come from, and whether they are set; never a key.

use openclaw_gateway::provider_keys;
use openclaw_wire::methods::{
    Empty,
    models::{ModelsAuth, ModelsAuthResult, ProviderAuth},
};

use super::status::key;
use crate::{
    error::Failure,
    link::{call, is_running},
    output::{self, Output, table},
    place::Place,
};

pub(super) fn run(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let result = if is_running(&config.paths) {
        call::<ModelsAuth>(&config, &Empty {})?
    } else {
        if !output.json {
            output::note("no gateway is running: this is what one that is started here would see");
        }
        provider_keys(&config)
    };
    output.either(&result, || text(&result))
}

fn text(result: &ModelsAuthResult) -> String {
    let head = ["Provider", "Key", "From", "Used by"];
    let rows: Vec<Vec<String>> = result.providers.iter().map(row).collect();
    table(&head, &rows)
}

fn row(provider: &ProviderAuth) -> Vec<String> {
    vec![
        provider.provider.clone(),
        key(provider.key).to_owned(),
        provider.from.clone().unwrap_or_default(),
        provider.used_by.join(", "),
    ]
}
