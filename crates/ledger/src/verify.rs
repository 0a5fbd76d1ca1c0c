//! Whether the chain is whole, and where it is not.

use std::{fmt, io::BufRead};

use serde_json::Value;

use crate::{
    canonical::{self, HASH, NO_HASH},
    entry::Entry,
    error::Error,
    lines::{self, Piece},
};

/// The end of a chain: whoever remembers it can tell whether anything before it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How many entries there are.
    pub seq: u64,
    /// The hash of the last, or zeros.
    pub hash: String,
}

impl Head {
    /// The end of a chain without entries.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            seq: 0,
            hash: NO_HASH.to_owned(),
        }
    }
}

/// The first bad line, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub what: What,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is longer than any that is written.
    TooLong,
    /// It is not JSON, or not an entry.
    NoEntry,
    /// It is an entry written otherwise than this program writes it.
    NotCanonical,
    /// Its number does not follow.
    Number {
        /// What it should be.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// It does not name the hash of the line before: one was changed, taken out, put in or moved.
    Chain,
    /// Its own hash is not that of its content: it was changed.
    Hash,
    /// The chain is whole, but is not the one that was remembered.
    Forgotten {
        /// The number that was remembered.
        seq: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        match &self.what {
            What::TooLong => write!(f, "line {line} is longer than any entry"),
            What::NoEntry => write!(f, "line {line} is no entry"),
            What::NotCanonical => write!(f, "line {line} is not written as entries are"),
            What::Number { expected, found } => {
                write!(f, "line {line} has the number {found}, not {expected}")
            }
            What::Chain => write!(f, "line {line} does not continue the line before it"),
            What::Hash => write!(
                f,
                "line {line} was changed: its hash is that of something else"
            ),
            What::Forgotten { seq } => {
                write!(f, "line {line} is not what the entry {seq} was")
            }
        }
    }
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The end of the part that is whole.
    pub head: Head,
    /// The first bad line, if there is one; nothing behind it is trusted.
    pub fault: Option<Fault>,
    /// Bytes behind the last line: an entry that is being written, or was cut off.
    pub torn_bytes: u64,
    /// Bytes of the part that is whole.
    pub whole_bytes: u64,
}

impl Report {
    /// Whether there is nothing to complain about.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.fault.is_none()
    }
}

/// Checks a line against the one before.
pub(crate) fn check(line: &[u8], number: u64, before: &Head) -> Result<Entry, What> {
    let value: Value = serde_json::from_slice(line).map_err(|_error| What::NoEntry)?;
    let entry = Entry::deserialized(&value)?;
    let text = canonical::text(&value).ok_or(What::NotCanonical)?;
    if text.as_bytes() != line {
        return Err(What::NotCanonical);
    }
    if entry.seq != number {
        let (expected, found) = (number, entry.seq);
        return Err(What::Number { expected, found });
    }
    if entry.prev != before.hash {
        return Err(What::Chain);
    }
    if canonical::hash(&value).as_deref() != value.get(HASH).and_then(Value::as_str) {
        return Err(What::Hash);
    }
    Ok(entry)
}

impl Entry {
    fn deserialized(value: &Value) -> Result<Self, What> {
        serde::Deserialize::deserialize(value).map_err(|_error: serde_json::Error| What::NoEntry)
    }
}

/// Goes through the whole file; `known` is a head somebody remembered, and `visit` sees every good entry.
pub(crate) fn walk(
    mut from: impl BufRead,
    known: Option<&Head>,
    mut visit: impl FnMut(Entry),
) -> Result<Report, std::io::Error> {
    let mut report = Report {
        head: Head::empty(),
        fault: None,
        torn_bytes: 0,
        whole_bytes: 0,
    };
    while let Some(piece) = lines::next(&mut from)? {
        let number = report.head.seq + 1;
        let checked = match &piece {
            Piece::Torn(bytes) => {
                report.torn_bytes = bytes.len() as u64;
                break;
            }
            Piece::TooLong(_) => Err(What::TooLong),
            Piece::Line(line) => check(line, number, &report.head).map(|entry| (entry, line.len())),
        };
        match checked {
            Ok((entry, bytes)) => {
                report.whole_bytes += bytes as u64 + 1;
                report.head = Head {
                    seq: entry.seq,
                    hash: entry.hash.clone(),
                };
                visit(entry);
            }
            // An entry never holds a zero byte: a last line with one is a write of which a part reached the disk.
            Err(_) if is_unfinished(&piece) && from.fill_buf()?.is_empty() => {
                let Piece::Line(bytes) = &piece else { break };
                report.torn_bytes = bytes.len() as u64 + 1;
                break;
            }
            Err(what) => {
                report.fault = Some(Fault { line: number, what });
                break;
            }
        }
        if let Some(known) =
            known.filter(|known| known.seq == number && known.hash != report.head.hash)
        {
            let what = What::Forgotten { seq: known.seq };
            report.fault = Some(Fault { line: number, what });
            break;
        }
    }
    if let Some(known) = known.filter(|known| report.fault.is_none() && known.seq > report.head.seq)
    {
        report.fault = Some(Fault {
            line: report.head.seq + 1,
            what: What::Forgotten { seq: known.seq },
        });
    }
    Ok(report)
}

fn is_unfinished(piece: &Piece) -> bool {
    matches!(piece, Piece::Line(line) if line.contains(&0))
}

/// Turns a fault into an error of the file.
pub(crate) fn broken(path: &std::path::Path, fault: Fault) -> Error {
    Error::Broken {
        path: path.into(),
        fault,
    }
}
