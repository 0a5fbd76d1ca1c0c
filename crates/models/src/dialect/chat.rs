//! OpenAI's chat completions, for clients of servers that speak something else, and for servers of such clients.

mod read;
mod write;

use openclaw_types::{StopReason, Usage};
use serde_json::{Value, json};

pub(super) use self::{read::ChatReader, write::ChatWriter};

/// The word for a reason to stop.
pub(super) const fn finish_reason(stop: StopReason) -> &'static str {
    match stop {
        StopReason::Stop => "stop",
        StopReason::Length => "length",
        StopReason::ToolCalls => "tool_calls",
        StopReason::ContentFilter => "content_filter",
    }
}

/// The usage object, with details where there are any.
pub(super) fn usage(usage: &Usage) -> Value {
    let mut object = json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    });
    if usage.cached_tokens > 0 || usage.cache_write_tokens > 0 {
        object["prompt_tokens_details"] = json!({
            "cached_tokens": usage.cached_tokens,
            "cache_creation_tokens": usage.cache_write_tokens,
        });
    }
    if usage.reasoning_tokens > 0 {
        object["completion_tokens_details"] = json!({"reasoning_tokens": usage.reasoning_tokens});
    }
    object
}
