//! OpenAI's responses: as what a server understands, and as what a client speaks.
//!
//! Reasoning goes along sealed, because nothing is to be kept at the server: what was sealed here is marked, so that it is
//! shown to nobody else.

mod ask;
mod item;
mod read;
mod told;
mod write;

use openclaw_types::{StopReason, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use self::{
    ask::from_chat,
    item::is_openais,
    read::ResponsesReader,
    told::to_chat,
    write::{ResponsesWriter, error},
};

/// The count of OpenAI's responses.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    input_tokens_details: Option<Read>,
    output_tokens_details: Option<Written>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Read {
    cached_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Written {
    reasoning_tokens: Option<u64>,
}

impl From<Counts> for Usage {
    fn from(counts: Counts) -> Self {
        let read = counts.input_tokens_details;
        let written = counts.output_tokens_details;
        Self {
            input_tokens: counts.input_tokens.unwrap_or(0),
            output_tokens: counts.output_tokens.unwrap_or(0),
            cached_tokens: read.and_then(|read| read.cached_tokens).unwrap_or(0),
            cache_write_tokens: 0,
            reasoning_tokens: written
                .and_then(|written| written.reasoning_tokens)
                .unwrap_or(0),
        }
    }
}

/// A count in the words of OpenAI's responses.
fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens.saturating_add(usage.output_tokens),
    })
}

/// Why an answer is incomplete, where it is.
const fn incomplete(stop: StopReason) -> Option<&'static str> {
    match stop {
        StopReason::Length => Some("max_output_tokens"),
        StopReason::ContentFilter => Some("content_filter"),
        StopReason::Stop | StopReason::ToolCalls => None,
    }
}

#[cfg(test)]
mod tests;
