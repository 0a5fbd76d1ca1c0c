//! What can go wrong with a request, and how a client is told.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::{
    chat,
    engine::{Failure, Refused},
    grammar, prompt,
};

/// Why a request gets no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("there is nothing at {path}")]
    NoRoute { path: String },
    #[error("this path takes only {allow}")]
    Method { allow: &'static str },
    #[error("the request body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the request body did not arrive in time")]
    Slow,
    #[error("the request body broke off")]
    Broken,
    #[error(transparent)]
    Request(#[from] chat::Error),
    #[error(transparent)]
    Schema(#[from] grammar::Error),
    #[error("the schema can't be followed")]
    Grammar,
    #[error(transparent)]
    Template(#[from] prompt::Error),
    #[error(
        "the conversation has {prompt} tokens and the answer up to {answer}, but the context is {context} tokens"
    )]
    ContextLength {
        prompt: usize,
        answer: usize,
        context: usize,
    },
    #[error("the conversation alone has more than the {context} tokens of the context")]
    FarTooLong { context: usize },
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("the request could not be prepared")]
    Unprepared(#[source] tokio::task::JoinError),
}

impl Problem {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::NoRoute { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Refused(Refused::Full) => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused(Refused::Stopped) | Self::Failed(Failure::Stopping) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Failed(_) | Self::Unprepared(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Broken
            | Self::Request(_)
            | Self::Schema(_)
            | Self::Grammar
            | Self::Template(_)
            | Self::ContextLength { .. }
            | Self::FarTooLong { .. } => StatusCode::BAD_REQUEST,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::NoRoute { .. } => "not_found",
            Self::Method { .. } => "method_not_allowed",
            Self::TooLarge { .. } => "request_too_large",
            Self::Slow => "request_timeout",
            Self::Broken => "body_incomplete",
            Self::Request(chat::Error::Json(_)) => "invalid_json",
            Self::Request(chat::Error::Invalid { .. }) => "invalid_value",
            Self::Schema(_) | Self::Grammar => "invalid_schema",
            Self::Template(_) => "template_refused",
            Self::ContextLength { .. } | Self::FarTooLong { .. } => "context_length_exceeded",
            Self::Refused(Refused::Full) => "too_many_requests",
            Self::Refused(Refused::Stopped) | Self::Failed(Failure::Stopping) => "stopping",
            Self::Failed(Failure::DeadEnd) => "shape_not_reached",
            Self::Failed(Failure::Grammar | Failure::Decode) | Self::Unprepared(_) => {
                "engine_error"
            }
        }
    }

    const fn param(&self) -> Option<&'static str> {
        match self {
            Self::Request(chat::Error::Invalid { param, .. }) => Some(param),
            Self::ContextLength { .. } | Self::FarTooLong { .. } | Self::Template(_) => {
                Some("messages")
            }
            _ => None,
        }
    }

    /// The `OpenAI` error object.
    pub(super) fn body(&self) -> Value {
        let kind = match self.status() {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        let mut message = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            message.push_str(": ");
            message.push_str(&inner.to_string());
            cause = inner.source();
        }
        let mut error =
            json!({"message": message, "type": kind, "code": self.code(), "param": self.param()});
        if let Self::ContextLength {
            prompt,
            answer,
            context,
        } = self
        {
            error["counts"] =
                json!({"prompt_tokens": prompt, "max_tokens": answer, "context": context});
        }
        json!({"error": error})
    }
}
