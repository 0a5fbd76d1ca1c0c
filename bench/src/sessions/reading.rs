//! Reading back: the scan beside a line counter, opening with and without caches, pages.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use openclaw_sessions::{Durability, RealDisk, Store, read_only};
use tokio::time::Instant;

use super::{AGENTS, SESSIONS, agent, draft, quantile, searching, store, words};
use crate::{
    report::{Figure, Limit},
    usage,
};

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

/// What the same work took by the clock and of a processor, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Took {
    wall: f64,
    processor: f64,
}

pub(super) async fn run() -> Result<Vec<Figure>, String> {
    let dir = tempfile::tempdir_in(".").map_err(words)?;
    fill(dir.path()).await?;
    let bytes = transcript_bytes(dir.path())?;
    let (mut scans, mut counts) = (Vec::new(), Vec::new());
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..OPENINGS {
        remove_caches(dir.path())?;
        counts.extend(count_lines(dir.path())?);
        scans.push(scan(dir.path(), bytes)?);
        cold.push(open(dir.path(), false).await?);
        open(dir.path(), true).await?;
        warm.push(open(dir.path(), true).await?);
    }
    let mut figures = scan_figures(bytes, &scans, &counts);
    figures.extend(searching::figures(dir.path(), bytes).await?);
    let detail = format!(
        "{bytes} bytes, {SESSIONS} sessions, {AGENTS} agents side by side, median of {OPENINGS}"
    );
    for (name, times, limit) in [
        ("opening without caches", &mut cold, 1_500.0),
        ("opening with caches", &mut warm, 150.0),
    ] {
        figures.push(Figure {
            name: name.to_owned(),
            value: quantile(times, 0.5),
            unit: "ms",
            limit: Limit::AtMost(limit),
            detail: detail.clone(),
        });
    }
    figures.push(pages(dir.path()).await?);
    Ok(figures)
}

/// Both are one thread's, so that the processor's time is compared: it hardly depends on what else the machine does.
fn scan_figures(bytes: u64, scans: &[Took], counts: &[Took]) -> Vec<Figure> {
    let median = |all: &[Took], of: fn(&Took) -> f64| {
        let mut times: Vec<f64> = all.iter().map(of).collect();
        quantile(&mut times, 0.5)
    };
    let scan = median(scans, |took| took.processor);
    let wall = median(scans, |took| took.wall);
    let mut figures = vec![Figure {
        name: "recovery scan, index and all, one core".to_owned(),
        value: bytes as f64 / 1e6 / scan,
        unit: "GB/s",
        limit: Limit::AtLeast(1.0),
        detail: format!(
            "of processor time; {:.2} GB/s by the clock; {bytes} bytes, {SESSIONS} sessions, {AGENTS} agents",
            bytes as f64 / 1e6 / wall
        ),
    }];
    if !counts.is_empty() {
        let count = median(counts, |took| took.processor);
        let clock = median(counts, |took| took.wall);
        figures.push(Figure {
            name: "recovery scan over `rg -c .`".to_owned(),
            value: scan / count,
            unit: "x",
            limit: Limit::AtMost(1.0),
            detail: format!(
                "{scan:.0} ms over {count:.0} ms of processor time, one thread each; {wall:.0} and {clock:.0} ms by the clock"
            ),
        });
    }
    figures
}

/// Reads every transcript on this thread, without a lock, a repair or a cache.
fn scan(root: &Path, bytes: u64) -> Result<Took, String> {
    let (begun, before) = (Instant::now(), usage::cpu(std::process::id())?);
    let read = read_only(root, Arc::new(RealDisk)).map_err(words)?;
    let wall = begun.elapsed().as_secs_f64() * 1e3;
    let processor = usage::cpu(std::process::id())?.saturating_sub(before);
    let found = read.agents().filter_map(|agent| read.recovery(agent));
    let found: u64 = found.map(|recovery| recovery.bytes).sum();
    if found != bytes {
        return Err(format!("{found} of {bytes} bytes were read"));
    }
    Ok(Took {
        wall,
        processor: processor.as_secs_f64() * 1e3,
    })
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

/// Milliseconds until every agent is open, as many side by side as there are processors.
async fn open(root: &Path, cached: bool) -> Result<f64, String> {
    let opened = store(root, Durability::Always, Arc::new(RealDisk))?;
    let next = AtomicUsize::new(0);
    let work = || loop {
        let at = next.fetch_add(1, Relaxed);
        if at >= AGENTS {
            return Ok(());
        }
        let found = opened.open_agent(&agent(at)?).map_err(words)?;
        if found.cached != cached {
            return Err(format!(
                "agent {at}: opened with its cache: {}",
                found.cached
            ));
        }
    };
    let begun = Instant::now();
    thread::scope(|scope| -> Result<(), String> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            let ended = thread.join();
            ended.unwrap_or_else(|_| Err("an opening panicked".to_owned()))?;
        }
        Ok(())
    })?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    opened.shutdown().await.map_err(words)?;
    Ok(took)
}

/// What the line counter takes for the same files; none where it is not installed.
fn count_lines(root: &Path) -> Result<Option<Took>, String> {
    let (begun, before) = (Instant::now(), usage::children_cpu()?);
    let counter = Command::new("rg")
        .args(["-c", "-j1", "."])
        .args(files(root, "jsonl")?)
        .stdout(Stdio::null())
        .status();
    match counter {
        Ok(status) if status.success() => {
            let processor = usage::children_cpu()?.saturating_sub(before);
            Ok(Some(Took {
                wall: begun.elapsed().as_secs_f64() * 1e3,
                processor: processor.as_secs_f64() * 1e3,
            }))
        }
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

fn remove_caches(root: &Path) -> Result<(), String> {
    for cache in files(root, "cache")? {
        std::fs::remove_file(cache).map_err(words)?;
    }
    Ok(())
}

/// Bytes of all transcripts below a root.
pub(super) fn transcript_bytes(root: &Path) -> Result<u64, String> {
    let sizes = files(root, "jsonl")?
        .into_iter()
        .map(|path| std::fs::metadata(path).map(|found| found.len()));
    sizes.sum::<Result<u64, _>>().map_err(words)
}

/// Files of one sort below a root: of each agent, and of its sealed segments.
pub(super) fn files(root: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
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
