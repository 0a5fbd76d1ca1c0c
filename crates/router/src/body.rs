//! A request's body: read within its bound, looked at as little as possible, and freed of what is meant for us.

use std::borrow::Cow;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use openclaw_models::{
    cache,
    dialect::{Change, Fields, Front},
    exchange::Controls,
};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::{
    error::Refusal,
    limits::{NAME_BYTES_MAX, REQUEST_BYTES_MAX, REQUEST_DEADLINE, TAGS_MAX},
    state::Router,
};

/// Fields that are said to LiteLLM and not to a model.
const OURS: [&str; 10] = [
    "cache",
    "num_retries",
    "fallbacks",
    "timeout",
    "request_timeout",
    "stream_timeout",
    "disable_fallbacks",
    "litellm_metadata",
    "tags",
    "drop_params",
];
/// Fields of LiteLLM's that make it pretend. We don't.
const PRETENCES: [&str; 5] = [
    "mock_response",
    "mock_testing_fallbacks",
    "mock_testing_context_fallbacks",
    "mock_testing_content_policy_fallbacks",
    "mock_timeout",
];

/// Fields that would send a request, and a key, to wherever the caller wants.
const ELSEWHERE: [&str; 4] = ["api_key", "api_base", "base_url", "custom_llm_provider"];

/// What a body says, as far as it is meant for us.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The body for the model.
    pub(crate) body: Bytes,
    pub(crate) model: Option<String>,
    pub(crate) is_streaming: bool,
    pub(crate) user: Option<String>,
    pub(crate) controls: Controls,
}

/// Reads the whole body of a request for a model, within the bound that is configured for these.
pub(crate) async fn of_model(router: &Router, body: Body) -> Result<Bytes, Refusal> {
    let stated = router.inner.options.request_bytes_max;
    within(body, stated.unwrap_or(REQUEST_BYTES_MAX)).await
}

/// Reads the whole body of any other request.
pub(crate) async fn read(body: Body) -> Result<Bytes, Refusal> {
    within(body, REQUEST_BYTES_MAX).await
}

async fn within(body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    let whole = Limited::new(body, bytes_max).collect();
    let Ok(read) = timeout(REQUEST_DEADLINE, whole).await else {
        return Err(Refusal::TooSlow {
            after: REQUEST_DEADLINE,
        });
    };
    match read {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::TooLong { bytes_max }),
        Err(error) => Err(Refusal::Wrong {
            message: format!("the request broke off: {error}"),
            param: String::new(),
        }),
    }
}

/// Reads a body that is one object; an empty one is an empty object.
pub(crate) async fn object(body: Body) -> Result<Map<String, Value>, Refusal> {
    let body = read(body).await?;
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(&body).map_err(|error| Refusal::NotJson {
        reason: error.to_string(),
    })
}

