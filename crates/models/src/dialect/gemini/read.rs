//! Gemini's answers become pieces.

use openclaw_types::{StopReason, Usage};
use serde::Deserialize;
use serde_json::Value;

use super::PROOF;
use crate::{
    dialect::{
        Fault,
        parts::{read, refused},
        piece::{Piece, Reader},
    },
    sse::Event,
};

/// Reads one answer.
#[derive(Debug)]
pub(in crate::dialect) struct GeminiReader {
    /// What ids of calls are made of, because Gemini may have none.
    seed: String,
    has_started: bool,
    calls: usize,
}

/// A piece of a stream, or a whole answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Counts>,
    model_version: Option<String>,
    response_id: Option<String>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    index: u32,
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    thought_signature: Option<String>,
    function_call: Option<Call>,
}

#[derive(Deserialize)]
struct Call {
    id: Option<String>,
    #[serde(default)]
    name: String,
    args: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    prompt_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}

impl From<Counts> for Usage {
    fn from(counts: Counts) -> Self {
        let thoughts = counts.thoughts_token_count.unwrap_or(0);
        let read = counts.prompt_token_count.unwrap_or(0);
        let said = counts.candidates_token_count.unwrap_or(0);
        Self {
            input_tokens: read.saturating_add(counts.tool_use_prompt_token_count.unwrap_or(0)),
            // Gemini counts thoughts beside what is said.
            output_tokens: said.saturating_add(thoughts),
            cached_tokens: counts.cached_content_token_count.unwrap_or(0),
            cache_write_tokens: 0,
            reasoning_tokens: thoughts,
        }
    }
}

impl Reader for GeminiReader {
    fn event(&mut self, event: &Event, pieces: &mut Vec<Piece>) -> Result<bool, Fault> {
        let data = event.data.trim_ascii();
        if !data.is_empty() {
            self.take(data, pieces)?;
        }
        // There is no end mark: the stream ends with its last piece.
        Ok(false)
    }

    fn document(&mut self, body: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Fault> {
        self.take(body, pieces)
    }
}

impl GeminiReader {
    pub(in crate::dialect) fn new(seed: &str) -> Self {
        Self {
            seed: seed.to_owned(),
            has_started: false,
            calls: 0,
        }
    }

    fn take(&mut self, data: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Fault> {
        let told: Told = read(data)?;
        if told.error.is_some_and(|error| !error.is_null()) {
            return Err(refused(data));
        }
        let blocked = told.prompt_feedback.and_then(|said| said.block_reason);
        if told.candidates.is_none() && told.usage_metadata.is_none() && blocked.is_none() {
            return Err(malformed("no candidate"));
        }
        if !std::mem::replace(&mut self.has_started, true) {
            pieces.push(Piece::Start {
                id: told.response_id,
                model: told.model_version,
            });
        }
        for candidate in told.candidates.into_iter().flatten() {
            if candidate.index != 0 {
                continue;
            }
            for part in candidate.content.into_iter().flat_map(|said| said.parts) {
                self.part(part, pieces);
            }
            if let Some(word) = candidate.finish_reason {
                pieces.push(Piece::Stop(self.stop(&word)?));
            }
        }
        if blocked.is_some() {
            pieces.push(Piece::Stop(StopReason::ContentFilter));
        }
        pieces.extend(
            told.usage_metadata
                .map(|counts| Piece::Usage(counts.into())),
        );
        Ok(())
    }

    fn part(&mut self, part: Part, pieces: &mut Vec<Piece>) {
        if let Some(text) = part.text.filter(|text| !text.is_empty()) {
            pieces.push(if part.thought {
                Piece::Reasoning(text)
            } else {
                Piece::Text(text)
            });
        }
        let Some(call) = part.function_call else {
            return;
        };
        let index = self.calls;
        self.calls += 1;
        let id = call.id.filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| format!("call_{}_{index}", self.seed));
        pieces.push(Piece::Call {
            index,
            id: match part.thought_signature {
                Some(proof) => format!("{id}{PROOF}{proof}"),
                None => id,
            },
            name: call.name,
        });
        if let Some(args) = call.args {
            pieces.push(Piece::Arguments {
                index,
                text: args.to_string(),
            });
        }
    }

    fn stop(&self, word: &str) -> Result<StopReason, Fault> {
        Ok(match word {
            "MAX_TOKENS" => StopReason::Length,
            "SAFETY"
            | "RECITATION"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "LANGUAGE" => StopReason::ContentFilter,
            // The model tried to call and failed: there is nothing in such an answer.
            "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" => {
                return Err(malformed("a call that can't be read"));
            }
            _ if self.calls > 0 => StopReason::ToolCalls,
            _ => StopReason::Stop,
        })
    }
}

const fn malformed(what: &'static str) -> Fault {
    Fault::Malformed { what, source: None }
}
