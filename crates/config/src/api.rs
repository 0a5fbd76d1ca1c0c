//! The words for the protocols of model servers, and where each is spoken.

use openclaw_types::KnownProvider;

use crate::config::Api;

impl Api {
    /// The word that configurations use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiCompletions => "openai-completions",
            Self::AnthropicMessages => "anthropic-messages",
            Self::OpenAiResponses => "openai-responses",
            Self::Gemini => "google-generative-ai",
            Self::Ollama => "ollama",
        }
    }
}

/// The protocol that a word means.
pub(crate) fn parse(word: &str) -> Option<Api> {
    Some(match word {
        "openai-completions" | "openai" | "openai-chat" | "litellm" => Api::OpenAiCompletions,
        "anthropic-messages" | "anthropic" => Api::AnthropicMessages,
        "openai-responses" => Api::OpenAiResponses,
        "google-generative-ai" | "google" | "gemini" => Api::Gemini,
        "ollama" => Api::Ollama,
        _ => return None,
    })
}

/// Where a provider speaks a protocol.
pub(crate) fn address(known: &KnownProvider, api: Api) -> &'static str {
    match known.native {
        Some((url, word)) if word == api.as_str() => url,
        _ => known.base_url,
    }
}
