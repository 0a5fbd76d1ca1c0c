//! `sessions.commit` and `sessions.verify`: away from the threads that serve sockets, because both read files.

use std::sync::Arc;

use openclaw_wire::{
    ErrorShape,
    methods::sessions::{
        KeyParams, SessionsCommitResult, SessionsVerifyParams, SessionsVerifyResult,
    },
};

use super::search::turn;
use crate::{
    rpc::{Call, blocking, error},
    transcript,
};

/// Marks what a session holds, if there is anything new.
pub(crate) async fn commit(
    call: Arc<Call>,
    params: KeyParams,
) -> Result<SessionsCommitResult, ErrorShape> {
    let key = call.session(None, Some(&params.key))?;
    blocking(move || {
        let marker = call.state.store.commit(&key.agent, &key.session);
        let marker = marker.map_err(|e| error::store(&e))?;
        Ok(transcript::commit_result(&key, marker))
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
        let found = found.map_err(|e| error::store(&e))?;
        Ok(transcript::verify_result(&agent, found))
    })
    .await
}
