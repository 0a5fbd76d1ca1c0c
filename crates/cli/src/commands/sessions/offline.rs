//! Writing while no gateway runs: under the lock that a gateway would hold, so that none starts meanwhile.

use std::sync::Arc;

use openclaw_config::Config;
use openclaw_gateway::{lock, open_store};
use openclaw_sessions::Store;
use openclaw_types::{AgentId, Env, SystemEnv};

use super::snapshot;
use crate::{commands::agents::resting_one, error::Failure, link::block_on};

/// Opens one agent's transcript, works on it, and closes it again.
pub(super) fn with_store<T>(
    config: &Config,
    agent: &AgentId,
    work: impl AsyncFnOnce(Store) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let env: Arc<dyn Env> = Arc::new(SystemEnv);
    let record = lock::Record::starting(env.fresh_id(), env.now(), lock::Flags::default());
    let held = lock::Lock::take(&config.paths.state, &record);
    let _held = held.map_err(|error| Failure::from_error(&error))?;
    block_on(async {
        let store = open_store(config, &env).map_err(|error| Failure::from_error(&error))?;
        let _found = store
            .open_agent(agent)
            .map_err(|error| Failure::from_error(&error))?;
        let done = work(store.clone()).await;
        let closed = store.shutdown().await;
        let done = done?;
        closed.map_err(|error| Failure::from_error(&error))?;
        Ok(done)
    })
}

/// Whether an agent, which is known, was ever spoken to.
pub(super) fn has_transcript(config: &Config, agent: &AgentId) -> Result<bool, Failure> {
    let _agent = resting_one(config, agent)?;
    Ok(snapshot(config)?.agents().any(|found| found == agent))
}
