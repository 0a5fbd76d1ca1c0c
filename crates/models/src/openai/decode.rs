//! What frames add up to: text as it comes, and tool calls, usage, and the reason to stop at the end. No IO.

use std::borrow::Cow;

use openclaw_types::{StopReason, ToolCall, Usage};
use serde_json::Value;

use super::frame::{Content, ContentPart, Delta, Frame, ToolDelta, stop_reason};
use crate::{
    limits::{TOOL_ARGUMENTS_BYTES_MAX, TOOL_CALLS_MAX},
    provider::Chunk,
};

/// Why frames do not add up to an answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// More tool calls than are taken.
    #[error("the answer has more than {TOOL_CALLS_MAX} tool calls")]
    TooManyCalls,
    /// Arguments longer than are taken.
    #[error("a tool call has arguments of more than {TOOL_ARGUMENTS_BYTES_MAX} bytes")]
    ArgumentsTooLong,
    /// A piece that is not JSON.
    #[error("a piece of the answer is not JSON as agreed")]
    Json(#[source] serde_json::Error),
}

/// What has been said so far beyond the text.
#[derive(Debug, Default)]
pub struct Assembler {
    calls: Vec<Partial>,
    usage: Option<Usage>,
    stop: Option<StopReason>,
}

#[derive(Debug)]
struct Partial {
    index: Option<usize>,
    id: String,
    name: String,
    arguments: String,
}

impl Assembler {
    /// Takes a whole answer that came as one document.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_whole(
        &mut self,
        mut frame: Frame<'_>,
        say: &mut impl FnMut(Chunk),
    ) -> Result<(), Fault> {
        for choice in frame.choices.iter_mut().flatten() {
            choice.delta = choice.message.take();
            if choice.delta.is_some() && choice.finish_reason.is_none() {
                choice.finish_reason = Some("stop".into());
            }
        }
        self.take(frame, say)
    }

    /// Takes one frame; `say` gets the text and reasoning in it.
    ///
    /// # Errors
    /// The frame breaks a bound or the protocol; nothing more can be taken then.
    pub fn take(&mut self, frame: Frame<'_>, say: &mut impl FnMut(Chunk)) -> Result<(), Fault> {
        if let Some(counts) = frame.usage {
            // Servers that count along send a running total: the last one stands.
            self.usage = Some(counts.into());
        }
        for choice in frame.choices.into_iter().flatten() {
            if choice.index.unwrap_or(0) != 0 {
                continue;
            }
            if let Some(delta) = choice.delta {
                self.delta(delta, say)?;
            }
            if let Some(reason) = choice.finish_reason {
                self.stop = Some(stop_reason(&reason));
            }
        }
        Ok(())
    }

    /// Whether the model has said why it stopped.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.stop.is_some()
    }

    /// The last chunks, or `None` when the model has not said why it stopped.
    pub fn finish(
        &mut self,
        mut fresh_id: impl FnMut() -> String,
        say: &mut impl FnMut(Chunk),
    ) -> Option<()> {
        let mut stop = self.stop?;
        for call in std::mem::take(&mut self.calls) {
            // Some servers say "stop" although they called.
            if stop == StopReason::Stop {
                stop = StopReason::ToolCalls;
            }
            say(Chunk::ToolCall(call.whole(&mut fresh_id)));
        }
        if let Some(usage) = self.usage.take() {
            say(Chunk::Usage(usage));
        }
        say(Chunk::Stop(stop));
        Some(())
    }

    fn delta(&mut self, delta: Delta<'_>, say: &mut impl FnMut(Chunk)) -> Result<(), Fault> {
        // The same thought goes by two names, and some servers send both.
        let thought = delta.reasoning_content.filter(|text| !text.is_empty());
        if let Some(text) = thought.or(delta.reasoning).filter(|text| !text.is_empty()) {
            say(Chunk::Reasoning(text));
        }
        match delta.content {
            Some(Content::Text(text)) if !text.is_empty() => say(Chunk::Text(text)),
            Some(Content::Other(parts)) => {
                let parts: Vec<ContentPart<'_>> =
                    serde_json::from_str(parts.get()).map_err(Fault::Json)?;
                let text: String = parts.into_iter().filter_map(|part| part.text).collect();
                if !text.is_empty() {
                    say(Chunk::Text(text));
                }
            }
            Some(Content::Text(_)) | None => {}
        }
        for tool in delta.tool_calls.into_iter().flatten() {
            self.tool(tool)?;
        }
        Ok(())
    }

    fn tool(&mut self, delta: ToolDelta<'_>) -> Result<(), Fault> {
        let id = delta.id.filter(|id| !id.is_empty());
        let place = match self.place(delta.index, id.as_deref()) {
            Some(place) => place,
            None if self.calls.len() >= TOOL_CALLS_MAX => return Err(Fault::TooManyCalls),
            None => {
                self.calls.push(Partial {
                    index: delta.index,
                    id: String::new(),
                    name: String::new(),
                    arguments: String::new(),
                });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[place];
        if let Some(id) = id
            && call.id.is_empty()
        {
            call.id = id.into_owned();
        }
        let Some(function) = delta.function else {
            return Ok(());
        };
        if let Some(name) = function.name
            && call.name.is_empty()
        {
            call.name = name.into_owned();
        }
        if let Some(raw) = function.arguments {
            let piece: Cow<'_, str> = if raw.get().starts_with('"') {
                serde_json::from_str::<String>(raw.get())
                    .map_err(Fault::Json)?
                    .into()
            } else {
                raw.get().into()
            };
            if call.arguments.len() + piece.len() > TOOL_ARGUMENTS_BYTES_MAX {
                return Err(Fault::ArgumentsTooLong);
            }
            call.arguments.push_str(&piece);
        }
        Ok(())
    }

    /// Which call a piece belongs to: the one of its index, unless that has another id; without an index the one of
    /// its id, or the last.
    fn place(&self, index: Option<usize>, id: Option<&str>) -> Option<usize> {
        let same_id = |call: &Partial| match id {
            Some(id) => call.id.is_empty() || call.id == id,
            None => true,
        };
        let found = |call: &Partial| match index {
            Some(index) => call.index == Some(index) && same_id(call),
            None => same_id(call),
        };
        self.calls.iter().rposition(found)
    }
}

impl Partial {
    fn whole(self, fresh_id: &mut impl FnMut() -> String) -> ToolCall {
        let arguments = if self.arguments.trim().is_empty() {
            Value::Object(serde_json::Map::new())
        } else {
            serde_json::from_str(&self.arguments).unwrap_or(Value::String(self.arguments))
        };
        ToolCall {
            id: if self.id.is_empty() {
                format!("call_{}", fresh_id())
            } else {
                self.id
            },
            name: self.name,
            arguments,
        }
    }
}

#[cfg(test)]
mod tests;
