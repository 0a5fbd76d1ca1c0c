//! Pieces become OpenAI's responses for a client.

use bytes::BytesMut;
use openclaw_types::{StopReason, Usage};
use serde_json::{Value, json};

use super::{incomplete, item, usage};
use crate::{
    dialect::{
        Origin,
        piece::{Collected, Piece, Thought, Writer},
    },
    error::Kind,
};

/// Writes one answer.
#[derive(Debug)]
pub(in crate::dialect) struct ResponsesWriter {
    from: Origin,
    id: String,
    model: String,
    has_started: bool,
    sequence: u64,
    /// Items that are whole.
    output: Vec<Value>,
    open: Option<Open>,
}

/// The item that is being written.
#[derive(Debug)]
enum Open {
    Text(String),
    Refusal(String),
    Thought(Thought),
    Call {
        index: usize,
        call_id: String,
        name: String,
        arguments: String,
    },
}

impl Open {
    const fn prefix(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Refusal(_) => "msg",
            Self::Thought(_) => "rs",
            Self::Call { .. } => "fc",
        }
    }

    /// The item as it stands.
    fn item(&self, id: &str, status: &str) -> Value {
        match self {
            Self::Text(text) => item::message(id, status, &[item::text(text)]),
            Self::Refusal(text) => item::message(id, status, &[item::refusal(text)]),
            Self::Thought(thought) => {
                item::reasoning(id, &thought.text, item::sealed(thought).as_deref())
            }
            Self::Call {
                call_id,
                name,
                arguments,
                ..
            } => item::call(id, status, (call_id, name, arguments)),
        }
    }

    /// The item before anything is in it.
    fn beginning(&self, id: &str) -> Value {
        match self {
            Self::Text(_) | Self::Refusal(_) => item::message(id, "in_progress", &[]),
            _ => self.item(id, "in_progress"),
        }
    }
}

impl ResponsesWriter {
    pub(in crate::dialect) fn new(from: &Origin) -> Self {
        Self {
            id: format!("resp_{}", from.id),
            model: from.model.clone().unwrap_or_default(),
            from: from.clone(),
            has_started: false,
            sequence: 0,
            output: Vec::new(),
            open: None,
        }
    }

    /// Writes an event under its name, which its data repeats, with its number.
    fn event(&mut self, name: &str, data: &Value, out: &mut BytesMut) {
        let mut told = json!({"type": name, "sequence_number": self.sequence});
        self.sequence += 1;
        if let (Some(told), Some(data)) = (told.as_object_mut(), data.as_object()) {
            told.extend(data.clone());
        }
        out.extend_from_slice(format!("event: {name}\ndata: {told}\n\n").as_bytes());
    }

    /// The event of the item that is open.
    fn of_item(&mut self, name: &str, data: Value, out: &mut BytesMut) {
        let mut told = json!({"item_id": self.item_id(), "output_index": self.output.len()});
        if let (Some(told), Value::Object(data)) = (told.as_object_mut(), data) {
            told.extend(data);
        }
        self.event(name, &told, out);
    }

    fn item_id(&self) -> String {
        let prefix = self.open.as_ref().map_or("item", Open::prefix);
        format!("{prefix}_{}_{}", self.from.id, self.output.len())
    }

