//! `sessions.archive`, `sessions.delete`, and `sessions.compact`: the calls that rewrite history, or hide it.

use std::sync::Arc;

use openclaw_sessions::{Error, Which};
use openclaw_types::{SessionKey, Timestamp};
use openclaw_wire::{
    ErrorShape,
    age::age_ms,
    methods::sessions::{
        SessionsArchiveParams, SessionsArchiveResult, SessionsCompactParams, SessionsCompactResult,
        SessionsDeleteParams, SessionsDeleteResult,
    },
};

use super::search::turn;
use crate::{
    rpc::{Call, blocking, error},
    transcript,
};

/// Archives one session, or all that have been idle for long.
pub(crate) async fn archive(
    call: Arc<Call>,
    params: SessionsArchiveParams,
) -> Result<SessionsArchiveResult, ErrorShape> {
    let agent = params.agent_id;
    let which = match (params.key, params.older_than_ms, params.older_than) {
        (Some(key), None, None) => {
            let key = call.session(Some(agent.clone()), Some(&key))?;
            if key.agent != agent {
                return Err(ErrorShape::invalid(
                    "invalid sessions.archive params: `key` names a session of another agent",
                ));
            }
            Which::Session(key.session)
        }
        (None, Some(ms), None) => idle(&call, ms),
        (None, None, Some(age)) => {
            let ms = age_ms(&age).ok_or_else(|| {
                ErrorShape::invalid(
                    "invalid sessions.archive params: `olderThan` is a number and one of s, m, h, d, w: 7d",
                )
            })?;
            idle(&call, ms)
        }
        _ => {
            return Err(ErrorShape::invalid(
                "invalid sessions.archive params: exactly one of `key`, `olderThanMs`, and `olderThan` is needed",
            ));
        }
    };
    let turn = turn(&call.state).await?;
    blocking(move || {
        let archived = call.state.store.archive(&agent, &which);
        drop(turn);
        let archived = archived.map_err(|e| error::store(&e))?;
        Ok(transcript::archive_result(&agent, archived))
    })
    .await
}

/// All sessions that have been idle for so long.
fn idle(call: &Call, ms: u64) -> Which {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    let now = call.state.env.now().as_millis();
    Which::OlderThan(Timestamp(now.saturating_sub(ms)))
}

/// Hides a session behind a tombstone, or removes every byte of it.
pub(crate) async fn delete(
    call: Arc<Call>,
    params: SessionsDeleteParams,
) -> Result<SessionsDeleteResult, ErrorShape> {
    let key = call.session(None, Some(&params.key))?;
    let known = call.state.agents.status(&key.agent);
    let _known = known.map_err(|e| error::agents(&e))?;
    if !params.purge {
        let deleted = call.state.store.delete(&key.agent, &key.session).await;
        deleted.map_err(|e| refused(&e, &key))?;
        call.state.imports.ended(&key);
        return Ok(transcript::delete_result(&key, false));
    }
    let turn = turn(&call.state).await?;
    blocking(move || {
        let session = std::slice::from_ref(&key.session);
        let purged = call.state.store.purge(&key.agent, session);
        drop(turn);
        purged.map_err(|e| refused(&e, &key))?;
        call.state.imports.ended(&key);
        Ok(transcript::delete_result(&key, true))
    })
    .await
}

/// A session that is not there is named as it was asked for.
fn refused(error: &Error, key: &SessionKey) -> ErrorShape {
    match error {
        Error::UnknownSession { .. } => error::no_session(key),
        other => error::store(other),
    }
}

/// Removes what deletions have hidden.
pub(crate) async fn compact(
    call: Arc<Call>,
    params: SessionsCompactParams,
) -> Result<SessionsCompactResult, ErrorShape> {
    let agent = params.agent_id;
    let turn = turn(&call.state).await?;
    blocking(move || {
        let done = call.state.store.compact(&agent);
        drop(turn);
        let done = done.map_err(|e| error::store(&e))?;
        Ok(transcript::compact_result(&agent, &done))
    })
    .await
}
