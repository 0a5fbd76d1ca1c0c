//! The request as the client writes it; serde lives here only.

use serde::Deserialize;
use serde_json::Value;

use super::{Error, Role, Sampling, check::invalid};

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) messages: Vec<Message>,
    pub(super) tools: Option<Vec<Tool>>,
    pub(super) tool_choice: Option<ToolChoice>,
    pub(super) response_format: Option<Format>,
    pub(super) max_tokens: Option<i64>,
    pub(super) max_completion_tokens: Option<i64>,
    pub(super) stop: Option<Stop>,
    pub(super) stream: Option<bool>,
    pub(super) stream_options: Option<StreamOptions>,
    pub(super) session_id: Option<String>,
    pub(super) user: Option<String>,
    n: Option<i64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<i64>,
    min_p: Option<f64>,
    repeat_penalty: Option<f64>,
    seed: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) content: Option<Content>,
    pub(super) tool_calls: Option<Vec<Call>>,
    pub(super) tool_call_id: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Part {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) text: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Call {
    pub(super) id: Option<String>,
    pub(super) function: CalledFunction,
}

#[derive(Debug, Deserialize)]
pub(super) struct CalledFunction {
    pub(super) name: String,
    pub(super) arguments: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) function: Function,
}

#[derive(Debug, Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) parameters: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ToolChoice {
    Word(String),
    Function { function: FunctionName },
}

#[derive(Debug, Deserialize)]
pub(super) struct FunctionName {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Format {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) json_schema: Option<NamedSchema>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NamedSchema {
    pub(super) schema: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Stop {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: Option<bool>,
}

/// Held back enough to stop a small model from looping, not so much that it runs out of words.
const REPEAT_PENALTY: f32 = 1.15;

impl Request {
    /// Whether the answer is held to a schema.
    fn shaped(&self) -> bool {
        let forced = match &self.tool_choice {
            Some(ToolChoice::Word(word)) => word == "required",
            Some(ToolChoice::Function { .. }) => true,
            None => false,
        };
        forced
            || self
                .response_format
                .as_ref()
                .is_some_and(|f| f.kind != "text")
    }

    pub(super) fn sampling(&self) -> Result<Sampling, Error> {
        if self.n.is_some_and(|n| n != 1) {
            return Err(invalid("n", "1"));
        }
        let top_k = match self.top_k {
            None => 40,
            Some(k) => match i32::try_from(k) {
                Ok(k) if (0..=1_000_000).contains(&k) => k,
                _ => return Err(invalid("top_k", "between 0 and 1000000")),
            },
        };
        // Punctuation repeats in JSON: a penalty there spoils the answer.
        let penalty = if self.shaped() { 1.0 } else { REPEAT_PENALTY };
        Ok(Sampling {
            temperature: within(
                self.temperature,
                0.7,
                (0.0, 5.0),
                ("temperature", "between 0 and 5"),
            )?,
            top_p: within(self.top_p, 0.9, (0.0, 1.0), ("top_p", "between 0 and 1"))?,
            top_k,
            min_p: within(self.min_p, 0.0, (0.0, 1.0), ("min_p", "between 0 and 1"))?,
            repeat_penalty: within(
                self.repeat_penalty,
                penalty,
                (0.1, 10.0),
                ("repeat_penalty", "between 0.1 and 10"),
            )?,
            seed: self.seed.map(folded),
        })
    }
}

/// A seed of any size, folded to the width the sampler has.
fn folded(seed: i64) -> u32 {
    let [a, b, c, d, e, f, g, h] = seed.to_le_bytes();
    u32::from_le_bytes([a, b, c, d]) ^ u32::from_le_bytes([e, f, g, h])
}

fn within(
    value: Option<f64>,
    default: f32,
    (low, high): (f64, f64),
    (param, expected): (&'static str, &'static str),
) -> Result<f32, Error> {
    match value {
        None => Ok(default),
        Some(v) if (low..=high).contains(&v) => Ok(v as f32),
        Some(_) => Err(invalid(param, expected)),
    }
}
