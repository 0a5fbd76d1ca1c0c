//! Appending: how close to the disk, and how many bytes.

use std::{path::Path, sync::Arc};

use openclaw_sessions::{Durability, RealDisk, Store};
use tokio::{task::JoinSet, time::Instant};

use super::{AGENTS, agent, bare, counting::Counting, draft, quantile, store, words};
use crate::report::{Figure, Limit};

/// Callers that wait for one append before the next.
const CALLERS: usize = 64;
/// Appends of each in one measurement.
const EACH: usize = 150;
/// Measurements of the store, and as many of the bare loop, by turns.
const ROUNDS: usize = 5;
/// Single appends that are timed.
const SINGLE: usize = 400;
/// Turns of which the bytes are counted with markers among them.
const MARKED_TURNS: usize = 20_000;
/// A conversation that never rests gets a marker after so many.
const LONG_TURNS: usize = 32;
/// Entries of which the bytes are counted.
const COUNTED: usize = 200_000;

pub(super) async fn run() -> Result<Vec<Figure>, String> {
    let dir = tempfile::tempdir_in(".").map_err(words)?;
    let mut figures = against_bare(dir.path()).await?;
    figures.push(bytes_written().await?);
    figures.push(bytes_with_markers(1, "a marker after every turn").await?);
    figures.push(bytes_with_markers(LONG_TURNS, "a marker after 64 entries").await?);
    Ok(figures)
}

async fn against_bare(root: &Path) -> Result<Vec<Figure>, String> {
    let durable = store(&root.join("agents"), Durability::Always, Arc::new(RealDisk))?;
    std::fs::create_dir_all(root.join("agents")).map_err(words)?;
    for at in 0..AGENTS {
        durable.open_agent(&agent(at)?).map_err(words)?;
    }
    appends(&durable, 2).await?;
    let file = root.join("agents/agent-0/session.jsonl");
    let lines = std::fs::read(&file).map_err(words)?;
    let bytes = lines.len() / lines.iter().filter(|&&byte| byte == b'\n').count().max(1);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(bare::appends(root, CALLERS, EACH, bytes).await?);
        ours.push(appends(&durable, EACH).await?);
    }
    let (mut acks, mut syncs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        syncs.extend(bare::syncs(root, SINGLE / ROUNDS, bytes).map_err(words)?);
        for turn in 0..SINGLE / ROUNDS {
            let drafts = vec![draft(0, turn)?];
            let begun = Instant::now();
            durable.append(&agent(0)?, drafts).await.map_err(words)?;
            acks.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    durable.shutdown().await.map_err(words)?;
    let (ours, theirs) = (quantile(&mut ours, 0.5), quantile(&mut theirs, 0.5));
    let (ack, sync) = (quantile(&mut acks, 0.5), quantile(&mut syncs, 0.5));
    Ok(vec![
        Figure {
            name: "durable appends over those of a bare loop".to_owned(),
            value: ours / theirs,
            unit: "x",
            limit: Limit::AtLeast(0.7),
            detail: format!(
                "{ours:.0} over {theirs:.0} a second, {CALLERS} callers, {AGENTS} files, {bytes} bytes, medians of {ROUNDS}"
            ),
        },
        Figure {
            name: "an acknowledgement behind the raw sync, medians".to_owned(),
            value: ack - sync,
            unit: "ms",
            limit: Limit::AtMost(0.3),
            detail: format!("{ack:.3} and {sync:.3} ms, one caller, {SINGLE} each"),
        },
    ])
}

/// Appends per second.
async fn appends(store: &Store, each: usize) -> Result<f64, String> {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        tasks.spawn(async move {
            let owner = agent(caller % AGENTS)?;
            for turn in 0..each {
                let drafts = vec![draft(caller, turn)?];
                store.append(&owner, drafts).await.map_err(words)?;
            }
            Ok::<_, String>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(words)??;
    }
    Ok((CALLERS * each) as f64 / begun.elapsed().as_secs_f64())
}

/// With a marker after every question and its answer, which is as often as the keeper ever writes one, because each
/// turn is followed by a rest; or in conversations that go on and on.
async fn bytes_with_markers(every: usize, name: &str) -> Result<Figure, String> {
    let dir = tempfile::tempdir_in(".").map_err(words)?;
    let disk = Counting::default();
    let counted = store(dir.path(), Durability::Os, Arc::new(disk.clone()))?;
    let owner = agent(0)?;
    counted.open_agent(&owner).map_err(words)?;
    let mut entries = 0;
    for turn in 0..MARKED_TURNS {
        let at = turn / every % 100;
        let said = vec![draft(at, 0)?, draft(at, 1)?];
        let before = disk.written();
        counted.append(&owner, said).await.map_err(words)?;
        entries += disk.written() - before;
        if !(turn + 1).is_multiple_of(every) {
            continue;
        }
        let marked = counted
            .commit(&owner, &super::session(at)?)
            .map_err(words)?;
        if marked.is_none() {
            return Err("there is no marker".to_owned());
        }
    }
    counted.shutdown().await.map_err(words)?;
    Ok(Figure {
        name: format!("bytes written over bytes of entries, {name}"),
        value: disk.written() as f64 / entries as f64,
        unit: "x",
        limit: Limit::AtMost(1.3),
        detail: format!(
            "{} over {entries} bytes, {MARKED_TURNS} questions and answers of {} bytes each",
            disk.written(),
            entries / MARKED_TURNS as u64
        ),
    })
}

/// One agent over several segments, opened and closed in order: what is written beside the entries is the list of
/// segments and the cache of the index.
async fn bytes_written() -> Result<Figure, String> {
    let dir = tempfile::tempdir_in(".").map_err(words)?;
    let disk = Counting::default();
    let counted = store(dir.path(), Durability::Os, Arc::new(disk.clone()))?;
    let owner = agent(0)?;
    counted.open_agent(&owner).map_err(words)?;
    for turn in 0..COUNTED / 100 {
        let drafts: Result<Vec<_>, _> = (0..100).map(|at| draft(at, turn)).collect();
        counted.append(&owner, drafts?).await.map_err(words)?;
    }
    counted.shutdown().await.map_err(words)?;
    drop(counted);
    let again = store(dir.path(), Durability::Os, Arc::new(RealDisk))?;
    again.open_agent(&owner).map_err(words)?;
    let lines = super::reading::transcript_bytes(dir.path())?;
    again.shutdown().await.map_err(words)?;
    Ok(Figure {
        name: "bytes written over bytes of entries, without markers".to_owned(),
        value: disk.written() as f64 / lines as f64,
        unit: "x",
        limit: Limit::AtMost(1.1),
        detail: format!("{} over {lines} bytes, {COUNTED} entries", disk.written()),
    })
}
