//! Reading a transcript back: bytes in, records and damaged places out, nothing else.
//!
//! The scanner is fed a file piece by piece and never looks at a disk. A damaged line costs itself only:
//! lines glued together are taken apart, zeros left by a power cut are stepped over, and what is whole
//! behind the damage is kept. Only the tail, where a write was cut off, may ask for the file to be repaired.

use memchr::{memchr, memmem};

use crate::{
    entry::{CRC_TAIL_BYTES, Fault, Line, Sealed, scan},
    limits::LINE_BYTES_MAX,
};

#[cfg(test)]
mod tests;

/// How every line this crate writes begins, and how no part inside one does.
const MARKER: &[u8] = b"{\"timestamp\":";
/// Some editors put it at the start of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Most lines that one damaged line is taken apart into, so that hostile bytes cost linear time.
const PIECES_MAX: usize = 4_096;
/// Most places in one piece where a checksum is tried, for the same reason.
const CHECKSUMS_TRIED_MAX: usize = 8;

/// Something the scanner came upon.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// An entry's line.
    Record {
        /// Where it begins.
        offset: u64,
        /// Its bytes, without newline.
        bytes: &'a [u8],
        /// Its facts.
        line: Line<'a>,
    },
    /// Bytes that are no entry.
    Damage {
        /// Where they begin.
        offset: u64,
        /// How many.
        len: u64,
        /// What is wrong with them.
        fault: Fault,
    },
}

/// What the end of a file needs before anything may be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing: it ends with a whole line.
    Clean,
    /// The last line is whole and lacks its newline; what follows it, if anything, goes aside.
    Unterminated {
        /// Where the whole line ends.
        keep: u64,
    },
    /// The last line was cut off; it goes aside.
    Torn {
        /// Where the last whole line ends.
        keep: u64,
    },
}

/// Reads one file from its beginning.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    /// Where the next line begins.
    at: u64,
    /// Inside a line that is longer than the limit.
    oversized: u64,
}

impl Scanner {
    /// One that goes on behind a whole line.
    pub(crate) fn starting_at(at: u64) -> Self {
        Self {
            at,
            ..Self::default()
        }
    }

    /// Where the next bytes fed must come from.
    pub(crate) const fn position(&self) -> u64 {
        self.at
    }

    /// Takes the whole lines at the start of `bytes` and returns how many bytes they were.
    pub(crate) fn feed<'a>(&mut self, bytes: &'a [u8], sink: &mut dyn FnMut(Found<'a>)) -> usize {
        let mut used = 0;
        while let Some(len) = memchr(b'\n', &bytes[used..]) {
            let line = &bytes[used..used + len];
            if self.oversized > 0 {
                sink(Found::Damage {
                    offset: self.at - self.oversized,
                    len: self.oversized + len as u64,
                    fault: Fault::TooLong,
                });
                self.oversized = 0;
            } else {
                self.line(line, sink);
            }
            used += len + 1;
            self.at += len as u64 + 1;
        }
        let rest = bytes.len() - used;
        if rest > LINE_BYTES_MAX || self.oversized > 0 {
            self.oversized += rest as u64;
            self.at += rest as u64;
            used += rest;
        }
        used
    }

    /// Takes what is left behind the last newline.
    pub(crate) fn finish<'a>(&mut self, bytes: &'a [u8], sink: &mut dyn FnMut(Found<'a>)) -> Tail {
        if self.oversized > 0 {
            return Tail::Torn {
                keep: self.at - self.oversized,
            };
        }
        if bytes.is_empty() {
            return Tail::Clean;
        }
        let mut whole_until = None;
        let mut pending = Vec::new();
        self.line(bytes, &mut |found| {
            if let Found::Record { offset, bytes, .. } = &found {
                whole_until = Some(offset + bytes.len() as u64);
                // What is damaged in front of a whole line stays in the file; what is behind goes aside.
                pending.drain(..).for_each(&mut *sink);
                sink(found);
            } else {
                pending.push(found);
            }
        });
        match whole_until {
            Some(keep) => Tail::Unterminated { keep },
            None => Tail::Torn { keep: self.at },
        }
    }

