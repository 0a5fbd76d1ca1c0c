//! Native frames: requests, responses and events, from bytes and back to text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    error::ErrorShape,
    limits::{DEPTH_MAX, NAME_BYTES_MAX, OPEN_KEYS_MAX, REQUEST_ID_BYTES_MAX},
    scan::{Fault, scan},
};

/// Why bytes are not a frame.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not UTF-8.
    #[error("frame is not UTF-8 after byte {valid_up_to}")]
    Utf8 {
        /// How many bytes were good.
        valid_up_to: usize,
    },
    /// The text is not JSON.
    #[error("frame is not JSON at line {} column {}", source.line(), source.column())]
    Json {
        /// What the parser saw.
        source: serde_json::Error,
    },
    /// The text is JSON but not an object.
    #[error("frame is not a JSON object")]
    NotAnObject,
    /// Something follows the object.
    #[error("frame has bytes after its end, at byte {offset}")]
    Trailing {
        /// Where it starts.
        offset: usize,
    },
    /// The text nests too deep.
    #[error("frame nests deeper than {DEPTH_MAX} levels, at byte {offset}")]
    TooDeep {
        /// Where the limit was passed.
        offset: usize,
    },
    /// The text has too many keys in its open objects.
    #[error("frame has more than {OPEN_KEYS_MAX} keys in open objects")]
    TooManyKeys,
    /// An object repeats a key.
    #[error("frame repeats the key `{key}`")]
    DuplicateKey {
        /// Which one.
        key: String,
    },
    /// A field is absent, of the wrong type or too long.
    #[error("frame field `{field}` must be {expected}")]
    Field {
        /// The request's id, where it was readable, so that the answer can carry it.
        id: Option<String>,
        /// Which field.
        field: &'static str,
        /// What it must be, in words.
        expected: &'static str,
    },
}

/// Which language a frame speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `req`, `res` and native `event` frames.
    Native,
    /// Everything else that names a `type`.
    A2a,
    /// An object without a string `type`: it says nothing about its sender.
    Unknown,
}

/// The dialect of one frame, from its bytes alone.
///
/// # Errors
/// Says why the bytes are no frame of either dialect.
pub fn sniff(bytes: &[u8]) -> Result<Dialect, DecodeError> {
    Ok(Raw::parse(bytes)?.dialect())
}

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
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .ok_or_else(|| self.wrong("error", expected))
    }

    fn event(&self) -> Result<Event<'a>, DecodeError> {
        let seq = match self.fields.seq.map(|raw| raw.get().parse()) {
            None => None,
            Some(Ok(seq)) => Some(seq),
            Some(Err(_)) => return Err(self.wrong("seq", "a whole number")),
        };
        let version = self.fields.state_version;
        let state_version = match version.map(|raw| serde_json::from_str(raw.get())) {
            None => None,
            Some(Ok(version)) => Some(version),
            Some(Err(_)) => {
                return Err(self.wrong("stateVersion", "an object with two counters"));
            }
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

/// The string a raw value holds, borrowed where nothing is escaped.
fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

impl From<Fault> for DecodeError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooDeep { offset } => Self::TooDeep { offset },
            Fault::TooManyKeys => Self::TooManyKeys,
            Fault::DuplicateKey { key } => Self::DuplicateKey { key },
            Fault::Trailing { offset } => Self::Trailing { offset },
        }
    }
}

/// One native frame, borrowed from the bytes it came in.
#[derive(Debug)]
pub enum Frame<'a> {
    /// Client to gateway: do something.
    Request(Request<'a>),
    /// Gateway to client: how it went.
    Response(Response<'a>),
    /// Gateway to client: something happened.
    Event(Event<'a>),
}

/// A call of a method.
#[derive(Debug)]
pub struct Request<'a> {
    /// Chosen by the client, echoed in every response.
    pub id: Cow<'a, str>,
    /// Which method.
    pub method: Cow<'a, str>,
    /// Its parameters, not yet read.
    pub params: Option<&'a RawValue>,
}

/// The answer to a request; a two-phase method answers twice with the same id.
#[derive(Debug)]
pub struct Response<'a> {
    /// The request's id.
    pub id: Cow<'a, str>,
    /// The payload, not yet read, or the error.
    pub outcome: Result<Option<&'a RawValue>, ErrorShape>,
}

