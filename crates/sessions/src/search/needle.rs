//! What is looked for: in the raw bytes of a file, and in the text of an entry.
//!
//! A text stands in a line the way this crate escapes it, so most lines are passed over without being read. Other
//! tools escape what needs no escape (`\u00e9`, `\/`); lines that do so are read, whatever their bytes look like.

use memchr::memmem;
use regex::{Regex, RegexBuilder, bytes};

use super::{Case, QUERY_BYTES_MAX, QueryFault, fold::Folded};

/// A key inside tool arguments that this crate writes with an escape; see the format.
const OUR_KEY: &[u8] = b"\"\\u0074imestamp\"";

/// What is looked for.
#[derive(Debug)]
pub(crate) struct Needle {
    raw: Raw,
    text: Text,
    /// Finds escapes behind which a match may hide.
    escape: memmem::Finder<'static>,
    slash: Option<memmem::Finder<'static>>,
}

#[derive(Debug)]
enum Raw {
    Exact(Box<memmem::Finder<'static>>),
    Folded(Folded),
    /// Where every character has forms of several bytes.
    Many(bytes::Regex),
}

#[derive(Debug)]
enum Text {
    Exact(Box<memmem::Finder<'static>>, usize),
    Folded(Regex),
}

impl Needle {
    /// Makes a needle of a text.
    pub(crate) fn new(text: &str, case: Case) -> Result<Self, QueryFault> {
        if text.is_empty() {
            return Err(QueryFault::Empty);
        }
        if text.len() > QUERY_BYTES_MAX {
            return Err(QueryFault::TooLong { bytes: text.len() });
        }
        let exact = match case {
            Case::Sensitive => true,
            Case::Insensitive => false,
            Case::Smart => text.chars().any(char::is_uppercase),
        };
        // Without letters both are the same, and the exact one is faster.
        let exact = exact || !text.chars().any(char::is_alphabetic);
        let escaped = escaped(text);
        let (raw, text_needle) = if exact {
            let raw = memmem::Finder::new(escaped.as_bytes()).into_owned();
            let inner = memmem::Finder::new(text.as_bytes()).into_owned();
            (
                Raw::Exact(Box::new(raw)),
                Text::Exact(Box::new(inner), text.len()),
            )
        } else {
            let raw = match Folded::new(&escaped) {
                Some(folded) => Ok(Raw::Folded(folded)),
                None => bytes::RegexBuilder::new(&regex::escape(&escaped))
                    .case_insensitive(true)
                    .build()
                    .map(Raw::Many),
            };
            let inner = RegexBuilder::new(&regex::escape(text))
                .case_insensitive(true)
                .build();
            match (raw, inner) {
                (Ok(raw), Ok(inner)) => (raw, Text::Folded(inner)),
                _ => return Err(QueryFault::TooLong { bytes: text.len() }),
            }
        };
        let slash = text.contains('/');
        Ok(Self {
            raw,
            text: text_needle,
            escape: memmem::Finder::new(b"\\u").into_owned(),
            slash: slash.then(|| memmem::Finder::new(b"\\/").into_owned()),
        })
    }

    /// The first place at or behind `from` where a line must be read.
    pub(crate) fn candidates<'a>(&'a self, haystack: &'a [u8]) -> Candidates<'a> {
        Candidates {
            needle: self,
            haystack,
            raw: Next::Unknown,
            escape: Next::Unknown,
            slash: Next::Unknown,
        }
    }

    /// Every match in a text, as byte ranges.
    pub(crate) fn matches(&self, text: &str, most: usize) -> Vec<(usize, usize)> {
        match &self.text {
            Text::Exact(finder, len) => finder
                .find_iter(text.as_bytes())
                .take(most)
                .map(|at| (at, at + len))
                .collect(),
            Text::Folded(regex) => regex
                .find_iter(text)
                .take(most)
                .map(|found| (found.start(), found.end()))
                .collect(),
        }
    }

    fn raw_from(&self, haystack: &[u8], from: usize) -> Option<usize> {
        match &self.raw {
            Raw::Exact(finder) => finder.find(&haystack[from..]).map(|at| from + at),
            Raw::Folded(folded) => folded.find(haystack, from),
            Raw::Many(regex) => regex.find_at(haystack, from).map(|found| found.start()),
        }
    }

    fn escape_from(&self, haystack: &[u8], mut from: usize) -> Option<usize> {
        loop {
            let at = from + self.escape.find(&haystack[from..])?;
            if is_escape(haystack, at) && !is_canonical(haystack, at) {
                return Some(at);
            }
            from = at + 2;
        }
    }

