//! Opening agents: the workspace, the transcript, and the runs that the last stop cut off.

use std::sync::Arc;

use openclaw_types::AgentId;

use super::NewAgent;
use crate::{
    agent::{self, Agent},
    core::Core,
    lane::Lanes,
    limits::LANES_MAX,
    options::AgentOptions,
    outcome::chain,
    run, templates,
    workspace::Workspace,
};

/// Opens an agent and lists it; one that cannot be opened is listed with its reason.
pub(super) fn open(
    core: &Arc<Core>,
    id: AgentId,
    configured: Option<AgentOptions>,
    created: Option<&NewAgent>,
) -> Arc<Agent> {
    let opened = open_workspace(core, &id, configured.as_ref(), created);
    if let Err(reason) = &opened {
        tracing::error!(agent = %id, reason, "agent cannot run");
    }
    let agent = Arc::new(Agent::new(agent::Parts {
        path: core.options.root.join(id.as_str()),
        workspace: opened,
        configured,
        lanes: Lanes::new(core.options.lane_depth, LANES_MAX),
        sink: Arc::clone(&core.sink),
        id,
    }));
    agent.look_at_settings();
    core.put(Arc::clone(&agent));
    agent
}

fn open_workspace(
    core: &Arc<Core>,
    id: &AgentId,
    configured: Option<&AgentOptions>,
    created: Option<&NewAgent>,
) -> Result<Workspace, String> {
    let mut traits = configured.map_or_else(|| templates::defaults(id), AgentOptions::traits);
    let mut purpose = None;
    if let Some(created) = created {
        created.describe(&mut traits);
        purpose = created.purpose.as_deref();
    }
    let root = &core.options.root;
    let workspace = templates::open(root, id, &traits, purpose).map_err(|error| chain(&error))?;
    let recovery = core.store.open_agent(id).map_err(|error| chain(&error))?;
    if let Some(error) = &recovery.refused {
        tracing::warn!(agent = %id, error = chain(error), "transcript can be read only for now");
    }
    mark_interrupted(core, id);
    Ok(workspace)
}

/// Ends on disk what the last stop cut off. The appends are queued here, so they stand before any new entry.
fn mark_interrupted(core: &Arc<Core>, id: &AgentId) {
    let drafts: Vec<_> = core
        .store
        .unfinished_runs(id)
        .into_iter()
        .map(|(session, run)| run::interrupted_draft(session, run))
        .collect();
    if drafts.is_empty() {
        return;
    }
    tracing::info!(agent = %id, runs = drafts.len(), "marking runs that the last stop cut off");
    let appended = core.store.append(id, drafts);
    let (agent, deadline) = (id.clone(), core.append_deadline());
    core.spawn(async move {
        match tokio::time::timeout(deadline, appended).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%agent, error = chain(&error), "cut-off runs not marked");
            }
            Err(_) => tracing::warn!(%agent, "cut-off runs not marked in time"),
        }
    });
}
