//! The way of a call: found by name, arguments checked, done within a deadline, answered within a bound.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use indexmap::IndexMap;
use openclaw_types::{ToolCall, ToolResult, ToolSpec};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    limits::{ARGUMENTS_BYTES_MAX, CALL_MAX, OUTPUT_BYTES_MAX},
    schema,
    tool::{Caller, Output, Tool},
};

/// Why a tool can't be registered.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Another tool has the name.
    #[error("there is a tool `{name}` already")]
    Taken {
        /// The name.
        name: String,
    },
    /// Providers take `[A-Za-z0-9_-]{1,64}` only.
    #[error("`{name}` is not a name for a tool")]
    Name {
        /// The name.
        name: String,
    },
    /// The schema can't be checked.
    #[error("the arguments of `{name}`")]
    Schema {
        /// The tool.
        name: String,
        /// The cause.
        source: schema::Problem,
    },
}

/// What became of a call, with what programs want to know of it.
#[derive(Debug)]
pub struct Outcome {
    /// What the model is told.
    pub result: ToolResult,
    /// For events and clients.
    pub details: Value,
    /// Whether the answer was cut.
    pub is_truncated: bool,
    /// The error's stable word.
    pub error: Option<&'static str>,
}

/// All tools, in the order in which they were registered.
#[derive(Debug, Default)]
pub struct Registry {
    tools: IndexMap<String, Arc<dyn Tool>>,
}

impl Registry {
    /// Adds one. The first of a name stays.
    ///
    /// # Errors
    /// When the name is taken or the schema can't be checked.
    pub fn register(&mut self, tool: Arc<dyn Tool>) -> Result<(), Refusal> {
        let spec = tool.spec();
        let name = spec.name.clone();
        let is_name = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if !is_name {
            return Err(Refusal::Name { name });
        }
        if self.tools.contains_key(&name) {
            return Err(Refusal::Taken { name });
        }
        if let Err(source) = schema::inspect(&spec.parameters) {
            return Err(Refusal::Schema { name, source });
        }
        let _none = self.tools.insert(name, tool);
        Ok(())
    }

    /// Whether there is a tool of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.tools.contains_key(name)
    }

    /// What the model is told of those the filter lets through.
    pub fn specs(&self, filter: impl Fn(&str) -> bool) -> Vec<ToolSpec> {
        let tools = self.tools.values().map(|tool| tool.spec());
        tools.filter(|spec| filter(&spec.name)).cloned().collect()
    }

    /// Makes a call; whatever happens becomes an answer. Cancelling or dropping it stops the tool.
    pub async fn call(
        &self,
        caller: &Caller,
        call: ToolCall,
        cancel: &CancellationToken,
    ) -> Outcome {
        let outcome = self
            .attempt(caller, &call.name, call.arguments, cancel)
            .await;
        let (output, error) = match outcome {
            Ok(output) => (bounded(output), None),
            Err(error) => {
                let code = error.code();
                (bounded(Output::text(error.to_string())), Some(code))
            }
        };
        Outcome {
            result: ToolResult {
                call_id: call.id,
                name: call.name,
                content: output.content,
                is_error: error.is_some(),
            },
            details: output.details,
            is_truncated: output.is_truncated,
            error,
        }
    }

    async fn attempt(
        &self,
        caller: &Caller,
        name: &str,
        arguments: Value,
        cancel: &CancellationToken,
    ) -> Result<Output, Error> {
        let tool = self.tools.get(name).ok_or_else(|| Error::Unknown {
            name: name.to_owned(),
            nearest: self.nearest(name),
        })?;
        let bytes = weight(&arguments);
        if bytes > ARGUMENTS_BYTES_MAX {
            return Err(Error::TooLarge {
                what: "the call".to_owned(),
                bytes: bytes as u64,
                bytes_max: ARGUMENTS_BYTES_MAX as u64,
                hint: "make several smaller ones".to_owned(),
            });
        }
        schema::check(&tool.spec().parameters, &arguments)?;
        let deadline = tool.deadline(&arguments).min(CALL_MAX);
        let work = AssertUnwindSafe(async { tool.call(caller, arguments).await }).catch_unwind();
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Error::Cancelled),
            result = tokio::time::timeout(deadline, work) => match result {
                Ok(Ok(result)) => result,
                Ok(Err(_panic)) => {
                    tracing::error!(tool = name, agent = %caller.agent, "a tool panicked");
                    Err(Error::Broken { name: name.to_owned() })
                }
                Err(_elapsed) => Err(Error::Deadline { after: deadline }),
            },
        }
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let names = self.tools.keys();
        names
            .map(|known| (distance(&known.to_lowercase(), &name.to_lowercase()), known))
            .filter(|(distance, known)| *distance <= known.len().max(3) / 2)
            .min()
            .map(|(_, known)| known.clone())
    }
}

/// About how many bytes the arguments hold, without printing them.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum::<usize>() + items.len(),
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| name.len() + weight(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

fn bounded(mut output: Output) -> Output {
    if output.content.len() <= OUTPUT_BYTES_MAX {
        return output;
    }
    let whole = output.content.len();
    let mut end = OUTPUT_BYTES_MAX;
    while !output.content.is_char_boundary(end) {
        end -= 1;
    }
    output.content.truncate(end);
    output
        .content
        .push_str(&format!("\n[cut here: {whole} bytes in all, {end} shown]"));
    output.is_truncated = true;
    output
}

/// Levenshtein's distance; names are short.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, left) in one.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, right) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