    fn line<'a>(&self, line: &'a [u8], sink: &mut dyn FnMut(Found<'a>)) {
        let trimmed = Trimmed::of(line, self.at == 0);
        let offset = self.at + trimmed.front as u64;
        if trimmed.zeros_before {
            sink(damage(self.at, trimmed.front, Fault::Zeros));
        }
        if trimmed.line.is_empty() {
            return;
        }
        match scan(trimmed.line) {
            Ok(found) => sink(Found::Record {
                offset,
                bytes: trimmed.line,
                line: found,
            }),
            Err(fault) => take_apart(offset, trimmed.line, fault, sink),
        }
        if trimmed.zeros_behind {
            let used = trimmed.front + trimmed.line.len();
            sink(damage(
                self.at + used as u64,
                line.len() - used,
                Fault::Zeros,
            ));
        }
    }
}

/// Takes the entries and the damage out of one physical line, as reading the whole file would.
pub(crate) fn take_line<'a>(offset: u64, line: &'a [u8], sink: &mut dyn FnMut(Found<'a>)) {
    let scanner = Scanner {
        at: offset,
        oversized: 0,
    };
    scanner.line(line, sink);
}

/// A line without what editors and power cuts put around it.
struct Trimmed<'a> {
    /// Bytes in front of the line.
    front: usize,
    line: &'a [u8],
    zeros_before: bool,
    zeros_behind: bool,
}

impl<'a> Trimmed<'a> {
    fn of(bytes: &'a [u8], first: bool) -> Self {
        let mut line = bytes;
        if first && let Some(after) = line.strip_prefix(BYTE_ORDER_MARK) {
            line = after;
        }
        let (mut zeros_before, mut zeros_behind) = (false, false);
        while let [byte @ (0 | b' ' | b'\t' | b'\r'), after @ ..] = line {
            zeros_before |= *byte == 0;
            line = after;
        }
        let front = bytes.len() - line.len();
        while let [before @ .., byte @ (0 | b' ' | b'\t' | b'\r')] = line {
            zeros_behind |= *byte == 0;
            line = before;
        }
        Self {
            front,
            line,
            zeros_before,
            zeros_behind,
        }
    }
}

const fn damage(offset: u64, len: usize, fault: Fault) -> Found<'static> {
    Found::Damage {
        offset,
        len: len as u64,
        fault,
    }
}

/// Finds the whole entries in a line that is not one, and reports what is between them.
fn take_apart<'a>(offset: u64, line: &'a [u8], fault: Fault, sink: &mut dyn FnMut(Found<'a>)) {
    let mut starts: Vec<usize> = memmem::find_iter(line, MARKER).take(PIECES_MAX).collect();
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    let alone = starts.len() == 1;
    let mut bad_from: Option<usize> = None;
    let mut bad_fault = fault;
    for (nth, &start) in starts.iter().enumerate() {
        let end = starts.get(nth + 1).copied().unwrap_or(line.len());
        let piece = &line[start..end];
        let Some((record, found)) = whole_prefix(piece, alone) else {
            if bad_from.is_none() {
                bad_from = Some(start);
                bad_fault = if nth + 1 < starts.len() {
                    Fault::Torn
                } else {
                    fault
                };
            }
            continue;
        };
        if let Some(from) = bad_from.take() {
            sink(damage(offset + from as u64, start - from, bad_fault));
        }
        sink(Found::Record {
            offset: offset + start as u64,
            bytes: record,
            line: found,
        });
        let rest = &piece[record.len()..];
        let behind = Trimmed::of(rest, false);
        if !behind.line.is_empty() {
            bad_from = Some(start + record.len());
            bad_fault = Fault::NotJson;
        } else if behind.zeros_before {
            let at = offset + (start + record.len()) as u64;
            sink(damage(at, rest.len(), Fault::Zeros));
        }
    }
    if let Some(from) = bad_from {
        sink(damage(offset + from as u64, line.len() - from, bad_fault));
    }
}

/// The entry that a piece begins with, if it is whole.
///
/// With a checksum it may be followed by anything. Without one nothing but padding may follow, because a
/// part of a damaged line must not pass for an entry.
fn whole_prefix(piece: &[u8], alone: bool) -> Option<(&[u8], Line<'_>)> {
    let trimmed = Trimmed::of(piece, false).line;
    if !alone && let Ok(found) = scan(trimmed) {
        return Some((trimmed, found));
    }
    let mut end = piece.len();
    for _ in 0..CHECKSUMS_TRIED_MAX {
        let at = memmem::rfind(&piece[..end], b",\"crc\":\"")?;
        let record = piece.get(..at + CRC_TAIL_BYTES).unwrap_or_default();
        if Sealed::split(record).is_some_and(|sealed| sealed.holds()) {
            return scan(record).ok().map(|found| (record, found));
        }
        end = at;
    }
    None
}
