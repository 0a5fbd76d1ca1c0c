//! What has to be seen of an answer on its way through: whether it says something, why it ends, what it used.

use std::borrow::Cow;

use openclaw_types::{StopReason, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::openai::frame::{Counts, stop_reason};

/// What is looked at in a document of OpenAI's completions, or in one piece of their stream.
#[derive(Debug, Deserialize)]
pub(super) struct Sight<'a> {
    #[serde(borrow)]
    pub(super) model: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) choices: Option<Vec<Choice<'a>>>,
    /// Of embeddings, in the place of choices.
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    pub(super) usage: Option<Counts>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    base_resp: Option<Status>,
}

/// MiniMax's own status; zero is good.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Status {
    #[serde(default)]
    status_code: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
}

impl Sight<'_> {
    /// Whether it is an error in the place of an answer.
    pub(super) fn is_error(&self) -> bool {
        let stated = self.error.is_some_and(|error| error.get() != "null");
        stated || self.base_resp.is_some_and(|status| status.status_code != 0)
    }

    /// Whether a client would show something of it.
    pub(super) fn has_content(&self) -> bool {
        self.choices.iter().flatten().any(Choice::has_content)
    }

    /// Whether it holds an answer at all.
    pub(super) fn is_answer(&self) -> bool {
        let mut choices = self.choices.iter().flatten();
        self.data.is_some()
            || choices.any(|choice| choice.message.is_some() || choice.text.is_some())
    }

    pub(super) fn stop(&self) -> Option<StopReason> {
        let choices = self.choices.iter().flatten();
        let mut reasons = choices.filter_map(|choice| choice.finish_reason.as_deref());
        reasons.next().map(stop_reason)
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        self.usage.map(Usage::from)
    }

    /// Whether it says nothing but the usage.
    pub(super) fn is_only_usage(&self) -> bool {
        self.usage.is_some() && self.choices.as_ref().is_none_or(Vec::is_empty)
    }
}

impl Choice<'_> {
    fn has_content(&self) -> bool {
        let delta = self.delta.as_ref().is_some_and(|delta| {
            [
                delta.content,
                delta.reasoning_content,
                delta.reasoning,
                delta.tool_calls,
                delta.function_call,
                delta.refusal,
            ]
            .into_iter()
            .any(says)
        });
        delta || says(self.text) || says(self.message)
    }
}

/// Whether a value is there and not empty.
fn says(value: Option<&RawValue>) -> bool {
    value.is_some_and(|value| !matches!(value.get(), "null" | "\"\"" | "[]" | "{}"))
}
