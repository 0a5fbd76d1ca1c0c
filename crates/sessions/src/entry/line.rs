//! The few facts the index needs of a line, found without reading the whole of it.

use std::borrow::Cow;

use memchr::memmem;
use openclaw_types::{Role, Timestamp};

use super::{Fault, Kind, Sealed, cursor::Cursor, decode};

/// How a tool call begins, and nothing else this crate writes does.
const TOOL_CALL_START: &[u8] = b"{\"type\":\"toolCall\"";

/// What the index keeps of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) timestamp: Timestamp,
    pub(crate) role: Role,
    pub(crate) session: Cow<'a, str>,
    pub(crate) run: Option<Cow<'a, str>>,
    pub(crate) kind: Kind,
    /// The model asks for a tool, so the run goes on.
    pub(crate) calls_tools: bool,
    /// 0 when the line has none.
    pub(crate) seq: u64,
}

/// Checks a line and finds its facts.
///
/// A line with a good checksum and the keys in our order is read in place; any other is read in full.
pub(crate) fn scan(line: &[u8]) -> Result<Line<'_>, Fault> {
    if let Some(sealed) = Sealed::split(line) {
        if !sealed.holds() {
            return Err(Fault::Checksum);
        }
        if let Some(found) = quick(sealed.body) {
            return Ok(found);
        }
    }
    let entry = decode(line)?;
    Ok(Line {
        timestamp: entry.timestamp,
        role: entry.role,
        session: Cow::Owned(entry.session.as_str().to_owned()),
        run: entry
            .run
            .as_ref()
            .map(|run| Cow::Owned(run.as_str().to_owned())),
        kind: entry.kind,
        calls_tools: entry.calls_tools(),
        seq: entry.seq,
    })
}

fn quick(body: &[u8]) -> Option<Line<'_>> {
    let mut cursor = Cursor(body);
    let seq = cursor.last_seq()?;
    cursor.eat(b"{\"timestamp\":")?;
    let timestamp = Timestamp(i64::try_from(cursor.number()?).ok()?);
    cursor.eat(b",\"role\":\"")?;
    let role = Role::parse(cursor.plain()?)?;
    cursor.eat(b",\"content\":\"")?;
    cursor.skip_string()?;
    cursor.eat(b",\"sessionId\":\"")?;
    let session = cursor.plain().filter(|text| !text.is_empty())?;
    cursor.eat(b",\"id\":\"")?;
    cursor.skip_string()?;
    let mut run = None;
    if cursor.eat(b",\"runId\":\"").is_some() {
        run = Some(Cow::Borrowed(cursor.plain()?));
    }
    cursor.eat(b",\"kind\":\"")?;
    let kind = Kind::parse(cursor.plain()?);
    let rest = cursor.0;
    let calls_tools =
        rest.starts_with(b",\"parts\":[") && memmem::find(rest, TOOL_CALL_START).is_some();
    Some(Line {
        timestamp,
        role,
        session: Cow::Borrowed(session),
        run,
        kind,
        calls_tools,
        seq,
    })
}
