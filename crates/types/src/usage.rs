//! What a model call used, and why it stopped.

/// Tokens of one model call, as the provider counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Tokens written, reasoning included.
    pub output_tokens: u64,
    /// Part of `input_tokens` that came from the provider's cache.
    pub cached_tokens: u64,
    /// Part of `input_tokens` that was written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Part of `output_tokens` that was reasoning.
    pub reasoning_tokens: u64,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It had said everything.
    Stop,
    /// The output limit was reached.
    Length,
    /// It waits for tool results.
    ToolCalls,
    /// The provider's content filter stopped it.
    ContentFilter,
}

impl StopReason {
    /// The word used on disk and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "toolCalls",
            Self::ContentFilter => "contentFilter",
        }
    }
}
