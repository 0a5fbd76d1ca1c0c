//! The quick way to read a line: keys in the order this crate writes them, no unknown fields.

use openclaw_types::{Part, Role, RunId, SessionId, Timestamp, Usage};
use serde_json::{Map, Value};

use super::{Entry, Kind, Origin, OriginKind, cursor::Cursor, decode::part};

/// Reads what the checksum covers; `None` when the line is not exactly of the known shape.
pub(super) fn decode(body: &[u8]) -> Option<Entry> {
    let mut cursor = Cursor(body);
    let seq = cursor.last_seq()?;
    cursor.eat(b"{\"timestamp\":")?;
    let timestamp = Timestamp(i64::try_from(cursor.number()?).ok()?);
    cursor.eat(b",\"role\":\"")?;
    let role = Role::parse(cursor.plain()?)?;
    cursor.eat(b",\"content\":\"")?;
    let content = cursor.string()?.into_owned();
    cursor.eat(b",\"sessionId\":\"")?;
    let session = SessionId::parse(cursor.plain()?).ok()?;
    cursor.eat(b",\"id\":\"")?;
    let id = cursor.string()?.into_owned();
    let run = match field(&mut cursor, b",\"runId\":\"")? {
        Some(run) => Some(RunId::parse(&run).ok()?),
        None => None,
    };
    cursor.eat(b",\"kind\":\"")?;
    let kind = Kind::parse(cursor.plain()?);
    if kind == Kind::Other {
        return None;
    }
    let parts = parts(&mut cursor)?;
    let origin = origin(&mut cursor)?;
    let model = field(&mut cursor, b",\"model\":\"")?;
    let usage = usage(&mut cursor)?;
    cursor.0.is_empty().then_some(Entry {
        timestamp,
        role,
        content,
        session,
        id,
        run,
        kind,
        parts,
        origin,
        model,
        usage,
        seq,
        extra: Map::new(),
    })
}

/// A string field that may be absent; the outer `None` says that it is there and cannot be read.
fn field(cursor: &mut Cursor<'_>, key: &[u8]) -> Option<Option<String>> {
    if cursor.eat(key).is_none() {
        return Some(None);
    }
    Some(Some(cursor.string()?.into_owned()))
}

fn parts(cursor: &mut Cursor<'_>) -> Option<Vec<Part>> {
    if cursor.eat(b",\"parts\":").is_none() {
        return Some(Vec::new());
    }
    let mut values = serde_json::Deserializer::from_slice(cursor.0).into_iter::<Vec<Value>>();
    let parts = values.next()?.ok()?;
    cursor.0 = &cursor.0[values.byte_offset()..];
    parts.iter().map(part).collect()
}

fn origin(cursor: &mut Cursor<'_>) -> Option<Option<Origin>> {
    if cursor.eat(b",\"origin\":{\"kind\":\"").is_none() {
        return Some(None);
    }
    let origin = Origin {
        kind: OriginKind::parse(cursor.plain()?)?,
        id: field(cursor, b",\"id\":\"")?,
        message_id: field(cursor, b",\"messageId\":\"")?,
    };
    cursor.eat(b"}")?;
    Some(Some(origin))
}

/// A count that is left out when it is zero.
fn count(cursor: &mut Cursor<'_>, key: &[u8]) -> Option<u64> {
    if cursor.eat(key).is_none() {
        return Some(0);
    }
    cursor.number()
}

fn usage(cursor: &mut Cursor<'_>) -> Option<Option<Usage>> {
    if cursor.eat(b",\"usage\":{\"input\":").is_none() {
        return Some(None);
    }
    let input_tokens = cursor.number()?;
    cursor.eat(b",\"output\":")?;
    let output_tokens = cursor.number()?;
    cursor.eat(b",\"cached\":")?;
    let cached_tokens = cursor.number()?;
    let cache_write_tokens = count(cursor, b",\"cacheWrite\":")?;
    let reasoning_tokens = count(cursor, b",\"reasoning\":")?;
    cursor.eat(b"}")?;
    Some(Some(Usage {
        input_tokens,
        output_tokens,
        cached_tokens,
        cache_write_tokens,
        reasoning_tokens,
    }))
}
