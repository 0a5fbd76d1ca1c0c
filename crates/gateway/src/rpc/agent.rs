//! `agent`, `agent.wait`, `agent.identity.get` and `triad.propose`: agents at work.

use std::{sync::Arc, time::Duration};

use openclaw_agents::{Inbound, Outcome, Status};
use openclaw_sessions::{Origin, OriginKind};
use openclaw_types::{Priority, RunId, SessionKey};
use openclaw_wire::{
    ErrorShape,
    methods::{
        agent::{
            AcceptedWord, AgentAccepted, AgentIdentityParams, AgentIdentityResult, AgentMeta,
            AgentParams, AgentResult, AgentWaitParams, AgentWaitResult, Payload, RunMeta,
            RunResult, RunStatus,
        },
        triad::{TriadDecision, TriadProposeParams, TriadVote},
    },
};
use tokio::time::timeout;

use super::{Call, error};
use crate::report;

/// How long `agent.wait` waits unless the caller says.
const WAIT_MS_DEFAULT: u64 = 30_000;
/// How long it waits at most; a caller may ask again.
const WAIT_MS_MAX: u64 = 3_600_000;

/// What a native client says to an agent.
pub(crate) fn inbound(
    call: &Call,
    key: SessionKey,
    text: String,
    run: Option<RunId>,
    priority: Priority,
) -> Inbound {
    let origin = Origin {
        kind: OriginKind::Operator,
        id: Some(call.peer.id.clone()),
        message_id: None,
    };
    Inbound {
        agent: key.agent,
        session: key.session,
        text,
        priority,
        run,
        origin,
    }
}

/// A message becomes a run: answered when it is durable and has its place, and again when it ended.
pub(crate) async fn run(call: Arc<Call>, params: AgentParams) -> Result<AgentResult, ErrorShape> {
    let key = call.session(params.agent_id, params.session_key.as_ref())?;
    let run = params.idempotency_key;
    if !call
        .state
        .bus
        .hear_runs(&call.peer, &key.agent, &key.session)
    {
        return Err(error::too_many_subscriptions());
    }
    let held = call.peer.outbox.hold(&run);
    let inbound = inbound(
        &call,
        key.clone(),
        params.message,
        Some(run.clone()),
        params.priority.unwrap_or_default(),
    );
    let (seq, position) = match call.state.agents.submit(inbound).await {
        Ok(accepted) => (accepted.seq, accepted.position),
        // The same request again: it joins the run that it began the first time.
        Err(openclaw_agents::Error::DuplicateRun { .. }) => {
            same_conversation(&call, &run, &key)?;
            (0, 0)
        }
        Err(e) => return Err(error::agents(&e)),
    };
    call.reply(&AgentAccepted {
        run_id: run.to_string(),
        session_key: key.to_string(),
        agent_id: key.agent.to_string(),
        status: AcceptedWord::Accepted,
        accepted_at: call.state.env.now().as_millis(),
        seq,
        position: report::count(position),
    });
    drop(held);
    let limit = Duration::from_secs(params.timeout.unwrap_or(WAIT_MS_MAX / 1000))
        .min(Duration::from_millis(WAIT_MS_MAX));
    let Some(outcome) = call.state.agents.wait(&run, limit).await else {
        // The caller's time is over, so nobody waits for the rest.
        if params.timeout.is_some() {
            let _stopped = call
                .state
                .agents
                .abort(&key.agent, &key.session, Some(&run));
        }
        return Ok(AgentResult {
            run_id: run.to_string(),
            status: RunStatus::Timeout,
            summary: "timeout".to_owned(),
            result: None,
            error: Some(format!("no answer within {} s", limit.as_secs())),
            hint: None,
        });
    };
    if outcome.agent != key.agent || outcome.session != key.session {
        return Err(ErrorShape::invalid(
            "this idempotencyKey was used in another session",
        ));
    }
    Ok(result(&outcome))
}

/// Whether a key that was used before was used for this conversation.
pub(crate) fn same_conversation(
    call: &Call,
    run: &RunId,
    key: &SessionKey,
) -> Result<(), ErrorShape> {
    match call.state.agents.conversation(run) {
        Some(known) if known != *key => Err(ErrorShape::invalid(format!(
            "idempotencyKey {run} was used for {known} already"
        ))),
        Some(_) | None => Ok(()),
    }
}

const fn status(outcome: &Outcome) -> RunStatus {
    match outcome.status {
        Status::Done => RunStatus::Ok,
        Status::Aborted => RunStatus::Aborted,
        Status::Failed(_) => RunStatus::Error,
    }
}

