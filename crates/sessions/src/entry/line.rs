//! The few facts the index needs of a line, found without reading the whole of it.

use std::borrow::Cow;

use memchr::{memchr2, memmem};
use openclaw_types::{Role, Timestamp};

use super::{Fault, Kind, Sealed, decode};

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
    let mut rest = body.strip_prefix(b"{\"timestamp\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let timestamp = Timestamp(i64::try_from(number(&rest[..digits])?).ok()?);
    rest = rest.get(digits..)?.strip_prefix(b",\"role\":\"")?;
    let role = Role::parse(plain(&mut rest)?)?;
    rest = rest.strip_prefix(b",\"content\":\"")?;
    skip_string(&mut rest)?;
    rest = rest.strip_prefix(b",\"sessionId\":\"")?;
    let session = plain(&mut rest).filter(|text| !text.is_empty())?;
    rest = rest.strip_prefix(b",\"id\":\"")?;
    skip_string(&mut rest)?;
    let mut run = None;
    if let Some(after) = rest.strip_prefix(b",\"runId\":\"") {
        rest = after;
        run = Some(Cow::Borrowed(plain(&mut rest)?));
    }
    rest = rest.strip_prefix(b",\"kind\":\"")?;
    let kind = Kind::parse(plain(&mut rest)?);
    let calls_tools = rest.starts_with(b",\"parts\":[")
        && memmem::find(rest, b"{\"type\":\"toolCall\"").is_some();
    Some(Line {
        timestamp,
        role,
        session: Cow::Borrowed(session),
        run,
        kind,
        calls_tools,
        seq: last_number(rest)?,
    })
}

/// A string without escapes, behind its opening quote. The quote after it is taken too.
fn plain<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = memchr2(b'"', b'\\', rest)?;
    if rest[end] != b'"' {
        return None;
    }
    let text = std::str::from_utf8(&rest[..end]).ok()?;
    *rest = &rest[end + 1..];
    Some(text)
}

fn skip_string(rest: &mut &[u8]) -> Option<()> {
    loop {
        let at = memchr2(b'"', b'\\', rest)?;
        let step = if rest[at] == b'"' { 1 } else { 2 };
        let quote = rest[at] == b'"';
        *rest = rest.get(at + step..)?;
        if quote {
            return Some(());
        }
    }
}

/// The number at the end of `..,"seq":N`.
fn last_number(rest: &[u8]) -> Option<u64> {
    let digits = rest
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (before, digits) = rest.split_at(rest.len() - digits);
    if !before.ends_with(b",\"seq\":") {
        return None;
    }
    number(digits).filter(|&seq| seq > 0)
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}
