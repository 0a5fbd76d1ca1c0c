//! An answer in pieces: events in the server's words in, bytes in the client's words out.

use bytes::BytesMut;
use openclaw_types::{StopReason, Usage};
use serde_json::json;

use super::{
    Ended, Fault, Fields, Front, Origin, Progress,
    fields::{Change, quoted},
    sight::Sight,
};
use crate::{error::Kind, options::Api, sse::Event};

/// The mark that ends a stream of OpenAI's completions.
const DONE: &[u8] = b"[DONE]";

/// Translates one stream. After an error it takes nothing more.
#[derive(Debug)]
pub struct Translator {
    front: Front,
    /// The model's name for the client as JSON.
    model: Option<String>,
    shows_usage: bool,
    usage: Option<Usage>,
    stop: Option<StopReason>,
    is_done: bool,
}

impl Translator {
    /// Nothing has come yet.
    ///
    /// # Errors
    /// When there is no way from one dialect to the other.
    pub fn new(front: Front, api: Api, from: &Origin) -> Result<Self, Fault> {
        if !front.is_native(api) {
            return Err(super::unspeakable(front, api));
        }
        Ok(Self {
            front,
            model: from.model.as_deref().map(quoted),
            shows_usage: from.shows_usage,
            usage: None,
            stop: None,
            is_done: false,
        })
    }

    /// Takes one event; what the client is to be told of it is put behind `out`.
    ///
    /// # Errors
    /// When it is not what the dialect says, or an error in the middle of the stream.
    pub fn push(&mut self, event: &Event, out: &mut BytesMut) -> Result<Progress, Fault> {
        let data = event.data.trim_ascii();
        if data == DONE {
            self.is_done = true;
        }
        if self.is_done || data.is_empty() {
            return Ok(self.progress(false));
        }
        let sight: Sight<'_> = match serde_json::from_slice(data) {
            Ok(sight) => sight,
            Err(_) if event.name.as_ref() == b"error" => return Err(refused(data)),
            Err(source) => {
                return Err(Fault::Malformed {
                    what: "not JSON as agreed",
                    source: Some(source),
                });
            }
        };
        if event.name.as_ref() == b"error" || sight.is_error() {
            return Err(refused(data));
        }
        // Servers that count along send a running total: the last one stands.
        self.usage = sight.usage().or(self.usage);
        self.stop = sight.stop().or(self.stop);
        let has_content = sight.has_content();
        if !sight.is_only_usage() || self.shows_usage {
            let is_renamed =
                sight.model.map(serde_json::value::RawValue::get) != self.model.as_deref();
            let model = self.model.as_deref().filter(|_| is_renamed);
            say(data, model, out)?;
        }
        Ok(self.progress(has_content))
    }

    const fn progress(&self, has_content: bool) -> Progress {
        Progress {
            has_content,
            is_done: self.is_done,
        }
    }

    /// The server's stream has ended: what is missing is said, and what it all added up to.
    ///
    /// # Errors
    /// When the model has not said why it stopped.
    pub fn finish(&mut self, out: &mut BytesMut) -> Result<Ended, Fault> {
        // Some servers end with their last piece and no end mark, which is good enough after a reason to stop.
        if self.stop.is_none() {
            return Err(Fault::CutOff);
        }
        line(DONE, out);
        Ok(Ended {
            usage: self.usage,
            stop: self.stop,
        })
    }

    /// What the model has used so far, where the server has said it.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Whether the model has said why it stopped: only usage and the end mark may follow.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.stop.is_some()
    }

    /// Ends the stream with an error in the client's words, and without an end mark.
    pub fn error(&mut self, message: &str, kind: Kind, status: u16, out: &mut BytesMut) {
        self.is_done = true;
        let error = match self.front {
            Front::Messages => json!({
                "type": "error",
                "error": {"type": "api_error", "message": message},
            }),
            Front::Chat | Front::Completions | Front::Embeddings | Front::Responses => json!({
                "error": {
                    "message": message,
                    "type": kind.as_str(),
                    "param": null,
                    "code": status.to_string(),
                },
            }),
        };
        if self.front == Front::Messages {
            out.extend_from_slice(b"event: error\n");
        }
        line(error.to_string().as_bytes(), out);
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
    let fields = Fields::read(data).map_err(|source| Fault::Malformed {
        what: "not JSON as agreed",
        source: Some(source),
    })?;
    line(&fields.with(&[("model", Change::Set(model))]), out);
    Ok(())
}

/// Writes an event. A line feed inside JSON is only space, and would end the line.
fn line(data: &[u8], out: &mut BytesMut) {
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
