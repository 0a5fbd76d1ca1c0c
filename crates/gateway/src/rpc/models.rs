//! `models.*`: which models there are, which one answers, and whether it does.

mod probe;
mod table;

use std::sync::Arc;

use openclaw_accounts::{BudgetState, Scope};
use openclaw_models::{routing::Deployment, status::LocalState};
use openclaw_wire::{
    ErrorShape,
    methods::{
        Empty,
        models::{
            AgentRoute, Candidate, Cooldown, KeyPresence, LocalModel, ModelChoice,
            ModelsAuthResult, ModelsListResult, ModelsStatusResult, RouteStep,
        },
    },
};

pub(crate) use self::{probe::probe, table::groups};
use super::Call;
use crate::state::State;

/// Every model that can be named.
pub(crate) fn list(call: &Call, _params: &Empty) -> Result<ModelsListResult, ErrorShape> {
    let status = call.state.models.status();
    let models = status.models.into_iter().map(|listed| ModelChoice {
        id: listed.model,
        name: listed.name,
        provider: listed.provider,
        context_window: (listed.context_window > 0).then_some(u64::from(listed.context_window)),
        reasoning: listed.reasoning,
        tags: Vec::new(),
        alias: None,
        available: Some(true),
    });
    let inventory = call.state.models.inventory();
    Ok(ModelsListResult {
        models: models.collect(),
        groups: groups(&call.state.config, &inventory),
        patterns: inventory.patterns.iter().map(ToString::to_string).collect(),
        aliases: inventory.aliases.into_iter().collect(),
    })
}

/// Where answers come from, and why.
pub(crate) fn status(call: &Call, _params: &Empty) -> Result<ModelsStatusResult, ErrorShape> {
    let state = &call.state;
    let budgets = state.accounts.budgets();
    let agents = state.agents.list();
    let agents = agents.iter().map(|agent| route(state, agent, &budgets));
    Ok(ModelsStatusResult {
        agents: agents.collect(),
        ..status_result(state)
    })
}

/// The same for `status`.
pub(crate) fn status_result(state: &State) -> ModelsStatusResult {
    let status = state.models.status();
    let (source, why, model) = match status.source {
        Some(source) => (Some(source.name), Some(source.why), Some(source.model)),
        None if status.is_settled => (None, Some("no model was found".to_owned()), None),
        None => (None, Some("still looking for a model".to_owned()), None),
    };
    ModelsStatusResult {
        source,
        why,
        model,
        candidates: status
            .looked_at
            .into_iter()
            .map(|place| Candidate {
                name: place.name,
                ok: place.is_usable,
                detail: place.detail,
            })
            .collect(),
        cooldowns: status
            .cooldowns
            .into_iter()
            .map(|cooldown| Cooldown {
                model: cooldown.reference,
                until_ms: cooldown.until.as_millis(),
                reason: cooldown.reason.to_owned(),
            })
            .collect(),
        local: Some(local(&status.local)),
        agents: Vec::new(),
    }
}

/// What answers for an agent, and what is asked when it does not.
fn route(
    state: &State,
    agent: &openclaw_agents::AgentStatus,
    budgets: &[BudgetState],
) -> AgentRoute {
    let own = agent.model.as_deref().unwrap_or_default();
    let (reference, is_stated) = match own {
        "" => state.models.reference(&agent.id),
        own => (own.to_owned(), true),
    };
    let scope = Scope::Agent(agent.id.clone());
    let budget = budgets.iter().find(|budget| budget.scope == scope);
    let left = budget.and_then(|budget| {
        let committed = budget.spent.saturating_add(budget.reserved);
        Some(budget.max?.saturating_sub(committed).as_usd())
    });
    AgentRoute {
        agent_id: agent.id.to_string(),
        reference,
        stated: is_stated,
        chain: steps(&state.models.chain(&agent.id, own)),
        left_usd: left,
    }
}

fn steps(chain: &[Arc<Deployment>]) -> Vec<RouteStep> {
    let mut steps: Vec<RouteStep> = Vec::new();
    for deployment in chain {
        let server = &deployment.server;
        let step = RouteStep {
            model: deployment.spot.to_string(),
            key: match (&server.key, &server.key_variable) {
                (Some(_), _) => KeyPresence::Set,
                (None, Some(_)) => KeyPresence::Unset,
                (None, None) => KeyPresence::None,
            },
        };
        // The same model at several addresses is one line for a person.
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    steps
}

/// Where keys come from, and whether they are there.
pub(crate) fn auth(call: &Call, _params: &Empty) -> Result<ModelsAuthResult, ErrorShape> {
    Ok(crate::provider_keys(&call.state.config))
}

fn local(state: &LocalState) -> LocalModel {
    let (detail, progress) = match state {
        LocalState::Absent { why } => (why.clone(), None),
        LocalState::Idle => ("not needed so far".to_owned(), None),
        LocalState::Fetching { bytes, total } => {
            let of = total
                .map(|total| format!(" of {} MB", total / 1_000_000))
                .unwrap_or_default();
            (
                format!("fetching the model file: {} MB{of}", bytes / 1_000_000),
                total.and_then(|total| part(*bytes, total)),
            )
        }
        LocalState::Starting { progress } => {
            ("loading the model".to_owned(), Some(f64::from(*progress)))
        }
        LocalState::Ready {
            context_window,
            load_ms,
        } => (
            format!("{context_window} tokens of context, loaded in {load_ms} ms"),
            None,
        ),
        LocalState::Failed { message, hint } => (
            hint.as_ref()
                .map_or_else(|| message.clone(), |hint| format!("{message}; {hint}")),
            None,
        ),
    };
    LocalModel {
        state: state.as_str().to_owned(),
        detail,
        progress,
    }
}

/// The part of a whole, in thousandths.
fn part(of: u64, whole: u64) -> Option<f64> {
    let thousandths = of.saturating_mul(1000).checked_div(whole)?;
    u32::try_from(thousandths)
        .ok()
        .map(|thousandths| f64::from(thousandths) / 1000.0)
}
