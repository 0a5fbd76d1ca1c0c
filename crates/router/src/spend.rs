//! What was spent, over HTTP, as LiteLLM's clients ask for it.

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use openclaw_accounts::{Caller, Dimension, LogEntry, Query, Row, TeamId, Which};
use openclaw_models::dialect::Front;
use openclaw_types::{Money, Timestamp, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    address::InQuery,
    auth::{self, Asker},
    body,
    error::Refusal,
    limits::LOGS_LISTED,
    state::Router,
};

/// Which calls are meant.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Filter {
    start_date: Option<String>,
    end_date: Option<String>,
    api_key: Option<String>,
    team_id: Option<String>,
    request_id: Option<String>,
    limit: Option<usize>,
}

impl Filter {
    /// The same for the accounts. A key sees what it spent itself.
    fn query(&self, router: &Router, caller: &Caller) -> Result<Query, Refusal> {
        let date = |name: &str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => parse_date(text).map(Some).ok_or_else(|| Refusal::Wrong {
                message: format!("`{name}` must be a date as in 2026-01-31"),
                param: name.to_owned(),
            }),
        };
        let key = match (caller, &self.api_key) {
            (Caller::Key(own), _) => Some(own.clone()),
            (_, Some(named)) => {
                let state = router.inner.accounts.info(&Which::Named(named))?;
                Some(state.record.id)
            }
            (_, None) => None,
        };
        Ok(Query {
            since: date("start_date", &self.start_date)?,
            until: date("end_date", &self.end_date)?,
            key,
            team: self.team_id.as_deref().map(TeamId::new),
            ..Query::default()
        })
    }
}

/// A day, or a moment.
fn parse_date(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{}T00:00:00Z", text.trim())))
}

/// Single calls, the last one first.
pub(crate) async fn logs(
    State(router): State<Router>,
    InQuery(filter): InQuery<Filter>,
    asker: Asker,
) -> Result<Response, Refusal> {
    let caller = auth::caller(&router.inner.accounts, &asker)?;
    let query = filter.query(&router, &caller)?;
    let accounts = router.inner.accounts.clone();
    let limit = filter.limit.unwrap_or(LOGS_LISTED);
    // Reads files.
    let found = tokio::task::spawn_blocking(move || accounts.logs(&query, limit)).await;
    let found = found.map_err(|error| Refusal::Broken {
        message: format!("the ledger could not be read: {error}"),
    })??;
    let wanted = filter.request_id.as_deref();
    let is_wanted =
        |entry: &&LogEntry| wanted.is_none_or(|id| entry.request_id.as_deref() == Some(id));
    let told: Vec<Value> = found.iter().filter(is_wanted).map(log).collect();
    Ok(Json(told).into_response())
}

fn log(entry: &LogEntry) -> Value {
    let usage = entry.usage.unwrap_or_default();
    let began = entry
        .at
        .as_millis()
        .saturating_sub(i64::try_from(entry.ms).unwrap_or(0));
    json!({
        "request_id": entry.request_id,
        "api_key": entry.key.as_ref().map_or("", |key| key.as_str()),
        "team_id": entry.team.as_ref().map(TeamId::as_str),
        "agent_id": entry.agent.as_ref().map(openclaw_types::AgentId::as_str),
        "end_user": entry.user,
        "model_group": entry.group,
        "custom_llm_provider": entry.provider,
        "model": entry.model,
        "model_id": entry.deployment,
        "spend": entry.cost.map(Money::as_usd),
        "is_estimate": entry.is_estimate,
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "startTime": Timestamp(began).to_string(),
        "endTime": entry.at.to_string(),
        "request_duration_ms": entry.ms,
        "time_to_first_token_ms": entry.first_ms,
        "status": if (200..300).contains(&entry.status) { "success" } else { "failure" },
        "status_code": entry.status,
        "request_tags": entry.tags,
    })
}

/// Everything together, and what stops it.
pub(crate) async fn global(
    State(router): State<Router>,
    InQuery(filter): InQuery<Filter>,
    asker: Asker,
) -> Result<Response, Refusal> {
    let caller = auth::owner(&router.inner.accounts, &asker)?;
    let query = filter.query(&router, &caller)?;
    let report = router.inner.accounts.spend(&query, &[]);
    let budgets = router.inner.accounts.budgets();
    let global = budgets
        .into_iter()
        .find(|budget| budget.scope == openclaw_accounts::Scope::Global);
    let max = global.and_then(|budget| budget.max).map(Money::as_usd);
    Ok(Json(json!({"spend": report.total.cost.as_usd(), "max_budget": max})).into_response())
}

