//! `openclaw models …`: what answers, what can be fetched, whether it works.

use std::time::Duration;

use openclaw_config::Config;
use openclaw_models::{
    catalog::{self, Catalog, Item, Progress, Step},
    http::{self, Http},
};
use openclaw_wire::methods::{
    Empty,
    models::{ModelsStatus, ModelsStatusResult},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::agents::{agent_id, ask, session_ref};
use crate::{
    args::Models,
    daemon,
    error::{self, Failure},
    link::{Link, address, block_on},
    output::{self, Output, Pace, table},
    place::Place,
};

/// How often progress is shown where there is no terminal.
const SAY_EVERY: Duration = Duration::from_secs(2);
/// Time for one probe's answer; a local model on a small machine needs most of it.
const PROBE_DEADLINE: Duration = Duration::from_secs(120);

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: Models) -> Result<(), Failure> {
    match command {
        Models::List => list(place, output),
        Models::Pull { source, sha256 } => {
            pull(place, output, source.as_deref(), sha256.as_deref())
        }
        Models::Rm { name } => remove(place, output, &name),
        Models::Probe { agent } => probe(place, output, &agent),
    }
}

fn list(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let status: Option<ModelsStatusResult> = if address(&config).is_some() {
        Some(block_on(async {
            Link::open(&config)
                .await?
                .call::<ModelsStatus>(&Empty {})
                .await
        })?)
    } else {
        None
    };
    let files = catalog(place, &config)?
        .list()
        .map_err(|error| failed(&error))?;
    let shown: Vec<Value> = files.iter().map(item_value).collect();
    output.either(&json!({"inUse": status, "catalogue": shown}), || {
        let rows: Vec<Vec<String>> = files.iter().map(item_row).collect();
        let head = ["Model file", "Fetched", "Size", "License"];
        format!("{}\n{}", in_use(status.as_ref()), table(&head, &rows))
    })
}

fn in_use(status: Option<&ModelsStatusResult>) -> String {
    let Some(status) = status else {
        return "In use: unknown, because no gateway is running\n".to_owned();
    };
    let model = status.model.as_deref().unwrap_or("nothing yet");
    let why = status.why.as_deref();
    let why = why.unwrap_or("nothing was looked for yet");
    let mut text = format!("In use: {model} ({why})\n");
    for candidate in &status.candidates {
        let mark = if candidate.ok { "found" } else { "absent" };
        let (name, detail) = (&candidate.name, &candidate.detail);
        text.push_str(&format!("  {name}: {mark}: {detail}\n"));
    }
    text
}

fn item_value(item: &Item) -> Value {
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
fn catalog(place: &Place, config: &Config) -> Result<Catalog, Failure> {
    let program = daemon::executable()?;
    let options = openclaw_gateway::catalog_options(config, place.environment(), &program);
    Ok(Catalog::new(
        options,
        Http::new(http::Options { proxy: None }),
    ))
}

fn failed(error: &catalog::Error) -> Failure {
    let mut failure = Failure::from_error(error);
    failure.hint = error.hint();
    if matches!(
        error,
        catalog::Error::UnknownName { .. } | catalog::Error::NotInstalled { .. }
    ) {
        failure.code = error::NOT_FOUND;
    }
    failure
}

/// Bytes as people count them.
fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{bytes} bytes"),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

fn pull(
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

fn remove(place: &Place, output: Output, name: &str) -> Result<(), Failure> {
    let config = place.config()?;
    let removed = catalog(place, &config)?.remove(name);
    removed.map_err(|error| failed(&error))?;
    output.either(&json!({"removed": name}), || format!("removed {name}"))
}

/// One word from an agent's model, in a session of its own, and how long it took.
fn probe(place: &Place, output: Output, agent: &str) -> Result<(), Failure> {
    let config = place.config()?;
    let agent = agent_id(agent)?;
    let session = session_ref("probe")?;
    let (result, took) = block_on(async {
        let link = Link::open(&config).await?;
        let started = Instant::now();
        let result = ask(
            &link,
            &agent,
            &session,
            "Say hi.".to_owned(),
            PROBE_DEADLINE,
        )
        .await?;
        Ok((result, started.elapsed()))
    })?;
    if let Some(error) = &result.error {
        let mut failure = Failure::new(error.clone());
        failure.hint.clone_from(&result.hint);
        return Err(failure);
    }
    let model = result
        .result
        .as_ref()
        .and_then(|result| result.meta.agent_meta.as_ref())
        .map(|meta| format!("{}/{}", meta.provider, meta.model))
        .unwrap_or_default();
    let body = json!({"model": model, "ms": u64::try_from(took.as_millis()).unwrap_or_default(), "text": result.text()});
    output.either(&body, || {
        format!(
            "{model} answered in {} ms: {}",
            took.as_millis(),
            result.text()
        )
    })
}
