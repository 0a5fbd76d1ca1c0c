//! `models.*`: which models there are, which one answers, and whether it does.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use openclaw_models::{Chunk, Kind, Request, status::LocalState};
use openclaw_types::{AgentId, Message, Role};
use openclaw_wire::{
    ErrorShape,
    methods::{
        Empty,
        models::{
            Candidate, Cooldown, LocalModel, ModelChoice, ModelsListResult, ModelsProbeParams,
            ModelsProbeResult, ModelsStatusResult, ProbeResult, ProbeStatus,
        },
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
    })
}

/// Where answers come from, and why.
pub(crate) fn status(call: &Call, _params: &Empty) -> Result<ModelsStatusResult, ErrorShape> {
    Ok(status_result(&call.state))
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
