//! A recording as the lines of its file, one JSON object a line.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use openclaw_types::Usage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Mask, Outcome, Piece, Recording,
    heard::{Said, Used},
    tape::{Fault, Form, Head},
};
use crate::{
    exchange::{Body, Broken},
    http::{HeaderMap, HeaderName},
    provider::Chunk,
};

/// The form of the lines; a later one that can't be read by this version has another number.
const VERSION: u32 = 1;
/// Parts of the names of headers that may hold a secret.
const SECRET_HEADERS: [&str; 5] = ["cookie", "authoriz", "authentic", "api-key", "secret"];

/// One line. The first is `request`, the last `end`; a file without both is no recording.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum Line {
    Request(Asked),
    Attempt(Attempt),
    Answer(Answered),
    Piece(Heard),
    End(End),
}

/// What was asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    version: u32,
    pub(super) key: String,
    /// `agent`, or the protocol of a client.
    pub(super) door: String,
    /// Milliseconds since 1970.
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    /// What it was asked of.
    reference: String,
    /// Method, path and query of what is passed through.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    target: String,
    /// The request; `null` where it was too long, or no JSON.
    pub(super) request: Value,
}

/// A candidate that did not answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Attempt {
    ms: u64,
    reference: String,
    #[serde(flatten)]
    error: Failing,
}

/// How something failed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failing {
    error: String,
    status: u16,
    message: String,
}

/// Who answered.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answered {
    ms: u64,
    provider: String,
    model: String,
    status: u16,
    headers: BTreeMap<String, String>,
    form: Form,
}

/// A piece of the answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Heard {
    ms: u64,
    said: Said,
}

/// How it ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct End {
    ms: u64,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Used>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failing>,
    /// Whether the end of the answer is missing, because it was longer than a recording may be.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    is_truncated: bool,
}

impl From<&Fault> for Failing {
    fn from(fault: &Fault) -> Self {
        Self {
            error: fault.kind.to_owned(),
            status: fault.status,
            message: fault.message.clone(),
        }
    }
}

/// The lines of a recording without keys.
pub(super) fn written(recording: &Recording, key: &str, mask: &Mask) -> Vec<u8> {
    let mut lines = vec![Line::Request(asked(recording, key))];
    lines.extend(recording.attempts.iter().map(|attempt| {
        Line::Attempt(Attempt {
            ms: attempt.ms,
            reference: attempt.reference.clone(),
            error: Failing::from(&attempt.fault),
        })
    }));
    let head = recording.head.as_ref();
    lines.extend(head.map(|head| Line::Answer(answered(head, recording.form))));
    let pieces = masked(recording.pieces.clone(), mask);
    lines.extend(pieces.iter().filter_map(|(ms, piece)| {
        let said = Said::of(piece)?;
        Some(Line::Piece(Heard { ms: *ms, said }))
    }));
    lines.push(Line::End(End {
        ms: recording.ms,
        outcome: recording.outcome,
        usage: recording.usage.map(Used::from),
        error: recording.error.as_ref().map(Failing::from),
        is_truncated: recording.is_cut,
    }));
    let mut bytes = Vec::new();
    for line in &lines {
        // A line is data of ours, which JSON can always say.
        bytes.extend(serde_json::to_vec(line).unwrap_or_default());
        bytes.push(b'\n');
    }
    mask.hide(&mut bytes);
    bytes
}

fn asked(recording: &Recording, key: &str) -> Asked {
    let subject = &recording.subject;
    let is_long = subject.bytes() > recording.bytes_max;
    let kept = |document: Value| if is_long { Value::Null } else { document };
    let (agent, target) = match subject {
        super::Subject::Agent { agent, .. } => (Some(agent.to_string()), String::new()),
        super::Subject::Caller { target, .. } => (None, target.clone()),
    };
    Asked {
        version: VERSION,
        key: key.to_owned(),
        door: subject.door().to_owned(),
        at: recording.at.as_millis(),
        agent,
        run_id: subject.run().map(str::to_owned),
        conversation: subject.conversation().map(str::to_owned),
        reference: recording.reference.clone(),
        target,
        request: kept(subject.document()),
    }
}

fn answered(head: &Head, form: Form) -> Answered {
    Answered {
        ms: head.ms,
        provider: head.provider.clone(),
        model: head.model.clone(),
        status: head.status,
        headers: shown(&head.headers),
        form,
    }
}

