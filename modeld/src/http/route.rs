//! The routes.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    App, Body,
    completion::{Heading, Steps, Whole},
    prepare,
    problem::Problem,
    stream,
};
use crate::{
    chat,
    engine::{Event, Failure},
    prompt,
};

/// Largest request body: far more than any context holds.
const MAX_BODY: usize = 8 * 1024 * 1024;
/// How long a request body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// What a client that meets a full queue is told to wait, in seconds.
const RETRY_SECONDS: &str = "2";

/// Answers any request.
pub(super) async fn answer(app: &Arc<App>, request: Request<Incoming>) -> Response<Body> {
    match dispatch(app, request).await {
        Ok(response) => response,
        Err(problem) => refusal(&problem),
    }
}

async fn dispatch(app: &Arc<App>, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
    let is = |method: Method| request.method() == method;
    match request.uri().path() {
        "/v1/chat/completions" if is(Method::POST) => complete(app, read(request).await?).await,
        "/tokenize" if is(Method::POST) => tokenize(app, read(request).await?).await,
        "/health" if is(Method::GET) => Ok(health(app)),
        "/v1/models" if is(Method::GET) => Ok(models(app)),
        "/v1/chat/completions" | "/tokenize" => Err(Problem::Method { allow: "POST" }),
        "/health" | "/v1/models" => Err(Problem::Method { allow: "GET" }),
        path => Err(Problem::NoRoute {
            path: path.chars().take(100).collect(),
        }),
    }
}

/// Reads the body; one that announces itself as too large is refused unread.
async fn read(request: Request<Incoming>) -> Result<Bytes, Problem> {
    let body = request.into_body();
    let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
    if body.size_hint().lower() > limit {
        return Err(Problem::TooLarge { limit: MAX_BODY });
    }
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::TooLarge { limit: MAX_BODY })
        }
        Ok(Err(_)) => Err(Problem::Broken),
        Err(_) => Err(Problem::Slow),
    }
}

async fn complete(app: &Arc<App>, body: Bytes) -> Result<Response<Body>, Problem> {
    let (model, context) = (Arc::clone(app.model()), context(app));
    let number = app.unique();
    let [a, b, c, d, ..] = number.to_le_bytes();
    let seed = u32::from_le_bytes([a, b, c, d]);
    let work = move || prepare::prepare(&model, chat::Request::parse(&body)?, context, seed);
    let prepared = tokio::task::spawn_blocking(work)
        .await
        .map_err(Problem::Unprepared)??;
    let heading = Heading {
        number,
        created: App::unix_seconds(),
        model: app.model().name.clone(),
    };
    let mut events = app.engine().submit(prepared.job)?;
    if prepared.stream {
        let body = stream::Events::new(heading, prepared.tools, events, prepared.include_usage);
        let mut response = Response::new(Either::Right(body));
        set(&mut response, CONTENT_TYPE, "text/event-stream");
        set(&mut response, CACHE_CONTROL, "no-cache");
        return Ok(response);
    }
    let (mut steps, mut whole) = (Steps::new(prepared.tools), Whole::default());
    loop {
        let event = events
            .recv()
            .await
            .unwrap_or(Event::Failed(Failure::Stopping));
        for step in steps.next(event) {
            if let Some(outcome) = whole.add(&heading, step) {
                return Ok(json_response(StatusCode::OK, &outcome?));
            }
        }
    }
}

/// What `/tokenize` takes: a conversation or a text.
#[derive(Deserialize)]
struct Tokenize {
    messages: Option<Value>,
    tools: Option<Value>,
    text: Option<String>,
}

async fn tokenize(app: &Arc<App>, body: Bytes) -> Result<Response<Body>, Problem> {
    let model = Arc::clone(app.model());
    let work = move || {
        let asked: Tokenize = serde_json::from_slice(&body).map_err(chat::Error::from)?;
        let (tokens, text) = match (asked.messages, asked.text) {
            (Some(messages), None) => {
                let (messages, tools) = chat::parse_messages(messages, asked.tools)?;
                let prompt = model.write(&messages, &tools)?;
                (
                    model.tokenize(&prompt).len(),
                    prompt.replace(prompt::defuse::CUT, ""),
                )
            }
            (None, Some(text)) => (model.tokenize_plain(&text).len(), text),
            _ => {
                return Err(Problem::from(chat::Error::Invalid {
                    param: "messages",
                    expected: "given, or text instead",
                }));
            }
        };
        Ok(json!({"tokens": tokens, "prompt": text}))
    };
    let counted = tokio::task::spawn_blocking(work)
        .await
        .map_err(Problem::Unprepared)??;
    Ok(json_response(StatusCode::OK, &counted))
}

fn context(app: &App) -> usize {
    usize::try_from(app.engine().size().context).unwrap_or(usize::MAX)
}

fn health(app: &App) -> Response<Body> {
    let body = json!({
        "status": "ok",
        "model": app.model().name,
        "contextWindow": context(app),
        "slots": app.engine().size().slots,
        "busy": app.engine().busy(),
    });
    json_response(StatusCode::OK, &body)
}

fn models(app: &App) -> Response<Body> {
    let model = json!({
        "id": app.model().name,
        "object": "model",
        "created": 0,
        "owned_by": "local",
        "context_window": context(app),
    });
    json_response(StatusCode::OK, &json!({"object": "list", "data": [model]}))
}

fn refusal(problem: &Problem) -> Response<Body> {
    let mut response = json_response(problem.status(), &problem.body());
    if let Problem::Method { allow } = problem {
        set(&mut response, ALLOW, allow);
    }
    if problem.status() == StatusCode::TOO_MANY_REQUESTS {
        set(&mut response, RETRY_AFTER, RETRY_SECONDS);
    }
    response
}

fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::from(body.to_string())));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, "application/json");
    response
}

fn set(response: &mut Response<Body>, name: hyper::header::HeaderName, value: &'static str) {
    response
        .headers_mut()
        .insert(name, hyper::header::HeaderValue::from_static(value));
}
