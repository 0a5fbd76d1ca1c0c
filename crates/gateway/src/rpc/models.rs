//! `models.*`: which models there are, which one answers, and whether it does.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use openclaw_accounts::{BudgetState, Scope};
use openclaw_models::{
    Chunk, Kind, Request,
    models::{DeploymentState, Inventory},
    status::LocalState,
};
use openclaw_types::{AgentId, Message, Money, Price, Role};
use openclaw_wire::{
    ErrorShape,
    methods::{
        Empty,
        models::{
            AgentRoute, Candidate, Cooldown, LocalModel, ModelChoice, ModelsListResult,
            ModelsProbeParams, ModelsProbeResult, ModelsStatusResult, ProbeResult, ProbeStatus,
        },
        router::{DeploymentRow, GroupRow, PriceRow},
    },
};
use tokio::time::{Instant, timeout};

use super::Call;
use crate::{report::chain, state::State};

/// How long one model may take to answer a probe unless the caller says.
const PROBE_MS_DEFAULT: u64 = 15_000;
/// And at most.
const PROBE_MS_MAX: u64 = 300_000;
/// Tokens a probe's answer may have: it only has to begin.
const PROBE_TOKENS_MAX: u32 = 8;

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
    Ok(ModelsListResult {
        models: models.collect(),
        groups: groups(&call.state.models.inventory()),
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
        answering: state.models.answering(&agent.id, own),
        chain: state.models.chain(&agent.id, own),
        left_usd: left,
    }
}

/// The routing table, with how each of its deployments is.
pub(crate) fn groups(inventory: &Inventory) -> Vec<GroupRow> {
    let groups = inventory.groups.iter();
    groups
        .map(|group| GroupRow {
            name: group.name.to_string(),
            source: if group.is_named {
                "configuration".to_owned()
            } else {
                "provider".to_owned()
            },
            fallbacks: group.fallbacks.clone(),
            deployments: group.deployments.iter().map(deployment).collect(),
        })
        .collect()
}

fn deployment(state: &DeploymentState) -> DeploymentRow {
    let deployment = &state.deployment;
    let known = |tokens: u32| (tokens > 0).then_some(tokens);
    DeploymentRow {
        id: deployment.id.to_string(),
        provider: deployment.provider().to_string(),
        model: deployment.model.to_string(),
        usable: state.is_usable,
        cooling_until_ms: state.resting.map(|(until, _)| until.as_millis()),
        reason: state.resting.map(|(_, kind)| kind.as_str().to_owned()),
        in_flight: state.in_flight,
        requests_this_minute: state.requests,
        tokens_this_minute: state.tokens,
        rpm: deployment.rpm,
        tpm: deployment.tpm,
        first_byte_ms: state.first_byte.map(|took| took.as_secs_f64() * 1_000.0),
        price: deployment.price.map(price),
        context_window: known(deployment.context_window),
        max_output: known(deployment.max_output),
        reasoning: deployment.reasoning,
    }
}

fn price(price: Price) -> PriceRow {
    // Picodollars for a token are millionths of dollars for a million tokens.
    let usd = |pico: u64| Money(pico.saturating_mul(1_000_000)).as_usd();
    PriceRow {
        input: usd(price.input),
        output: usd(price.output),
        cache_read: price.cache_read.map(usd),
        cache_write: price.cache_write.map(usd),
    }
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

/// Asks the model of every agent's reference, or a named one, for a word.
pub(crate) async fn probe(
    call: Arc<Call>,
    params: ModelsProbeParams,
) -> Result<ModelsProbeResult, ErrorShape> {
    let state = &call.state;
    let deadline = Duration::from_millis(
        params
            .timeout_ms
            .unwrap_or(PROBE_MS_DEFAULT)
            .min(PROBE_MS_MAX),
    );
    let agent = state
        .primary()
        .ok_or_else(|| ErrorShape::invalid("no agent is configured"))?;
    let references: Vec<String> = match (&params.provider, &params.model) {
        (_, Some(model)) => vec![model.clone()],
        (provider, None) => state
            .models
            .status()
            .models
            .into_iter()
            .filter(|listed| {
                provider
                    .as_ref()
                    .is_none_or(|provider| *provider == listed.provider)
            })
            .map(|listed| format!("{}/{}", listed.provider, listed.model))
            .collect(),
    };
    let asked = references
        .iter()
        .map(|reference| ask(state, &agent, reference, deadline));
    let results = futures_util::future::join_all(asked).await;
    let status = match results
        .iter()
        .find(|result| result.status != ProbeStatus::Ok)
    {
        Some(bad) => bad.status,
        None if results.is_empty() => ProbeStatus::NoModel,
        None => ProbeStatus::Ok,
    };
    Ok(ModelsProbeResult {
        provider: params.provider.unwrap_or_else(|| "all".to_owned()),
        status,
        results,
    })
}

async fn ask(state: &State, agent: &AgentId, reference: &str, deadline: Duration) -> ProbeResult {
    let request = Request {
        model: reference.to_owned(),
        messages: vec![Message::text(Role::User, "Say hi.")],
        tools: Vec::new(),
        max_output_tokens: Some(PROBE_TOKENS_MAX),
        temperature: None,
        conversation: None,
        schema: None,
    };
    let started = Instant::now();
    let answering = async {
        let mut chunks = state.models.stream(agent, request);
        while let Some(chunk) = chunks.next().await {
            if matches!(chunk?, Chunk::Stop(_)) {
                break;
            }
        }
        Ok::<(), openclaw_models::Error>(())
    };
    let ended = timeout(deadline, answering).await;
    let latency_ms = u64::try_from(started.elapsed().as_millis()).ok();
    let (status, error, hint) = match ended {
        Ok(Ok(())) => (ProbeStatus::Ok, None, None),
        Ok(Err(error)) => (verdict(&error.kind()), Some(chain(&error)), error.hint()),
        Err(_elapsed) => (
            ProbeStatus::Timeout,
            Some(format!("no answer within {} ms", deadline.as_millis())),
            None,
        ),
    };
    ProbeResult {
        label: reference.to_owned(),
        status,
        latency_ms,
        error,
        hint,
        details: None,
    }
}

const fn verdict(kind: &Kind) -> ProbeStatus {
    match kind {
        Kind::Auth => ProbeStatus::Auth,
        Kind::RateLimited { .. } | Kind::Overloaded => ProbeStatus::RateLimit,
        Kind::Timeout(_) => ProbeStatus::Timeout,
        Kind::Malformed => ProbeStatus::Format,
        Kind::NotFound | Kind::NoModel => ProbeStatus::NoModel,
        _ => ProbeStatus::Unknown,
    }
}
