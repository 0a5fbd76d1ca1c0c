//! `openclaw models …`: what answers, what can be fetched, whether it works.

use std::{cell::Cell, time::Duration};

use openclaw_models::catalog::{self, Progress};
use openclaw_wire::methods::{
    Empty,
    models::{ModelsStatus, ModelsStatusResult},
};
use serde_json::json;
use tokio::time::Instant;

use super::agents::{agent_id, ask, session_ref};
use crate::{
    args::Models,
    error::{self, Failure},
    link::{Link, address, block_on},
    output::{self, Output, table},
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
    let files =
        catalog::list(&config.paths.models()).map_err(|error| Failure::from_error(&error))?;
    let shown: Vec<serde_json::Value> = files
        .iter()
        .map(|file| json!({"name": file.name, "fetched": file.path.is_some(), "bytes": file.bytes, "license": file.license}))
        .collect();
    output.either(&json!({"inUse": status, "catalogue": shown}), || {
        let mut text = match &status {
            Some(status) => format!(
                "In use: {} ({})\n",
                status.model.as_deref().unwrap_or("nothing yet"),
                status
                    .why
                    .as_deref()
                    .unwrap_or("nothing was looked for yet")
            ),
            None => "In use: unknown, because no gateway is running\n".to_owned(),
        };
        for candidate in status.iter().flat_map(|status| &status.candidates) {
            let mark = if candidate.ok { "found" } else { "absent" };
            text.push_str(&format!(
                "  {}: {mark}: {}\n",
                candidate.name, candidate.detail
            ));
        }
        let rows: Vec<Vec<String>> = files
            .iter()
            .map(|file| {
                let fetched = if file.path.is_some() { "yes" } else { "no" };
                vec![
                    file.name.clone(),
                    fetched.to_owned(),
                    megabytes(file.bytes),
                    file.license.clone(),
                ]
            })
            .collect();
        text.push('\n');
        text.push_str(&table(&["Model file", "Fetched", "Size", "License"], &rows));
        text
    })
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}

fn pull(
    place: &Place,
    output: Output,
    source: Option<&str>,
    sha256: Option<&str>,
) -> Result<(), Failure> {
    let config = place.config()?;
    let source = source.unwrap_or(catalog::DEFAULT);
    let said = Cell::new(Instant::now());
    let tell = |progress: &Progress| {
        use std::io::IsTerminal as _;
        let due = std::io::stderr().is_terminal() || said.get().elapsed() >= SAY_EVERY;
        if due {
            said.set(Instant::now());
            let total = progress
                .total_bytes
                .map(|total| format!(" of {}", megabytes(total)))
                .unwrap_or_default();
            output::progress(&format!(
                "{} {}{total}",
                progress.stage,
                megabytes(progress.bytes)
            ));
        }
    };
    let fetched = block_on(async {
        catalog::pull(&config.paths.models(), source, sha256, &tell)
            .await
            .map_err(|error| {
                let mut failure = Failure::from_error(&error);
                failure.hint = error.hint();
                failure
            })
    });
    output::progress_done();
    let path = fetched?;
    output.either(&json!({"path": path.display().to_string()}), || {
        path.display().to_string()
    })
}

fn remove(place: &Place, output: Output, name: &str) -> Result<(), Failure> {
    let config = place.config()?;
    let removed = catalog::remove(&config.paths.models(), name).map_err(|error| {
        let mut failure = Failure::from_error(&error).code(error::NOT_FOUND);
        failure.hint = error.hint();
        failure
    })?;
    output.either(&json!({"removed": removed.display().to_string()}), || {
        format!("removed {}", removed.display())
    })
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
