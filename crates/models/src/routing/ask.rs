//! What is asked for.

/// One request, as far as routing is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask<'a> {
    /// The reference; empty takes the default.
    pub reference: &'a str,
    /// Tried after the reference: an agent's own, or those that the request names.
    pub fallbacks: &'a [String],
    /// Whether `fallbacks` stand in place of those of the table instead of behind them.
    pub replaces_fallbacks: bool,
    /// Whether nothing but the reference and its fallbacks will do.
    pub is_stated: bool,
    /// Whether nothing but the reference itself will do.
    pub disable_fallbacks: bool,
    /// Repeats allowed in place of what is configured.
    pub num_retries: Option<u32>,
    /// What the request needs of a model.
    pub needs: Needs,
    /// Tokens that the request may come to, its answer included; 0 when unknown.
    pub tokens: u64,
}

/// What a request needs of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each need stands for itself")]
pub struct Needs {
    /// It holds images.
    pub images: bool,
    /// It holds tools.
    pub tools: bool,
    /// It wants its answer as a stream.
    pub streaming: bool,
    /// It wants vectors.
    pub vectors: bool,
}
