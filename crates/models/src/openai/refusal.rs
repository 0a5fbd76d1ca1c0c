//! What a server's error body says, and what kind of failure it amounts to.

use std::{borrow::Cow, time::Duration};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::frame::BaseResponse;
use crate::{
    error::{Kind, Phase},
    http::{HeaderMap, header},
    limits::ERROR_MESSAGE_CHARS_MAX,
};

/// The parts of an error body that are used, whichever of the usual shapes it has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    message: String,
    code: String,
    r#type: String,
}

/// What a refusal amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Classified {
    /// The status, or the one that the error names; 0 when there is none.
    pub(crate) status: u16,
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) code: Option<String>,
}

/// Classifies an answer that refuses the call; `status` is 0 in the middle of a stream.
pub(crate) fn classify(status: u16, headers: &HeaderMap, body: &[u8]) -> Classified {
    Refusal::read(body).classified(status, retry_after(headers))
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
}

impl Refusal {
    /// Reads the body of an answer with an error status.
    pub(super) fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        // Gemini's compatible side wraps the object in a list.
        let object = text.trim().trim_start_matches('[').trim_end_matches(']');
        let Ok(body) = serde_json::from_str::<Body<'_>>(object) else {
            return Self {
                message: readable(&text),
                ..Self::default()
            };
        };
        if let Some(error) = body.error {
            return Self::of(error);
        }
        let message = match (body.message, body.detail) {
            (Some(message), _) => readable(&message),
            (None, Some(detail)) => readable(detail.get()),
            (None, None) => readable(&text),
        };
        Self {
            message,
            ..Self::default()
        }
    }

    /// Reads the value of `error`, an object or a text.
    pub(super) fn of(error: &RawValue) -> Self {
        let Ok(fields) = serde_json::from_str::<Fields<'_>>(error.get()) else {
            let text = serde_json::from_str::<String>(error.get());
            return Self {
                message: readable(&text.unwrap_or_else(|_| error.get().to_owned())),
                ..Self::default()
            };
        };
        let word = |raw: Option<&RawValue>| {
            raw.map(|raw| raw.get().trim_matches('"').to_owned())
                .filter(|word| word != "null")
                .unwrap_or_default()
        };
        let code = word(fields.code);
        Self {
            message: readable(fields.message.as_deref().unwrap_or_default()),
            code: if code.is_empty() {
                word(fields.status)
            } else {
                code
            },
            r#type: fields.r#type.unwrap_or_default().into_owned(),
        }
    }

    /// Reads MiniMax's own status; `None` when it is good.
    pub(super) fn of_base(base: &BaseResponse<'_>) -> Option<Self> {
        let code = match base.status_code {
            0 => return None,
            1_002 | 1_041 => "rate_limit_exceeded",
            1_004 | 2_049 => "invalid_api_key",
            1_008 => "insufficient_quota",
            1_026 | 1_027 => "content_filter",
            1_039 => "context_length_exceeded",
            _ => "",
        };
        let message = base.status_msg.as_deref().unwrap_or_default();
        Some(Self {
            message: format!("{} ({})", readable(message), base.status_code),
            code: code.to_owned(),
            r#type: String::new(),
        })
    }

    /// What it amounts to; `status` is 0 in the middle of a stream.
    pub(super) fn classified(self, status: u16, retry_after: Option<Duration>) -> Classified {
        let status = if status >= 300 {
            status
        } else {
            self.own_status().unwrap_or(0)
        };
        Classified {
            status,
            kind: self.kind(status, retry_after),
            message: self.message,
            code: Some(self.code).filter(|code| !code.is_empty()),
        }
    }

    /// The status that the error itself names; servers in between put one into `code`.
    fn own_status(&self) -> Option<u16> {
        self.code
            .parse()
            .ok()
            .filter(|status| (400..600).contains(status))
    }

    /// Whether a code, a type or the message holds one of these words.
    fn names(&self, words: &[&str]) -> bool {
        let message = self.message.to_ascii_lowercase();
        words.iter().any(|word| {
            self.code.eq_ignore_ascii_case(word)
                || self.r#type.eq_ignore_ascii_case(word)
                || message.contains(word)
        })
    }

    /// What kind of failure it amounts to.
    pub(super) fn kind(&self, status: u16, retry_after: Option<Duration>) -> Kind {
        match status {
            401..=403 => Kind::Auth,
            404 => Kind::NotFound,
            408 => Kind::Timeout(Phase::FirstByte),
            413 => Kind::ContextOverflow,
            429 => Kind::RateLimited { retry_after },
            400..=499 => self.bad_request(retry_after),
            0 => match self.bad_request(retry_after) {
                // An error without any status says nothing about the request.
                Kind::BadRequest => Kind::Overloaded,
                kind => kind,
            },
            300..=399 => Kind::Malformed,
            _ => Kind::Overloaded,
        }
    }

    fn bad_request(&self, retry_after: Option<Duration>) -> Kind {
        const OVERFLOW: [&str; 7] = [
            "context_length_exceeded",
            "maximum context length",
            "context window",
            "prompt is too long",
            "too many tokens",
            "exceeds the available context size",
            "input is too long",
        ];
        const REFUSED: [&str; 4] = [
            "content_filter",
            "content_policy_violation",
            "responsibleaipolicyviolation",
            "content management policy",
        ];
        const NOT_FOUND: [&str; 6] = [
            "model_not_found",
            "invalid model name",
            "model not found",
            "unknown model",
            "not a valid model",
            "model does not exist",
        ];
        const AUTH: [&str; 5] = [
            "invalid_api_key",
            "auth_error",
            "authentication_error",
            "no_db_connection",
            "api key not valid",
        ];
        const SPENT: [&str; 5] = [
            "budget_exceeded",
            "insufficient_quota",
            "rate_limit_exceeded",
            "rate_limit_error",
            "resource_exhausted",
        ];
        if self.names(&OVERFLOW) {
            Kind::ContextOverflow
        } else if self.names(&REFUSED) {
            Kind::Refused
        } else if self.names(&NOT_FOUND) {
            Kind::NotFound
        } else if self.names(&AUTH) {
            Kind::Auth
        } else if self.names(&SPENT) {
            Kind::RateLimited { retry_after }
        } else {
            Kind::BadRequest
        }
    }
}

/// `Retry-After` in seconds, or the milliseconds that some servers add; a date is not used by model servers.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |value: &http::HeaderValue| value.to_str().ok()?.trim().parse::<f64>().ok();
    let ms = headers.get("retry-after-ms").and_then(number);
    let seconds = headers.get(header::RETRY_AFTER).and_then(number);
    let seconds = ms.map(|ms| ms / 1_000.0).or(seconds)?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// A server's words on one line, without control characters, cut to a readable length.
fn readable(text: &str) -> String {
    let mut words = String::new();
    for (count, c) in text.trim().chars().enumerate() {
        if count >= ERROR_MESSAGE_CHARS_MAX {
            words.push('…');
            break;
        }
        words.push(if c.is_control() { ' ' } else { c });
    }
    words
}

#[cfg(test)]
mod tests;
