//! The one map from component errors to native error codes.

use openclaw_agents as agents;
use openclaw_sessions as sessions;
use openclaw_types::SessionKey;
use openclaw_wire::{ErrorCode, ErrorShape};
use serde_json::json;

use crate::{report::chain, transcript};

/// After how long a full queue is worth another try: one commit round is far shorter.
const BUSY_RETRY_MS: u64 = 250;

/// The session does not exist.
pub(crate) fn no_session(key: &SessionKey) -> ErrorShape {
    let SessionKey { agent, session } = key;
    let message = format!("no session `{session}` of agent `{agent}`");
    let hint = format!(
        "`openclaw session list {agent}` shows all; a session begins with its first message"
    );
    ErrorShape::new(ErrorCode::NotFound, message).with_details(json!({"hint": hint}))
}

/// The connection listens to as much as it may.
pub(crate) fn too_many_subscriptions() -> ErrorShape {
    ErrorShape::new(
        ErrorCode::Unavailable,
        "this connection has too many subscriptions; open another one",
    )
}

/// An error of the store.
pub(crate) fn store(error: &sessions::Error) -> ErrorShape {
    let code = match error {
        sessions::Error::UnknownAgent { .. } | sessions::Error::UnknownSession { .. } => {
            ErrorCode::NotFound
        }
        sessions::Error::TooLarge { .. }
        | sessions::Error::TooDeep { .. }
        | sessions::Error::Query { .. }
        | sessions::Error::Running { .. }
        | sessions::Error::Taken { .. } => ErrorCode::InvalidRequest,
        sessions::Error::Busy
        | sessions::Error::Closed
        | sessions::Error::DiskFull { .. }
        | sessions::Error::Locked { .. }
        | sessions::Error::Changed { .. }
        | sessions::Error::Damaged { .. }
        | sessions::Error::Unreadable { .. }
        | sessions::Error::Disk { .. }
        | sessions::Error::FreshId { .. } => ErrorCode::Unavailable,
    };
    let shape = ErrorShape::new(code, chain(error));
    let shape = match transcript::hint(error) {
        Some(hint) => shape.with_details(json!({"hint": hint})),
        None => shape,
    };
    if error.retryable() {
        shape.with_retry(Some(BUSY_RETRY_MS))
    } else {
        shape
    }
}

/// What may be done about an error of the agents, where that is known.
fn agents_hint(error: &agents::Error) -> Option<String> {
    use agents::Error;
    match error {
        Error::Broken { .. } => Some(agents::WORKSPACE_HINT.to_owned()),
        Error::Prompt { failure, .. } => failure.hint.clone(),
        Error::AgentExists { agent } => Some(format!(
            "choose another id; `openclaw agent status {agent}` shows the one there is"
        )),
        error => agents::full_disk_hint(error).map(str::to_owned),
    }
}

/// An error of the agents.
pub(crate) fn agents(error: &agents::Error) -> ErrorShape {
    let shape = agents_shape(error);
    match agents_hint(error) {
        Some(hint) if shape.details.is_none() => shape.with_details(json!({"hint": hint})),
        _ => shape,
    }
}

fn agents_shape(error: &agents::Error) -> ErrorShape {
    use agents::Error;
    let message = chain(error);
    match error {
        Error::Storage { source, .. } => store(source),
        Error::UnknownAgent { .. } => ErrorShape::new(ErrorCode::NotFound, message),
        Error::Busy { .. }
        | Error::LanesFull { .. }
        | Error::ProposalsFull { .. }
        | Error::StorageDeadline { .. }
        | Error::Offline { .. }
        | Error::Stopping => {
            ErrorShape::new(ErrorCode::Unavailable, message).with_retry(Some(BUSY_RETRY_MS))
        }
        Error::Broken { .. }
        | Error::Prompt { .. }
        | Error::StillRunning { .. }
        | Error::Roster { .. } => ErrorShape::new(ErrorCode::Unavailable, message),
        Error::BrokeOff { .. } | Error::ChangeBrokeOff { .. } | Error::Tools { .. } => {
            ErrorShape::new(ErrorCode::Internal, message)
        }
        Error::AgentExists { .. }
        | Error::DuplicateRun { .. }
        | Error::DuplicateProposal { .. }
        | Error::EmptyMessage
        | Error::Workspace { .. }
        | Error::Settings { .. } => ErrorShape::invalid(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_is_too_large_is_refused_with_what_to_do() {
        let error = sessions::Error::TooLarge {
            bytes: 10,
            bytes_max: 4,
        };
        let shape = store(&error);
        assert_eq!(shape.code, ErrorCode::InvalidRequest);
        let hint = shape.details.unwrap()["hint"].clone();
        assert_eq!(hint, "send it in pieces, or raise `session.entryBytesMax`");
    }
}
