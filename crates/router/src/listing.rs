//! Which models there are: for clients that choose one, and for the owner who wants to know what is behind a name.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use openclaw_accounts::{Accounts, Allowance, Caller, Which};
use openclaw_models::{
    InputKind,
    models::{DeploymentState, GroupState, Inventory},
};
use openclaw_types::Price;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    address::{InPath, InQuery},
    auth::{self, Asker},
    error::Refusal,
    state::Router,
};

/// When models came about: LiteLLM says this of every one.
const CREATED: i64 = 1_677_610_602;

/// What a list of models may be asked with.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    include_metadata: Option<String>,
}

/// What may be asked of single models.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Named {
    litellm_model_id: Option<String>,
    model_group: Option<String>,
}

/// Every name that the caller may ask for.
pub(crate) async fn models(
    State(router): State<Router>,
    InQuery(asked): InQuery<Asked>,
    asker: Asker,
) -> Result<Response, Refusal> {
    let caller = auth::caller(&router.inner.accounts, &asker)?;
    let names = names(&router, &caller);
    let tells = asked.include_metadata.as_deref() == Some("true");
    let data: Vec<Value> = names
        .into_iter()
        .map(|(name, fallbacks)| {
            let mut model = model(&name);
            if tells {
                model["metadata"] = json!({"fallbacks": fallbacks});
            }
            model
        })
        .collect();
    Ok(Json(json!({"data": data, "object": "list"})).into_response())
}

/// One of them.
pub(crate) async fn one(
    State(router): State<Router>,
    InPath(wanted): InPath<String>,
    asker: Asker,
) -> Result<Response, Refusal> {
    let caller = auth::caller(&router.inner.accounts, &asker)?;
    let known = names(&router, &caller);
    if known.iter().any(|(name, _)| *name == wanted) {
        return Ok(Json(model(&wanted)).into_response());
    }
    Err(Refusal::NotFound {
        message: format!("The model `{wanted}` does not exist"),
    })
}

fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": CREATED, "owned_by": "openai"})
}

/// Aliases, groups, and models of providers that are in no group, as far as the caller may use them.
fn names(router: &Router, caller: &Caller) -> Vec<(String, Vec<String>)> {
    let inventory = router.inner.models.inventory();
    let allowed = allowance(&router.inner.accounts, caller);
    let aliases = inventory.aliases.iter();
    let aliases = aliases.map(|(alias, _)| (alias.clone(), Vec::new()));
    let groups = shown(&inventory).map(|group| (group.name.to_string(), group.fallbacks.clone()));
    let all = aliases.chain(groups);
    let mut names: Vec<(String, Vec<String>)> = Vec::new();
    for (name, fallbacks) in all {
        let is_new = names.iter().all(|(known, _)| *known != name);
        if is_new && allowed.as_ref().is_none_or(|allowed| allowed.allows(&name)) {
            names.push((name, fallbacks));
        }
    }
    names
}

/// With groups of its own a configuration says what is offered; without, everything that is there is.
fn shown(inventory: &Inventory) -> impl Iterator<Item = &GroupState> {
    let has_groups = inventory.groups.iter().any(|group| group.is_named);
    let groups = inventory.groups.iter();
    groups.filter(move |group| group.is_named || !has_groups)
}

/// What the caller may use; everything where nothing is said.
pub(crate) fn allowance(accounts: &Accounts, caller: &Caller) -> Option<Allowance> {
    match caller {
        Caller::Key(id) => accounts
            .info(&Which::Id(id))
            .ok()
            .map(|key| key.record.allowance),
        Caller::Open | Caller::Master | Caller::Agent(_) => None,
    }
}

/// What is behind the names: every deployment, without its key. Where it is, only the owner is told.
pub(crate) async fn info(
    State(router): State<Router>,
    InQuery(named): InQuery<Named>,
    asker: Asker,
) -> Result<Response, Refusal> {
    let caller = auth::caller(&router.inner.accounts, &asker)?;
    let inventory = router.inner.models.inventory();
    let allowed = allowance(&router.inner.accounts, &caller);
    let groups = shown(&inventory);
    let groups = groups.filter(|group| {
        allowed
            .as_ref()
            .is_none_or(|allowed| allowed.allows(&group.name))
    });
    let wanted = named.litellm_model_id.as_deref();
    let data: Vec<Value> = groups
        .flat_map(|group| group.deployments.iter().map(move |state| (group, state)))
        .filter(|(_, state)| wanted.is_none_or(|wanted| *state.deployment.id == *wanted))
        .map(|(group, state)| deployment(group, state, caller.is_owner()))
        .collect();
    match wanted {
        Some(id) if data.is_empty() => Err(Refusal::NotFound {
            message: format!("no deployment has the id `{id}`"),
        }),
        _ => Ok(Json(json!({"data": data})).into_response()),
    }
}

