//! What clients speak to us.

use crate::options::Api;

/// A protocol that clients speak to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Front {
    /// `POST /v1/chat/completions`.
    Chat,
    /// `POST /v1/completions`.
    Completions,
    /// `POST /v1/embeddings`.
    Embeddings,
    /// `POST /v1/responses`.
    Responses,
    /// `POST /v1/messages`.
    Messages,
}

impl Front {
    /// The word used in logs, metrics, and the names of cached answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
        }
    }

    /// Where a server has it, below a versioned base address.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
            Self::Embeddings => "/embeddings",
            Self::Responses => "/responses",
            Self::Messages => "/messages",
        }
    }

    /// Whether a server of this protocol understands it as it is.
    #[must_use]
    pub const fn is_native(self, api: Api) -> bool {
        matches!(
            (self, api),
            (
                Self::Chat | Self::Completions | Self::Embeddings,
                Api::OpenAiCompletions
            ) | (Self::Messages, Api::AnthropicMessages)
                | (Self::Responses, Api::OpenAiResponses)
        )
    }
}
