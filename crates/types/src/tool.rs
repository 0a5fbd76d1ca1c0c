//! Tools: what a model may call, a call, and its result.

use serde_json::Value;

/// A tool as the model is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// `[A-Za-z0-9_-]{1,64}`, as every provider accepts it.
    pub name: String,
    /// One or two sentences for the model.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
}

/// The model asks for a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Pairs the call with its result.
    pub id: String,
    /// Which tool.
    pub name: String,
    /// The arguments as the model wrote them, not yet checked.
    pub arguments: Value,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The call's id.
    pub call_id: String,
    /// The tool's name.
    pub name: String,
    /// What the model is shown.
    pub content: String,
    /// Whether the content describes a failure.
    pub is_error: bool,
}
