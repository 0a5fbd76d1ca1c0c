//! An entry's bytes: keys in one frozen order, then the checksum over everything before it.

use openclaw_types::{Part, ToolCall, ToolResult, Usage};
use serde_json::Value;

use super::{Entry, Kind, Origin};
use crate::limits::VALUE_DEPTH_MAX;

/// The keys this version writes. An unknown field never takes one of these names.
pub(super) const KEYS: [&str; 13] = [
    "timestamp",
    "role",
    "content",
    "sessionId",
    "id",
    "runId",
    "kind",
    "parts",
    "origin",
    "model",
    "usage",
    "seq",
    "crc",
];

/// Bytes of `,"crc":"xxxxxxxx"}`.
pub(crate) const CRC_TAIL_BYTES: usize = 18;

/// A line split into what the checksum covers and the checksum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealed<'a> {
    /// Everything before `,"crc"`.
    pub(crate) body: &'a [u8],
    /// The checksum as written.
    pub(crate) stored: u32,
}

impl<'a> Sealed<'a> {
    /// Splits a line that ends in a checksum exactly as this crate writes it.
    pub(crate) fn split(line: &'a [u8]) -> Option<Self> {
        let at = line.len().checked_sub(CRC_TAIL_BYTES)?;
        let (body, tail) = line.split_at(at);
        let digits = tail.strip_prefix(b",\"crc\":\"")?.strip_suffix(b"\"}")?;
        let mut stored = 0_u32;
        let mut seen = 0_u8;
        // Digits and letters come at random, so that a branch for each would be guessed wrong half of the time.
        for &digit in digits {
            let value = HEX_VALUES[usize::from(digit)];
            seen |= value;
            stored = stored << 4 | u32::from(value & 15);
        }
        if seen > 15 {
            return None;
        }
        Some(Self { body, stored })
    }

    /// Whether the bytes are the ones that were written.
    pub(crate) fn holds(&self) -> bool {
        crc32c::crc32c(self.body) == self.stored
    }
}

/// Appends the entry's line, newline included.
///
/// Returns `None`, with `out` as it was, when a value is nested too deeply to be read back.
pub(crate) fn encode(entry: &Entry, out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    let done = body(entry, out);
    if done.is_none() {
        out.truncate(start);
        return None;
    }
    let crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(b",\"crc\":\"");
    for shift in (0..8).rev() {
        out.push(HEX[(crc >> (shift * 4) & 15) as usize]);
    }
    out.extend_from_slice(b"\"}\n");
    Some(())
}

const HEX: &[u8; 16] = b"0123456789abcdef";
/// What each byte is worth as one of those digits; more than 15 when it is none.
const HEX_VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < HEX.len() {
        values[HEX[value] as usize] = value as u8;
        value += 1;
    }
    values
};

fn body(entry: &Entry, out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(b"{\"timestamp\":");
    signed(entry.timestamp.as_millis(), out);
    field("role", word(entry, "role", entry.role.as_str()), out);
    field("content", &entry.content, out);
    field("sessionId", entry.session.as_str(), out);
    if !entry.id.is_empty() {
        field("id", &entry.id, out);
    }
    if let Some(run) = &entry.run {
        field("runId", run.as_str(), out);
    }
    field("kind", word(entry, "kind", entry.kind.as_str()), out);
    if !entry.parts.is_empty() {
        parts(&entry.parts, out)?;
    }
    if let Some(of) = &entry.origin {
        origin(of, out);
    }
    if let Some(model) = &entry.model {
        field("model", model, out);
    }
    if let Some(used) = &entry.usage {
        usage(*used, out);
    }
    for (key, extra) in &entry.extra {
        if !KEYS.contains(&key.as_str()) || (key == "parts" && entry.parts.is_empty()) {
            name(key, out);
            value(extra, 0, out)?;
        }
    }
    out.extend_from_slice(b",\"seq\":");
    unsigned(entry.seq, out);
    Some(())
}

