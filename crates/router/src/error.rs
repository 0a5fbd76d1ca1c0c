//! Failures in the words that clients know: LiteLLM's, and Anthropic's on its own path.
//!
//! LiteLLM's messages list other groups, addresses and digests of keys; ours name what the caller sent and nothing else.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use openclaw_accounts::{Denied, LimitKind};
use openclaw_models::{
    Kind,
    dialect::Front,
    exchange::{Failure, Upstream},
};
use serde_json::{Value, json};

/// Why a request gets no answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The key is not written as one.
    MalformedKey,
    /// Only the owner may do this.
    NotOwner,
    /// The accounts refuse it.
    Denied(Denied),
    /// The body is not JSON.
    NotJson { reason: String },
    /// Something in the request is missing or wrong.
    Wrong { message: String, param: String },
    /// It is longer than any request may be.
    TooLong { bytes_max: usize },
    /// It took longer to arrive than any request may.
    TooSlow { after: Duration },
    /// What is asked for is not there.
    NotFound { message: String },
    /// The model gave no answer.
    Failed(Box<Failure>),
    /// Something of ours is broken.
    Broken { message: String },
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Denied(denied) => Self::Denied(denied),
            Failure::BadRequest { message, param } => Self::Wrong {
                message,
                param: param.unwrap_or_default(),
            },
            failure => Self::Failed(Box::new(failure)),
        }
    }
}

/// What a client is told.
#[derive(Debug)]
struct Told {
    status: u16,
    kind: &'static str,
    message: String,
    param: Value,
    headers: Vec<(&'static str, String)>,
}

impl Told {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            param: Value::Null,
            headers: Vec::new(),
        }
    }

    fn auth(message: &str) -> Self {
        Self {
            // A text, as LiteLLM has it.
            param: Value::from("None"),
            ..Self::new(
                401,
                "auth_error",
                format!("Authentication Error, {message}"),
            )
        }
    }

    fn retry_after(mut self, seconds: u64) -> Self {
        self.headers
            .push(("retry-after", seconds.max(1).to_string()));
        self
    }
}

impl Refusal {
    fn told(&self) -> Told {
        match self {
            Self::MalformedKey => {
                Told::auth("Malformed API Key passed in. Ensure Key has `Bearer ` prefix.")
            }
            Self::NotOwner => Told::auth(
                "Only the owner of the master key can do this. Send the master key as `Authorization: Bearer <key>`.",
            ),
            Self::Denied(denied) => self::denied(denied),
            Self::NotJson { reason } => Told {
                param: Value::from("request_body"),
                ..invalid(400, format!("Invalid JSON payload: {reason}"))
            },
            Self::Wrong { message, param } => Told {
                param: match param.as_str() {
                    "" => Value::Null,
                    param => Value::from(param),
                },
                ..invalid(400, message.clone())
            },
            Self::TooLong { bytes_max } => {
                invalid(413, format!("the request is longer than {bytes_max} bytes"))
            }
            Self::TooSlow { after } => invalid(
                408,
                format!("the request did not arrive within {} s", after.as_secs()),
            ),
            Self::NotFound { message } => invalid(404, message.clone()),
            Self::Failed(failure) => failed(failure),
            Self::Broken { message } => Told::new(500, "internal_server_error", message.clone()),
        }
    }

    /// Its status.
    pub(crate) fn status(&self) -> u16 {
        self.told().status
    }

    /// What a client of a dialect is told.
    pub(crate) fn response(&self, front: Front, headers: HeaderMap) -> Response {
        let told = self.told();
        let body = if front == Front::Messages {
            anthropic(&told)
        } else {
            json!({"error": {
                "message": told.message,
                "type": told.kind,
                "param": told.param,
                "code": told.status.to_string(),
            }})
        };
        let status = StatusCode::from_u16(told.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, headers, Body::from(body.to_string())).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        for (name, value) in told.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// Outside the paths for models everybody gets OpenAI's words.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.response(Front::Chat, HeaderMap::new())
    }
}

fn invalid(status: u16, message: String) -> Told {
    Told::new(status, "invalid_request_error", message)
}

