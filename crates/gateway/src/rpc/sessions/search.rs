//! `sessions.search`: a few at a time, each with a deadline, none on the threads that serve sockets.

use std::{sync::Arc, time::Duration};

use openclaw_sessions::{Case, Query};
use openclaw_types::{SessionKey, Timestamp};
use openclaw_wire::{
    ErrorCode, ErrorShape,
    methods::sessions::{SessionsSearchParams, SessionsSearchResult},
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    rpc::{Call, blocking, error},
    state::State,
    transcript,
};

/// Searches at the same time; each uses several threads.
pub(crate) const SEARCHES_MAX: usize = 2;
/// How long a search waits for its turn.
const TURN_DEADLINE: Duration = Duration::from_secs(10);
/// How long a search may take; a gigabyte takes less than one second from memory, some from a disk.
const SEARCH_DEADLINE: Duration = Duration::from_secs(15);
/// Hits unless the caller asks otherwise.
const HITS_DEFAULT: u32 = 50;
/// After how long a search is worth another try when others take all turns.
const RETRY_MS: u64 = 2_000;

/// Searches the transcripts. It ends with its deadline, with the gateway, and with the caller's connection.
pub(crate) async fn search(
    call: Arc<Call>,
    params: SessionsSearchParams,
) -> Result<SessionsSearchResult, ErrorShape> {
    let query = query(&call, params)?;
    let turn = turn(&call.state).await?;
    let state = Arc::clone(&call.state);
    let gone = CancellationToken::new();
    let ended = gone.clone();
    let _on_drop = gone.drop_guard();
    let deadline = Instant::now() + SEARCH_DEADLINE;
    let found = blocking(move || {
        let stop =
            || ended.is_cancelled() || state.stopping.is_cancelled() || Instant::now() > deadline;
        let found = state.store.search(&query, &stop);
        drop(turn);
        found.map_err(|e| error::store(&e))
    });
    Ok(transcript::search_result(found.await?))
}

/// Waits for a turn of those that read everything.
pub(super) async fn turn(state: &State) -> Result<OwnedSemaphorePermit, ErrorShape> {
    let turns = Arc::clone(&state.searches);
    match timeout(TURN_DEADLINE, turns.acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => {
            let busy = ErrorShape::new(ErrorCode::Unavailable, "other searches take all turns");
            Err(busy.with_retry(Some(RETRY_MS)))
        }
    }
}

fn query(call: &Call, params: SessionsSearchParams) -> Result<Query, ErrorShape> {
    let key = match &params.key {
        Some(key) => Some(call.session(params.agent_id.clone(), Some(key))?),
        None => None,
    };
    let case = match params.case.as_deref() {
        None | Some("smart") => Case::Smart,
        Some("sensitive") => Case::Sensitive,
        Some("insensitive") => Case::Insensitive,
        Some(_) => {
            return Err(ErrorShape::invalid(
                "invalid sessions.search params: `case` is smart, sensitive, or insensitive",
            ));
        }
    };
    let (agent, session) = match key {
        Some(SessionKey { agent, session }) => (Some(agent), Some(session)),
        None => (params.agent_id, None),
    };
    Ok(Query {
        agent,
        session,
        text: params.query,
        case,
        limit: usize::try_from(params.limit.unwrap_or(HITS_DEFAULT)).unwrap_or(usize::MAX),
        before: params.before.map(Timestamp),
        after: params.after.map(Timestamp),
    })
}
