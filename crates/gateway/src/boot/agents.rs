//! The agents.

use std::sync::Arc;

use openclaw_agents::{AgentOptions, Agents, RunDeadlines};
use openclaw_config::{Config, config};
use openclaw_models::Models;
use openclaw_sessions::Store;
use openclaw_types::Env;

use super::Error;
use crate::events::Bus;

/// Starts the agents.
pub(crate) fn agents(
    config: &Config,
    store: &Store,
    models: &Models,
    bus: &Arc<Bus>,
    env: &Arc<dyn Env>,
) -> Result<Agents, Error> {
    let limits = &config.limits;
    let options = openclaw_agents::Options {
        root: config.paths.agents(),
        agents: agent_options(config),
        discover: config.agents.iter().any(|agent| agent.built_in),
        lane_depth: usize::try_from(limits.lane_depth).unwrap_or(usize::MAX),
        runs_max: usize::try_from(limits.runs).unwrap_or(usize::MAX),
        history_entries: usize::try_from(config.session.history_entries).unwrap_or(usize::MAX),
        run_deadlines: RunDeadlines {
            total_ms: limits.run_ms,
            append_ms: openclaw_agents::limits::APPEND_MS,
        },
        steps_max: limits.steps,
        output_bytes_max: openclaw_agents::limits::OUTPUT_BYTES_MAX,
        deliberation_ms: limits.deliberation_ms,
        tools: super::tools(env)?,
    };
    let sink: Arc<dyn openclaw_agents::Sink> = Arc::clone(bus) as Arc<dyn openclaw_agents::Sink>;
    Ok(Agents::start(
        options,
        store.clone(),
        models.clone(),
        sink,
        Arc::clone(env),
    )?)
}

/// The configured agents as their crate wants them.
#[must_use]
pub fn agent_options(config: &Config) -> Vec<AgentOptions> {
    config.agents.iter().map(agent).collect()
}

fn agent(agent: &config::Agent) -> AgentOptions {
    AgentOptions {
        id: agent.id.clone(),
        name: agent.name.clone(),
        role: agent.role.clone(),
        emoji: (!agent.emoji.is_empty()).then(|| agent.emoji.clone()),
        model: agent.model.stated.then(|| agent.model.reference.clone()),
        port: agent.port,
        capabilities: agent.capabilities.clone(),
        skills: agent.skills.clone(),
        tools: openclaw_agents::ToolPolicy::default(),
        parameters: agent.parameters.0.clone(),
        primary: agent.primary,
    }
}