/// Something that happened.
#[derive(Debug)]
pub struct Event<'a> {
    /// Which event.
    pub event: Cow<'a, str>,
    /// What happened, not yet read.
    pub payload: Option<&'a RawValue>,
    /// Its number on this connection; targeted events have none.
    pub seq: Option<u64>,
    /// Which version of the shared state it belongs to.
    pub state_version: Option<StateVersion>,
}

/// Counters of the two pieces of state every client mirrors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StateVersion {
    /// Version of the presence list.
    pub presence: u64,
    /// Version of the health snapshot.
    pub health: u64,
}

impl<'a> Frame<'a> {
    /// Decodes a native frame. The caller has checked the size.
    ///
    /// # Errors
    /// Says why the bytes are no native frame.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Raw::parse(bytes)?.frame()
    }
}

/// A value that cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("frame body cannot be written as JSON")]
pub struct EncodeError {
    #[from]
    source: serde_json::Error,
}

#[derive(Serialize)]
struct RequestOut<'a, P> {
    r#type: &'static str,
    id: &'a str,
    method: &'a str,
    params: &'a P,
}

#[derive(Serialize)]
struct ResponseOut<'a, P> {
    r#type: &'static str,
    id: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a P>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ErrorShape>,
}

/// Writes a request.
///
/// # Errors
/// When `params` has no JSON form, such as a map whose keys are no strings.
pub fn encode_request<P: Serialize>(
    id: &str,
    method: &str,
    params: &P,
) -> Result<String, EncodeError> {
    let frame = RequestOut {
        r#type: "req",
        id,
        method,
        params,
    };
    Ok(serde_json::to_string(&frame)?)
}

/// Writes the response to a request that succeeded.
///
/// # Errors
/// When `payload` has no JSON form.
pub fn encode_ok<P: Serialize>(id: &str, payload: &P) -> Result<String, EncodeError> {
    let frame = ResponseOut {
        r#type: "res",
        id,
        ok: true,
        payload: Some(payload),
        error: None,
    };
    Ok(serde_json::to_string(&frame)?)
}

/// Writes the response to a request that failed.
#[must_use]
pub fn encode_error(id: &str, error: &ErrorShape) -> String {
    let frame = ResponseOut::<()> {
        r#type: "res",
        id,
        ok: false,
        payload: None,
        error: Some(error),
    };
    // Details are a JSON value already, so this cannot fail; a bare error still answers the request if it did.
    serde_json::to_string(&frame).unwrap_or_else(|_| {
        r#"{"type":"res","id":"","ok":false,"error":{"code":"UNAVAILABLE","message":"error cannot be written"}}"#
            .to_owned()
    })
}

/// An event whose payload is written once, for any number of connections.
#[derive(Debug, Clone)]
pub struct EncodedEvent {
    /// The frame up to and without what differs per connection.
    head: std::sync::Arc<str>,
}

impl EncodedEvent {
    /// Writes the payload.
    ///
    /// # Errors
    /// When `payload` has no JSON form.
    pub fn new<P: Serialize>(
        event: &str,
        payload: &P,
        state_version: Option<StateVersion>,
    ) -> Result<Self, EncodeError> {
        let mut head = Vec::with_capacity(256);
        head.extend_from_slice(br#"{"type":"event","event":"#);
        serde_json::to_writer(&mut head, event)?;
        head.extend_from_slice(br#","payload":"#);
        serde_json::to_writer(&mut head, payload)?;
        if let Some(version) = state_version {
            head.extend_from_slice(br#","stateVersion":"#);
            serde_json::to_writer(&mut head, &version)?;
        }
        let head = String::from_utf8(head).map_err(|error| EncodeError {
            source: serde::ser::Error::custom(error),
        })?;
        Ok(Self { head: head.into() })
    }

    /// The frame for one connection; targeted events have no number.
    #[must_use]
    pub fn frame(&self, seq: Option<u64>) -> String {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(self.head.len() + 32);
        text.push_str(&self.head);
        if let Some(seq) = seq {
            text.push_str(r#","seq":"#);
            // Writing to a string cannot fail.
            write!(text, "{seq}").unwrap_or_default();
        }
        text.push('}');
        text
    }
}
