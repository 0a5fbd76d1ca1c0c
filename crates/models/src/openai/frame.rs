//! One frame of the protocol's stream; only what is used is read.

use std::borrow::Cow;

use openclaw_types::{StopReason, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A frame of the stream, or a whole answer of a server that does not stream. Only what is used is read.
#[derive(Debug, Deserialize)]
pub struct Frame<'a> {
    #[serde(borrow)]
    pub(super) choices: Option<Vec<Choice<'a>>>,
    pub(super) usage: Option<Counts>,
    /// An error in the middle of the stream, or in a body with a good status.
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    /// How MiniMax reports an error, with a good status.
    #[serde(borrow)]
    pub(super) base_resp: Option<BaseResponse<'a>>,
}

/// MiniMax's own status; zero is good.
#[derive(Debug, Deserialize)]
pub(super) struct BaseResponse<'a> {
    #[serde(default)]
    pub(super) status_code: i64,
    #[serde(borrow)]
    pub(super) status_msg: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice<'a> {
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    /// The whole answer of a server that does not stream. In a stream some servers repeat everything here at the end.
    #[serde(borrow)]
    pub(super) message: Option<Delta<'a>>,
    pub(super) finish_reason: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Content<'a>>,
    pub(super) reasoning_content: Option<String>,
    pub(super) reasoning: Option<String>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<ToolDelta<'a>>>,
}

/// Text, or the parts that some servers send instead.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Text(String),
    Other(&'a RawValue),
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'a RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('"') {
            serde_json::from_str(raw.get())
                .map(Self::Text)
                .map_err(serde::de::Error::custom)
        } else {
            Ok(Self::Other(raw))
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ContentPart<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ToolDelta<'a> {
    pub(super) index: Option<usize>,
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) function: Option<FunctionDelta<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FunctionDelta<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Cow<'a, str>>,
    /// Text by the protocol; some servers send the object itself.
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Counts {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) prompt_tokens_details: Option<CountDetails>,
    pub(super) completion_tokens_details: Option<WrittenDetails>,
    pub(super) prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct CountDetails {
    pub(super) cached_tokens: Option<u64>,
    /// Not of the protocol; LiteLLM and `OpenRouter` pass Anthropic's count on under this name.
    pub(super) cache_creation_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct WrittenDetails {
    pub(super) reasoning_tokens: Option<u64>,
}

impl From<Counts> for Usage {
    fn from(counts: Counts) -> Self {
        let details = counts.prompt_tokens_details;
        Self {
            input_tokens: counts.prompt_tokens.unwrap_or(0),
            output_tokens: counts.completion_tokens.unwrap_or(0),
            cached_tokens: details
                .and_then(|details| details.cached_tokens)
                .or(counts.prompt_cache_hit_tokens)
                .unwrap_or(0),
            cache_write_tokens: details
                .and_then(|details| details.cache_creation_tokens)
                .unwrap_or(0),
            reasoning_tokens: counts
                .completion_tokens_details
                .and_then(|details| details.reasoning_tokens)
                .unwrap_or(0),
        }
    }
}

pub(crate) fn stop_reason(word: &str) -> StopReason {
    match word {
        "length" | "max_tokens" => StopReason::Length,
        "tool_calls" | "function_call" | "tool_use" => StopReason::ToolCalls,
        "content_filter" => StopReason::ContentFilter,
        _ => StopReason::Stop,
    }
}
