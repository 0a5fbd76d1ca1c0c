//! The router of everything HTTP: the guard first, then probes, then the upgrade to a WebSocket.

pub(crate) mod upgrade;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State as Shared},
    response::Response,
    routing::get,
};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    auth, conn,
    doors::{self, Keeper, answer, problem},
    guard::Sender,
    listen::Socket,
    peer,
    state::State,
};

/// Paths that upgrade to a WebSocket: the root, and what older clients use.
const SOCKET_PATHS: [&str; 4] = ["/", "/a2a", "/ws", "/gateway"];

/// All routes of the one port; those of the models beside our own.
pub(crate) fn router(state: Arc<State>, models: openclaw_router::Router) -> Router {
    let keeper = Keeper {
        accounts: state.accounts.clone(),
        auth: Some(Arc::clone(&state.auth)),
    };
    let models = doors::kept(openclaw_router::beside_gateway(models), keeper);
    let guard = state.guard.clone();
    let mut router = Router::new()
        .route("/health", get(live))
        .route("/healthz", get(live))
        .route("/ready", get(ready))
        .route("/readyz", get(ready));
    for path in SOCKET_PATHS {
        router = router.route(path, get(socket));
    }
    let all = router
        .with_state(state)
        .merge(models)
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method);
    doors::guarded(all, guard)
}

async fn live() -> Response {
    answer(StatusCode::OK, &json!({"ok": true, "status": "live"}))
}

async fn ready(Shared(state): Shared<Arc<State>>) -> Response {
    let uptime_ms = state.uptime_ms();
    if state.stopping.is_cancelled() {
        let body = json!({"ready": false, "failing": ["draining"], "uptimeMs": uptime_ms});
        return answer(StatusCode::SERVICE_UNAVAILABLE, &body);
    }
    answer(
        StatusCode::OK,
        &json!({"ready": true, "failing": [], "uptimeMs": uptime_ms}),
    )
}

/// A socket path: upgrades, or tells a curious person what this is.
async fn socket(Shared(state): Shared<Arc<State>>, mut request: Request) -> Response {
    if !upgrade::wanted(request.headers()) {
        let body = json!({
            "name": "openclaw gateway",
            "version": crate::VERSION,
            "websocket": "connect here",
            "health": "/health",
        });
        return answer(StatusCode::OK, &body);
    }
    if state.stopping.is_cancelled() {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the gateway stops");
    }
    let (response, declared) =
        match upgrade::answer(request.method(), request.version(), request.headers()) {
            Ok(upgrade) => upgrade,
            Err(refusal) => return not_upgraded(refusal),
        };
    let (Some(socket), Some(mut sender)) = (
        request.extensions().get::<Socket>().cloned(),
        request.extensions().get::<Sender>().cloned(),
    ) else {
        return problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the request came without its socket",
        );
    };
    if sender.address.is_loopback() {
        // Asked while the client waits for our answer, so that its socket is certainly there.
        sender.user = peer::uid(socket.peer, socket.local).ok();
    }
    let token_shown = match bearer(&state, &sender, request.headers()) {
        Ok(shown) => shown,
        Err(error) => return problem(StatusCode::UNAUTHORIZED, &error.to_string()),
    };
    let opened = conn::Opened {
        sender,
        place: socket.place,
        declared,
        token_shown,
    };
    let upgrading = hyper::upgrade::on(&mut request);
    let (tasks, stop) = (state.tasks.clone(), state.draining.clone());
    let _task = tasks.spawn(async move {
        match timeout(conn::limits::HANDSHAKE_DEADLINE, upgrading).await {
            Ok(Ok(upgraded)) => conn::run(upgraded, opened, state, stop).await,
            Ok(Err(error)) => tracing::debug!(%error, "upgrade not completed"),
            Err(_elapsed) => tracing::debug!("upgrade not completed in time"),
        }
    });
    response.map(|()| Body::empty())
}

/// The answer to an upgrade that can't be; one of the wrong version is told the right one.
fn not_upgraded(refusal: upgrade::NotAnUpgrade) -> Response {
    let mut response = problem(refusal.status, refusal.reason);
    if refusal.status == StatusCode::UPGRADE_REQUIRED {
        let headers = response.headers_mut();
        for (name, value) in [
            (header::UPGRADE, "websocket"),
            (header::CONNECTION, "Upgrade"),
            (header::SEC_WEBSOCKET_VERSION, upgrade::VERSION),
        ] {
            let _none = headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// Whether the request carries the right token in its Authorization header; cookies and the query are never looked at.
/// A header that is there and can't be used is a wrong token, never no token.
fn bearer(state: &State, sender: &Sender, headers: &http::HeaderMap) -> Result<bool, auth::Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = values.next() else {
        return Ok(false);
    };
    let alone = values.next().is_none();
    let shown = first.to_str().ok().and_then(|value| value.split_once(' '));
    match shown {
        Some((scheme, token)) if alone && scheme.eq_ignore_ascii_case("bearer") => {
            state.auth.check(sender, token.trim()).map(|()| true)
        }
        _ => Err(auth::Error::WrongToken),
    }
}

async fn unknown() -> Response {
    problem(StatusCode::NOT_FOUND, "nothing is here")
}

async fn wrong_method() -> Response {
    problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not take that method",
    )
}