fn deployment(group: &GroupState, state: &DeploymentState, is_owner: bool) -> Value {
    let deployment = &state.deployment;
    let name = format!("{}/{}", deployment.provider(), deployment.model);
    let mut params = Map::new();
    params.insert("model".to_owned(), Value::from(name.clone()));
    if is_owner {
        params.insert(
            "api_base".to_owned(),
            Value::from(&*deployment.server.base_url),
        );
    }
    for (field, limit) in [("rpm", deployment.rpm), ("tpm", deployment.tpm)] {
        if let Some(limit) = limit {
            params.insert(field.to_owned(), Value::from(limit));
        }
    }
    let mut shown = json!({
        "model_name": &*group.name,
        "litellm_params": params,
        "model_info": {
            "id": &*deployment.id,
            "db_model": false,
            "key": name,
            "max_tokens": known(deployment.max_output),
            "max_input_tokens": known(deployment.context_window),
            "max_output_tokens": known(deployment.max_output),
            "input_cost_per_token": per_token(deployment.price, |price| price.input),
            "output_cost_per_token": per_token(deployment.price, |price| price.output),
            "litellm_provider": &**deployment.provider(),
            "supports_vision": deployment.input_kinds.contains(&InputKind::Image),
            "supports_function_calling": deployment.calls_tools,
            "supports_reasoning": deployment.reasoning,
        },
    });
    if !deployment.description.is_empty() {
        shown["model_info"]["description"] = json!(&*deployment.description);
    }
    shown
}

/// Dollars a token, as LiteLLM has it.
fn per_token(price: Option<Price>, part: impl Fn(&Price) -> u64) -> Option<f64> {
    price.map(|price| openclaw_types::Money(part(&price)).as_usd())
}

/// A number where it is known.
fn known(tokens: u32) -> Option<u32> {
    (tokens > 0).then_some(tokens)
}

/// What the deployments of a group have in common.
pub(crate) async fn group_info(
    State(router): State<Router>,
    InQuery(named): InQuery<Named>,
    asker: Asker,
) -> Result<Response, Refusal> {
    let caller = auth::caller(&router.inner.accounts, &asker)?;
    let inventory = router.inner.models.inventory();
    let allowed = allowance(&router.inner.accounts, &caller);
    let groups = shown(&inventory).filter(|group| {
        let is_wanted = named
            .model_group
            .as_deref()
            .is_none_or(|name| *group.name == *name);
        is_wanted
            && allowed
                .as_ref()
                .is_none_or(|allowed| allowed.allows(&group.name))
    });
    let data: Vec<Value> = groups.map(group).collect();
    Ok(Json(json!({"data": data})).into_response())
}

fn group(group: &GroupState) -> Value {
    let members = || group.deployments.iter().map(|state| &state.deployment);
    let mut providers: Vec<&str> = members().map(|member| &**member.provider()).collect();
    providers.dedup();
    let most = |part: fn(&openclaw_models::routing::Deployment) -> u32| {
        members()
            .map(|member| part(Arc::as_ref(member)))
            .max()
            .and_then(known)
    };
    let dearest = |part: fn(&Price) -> u64| {
        let prices = members().filter_map(|member| member.price);
        prices
            .map(|price| part(&price))
            .max()
            .map(|part| openclaw_types::Money(part).as_usd())
    };
    let sum = |limits: Vec<Option<u32>>| -> Option<u64> {
        limits.into_iter().map(|limit| limit.map(u64::from)).sum()
    };
    json!({
        "model_group": &*group.name,
        "providers": providers,
        "max_input_tokens": most(|member| member.context_window),
        "max_output_tokens": most(|member| member.max_output),
        "input_cost_per_token": dearest(|price| price.input),
        "output_cost_per_token": dearest(|price| price.output),
        "tpm": sum(members().map(|member| member.tpm).collect()),
        "rpm": sum(members().map(|member| member.rpm).collect()),
        "supports_vision": members().any(|member| member.input_kinds.contains(&InputKind::Image)),
        "supports_function_calling": members().any(|member| member.calls_tools == Some(true)),
        "supports_reasoning": members().any(|member| member.reasoning),
    })
}
