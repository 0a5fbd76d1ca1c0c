//! The table of paths.

use axum::{
    Json, Router as Axum,
    body::Body,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use http::StatusCode;
use openclaw_models::dialect::Front;
use serde_json::json;

use crate::{
    address::InPath,
    auth::Asker,
    completion::{Counted, answer},
    headers, health, keys, listing, metrics, passthrough, spend,
    state::Router,
    tokens,
};

/// The header by which a router knows itself.
const INSTANCE: &str = "x-openclaw-instance";

/// Everything, for a port of its own.
pub fn all(router: Router) -> Axum {
    let table = Axum::new()
        .route("/", get(welcome))
        .route("/health", get(health::health))
        .route("/health/liveliness", get(health::live))
        .route("/health/liveness", get(health::live))
        .route("/health/readiness", get(health::ready))
        .route("/metrics", get(metrics::moved))
        .route("/metrics/", get(metrics::metrics))
        .route("/routes", get(routes))
        .route("/utils/token_counter", post(tokens::counter))
        .route("/v1/messages/count_tokens", post(tokens::messages))
        .merge(models())
        .merge(completions())
        .merge(beside())
        .fallback(other)
        .method_not_allowed_fallback(wrong_method);
    finished(table, router)
}

/// What stands beside the gateway's own paths, on its port; what is on no path is the gateway's to answer.
pub fn beside_gateway(router: Router) -> Axum {
    finished(beside(), router)
}

fn finished(table: Axum<Router>, router: Router) -> Axum {
    table
        // The bound is kept where bodies are read, with an answer that says so.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(router.clone(), marked))
        .with_state(router)
}

fn models() -> Axum<Router> {
    let mut table = Axum::new();
    for base in ["", "/v1"] {
        table = table
            .route(&format!("{base}/models"), get(listing::models))
            .route(&format!("{base}/models/{{*model}}"), get(listing::one))
            .route(&format!("{base}/model/info"), get(listing::info));
    }
    table.route("/model_group/info", get(listing::group_info))
}

fn completions() -> Axum<Router> {
    let mut table = Axum::new();
    for base in ["", "/v1"] {
        table = table
            .route(&format!("{base}/chat/completions"), post(chat))
            .route(&format!("{base}/completions"), post(text))
            .route(&format!("{base}/embeddings"), post(embeddings))
            .route(&format!("{base}/responses"), post(responses));
    }
    // The model may have slashes in its name, so what follows it is told apart by hand.
    table
        .route("/v1/messages", post(messages))
        .route("/engines/{*rest}", post(named))
        .route("/openai/deployments/{*rest}", post(named))
}

fn beside() -> Axum<Router> {
    Axum::new()
        .route("/agent/{name}", any(passthrough::whole))
        .route("/agent/{name}/{*rest}", any(passthrough::below))
        .route("/key/generate", post(keys::generate))
        .route("/key/info", get(keys::info))
        .route("/key/update", post(keys::update))
        .route("/key/delete", post(keys::delete))
        .route("/key/list", get(keys::list))
        .route("/key/block", post(keys::block))
        .route("/key/unblock", post(keys::unblock))
        .route("/key/regenerate", post(keys::regenerate))
        .route("/spend/logs", get(spend::logs))
        .route("/spend/keys", get(spend::keys))
        .route("/spend/calculate", post(spend::calculate))
        .route("/global/spend", get(spend::global))
        .route("/global/spend/keys", get(spend::keys))
        .route("/global/spend/models", get(spend::models))
        .route("/global/spend/provider", get(spend::providers))
        .route("/global/spend/teams", get(spend::teams))
        .route("/global/spend/logs", get(spend::days))
}

/// Every answer says which instance it is from, and every refusal is counted.
async fn marked(
    State(router): State<Router>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    let is_counted = response.extensions_mut().remove::<Counted>().is_some();
    if !is_counted && (status.is_client_error() || status.is_server_error()) {
        let path = path.as_ref().map(MatchedPath::as_str);
        let metrics = &router.inner.metrics;
        metrics.refused_elsewhere(path, status.as_u16());
    }
    let headers = response.headers_mut();
    headers::set(headers, INSTANCE, &router.inner.options.instance);
    response
}

async fn chat(State(router): State<Router>, asker: Asker, body: Body) -> Response {
    answer(router, Front::Chat, None, asker, body).await
}

async fn text(State(router): State<Router>, asker: Asker, body: Body) -> Response {
    answer(router, Front::Completions, None, asker, body).await
}

async fn embeddings(State(router): State<Router>, asker: Asker, body: Body) -> Response {
    answer(router, Front::Embeddings, None, asker, body).await
}

async fn responses(State(router): State<Router>, asker: Asker, body: Body) -> Response {
    answer(router, Front::Responses, None, asker, body).await
}

async fn messages(State(router): State<Router>, asker: Asker, body: Body) -> Response {
    answer(router, Front::Messages, None, asker, body).await
}

/// Paths that name the model.
async fn named(
    State(router): State<Router>,
    InPath(rest): InPath<String>,
    asker: Asker,
    body: Body,
) -> Response {
    let fronts = [Front::Chat, Front::Completions, Front::Embeddings];
    let found = fronts.into_iter().find_map(|front| {
        let model = rest.strip_suffix(front.path())?;
        (!model.is_empty()).then(|| (front, model.to_owned()))
    });
    match found {
        Some((front, model)) => answer(router, front, Some(model), asker, body).await,
        None => unknown(),
    }
}

async fn welcome(State(router): State<Router>) -> Response {
    Json(json!({
        "name": "openclaw router",
        "version": router.inner.options.version,
        "models": "/v1/models",
        "health": "/health",
    }))
    .into_response()
}

/// The paths there are.
async fn routes() -> Response {
    const PATHS: [(&str, &[&str]); 33] = [
        ("/", &["GET"]),
        ("/health", &["GET"]),
        ("/health/liveliness", &["GET"]),
        ("/health/liveness", &["GET"]),
        ("/health/readiness", &["GET"]),
        ("/metrics", &["GET"]),
        ("/routes", &["GET"]),
        ("/utils/token_counter", &["POST"]),
        ("/v1/models", &["GET"]),
        ("/v1/models/{model}", &["GET"]),
        ("/model/info", &["GET"]),
        ("/model_group/info", &["GET"]),
        ("/v1/chat/completions", &["POST"]),
        ("/v1/completions", &["POST"]),
        ("/v1/embeddings", &["POST"]),
        ("/v1/responses", &["POST"]),
        ("/v1/messages", &["POST"]),
        ("/v1/messages/count_tokens", &["POST"]),
        ("/engines/{model}/chat/completions", &["POST"]),
        ("/openai/deployments/{model}/chat/completions", &["POST"]),
        ("/agent/{name}", &["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ("/key/generate", &["POST"]),
        ("/key/info", &["GET"]),
        ("/key/update", &["POST"]),
        ("/key/delete", &["POST"]),
        ("/key/list", &["GET"]),
        ("/key/block", &["POST"]),
        ("/key/unblock", &["POST"]),
        ("/key/regenerate", &["POST"]),
        ("/spend/logs", &["GET"]),
        ("/spend/keys", &["GET"]),
        ("/spend/calculate", &["POST"]),
        ("/global/spend", &["GET"]),
    ];
    let routes: Vec<_> = PATHS
        .iter()
        .map(|(path, methods)| json!({"path": path, "methods": methods}))
        .collect();
    Json(json!({"routes": routes})).into_response()
}

/// What is no path of ours may be one that is passed on.
async fn other(State(router): State<Router>, request: Request) -> Response {
    match Box::pin(passthrough::elsewhere(router, request)).await {
        Ok(response) => response,
        Err(_request) => unknown(),
    }
}

fn unknown() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"detail": "Not Found"}))).into_response()
}

async fn wrong_method() -> Response {
    let told = Json(json!({"detail": "Method Not Allowed"}));
    (StatusCode::METHOD_NOT_ALLOWED, told).into_response()
}
