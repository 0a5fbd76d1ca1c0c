//! One file, from its end to its beginning: which lines hold the needle.
//!
//! Pieces are read from the back, so that the newest matches come first and a search that has enough stops early.

use std::io;

use memchr::{memchr, memrchr};

use super::needle::Needle;
use crate::{
    disk::{DiskFile, read_full},
    limits::{LINE_BYTES_MAX, SEARCH_CHUNK_BYTES},
};

/// A line that may hold the needle.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    /// Where it begins.
    pub(crate) offset: u64,
    /// Its bytes, without newline.
    pub(crate) line: &'a [u8],
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// There may be more to find.
    On,
    /// Enough was found, or the caller is gone.
    Enough,
}

/// Reads a file backwards, piece by piece, and hands over its candidates, the last line first.
///
/// Returns how many bytes were looked at.
pub(crate) fn sweep(
    file: &dyn DiskFile,
    len: u64,
    needle: &Needle,
    found: &mut dyn FnMut(Candidate<'_>) -> Next,
    stopped: &dyn Fn() -> bool,
) -> io::Result<u64> {
    let mut buffer = Vec::new();
    let mut window = SEARCH_CHUNK_BYTES;
    let mut end = len;
    while end > 0 && !stopped() {
        let size = usize::try_from(end).map_or(window, |end| end.min(window));
        let start = end - size as u64;
        buffer.resize(size, 0);
        let filled = read_full(file, start, &mut buffer)?;
        let bytes = &buffer[..filled];
        let inner = &bytes[..filled.saturating_sub(1)];
        // The piece may begin inside a line; that line is read with the piece before this one.
        let first = match memchr(b'\n', inner) {
            _ if start == 0 => 0,
            Some(newline) => newline + 1,
            None if window < LINE_BYTES_MAX => {
                window *= 2;
                continue;
            }
            // So long a line is never an entry.
            None => filled,
        };
        let (whole, at) = (&bytes[first..], start + first as u64);
        if in_piece(whole, at, needle, found) == Next::Enough {
            return Ok(len - at);
        }
        end = if first == filled { start } else { at };
        window = SEARCH_CHUNK_BYTES;
    }
    Ok(len - end)
}

/// Hands over the candidates among whole lines, the last one first.
pub(crate) fn in_piece(
    bytes: &[u8],
    offset: u64,
    needle: &Needle,
    found: &mut dyn FnMut(Candidate<'_>) -> Next,
) -> Next {
    let mut lines = Vec::new();
    let mut candidates = needle.candidates(bytes);
    let mut from = 0;
    while let Some(at) = candidates.next_from(from) {
        let start = memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1);
        let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |len| at + len);
        lines.push((start, end));
        if end >= bytes.len() {
            break;
        }
        from = end + 1;
    }
    for (start, end) in lines.into_iter().rev() {
        let candidate = Candidate {
            offset: offset + start as u64,
            line: &bytes[start..end],
        };
        if found(candidate) == Next::Enough {
            return Next::Enough;
        }
    }
    Next::On
}
