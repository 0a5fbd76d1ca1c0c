//! `sessions.commit` and `sessions.verify`: away from the threads that serve sockets, because both read files.

use std::sync::Arc;

use openclaw_sessions::Verification;
use openclaw_types::{AgentId, SessionKey};
use openclaw_wire::{
    ErrorShape,
    methods::sessions::{
        Flawed, KeyParams, SessionsCommitResult, SessionsVerifyParams, SessionsVerifyResult,
        VerifiedSession,
    },
};

use super::search::turn;
use crate::rpc::{Call, blocking, error};

/// Marks what a session holds, if there is anything new.
pub(crate) async fn commit(
    call: Arc<Call>,
    params: KeyParams,
) -> Result<SessionsCommitResult, ErrorShape> {
    let key = call.session(None, Some(&params.key))?;
    blocking(move || {
        let marker = call.state.store.commit(&key.agent, &key.session);
        let marker = marker.map_err(|e| error::store(&e))?;
        Ok(SessionsCommitResult {
            key: key.to_string(),
            committed: marker.is_some(),
            entries: marker.map(|marker| marker.entries),
            through: marker.map(|marker| marker.through),
            sha256: marker.map(|marker| marker.sum()),
        })
    })
    .await
}

/// Reads an agent's files again and checks them against their markers.
pub(crate) async fn verify(
    call: Arc<Call>,
    params: SessionsVerifyParams,
) -> Result<SessionsVerifyResult, ErrorShape> {
    let session = match &params.key {
        Some(key) => Some(
            call.session(Some(params.agent_id.clone()), Some(key))?
                .session,
        ),
        None => None,
    };
    let agent = params.agent_id;
    let turn = turn(&call.state).await?;
    blocking(move || {
        let found = call.state.store.verify(&agent, session.as_ref());
        drop(turn);
        Ok(result(&agent, found.map_err(|e| error::store(&e))?))
    })
    .await
}

fn result(agent: &AgentId, found: Verification) -> SessionsVerifyResult {
    let sessions = found.sessions.into_iter().map(|verified| VerifiedSession {
        key: SessionKey {
            agent: agent.clone(),
            session: verified.session,
        }
        .to_string(),
        entries: verified.entries,
        markers: verified.markers,
        verified_through: verified.verified_through,
        uncommitted: verified.uncommitted,
        problems: (verified.problems.iter())
            .map(|problem| Flawed {
                path: problem.path.display().to_string(),
                offset: problem.offset,
                what: problem.what.to_string(),
            })
            .collect(),
    });
    let damaged = found.damaged.iter().map(|place| Flawed {
        path: place.path.display().to_string(),
        offset: place.offset,
        what: place.fault.to_string(),
    });
    let sessions: Vec<VerifiedSession> = sessions.collect();
    let damaged: Vec<Flawed> = damaged.collect();
    SessionsVerifyResult {
        ok: damaged.is_empty() && sessions.iter().all(|one| one.problems.is_empty()),
        sessions,
        damaged,
    }
}
