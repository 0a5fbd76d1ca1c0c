//! The few facts the index needs of a line, found without reading the whole of it.

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem;
use openclaw_types::{Role, Timestamp};

use super::{Fault, Kind, OriginKind, Sealed, cursor::Cursor, decode};

/// How a tool call begins, and nothing else this crate writes does.
static TOOL_CALL_START: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(b"{\"type\":\"toolCall\""));
/// How an operator's origin begins. Behind parts it is looked for: text can't hold these bytes, because its quotes
/// are escaped; a tool's arguments can, and then the session counts as an operator's, which is the safe mistake.
const OPERATOR: &[u8] = b",\"origin\":{\"kind\":\"operator\"";
static OPERATOR_BEHIND: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(OPERATOR));

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
    /// An operator caused it.
    pub(crate) operator: bool,
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
        operator: entry
            .origin
            .as_ref()
            .is_some_and(|origin| origin.kind == OriginKind::Operator),
        seq: entry.seq,
    })
}

fn quick(body: &[u8]) -> Option<Line<'_>> {
    let mut cursor = Cursor(body);
    let seq = cursor.last_seq()?;
    cursor.eat(b"{\"timestamp\":")?;
    let timestamp = Timestamp(i64::try_from(cursor.number()?).ok()?);
    cursor.eat(b",\"role\":\"")?;
    let role = role(&mut cursor)?;
    cursor.eat(b",\"content\":\"")?;
    cursor.skip_string()?;
    cursor.eat(b",\"sessionId\":\"")?;
    let session = cursor.name().filter(|text| !text.is_empty())?;
    cursor.eat(b",\"id\":\"")?;
    cursor.skip_string()?;
    let mut run = None;
    if cursor.eat(b",\"runId\":\"").is_some() {
        run = Some(Cow::Borrowed(cursor.name()?));
    }
    cursor.eat(b",\"kind\":\"")?;
    let kind = match cursor.eat(b"message\"") {
        Some(()) => Kind::Message,
        None => Kind::parse(cursor.plain()?),
    };
    let rest = cursor.0;
    let parts = rest.starts_with(b",\"parts\":[");
    let calls_tools = parts && TOOL_CALL_START.find(rest).is_some();
    let operator = rest.starts_with(OPERATOR) || (parts && OPERATOR_BEHIND.find(rest).is_some());
    Some(Line {
        timestamp,
        role,
        session: Cow::Borrowed(session),
        run,
        kind,
        calls_tools,
        operator,
        seq,
    })
}

fn role(cursor: &mut Cursor<'_>) -> Option<Role> {
    for (word, role) in [
        (&b"user\""[..], Role::User),
        (b"assistant\"", Role::Assistant),
        (b"system\"", Role::System),
    ] {
        if cursor.eat(word).is_some() {
            return Some(role);
        }
    }
    None
}
