//! Searching a gigabyte beside ripgrep, both with all processors and from memory.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use openclaw_sessions::{Case, Durability, Query, RealDisk, Store};
use tokio::time::Instant;

use super::{AGENTS, agent, draft, quantile, reading::files, store, words};
use crate::{
    report::{Figure, Limit},
    usage,
};

/// Searches of each sort, by turns.
const ROUNDS: usize = 7;
/// What is searched for; each agent has it once.
const TEXT: &str = "Käsebrot under the mat";

/// What a search took by the clock and of the processors, in milliseconds.
type Took = (f64, f64);

/// How long a search takes, and how long ripgrep takes for the same text in the same files.
pub(super) async fn figures(root: &Path, bytes: u64) -> Result<Vec<Figure>, String> {
    let opened = store(root, Durability::Os, Arc::new(RealDisk))?;
    for at in 0..AGENTS {
        let owner = agent(at)?;
        opened.open_agent(&owner).map_err(words)?;
        let mut said = draft(at, 0)?;
        said.content = TEXT.to_owned();
        opened.append(&owner, vec![said]).await.map_err(words)?;
    }
    let mut figures = Vec::new();
    for (case, options) in [(Case::Sensitive, "-cF"), (Case::Insensitive, "-ciF")] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(search(&opened, case)?);
            theirs.extend(ripgrep(root, options)?);
        }
        figures.extend(figure(&ours, &theirs, options, bytes));
    }
    opened.shutdown().await.map_err(words)?;
    Ok(figures)
}

/// None where ripgrep is not installed.
fn figure(ours: &[Took], theirs: &[Took], options: &str, bytes: u64) -> Option<Figure> {
    let median = |all: &[Took], of: fn(&Took) -> f64| {
        let mut times: Vec<f64> = all.iter().map(of).collect();
        quantile(&mut times, 0.5)
    };
    let (clock, processor) = (median(ours, |took| took.0), median(ours, |took| took.1));
    if theirs.is_empty() {
        return None;
    }
    let (their_clock, their_processor) =
        (median(theirs, |took| took.0), median(theirs, |took| took.1));
    Some(Figure {
        name: format!("searching over `rg {options}`"),
        value: clock / their_clock,
        unit: "x",
        limit: Limit::AtMost(1.5),
        detail: format!(
            "{clock:.0} over {their_clock:.0} ms by the clock, {processor:.0} over {their_processor:.0} ms of processor time; {bytes} bytes, medians of {ROUNDS}"
        ),
    })
}

fn search(store: &Store, case: Case) -> Result<Took, String> {
    let query = Query {
        case,
        ..Query::new(TEXT)
    };
    let (begun, before) = (Instant::now(), usage::cpu(std::process::id())?);
    let found = store.search(&query, &|| false).map_err(words)?;
    let wall = begun.elapsed().as_secs_f64() * 1e3;
    let processor = usage::cpu(std::process::id())?.saturating_sub(before);
    if found.hits.len() != AGENTS {
        return Err(format!("{} of {AGENTS} were found", found.hits.len()));
    }
    Ok((wall, processor.as_secs_f64() * 1e3))
}

/// None where it is not installed.
fn ripgrep(root: &Path, options: &str) -> Result<Option<Took>, String> {
    let (begun, before) = (Instant::now(), usage::children_cpu()?);
    let ran = Command::new("rg")
        .args([options, "--no-ignore", "--hidden", TEXT])
        .args(files(root, "jsonl")?)
        .stdout(Stdio::null())
        .status();
    match ran {
        Ok(status) if status.success() => {
            let wall = begun.elapsed().as_secs_f64() * 1e3;
            let processor = usage::children_cpu()?.saturating_sub(before);
            Ok(Some((wall, processor.as_secs_f64() * 1e3)))
        }
        Ok(status) => Err(format!("rg: {status}")),
        Err(_) => Ok(None),
    }
}