    fn start(&mut self, out: &mut BytesMut) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let response = json!({"response": self.response(Vec::new(), "in_progress", None, None)});
        self.event("response.created", &response, out);
        self.event("response.in_progress", &response, out);
    }

    fn response(
        &self,
        output: Vec<Value>,
        status: &str,
        stop: Option<StopReason>,
        counts: Option<&Usage>,
    ) -> Value {
        let reason = stop.and_then(incomplete);
        let mut response = json!({
            "id": self.id, "object": "response", "created_at": self.from.created,
            "status": status, "error": null,
            "incomplete_details": reason.map(|reason| json!({"reason": reason})),
            "instructions": null, "max_output_tokens": null, "model": self.model,
            "output": [], "parallel_tool_calls": true, "previous_response_id": null,
            "reasoning": {"effort": null, "summary": null}, "store": false, "temperature": null,
            "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
            "top_p": null, "truncation": "disabled", "usage": counts.map(usage), "user": null,
            "metadata": {},
        });
        response["output"] = Value::Array(output);
        response
    }

    fn named(&mut self, id: Option<&String>, model: Option<&String>) {
        if let Some(id) = id {
            self.id = format!("resp_{}", id.strip_prefix("resp_").unwrap_or(id));
        }
        if let (None, Some(model)) = (&self.from.model, model) {
            self.model.clone_from(model);
        }
    }

    fn open(&mut self, new: Open, out: &mut BytesMut) {
        self.close(out);
        let begins_part = match &new {
            Open::Text(_) => Some(("response.content_part.added", item::text(""))),
            Open::Refusal(_) => Some(("response.content_part.added", item::refusal(""))),
            Open::Thought(thought) if thought.sealed.is_none() => {
                let part = json!({"type": "summary_text", "text": ""});
                Some(("response.reasoning_summary_part.added", part))
            }
            Open::Thought(_) | Open::Call { .. } => None,
        };
        self.open = Some(new);
        let id = self.item_id();
        let beginning = self.open.as_ref().map(|open| open.beginning(&id));
        let added = json!({"output_index": self.output.len(), "item": beginning});
        self.event("response.output_item.added", &added, out);
        if let Some((name, part)) = begins_part {
            let place = place(name);
            self.of_item(name, json!({place: 0, "part": part}), out);
        }
    }

    /// Ends the item that is open.
    fn close(&mut self, out: &mut BytesMut) {
        let Some(open) = &self.open else {
            return;
        };
        let ends: Vec<(&str, Value)> = match open {
            Open::Text(text) => vec![
                (
                    "response.output_text.done",
                    json!({"text": text, "logprobs": []}),
                ),
                (
                    "response.content_part.done",
                    json!({"part": item::text(text)}),
                ),
            ],
            Open::Refusal(text) => vec![
                ("response.refusal.done", json!({"refusal": text})),
                (
                    "response.content_part.done",
                    json!({"part": item::refusal(text)}),
                ),
            ],
            Open::Thought(thought) if thought.sealed.is_none() => {
                let part = json!({"type": "summary_text", "text": thought.text});
                vec![
                    (
                        "response.reasoning_summary_text.done",
                        json!({"text": thought.text}),
                    ),
                    (
                        "response.reasoning_summary_part.done",
                        json!({"part": part}),
                    ),
                ]
            }
            Open::Thought(_) => Vec::new(),
            Open::Call {
                name, arguments, ..
            } => vec![(
                "response.function_call_arguments.done",
                json!({"name": name, "arguments": arguments}),
            )],
        };
        let whole = open.item(&self.item_id(), "completed");
        for (name, mut data) in ends {
            if !name.starts_with("response.function_call") {
                data[place(name)] = Value::from(0);
            }
            self.of_item(name, data, out);
        }
        let done = json!({"output_index": self.output.len(), "item": whole});
        self.event("response.output_item.done", &done, out);
        self.open = None;
        self.output.push(whole);
    }

    fn text(&mut self, more: &str, out: &mut BytesMut) {
        if !matches!(self.open, Some(Open::Text(_))) {
            self.open(Open::Text(String::new()), out);
        }
        if let Some(Open::Text(text)) = &mut self.open {
            text.push_str(more);
        }
        let data = json!({"content_index": 0, "delta": more, "logprobs": []});
        self.of_item("response.output_text.delta", data, out);
    }

    fn refusal(&mut self, more: &str, out: &mut BytesMut) {
        if !matches!(self.open, Some(Open::Refusal(_))) {
            self.open(Open::Refusal(String::new()), out);
        }
        if let Some(Open::Refusal(text)) = &mut self.open {
            text.push_str(more);
        }
        let data = json!({"content_index": 0, "delta": more});
        self.of_item("response.refusal.delta", data, out);
    }

    fn think(&mut self, more: &str, out: &mut BytesMut) {
        if !matches!(self.open, Some(Open::Thought(_))) {
            self.open(Open::Thought(Thought::default()), out);
        }
        if let Some(Open::Thought(thought)) = &mut self.open {
            thought.text.push_str(more);
        }
        let data = json!({"summary_index": 0, "delta": more});
        self.of_item("response.reasoning_summary_text.delta", data, out);
    }
}