/// Anthropic's types of error go by the status.
fn anthropic(told: &Told) -> Value {
    let kind = match told.status {
        400 | 422 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        408 | 504 => "timeout_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": told.message}})
}

fn denied(denied: &Denied) -> Told {
    match denied {
        Denied::MissingKey => {
            Told::auth("No api key passed in. Send it as `Authorization: Bearer <key>`.")
        }
        Denied::WrongKey => Told::auth("the API key is neither the master key nor a virtual key."),
        Denied::Expired { .. } => Told {
            param: Value::Null,
            kind: "expired_key",
            ..Told::auth(&denied.to_string())
        },
        Denied::Blocked => Told::auth("Key is blocked. Its owner can unblock it."),
        Denied::KeysUnreadable { .. } => Told::new(503, "no_db_connection", denied.to_string()),
        Denied::ModelNotAllowed { .. } => Told {
            param: Value::from("model"),
            ..Told::new(403, "key_model_access_denied", denied.to_string())
        },
        Denied::RateLimited(limited) => {
            let mut told = Told::new(429, "throttling_error", denied.to_string())
                .retry_after(limited.retry_after_ms.div_ceil(1_000));
            let kind = match limited.kind {
                LimitKind::Burst => LimitKind::Requests,
                kind => kind,
            };
            told.headers
                .push(("rate_limit_type", kind.word().to_owned()));
            if let Some(at) = limited.resets_at {
                let clock = at.to_string();
                let clock = clock.split(['T', '.']).take(2).collect::<Vec<_>>();
                told.headers
                    .push(("reset_at", format!("{} UTC", clock.join(" "))));
            }
            told
        }
        Denied::BudgetExceeded(_) => Told::new(422, "budget_exceeded", denied.to_string()),
        Denied::Unpriced { .. } => Told {
            param: Value::from("model"),
            ..Told::new(422, "budget_exceeded", denied.to_string())
        },
        Denied::LedgerUnavailable { .. } => {
            Told::new(503, "internal_server_error", denied.to_string()).retry_after(5)
        }
    }
}

fn failed(failure: &Failure) -> Told {
    match failure {
        Failure::Denied(denied) => self::denied(denied),
        Failure::Unserved { .. } => Told {
            param: Value::from("model"),
            ..invalid(400, failure.to_string())
        },
        Failure::Resting { retry_after, .. } => {
            Told::new(429, "throttling_error", failure.to_string())
                .retry_after(retry_after.as_secs())
        }
        Failure::BadRequest { message, .. } => invalid(400, message.clone()),
        Failure::Upstream(upstream) => self::upstream(upstream),
        Failure::Cancelled => {
            Told::new(503, "internal_server_error", failure.to_string()).retry_after(1)
        }
    }
}

/// Statuses and types as LiteLLM gives them for the same failures of a server.
fn upstream(upstream: &Upstream) -> Told {
    let message = upstream.message.clone();
    let told = match (upstream.kind, upstream.status) {
        // The provider's account is empty; the caller's key is not at fault.
        (Kind::Auth, 402) => Told::new(402, "billing_error", message),
        (Kind::Auth, 403) => Told::new(403, "permission_error", message),
        (Kind::Auth, _) => Told::new(401, "authentication_error", message),
        (Kind::NotFound, _) => invalid(404, message),
        (Kind::RateLimited { .. }, _) => Told::new(429, "throttling_error", message),
        (Kind::Timeout(_), _) => invalid(408, message),
        (Kind::BadRequest | Kind::ContextOverflow | Kind::Refused, status @ 400..=499) => {
            invalid(status, message)
        }
        (Kind::BadRequest | Kind::ContextOverflow | Kind::Refused, _) => invalid(400, message),
        (_, status @ 500..=599) => Told::new(status, "internal_server_error", message),
        (Kind::NoModel, _) => invalid(400, message),
        _ => Told::new(500, "internal_server_error", message),
    };
    match upstream.retry_after {
        Some(after) => told.retry_after(after.as_secs()),
        None => told,
    }
}
