//! `/agent/<name>`: requests that are sent on to the servers of a model group, with its failover, budgets and limits.
//!
//! LiteLLM sends such a request to one address and hands back whatever comes, and with `forward_headers` it sends the
//! caller's key along. Here the path names a group, and no key of ours or the caller's leaves.

use axum::{body::Body, extract::State, response::Response};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use openclaw_accounts::{Caller, Denied};
use openclaw_models::{dialect::Front, exchange::Passthrough};

use crate::{
    address::InPath,
    auth::{self, Asker},
    body,
    completion::{self, Call},
    error::Refusal,
    leak::{self, decoded},
    state::{Endpoint, Router},
};

/// What an agent's group is called, before the agent's name.
const GROUP: &str = "agent/";
/// Where chat completions are, below what a path stands for.
const CHAT: [&str; 3] = ["", "chat/completions", "v1/chat/completions"];

/// `/agent/<name>`.
pub(crate) async fn whole(
    State(router): State<Router>,
    InPath(name): InPath<String>,
    request: axum::extract::Request,
) -> Response {
    pass(router, &format!("/{GROUP}{name}"), "", request).await
}

/// `/agent/<name>/<path>`.
pub(crate) async fn below(
    State(router): State<Router>,
    InPath((name, rest)): InPath<(String, String)>,
    request: axum::extract::Request,
) -> Response {
    pass(router, &format!("/{GROUP}{name}"), &rest, request).await
}

/// Any other path, where one is passed on that it is or lies below.
pub(crate) async fn elsewhere(
    router: Router,
    request: axum::extract::Request,
) -> Result<Response, axum::extract::Request> {
    let path = request.uri().path();
    let found = router.inner.options.endpoints.iter().find_map(|endpoint| {
        let rest = path.strip_prefix(endpoint.path.as_str())?;
        let is_below = rest.starts_with('/') && endpoint.has_subpaths;
        (rest.is_empty() || is_below).then(|| {
            let rest = rest.trim_start_matches('/').to_owned();
            (endpoint.path.clone(), rest)
        })
    });
    match found {
        Some((path, rest)) => Ok(pass(router, &path, &rest, request).await),
        None => Err(request),
    }
}

async fn pass(router: Router, path: &str, rest: &str, request: axum::extract::Request) -> Response {
    let call = Call::new(&router, Front::Chat);
    let (mut parts, body) = request.into_parts();
    let asker = Asker::of(&mut parts);
    let endpoint = endpoint(&router, path);
    let (caller, is_owner) = match auth::caller(&router.inner.accounts, &asker) {
        // Whoever shows a key is judged by it.
        Err(Refusal::Denied(Denied::MissingKey))
            if endpoint.as_ref().is_some_and(|endpoint| endpoint.is_open) =>
        {
            (Caller::Open, false)
        }
        Err(refusal) => return call.refused(&refusal, None),
        Ok(caller) => {
            let is_owner = caller.is_owner();
            (caller, is_owner)
        }
    };
    let Some(endpoint) = endpoint else {
        let refusal = Refusal::NotFound {
            message: format!("there is no model group `{}`", path.trim_start_matches('/')),
        };
        return call.refused(&refusal, Some(&caller));
    };
    let sent = Sent {
        method: parts.method,
        uri: parts.uri,
        headers: asker.headers,
    };
    match sent_on(&call, &caller, &endpoint, (rest, sent, body)).await {
        Ok(answer) => completion::response(&call, &caller, is_owner, answer),
        Err(refusal) => call.refused(&refusal, Some(&caller)),
    }
}

struct Sent {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

async fn sent_on(
    call: &Call,
    caller: &Caller,
    endpoint: &Endpoint,
    (rest, sent, body): (&str, Sent, Body),
) -> Result<openclaw_models::exchange::Answer, Refusal> {
    let body = body::of_model(&call.router, body).await?;
    let is_target = endpoint.has_target;
    let could_chat = CHAT.contains(&rest) && sent.method == Method::POST;
    let chat = could_chat.then(|| body::look(Front::Chat, body.clone()));
    // What only the target understands goes there all the same.
    let chat = chat.filter(|chat| chat.is_ok() || !is_target);
    let is_chat = chat.is_some();
    let asked = if let Some(chat) = chat {
        chat?
    } else if rest.is_empty() || endpoint.has_subpaths {
        body::Asked {
            body,
            model: None,
            is_streaming: false,
            user: None,
            controls: openclaw_models::exchange::Controls::default(),
        }
    } else {
        return Err(Refusal::NotFound {
            message: format!("only `{}` itself is passed on", endpoint.path),
        });
    };
    let mut ask = completion::ask(call, caller, &endpoint.reference, asked, &sent.headers);
    if !is_chat || is_target {
        let looked_at = leak::Sent {
            path: rest,
            query: sent.uri.query().unwrap_or_default(),
            headers: &sent.headers,
            body: &ask.body,
        };
        leak::refuse(&call.router.inner.accounts, caller, &looked_at)?;
        ask.controls.passthrough = Some(Passthrough {
            path: rest.to_owned(),
            query: sent.uri.query().map(query_without_credentials),
            headers: sent_headers(&sent.headers, endpoint.forwards_headers),
            method: sent.method,
            is_chat,
            target: is_target.then(|| endpoint.path.clone()),
        });
    }
    Ok(call.router.inner.models.exchange(ask).await?)
}

/// The client's headers without those that hold a key, and without any other that repeats the key that was shown; only
/// those that say what the body is where no others are sent on.
fn sent_headers(headers: &HeaderMap, all: bool) -> HeaderMap {
    let shown = auth::shown_key(headers).filter(|key| !key.is_empty());
    let repeats = |value: &HeaderValue| {
        let shown = shown.as_deref().map(str::as_bytes);
        shown.is_some_and(|key| value.as_bytes().windows(key.len()).any(|part| part == key))
    };
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        let is_of_body = *name == header::CONTENT_TYPE || *name == header::ACCEPT;
        if !auth::is_credential(name) && !repeats(value) && (all || is_of_body) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

/// The query without fields that are named as a key.
fn query_without_credentials(query: &str) -> String {
    let is_key = |field: &&str| {
        let name = field.split_once('=').map_or(*field, |(name, _)| name);
        leak::is_for_keys(&decoded(name))
    };
    let kept: Vec<&str> = query.split('&').filter(|field| !is_key(field)).collect();
    kept.join("&")
}

/// What a path stands for: what the configuration says, or the group of that name.
fn endpoint(router: &Router, path: &str) -> Option<Endpoint> {
    let stated = router
        .inner
        .options
        .endpoints
        .iter()
        .find(|endpoint| endpoint.path == path);
    if let Some(stated) = stated {
        return Some(stated.clone());
    }
    let group = path.trim_start_matches('/');
    let is_known = router.inner.models.has_group(group);
    is_known.then(|| Endpoint {
        path: path.to_owned(),
        reference: group.to_owned(),
        has_subpaths: true,
        forwards_headers: true,
        has_target: false,
        is_open: false,
    })
}
