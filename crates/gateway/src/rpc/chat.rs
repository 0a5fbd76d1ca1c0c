//! `chat.*`: a conversation as a person has it: send and listen, read back, stop.

use std::{sync::Arc, time::Duration};

use openclaw_types::Priority;
use openclaw_wire::{
    ErrorShape,
    methods::chat::{
        ChatAbortParams, ChatAbortResult, ChatHistoryParams, ChatHistoryResult, ChatSendParams,
        ChatSendResult, ChatSendStatus,
    },
};

use super::{
    Call, agent, blocking, error,
    sessions::{MESSAGES_DEFAULT, MESSAGES_MAX},
};
use crate::{conn::outbox::Hold, transcript};

/// Starts a run; what it says comes as `chat` events. The same key again tells how that run is.
///
/// Its events wait for as long as the hold that comes with the answer is kept.
pub(crate) async fn send(
    call: Arc<Call>,
    params: ChatSendParams,
) -> (Result<ChatSendResult, ErrorShape>, Hold) {
    let held = call.peer.outbox.hold(&params.idempotency_key);
    (start(&call, params).await, held)
}

async fn start(call: &Arc<Call>, params: ChatSendParams) -> Result<ChatSendResult, ErrorShape> {
    let key = call.session(None, Some(&params.session_key))?;
    let run = params.idempotency_key;
    let result = |status| {
        Ok(ChatSendResult {
            run_id: run.to_string(),
            status,
        })
    };
    // Before the run can begin, so that not even its first event is missed.
    if !call
        .state
        .bus
        .hear_runs(&call.peer, &key.agent, &key.session)
    {
        return Err(error::too_many_subscriptions());
    }
    let inbound = agent::inbound(
        call,
        key.clone(),
        params.message,
        Some(run.clone()),
        Priority::Normal,
    );
    match call.state.agents.submit(inbound).await {
        Ok(_accepted) => result(ChatSendStatus::Started),
        Err(openclaw_agents::Error::DuplicateRun { .. }) => {
            agent::same_conversation(call, &run, &key)?;
            let ended = call.state.agents.wait(&run, Duration::ZERO).await;
            result(if ended.is_some() {
                ChatSendStatus::Ok
            } else {
                ChatSendStatus::InFlight
            })
        }
        Err(error) => Err(error::agents(&error)),
    }
}

/// A page of the conversation, from the end.
pub(crate) async fn history(
    call: Arc<Call>,
    params: ChatHistoryParams,
) -> Result<ChatHistoryResult, ErrorShape> {
    let key = call.session(None, Some(&params.session_key))?;
    let limit = usize::try_from(params.limit.unwrap_or(MESSAGES_DEFAULT).min(MESSAGES_MAX))
        .unwrap_or(usize::MAX);
    blocking(move || {
        let state = &call.state;
        let _known = state
            .agents
            .status(&key.agent)
            .map_err(|e| error::agents(&e))?;
        let mut result = ChatHistoryResult {
            session_key: key.to_string(),
            session_id: key.session.to_string(),
            messages: Vec::new(),
            has_more: false,
            thinking_level: None,
        };
        // A session that nobody has written to yet is empty and no error.
        if state.store.summary(&key.agent, &key.session).is_some() {
            let page = state
                .store
                .page(
                    &key.agent,
                    &key.session,
                    params.before_seq,
                    transcript::with_markers(limit),
                )
                .map_err(|e| error::store(&e))?;
            (result.messages, result.has_more) = transcript::messages(&page, limit);
        }
        Ok(result)
    })
    .await
}

/// Stops one run of a session, or all of them.
pub(crate) fn abort(call: &Call, params: &ChatAbortParams) -> Result<ChatAbortResult, ErrorShape> {
    let key = call.session(None, Some(&params.session_key))?;
    let runs = call
        .state
        .agents
        .abort(&key.agent, &key.session, params.run_id.as_ref());
    Ok(ChatAbortResult {
        ok: true,
        aborted: !runs.is_empty(),
        run_ids: runs.iter().map(ToString::to_string).collect(),
    })
}
