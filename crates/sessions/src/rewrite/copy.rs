//! A new generation of one segment: the same bytes without the lines that are to go.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    disk::{Disk, DiskFile, OpenMode, read_full, write_full},
    entry::Line,
    error::Error,
    limits::{LINE_BYTES_MAX, REWRITE_CHUNK_BYTES},
    recover::{Found, take_line},
    segment::create_afresh,
};

/// Where bytes of the old generation are in the new one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Moves(Vec<(u64, Option<u64>)>);

impl Moves {
    /// From `old` on, bytes are at `new` and behind, or gone.
    fn push(&mut self, old: u64, new: Option<u64>) {
        let follows = self.0.last().is_some_and(|&(from, to)| match (to, new) {
            (None, None) => true,
            (Some(to), Some(new)) => to + (old - from) == new,
            _ => false,
        });
        if !follows {
            self.0.push((old, new));
        }
    }

    /// Where a byte is now; `None` when it is gone.
    pub(crate) fn find(&self, old: u64) -> Option<u64> {
        let behind = self.0.partition_point(|&(from, _)| from <= old);
        match behind.checked_sub(1) {
            Some(at) => {
                let (from, to) = self.0[at];
                to.map(|to| to + (old - from))
            }
            None => Some(old),
        }
    }
}

/// A new generation, written and synced, all but its name.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) moves: Moves,
    pub(crate) bytes: u64,
    /// The checksum of the whole file.
    pub(crate) crc: u32,
}

/// The segment that is copied from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    /// How much of it counts.
    pub(crate) bytes: Option<u64>,
}

/// Says of an entry's line whether it stays, by where it begins and what it says.
pub(crate) type Keep<'a> = dyn FnMut(u64, &Line<'_>) -> bool + 'a;

/// Writes a new generation without the lines that don't stay; `None` when all stay.
///
/// Everything else is copied as it is, damaged places included. `stopped` is asked often.
pub(crate) fn copy(
    disk: &dyn Disk,
    source: &Source,
    target: &Path,
    keep: &mut Keep<'_>,
    stopped: &dyn Fn() -> bool,
) -> Result<Option<Copied>, Error> {
    let file = disk
        .open(&source.path, OpenMode::Read)
        .map_err(|error| Error::disk("open", &source.path, error))?;
    let state = file.state();
    let len = state
        .map_err(|error| Error::disk("look at", &source.path, error))?
        .len;
    let mut copying = Copying {
        disk,
        target,
        from: (&*file, &source.path),
        out: None,
        crc: 0,
        written: 0,
        moves: Moves::default(),
    };
    copying.run(
        source.bytes.map_or(len, |limit| limit.min(len)),
        keep,
        stopped,
    )?;
    copying.finish()
}

struct Copying<'a> {
    disk: &'a dyn Disk,
    target: &'a Path,
    from: (&'a dyn DiskFile, &'a Path),
    /// Made when the first line goes.
    out: Option<Arc<dyn DiskFile>>,
    crc: u32,
    /// Bytes in the new file, or that would be.
    written: u64,
    moves: Moves,
}

