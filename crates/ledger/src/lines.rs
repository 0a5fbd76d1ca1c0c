//! Lines of a file one by one, each within a bound.

use std::io::{self, BufRead};

use crate::limits::LINE_BYTES_MAX;

/// A piece of the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A whole line, without its end.
    Line(Vec<u8>),
    /// A line that is longer than any that is written; this many bytes were left unread in memory.
    TooLong(u64),
    /// What is behind the last line.
    Torn(Vec<u8>),
}

/// Reads the next piece; `None` at the end.
pub(crate) fn next(from: &mut impl BufRead) -> io::Result<Option<Piece>> {
    let mut line = Vec::new();
    let mut skipped = 0_u64;
    loop {
        let available = from.fill_buf()?;
        if available.is_empty() {
            return Ok(match (skipped, line.is_empty()) {
                (0, true) => None,
                (0, false) => Some(Piece::Torn(line)),
                (skipped, _) => Some(Piece::TooLong(skipped)),
            });
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(available.len());
        if skipped > 0 || line.len() + taken > LINE_BYTES_MAX {
            skipped += (line.len() + taken) as u64;
            line.clear();
        } else {
            line.extend_from_slice(available.get(..taken).unwrap_or_default());
        }
        from.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(Some(match skipped {
                0 => Piece::Line(line),
                skipped => Piece::TooLong(skipped),
            }));
        }
    }
}
