//! The way of every request for a model: who asks, what is asked, the exchange, and the answer with its headers.

use std::sync::Arc;

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use openclaw_accounts::Caller;
use openclaw_models::{
    dialect::Front,
    exchange::{self, Answer, Ask, Failure, Meter},
};

use crate::{
    auth::{self, Asker},
    body,
    body::Asked,
    error::Refusal,
    headers,
    state::{Inner, Router},
};

/// Put into an answer's extensions by what has counted it, or will when it has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted;

/// What is known of a call from its beginning.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) front: Front,
    pub(crate) id: String,
    pub(crate) router: Router,
}

impl Call {
    pub(crate) fn new(router: &Router, front: Front) -> Self {
        Self {
            front,
            id: router.inner.call_id(),
            router: router.clone(),
        }
    }

    fn inner(&self) -> &Arc<Inner> {
        &self.router.inner
    }

    /// The answer that says why there is none.
    pub(crate) fn refused(&self, refusal: &Refusal, caller: Option<&Caller>) -> Response {
        let mut told = headers::of_call(&self.id);
        if let Some(caller) = caller {
            headers::set(&mut told, "x-litellm-response-cost", 0);
            headers::of_key(&mut told, &self.inner().accounts, caller, None);
        }
        if let Refusal::Failed(failure) = refusal
            && let Failure::Upstream(upstream) = failure.as_ref()
        {
            headers::of_server(&mut told, &upstream.headers);
            headers::set(&mut told, "x-litellm-model-id", &upstream.by.deployment);
        }
        self.inner().metrics.refused(self.front, refusal.status());
        let mut response = refusal.response(self.front, told);
        let _none = response.extensions_mut().insert(Counted);
        response
    }
}

impl Inner {
    /// A fresh id in the form of a UUID.
    pub(crate) fn call_id(&self) -> String {
        let id = self.env.fresh_id();
        let mut text = String::with_capacity(36);
        for (place, letter) in id.chars().enumerate() {
            if matches!(place, 8 | 12 | 16 | 20) {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }
}

/// Answers one request. `model` is the one that the path names, where it names one.
pub(crate) async fn answer(
    router: Router,
    front: Front,
    model: Option<String>,
    asker: Asker,
    body: Body,
) -> Response {
    let call = Call::new(&router, front);
    let caller = match auth::caller(&router.inner.accounts, &asker) {
        Ok(caller) => caller,
        Err(refusal) => return call.refused(&refusal, None),
    };
    match asked(&call, &caller, model, &asker.headers, body).await {
        Ok(answer) => response(&call, &caller, caller.is_owner(), answer),
        Err(refusal) => call.refused(&refusal, Some(&caller)),
    }
}

async fn asked(
    call: &Call,
    caller: &Caller,
    model: Option<String>,
    told: &HeaderMap,
    body: Body,
) -> Result<Answer, Refusal> {
    let asked = body::look(call.front, body::of_model(&call.router, body).await?)?;
    let reference = model
        .or_else(|| asked.model.clone())
        .ok_or_else(|| Refusal::Wrong {
            message: format!(
                "{}: Missing required parameter: 'model'.",
                call.front.path()
            ),
            param: "model".to_owned(),
        })?;
    let ask = ask(call, caller, &reference, asked, told);
    Ok(call.inner().models.exchange(ask).await?)
}

/// The request with what its headers say of it.
pub(crate) fn ask(
    call: &Call,
    caller: &Caller,
    reference: &str,
    asked: Asked,
    told: &HeaderMap,
) -> Ask {
    let number = |name: &str| told.get(name)?.to_str().ok();
    let mut controls = asked.controls;
    if let Some(ms) = number("x-litellm-timeout").and_then(body::seconds) {
        controls.timeout_ms = Some(ms);
    }
    if let Some(ms) = number("x-litellm-stream-timeout").and_then(body::seconds) {
        controls.stream_timeout_ms = Some(ms);
    }
    let retries = number("x-litellm-num-retries").and_then(|text| text.trim().parse().ok());
    controls.num_retries = retries.or(controls.num_retries);
    Ask {
        is_streaming: asked.is_streaming,
        request_id: Some(call.id.clone()),
        user: asked.user,
        controls,
        ..Ask::new(caller.clone(), call.front, reference, asked.body)
    }
}

/// The answer with its headers; a stream is told as it comes.
/// Where the server is, is shown to an owner who showed a key, or where no key is set.
pub(crate) fn response(call: &Call, caller: &Caller, is_owner: bool, answer: Answer) -> Response {
    let inner = call.inner();
    let spent = answer.meter.read();
    let mut told = headers::of_call(&call.id);
    headers::of_answer(&mut told, &answer.by, is_owner);
    headers::of_spent(&mut told, &spent);
    headers::of_key(&mut told, &inner.accounts, caller, spent.key_spend);
    headers::of_gauges(&mut told, &answer.gauges);
    headers::of_server(&mut told, &answer.headers);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let watch = Watch {
        call: call.clone(),
        meter: answer.meter,
        group: Arc::clone(&answer.by.group),
        status: answer.status,
    };
    let body = match answer.body {
        exchange::Body::Whole(bytes) => {
            told.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
            drop(watch);
            Body::from(bytes)
        }
        exchange::Body::Events(events) => {
            told.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/event-stream; charset=utf-8"),
            );
            told.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers::set(&mut told, "x-accel-buffering", "no");
            Body::from_stream(events.map(move |piece| {
                let _held = &watch;
                Ok::<Bytes, std::convert::Infallible>(piece)
            }))
        }
        exchange::Body::Raw(pieces) => {
            if let Some(kind) = answer.headers.get(header::CONTENT_TYPE) {
                told.insert(header::CONTENT_TYPE, kind.clone());
            }
            Body::from_stream(pieces.map(move |piece| {
                let _held = &watch;
                piece
            }))
        }
    };
    let mut response = (status, told, body).into_response();
    let _none = response.extensions_mut().insert(Counted);
    response
}

/// Counts a call when its answer has ended, however it did.
#[derive(Debug)]
struct Watch {
    call: Call,
    meter: Meter,
    group: Arc<str>,
    status: u16,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let spent = self.meter.read();
        let metrics = &self.call.inner().metrics;
        metrics.answered(self.call.front, &self.group, self.status, &spent);
    }
}
