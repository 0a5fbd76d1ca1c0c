//! `openclaw agent …`: list, look at, talk to, create, delete, configure.

pub(crate) mod change;
mod prompt;
pub(crate) mod send;
mod settings;

use openclaw_agents::offline::{self, Resting};
use openclaw_config::Config;
use openclaw_sessions::{RealDisk, read_only};
use openclaw_types::{AgentId, IdError, Timestamp};
use openclaw_wire::{
    SessionRef,
    methods::{
        Empty,
        agents::{AgentParams, AgentRow, AgentsList, AgentsStatus, ModelRef},
    },
};

use crate::{
    args::Agent,
    error::{self, Failure},
    link::{call, is_running},
    output::{Output, placed, table},
    place::Place,
};

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: Agent) -> Result<(), Failure> {
    match command {
        Agent::List => list(place, output),
        Agent::Status { agent } => status(place, output, &agent),
        Agent::Config {
            first,
            second,
            rest,
        } => {
            let words = std::iter::once(first).chain(second).chain(rest);
            settings::run(place, output, words.collect())
        }
        Agent::Create(create) => change::create(place, output, create),
        Agent::Delete { agent, yes } => change::delete(place, output, &agent, yes),
        Agent::Restart { agent } => change::restart(place, output, &agent),
        Agent::Send(send) => send::run(place, output, &send),
        Agent::Prompt {
            agent,
            session,
            message,
        } => prompt::run(place, output, (&agent, &session), message),
    }
}

/// An agent id, or why it is none.
pub(crate) fn agent_id(text: &str) -> Result<AgentId, Failure> {
    AgentId::parse(text).map_err(|error| {
        let hint = match similar(text) {
            Some(id) => format!("write `{id}`; `openclaw agent list` shows all agents"),
            None => "`openclaw agent list` shows all agents".to_owned(),
        };
        Failure::from_error(&error).hint(hint).code(error::USAGE)
    })
}

/// The id that somebody may have meant.
fn similar(text: &str) -> Option<AgentId> {
    let mut id = String::new();
    for c in text.trim().chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' => id.push(c),
            _ if id.is_empty() || id.ends_with('-') => {}
            _ => id.push('-'),
        }
    }
    AgentId::parse(id.trim_end_matches('-')).ok()
}

/// The agent that answers where none is named.
pub(crate) fn primary(config: &Config) -> Option<&str> {
    let primary = config.agents.iter().find(|agent| agent.primary);
    primary.map(|agent| agent.id.as_str())
}

/// A session, named by id or by full key.
pub(crate) fn session_ref(text: &str) -> Result<SessionRef, Failure> {
    text.parse().map_err(|error: IdError| {
        Failure::from_error(&error)
            .hint("`openclaw session list` shows all sessions")
            .code(error::USAGE)
    })
}

/// A session of this agent; a full key must be of the same one.
pub(crate) fn session_of(agent: &AgentId, text: &str) -> Result<SessionRef, Failure> {
    let named = session_ref(text)?;
    match &named.agent {
        Some(other) if other != agent => Err(Failure::new(format!(
            "the session `{text}` belongs to another agent than {agent}"
        ))
        .hint("name the agent of the session, or the session's id alone")
        .code(error::USAGE)),
        _ => Ok(SessionRef::from(named.resolve(agent))),
    }
}

/// The agents on disk that a gateway would run.
pub(crate) fn resting(config: &Config) -> Result<Vec<Resting>, Failure> {
    let agents = openclaw_gateway::agent_options(config);
    let discover = config.agents.iter().any(|agent| agent.built_in);
    offline::look(&config.paths.agents(), &agents, discover)
        .map_err(|error| Failure::from_error(&error))
}

/// One of them.
pub(crate) fn resting_one(config: &Config, agent: &AgentId) -> Result<Resting, Failure> {
    let found = resting(config)?.into_iter().find(|one| one.id == *agent);
    found.ok_or_else(|| {
        Failure::new(format!("no agent `{agent}`"))
            .hint("`openclaw agent list` shows all")
            .code(error::NOT_FOUND)
    })
}

