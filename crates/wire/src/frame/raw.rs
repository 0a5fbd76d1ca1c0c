//! From bytes to a checked object, and from that to a native frame.

use std::borrow::Cow;

use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::value::RawValue;

use super::{DecodeError, Dialect, Event, Frame, Request, Response};
use crate::{
    error::ErrorShape,
    limits::{NAME_BYTES_MAX, REQUEST_ID_BYTES_MAX},
    scan::scan,
};

/// A checked JSON object whose fields have no types yet. Both dialects start here, so bytes are checked once.
#[derive(Debug)]
pub struct Raw<'a> {
    text: &'a str,
    fields: Fields<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    r#type: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    ok: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    seq: Option<&'a RawValue>,
    #[serde(borrow)]
    state_version: Option<&'a RawValue>,
    #[serde(default)]
    content: Option<IgnoredAny>,
}

impl<'a> Raw<'a> {
    /// Checks that the bytes are one JSON object within the limits.
    ///
    /// # Errors
    /// Says which rule the bytes break.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(bytes).map_err(|error| DecodeError::Utf8 {
            valid_up_to: error.valid_up_to(),
        })?;
        scan(text)?;
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if first.is_some_and(|byte| *byte != b'{') {
            return Err(match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) => DecodeError::NotAnObject,
                Err(source) => DecodeError::Json { source },
            });
        }
        let fields = serde_json::from_str(text).map_err(|source| DecodeError::Json { source })?;
        Ok(Self { text, fields })
    }

    /// The text that was checked.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Which dialect this frame speaks. `event` exists in both: the native one names its event and has a
    /// `payload` or at least no `content`.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        let fields = &self.fields;
        let Some(word) = fields.r#type.and_then(string) else {
            return Dialect::Unknown;
        };
        match &*word {
            "req" | "res" => Dialect::Native,
            "event" => {
                let named = fields.event.and_then(string).is_some();
                if named && (fields.payload.is_some() || fields.content.is_none()) {
                    Dialect::Native
                } else {
                    Dialect::A2a
                }
            }
            _ => Dialect::A2a,
        }
    }

    /// The native frame.
    ///
    /// # Errors
    /// Names the first field that is absent or wrong.
    pub fn frame(&self) -> Result<Frame<'a>, DecodeError> {
        let word = self.fields.r#type.and_then(string);
        match word.as_deref() {
            Some("req") => self.request().map(Frame::Request),
            Some("res") => self.response().map(Frame::Response),
            Some("event") => self.event().map(Frame::Event),
            _ => Err(self.wrong("type", "`req`, `res` or `event`")),
        }
    }

    fn request(&self) -> Result<Request<'a>, DecodeError> {
        Ok(Request {
            id: self.id()?,
            method: self.name(self.fields.method, "method")?,
            params: self.fields.params,
        })
    }

    fn response(&self) -> Result<Response<'a>, DecodeError> {
        let id = self.id()?;
        let outcome = match self.fields.ok.map(RawValue::get) {
            Some("true") => Ok(self.fields.payload),
            Some("false") => Err(self.error_shape()?),
            _ => return Err(self.wrong("ok", "true or false")),
        };
        Ok(Response { id, outcome })
    }

    fn error_shape(&self) -> Result<ErrorShape, DecodeError> {
        let expected = "an object with `code` and `message`";
        self.fields
            .error
            .and_then(object)
            .ok_or_else(|| self.wrong("error", expected))
    }

    fn event(&self) -> Result<Event<'a>, DecodeError> {
        let seq = match self.fields.seq.map(|raw| raw.get().parse()) {
            None => None,
            Some(Ok(seq)) => Some(seq),
            Some(Err(_)) => return Err(self.wrong("seq", "a whole number")),
        };
        let state_version = match self.fields.state_version.map(object) {
            None => None,
            Some(Some(version)) => Some(version),
            Some(None) => return Err(self.wrong("stateVersion", "an object with two counters")),
        };
        Ok(Event {
            event: self.name(self.fields.event, "event")?,
            payload: self.fields.payload,
            seq,
            state_version,
        })
    }

    fn id(&self) -> Result<Cow<'a, str>, DecodeError> {
        self.fields
            .id
            .and_then(string)
            .filter(|id| !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX)
            .ok_or_else(|| self.wrong("id", "a text of 1 to 256 bytes"))
    }

    fn name(
        &self,
        raw: Option<&'a RawValue>,
        field: &'static str,
    ) -> Result<Cow<'a, str>, DecodeError> {
        raw.and_then(string)
            .filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX)
            .ok_or_else(|| self.wrong(field, "a text of 1 to 128 bytes"))
    }

    fn wrong(&self, field: &'static str, expected: &'static str) -> DecodeError {
        let id = self.fields.id.and_then(string);
        DecodeError::Field {
            id: id
                .filter(|id| !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX)
                .map(Cow::into_owned),
            field,
            expected,
        }
    }
}

/// The struct that an object holds. A derived reader would take an array for an object too.
fn object<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    let text = raw.get().starts_with('{').then(|| raw.get())?;
    serde_json::from_str(text).ok()
}

/// The string a raw value holds, borrowed where nothing is escaped.
fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}