/// How the part of an item is counted.
fn place(event: &str) -> &'static str {
    if event.contains("reasoning") {
        "summary_index"
    } else {
        "content_index"
    }
}

impl Writer for ResponsesWriter {
    fn piece(&mut self, piece: &Piece, out: &mut BytesMut) {
        if let Piece::Start { id, model } = piece {
            self.named(id.as_ref(), model.as_ref());
        }
        self.start(out);
        match piece {
            Piece::Text(text) => self.text(text, out),
            Piece::Refusal(text) => self.refusal(text, out),
            Piece::Reasoning(text) => self.think(text, out),
            Piece::Signature(proof) => {
                if !matches!(self.open, Some(Open::Thought(_))) {
                    self.open(Open::Thought(Thought::default()), out);
                }
                if let Some(Open::Thought(thought)) = &mut self.open {
                    thought.signature = Some(proof.clone());
                }
                self.close(out);
            }
            Piece::Sealed(data) => {
                let thought = Thought {
                    sealed: Some(data.clone()),
                    ..Thought::default()
                };
                self.open(Open::Thought(thought), out);
                self.close(out);
            }
            Piece::Call { index, id, name } => {
                let call = Open::Call {
                    index: *index,
                    call_id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                };
                self.open(call, out);
            }
            Piece::Arguments { index, text } => {
                // Items come one after the other: what belongs to a call that is closed can't be told any more. No
                // server mixes them.
                if let Some(Open::Call {
                    index: open,
                    arguments,
                    ..
                }) = &mut self.open
                    && open == index
                {
                    arguments.push_str(text);
                    let name = "response.function_call_arguments.delta";
                    self.of_item(name, json!({"delta": text}), out);
                }
            }
            Piece::Start { .. } | Piece::Usage(_) | Piece::Stop(_) => {}
        }
    }

    fn finish(&mut self, ended: &Collected, out: &mut BytesMut) {
        self.start(out);
        self.close(out);
        let status = match ended.stop.and_then(incomplete) {
            Some(_) => "incomplete",
            None => "completed",
        };
        let output = std::mem::take(&mut self.output);
        let response = self.response(output, status, ended.stop, ended.usage.as_ref());
        let name = format!("response.{status}");
        self.event(&name, &json!({"response": response}), out);
    }

    fn error(&mut self, message: &str, kind: Kind, _status: u16, out: &mut BytesMut) {
        error(message, kind, self.sequence, out);
    }

    fn document(&self, answer: &Collected) -> Value {
        let mut items: Vec<Open> = answer.thoughts.iter().cloned().map(Open::Thought).collect();
        if !answer.text.is_empty() {
            items.push(Open::Text(answer.text.clone()));
        }
        if !answer.refusal.is_empty() {
            items.push(Open::Refusal(answer.refusal.clone()));
        }
        items.extend(answer.calls.iter().map(|call| Open::Call {
            index: call.index,
            call_id: call.id.clone(),
            name: call.name.clone(),
            arguments: if call.arguments.trim().is_empty() {
                "{}".to_owned()
            } else {
                call.arguments.clone()
            },
        }));
        let output = items.iter().enumerate().map(|(place, item)| {
            let id = format!("{}_{}_{place}", item.prefix(), self.from.id);
            item.item(&id, "completed")
        });
        let mut told = Self::new(&self.from);
        told.named(answer.id.as_ref(), answer.model.as_ref());
        let status = match answer.stop.and_then(incomplete) {
            Some(_) => "incomplete",
            None => "completed",
        };
        told.response(output.collect(), status, answer.stop, answer.usage.as_ref())
    }
}

/// Ends a stream with an error in the words of OpenAI's responses.
pub(in crate::dialect) fn error(message: &str, kind: Kind, sequence: u64, out: &mut BytesMut) {
    let error = json!({
        "type": "error", "sequence_number": sequence,
        "code": kind.as_str(), "message": message, "param": null,
    });
    out.extend_from_slice(format!("event: error\ndata: {error}\n\n").as_bytes());
}
