//! The session store beside what it stands on: a bare loop that writes and syncs the same bytes, and a line counter that
//! reads the same files.

mod bare;
mod counting;
mod reading;
mod searching;
mod writing;

use std::{path::Path, sync::Arc};

use openclaw_sessions::{Disk, Draft, Durability, Options, Store};
use openclaw_types::{AgentId, Role, SessionId, SystemEnv};

use crate::report::Figure;

/// Agents, each with a file of its own.
const AGENTS: usize = 12;
/// Sessions of all agents together.
const SESSIONS: usize = 1_000;

/// Every figure of the store.
pub(crate) async fn run() -> Result<Vec<Figure>, String> {
    let mut figures = writing::run().await?;
    figures.extend(reading::run().await?);
    Ok(figures)
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn store(root: &Path, durability: Durability, disk: Arc<dyn Disk>) -> Result<Store, String> {
    let options = Options {
        root: root.to_path_buf(),
        durability,
        segment_bytes_max: 64 << 20,
        entry_bytes_max: 8 << 20,
        queue_depth: 4_096,
        sync_threads: 2,
        tail_cache_entries: 32,
    };
    Store::open(options, disk, Arc::new(SystemEnv)).map_err(words)
}

fn agent(at: usize) -> Result<AgentId, String> {
    AgentId::parse(&format!("agent-{at}")).map_err(words)
}

fn session(at: usize) -> Result<SessionId, String> {
    SessionId::parse(&format!("sess-{at}")).map_err(words)
}

/// A question of two hundred bytes and an answer of a thousand, by turns.
fn draft(at: usize, turn: usize) -> Result<Draft, String> {
    let (role, times) = if turn.is_multiple_of(2) {
        (Role::User, 10)
    } else {
        (Role::Assistant, 50)
    };
    let text = "a word, \"another\"\n".repeat(times);
    Ok(Draft::message(role, session(at)?, text))
}

/// Sorts and takes the value that so much of all is below.
fn quantile(times: &mut [f64], share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let at = (times.len() as f64 * share) as usize;
    times
        .get(at)
        .or_else(|| times.last())
        .copied()
        .unwrap_or(f64::NAN)
}
