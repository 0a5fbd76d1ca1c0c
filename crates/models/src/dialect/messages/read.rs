//! Anthropic's answers become pieces.

use openclaw_types::Usage;
use serde::Deserialize;
use serde_json::Value;

use super::{Counts, stop_of};
use crate::{
    dialect::{
        Fault,
        piece::{Piece, Reader},
    },
    sse::Event,
};

/// Reads one answer.
#[derive(Debug, Default)]
pub(in crate::dialect) struct MessagesReader {
    counts: Counts,
    /// The server's index of each block that is a call, in our order.
    calls: Vec<u64>,
}

/// Everything an event may hold.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    r#type: String,
    message: Option<Message>,
    #[serde(default)]
    index: u64,
    content_block: Option<Block>,
    delta: Option<Delta>,
    usage: Option<Counts>,
}

/// A whole answer, or the beginning of one.
#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    r#type: String,
    id: Option<String>,
    model: Option<String>,
    #[serde(default)]
    content: Vec<Block>,
    stop_reason: Option<String>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(default)]
    r#type: String,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Value>,
}

#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
}

impl Reader for MessagesReader {
    fn event(&mut self, event: &Event, pieces: &mut Vec<Piece>) -> Result<bool, Fault> {
        let data = event.data.trim_ascii();
        if data.is_empty() {
            return Ok(false);
        }
        let told: Told = read(data)?;
        match told.r#type.as_str() {
            "error" => return Err(refused(data)),
            "message_stop" => return Ok(true),
            "message_start" => {
                if let Some(message) = told.message {
                    self.message(message, pieces);
                }
            }
            "content_block_start" => {
                if let Some(block) = told.content_block {
                    self.block(told.index, block, pieces);
                }
            }
            "content_block_delta" | "message_delta" => {
                if let Some(delta) = told.delta {
                    self.delta(told.index, delta, pieces);
                }
                self.count(told.usage, pieces);
            }
            _ => {}
        }
        Ok(false)
    }

    fn document(&mut self, body: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Fault> {
        let message: Message = read(body)?;
        match message.r#type.as_str() {
            "message" => self.message(message, pieces),
            "error" => return Err(refused(body)),
            _ => {
                return Err(Fault::Malformed {
                    what: "no message",
                    source: None,
                });
            }
        }
        Ok(())
    }
}

impl MessagesReader {
    fn message(&mut self, message: Message, pieces: &mut Vec<Piece>) {
        pieces.push(Piece::Start {
            id: message.id,
            model: message.model,
        });
        for (index, block) in (0..).zip(message.content) {
            self.block(index, block, pieces);
        }
        let reason = message.stop_reason.as_deref();
        pieces.extend(reason.map(|word| Piece::Stop(stop_of(word))));
        self.count(message.usage, pieces);
    }

    fn count(&mut self, counts: Option<Counts>, pieces: &mut Vec<Piece>) {
        if let Some(counts) = counts {
            self.counts = self.counts.then(counts);
            pieces.push(Piece::Usage(Usage::from(self.counts)));
        }
    }

    fn block(&mut self, index: u64, block: Block, pieces: &mut Vec<Piece>) {
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        match block.r#type.as_str() {
            "tool_use" => {
                self.calls.push(index);
                let place = self.calls.len() - 1;
                pieces.push(Piece::Call {
                    index: place,
                    id: block.id.unwrap_or_default(),
                    name: block.name.unwrap_or_default(),
                });
                // In a stream the arguments follow, and an empty object stands here.
                let input = block
                    .input
                    .filter(|input| input.as_object().is_none_or(|object| !object.is_empty()));
                pieces.extend(input.filter(|input| !input.is_null()).map(|input| {
                    Piece::Arguments {
                        index: place,
                        text: input.to_string(),
                    }
                }));
            }
            "redacted_thinking" => pieces.extend(block.data.map(Piece::Sealed)),
            _ => {
                pieces.extend(some(block.thinking).map(Piece::Reasoning));
                pieces.extend(some(block.signature).map(Piece::Signature));
                pieces.extend(some(block.text).map(Piece::Text));
            }
        }
    }

    fn delta(&self, index: u64, delta: Delta, pieces: &mut Vec<Piece>) {
        pieces.extend(delta.text.map(Piece::Text));
        pieces.extend(delta.thinking.map(Piece::Reasoning));
        pieces.extend(delta.signature.map(Piece::Signature));
        let place = self.calls.iter().position(|call| *call == index);
        if let (Some(index), Some(text)) = (place, delta.partial_json)
            && !text.is_empty()
        {
            pieces.push(Piece::Arguments { index, text });
        }
        let reason = delta.stop_reason.as_deref();
        pieces.extend(reason.map(|word| Piece::Stop(stop_of(word))));
    }
}

fn read<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(data).map_err(|source| Fault::Malformed {
        what: "not JSON as agreed",
        source: Some(source),
    })
}

fn refused(data: &[u8]) -> Fault {
    Fault::Refused {
        body: bytes::Bytes::copy_from_slice(data),
    }
}
