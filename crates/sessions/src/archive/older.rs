//! What of a session is in its archives: pages counted from the end, and lines counted from the beginning.

use std::{collections::VecDeque, sync::Arc};

use openclaw_types::SessionId;

use super::{ArchiveFile, ArchiveReader};
use crate::{
    disk::Disk,
    entry::{Entry, decode, scan},
    error::Error,
    segment::Layout,
};

/// The part of a page that is in archives.
#[derive(Debug)]
pub(crate) struct Older {
    /// In order.
    pub(crate) archives: Vec<Arc<ArchiveFile>>,
    /// Only entries with lower numbers.
    pub(crate) before: u64,
    /// At most so many, the last ones.
    pub(crate) limit: usize,
    /// Lines of at most so many bytes together, one at least.
    pub(crate) bytes_max: u64,
}

/// Entries that were found, and whether there are some before them.
#[derive(Debug, Default)]
pub(crate) struct FoundOlder {
    pub(crate) entries: Vec<Arc<Entry>>,
    pub(crate) more: bool,
    /// The number of the first one that was looked at, readable or not.
    pub(crate) first: Option<u64>,
    /// How many could not be read.
    pub(crate) unreadable: u64,
}

/// The last lines that fit, of those that come from behind, member by member.
#[derive(Default)]
struct Tail {
    /// Of the members seen so far, in order.
    lines: VecDeque<(u64, Vec<u8>)>,
    bytes: u64,
    /// Something did not fit.
    full: bool,
    /// How many parts could not be unpacked whole.
    damaged: u64,
}

impl Tail {
    /// Puts a member's lines in front, as far as there is room.
    fn prepend(&mut self, member: VecDeque<(u64, Vec<u8>)>, wanted: &Older) {
        for (seq, line) in member.into_iter().rev() {
            let bytes = self.bytes + line.len() as u64;
            let fits = self.lines.len() < wanted.limit && bytes <= wanted.bytes_max;
            if !fits && !self.lines.is_empty() {
                self.full = true;
                return;
            }
            self.bytes = bytes;
            self.lines.push_front((seq, line));
        }
    }

    fn read(&mut self, disk: &dyn Disk, layout: &Layout, wanted: &Older) -> Result<(), Error> {
        for archive in wanted.archives.iter().rev() {
            let reader = ArchiveReader::open(disk, layout, archive)?;
            let last = reader.member_behind(wanted.before.saturating_sub(1));
            for member in (0..=last).rev() {
                let mut lines = VecDeque::new();
                let mut bytes = 0;
                let told = reader.each(member, &mut |line| {
                    if line.seq >= wanted.before {
                        return false;
                    }
                    bytes += line.bytes.len() as u64;
                    lines.push_back((line.seq, line.bytes.to_vec()));
                    // Of a member without end, packed by somebody else, only what may be wanted is held.
                    while lines.len() > 1
                        && (bytes > wanted.bytes_max || lines.len() > wanted.limit)
                    {
                        bytes -= lines.pop_front().map_or(0, |(_, line)| line.len() as u64);
                        self.full = true;
                    }
                    true
                });
                if was_damaged(told)? {
                    self.damaged += 1;
                    lines.retain(|(seq, line)| is_certain(*seq, line));
                }
                self.prepend(lines, wanted);
                if self.full {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Whether a part could not be unpacked whole. What else is there of its session is read all the same.
fn was_damaged(told: Result<bool, Error>) -> Result<bool, Error> {
    match told {
        Err(Error::Damaged { path, source, .. }) => {
            tracing::warn!(path = %path.display(), fault = %source, "a part of an archive can no longer be read");
            Ok(true)
        }
        other => other.map(|_| false),
    }
}

/// Whether a line of a damaged part is what was written, under the number that was.
fn is_certain(seq: u64, line: &[u8]) -> bool {
    scan(line).is_ok_and(|line| line.seq == seq)
}

/// Reads the part of a page that is in archives: as few members as hold it, from the last one on.
pub(crate) fn read_older(
    disk: &dyn Disk,
    layout: &Layout,
    session: &SessionId,
    wanted: &Older,
) -> Result<FoundOlder, Error> {
    let mut tail = Tail::default();
    tail.read(disk, layout, wanted)?;
    let mut found = FoundOlder {
        more: tail.full,
        first: tail.lines.front().map(|(seq, _)| *seq),
        unreadable: tail.damaged,
        ..FoundOlder::default()
    };
    for (seq, line) in tail.lines {
        match decode(&line) {
            Ok(mut entry) if entry.session == *session => {
                entry.seq = seq;
                found.entries.push(Arc::new(entry));
            }
            _ => {
                found.unreadable += 1;
                tracing::warn!(%session, seq, "an archived entry can no longer be read");
            }
        }
    }
    Ok(found)
}

/// Lines behind a number as they stand in archives: about so many bytes, and at least one if there is one.
pub(crate) fn older_lines(
    disk: &dyn Disk,
    layout: &Layout,
    archives: &[Arc<ArchiveFile>],
    (after_seq, bytes_max): (u64, usize),
) -> Result<Vec<(u64, Vec<u8>)>, Error> {
    let mut found = Vec::new();
    let mut bytes = 0_usize;
    for archive in archives {
        let reader = ArchiveReader::open(disk, layout, archive)?;
        for member in reader.member_behind(after_seq)..reader.members() {
            let mut on = true;
            let told = reader.each(member, &mut |line| {
                if line.seq <= after_seq || line.line.is_err() {
                    return true;
                }
                let room = found.is_empty() || bytes + line.bytes.len() <= bytes_max;
                if room {
                    bytes += line.bytes.len();
                    found.push((line.seq, line.bytes.to_vec()));
                }
                on = room;
                on
            });
            was_damaged(told)?;
            if !on {
                return Ok(found);
            }
        }
    }
    Ok(found)
}
