//! Reading back: the scan beside a line counter, opening with and without caches, pages.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use openclaw_sessions::{Durability, RealDisk, Store};
use tokio::time::Instant;

use super::{AGENTS, SESSIONS, agent, draft, quantile, store, words};
use crate::report::{Figure, Limit};

/// Bytes of transcripts.
const STORE_BYTES: u64 = 1_000_000_000;
/// Entries appended at once while it is filled.
const BATCH: usize = 500;
/// Openings of each sort.
const OPENINGS: usize = 3;
/// Pages read.
const PAGES: usize = 2_000;
/// Entries of a page.
const PAGE_ENTRIES: usize = 50;

pub(super) async fn run() -> Result<Vec<Figure>, String> {
    let dir = tempfile::tempdir_in(".").map_err(words)?;
    fill(dir.path()).await?;
    let bytes = transcript_bytes(dir.path())?;
    let mut figures = Vec::new();
    let (mut cold, mut warm, mut counter) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..OPENINGS {
        for cache in files(dir.path(), "cache")? {
            std::fs::remove_file(cache).map_err(words)?;
        }
        counter.extend(count_lines(dir.path())?);
        cold.push(open(dir.path(), false).await?);
        open(dir.path(), true).await?;
        warm.push(open(dir.path(), true).await?);
    }
    let (cold, warm) = (quantile(&mut cold, 0.5), quantile(&mut warm, 0.5));
    let rate = bytes as f64 / 1e6 / cold;
    let detail =
        format!("{bytes} bytes, {SESSIONS} sessions, {AGENTS} agents, median of {OPENINGS}");
    let figure = |name: &str, value, unit, limit, detail: &str| Figure {
        name: name.to_owned(),
        value,
        unit,
        limit,
        detail: detail.to_owned(),
    };
    figures.push(figure(
        "recovery scan, index and all, one core",
        rate,
        "GB/s",
        Limit::AtLeast(1.0),
        &detail,
    ));
    if !counter.is_empty() {
        let counter = quantile(&mut counter, 0.5);
        let detail = format!("{cold:.0} ms, and {counter:.0} ms of `rg -c .`, one thread");
        figures.push(figure(
            "recovery scan over `rg -c .`",
            cold / counter,
            "x",
            Limit::AtMost(1.0),
            &detail,
        ));
    }
    figures.push(figure(
        "opening without caches",
        cold,
        "ms",
        Limit::AtMost(1_500.0),
        &detail,
    ));
    figures.push(figure(
        "opening with caches",
        warm,
        "ms",
        Limit::AtMost(150.0),
        &detail,
    ));
    figures.push(pages(dir.path()).await?);
    Ok(figures)
}

async fn fill(root: &Path) -> Result<(), String> {
    let filled = store(root, Durability::Os, Arc::new(RealDisk))?;
    for at in 0..AGENTS {
        filled.open_agent(&agent(at)?).map_err(words)?;
    }
    let mut turn = 0;
    while transcript_bytes(root)? < STORE_BYTES {
        for at in 0..AGENTS {
            let sessions = SESSIONS / AGENTS + usize::from(at < SESSIONS % AGENTS);
            let drafts: Result<Vec<_>, _> = (0..BATCH)
                .map(|nth| draft((turn * 31 + nth / 2) % sessions, nth))
                .collect();
            filled.append(&agent(at)?, drafts?).await.map_err(words)?;
        }
        turn += 1;
    }
    filled.shutdown().await.map_err(words)
}

/// Milliseconds until every agent is open, one after the other.
async fn open(root: &Path, cached: bool) -> Result<f64, String> {
    let opened = store(root, Durability::Always, Arc::new(RealDisk))?;
    let begun = Instant::now();
    for at in 0..AGENTS {
        let found = opened.open_agent(&agent(at)?).map_err(words)?;
        if found.cached != cached {
            return Err(format!(
                "agent {at}: opened with its cache: {}",
                found.cached
            ));
        }
    }
    let took = begun.elapsed().as_secs_f64() * 1e3;
    opened.shutdown().await.map_err(words)?;
    Ok(took)
}

/// Milliseconds of the line counter over the same files; none where it is not installed.
fn count_lines(root: &Path) -> Result<Option<f64>, String> {
    let begun = Instant::now();
    let counter = Command::new("rg")
        .args(["-c", "-j1", "."])
        .args(files(root, "jsonl")?)
        .stdout(Stdio::null())
        .status();
    match counter {
        Ok(status) if status.success() => Ok(Some(begun.elapsed().as_secs_f64() * 1e3)),
        Ok(status) => Err(format!("rg: {status}")),
        Err(_) => Ok(None),
    }
}

async fn pages(root: &Path) -> Result<Figure, String> {
    let opened: Store = store(root, Durability::Always, Arc::new(RealDisk))?;
    for at in 0..AGENTS {
        opened.open_agent(&agent(at)?).map_err(words)?;
    }
    let all = opened.list(None);
    let mut times = Vec::with_capacity(PAGES);
    for nth in 0..PAGES {
        let Some(found) = all.get(nth * 37 % all.len().max(1)) else {
            return Err("no session".to_owned());
        };
        let begun = Instant::now();
        let page = opened.page(&found.agent, &found.session, None, PAGE_ENTRIES);
        if page.map_err(words)?.entries.len() != PAGE_ENTRIES {
            return Err(format!("{}: a short page", found.session));
        }
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    opened.shutdown().await.map_err(words)?;
    Ok(Figure {
        name: format!("the last {PAGE_ENTRIES} entries of a session, 99 of 100 below"),
        value: quantile(&mut times, 0.99),
        unit: "ms",
        limit: Limit::AtMost(5.0),
        detail: format!(
            "{PAGES} pages, half of them below {:.3} ms",
            quantile(&mut times, 0.5)
        ),
    })
}

/// Bytes of all transcripts below a root.
pub(super) fn transcript_bytes(root: &Path) -> Result<u64, String> {
    let sizes = files(root, "jsonl")?
        .into_iter()
        .map(|path| std::fs::metadata(path).map(|found| found.len()));
    sizes.sum::<Result<u64, _>>().map_err(words)
}

/// Files of one sort below a root: of each agent, and of its sealed segments.
fn files(root: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut dirs = vec![root.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).map_err(words)? {
            let path = entry.map_err(words)?.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    Ok(found)
}
