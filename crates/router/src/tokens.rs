//! How long a conversation is, as far as that can be said without the model.

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::HeaderMap;
use openclaw_models::dialect::Front;
use serde_json::{Value, json};

use crate::{
    auth::{self, Asker},
    body,
    error::Refusal,
    state::Router,
};

/// Bytes of ordinary text that one token stands for.
const BYTES_A_TOKEN: usize = 4;
/// Tokens around each message.
const TOKENS_A_MESSAGE: usize = 4;

/// LiteLLM's question.
pub(crate) async fn counter(
    State(router): State<Router>,
    asker: Asker,
    body: Body,
) -> Result<Response, Refusal> {
    auth::caller(&router.inner.accounts, &asker)?;
    let asked = Value::Object(body::object(body).await?);
    Ok(Json(json!({
        "total_tokens": estimate(&asked),
        "request_model": asked["model"],
        "model_used": asked["model"],
        "tokenizer_type": "estimate",
        "count_source": "local_estimate",
        "original_response": null,
        "error": false,
        "error_message": null,
        "status_code": null,
    }))
    .into_response())
}

/// Anthropic's question.
pub(crate) async fn messages(State(router): State<Router>, asker: Asker, body: Body) -> Response {
    let counted = async {
        auth::caller(&router.inner.accounts, &asker)?;
        let asked = body::look(Front::Messages, body::read(body).await?)?;
        serde_json::from_slice::<Value>(&asked.body).map_err(|error| Refusal::NotJson {
            reason: error.to_string(),
        })
    };
    match counted.await {
        Ok(asked) => Json(json!({"input_tokens": estimate(&asked)})).into_response(),
        Err(refusal) => refusal.response(Front::Messages, HeaderMap::new()),
    }
}

/// About how many tokens a request has; images are not counted.
fn estimate(asked: &Value) -> usize {
    let messages = asked["messages"].as_array().map_or(0, Vec::len) * TOKENS_A_MESSAGE;
    let parts = ["messages", "prompt", "contents", "system", "tools"];
    let bytes: usize = parts.iter().map(|part| text_bytes(&asked[*part])).sum();
    messages + bytes.div_ceil(BYTES_A_TOKEN)
}

fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) if text.starts_with("data:") => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(text_bytes).sum(),
        Value::Object(fields) => fields.values().map(text_bytes).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}