/// The word of an entry whose role or kind this version does not know stays the word it came with.
fn word<'a>(entry: &'a Entry, key: &str, known: &'a str) -> &'a str {
    let kept = entry.extra.get(key).and_then(Value::as_str);
    match kept {
        Some(kept) if entry.kind == Kind::Other => kept,
        _ => known,
    }
}

fn parts(parts: &[Part], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(b",\"parts\":[");
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match part {
            Part::Text(text) => text_part("text", text, out),
            Part::Reasoning(text) => text_part("reasoning", text, out),
            Part::ToolCall(call) => tool_call(call, out)?,
            Part::ToolResult(result) => tool_result(result, out),
        }
    }
    out.push(b']');
    Some(())
}

fn text_part(word: &str, text: &str, out: &mut Vec<u8>) {
    first("type", word, out);
    field("text", text, out);
    out.push(b'}');
}

fn tool_call(call: &ToolCall, out: &mut Vec<u8>) -> Option<()> {
    first("type", "toolCall", out);
    field("id", &call.id, out);
    field("name", &call.name, out);
    name("arguments", out);
    value(&call.arguments, 0, out)?;
    out.push(b'}');
    Some(())
}

fn tool_result(result: &ToolResult, out: &mut Vec<u8>) {
    first("type", "toolResult", out);
    field("toolCallId", &result.call_id, out);
    field("name", &result.name, out);
    field("content", &result.content, out);
    name("isError", out);
    out.extend_from_slice(if result.is_error { b"true" } else { b"false" });
    out.push(b'}');
}

fn origin(origin: &Origin, out: &mut Vec<u8>) {
    name("origin", out);
    first("kind", origin.kind.as_str(), out);
    if let Some(id) = &origin.id {
        field("id", id, out);
    }
    if let Some(id) = &origin.message_id {
        field("messageId", id, out);
    }
    out.push(b'}');
}

fn usage(usage: Usage, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"usage\":{\"input\":");
    unsigned(usage.input_tokens, out);
    out.extend_from_slice(b",\"output\":");
    unsigned(usage.output_tokens, out);
    out.extend_from_slice(b",\"cached\":");
    unsigned(usage.cached_tokens, out);
    // Most calls have neither, and earlier versions don't know them.
    if usage.cache_write_tokens > 0 {
        out.extend_from_slice(b",\"cacheWrite\":");
        unsigned(usage.cache_write_tokens, out);
    }
    if usage.reasoning_tokens > 0 {
        out.extend_from_slice(b",\"reasoning\":");
        unsigned(usage.reasoning_tokens, out);
    }
    out.push(b'}');
}

/// A value of a caller's own making.
///
/// A key named `timestamp` is written with an escape, so that the bytes `{"timestamp":` occur in a line
/// only at its start: that is what lets recovery tell two lines glued together from one.
fn value(value: &Value, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => string(text, out),
        _ if depth >= VALUE_DEPTH_MAX => return None,
        Value::Array(values) => {
            out.push(b'[');
            for (at, item) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                self::value(item, depth + 1, out)?;
            }
            out.push(b']');
        }
        Value::Object(map) => {
            out.push(b'{');
            for (at, (key, item)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                if key == "timestamp" {
                    out.extend_from_slice(b"\"\\u0074imestamp\"");
                } else {
                    string(key, out);
                }
                out.push(b':');
                self::value(item, depth + 1, out)?;
            }
            out.push(b'}');
        }
    }
    Some(())
}

fn first(key: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
    string(text, out);
}

fn field(key: &str, text: &str, out: &mut Vec<u8>) {
    name(key, out);
    string(text, out);
}

fn name(key: &str, out: &mut Vec<u8>) {
    out.push(b',');
    string(key, out);
    out.push(b':');
}

/// Zero: copy. `u`: write as `\u00xx`. Anything else: write behind a backslash.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

fn string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(byte)];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        if escape == b'u' {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        } else {
            out.extend_from_slice(&[b'\\', escape]);
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

fn signed(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    unsigned(number.unsigned_abs(), out);
}

fn unsigned(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
