//! Anthropic's messages: as what a server understands, and as what a client speaks.
//!
//! Anthropic counts tokens that it read from its cache, or wrote there, beside the input; everybody else counts them in it.

mod ask;
mod content;
mod read;
mod told;
mod write;

use openclaw_types::{StopReason, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use self::{
    ask::{from_chat, same_headers},
    read::MessagesReader,
    told::to_chat,
    write::{MessagesWriter, error},
};

/// The header that says which version of the protocol is spoken.
pub(super) const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// Anthropic's count.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

impl Counts {
    /// The count with what a later one says in addition.
    pub(super) fn then(self, later: Self) -> Self {
        Self {
            input_tokens: later.input_tokens.or(self.input_tokens),
            output_tokens: later.output_tokens.or(self.output_tokens),
            cache_read_input_tokens: later
                .cache_read_input_tokens
                .or(self.cache_read_input_tokens),
            cache_creation_input_tokens: later
                .cache_creation_input_tokens
                .or(self.cache_creation_input_tokens),
        }
    }
}

impl From<Counts> for Usage {
    fn from(counts: Counts) -> Self {
        let cached = counts.cache_read_input_tokens.unwrap_or(0);
        let written = counts.cache_creation_input_tokens.unwrap_or(0);
        let input = counts.input_tokens.unwrap_or(0);
        Self {
            input_tokens: input.saturating_add(cached).saturating_add(written),
            output_tokens: counts.output_tokens.unwrap_or(0),
            cached_tokens: cached,
            cache_write_tokens: written,
            reasoning_tokens: 0,
        }
    }
}

/// A count in Anthropic's words.
pub(super) fn usage(usage: &Usage) -> Value {
    let beside = usage.cached_tokens.saturating_add(usage.cache_write_tokens);
    json!({
        "input_tokens": usage.input_tokens.saturating_sub(beside),
        "output_tokens": usage.output_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
    })
}

/// What Anthropic's reason to stop means.
pub(super) fn stop_of(word: &str) -> StopReason {
    match word {
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "tool_use" => StopReason::ToolCalls,
        "refusal" => StopReason::ContentFilter,
        _ => StopReason::Stop,
    }
}

/// Anthropic's word for a reason to stop.
pub(super) const fn stop_word(stop: StopReason) -> &'static str {
    match stop {
        StopReason::Stop => "end_turn",
        StopReason::Length => "max_tokens",
        StopReason::ToolCalls => "tool_use",
        StopReason::ContentFilter => "refusal",
    }
}

#[cfg(test)]
mod tests;
