//! An answer in pieces: events in the server's words in, bytes in the client's words out.

use bytes::BytesMut;
use openclaw_types::Usage;
use serde_json::{json, value::RawValue};

use super::{
    Ended, Fault, Fields, Front, Origin, Progress,
    fields::{Change, quoted},
    messages::{self, MessagesReader},
    piece::{AnswerTool, Collected, Piece, Reader, Writer},
    responses::{self, ResponsesReader},
    sight::Sight,
};
use crate::{error::Kind, options::Api, sse::Event};

/// The mark that ends a stream of OpenAI's completions.
const DONE: &[u8] = b"[DONE]";

/// Translates one stream. After an error it takes nothing more.
#[derive(Debug)]
pub struct Translator {
    way: Way,
    ended: Collected,
    is_done: bool,
}

#[derive(Debug)]
enum Way {
    /// OpenAI's pieces as they are: only looked at.
    Completions {
        /// The model's name for the client as JSON.
        model: Option<String>,
        shows_usage: bool,
    },
    /// Named events as they are: Anthropic's, or those of OpenAI's responses.
    Named {
        front: Front,
        reader: Box<dyn Reader>,
        model: Option<String>,
    },
    /// Said anew.
    Through {
        reader: Box<dyn Reader>,
        writer: Box<dyn Writer>,
        tool: Option<AnswerTool>,
    },
}

impl Translator {
    /// Nothing has come yet.
    ///
    /// # Errors
    /// When there is no way from one dialect to the other.
    pub fn new(front: Front, api: Api, from: &Origin) -> Result<Self, Fault> {
        let way = match (front.is_native(api), front) {
            (true, Front::Messages | Front::Responses) => Way::Named {
                front,
                reader: match front {
                    Front::Messages => Box::new(MessagesReader::default()),
                    _ => Box::new(ResponsesReader::default()),
                },
                model: from.model.as_deref().map(quoted),
            },
            (true, _) => Way::Completions {
                model: from.model.as_deref().map(quoted),
                shows_usage: from.shows_usage,
            },
            (false, _) => match (super::reader(api, from), super::writer(front, from)) {
                (Some(reader), Some(writer)) => Way::Through {
                    reader,
                    writer,
                    tool: from.answers_by_tool.then(AnswerTool::default),
                },
                _ => return Err(super::unspeakable(front, api)),
            },
        };
        Ok(Self {
            way,
            ended: Collected::default(),
            is_done: false,
        })
    }

    /// Takes one event; what the client is to be told of it is put behind `out`.
    ///
    /// # Errors
    /// When it is not what the dialect says, or an error in the middle of the stream.
    pub fn push(&mut self, event: &Event, out: &mut BytesMut) -> Result<Progress, Fault> {
        let has_content = !self.is_done && self.take(event, out)?;
        Ok(Progress {
            has_content,
            is_done: self.is_done,
        })
    }

    fn take(&mut self, event: &Event, out: &mut BytesMut) -> Result<bool, Fault> {
        let mut pieces = Vec::new();
        match &mut self.way {
            Way::Completions { model, shows_usage } => {
                let data = event.data.trim_ascii();
                self.is_done = data == DONE;
                if self.is_done || data.is_empty() {
                    return Ok(false);
                }
                let sight = seen(event, data)?;
                // Servers that count along send a running total: the last one stands.
                self.ended.usage = sight.usage().or(self.ended.usage);
                self.ended.stop = sight.stop().or(self.ended.stop);
                if !sight.is_only_usage() || *shows_usage {
                    let is_renamed = sight.model.map(RawValue::get) != model.as_deref();
                    let model = model.as_deref().filter(|_| is_renamed);
                    say(data, model, out)?;
                }
                return Ok(sight.has_content());
            }
            Way::Named {
                front,
                reader,
                model,
            } => {
                self.is_done = reader.event(event, &mut pieces)?;
                // The end of messages is told by `finish`, once it is known that it is one; that of a response holds
                // all of it.
                if !self.is_done || *front == Front::Responses {
                    pass(event, model.as_deref(), out)?;
                }
            }
            Way::Through { reader, .. } => self.is_done = reader.event(event, &mut pieces)?,
        }
        self.told(pieces, out)
    }