fn trouble(outcome: &Outcome) -> (Option<String>, Option<String>) {
    let trouble = outcome.trouble().unzip();
    (
        trouble.0.map(str::to_owned),
        trouble.1.flatten().map(str::to_owned),
    )
}

fn result(outcome: &Outcome) -> AgentResult {
    let (error, hint) = trouble(outcome);
    let duration_ms = u64::try_from(outcome.ended.since_ms(outcome.started)).unwrap_or_default();
    let agent_meta = outcome.model.as_deref().map(|reference| {
        let (provider, model) = reference.split_once('/').unwrap_or(("", reference));
        AgentMeta {
            session_id: outcome.session.to_string(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            usage: outcome.usage.map(Into::into),
        }
    });
    let aborted = matches!(outcome.status, Status::Aborted);
    AgentResult {
        run_id: outcome.run.to_string(),
        status: status(outcome),
        summary: if error.is_none() {
            "completed"
        } else {
            outcome.status.as_str()
        }
        .to_owned(),
        result: Some(RunResult {
            payloads: vec![Payload {
                text: outcome.text.to_string(),
                media_url: None,
            }],
            meta: RunMeta {
                duration_ms,
                agent_meta,
                aborted,
                stop_reason: None,
            },
        }),
        error,
        hint,
    }
}

/// Waits for a run to end, or for the timeout.
pub(crate) async fn wait(
    call: Arc<Call>,
    params: AgentWaitParams,
) -> Result<AgentWaitResult, ErrorShape> {
    let limit = Duration::from_millis(
        params
            .timeout_ms
            .unwrap_or(WAIT_MS_DEFAULT)
            .min(WAIT_MS_MAX),
    );
    let mut result = AgentWaitResult {
        run_id: params.run_id.to_string(),
        status: RunStatus::Timeout,
        started_at: None,
        ended_at: None,
        text: None,
        error: None,
        hint: None,
    };
    if let Some(outcome) = call.state.agents.wait(&params.run_id, limit).await {
        let (error, hint) = trouble(&outcome);
        result.status = status(&outcome);
        result.started_at = Some(outcome.started.as_millis());
        result.ended_at = Some(outcome.ended.as_millis());
        result.text = Some(outcome.text.to_string());
        (result.error, result.hint) = (error, hint);
    }
    Ok(result)
}

/// How an agent presents itself.
pub(crate) fn identity(
    call: &Call,
    params: &AgentIdentityParams,
) -> Result<AgentIdentityResult, ErrorShape> {
    let key = call.session(params.agent_id.clone(), params.session_key.as_ref())?;
    let status = call
        .state
        .agents
        .status(&key.agent)
        .map_err(|e| error::agents(&e))?;
    Ok(AgentIdentityResult {
        agent_id: status.id.to_string(),
        avatar: status.name.chars().next().map(|letter| letter.to_string()),
        emoji: status.emoji.filter(|emoji| !emoji.is_empty()),
        name: status.name,
    })
}

/// Puts something to the triad and waits for its decision.
pub(crate) async fn propose(
    call: Arc<Call>,
    params: TriadProposeParams,
) -> Result<TriadDecision, ErrorShape> {
    let state = &call.state;
    let proposal = openclaw_agents::Proposal {
        id: params
            .id
            .unwrap_or_else(|| format!("prop-{}", state.env.fresh_id())),
        from: call.peer.id.clone(),
        text: params.proposal,
        reasoning: params.reasoning,
        deadline_ms: params.deadline_ms,
    };
    let deciding = timeout(
        Duration::from_millis(WAIT_MS_MAX),
        state.agents.propose(proposal),
    );
    let decision = match deciding.await {
        Ok(decision) => decision.map_err(|e| error::agents(&e))?,
        Err(_elapsed) => {
            return Err(ErrorShape::invalid(
                "the deliberation took longer than an hour",
            ));
        }
    };
    let votes = decision.votes.iter().map(|(member, record)| {
        let vote = TriadVote {
            vote: record.vote.as_str().to_owned(),
            reasoning: record.reasoning.clone(),
            confidence: record.confidence,
            why: report::no_vote(&record.vote),
        };
        (member.to_string(), vote)
    });
    Ok(TriadDecision {
        votes: votes.collect(),
        proposal_id: decision.proposal,
        result: decision.result.as_str().to_owned(),
        consensus: decision.consensus,
        quorum: decision.quorum,
    })
}