/// Looks at a body; an empty one is an empty object, as LiteLLM has it.
pub(crate) fn look(front: Front, body: Bytes) -> Result<Asked, Refusal> {
    let body = match body.trim_ascii() {
        b"" => Bytes::from_static(b"{}"),
        _ => body,
    };
    let fields = Fields::read(&body).map_err(|error| Refusal::NotJson {
        reason: error.to_string(),
    })?;
    needed(front, &fields)?;
    let controls = controls(&fields)?;
    let remove: Vec<(&str, Change<'_>)> = OURS
        .iter()
        .filter(|name| fields.get(name).is_some())
        .map(|name| (*name, Change::Remove))
        .collect();
    let (model, user) = (fields.text("model"), fields.text("user"));
    let is_streaming = fields.is_true("stream");
    let freed = (!remove.is_empty()).then(|| Bytes::from(fields.with(&remove)));
    Ok(Asked {
        model,
        is_streaming,
        user: user.map(|user| cut(&user)),
        controls,
        body: freed.unwrap_or(body),
    })
}

/// What a dialect can't do without.
fn needed(front: Front, fields: &Fields<'_>) -> Result<(), Refusal> {
    let (name, is_list) = match front {
        Front::Chat | Front::Messages => ("messages", true),
        Front::Completions => ("prompt", false),
        Front::Embeddings | Front::Responses => ("input", false),
    };
    let wrong = |message: String| Refusal::Wrong {
        message,
        param: name.to_owned(),
    };
    match fields.get(name) {
        None | Some("null") => Err(wrong(format!(
            "{}: Missing required parameter: '{name}'.",
            front.path()
        ))),
        Some(value) if is_list && !value.starts_with('[') => {
            Err(wrong(format!("{}: '{name}' must be a list.", front.path())))
        }
        Some(_) => Ok(()),
    }
}

fn controls(fields: &Fields<'_>) -> Result<Controls, Refusal> {
    for pretence in PRETENCES {
        if fields.get(pretence).is_some() {
            return Err(Refusal::Wrong {
                message: format!("`{pretence}` is not supported: every answer here is a model's"),
                param: pretence.to_owned(),
            });
        }
    }
    for field in ELSEWHERE {
        if fields.get(field).is_some() {
            return Err(Refusal::Wrong {
                message: format!(
                    "`{field}` is not taken from a request: the configuration says where models are"
                ),
                param: field.to_owned(),
            });
        }
    }
    let ms = |name: &str| -> Result<Option<u64>, Refusal> {
        let Some(value) = fields.get(name).filter(|value| *value != "null") else {
            return Ok(None);
        };
        seconds(value.trim_matches('"'))
            .map(Some)
            .ok_or_else(|| Refusal::Wrong {
                message: format!("`{name}` must be a number of seconds"),
                param: name.to_owned(),
            })
    };
    let cache = match fields.get("cache") {
        Some(stated) => cache::Controls::read(stated).map_err(|fault| Refusal::Wrong {
            message: fault.to_string(),
            param: "cache".to_owned(),
        })?,
        None => cache::Controls::default(),
    };
    let timeout_ms = match ms("timeout")? {
        None => ms("request_timeout")?,
        stated => stated,
    };
    Ok(Controls {
        timeout_ms,
        stream_timeout_ms: ms("stream_timeout")?,
        num_retries: retries(fields)?,
        fallbacks: fallbacks(fields)?,
        disable_fallbacks: fields.is_true("disable_fallbacks"),
        tags: tags(fields),
        cache,
        passthrough: None,
    })
}

/// Seconds as milliseconds; at least one, at most a day.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let seconds: f64 = text.trim().parse().ok()?;
    let ms = seconds.mul_add(1_000.0, 0.0);
    (ms.is_finite() && ms > 0.0).then(|| ms.clamp(1.0, 86_400_000.0) as u64)
}

fn retries(fields: &Fields<'_>) -> Result<Option<u32>, Refusal> {
    let stated = fields.get("num_retries").filter(|value| *value != "null");
    let read = stated.map(str::parse).transpose();
    read.map_err(|_error| Refusal::Wrong {
        message: "`num_retries` must be a whole number".to_owned(),
        param: "num_retries".to_owned(),
    })
}

/// Names of groups, or LiteLLM's objects with a `model`.
fn fallbacks(fields: &Fields<'_>) -> Result<Vec<String>, Refusal> {
    let Some(stated) = fields.get("fallbacks").filter(|value| *value != "null") else {
        return Ok(Vec::new());
    };
    let wrong = || Refusal::Wrong {
        message: "`fallbacks` must be a list of model names".to_owned(),
        param: "fallbacks".to_owned(),
    };
    let stated: Vec<Value> = serde_json::from_str(stated).map_err(|_error| wrong())?;
    let names = stated.iter().map(|fallback| match fallback {
        Value::String(name) => Ok(name.clone()),
        other => other["model"].as_str().map(str::to_owned).ok_or_else(wrong),
    });
    names.collect()
}

fn tags(fields: &Fields<'_>) -> Vec<String> {
    let list = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap_or_default();
    let mut tags = fields.get("tags").map(list).unwrap_or_default();
    for name in ["metadata", "litellm_metadata"] {
        let stated = fields.get(name).map(str::as_bytes).map(Fields::read);
        if let Some(Ok(stated)) = stated {
            tags.extend(stated.get("tags").map(list).unwrap_or_default());
        }
    }
    tags.truncate(TAGS_MAX);
    tags.iter().map(|tag| cut(tag)).collect()
}

/// A client's text, no longer than is kept.
fn cut(text: &str) -> String {
    let mut end = text.len().min(NAME_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end)
        .map(Cow::Borrowed)
        .unwrap_or_default()
        .into_owned()
}
