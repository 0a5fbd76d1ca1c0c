//! The store of transcripts, and what is done on sessions unasked.

use std::sync::Arc;

use openclaw_config::{Config, config};
use openclaw_sessions::{self as sessions, RealDisk, Store};
use openclaw_types::Env;

use super::Error;

/// Appends that may wait for the disk; a second of work of the slowest disk worth using.
const STORE_QUEUE_DEPTH: usize = 4096;
/// Files synced side by side. More threads than this only queue inside the file system's journal.
const SYNC_THREADS: usize = 4;

/// Opens the store of a state directory, as its configuration says.
///
/// # Errors
/// Its threads can't be started.
pub fn store(config: &Config, env: &Arc<dyn Env>) -> Result<Store, Error> {
    let session = &config.session;
    let history = usize::try_from(session.history_entries).unwrap_or(usize::MAX);
    let lane_depth = usize::try_from(config.limits.lane_depth).unwrap_or(usize::MAX);
    let options = sessions::Options {
        root: config.paths.agents(),
        durability: match session.durability {
            config::Durability::Always => sessions::Durability::Always,
            config::Durability::Batch { interval_ms } => {
                sessions::Durability::Batch { interval_ms }
            }
            config::Durability::Os => sessions::Durability::Os,
        },
        segment_bytes_max: session.segment_bytes_max,
        entry_bytes_max: usize::try_from(session.entry_bytes_max).unwrap_or(usize::MAX),
        queue_depth: STORE_QUEUE_DEPTH,
        sync_threads: SYNC_THREADS,
        // A prompt reads the history and what waits in the lane; all of it is to come from memory.
        tail_cache_entries: openclaw_agents::limits::tail_entries(history, lane_depth),
    };
    Ok(Store::open(options, Arc::new(RealDisk), Arc::clone(env))?)
}

/// What is done on sessions unasked.
pub(crate) fn keeper(config: &Config) -> sessions::KeeperOptions {
    let (keeper, maintenance) = (&config.session.keeper, &config.session.maintenance);
    sessions::KeeperOptions {
        auto_commit: keeper.auto_commit,
        archive_after_ms: keeper.archive_after_ms,
        excess: match maintenance.mode {
            config::MaintenanceMode::Off => sessions::Excess::Ignored,
            config::MaintenanceMode::Warn => sessions::Excess::Reported,
            config::MaintenanceMode::Enforce => sessions::Excess::Removed,
        },
        sessions_max: usize::try_from(maintenance.sessions_max).unwrap_or(usize::MAX),
        archive_bytes_max: maintenance.archive_bytes_max,
    }
}
