//! The answers of OpenAI's responses become pieces.

use openclaw_types::StopReason;
use serde::Deserialize;
use serde_json::Value;

use super::{Counts, item::seal};
use crate::{
    dialect::{
        Fault,
        parts::{read, refused},
        piece::{Piece, Reader},
    },
    sse::Event,
};

/// Reads one answer.
#[derive(Debug, Default)]
pub(in crate::dialect) struct ResponsesReader {
    /// The server's index of each item that is a call, in our order, and whether arguments have come for it.
    calls: Vec<(u64, bool)>,
    /// Whether a summary's part was told before.
    has_summary: bool,
}

/// Everything an event may hold.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    r#type: String,
    response: Option<Response>,
    #[serde(default)]
    output_index: u64,
    item: Option<Item>,
    /// A text in every event that is read.
    delta: Option<Value>,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    object: String,
    id: Option<String>,
    model: Option<String>,
    status: Option<String>,
    error: Option<Value>,
    incomplete_details: Option<Incomplete>,
    output: Option<Vec<Item>>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Incomplete {
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    r#type: String,
    id: Option<String>,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<String>,
    content: Option<Vec<Said>>,
    summary: Option<Vec<Said>>,
    encrypted_content: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    text: Option<String>,
    refusal: Option<String>,
}

impl Reader for ResponsesReader {
    fn event(&mut self, event: &Event, pieces: &mut Vec<Piece>) -> Result<bool, Fault> {
        let data = event.data.trim_ascii();
        if data.is_empty() || data == b"[DONE]" {
            return Ok(false);
        }
        let told: Told = read(data)?;
        let text = || match &told.delta {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        match told.r#type.as_str() {
            "error" | "response.failed" => return Err(refused(&error(data, told.response))),
            "response.created" => {
                if let Some(response) = told.response {
                    pieces.push(Piece::Start {
                        id: response.id,
                        model: response.model,
                    });
                }
            }
            "response.output_text.delta" => pieces.extend(text().map(Piece::Text)),
            "response.refusal.delta" => pieces.extend(text().map(Piece::Refusal)),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                pieces.extend(text().map(Piece::Reasoning));
            }
            "response.reasoning_summary_part.added" => self.paragraph(pieces),
            "response.function_call_arguments.delta" => {
                if let Some(text) = text() {
                    self.arguments(told.output_index, text, pieces);
                }
            }
            "response.output_item.added" => {
                if let Some(item) = told.item.filter(|item| item.r#type == "function_call") {
                    self.call(told.output_index, item, pieces);
                }
            }
            "response.output_item.done" => {
                if let Some(item) = told.item {
                    self.done(told.output_index, item, pieces);
                }
            }
            "response.completed" | "response.incomplete" => {
                let Some(response) = told.response else {
                    return Err(malformed("no response"));
                };
                self.end(&response, pieces);
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }

    fn document(&mut self, body: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Fault> {
        let mut response: Response = read(body)?;
        let is_failed = response.status.as_deref() == Some("failed");
        if is_failed || response.error.as_ref().is_some_and(|it| !it.is_null()) {
            return Err(refused(body));
        }
        let Some(output) = response
            .output
            .take()
            .filter(|_| response.object == "response")
        else {
            return Err(malformed("no response"));
        };
        pieces.push(Piece::Start {
            id: response.id.take(),
            model: response.model.take(),
        });
        for (index, item) in (0..).zip(output) {
            self.item(index, item, pieces);
        }
        self.end(&response, pieces);
        Ok(())
    }
}

impl ResponsesReader {
    /// Another part of a summary begins.
    fn paragraph(&mut self, pieces: &mut Vec<Piece>) {
        if std::mem::replace(&mut self.has_summary, true) {
            pieces.push(Piece::Reasoning("\n\n".to_owned()));
        }
    }

    /// An item of a whole answer.
    fn item(&mut self, index: u64, item: Item, pieces: &mut Vec<Piece>) {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        match item.r#type.as_str() {
            "message" => {
                for said in item.content.iter().flatten() {
                    pieces.extend(some(&said.text).map(Piece::Text));
                    pieces.extend(some(&said.refusal).map(Piece::Refusal));
                }
            }
            "reasoning" => {
                let said = item.summary.iter().chain(&item.content).flatten();
                let texts: Vec<String> = said.filter_map(|said| some(&said.text)).collect();
                if !texts.is_empty() {
                    pieces.push(Piece::Reasoning(texts.join("\n\n")));
                }
                self.done(index, item, pieces);
            }
            "function_call" => self.call(index, item, pieces),
            _ => {}
        }
    }

    /// An item of a stream is whole: what was not said in pieces is said now.
    fn done(&mut self, index: u64, item: Item, pieces: &mut Vec<Piece>) {
        match item.r#type.as_str() {
            "reasoning" => {
                let sealed = item.encrypted_content.filter(|sealed| !sealed.is_empty());
                let id = item.id.unwrap_or_default();
                pieces.extend(sealed.map(|sealed| Piece::Sealed(seal(&id, &sealed))));
            }
            "function_call" => {
                let known = self.calls.iter().find(|(known, _)| *known == index);
                match (known, item.arguments) {
                    (Some((_, false)), Some(text)) if !text.is_empty() => {
                        self.arguments(index, text, pieces);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn call(&mut self, index: u64, item: Item, pieces: &mut Vec<Piece>) {
        self.calls.push((index, false));
        let place = self.calls.len() - 1;
        let id = item.call_id.or(item.id).filter(|id| !id.is_empty());
        pieces.push(Piece::Call {
            index: place,
            id: id.unwrap_or_else(|| format!("call_{place}")),
            name: item.name.unwrap_or_default(),
        });
        if let Some(text) = item.arguments.filter(|text| !text.is_empty()) {
            self.arguments(index, text, pieces);
        }
    }

    fn arguments(&mut self, index: u64, text: String, pieces: &mut Vec<Piece>) {
        let mut calls = self.calls.iter_mut().enumerate();
        if let Some((index, (_, has_come))) = calls.find(|(_, (known, _))| *known == index) {
            *has_come = true;
            pieces.push(Piece::Arguments { index, text });
        }
    }

    fn end(&self, response: &Response, pieces: &mut Vec<Piece>) {
        let reason = response.incomplete_details.as_ref();
        let reason = reason.and_then(|details| details.reason.as_deref());
        let stop = match (reason, response.status.as_deref()) {
            (Some("content_filter"), _) => Some(StopReason::ContentFilter),
            (Some(_), _) | (None, Some("incomplete")) => Some(StopReason::Length),
            (None, Some("completed") | None) if self.calls.is_empty() => Some(StopReason::Stop),
            (None, Some("completed") | None) => Some(StopReason::ToolCalls),
            // In progress, queued or cancelled: no answer yet, or none any more.
            (None, Some(_)) => None,
        };
        pieces.extend(stop.map(Piece::Stop));
        pieces.extend(response.usage.map(|counts| Piece::Usage(counts.into())));
    }
}

/// The error where every classifier looks for it.
fn error(data: &[u8], response: Option<Response>) -> Vec<u8> {
    match response.and_then(|response| response.error) {
        Some(error) => serde_json::json!({"error": error}).to_string().into_bytes(),
        None => match serde_json::from_slice::<Value>(data) {
            // The event is the error itself.
            Ok(event) if event.get("error").is_none() => {
                serde_json::json!({"error": event}).to_string().into_bytes()
            }
            _ => data.to_vec(),
        },
    }
}

const fn malformed(what: &'static str) -> Fault {
    Fault::Malformed { what, source: None }
}
