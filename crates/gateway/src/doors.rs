//! What every door of ours has in common: the guard before anything else, and who may pass without a key.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State as Shared},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use openclaw_accounts::{Accounts, Caller};
use serde_json::json;

use crate::{
    auth::{Auth, Principal},
    guard::{self, Sender},
    listen::Socket,
    peer,
};

/// Puts the guard before a table of paths.
pub(crate) fn guarded(table: Router, options: guard::Options) -> Router {
    table.layer(middleware::from_fn_with_state(Arc::new(options), admit))
}

/// Everything passes here first, probes included.
async fn admit(
    Shared(options): Shared<Arc<guard::Options>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(socket) = request.extensions().get::<Socket>() else {
        return problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the request came without its socket",
        );
    };
    match guard::admit(&options, socket.peer, request.method(), request.headers()) {
        Ok(sender) => {
            let _none = request.extensions_mut().insert(sender);
            let mut response = next.run(request).await;
            harden(response.headers_mut());
            response
        }
        Err(refusal) => {
            tracing::debug!(
                status = refusal.status.as_u16(),
                reason = refusal.reason,
                "request refused"
            );
            let mut response = problem(refusal.status, refusal.reason);
            harden(response.headers_mut());
            response
        }
    }
}

/// Headers that keep a browser from guessing types, framing us or telling others where it came from.
fn harden(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Origin"),
        (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
    ] {
        let _previous = headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Who may use the models over HTTP.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) accounts: Accounts,
    /// The gateway's own token, on its own port.
    pub(crate) auth: Option<Arc<Auth>>,
}

/// What anybody may ask of a router: whether it lives, and nothing else.
const PROBES: [&str; 3] = [
    "/health/liveliness",
    "/health/liveness",
    "/health/readiness",
];

/// Puts the question for a key before the paths of the models.
pub(crate) fn kept(table: Router, keeper: Keeper) -> Router {
    table.layer(middleware::from_fn_with_state(Arc::new(keeper), ask))
}

/// A key of the router's passes; so does the gateway's token, and a program of our own user where no key is set.
async fn ask(Shared(keeper): Shared<Arc<Keeper>>, mut request: Request, next: Next) -> Response {
    let shown = openclaw_router::shown_key(request.headers());
    let known = keeper.accounts.identify(shown.as_deref());
    if !matches!(known, Ok(Caller::Open)) {
        // On the gateway's own port its token is as good as the master key; a guess at it counts like any other.
        let is_token = match (&known, &keeper.auth, &shown) {
            (Err(_), Some(auth), Some(shown)) => {
                let sender = request.extensions().get::<Sender>();
                sender.is_some_and(|sender| auth.check(sender, shown).is_ok())
            }
            _ => false,
        };
        let caller = if is_token { Ok(Caller::Master) } else { known };
        if let Ok(caller) = caller {
            let _none = request
                .extensions_mut()
                .insert(openclaw_router::Known(caller));
        }
        return next.run(request).await;
    }
    if keeper.auth.is_none() && PROBES.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let sender = sender(&request);
    let is_token = match (&keeper.auth, &shown, &sender) {
        (Some(auth), Some(shown), Some(sender)) => auth.check(sender, shown).is_ok(),
        _ => false,
    };
    if is_token {
        let _none = request
            .extensions_mut()
            .insert(openclaw_router::Known(Caller::Master));
        return next.run(request).await;
    }
    let is_ours = sender.is_some_and(|sender| Auth::without_token(&sender) == Principal::Local);
    // On the gateway's port a key that is not its token is a wrong one, and whoever has none may only ask agents.
    let may = match (&keeper.auth, &shown) {
        (Some(_), Some(_)) => false,
        (Some(_), None) => is_ours && request.uri().path().starts_with("/agent/"),
        (None, _) => is_ours,
    };
    if may {
        return next.run(request).await;
    }
    let message = if keeper.auth.is_some() {
        "send the gateway's token as `Authorization: Bearer <token>`; `openclaw gateway token` prints it"
    } else {
        "without a master key only programs of the gateway's own user are answered; set `general_settings.master_key`"
    };
    problem(StatusCode::UNAUTHORIZED, message)
}

/// The sender with the user of this machine who owns the other end.
fn sender(request: &Request) -> Option<Sender> {
    let mut sender = request.extensions().get::<Sender>()?.clone();
    if sender.address.is_loopback() {
        let socket = request.extensions().get::<Socket>()?;
        sender.user = peer::uid(socket.peer, socket.local).ok();
    }
    Some(sender)
}

pub(crate) fn problem(status: StatusCode, message: &str) -> Response {
    answer(
        status,
        &json!({"error": {"code": status.as_u16(), "message": message}}),
    )
}

pub(crate) fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}
