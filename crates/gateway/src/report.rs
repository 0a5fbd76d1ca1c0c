//! What components know, in the words of the wire: agents as cards and rows, entries as messages, errors as codes.

use openclaw_agents::{AgentState, AgentStatus, deliberation::Decision, vote::Vote};
use openclaw_wire::{
    a2a_v1::{
        ErrorCode,
        reply::{self, AgentCard, GatewayStatus},
    },
    methods::agents::{AgentRow, Identity, ModelRef},
};
use serde_json::{Value, json};

use crate::state::State;

/// How far back an entry that was just stored is looked for: more may have been stored since, but not many.
pub(crate) const RECENT_ENTRIES: usize = 16;

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// An agent's state in the a2a-v1 dialect.
pub(crate) const fn state_word(state: &AgentState) -> reply::AgentState {
    match state {
        AgentState::Idle => reply::AgentState::Idle,
        AgentState::Busy => reply::AgentState::Busy,
        AgentState::Offline => reply::AgentState::Offline,
        AgentState::Error { .. } => reply::AgentState::Error,
    }
}

/// An agent's state as one word of the native dialect; the same words.
pub(crate) const fn state_text(state: &AgentState) -> &'static str {
    match state {
        AgentState::Idle => "idle",
        AgentState::Busy => "busy",
        AgentState::Offline => "offline",
        AgentState::Error { .. } => "error",
    }
}

/// Why an agent is in its state, where something is wrong.
pub(crate) fn state_reason(state: &AgentState) -> Option<String> {
    match state {
        AgentState::Error { reason } => Some(reason.clone()),
        AgentState::Idle | AgentState::Busy | AgentState::Offline => None,
    }
}

/// A count as the wire carries it.
pub(crate) fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// An agent as discovery tells it.
pub(crate) fn card(status: &AgentStatus) -> AgentCard {
    AgentCard {
        name: status.id.to_string(),
        role: status.role.clone(),
        status: state_word(&status.state),
        workspace: status.workspace.display().to_string(),
    }
}

/// Every agent as discovery tells it.
pub(crate) fn cards(state: &State) -> Vec<AgentCard> {
    state.agents.list().iter().map(card).collect()
}

/// What a status frame about one agent tells besides its card.
pub(crate) fn agent_details(status: &AgentStatus) -> Value {
    json!({
        "displayName": status.name,
        "model": status.model,
        "sessions": status.sessions,
        "runs": status.running,
        "waiting": status.waiting,
        "lastActivity": status.last_activity.map(openclaw_types::Timestamp::as_millis),
        "reason": state_reason(&status.state),
    })
}

/// The gateway in the a2a-v1 dialect.
pub(crate) fn gateway(state: &State) -> GatewayStatus {
    GatewayStatus {
        status: if state.stopping.is_cancelled() {
            "draining"
        } else {
            "online"
        }
        .to_owned(),
        version: crate::VERSION.to_owned(),
        uptime_ms: state.uptime_ms(),
        agents: cards(state),
        model: state.models.status().source.map(|source| source.model),
    }
}

/// An agent as native lists show it, with the model that would answer it now; where none would, with the one stated.
pub(crate) fn row(state: &State, status: &AgentStatus) -> AgentRow {
    let stated = status.model.as_deref();
    let model = state
        .models
        .answering(&status.id, stated.unwrap_or_default());
    let model = model.or_else(|| status.model.clone());
    AgentRow {
        id: status.id.to_string(),
        name: Some(status.name.clone()),
        identity: Some(Identity {
            name: Some(status.name.clone()),
            emoji: status.emoji.clone(),
            theme: None,
        }),
        role: status.role.clone(),
        status: state_text(&status.state).to_owned(),
        reason: state_reason(&status.state),
        primary: status.primary,
        workspace: status.workspace.display().to_string(),
        model: model.map(|primary| ModelRef {
            primary,
            fallbacks: Vec::new(),
        }),
        port: status.port,
        sessions: count(status.sessions),
        runs: count(status.running),
        waiting: count(status.waiting),
        last_activity: status
            .last_activity
            .map(openclaw_types::Timestamp::as_millis),
    }
}

/// A decision in the a2a-v1 dialect.
pub(crate) fn decision(decision: &Decision) -> reply::Decision {
    let reasoning = decision.votes.iter().filter_map(|(member, record)| {
        let reason = record.reasoning.clone().or_else(|| no_vote(&record.vote))?;
        Some((member.to_string(), reason))
    });
    reply::Decision {
        proposal_id: decision.proposal.clone(),
        result: decision.result.as_str().to_owned(),
        votes: decision
            .votes
            .iter()
            .map(|(member, record)| (member.to_string(), record.vote.as_str().to_owned()))
            .collect(),
        consensus: decision.consensus,
        quorum: decision.quorum.clone(),
        reasoning: reasoning.collect(),
    }
}

/// Why a member has no vote, if it has none.
pub(crate) fn no_vote(vote: &Vote) -> Option<String> {
    match vote {
        Vote::None { why } => Some(why.to_string()),
        Vote::Approve | Vote::Reject | Vote::Abstain => None,
    }
}

/// The code and words of the a2a-v1 dialect for a message that was not taken.
pub(crate) fn submit_error(error: &openclaw_agents::Error) -> (ErrorCode, String) {
    use openclaw_agents::Error;
    use openclaw_sessions as sessions;
    let code = match error {
        Error::UnknownAgent { .. } => ErrorCode::AgentNotFound,
        Error::Busy { .. } | Error::LanesFull { .. } | Error::ProposalsFull { .. } => {
            ErrorCode::AgentBusy
        }
        Error::Offline { .. } | Error::Stopping => ErrorCode::AgentOffline,
        Error::EmptyMessage | Error::DuplicateRun { .. } | Error::DuplicateProposal { .. } => {
            ErrorCode::InvalidContent
        }
        Error::Storage { source, .. } => match source {
            sessions::Error::UnknownSession { .. } => ErrorCode::SessionNotFound,
            sessions::Error::Locked { .. } | sessions::Error::Busy => ErrorCode::SessionLocked,
            sessions::Error::Changed { .. } => ErrorCode::SessionCorrupt,
            sessions::Error::TooLarge { .. } | sessions::Error::TooDeep { .. } => {
                ErrorCode::InvalidContent
            }
            _ => ErrorCode::AgentError,
        },
        _ => ErrorCode::AgentError,
    };
    (code, chain(error))
}