/// What each key has spent.
pub(crate) async fn keys(
    State(router): State<Router>,
    InQuery(filter): InQuery<Filter>,
    asker: Asker,
) -> Result<Response, Refusal> {
    broken_down(&router, &filter, &asker, Dimension::Key)
}

/// What was spent on each model.
pub(crate) async fn models(
    State(router): State<Router>,
    InQuery(filter): InQuery<Filter>,
    asker: Asker,
) -> Result<Response, Refusal> {
    broken_down(&router, &filter, &asker, Dimension::Model)
}

/// What was spent with each provider.
pub(crate) async fn providers(
    State(router): State<Router>,
    InQuery(filter): InQuery<Filter>,
    asker: Asker,
) -> Result<Response, Refusal> {
    broken_down(&router, &filter, &asker, Dimension::Provider)
}

/// What each team has spent.
pub(crate) async fn teams(
    State(router): State<Router>,
    InQuery(filter): InQuery<Filter>,
    asker: Asker,
) -> Result<Response, Refusal> {
    broken_down(&router, &filter, &asker, Dimension::Team)
}

/// What was spent on each day.
pub(crate) async fn days(
    State(router): State<Router>,
    InQuery(filter): InQuery<Filter>,
    asker: Asker,
) -> Result<Response, Refusal> {
    broken_down(&router, &filter, &asker, Dimension::Day)
}

fn broken_down(
    router: &Router,
    filter: &Filter,
    asker: &Asker,
    by: Dimension,
) -> Result<Response, Refusal> {
    let caller = auth::owner(&router.inner.accounts, asker)?;
    let query = filter.query(router, &caller)?;
    let report = router.inner.accounts.spend(&query, &[by]);
    let rows: Vec<Value> = report.rows.iter().map(|row| self::row(row, by)).collect();
    Ok(Json(rows).into_response())
}

fn row(row: &Row, by: Dimension) -> Value {
    let (name, value) = match by {
        Dimension::Day => ("date", &row.day),
        Dimension::Key => ("api_key", &row.key),
        Dimension::Team => ("team_id", &row.team),
        Dimension::Agent => ("agent_id", &row.agent),
        Dimension::Provider => ("provider", &row.provider),
        Dimension::Model => ("model", &row.model),
        Dimension::Group => ("model_group", &row.group),
    };
    let mut told = json!({
        "total_spend": row.tally.cost.as_usd(),
        "spend": row.tally.cost.as_usd(),
        "requests": row.tally.requests,
        "failures": row.tally.failures,
        "unpriced": row.tally.unpriced,
        "prompt_tokens": row.tally.usage.input_tokens,
        "completion_tokens": row.tally.usage.output_tokens,
    });
    told[name] = Value::from(value.clone());
    told
}

/// What a request would cost, or an answer has cost.
pub(crate) async fn calculate(
    State(router): State<Router>,
    asker: Asker,
    body: Body,
) -> Result<Response, Refusal> {
    auth::caller(&router.inner.accounts, &asker)?;
    let asked = Value::Object(body::object(body).await?);
    let answer = &asked["completion_response"];
    let model = asked["model"].as_str().or_else(|| answer["model"].as_str());
    let inventory = router.inner.models.inventory();
    let groups = inventory.groups.iter();
    let mut group = groups.filter(|group| model == Some(&*group.name));
    let deployments = group
        .next()
        .map(|group| group.deployments.as_slice())
        .unwrap_or_default();
    let price = deployments.iter().find_map(|state| state.deployment.price);
    let count = |name: &str| answer["usage"][name].as_u64().unwrap_or(0);
    let usage = Usage {
        input_tokens: count("prompt_tokens"),
        output_tokens: count("completion_tokens"),
        ..Usage::default()
    };
    let cost = price.map_or(0.0, |price| price.cost(&usage).as_usd());
    let told = Json(json!({"cost": cost}));
    match (model, deployments.is_empty()) {
        (None, _) => Err(Refusal::Wrong {
            message: format!(
                "{}: Missing required parameter: 'model'.",
                Front::Chat.path()
            ),
            param: "model".to_owned(),
        }),
        (Some(model), true) => Err(Refusal::NotFound {
            message: format!("The model `{model}` does not exist"),
        }),
        _ => Ok(told.into_response()),
    }
}
