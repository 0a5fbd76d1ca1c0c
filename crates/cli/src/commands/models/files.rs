//! `openclaw models pull|rm`: the model files of this machine.

use openclaw_config::Config;
use openclaw_models::{
    catalog::{self, Catalog, Item, Progress, Step},
    http::{self, Http},
};
use serde_json::{Value, json};

use super::SAY_EVERY;
use crate::{
    daemon,
    error::{self, Failure},
    link::block_on,
    output::{self, Output, Pace, table},
    place::Place,
};

/// The files that are known, as a table.
pub(super) fn files_table(files: &[Item]) -> String {
    let rows: Vec<Vec<String>> = files.iter().map(item_row).collect();
    table(&["Model file", "Fetched", "Size", "License"], &rows)
}

pub(super) fn item_value(item: &Item) -> Value {
    let licence = item.entry.map(|entry| entry.licence);
    json!({"name": item.name, "path": item.path, "bytes": item.bytes, "license": licence})
}

fn item_row(item: &Item) -> Vec<String> {
    let fetched = if item.path.is_some() { "yes" } else { "no" };
    let licence = item.entry.map_or("", |entry| entry.licence);
    vec![
        item.name.clone(),
        fetched.to_owned(),
        megabytes(item.bytes),
        licence.to_owned(),
    ]
}

/// The model files of this state directory.
pub(super) fn catalog(place: &Place, config: &Config) -> Result<Catalog, Failure> {
    let program = daemon::executable()?;
    let options = openclaw_gateway::catalog_options(config, place.environment(), &program);
    Ok(Catalog::new(
        options,
        Http::new(http::Options { proxy: None }),
    ))
}

pub(super) fn failed(error: &catalog::Error) -> Failure {
    let mut failure = Failure::from_error(error);
    failure.hint = error.hint();
    match error {
        catalog::Error::UnknownName { .. } => failure.code(error::NOT_FOUND),
        catalog::Error::PackageForm { .. }
        | catalog::Error::UrlForm { .. }
        | catalog::Error::Unsafe { .. }
        | catalog::Error::HashForm { .. } => failure.code(error::USAGE),
        catalog::Error::NotInstalled { .. } => failure
            .hint("`openclaw models list` shows which are fetched")
            .code(error::NOT_FOUND),
        _ => failure,
    }
}

/// Bytes as people count them.
fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{bytes} bytes"),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

pub(super) fn pull(
    place: &Place,
    output: Output,
    source: Option<&str>,
    sha256: Option<&str>,
) -> Result<(), Failure> {
    let config = place.config()?;
    let source = source.unwrap_or(catalog::DEFAULT.name);
    let catalog = catalog(place, &config)?;
    let mut pace = Pace::new(SAY_EVERY);
    let mut tell = move |progress: Progress| {
        if pace.is_due() {
            output::progress(&progress_line(progress));
        }
    };
    let pulled = block_on(async {
        let pulled = catalog.pull(source, sha256, &mut tell).await;
        pulled.map_err(|error| failed(&error))
    });
    output::progress_done();
    let pulled = pulled?;
    let body = json!({
        "name": pulled.name,
        "path": pulled.path,
        "bytes": pulled.bytes,
        "sha256": pulled.sha256,
    });
    output.either(&body, || {
        let (name, size) = (&pulled.name, megabytes(pulled.bytes));
        format!("{name} ({size}) is at {}", pulled.path.display())
    })
}

fn progress_line(progress: Progress) -> String {
    let step = match progress.step {
        Step::Fetch => "fetching",
        Step::Store => "storing",
    };
    let done = megabytes(progress.bytes);
    match progress.total {
        Some(total) => format!("{step}: {done} of {}", megabytes(total)),
        None => format!("{step}: {done}"),
    }
}

pub(super) fn remove(place: &Place, output: Output, name: &str) -> Result<(), Failure> {
    let config = place.config()?;
    let catalog = catalog(place, &config)?;
    let used = config.models.local.model.as_deref();
    let is_used = config.models.local.enabled && used.unwrap_or(catalog::DEFAULT.name) == name;
    let listed = catalog.list().unwrap_or_default();
    let bytes = listed.iter().find(|item| item.name == name);
    let bytes = bytes.map_or(0, |item| item.bytes);
    let removed = catalog.remove(name);
    removed.map_err(|error| failed(&error))?;
    output.either(&json!({"removed": name, "isUsed": is_used}), || {
        let mut text = format!("removed {name}");
        if is_used {
            text.push_str(&format!(
                "; it is the local model: the next message that needs it fetches {} again",
                megabytes(bytes)
            ));
        }
        text
    })
}
