//! What is known of the model that will answer, before it is asked.

use openclaw_types::{Message, Part};

/// Bytes that count as one token where nobody counts: right within a fifth for English and code.
const TOKEN_BYTES: u64 = 4;
/// Tokens that a chat template adds to each message.
const MESSAGE_TOKENS: u64 = 4;

/// What is known of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The provider's id.
    pub provider: String,
    /// The model's id there.
    pub model: String,
    /// Tokens a request may hold; 0 when unknown.
    pub context_window: u32,
    /// Tokens an answer may hold; 0 when unknown.
    pub max_output: u32,
    /// Whether it reads images beside text.
    pub reads_images: bool,
    /// How much can be expected of it.
    pub tier: Tier,
    /// Whether its own tokenizer can be asked.
    pub can_count: bool,
}

/// How much can be expected of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Whatever a current model does.
    Full,
    /// Short prompts, short answers, no promises.
    Tiny,
}

/// How long messages are, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCount {
    /// So many.
    pub tokens: u64,
    /// Whether the model's own tokenizer counted.
    pub exact: bool,
}

impl TokenCount {
    /// An estimate from the messages' length.
    #[must_use]
    pub fn estimate(messages: &[Message]) -> Self {
        let bytes = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::ToolCall(call) => call.name.len() + call.arguments.to_string().len(),
            Part::ToolResult(result) => result.content.len(),
            Part::Reasoning(_) => 0,
        };
        let tokens = messages.iter().map(|message| {
            let bytes: usize = message.parts.iter().map(bytes).sum();
            MESSAGE_TOKENS + (bytes as u64).div_ceil(TOKEN_BYTES)
        });
        Self {
            tokens: tokens.sum(),
            exact: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use openclaw_types::Role;

    use super::*;

    #[test]
    fn an_estimate_counts_bytes_and_messages() {
        let messages = [
            Message::text(Role::User, "eight by"),
            Message::text(Role::Assistant, "five!"),
        ];
        assert_eq!(
            TokenCount::estimate(&messages),
            TokenCount {
                tokens: 4 + 2 + 4 + 2,
                exact: false
            }
        );
    }
}
