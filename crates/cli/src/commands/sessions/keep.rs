//! `openclaw session commit|verify`: a mark in the file, and whether the file still is what was marked.

use openclaw_config::Config;
use openclaw_gateway::transcript;
use openclaw_sessions::Verification;
use openclaw_types::{AgentId, SessionId, SessionKey};
use openclaw_wire::{
    SessionRef,
    methods::sessions::{
        KeyParams, SessionsCommit, SessionsCommitResult, SessionsVerify, SessionsVerifyParams,
        SessionsVerifyResult,
    },
};

use super::{
    key, missing,
    offline::{has_transcript, with_store},
    snapshot,
};
use crate::{
    commands::agents::{agent_id, resting_one, session_of},
    error::{self, Failure},
    link::{call, is_running},
    output::{Output, table},
    place::Place,
};

/// Marks what a session holds.
pub(super) fn commit(place: &Place, output: Output, names: (&str, &str)) -> Result<(), Failure> {
    let key = key(names)?;
    let config = place.config()?;
    let result = if is_running(&config.paths) {
        let params = KeyParams {
            key: SessionRef::from(key),
        };
        call::<SessionsCommit>(&config, &params)?
    } else {
        if !has_transcript(&config, &key.agent)? {
            return Err(missing(&key));
        }
        offline_commit(&config, &key)?
    };
    output.either(&result, || match (result.through, &result.sha256) {
        (Some(through), Some(sha256)) => {
            format!(
                "committed {} through {through}: sha256 {sha256}",
                result.key
            )
        }
        _ => format!("{} is committed already", result.key),
    })
}

fn offline_commit(config: &Config, key: &SessionKey) -> Result<SessionsCommitResult, Failure> {
    with_store(config, &key.agent, async |store| {
        let marker = store.commit(&key.agent, &key.session).map_err(|error| {
            let failure = Failure::from_error(&error);
            match error {
                openclaw_sessions::Error::UnknownSession { .. } => failure.code(error::NOT_FOUND),
                _ => failure,
            }
        })?;
        Ok(transcript::commit_result(key, marker))
    })
}

/// Reads an agent's files again and checks them against their markers.
pub(super) fn verify(
    place: &Place,
    output: Output,
    (agent, session): (&str, Option<&str>),
) -> Result<(), Failure> {
    let agent = agent_id(agent)?;
    let config = place.config()?;
    let session = match session {
        Some(session) => Some(session_of(&agent, session)?.resolve(&agent)),
        None => None,
    };
    let result = if is_running(&config.paths) {
        let params = SessionsVerifyParams {
            agent_id: agent,
            key: session.map(SessionRef::from),
        };
        call::<SessionsVerify>(&config, &params)?
    } else {
        let _agent = resting_one(&config, &agent)?;
        offline_verify(&config, &agent, session.map(|key| key.session).as_ref())?
    };
    output.either(&result, || text(&result))?;
    if result.ok {
        return Ok(());
    }
    let failure = Failure::new("the files are not what was written")
        .hint("what is wrong is left where it is and passed over; the rest is whole");
    Err(if output.json { failure.told() } else { failure })
}

fn offline_verify(
    config: &Config,
    agent: &AgentId,
    session: Option<&SessionId>,
) -> Result<SessionsVerifyResult, Failure> {
    let snapshot = snapshot(config)?;
    if session.is_none() && !snapshot.agents().any(|found| found == agent) {
        return Ok(transcript::verify_result(agent, Verification::default()));
    }
    let found = snapshot.verify(agent, session).map_err(|error| {
        let failure = Failure::from_error(&error);
        match error {
            openclaw_sessions::Error::UnknownSession { .. }
            | openclaw_sessions::Error::UnknownAgent { .. } => failure.code(error::NOT_FOUND),
            _ => failure,
        }
    })?;
    Ok(transcript::verify_result(agent, found))
}

fn text(result: &SessionsVerifyResult) -> String {
    let rows: Vec<Vec<String>> = result
        .sessions
        .iter()
        .map(|one| {
            vec![
                one.key.clone(),
                one.entries.to_string(),
                one.markers.to_string(),
                one.verified_through
                    .map_or_else(|| "-".to_owned(), |seq| seq.to_string()),
                one.uncommitted.to_string(),
                if one.problems.is_empty() {
                    "ok"
                } else {
                    "WRONG"
                }
                .to_owned(),
            ]
        })
        .collect();
    let head = [
        "Session",
        "Entries",
        "Markers",
        "Verified through",
        "Uncommitted",
        "State",
    ];
    let mut text = table(&head, &rows);
    let problems = result.sessions.iter().flat_map(|one| &one.problems);
    for flaw in problems.chain(&result.damaged) {
        text.push_str(&format!("\n{}:{}: {}", flaw.path, flaw.offset, flaw.what));
    }
    text
}
