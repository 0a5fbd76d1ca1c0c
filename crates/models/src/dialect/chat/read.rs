//! Chat completions of a server become pieces.

use std::borrow::Cow;

use openclaw_types::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    dialect::{
        Fault,
        piece::{Piece, Reader},
    },
    openai::frame::{Counts, stop_reason},
    sse::Event,
};

/// Reads one answer.
#[derive(Debug, Default)]
pub(in crate::dialect) struct ChatReader {
    has_started: bool,
    /// The server's index and id of each call, in our order.
    calls: Vec<(Option<usize>, String)>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    id: Option<String>,
    model: Option<String>,
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<Counts>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    base_resp: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    status_code: i64,
}

#[derive(Deserialize)]
struct Choice<'a> {
    index: Option<u32>,
    #[serde(borrow)]
    delta: Option<Said<'a>>,
    #[serde(borrow)]
    message: Option<Said<'a>>,
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    refusal: Option<String>,
    thinking_blocks: Option<Vec<Block>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Tool<'a>>>,
}

#[derive(Deserialize)]
struct Block {
    signature: Option<String>,
    data: Option<String>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    index: Option<usize>,
    id: Option<String>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    name: Option<String>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

impl Reader for ChatReader {
    fn event(&mut self, event: &Event, pieces: &mut Vec<Piece>) -> Result<bool, Fault> {
        let data = event.data.trim_ascii();
        if data == b"[DONE]" {
            return Ok(true);
        }
        if !data.is_empty() {
            if event.name.as_ref() == b"error" {
                return Err(refused(data));
            }
            self.frame(data, pieces)?;
        }
        Ok(false)
    }

    fn document(&mut self, body: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Fault> {
        self.frame(body, pieces)
    }
}

impl ChatReader {
    fn frame(&mut self, data: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Fault> {
        let frame: Frame<'_> = serde_json::from_slice(data).map_err(not_json)?;
        let is_error = frame.error.is_some_and(|error| error.get() != "null");
        if is_error
            || frame
                .base_resp
                .is_some_and(|status| status.status_code != 0)
        {
            return Err(refused(data));
        }
        if !std::mem::replace(&mut self.has_started, true) {
            pieces.push(Piece::Start {
                id: frame.id,
                model: frame.model,
            });
        }
        for choice in frame.choices.into_iter().flatten() {
            if choice.index.unwrap_or(0) != 0 {
                continue;
            }
            let is_whole = choice.message.is_some() && choice.delta.is_none();
            if let Some(said) = choice.delta.or(choice.message) {
                self.said(said, pieces)?;
            }
            let reason = choice.finish_reason.as_deref();
            let reason = reason.or_else(|| is_whole.then_some("stop"));
            pieces.extend(reason.map(|reason| Piece::Stop(stop_reason(reason))));
        }
        pieces.extend(frame.usage.map(|counts| Piece::Usage(Usage::from(counts))));
        Ok(())
    }

    fn said(&mut self, said: Said<'_>, pieces: &mut Vec<Piece>) -> Result<(), Fault> {
        // The same thought goes by two names, and some servers send both.
        let thought = said.reasoning_content.filter(|text| !text.is_empty());
        let thought = thought.or(said.reasoning).filter(|text| !text.is_empty());
        pieces.extend(thought.map(Piece::Reasoning));
        for block in said.thinking_blocks.into_iter().flatten() {
            pieces.extend(
                block
                    .signature
                    .filter(|proof| !proof.is_empty())
                    .map(Piece::Signature),
            );
            pieces.extend(block.data.map(Piece::Sealed));
        }
        pieces.extend(
            text(said.content)?
                .filter(|text| !text.is_empty())
                .map(Piece::Text),
        );
        let refusal = said.refusal.filter(|text| !text.is_empty());
        pieces.extend(refusal.map(Piece::Refusal));
        for tool in said.tool_calls.into_iter().flatten() {
            self.tool(tool, pieces)?;
        }
        Ok(())
    }

    fn tool(&mut self, tool: Tool<'_>, pieces: &mut Vec<Piece>) -> Result<(), Fault> {
        let id = tool.id.filter(|id| !id.is_empty());
        let known = self.calls.iter().rposition(|(index, known)| {
            (tool.index.is_none() || *index == tool.index)
                && id.as_ref().is_none_or(|id| id == known)
        });
        let index = match known {
            Some(index) => index,
            None => {
                self.calls
                    .push((tool.index, id.clone().unwrap_or_default()));
                let index = self.calls.len() - 1;
                let name = tool
                    .function
                    .as_ref()
                    .and_then(|function| function.name.clone());
                pieces.push(Piece::Call {
                    index,
                    id: id.unwrap_or_else(|| format!("call_{index}")),
                    name: name.unwrap_or_default(),
                });
                index
            }
        };
        // Text by the protocol; some servers send the object itself.
        let arguments = tool.function.and_then(|function| function.arguments);
        let text = match arguments.map(RawValue::get) {
            Some(raw) if raw.starts_with('"') => serde_json::from_str(raw).map_err(not_json)?,
            Some("null") | None => String::new(),
            Some(raw) => raw.to_owned(),
        };
        if !text.is_empty() {
            pieces.push(Piece::Arguments { index, text });
        }
        Ok(())
    }
}

/// Text, or the parts that some servers send instead.
fn text(content: Option<&RawValue>) -> Result<Option<String>, Fault> {
    match content.map(RawValue::get) {
        None | Some("null") => Ok(None),
        Some(raw) if raw.starts_with('[') => {
            let parts: Vec<Part> = serde_json::from_str(raw).map_err(not_json)?;
            Ok(Some(
                parts.into_iter().filter_map(|part| part.text).collect(),
            ))
        }
        Some(raw) => serde_json::from_str(raw).map(Some).map_err(not_json),
    }
}

const fn not_json(source: serde_json::Error) -> Fault {
    Fault::Malformed {
        what: "not JSON as agreed",
        source: Some(source),
    }
}

fn refused(data: &[u8]) -> Fault {
    Fault::Refused {
        body: bytes::Bytes::copy_from_slice(data),
    }
}