    fn slash_from(&self, haystack: &[u8], mut from: usize) -> Option<usize> {
        let finder = self.slash.as_ref()?;
        loop {
            let at = from + finder.find(&haystack[from..])?;
            if is_escape(haystack, at) {
                return Some(at);
            }
            from = at + 2;
        }
    }
}

/// Walks through bytes from one place where a line must be read to the next.
#[derive(Debug)]
pub(crate) struct Candidates<'a> {
    needle: &'a Needle,
    haystack: &'a [u8],
    raw: Next,
    escape: Next,
    slash: Next,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    Unknown,
    At(usize),
    None,
}

impl Next {
    fn advance(&mut self, from: usize, find: impl FnOnce(usize) -> Option<usize>) -> Option<usize> {
        let stale = match *self {
            Self::Unknown => true,
            Self::At(at) => at < from,
            Self::None => false,
        };
        if stale {
            *self = find(from).map_or(Self::None, Self::At);
        }
        match *self {
            Self::At(at) => Some(at),
            Self::Unknown | Self::None => None,
        }
    }
}

impl Candidates<'_> {
    /// The next one at or behind `from`, which never goes back.
    pub(crate) fn next_from(&mut self, from: usize) -> Option<usize> {
        let (needle, haystack) = (self.needle, self.haystack);
        let raw = self
            .raw
            .advance(from, |from| needle.raw_from(haystack, from));
        let escape = self
            .escape
            .advance(from, |from| needle.escape_from(haystack, from));
        let slash = self
            .slash
            .advance(from, |from| needle.slash_from(haystack, from));
        [raw, escape, slash].into_iter().flatten().min()
    }
}

/// Whether the backslash is one that escapes, and not the second of two.
fn is_escape(haystack: &[u8], at: usize) -> bool {
    let before = haystack[..at].iter().rev();
    before.take_while(|&&byte| byte == b'\\').count() % 2 == 0
}

/// Whether this crate itself would write this escape, so that nothing hides behind it.
fn is_canonical(haystack: &[u8], at: usize) -> bool {
    let rest = &haystack[at..];
    if at > 0 && haystack[at - 1..].starts_with(OUR_KEY) {
        return true;
    }
    match rest.get(2..6) {
        Some([b'0', b'0', b'0', low]) => matches!(low, b'0'..=b'7' | b'b' | b'e' | b'f'),
        Some([b'0', b'0', b'1', low]) => matches!(low, b'0'..=b'9' | b'a'..=b'f'),
        _ => false,
    }
}

/// A text as it stands between the quotes of a line of ours.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;

    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            // Writing to a string does not fail.
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(needle: &str, haystack: &str) -> Option<usize> {
        let needle = Needle::new(needle, Case::Sensitive).unwrap();
        needle.candidates(haystack.as_bytes()).next_from(0)
    }

    #[test]
    fn escapes_that_hide_a_match_are_candidates_and_ours_are_not() {
        for (haystack, found) in [
            (r"plain", None),
            (r"say \n \t \u001b \u0000", None),
            (r"\u00e9t\u00e9", Some(0)),
            (r"x\u000a", Some(1)),
            (r"x\u001B", Some(1)),
            (r"C:\\users", None),
            (r"C:\\\u0075sers", Some(4)),
            (r#"{"\u0074imestamp":1}"#, None),
            (r#"{"\u0074imes":1}"#, Some(2)),
            (r"\/etc", None),
            (r"needle", Some(0)),
        ] {
            assert_eq!(first("needle", haystack), found, "{haystack}");
        }
        assert_eq!(first("a/b", r"a\/b"), Some(1));
        assert_eq!(first("a/b", r"a\\/b"), None);
    }

    #[test]
    fn a_text_is_escaped_as_the_store_writes_it() {
        let all: String = (0..0x80).filter_map(char::from_u32).collect();
        let session = openclaw_types::SessionId::parse("s").unwrap();
        let draft = crate::Draft::message(openclaw_types::Role::User, session, all.clone());
        let entry =
            crate::Entry::from_draft(draft, "id".to_owned(), openclaw_types::Timestamp(1), 1);
        let mut line = Vec::new();
        crate::entry::encode(&entry, &mut line).unwrap();
        assert!(memmem::find(&line, escaped(&all).as_bytes()).is_some());
    }

    #[test]
    fn smart_case_heeds_capitals() {
        for (text, case, haystack, count) in [
            ("über", Case::Smart, "Über über ÜBER", 3),
            ("Über", Case::Smart, "Über über ÜBER", 1),
            ("Über", Case::Insensitive, "Über über ÜBER", 3),
            ("über", Case::Sensitive, "Über über ÜBER", 1),
            ("1.5", Case::Smart, "1.5 1x5", 1),
        ] {
            let needle = Needle::new(text, case).unwrap();
            assert_eq!(needle.matches(haystack, 9).len(), count, "{text} {case:?}");
        }
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert_eq!(Needle::new("", Case::Smart).unwrap_err(), QueryFault::Empty);
        let long = "x".repeat(QUERY_BYTES_MAX + 1);
        assert!(matches!(
            Needle::new(&long, Case::Smart),
            Err(QueryFault::TooLong { .. })
        ));
    }
}
