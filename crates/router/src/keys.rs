//! Virtual keys over HTTP, as LiteLLM's clients manage them. Only the owner does; a key may look at itself.

mod form;

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use openclaw_accounts::{
    Accounts, Caller, Error, KeyFilter, KeyRecord, KeyState, Secret, TeamId, Which,
};
use openclaw_types::AgentId;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::form::{Form, told};
use crate::{
    address::InQuery,
    auth::{self, Asker},
    body,
    error::Refusal,
    limits::{KEYS_PAGE, KEYS_PAGE_MAX},
    state::Router,
};

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = full(&error);
        match error {
            Error::NoSuchKey | Error::NoSuchTeam { .. } => Self::NotFound { message },
            Error::NotAllowed => Self::NotOwner,
            Error::AliasTaken { .. } => wrong(message, "key_alias"),
            Error::KeyTaken | Error::WeakKey { .. } => wrong(message, "key"),
            Error::TooManyKeys { .. } | Error::TooLarge { .. } => wrong(message, ""),
            _ => Self::Broken { message },
        }
    }
}

fn wrong(message: String, param: &str) -> Refusal {
    Refusal::Wrong {
        message,
        param: param.to_owned(),
    }
}

/// An error with its causes.
fn full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Which key is asked about.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    key: Option<String>,
}

/// Which keys are listed.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Listed {
    page: Option<usize>,
    size: Option<usize>,
    team_id: Option<String>,
    user_id: Option<String>,
    agent_id: Option<String>,
    #[serde(default)]
    return_full_object: bool,
}

/// Does what is written and synced before it holds, where no answer of anybody else waits for the disk.
async fn written<T: Send + 'static>(
    router: &Router,
    change: impl FnOnce(&Accounts) -> Result<T, Error> + Send + 'static,
) -> Result<T, Refusal> {
    let accounts = router.inner.accounts.clone();
    let changed = tokio::task::spawn_blocking(move || change(&accounts)).await;
    let changed = changed.map_err(|error| Refusal::Broken {
        message: format!("the keys could not be written: {error}"),
    })?;
    Ok(changed?)
}

/// The same for one key, and how it is afterwards.
async fn changed(
    router: &Router,
    change: impl FnOnce(&Accounts) -> Result<KeyRecord, Error> + Send + 'static,
) -> Result<KeyState, Refusal> {
    let state = |accounts: &Accounts| {
        let record = change(accounts)?;
        accounts.info(&Which::Id(&record.id))
    };
    written(router, state).await
}

/// And for one whose key is shown, this once.
async fn made(
    router: &Router,
    make: impl FnOnce(&Accounts) -> Result<(KeyRecord, Secret), Error> + Send + 'static,
) -> Result<Response, Refusal> {
    let (state, secret) = written(router, |accounts| {
        let (record, secret) = make(accounts)?;
        Ok((accounts.info(&Which::Id(&record.id))?, secret))
    })
    .await?;
    let mut answer = told(&state);
    answer["key"] = Value::from(secret.expose());
    Ok(Json(answer).into_response())
}

/// Makes a key and shows it, this once.
pub(crate) async fn generate(
    State(router): State<Router>,
    asker: Asker,
    body: Body,
) -> Result<Response, Refusal> {
    let by = auth::owner(&router.inner.accounts, &asker)?;
    let form = Form::read(body::object(body).await?)?;
    let new = form.into_new(router.inner.env.now())?;
    made(&router, move |accounts| accounts.generate(&by, new)).await
}

/// What is known of a key: any for the owner, itself for a key.
pub(crate) async fn info(
    State(router): State<Router>,
    InQuery(asked): InQuery<Asked>,
    asker: Asker,
) -> Result<Response, Refusal> {
    let accounts = &router.inner.accounts;
    let caller = auth::caller(accounts, &asker)?;
    let state = match (&caller, &asked.key) {
        (Caller::Key(own), named) => {
            let state = accounts.info(&Which::Id(own))?;
            let other = named
                .as_deref()
                .map(|named| accounts.info(&Which::Named(named)));
            let is_own = match other {
                None => true,
                Some(other) => other.is_ok_and(|other| other.record.id == state.record.id),
            };
            if !is_own {
                return Err(Refusal::NotOwner);
            }
            state
        }
        (_, Some(named)) => accounts.info(&Which::Named(named))?,
        (_, None) => return Err(wrong("say which key: `?key=sk-...`".to_owned(), "key")),
    };
    let digest = state.record.digest.to_string();
    Ok(Json(json!({"key": digest, "info": told(&state)})).into_response())
}

