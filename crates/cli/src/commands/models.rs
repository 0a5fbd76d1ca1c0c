//! `openclaw models …`: what answers, what can be fetched, whether it works.

use std::time::Duration;

use openclaw_config::Config;
use openclaw_models::{
    catalog::{self, Catalog, Item, Progress, Step},
    http::{self, Http},
};
use openclaw_wire::methods::{
    Empty,
    models::{
        ModelsProbe, ModelsProbeParams, ModelsStatus, ModelsStatusResult, ProbeResult, ProbeStatus,
    },
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    args::Models,
    daemon,
    error::{self, Failure},
    link::{CALL_DEADLINE, Link, block_on, is_running},
    output::{self, Output, Pace, table},
    patience::Patience,
    place::{Home, Place},
};

/// How often progress is shown where there is no terminal.
const SAY_EVERY: Duration = Duration::from_secs(2);
/// The look for a model takes this long at most: every place has its own shorter deadline.
const SETTLE_DEADLINE: Duration = Duration::from_secs(5);
/// How often it is asked whether the look has ended.
const SETTLE_PAUSE: Duration = Duration::from_millis(20);

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: Models) -> Result<(), Failure> {
    match command {
        Models::List => list(place, output),
        Models::Pull { source, sha256 } => {
            pull(place, output, source.as_deref(), sha256.as_deref())
        }
        Models::Rm { name } => remove(place, output, &name),
        Models::Probe { model, timeout } => {
            probe(place, output, model, Duration::from_secs(timeout))
        }
    }
}

fn list(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let status = if is_running(&config.paths) {
        Some(block_on(async {
            let link = Link::open(&Home::from(&config)).await?;
            settled(&link).await
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

/// Asks a model for a word, and tells how long it took.
fn probe(
    place: &Place,
    output: Output,
    model: Option<String>,
    timeout: Duration,
) -> Result<(), Failure> {
    let home = Home::from(&place.config()?);
    let result = block_on(async {
        let link = Link::open(&home).await?;
        let model = match model {
            Some(model) => model,
            None => in_use_now(&link).await?,
        };
        let params = ModelsProbeParams {
            provider: None,
            model: Some(model),
            timeout_ms: u64::try_from(timeout.as_millis()).ok(),
        };
        let asked = link.call_within::<ModelsProbe>(&params, timeout + CALL_DEADLINE);
        Patience::new().wait(&link, asked).await
    })?;
    output.either(&result, || {
        let lines: Vec<String> = result.results.iter().map(probed).collect();
        lines.join("\n")
    })?;
    match result
        .results
        .iter()
        .find(|one| one.status != ProbeStatus::Ok)
    {
        None => Ok(()),
        Some(bad) => {
            let error = bad.error.clone();
            let error = error.unwrap_or_else(|| "no answer".to_owned());
            let failure = Failure::new(format!("{}: {error}", bad.label));
            let failure = failure.maybe_hint(bad.hint.clone()).told();
            Err(if bad.status == ProbeStatus::NoModel {
                failure.code(error::NOT_FOUND)
            } else {
                failure
            })
        }
    }
}

fn probed(result: &ProbeResult) -> String {
    let took = result.latency_ms.map(|ms| format!(" in {ms} ms"));
    let took = took.unwrap_or_default();
    let verb = if result.status == ProbeStatus::Ok {
        "answered"
    } else {
        "failed"
    };
    format!("{} {verb}{took}", result.label)
}

/// The model that agents use unless they name another.
async fn in_use_now(link: &Link) -> Result<String, Failure> {
    let status = settled(link).await?;
    status
        .model
        .filter(|model| !model.is_empty())
        .ok_or_else(|| {
            Failure::new("no model is in use")
                .hint("`openclaw models list` shows what was looked for")
                .code(error::NOT_FOUND)
        })
}

/// How the models are once they were looked for, which begins with the gateway and takes a moment.
pub(crate) async fn settled(link: &Link) -> Result<ModelsStatusResult, Failure> {
    let started = Instant::now();
    let mut pace = Pace::new(SAY_EVERY);
    loop {
        let status = link.call::<ModelsStatus>(&Empty {}).await?;
        if status.source.is_some() || started.elapsed() > SETTLE_DEADLINE {
            output::progress_done();
            return Ok(status);
        }
        if started.elapsed() > SAY_EVERY && pace.is_due() {
            output::progress("looking for a model");
        }
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
}