fn list(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let rows = if is_running(&config.paths) {
        call::<AgentsList>(&config, &Empty {})?.agents
    } else {
        offline_rows(&config, resting(&config)?)
    };
    output.either(&rows, || {
        let lines: Vec<Vec<String>> = rows.iter().map(cells).collect();
        let mut text = table(&["Agent", "Role", "Status", "Sessions", "Model"], &lines);
        // A reason is too long for a column.
        for row in &rows {
            if let Some(reason) = &row.reason {
                text.push_str(&format!("\n{}: {reason}", row.id));
            }
        }
        text
    })
}

fn cells(row: &AgentRow) -> Vec<String> {
    let model = row.model.as_ref();
    vec![
        row.id.clone(),
        row.role.clone(),
        row.status.clone(),
        row.sessions.to_string(),
        model.map(|model| model.primary.clone()).unwrap_or_default(),
    ]
}

/// What the disk says of agents while no gateway runs.
fn offline_rows(config: &Config, agents: Vec<Resting>) -> Vec<AgentRow> {
    // Transcripts that can't be read are another command's business.
    let snapshot = read_only(&config.paths.agents(), std::sync::Arc::new(RealDisk)).ok();
    // Where nothing is stated it is found out when a gateway starts.
    let stated = config.routing.default.clone();
    let row = |agent: Resting| {
        let sessions = snapshot
            .as_ref()
            .map(|snapshot| snapshot.list(Some(&agent.id)))
            .unwrap_or_default();
        let last = sessions.iter().map(|session| session.last_activity).max();
        AgentRow {
            id: agent.id.to_string(),
            name: Some(agent.traits.name),
            identity: None,
            role: agent.traits.role,
            status: if agent.reason.is_some() {
                "error".to_owned()
            } else {
                "offline".to_owned()
            },
            reason: agent.reason,
            primary: agent.primary,
            workspace: agent.workspace.display().to_string(),
            model: agent
                .traits
                .model
                .or_else(|| stated.clone())
                .map(|primary| ModelRef {
                    primary,
                    fallbacks: Vec::new(),
                }),
            port: agent.port,
            sessions: u64::try_from(sessions.len()).unwrap_or_default(),
            runs: 0,
            waiting: 0,
            last_activity: last.map(Timestamp::as_millis),
        }
    };
    agents.into_iter().map(row).collect()
}

fn status(place: &Place, output: Output, agent: &str) -> Result<(), Failure> {
    let config = place.config()?;
    let agent_id = agent_id(agent)?;
    let row = if is_running(&config.paths) {
        Some(call::<AgentsStatus>(&config, &AgentParams { agent_id })?)
    } else {
        let agent = resting_one(&config, &agent_id)?;
        offline_rows(&config, vec![agent]).pop()
    };
    let Some(row) = row else { return Ok(()) };
    output.either(&row, || {
        let model = row.model.as_ref().map(|model| model.primary.clone());
        let last = row.last_activity.map(|ms| Timestamp(ms).to_string());
        let lines = [
            ("Agent", Some(row.id.clone())),
            ("Name", row.name.clone()),
            ("Role", Some(row.role.clone())),
            ("Status", Some(row.status.clone())),
            ("Reason", row.reason.clone()),
            (
                "Way out",
                row.reason
                    .is_some()
                    .then(|| placed(openclaw_agents::WORKSPACE_HINT)),
            ),
            ("Model", model),
            ("Workspace", Some(row.workspace.clone())),
            ("Sessions", Some(row.sessions.to_string())),
            (
                "Runs",
                Some(format!("{} running, {} waiting", row.runs, row.waiting)),
            ),
            (
                "Last activity",
                Some(last.unwrap_or_else(|| "never".to_owned())),
            ),
        ];
        let known = lines.into_iter().filter_map(|(name, value)| {
            let value = value?;
            Some(format!("{name}: {value}"))
        });
        known.collect::<Vec<_>>().join("\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_id_is_answered_with_the_one_that_was_meant() {
        for (text, meant) in [
            ("Nova", Some("nova")),
            ("Nova Prime!", Some("nova-prime")),
            ("../x", Some("x")),
            ("é", None),
            ("", None),
        ] {
            assert_eq!(similar(text).as_ref().map(AgentId::as_str), meant, "{text}");
        }
    }
}
