//! How each dialect says no.

use serde_json::{Value, json};

use super::dialect::Dialect;
use crate::scripted_model::{Script, Step};

/// What is said of a status, as OpenAI says it: message, type, code.
const fn words(status: u16) -> (&'static str, &'static str, Option<&'static str>) {
    match status {
        400 => (
            "mock bad request",
            "invalid_request_error",
            Some("bad_request"),
        ),
        401 => (
            "Incorrect API key provided: sk-mock",
            "invalid_request_error",
            Some("invalid_api_key"),
        ),
        402 => ("mock payment required", "insufficient_quota", None),
        403 => ("mock forbidden", "permission_error", Some("forbidden")),
        404 => (
            "The model `x` does not exist",
            "invalid_request_error",
            Some("model_not_found"),
        ),
        408 => ("mock request timeout", "timeout", None),
        422 => ("mock unprocessable", "invalid_request_error", None),
        429 => (
            "mock rate limit",
            "rate_limit_error",
            Some("rate_limit_exceeded"),
        ),
        503 | 529 => ("mock overloaded", "server_error", Some("overloaded")),
        500..=599 => ("mock internal", "server_error", Some("internal")),
        _ => ("mock refusal", "invalid_request_error", None),
    }
}

/// An error body of a status.
pub(super) fn body(dialect: Dialect, status: u16) -> Value {
    let (message, kind, code) = words(status);
    let anthropic = match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    };
    let google = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 | 529 => "UNAVAILABLE",
        500..=599 => "INTERNAL",
        _ => "FAILED_PRECONDITION",
    };
    match dialect {
        Dialect::Messages => {
            json!({"type": "error", "error": {"type": anthropic, "message": message}})
        }
        Dialect::Gemini => {
            json!({"error": {"code": status, "message": message, "status": google}})
        }
        Dialect::Ollama => json!({"error": message}),
        _ => json!({"error": {"message": message, "type": kind, "param": null, "code": code}}),
    }
}

/// What is too long for the model, in the words that providers use for it.
pub(super) fn too_long(dialect: Dialect) -> Value {
    let long = "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.";
    match dialect {
        Dialect::Messages => json!({"type": "error", "error": {"type": "invalid_request_error",
            "message": "prompt is too long: 5000 tokens > 4096 maximum"}}),
        Dialect::Gemini => json!({"error": {"code": 400, "status": "INVALID_ARGUMENT",
            "message": "The input token count (5000) exceeds the maximum number of tokens allowed (4096)."}}),
        Dialect::Ollama => {
            json!({"error": "input length exceeds maximum context length"})
        }
        _ => json!({"error": {"message": long, "type": "invalid_request_error", "param": null,
            "code": "context_length_exceeded"}}),
    }
}

/// What a filter caught.
pub(super) fn filtered() -> Value {
    json!({"error": {"message": "The response was filtered due to the prompt triggering content management policy",
        "type": "invalid_request_error", "param": null, "code": "content_policy_violation"}})
}

/// What comes in the middle of a stream.
pub(super) fn event(dialect: Dialect) -> Vec<u8> {
    let message = "mock stream error";
    let text = match dialect {
        Dialect::Messages => {
            let frame =
                json!({"type": "error", "error": {"type": "api_error", "message": message}});
            format!("event: error\ndata: {frame}\n\n")
        }
        Dialect::Responses => {
            let frame = json!({"type": "error", "code": "server_error", "message": message, "param": null,
                "sequence_number": 99});
            format!("event: error\ndata: {frame}\n\n")
        }
        Dialect::Gemini => crate::scripted_model::event(
            &json!({"error": {"code": 500, "message": message, "status": "INTERNAL"}}),
        ),
        Dialect::Ollama => format!("{}\n", json!({"error": message})),
        _ => crate::scripted_model::event(
            &json!({"error": {"message": message, "type": "server_error", "param": null, "code": null}}),
        ),
    };
    text.into_bytes()
}

/// An answer of a status.
pub(super) fn script(
    status: u16,
    more: &[(&'static str, &str)],
    kind: &str,
    body: Vec<u8>,
) -> Script {
    let mut headers = vec![("content-type", kind.to_owned())];
    headers.extend(
        more.iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    vec![Step::Whole(status, headers, body)]
}
