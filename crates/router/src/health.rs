//! How the router and what it asks are: told from what calls have shown, and never by calling anybody.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use openclaw_models::models::{DeploymentState, Inventory};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    address::InQuery,
    auth::{self, Asker},
    error::Refusal,
    listing,
    state::Router,
};

/// What health may be asked of.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    model: Option<String>,
}

/// It answers, so it lives.
pub(crate) async fn live() -> Json<&'static str> {
    Json("I'm alive!")
}

/// Whether a request for a model can be taken now.
pub(crate) async fn ready(State(router): State<Router>) -> Response {
    let inventory = router.inner.models.inventory();
    let accounts = router.inner.accounts.status();
    let has_models = !inventory.groups.is_empty() || !inventory.patterns.is_empty();
    let is_ready = has_models && accounts.ledger_failure.is_none();
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let word = if is_ready { "healthy" } else { "unhealthy" };
    // LiteLLM's second field names its database; ours are files.
    (status, Json(json!({"status": word, "db": "Not connected"}))).into_response()
}

/// Every deployment for who may know them; a summary without names for everybody else.
pub(crate) async fn health(
    State(router): State<Router>,
    InQuery(asked): InQuery<Asked>,
    asker: Asker,
) -> Result<Response, Refusal> {
    let inventory = router.inner.models.inventory();
    let caller = match auth::caller(&router.inner.accounts, &asker) {
        Ok(caller) => caller,
        // A bare look without a key is welcome; a wrong key is not.
        Err(Refusal::Denied(openclaw_accounts::Denied::MissingKey)) => {
            return Ok(Json(summary(&inventory)).into_response());
        }
        Err(refusal) => return Err(refusal),
    };
    let allowed = listing::allowance(&router.inner.accounts, &caller);
    let is_wanted = |name: &str| {
        asked.model.as_deref().is_none_or(|wanted| wanted == name)
            && allowed.as_ref().is_none_or(|allowed| allowed.allows(name))
    };
    let groups = inventory
        .groups
        .iter()
        .filter(|group| is_wanted(&group.name));
    let states = groups.flat_map(|group| &group.deployments);
    let (healthy, unhealthy): (Vec<&DeploymentState>, Vec<&DeploymentState>) =
        states.partition(|state| is_healthy(state));
    let told = |states: &[&DeploymentState]| -> Vec<Value> {
        states
            .iter()
            .map(|state| endpoint(state, caller.is_owner()))
            .collect()
    };
    Ok(Json(json!({
        "healthy_endpoints": told(&healthy),
        "unhealthy_endpoints": told(&unhealthy),
        "healthy_count": healthy.len(),
        "unhealthy_count": unhealthy.len(),
    }))
    .into_response())
}

const fn is_healthy(state: &DeploymentState) -> bool {
    state.is_usable && state.resting.is_none()
}

/// What anybody may know.
fn summary(inventory: &Inventory) -> Value {
    let states = || inventory.groups.iter().flat_map(|group| &group.deployments);
    let healthy = states().filter(|state| is_healthy(state)).count();
    let all = states().count();
    json!({
        "status": if healthy > 0 || !inventory.patterns.is_empty() { "healthy" } else { "unhealthy" },
        "healthy_count": healthy,
        "unhealthy_count": all - healthy,
        "hint": "send the key as `Authorization: Bearer <key>` to see every deployment",
    })
}

fn endpoint(state: &DeploymentState, is_owner: bool) -> Value {
    let deployment = &state.deployment;
    let mut told = json!({
        "model": format!("{}/{}", deployment.provider(), deployment.model),
        "model_id": &*deployment.id,
        "model_group": &*deployment.group,
        "in_flight": state.in_flight,
        "requests_this_minute": state.requests,
        "tokens_this_minute": state.tokens,
    });
    if is_owner {
        told["api_base"] = Value::from(&*deployment.server.base_url);
    }
    if let Some((until, kind)) = state.resting {
        told["error"] = Value::from(kind.as_str());
        told["cooldown_until"] = Value::from(until.to_string());
    }
    told
}
