//! `agents.*`: who there is, and how they are set up.

use std::sync::Arc;

use openclaw_wire::{
    ErrorShape,
    methods::{
        ContentPart, Empty,
        agents::{
            AgentParams, AgentRow, AgentsConfigGetParams, AgentsConfigGetResult,
            AgentsConfigSetParams, AgentsConfigSetResult, AgentsCreateParams, AgentsCreateResult,
            AgentsDeleteParams, AgentsDeleteResult, AgentsListResult, AgentsPromptParams,
            AgentsPromptResult, AgentsRestartResult, PromptMessage, PromptPart,
        },
    },
};

use super::{Call, MAIN_SESSION, error};
use crate::report;

/// Everyone, in roster order.
pub(crate) fn list(call: &Call, _params: &Empty) -> Result<AgentsListResult, ErrorShape> {
    Ok(AgentsListResult {
        default_id: call
            .state
            .primary()
            .map(|id| id.to_string())
            .unwrap_or_default(),
        main_key: MAIN_SESSION.to_owned(),
        scope: "per-sender".to_owned(),
        agents: call
            .state
            .agents
            .list()
            .iter()
            .map(|status| report::row(&call.state, status))
            .collect(),
    })
}

/// One agent.
pub(crate) fn status(call: &Call, params: &AgentParams) -> Result<AgentRow, ErrorShape> {
    call.state
        .agents
        .status(&params.agent_id)
        .map(|status| report::row(&call.state, &status))
        .map_err(|e| error::agents(&e))
}

/// Makes another agent.
pub(crate) async fn create(
    call: Arc<Call>,
    params: AgentsCreateParams,
) -> Result<AgentsCreateResult, ErrorShape> {
    let id = match params.id {
        Some(id) => id,
        None => openclaw_types::AgentId::parse(&params.name.to_ascii_lowercase().replace(' ', "-"))
            .map_err(|e| ErrorShape::invalid(e.to_string()))?,
    };
    let new = openclaw_agents::NewAgent {
        id: id.clone(),
        name: Some(params.name),
        role: params.role,
        model: params.model,
        emoji: params.emoji,
        purpose: params.brief,
    };
    let status = call
        .state
        .agents
        .create(new)
        .await
        .map_err(|e| error::agents(&e))?;
    Ok(AgentsCreateResult {
        ok: true,
        agent_id: id.to_string(),
        name: status.name,
        workspace: status.workspace.display().to_string(),
        model: status.model,
    })
}

/// Takes an agent out; its workspace goes to the trash.
pub(crate) async fn delete(
    call: Arc<Call>,
    params: AgentsDeleteParams,
) -> Result<AgentsDeleteResult, ErrorShape> {
    let _trash = call
        .state
        .agents
        .delete(&params.agent_id)
        .await
        .map_err(|e| error::agents(&e))?;
    Ok(AgentsDeleteResult {
        ok: true,
        agent_id: params.agent_id.to_string(),
        files_removed: false,
    })
}

/// Ends an agent's runs and loads its workspace again.
pub(crate) async fn restart(
    call: Arc<Call>,
    params: AgentParams,
) -> Result<AgentsRestartResult, ErrorShape> {
    let status = call
        .state
        .agents
        .restart(&params.agent_id)
        .await
        .map_err(|e| error::agents(&e))?;
    let reason = report::state_reason(&status.state);
    Ok(AgentsRestartResult {
        ok: reason.is_none(),
        agent_id: params.agent_id.to_string(),
        status: report::state_text(&status.state).to_owned(),
        reason,
    })
}

/// One value of an agent's own configuration, or all of it.
pub(crate) async fn config_get(
    call: Arc<Call>,
    params: AgentsConfigGetParams,
) -> Result<AgentsConfigGetResult, ErrorShape> {
    let agents = &call.state.agents;
    let value = agents
        .config_get(&params.agent_id, params.key.as_deref())
        .await
        .map_err(|e| error::agents(&e))?;
    Ok(AgentsConfigGetResult {
        agent_id: params.agent_id.to_string(),
        key: params.key,
        value,
    })
}

/// Changes one value of an agent's own configuration.
pub(crate) async fn config_set(
    call: Arc<Call>,
    params: AgentsConfigSetParams,
) -> Result<AgentsConfigSetResult, ErrorShape> {
    let agents = &call.state.agents;
    let value = agents
        .config_set(&params.agent_id, &params.key, params.value)
        .await
        .map_err(|e| error::agents(&e))?;
    Ok(AgentsConfigSetResult {
        ok: true,
        agent_id: params.agent_id.to_string(),
        key: params.key,
        value,
        restart_needed: false,
    })
}

/// Exactly what the model would be sent.
pub(crate) async fn prompt(
    call: Arc<Call>,
    params: AgentsPromptParams,
) -> Result<AgentsPromptResult, ErrorShape> {
    let key = call.session(Some(params.agent_id.clone()), params.session_key.as_ref())?;
    let message = params.message.as_deref().unwrap_or_default();
    let view = call
        .state
        .agents
        .prompt(&key.agent, &key.session, message)
        .await
        .map_err(|e| error::agents(&e))?;
    let messages = view.messages.iter().map(|message| PromptMessage {
        role: message.role.as_str().to_owned(),
        content: message.parts.iter().map(ContentPart::from).collect(),
    });
    let parts = view.parts.iter().map(|(name, bytes, tokens)| PromptPart {
        name: name.clone(),
        bytes: report::count(*bytes),
        tokens: report::count(*tokens),
    });
    Ok(AgentsPromptResult {
        agent_id: key.agent.to_string(),
        messages: messages.collect(),
        parts: parts.collect(),
        model: view.model,
        tokens: view.tokens,
        exact: view.exact,
    })
}
