//! Where servers of one protocol differ: told by id and host, as data.

use crate::{http::Url, local};

/// What a server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// Newer models of the protocol's author refuse `max_tokens`.
    pub(super) output_limit: OutputLimit,
    /// Whether usage is asked for with `stream_options`; some servers refuse the unknown field.
    pub(super) asks_usage: bool,
    /// Whether `response_format` with a JSON Schema is understood.
    pub(super) takes_schema: bool,
    /// Whether the conversation is named, so that its prefix stays warm; only our own model server knows the field.
    pub(super) names_conversation: bool,
}

/// The field that bounds the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputLimit {
    MaxTokens,
    MaxCompletionTokens,
}

/// What most servers take.
pub(super) const USUAL: Dialect = Dialect {
    output_limit: OutputLimit::MaxTokens,
    asks_usage: true,
    takes_schema: true,
    names_conversation: false,
};

impl Dialect {
    pub(super) fn of(id: &str, url: &Url) -> Self {
        if id == local::ID {
            return Self {
                names_conversation: true,
                ..USUAL
            };
        }
        let host = url.host_str().unwrap_or_default();
        let within = |domain: &str| {
            host.strip_suffix(domain)
                .is_some_and(|front| front.is_empty() || front.ends_with('.'))
        };
        if within("openai.com") {
            Self {
                output_limit: OutputLimit::MaxCompletionTokens,
                ..USUAL
            }
        } else if within("mistral.ai") {
            Self {
                asks_usage: false,
                ..USUAL
            }
        } else if [
            "deepseek.com",
            "z.ai",
            "minimaxi.chat",
            "minimax.io",
            "anthropic.com",
        ]
        .into_iter()
        .any(within)
        {
            Self {
                takes_schema: false,
                ..USUAL
            }
        } else {
            USUAL
        }
    }
}
