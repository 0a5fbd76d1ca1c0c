//! `sessions.*`: conversations as a list, one by one, and live.

pub(crate) mod keep;
pub(crate) mod rewrite;
pub(crate) mod search;
pub(crate) mod transfer;

use std::sync::Arc;

use openclaw_types::SessionKey;
use openclaw_wire::{
    ErrorShape,
    methods::{
        Empty, SessionRow,
        sessions::{
            Defaults, KeyParams, SessionsCreateParams, SessionsCreateResult, SessionsGetParams,
            SessionsGetResult, SessionsListParams, SessionsListResult, Subscribed, SubscribedTo,
        },
    },
};

use super::{Call, blocking, error};
use crate::transcript;

/// Sessions in one answer unless the caller asks otherwise.
const LIST_DEFAULT: u32 = 100;
/// Sessions in one answer at most.
const LIST_MAX: u32 = 1000;
/// Messages in one answer unless the caller asks otherwise.
pub(crate) const MESSAGES_DEFAULT: u32 = 200;
/// Messages in one answer at most.
pub(crate) const MESSAGES_MAX: u32 = 1000;

/// Newest first, a page at a time.
pub(crate) fn list(
    call: &Call,
    params: &SessionsListParams,
) -> Result<SessionsListResult, ErrorShape> {
    let state = &call.state;
    let agent = params.agent_id.as_ref();
    let mut all = if params.archived {
        state.store.list_archived(agent)
    } else {
        state.store.list(agent)
    };
    all.sort_by_key(|summary| std::cmp::Reverse(summary.last_activity));
    if let Some(wanted) = &params.search {
        all.retain(|summary| {
            transcript::key(&summary.agent, &summary.session).contains(wanted.as_str())
                || summary.preview.contains(wanted.as_str())
        });
    }
    let total = all.len();
    let offset = usize::try_from(params.offset.unwrap_or_default()).unwrap_or(usize::MAX);
    let limit =
        usize::try_from(params.limit.unwrap_or(LIST_DEFAULT).min(LIST_MAX)).unwrap_or(usize::MAX);
    let sessions: Vec<SessionRow> = all
        .iter()
        .skip(offset)
        .take(limit)
        .map(transcript::row)
        .collect();
    let next = offset.saturating_add(sessions.len());
    let has_more = next < total;
    Ok(SessionsListResult {
        ts: state.env.now().as_millis(),
        path: state.config.paths.agents().display().to_string(),
        count: u64::try_from(sessions.len()).unwrap_or_default(),
        total_count: u64::try_from(total).unwrap_or_default(),
        has_more,
        next_offset: if has_more {
            u32::try_from(next).ok()
        } else {
            None
        },
        defaults: Defaults::default(),
        sessions,
    })
}

/// One session with a page of its messages, from the end.
pub(crate) async fn get(
    call: Arc<Call>,
    params: SessionsGetParams,
) -> Result<SessionsGetResult, ErrorShape> {
    let key = call.session(None, Some(&params.key))?;
    let limit = params.limit.unwrap_or(MESSAGES_DEFAULT).min(MESSAGES_MAX);
    let known = call.state.agents.status(&key.agent);
    let _known = known.map_err(|e| error::agents(&e))?;
    blocking(move || {
        let state = &call.state;
        let summary = state
            .store
            .summary(&key.agent, &key.session)
            .ok_or_else(|| error::no_session(&key))?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let page = state
            .store
            .page(
                &key.agent,
                &key.session,
                params.before_seq,
                transcript::with_markers(limit),
            )
            .map_err(|e| error::store(&e))?;
        let (messages, has_more) = transcript::messages(&page, limit);
        Ok(SessionsGetResult {
            session: transcript::row(&summary),
            messages,
            has_more,
        })
    })
    .await
}

/// A fresh id, or a chosen one; the file knows it with its first message.
pub(crate) fn create(
    call: &Call,
    params: &SessionsCreateParams,
) -> Result<SessionsCreateResult, ErrorShape> {
    let chosen = params.key.is_some();
    let key = call.session(params.agent_id.clone(), params.key.as_ref())?;
    let _known = call
        .state
        .agents
        .status(&key.agent)
        .map_err(|e| error::agents(&e))?;
    let session = chosen.then_some(key.session);
    let session = call
        .state
        .store
        .create(&key.agent, session)
        .map_err(|e| error::store(&e))?;
    Ok(SessionsCreateResult {
        ok: true,
        agent_id: key.agent.to_string(),
        session_id: session.to_string(),
        key: SessionKey {
            agent: key.agent,
            session,
        }
        .to_string(),
    })
}

/// `sessions.changed` and runs of every session from now on.
pub(crate) fn subscribe(call: &Call, _params: &Empty) -> Result<Subscribed, ErrorShape> {
    let room = call.state.bus.hear_sessions(&call.peer, true);
    if room {
        Ok(Subscribed { subscribed: true })
    } else {
        Err(error::too_many_subscriptions())
    }
}

/// No longer.
pub(crate) fn unsubscribe(call: &Call, _params: &Empty) -> Result<Subscribed, ErrorShape> {
    let gone = call.state.bus.hear_sessions(&call.peer, false);
    Ok(Subscribed { subscribed: !gone })
}

/// `session.message` of one session from now on.
pub(crate) fn messages_subscribe(
    call: &Call,
    params: &KeyParams,
) -> Result<SubscribedTo, ErrorShape> {
    messages(call, params, true)
}

/// No longer.
pub(crate) fn messages_unsubscribe(
    call: &Call,
    params: &KeyParams,
) -> Result<SubscribedTo, ErrorShape> {
    messages(call, params, false)
}

fn messages(call: &Call, params: &KeyParams, on: bool) -> Result<SubscribedTo, ErrorShape> {
    let key = call.session(None, Some(&params.key))?;
    if !call
        .state
        .bus
        .hear_messages(&call.peer, (&key.agent, &key.session), on)
    {
        return Err(error::too_many_subscriptions());
    }
    Ok(SubscribedTo {
        subscribed: on,
        key: key.to_string(),
    })
}
