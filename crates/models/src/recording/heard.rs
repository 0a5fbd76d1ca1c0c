//! What was heard of an answer, piece by piece.

use bytes::Bytes;
use openclaw_types::{StopReason, ToolCall, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::provider::Chunk;

/// One piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    /// What a provider says to an agent.
    Chunk(Chunk),
    /// What a client gets.
    Bytes(Bytes),
}

impl Piece {
    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let content = match self {
            Self::Chunk(Chunk::Text(text) | Chunk::Reasoning(text)) => text.len(),
            Self::Chunk(Chunk::ToolCall(call)) => call.arguments.to_string().len(),
            Self::Chunk(Chunk::Start { .. } | Chunk::Usage(_) | Chunk::Stop(_)) => 0,
            Self::Bytes(bytes) => bytes.len(),
        };
        content + size_of::<Self>()
    }
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Outcome {
    /// As it should.
    Whole,
    /// It broke off, or nobody answered.
    Failed,
    /// Whoever asked went away.
    Cancelled,
}

/// A piece as it stands in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Said {
    Text(String),
    Reasoning(String),
    ToolCall(Called),
    Usage(Used),
    Stop(String),
    /// Bytes that are text.
    Bytes(String),
    /// Bytes that are not.
    Base64(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Called {
    id: String,
    name: String,
    arguments: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Used {
    input: u64,
    output: u64,
    #[serde(default)]
    cached: u64,
    #[serde(default)]
    cache_write: u64,
    #[serde(default)]
    reasoning: u64,
}

impl From<Usage> for Used {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input_tokens,
            output: usage.output_tokens,
            cached: usage.cached_tokens,
            cache_write: usage.cache_write_tokens,
            reasoning: usage.reasoning_tokens,
        }
    }
}

impl From<Used> for Usage {
    fn from(used: Used) -> Self {
        Self {
            input_tokens: used.input,
            output_tokens: used.output,
            cached_tokens: used.cached,
            cache_write_tokens: used.cache_write,
            reasoning_tokens: used.reasoning,
        }
    }
}

impl Said {
    /// The piece as a file has it; nothing for what the head says already.
    pub(super) fn of(piece: &Piece) -> Option<Self> {
        use base64::Engine as _;
        Some(match piece {
            Piece::Chunk(Chunk::Start { .. }) => return None,
            Piece::Chunk(Chunk::Text(text)) => Self::Text(text.clone()),
            Piece::Chunk(Chunk::Reasoning(text)) => Self::Reasoning(text.clone()),
            Piece::Chunk(Chunk::ToolCall(call)) => Self::ToolCall(Called {
                id: call.id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
            }),
            Piece::Chunk(Chunk::Usage(usage)) => Self::Usage((*usage).into()),
            Piece::Chunk(Chunk::Stop(reason)) => Self::Stop(reason.as_str().to_owned()),
            Piece::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Self::Bytes(text.to_owned()),
                Err(_no_text) => {
                    Self::Base64(base64::engine::general_purpose::STANDARD.encode(bytes))
                }
            },
        })
    }

    /// The piece again.
    pub(super) fn piece(self) -> Option<Piece> {
        use base64::Engine as _;
        Some(match self {
            Self::Text(text) => Piece::Chunk(Chunk::Text(text)),
            Self::Reasoning(text) => Piece::Chunk(Chunk::Reasoning(text)),
            Self::ToolCall(call) => Piece::Chunk(Chunk::ToolCall(ToolCall {
                id: call.id,
                name: call.name,
                arguments: call.arguments,
            })),
            Self::Usage(used) => Piece::Chunk(Chunk::Usage(used.into())),
            Self::Stop(word) => Piece::Chunk(Chunk::Stop(stop(&word)?)),
            Self::Bytes(text) => Piece::Bytes(Bytes::from(text)),
            Self::Base64(text) => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(text);
                Piece::Bytes(Bytes::from(bytes.ok()?))
            }
        })
    }
}

fn stop(word: &str) -> Option<StopReason> {
    let reasons = [
        StopReason::Stop,
        StopReason::Length,
        StopReason::ToolCalls,
        StopReason::ContentFilter,
    ];
    reasons.into_iter().find(|reason| reason.as_str() == word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_piece_is_read_as_it_was_written() {
        let call = ToolCall {
            id: "1".to_owned(),
            name: "look".to_owned(),
            arguments: json!({"b": 1.5, "a": [null]}),
        };
        let usage = Usage {
            input_tokens: 1,
            output_tokens: 2,
            cached_tokens: 3,
            cache_write_tokens: 4,
            reasoning_tokens: 5,
        };
        let chunks = [
            Chunk::Text("é".to_owned()),
            Chunk::Reasoning("hm".to_owned()),
            Chunk::ToolCall(call),
            Chunk::Usage(usage),
            Chunk::Stop(StopReason::Length),
        ];
        let bytes = [&b"data: {}\n\n"[..], &[0xff, 0, 0xfe]];
        let pieces = chunks.into_iter().map(Piece::Chunk);
        let pieces = pieces.chain(bytes.map(|bytes| Piece::Bytes(Bytes::from_static(bytes))));
        for piece in pieces {
            let said = Said::of(&piece).expect("it is kept");
            let text = serde_json::to_string(&said).expect("it is JSON");
            let read: Said = serde_json::from_str(&text).expect("it is ours");
            assert_eq!(read.piece(), Some(piece));
        }
    }
}