impl Copying<'_> {
    fn run(
        &mut self,
        len: u64,
        keep: &mut Keep<'_>,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let (mut at, mut buffer, mut filled) = (0, vec![0; REWRITE_CHUNK_BYTES], 0);
        // Inside a line that is too long to be one.
        let mut oversized = false;
        loop {
            if stopped() {
                return Err(Error::Closed);
            }
            let next = at + filled as u64;
            let left = usize::try_from(len - next).unwrap_or(usize::MAX);
            let room = left.min(buffer.len() - filled);
            filled += self.read(next, &mut buffer[filled..filled + room])?;
            let last = at + filled as u64 >= len;
            let newline = memchr::memrchr(b'\n', &buffer[..filled]);
            let whole = match newline {
                _ if last => filled,
                Some(newline) => newline + 1,
                None if filled <= LINE_BYTES_MAX => {
                    buffer.resize(buffer.len() * 2, 0);
                    continue;
                }
                None => {
                    oversized = true;
                    filled
                }
            };
            let kept = self.lines(at, &buffer[..whole], &mut oversized, keep);
            self.emit(at, &kept)?;
            at += whole as u64;
            buffer.copy_within(whole..filled, 0);
            filled -= whole;
            if last {
                return Ok(());
            }
        }
    }

    fn read(&self, at: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let (file, path) = self.from;
        let read = read_full(file, at, buffer);
        let read = read.map_err(|error| Error::disk("read", path, error))?;
        if read < buffer.len() {
            // It counts, and is not there: nothing is built on such a file.
            return Err(Error::Changed {
                path: path.to_path_buf(),
            });
        }
        Ok(read)
    }

    /// What stays of some physical lines.
    fn lines(
        &mut self,
        at: u64,
        bytes: &[u8],
        oversized: &mut bool,
        keep: &mut Keep<'_>,
    ) -> Vec<u8> {
        let mut kept = Vec::with_capacity(bytes.len());
        let mut from = 0;
        while from < bytes.len() {
            let newline = memchr::memchr(b'\n', &bytes[from..]);
            let end = newline.map_or(bytes.len(), |newline| from + newline + 1);
            let (line, old) = (&bytes[from..end], at + from as u64);
            let verbatim = *oversized || line.len() > LINE_BYTES_MAX;
            if newline.is_some() {
                *oversized = false;
            }
            let pieces = match verbatim {
                true => Vec::new(),
                false => pieces(old, line.strip_suffix(b"\n").unwrap_or(line), keep),
            };
            if pieces.iter().all(|piece| piece.2) {
                self.moves.push(old, Some(self.written + kept.len() as u64));
                kept.extend_from_slice(line);
            } else {
                self.moves.push(old, None);
                for (offset, len, _) in pieces.into_iter().filter(|piece| piece.2) {
                    self.moves
                        .push(offset, Some(self.written + kept.len() as u64));
                    let start = usize::try_from(offset - at).unwrap_or(from);
                    kept.extend_from_slice(&bytes[start..start + len]);
                    kept.push(b'\n');
                    self.moves.push(offset + len as u64, None);
                }
            }
            from = end;
        }
        kept
    }

    /// Writes what stays of the bytes that begin at `at` of the old file.
    fn emit(&mut self, at: u64, kept: &[u8]) -> Result<(), Error> {
        if self.out.is_none() && !self.moves.0.iter().all(|(_, to)| to.is_some()) {
            self.out = Some(create_afresh(self.disk, self.target)?);
            self.prefix(at)?;
        }
        if let Some(out) = &self.out {
            let wrote = write_full(&**out, kept);
            wrote.map_err(|error| Error::disk("write", self.target, error))?;
            self.crc = crc32c::crc32c_append(self.crc, kept);
        }
        self.written += kept.len() as u64;
        Ok(())
    }

    /// Copies what stood before the first line that goes.
    fn prefix(&mut self, len: u64) -> Result<(), Error> {
        let mut buffer = vec![0; REWRITE_CHUNK_BYTES];
        let mut at = 0;
        while at < len {
            let room =
                usize::try_from(len - at).map_or(buffer.len(), |left| left.min(buffer.len()));
            self.read(at, &mut buffer[..room])?;
            if let Some(out) = &self.out {
                let wrote = write_full(&**out, &buffer[..room]);
                wrote.map_err(|error| Error::disk("write", self.target, error))?;
            }
            self.crc = crc32c::crc32c_append(self.crc, &buffer[..room]);
            at += room as u64;
        }
        Ok(())
    }

    fn finish(self) -> Result<Option<Copied>, Error> {
        let Some(out) = self.out else {
            return Ok(None);
        };
        let synced = out.datasync();
        synced.map_err(|error| Error::disk("sync", self.target, error))?;
        Ok(Some(Copied {
            moves: self.moves,
            bytes: self.written,
            crc: self.crc,
        }))
    }
}

/// What one physical line is made of, and which of it stays: where it begins, its length, and whether.
fn pieces(at: u64, line: &[u8], keep: &mut Keep<'_>) -> Vec<(u64, usize, bool)> {
    let mut pieces = Vec::new();
    take_line(at, line, &mut |found| {
        pieces.push(match found {
            Found::Record {
                offset,
                bytes,
                line,
            } => (offset, bytes.len(), keep(offset, &line)),
            Found::Damage { offset, len, .. } => (offset, usize::try_from(len).unwrap_or(0), true),
        });
    });
    pieces
}

/// Reads a file again and says whether it is what was written.
pub(crate) fn holds(disk: &dyn Disk, path: &Path, bytes: u64, crc: u32) -> Result<(), Error> {
    let failed = |error| Error::disk("read", path, error);
    let file = disk.open(path, OpenMode::Read).map_err(failed)?;
    let mut buffer = vec![0; REWRITE_CHUNK_BYTES];
    let (mut at, mut found) = (0, 0);
    loop {
        let read = read_full(&*file, at, &mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        found = crc32c::crc32c_append(found, &buffer[..read]);
        at += read as u64;
    }
    if (at, found) == (bytes, crc) {
        return Ok(());
    }
    Err(failed(std::io::ErrorKind::InvalidData.into()))
}