/// Changes what a key may do; what is not said stays.
pub(crate) async fn update(
    State(router): State<Router>,
    asker: Asker,
    body: Body,
) -> Result<Response, Refusal> {
    let by = auth::owner(&router.inner.accounts, &asker)?;
    let form = Form::read(body::object(body).await?)?;
    let key = form
        .key()
        .ok_or_else(|| wrong("say which key".to_owned(), "key"))?;
    let change = form.into_change(router.inner.env.now())?;
    let update = move |accounts: &Accounts| accounts.update(&by, &Which::Named(&key), change);
    Ok(Json(told(&changed(&router, update).await?)).into_response())
}

/// Gives keys up, by the keys themselves or by their aliases.
pub(crate) async fn delete(
    State(router): State<Router>,
    asker: Asker,
    body: Body,
) -> Result<Response, Refusal> {
    let by = auth::owner(&router.inner.accounts, &asker)?;
    let asked = body::object(body).await?;
    let texts = |name: &str| -> Vec<String> {
        let list = asked.get(name).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    let named: Vec<String> = [texts("keys"), texts("key_aliases")].concat();
    if named.is_empty() {
        return Err(wrong(
            "say which keys: {\"keys\": [\"sk-...\"]}".to_owned(),
            "keys",
        ));
    }
    let given_up = named.clone();
    written(&router, move |accounts| {
        for key in &given_up {
            // One that isn't there is told before anything is given up.
            let _state = accounts.info(&Which::Named(key))?;
        }
        for key in &given_up {
            let _record = accounts.delete(&by, &Which::Named(key))?;
        }
        Ok(())
    })
    .await?;
    Ok(Json(json!({"deleted_keys": named})).into_response())
}

/// Stops a key.
pub(crate) async fn block(
    State(router): State<Router>,
    asker: Asker,
    body: Body,
) -> Result<Response, Refusal> {
    stop(&router, &asker, body, true).await
}

/// Lets it work again.
pub(crate) async fn unblock(
    State(router): State<Router>,
    asker: Asker,
    body: Body,
) -> Result<Response, Refusal> {
    stop(&router, &asker, body, false).await
}

async fn stop(
    router: &Router,
    asker: &Asker,
    body: Body,
    is_blocked: bool,
) -> Result<Response, Refusal> {
    let by = auth::owner(&router.inner.accounts, asker)?;
    let key = named(&body::object(body).await?)?;
    let block = move |accounts: &Accounts| accounts.block(&by, &Which::Named(&key), is_blocked);
    Ok(Json(told(&changed(router, block).await?)).into_response())
}

/// Puts a new key in the place of one that others may know.
pub(crate) async fn regenerate(
    State(router): State<Router>,
    asker: Asker,
    body: Body,
) -> Result<Response, Refusal> {
    let by = auth::owner(&router.inner.accounts, &asker)?;
    let key = named(&body::object(body).await?)?;
    let make = move |accounts: &Accounts| accounts.regenerate(&by, &Which::Named(&key));
    made(&router, make).await
}

fn named(asked: &Map<String, Value>) -> Result<String, Refusal> {
    let key = asked.get("key").and_then(Value::as_str);
    key.map(str::to_owned)
        .ok_or_else(|| wrong("say which key".to_owned(), "key"))
}

/// The keys, page by page.
pub(crate) async fn list(
    State(router): State<Router>,
    InQuery(asked): InQuery<Listed>,
    asker: Asker,
) -> Result<Response, Refusal> {
    auth::owner(&router.inner.accounts, &asker)?;
    let agent = asked.agent_id.as_deref().map(AgentId::parse).transpose();
    let filter = KeyFilter {
        team: asked.team_id.as_deref().map(TeamId::new),
        user: asked.user_id,
        agent: agent.map_err(|error| wrong(error.to_string(), "agent_id"))?,
    };
    let all = router.inner.accounts.list(&filter);
    let size = asked.size.unwrap_or(KEYS_PAGE).clamp(1, KEYS_PAGE_MAX);
    let page = asked.page.unwrap_or(1).max(1);
    let shown = all.iter().skip((page - 1).saturating_mul(size)).take(size);
    let keys: Vec<Value> = match asked.return_full_object {
        true => shown.map(told).collect(),
        false => shown
            .map(|key| Value::from(key.record.digest.to_string()))
            .collect(),
    };
    Ok((
        StatusCode::OK,
        Json(json!({
            "keys": keys,
            "total_count": all.len(),
            "current_page": page,
            "total_pages": all.len().div_ceil(size),
        })),
    )
        .into_response())
}
