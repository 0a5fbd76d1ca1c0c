//! What the tests share: options, names, and a store on either disk.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

use std::{path::Path, sync::Arc};

use openclaw_sessions::{Disk, Draft, Durability, Entry, Options, RealDisk, Store};
use openclaw_types::{AgentId, Env, Role, RunId, SessionId, SystemEnv, Timestamp, env::SimEnv};

pub(crate) fn options(root: &Path) -> Options {
    Options {
        root: root.to_path_buf(),
        durability: Durability::Always,
        segment_bytes_max: 64 << 20,
        entry_bytes_max: 8 << 20,
        queue_depth: 1_024,
        sync_threads: 2,
        tail_cache_entries: 32,
    }
}

pub(crate) fn real_store(root: &Path) -> Store {
    Store::open(options(root), Arc::new(RealDisk), Arc::new(SystemEnv)).unwrap()
}

pub(crate) fn sim_store(options: Options, disk: Arc<dyn Disk>) -> Store {
    Store::open(options, disk, sim_env()).unwrap()
}

pub(crate) fn sim_env() -> Arc<dyn Env> {
    Arc::new(SimEnv::new(Timestamp(1_711_843_200_000), 7))
}

pub(crate) fn agent(name: &str) -> AgentId {
    AgentId::parse(name).unwrap()
}

pub(crate) fn session(name: &str) -> SessionId {
    SessionId::parse(name).unwrap()
}

pub(crate) fn run(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

pub(crate) fn user(to: &str, text: &str) -> Draft {
    Draft::message(Role::User, session(to), text)
}

pub(crate) fn texts(entries: &[Arc<Entry>]) -> Vec<&str> {
    entries.iter().map(|entry| entry.content.as_str()).collect()
}