/// Headers without those that may hold a secret.
fn shown(headers: &HeaderMap) -> BTreeMap<String, String> {
    let is_secret = |name: &HeaderName| {
        let name = name.as_str();
        SECRET_HEADERS.iter().any(|part| name.contains(part))
    };
    let mut shown = BTreeMap::new();
    for name in headers.keys().filter(|name| !is_secret(name)) {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        shown.insert(name.to_string(), values.join(", "));
    }
    shown
}

/// The pieces without keys, even one that is cut in two.
fn masked(mut pieces: Vec<(u64, Piece)>, mask: &Mask) -> Vec<(u64, Piece)> {
    let mut all: Vec<u8> = Vec::new();
    for (_, piece) in &pieces {
        all.extend_from_slice(content(piece));
    }
    mask.hide(&mut all);
    let mut rest = all.as_slice();
    for (_, piece) in &mut pieces {
        let (own, after) = rest.split_at(content(piece).len());
        rest = after;
        if own == content(piece) {
            continue;
        }
        *piece = match piece {
            Piece::Chunk(Chunk::Text(_)) => Piece::Chunk(Chunk::Text(text(own))),
            Piece::Chunk(Chunk::Reasoning(_)) => Piece::Chunk(Chunk::Reasoning(text(own))),
            _ => Piece::Bytes(Bytes::copy_from_slice(own)),
        };
    }
    pieces
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn content(piece: &Piece) -> &[u8] {
    match piece {
        Piece::Chunk(Chunk::Text(text) | Chunk::Reasoning(text)) => text.as_bytes(),
        Piece::Bytes(bytes) => bytes,
        Piece::Chunk(_) => &[],
    }
}

/// A recording as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) form: Form,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) usage: Option<Usage>,
    pub(crate) outcome: Outcome,
    /// Its kind, its status, and its words.
    pub(crate) error: Option<(String, u16, String)>,
    pub(crate) is_truncated: bool,
}

impl Played {
    /// Whether it ended as it should.
    pub(crate) fn is_whole(&self) -> bool {
        self.outcome == Outcome::Whole && !self.is_truncated
    }

    /// The answer as a client gets it.
    pub(crate) fn body(self) -> Body {
        let pieces = self.pieces.into_iter().filter_map(|piece| match piece {
            Piece::Bytes(bytes) => Some(bytes),
            Piece::Chunk(_) => None,
        });
        match self.form {
            Form::Events => Body::Events(stream::iter(pieces.collect::<Vec<_>>()).boxed()),
            Form::Raw => {
                Body::Raw(stream::iter(pieces.map(Ok).collect::<Vec<Result<_, Broken>>>()).boxed())
            }
            Form::Whole | Form::Chunks => {
                Body::Whole(Bytes::from(pieces.collect::<Vec<_>>().concat()))
            }
        }
    }
}

/// Reads the lines of a recording.
///
/// # Errors
/// When a line is none of ours.
pub(super) fn read(text: &str) -> Result<Option<Played>, serde_json::Error> {
    let mut played = Played {
        provider: String::new(),
        model: String::new(),
        status: 200,
        headers: HeaderMap::new(),
        form: Form::Chunks,
        pieces: Vec::new(),
        usage: None,
        outcome: Outcome::Cancelled,
        error: None,
        is_truncated: false,
    };
    let mut is_whole = false;
    for line in text.lines() {
        match serde_json::from_str(line)? {
            Line::Request(_) | Line::Attempt(_) => {}
            Line::Answer(answered) => {
                played.headers = headers(answered.headers);
                played.status = answered.status;
                played.form = answered.form;
                (played.provider, played.model) = (answered.provider, answered.model);
            }
            Line::Piece(heard) => played.pieces.extend(heard.said.piece()),
            Line::End(end) => {
                is_whole = true;
                played.outcome = end.outcome;
                played.usage = end.usage.map(Usage::from);
                played.error = end
                    .error
                    .map(|error| (error.error, error.status, error.message));
                played.is_truncated = end.is_truncated;
            }
        }
    }
    Ok(is_whole.then_some(played))
}

fn headers(stated: BTreeMap<String, String>) -> HeaderMap {
    let pairs = stated.into_iter().filter_map(|(name, value)| {
        let name = HeaderName::try_from(name).ok()?;
        Some((name, value.try_into().ok()?))
    });
    pairs.collect()
}
