//! Opening agents: the workspace, the transcript, and the runs that the last stop cut off.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

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

/// An agent's workspace, or why there is none.
type Opened = Result<Workspace, String>;

/// Opens the configured agents and then those found, as many side by side as there are processors, and lists them in
/// that order.
pub(super) fn open_all(core: &Arc<Core>, configured: Vec<AgentOptions>, found: Vec<AgentId>) {
    let configured = configured
        .into_iter()
        .map(|agent| (agent.id.clone(), Some(agent)));
    let mut all: Vec<_> = configured
        .chain(found.into_iter().map(|id| (id, None)))
        .collect();
    let mut seen = BTreeSet::new();
    all.retain(|(id, _)| seen.insert(id.clone()));
    let opened: Vec<OnceLock<Opened>> = all.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    // Whoever is done takes the next: one large transcript holds up nobody but its own thread.
    let work = || {
        loop {
            let at = next.fetch_add(1, Relaxed);
            let (Some(slot), Some((id, configured))) = (opened.get(at), all.get(at)) else {
                return;
            };
            slot.get_or_init(|| open_workspace(core, id, configured.as_ref(), None));
        }
    };
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        for nth in 1..processors.min(all.len()) {
            let thread = thread::Builder::new().name(format!("open-{nth}"));
            if let Err(error) = thread.spawn_scoped(scope, work) {
                tracing::debug!(%error, "one thread less opens agents");
            }
        }
        work();
    });
    for ((id, configured), slot) in all.into_iter().zip(opened) {
        let opened = slot.into_inner();
        let opened = opened.unwrap_or_else(|| open_workspace(core, &id, configured.as_ref(), None));
        list(core, id, configured, opened);
    }
}

/// Opens an agent and lists it; one that cannot be opened is listed with its reason.
pub(super) fn open(
    core: &Arc<Core>,
    id: AgentId,
    configured: Option<AgentOptions>,
    created: Option<&NewAgent>,
) -> Arc<Agent> {
    let opened = open_workspace(core, &id, configured.as_ref(), created);
    list(core, id, configured, opened)
}

fn list(
    core: &Arc<Core>,
    id: AgentId,
    configured: Option<AgentOptions>,
    opened: Opened,
) -> Arc<Agent> {
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
    let mut own = templates::own(id);
    let mut traits = configured.map_or_else(|| templates::defaults(id), AgentOptions::traits);
    let mut purpose = None;
    if let Some(created) = created {
        created.describe(&mut own);
        created.describe(&mut traits);
        purpose = created.purpose.as_deref();
    }
    let root = &core.options.root;
    let workspace = templates::open(root, id, (&traits, &own), purpose);
    let workspace = workspace.map_err(|error| chain(&error))?;
    let recovery = core.store.open_agent(id).map_err(|error| chain(&error))?;
    if let Some(error) = &recovery.refused {
        tracing::warn!(agent = %id, error = chain(error), "transcript can only be read until its end is repaired");
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
