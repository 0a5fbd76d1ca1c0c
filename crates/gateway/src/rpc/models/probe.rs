//! `models.probe`: one short question to a model, or to several.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use openclaw_accounts::Denied;
use openclaw_models::{Chunk, Error, Kind, Request};
use openclaw_types::{AgentId, Message, Role};
use openclaw_wire::{
    ErrorShape,
    methods::models::{ModelsProbeParams, ModelsProbeResult, ProbeResult, ProbeStatus},
};
use tokio::time::{Instant, timeout};

use crate::{report::chain, rpc::Call, state::State};

/// How long one model may take to answer a probe unless the caller says.
const PROBE_MS_DEFAULT: u64 = 15_000;
/// And at most.
const PROBE_MS_MAX: u64 = 300_000;
/// Tokens a probe's answer may have: it only has to begin.
const PROBE_TOKENS_MAX: u32 = 8;
/// What is read of the answer; more says no more about whether it works.
const PROBE_ANSWER_BYTES_MAX: usize = 1_024;
/// What is shown of it.
const PROBE_ANSWER_CHARS_MAX: usize = 60;

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
        run: None,
        schema: None,
    };
    let started = Instant::now();
    let answering = async {
        let mut chunks = state.models.stream(agent, request);
        let mut answer = String::new();
        while let Some(chunk) = chunks.next().await {
            match chunk? {
                Chunk::Text(text) if answer.len() < PROBE_ANSWER_BYTES_MAX => {
                    answer.push_str(&text);
                }
                Chunk::Stop(_) => break,
                _ => {}
            }
        }
        Ok::<String, openclaw_models::Error>(answer)
    };
    let ended = timeout(deadline, answering).await;
    let latency_ms = u64::try_from(started.elapsed().as_millis()).ok();
    let mut answer = None;
    let (status, error, hint) = match ended {
        Ok(Ok(said)) => {
            answer = Some(said.chars().take(PROBE_ANSWER_CHARS_MAX).collect());
            (ProbeStatus::Ok, None, None)
        }
        Ok(Err(error)) => (verdict(&error), Some(chain(&error)), error.hint()),
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
        answer,
        error,
        hint,
        details: None,
    }
}

fn verdict(error: &Error) -> ProbeStatus {
    let no_budget = matches!(
        error,
        Error::Denied {
            source: Denied::BudgetExceeded(_)
                | Denied::Unpriced { .. }
                | Denied::LedgerUnavailable { .. }
        }
    );
    if no_budget {
        return ProbeStatus::Billing;
    }
    match error.kind() {
        Kind::Auth => ProbeStatus::Auth,
        Kind::RateLimited { .. } | Kind::Overloaded => ProbeStatus::RateLimit,
        Kind::Timeout(_) => ProbeStatus::Timeout,
        Kind::Malformed => ProbeStatus::Format,
        Kind::NotFound | Kind::NoModel => ProbeStatus::NoModel,
        _ => ProbeStatus::Unknown,
    }
}
