//! A line read back: strict about what makes an entry, tolerant of everything else.

use openclaw_types::{Part, Role, RunId, SessionId, Timestamp, ToolCall, ToolResult, Usage};
use serde_json::{Map, Value};

use super::{Entry, Kind, Origin, OriginKind, Sealed, quick};

/// Why bytes are not an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    /// Not one JSON object in UTF-8.
    #[error("not a JSON object")]
    NotJson,
    /// One of the four keys every entry has is absent or of the wrong type.
    #[error("no usable `{key}`")]
    Key {
        /// Which one.
        key: &'static str,
    },
    /// The checksum does not match the bytes.
    #[error("the checksum does not match")]
    Checksum,
    /// `seq` without `crc`, or the other way round.
    #[error("`seq` and `crc` must come together")]
    Unpaired,
    /// The session already has an entry with this number, or a later one.
    #[error("the number was used before")]
    Duplicate,
    /// A run of zero bytes, as a power cut leaves behind.
    #[error("zero bytes")]
    Zeros,
    /// The line is longer than [`crate::LINE_BYTES_MAX`].
    #[error("the line is too long to be looked into")]
    TooLong,
    /// Part of an entry that was never finished.
    #[error("the beginning of an unfinished line")]
    Torn,
}

/// Reads one line, without its newline.
///
/// The result's `seq` is 0 when the line has none. A line as this crate writes it is read in one go; any
/// other takes the general way, and where both can read a line they read the same.
///
/// # Errors
/// Says why the line is not an entry.
pub fn decode(line: &[u8]) -> Result<Entry, Fault> {
    let sealed = Sealed::split(line);
    if sealed.is_some_and(|sealed| !sealed.holds()) {
        return Err(Fault::Checksum);
    }
    match sealed.and_then(|sealed| quick::decode(sealed.body)) {
        Some(entry) => Ok(entry),
        None => general(line, sealed.is_some()),
    }
}

/// Reads any JSON object that has the keys of an entry.
pub(super) fn general(line: &[u8], sealed: bool) -> Result<Entry, Fault> {
    let Ok(mut map) = serde_json::from_slice::<Map<String, Value>>(line) else {
        return Err(Fault::NotJson);
    };
    let seq = match (map.shift_remove("seq"), map.shift_remove("crc")) {
        (None, None) => 0,
        (Some(seq), Some(_)) if sealed => seq
            .as_u64()
            .filter(|&seq| seq > 0)
            .ok_or(Fault::Key { key: "seq" })?,
        (Some(_), Some(_)) => return Err(Fault::Checksum),
        (Some(_), None) | (None, Some(_)) => return Err(Fault::Unpaired),
    };
    let timestamp = timestamp(&mut map)?;
    let word = text(&mut map, "role").ok_or(Fault::Key { key: "role" })?;
    let content = text(&mut map, "content").ok_or(Fault::Key { key: "content" })?;
    let session = take(&mut map, "sessionId", |v| {
        SessionId::parse(v.as_str()?).ok()
    })
    .ok_or(Fault::Key { key: "sessionId" })?;
    let (role, kind) = role_and_kind(&word, &mut map);
    Ok(Entry {
        timestamp,
        role,
        content,
        session,
        id: text(&mut map, "id").unwrap_or_default(),
        run: take(&mut map, "runId", |v| RunId::parse(v.as_str()?).ok()),
        kind,
        parts: take(&mut map, "parts", parts).unwrap_or_default(),
        origin: take(&mut map, "origin", origin),
        model: text(&mut map, "model"),
        usage: take(&mut map, "usage", usage),
        seq,
        extra: map,
    })
}

/// Whole milliseconds; a fraction, as some tools write it, is cut off.
fn timestamp(map: &mut Map<String, Value>) -> Result<Timestamp, Fault> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, and the fraction is what is being cut off"
    )]
    take(map, "timestamp", |value| {
        value
            .as_i64()
            .or_else(|| value.as_f64().map(|ms| ms as i64))
    })
    .map(Timestamp)
    .ok_or(Fault::Key { key: "timestamp" })
}

/// A role this version does not know makes the entry a record: kept, and never shown to a model.
fn role_and_kind(word: &str, map: &mut Map<String, Value>) -> (Role, Kind) {
    let kind = match map.get("kind") {
        None => Kind::Message,
        Some(Value::String(word)) => Kind::parse(word),
        Some(_) => Kind::Other,
    };
    if kind != Kind::Other {
        map.shift_remove("kind");
    }
    if let Some(role) = Role::parse(word) {
        return (role, kind);
    }
    if word == "agent" && kind == Kind::Message {
        return (Role::Assistant, kind);
    }
    map.insert("role".to_owned(), Value::String(word.to_owned()));
    (Role::System, Kind::Other)
}

/// Takes a field out if it can be understood; otherwise it stays among the unknown ones.
fn take<T>(
    map: &mut Map<String, Value>,
    key: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Option<T> {
    let found = map.get(key).and_then(read);
    if found.is_some() {
        map.shift_remove(key);
    }
    found
}

fn text(map: &mut Map<String, Value>, key: &str) -> Option<String> {
    match map.get_mut(key) {
        Some(Value::String(text)) => {
            let text = std::mem::take(text);
            map.shift_remove(key);
            Some(text)
        }
        _ => None,
    }
}

fn parts(value: &Value) -> Option<Vec<Part>> {
    value.as_array()?.iter().map(part).collect()
}

pub(super) fn part(value: &Value) -> Option<Part> {
    let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
    match value.get("type")?.as_str()? {
        "text" => text("text").map(Part::Text),
        "reasoning" => text("text").map(Part::Reasoning),
        "toolCall" => Some(Part::ToolCall(ToolCall {
            id: text("id")?,
            name: text("name")?,
            arguments: value.get("arguments").cloned().unwrap_or_default(),
        })),
        "toolResult" => Some(Part::ToolResult(ToolResult {
            call_id: text("toolCallId")?,
            name: text("name")?,
            content: text("content")?,
            is_error: value
                .get("isError")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        })),
        _ => None,
    }
}

fn origin(value: &Value) -> Option<Origin> {
    let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
    Some(Origin {
        kind: OriginKind::parse(value.get("kind")?.as_str()?)?,
        id: text("id"),
        message_id: text("messageId"),
    })
}

fn usage(value: &Value) -> Option<Usage> {
    let count = |key: &str| value.get(key).and_then(Value::as_u64);
    Some(Usage {
        input_tokens: count("input")?,
        output_tokens: count("output")?,
        cached_tokens: count("cached").unwrap_or(0),
        cache_write_tokens: count("cacheWrite").unwrap_or(0),
        reasoning_tokens: count("reasoning").unwrap_or(0),
    })
}