    fn told(&mut self, pieces: Vec<Piece>, out: &mut BytesMut) -> Result<bool, Fault> {
        let mut has_content = false;
        for piece in pieces {
            let piece = match &mut self.way {
                Way::Through {
                    tool: Some(tool), ..
                } => tool.unwrap(piece),
                _ => Some(piece),
            };
            let Some(piece) = piece else { continue };
            has_content |= piece.is_content();
            self.ended.take(&piece, false)?;
            if let Way::Through { writer, .. } = &mut self.way {
                writer.piece(&piece, out);
            }
        }
        Ok(has_content)
    }

    /// The server's stream has ended: what is missing is said, and what it all added up to.
    ///
    /// # Errors
    /// When the model has not said why it stopped.
    pub fn finish(&mut self, out: &mut BytesMut) -> Result<Ended, Fault> {
        // Some servers end with their last piece and no end mark, which is good enough after a reason to stop.
        if self.ended.stop.is_none() {
            return Err(Fault::CutOff);
        }
        match &mut self.way {
            Way::Completions { .. } => line(DONE, out),
            Way::Named {
                front: Front::Responses,
                ..
            } => {}
            Way::Named { .. } => {
                out.extend_from_slice(
                    b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
                );
            }
            Way::Through { writer, .. } => writer.finish(&self.ended, out),
        }
        Ok(Ended {
            usage: self.ended.usage,
            stop: self.ended.stop,
        })
    }

    /// What the model has used so far, where the server has said it.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.ended.usage
    }

    /// Whether the model has said why it stopped: only usage and the end mark may follow.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.ended.stop.is_some()
    }

    /// Ends the stream with an error in the client's words, and without an end mark.
    pub fn error(&mut self, message: &str, kind: Kind, status: u16, out: &mut BytesMut) {
        self.is_done = true;
        match &mut self.way {
            Way::Completions { .. } => openai_error(message, kind, status, out),
            Way::Named {
                front: Front::Responses,
                ..
            } => responses::error(message, kind, 0, out),
            Way::Named { .. } => messages::error(message, kind, out),
            Way::Through { writer, .. } => writer.error(message, kind, status, out),
        }
    }
}

/// What a piece of OpenAI's stream says.
fn seen<'a>(event: &Event, data: &'a [u8]) -> Result<Sight<'a>, Fault> {
    let is_error = event.name.as_ref() == b"error";
    let sight: Sight<'_> = match serde_json::from_slice(data) {
        Ok(sight) => sight,
        Err(_) if is_error => return Err(refused(data)),
        Err(source) => return Err(not_json(source)),
    };
    if is_error || sight.is_error() {
        return Err(refused(data));
    }
    Ok(sight)
}

/// An error in OpenAI's words, in the middle of a stream.
pub(super) fn openai_error(message: &str, kind: Kind, status: u16, out: &mut BytesMut) {
    let error = json!({"error": {
        "message": message, "type": kind.as_str(), "param": null, "code": status.to_string(),
    }});
    line(error.to_string().as_bytes(), out);
}

/// Passes a named event on. Some name the model: Anthropic's first, and those that hold a response.
fn pass(event: &Event, model: Option<&str>, out: &mut BytesMut) -> Result<(), Fault> {
    if !event.name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(&event.name);
        out.extend_from_slice(b"\n");
    }
    let held = match event.name.as_ref() {
        b"message_start" => Some("message"),
        b"response.created"
        | b"response.in_progress"
        | b"response.queued"
        | b"response.completed"
        | b"response.incomplete" => Some("response"),
        _ => None,
    };
    let (Some(model), Some(held)) = (model, held) else {
        line(&event.data, out);
        return Ok(());
    };
    let fields = Fields::read(&event.data).map_err(not_json)?;
    let message = fields.get(held).unwrap_or("{}");
    let message = Fields::read(message.as_bytes()).map_err(not_json)?;
    let message = message.with(&[("model", Change::Set(model))]);
    let message = String::from_utf8_lossy(&message);
    line(&fields.with(&[(held, Change::Set(&message))]), out);
    Ok(())
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

/// Passes a piece on, under another name of the model where there is one.
fn say(data: &[u8], model: Option<&str>, out: &mut BytesMut) -> Result<(), Fault> {
    let Some(model) = model else {
        line(data, out);
        return Ok(());
    };
    let fields = Fields::read(data).map_err(not_json)?;
    line(&fields.with(&[("model", Change::Set(model))]), out);
    Ok(())
}

/// Writes an event. A line feed inside JSON is only space, and would end the line.
pub(super) fn line(data: &[u8], out: &mut BytesMut) {
    out.reserve(data.len() + 8);
    out.extend_from_slice(b"data: ");
    for (index, piece) in data.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            out.extend_from_slice(b" ");
        }
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(b"\n\n");
}
