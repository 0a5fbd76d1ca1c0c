//! Reading an agent's files at open: every segment in order, then the repair of the active one's end.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_types::Env;

use super::{ActiveFile, Quarantined, Recovery, Torn, View, Writer};
use crate::{
    disk::{Disk, DiskFile, OpenMode, read_full, write_full},
    entry::Fault,
    error::Error,
    index::{Index, Place},
    limits::{QUARANTINE_LISTED_MAX, SCAN_CHUNK_BYTES},
    recover::{Found, Scanner, Tail},
    segment::{Layout, SealedSegment, list_sealed, open_active, set_aside},
};

/// Opens for appending.
pub(super) fn load(
    disk: &dyn Disk,
    env: &dyn Env,
    layout: &Layout,
) -> Result<(View, Writer, Recovery), Error> {
    let path = layout.active();
    let (file, created) = open_active(disk, layout)?;
    let state = file
        .state()
        .map_err(|error| Error::disk("look at", &path, error))?;
    let mut sealed = list_sealed(disk, layout)?;
    sealed.retain(|segment| {
        // A crash in the middle of sealing may leave the file under both names: it is still the active one. The
        // other name goes, or it would stand for old bytes once an editor replaces the file.
        let sealed = layout.sealed(&segment.file);
        let same = disk.state(&sealed);
        if same.map_or(true, |same| same.identity != state.identity) {
            return true;
        }
        if let Err(error) = disk.remove(&sealed) {
            tracing::warn!(path = %sealed.display(), %error, "a second name of the transcript stays");
        }
        false
    });
    let mut reading = Reading::new(created);
    reading.sealed(disk, layout, &sealed)?;
    let active_number = next_number(&sealed);
    let (tail, len) = reading.file(&*file, &path, active_number, None)?;
    let active = ActiveFile {
        file: Arc::clone(&file),
        identity: state.identity,
        len,
        dirty: false,
        named: false,
    };
    let writer = match repair(disk, env, &active, tail, &path) {
        Ok((active, torn)) => {
            reading.recovery.terminated = matches!(tail, Tail::Unterminated { .. });
            reading.recovery.torn = torn;
            Writer::Ready(active)
        }
        Err(error) => {
            reading.recovery.refused = Some(error);
            Writer::Lost
        }
    };
    let (view, recovery) = reading.finish(disk, layout, sealed, Some(file));
    Ok((view, writer, recovery))
}

/// Opens for reading only: no lock, no repair, and a transcript that is not there is empty.
pub(crate) fn load_read_only(disk: &dyn Disk, layout: &Layout) -> Result<(View, Recovery), Error> {
    let sealed = list_sealed(disk, layout)?;
    let mut reading = Reading::new(false);
    reading.sealed(disk, layout, &sealed)?;
    let path = layout.active();
    let active = match disk.open(&path, OpenMode::Read) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::disk("open", path, error)),
    };
    if let Some(file) = &active {
        reading.file(&**file, &path, next_number(&sealed), None)?;
    }
    Ok(reading.finish(disk, layout, sealed, active))
}

fn next_number(sealed: &[SealedSegment]) -> u32 {
    sealed.last().map_or(1, |segment| segment.number + 1)
}

/// What has been read so far.
struct Reading {
    index: Index,
    recovery: Recovery,
}

impl Reading {
    fn new(created: bool) -> Self {
        Self {
            index: Index::reading(),
            recovery: Recovery {
                created,
                ..Recovery::default()
            },
        }
    }

    fn sealed(
        &mut self,
        disk: &dyn Disk,
        layout: &Layout,
        sealed: &[SealedSegment],
    ) -> Result<(), Error> {
        for segment in sealed {
            let path = layout.sealed(&segment.file);
            let file = disk
                .open(&path, OpenMode::Read)
                .map_err(|error| Error::disk("open", &path, error))?;
            let (tail, len) = self.file(&*file, &path, segment.number, segment.bytes)?;
            if let Tail::Torn { keep } = tail {
                self.damage(&path, keep, len - keep, Fault::Torn);
            }
        }
        Ok(())
    }

    /// Reads one file into the index; returns the state of its end, and its length.
    fn file(
        &mut self,
        file: &dyn DiskFile,
        path: &Path,
        segment: u32,
        limit: Option<u64>,
    ) -> Result<(Tail, u64), Error> {
        let failed = |error| Error::disk("read", path, error);
        let len = file.state().map_err(failed)?.len;
        let len = limit.map_or(len, |limit| len.min(limit));
        let mut scanner = Scanner::default();
        let whole = usize::try_from(len).unwrap_or(usize::MAX);
        let mut buffer = vec![0; whole.clamp(1, SCAN_CHUNK_BYTES)];
        let mut filled = 0;
        loop {
            let from = scanner.position() + filled as u64;
            let left = usize::try_from(len.saturating_sub(from)).unwrap_or(usize::MAX);
            let room = left.min(buffer.len() - filled);
            let count =
                read_full(file, from, &mut buffer[filled..filled + room]).map_err(failed)?;
            filled += count;
            let used = scanner.feed(&buffer[..filled], &mut |found| {
                self.found(found, path, segment);
            });
            buffer.copy_within(used..filled, 0);
            filled -= used;
            if count == left || count < room {
                break;
            }
            if filled == buffer.len() {
                buffer.resize(filled * 2, 0);
            }
        }
        let end = scanner.position() + filled as u64;
        let tail = scanner.finish(&buffer[..filled], &mut |found| {
            self.found(found, path, segment);
        });
        self.recovery.bytes += end;
        Ok((tail, end))
    }

    fn found(&mut self, found: Found<'_>, path: &Path, segment: u32) {
        match found {
            Found::Record {
                offset,
                bytes,
                line,
            } => {
                let place = Place {
                    segment,
                    offset,
                    len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                    seq: line.seq,
                };
                match self.index.restore(place, &line, bytes) {
                    Ok(()) => self.recovery.entries += 1,
                    Err(fault) => self.damage(path, offset, bytes.len() as u64, fault),
                }
            }
            Found::Damage { offset, len, fault } => self.damage(path, offset, len, fault),
        }
    }

    fn damage(&mut self, path: &Path, offset: u64, bytes: u64, fault: Fault) {
        self.recovery.quarantined_count += 1;
        if self.recovery.quarantined.len() < QUARANTINE_LISTED_MAX {
            self.recovery.quarantined.push(Quarantined {
                path: path.to_path_buf(),
                offset,
                bytes,
                fault,
            });
        }
    }

    fn finish(
        mut self,
        disk: &dyn Disk,
        layout: &Layout,
        sealed: Vec<SealedSegment>,
        active: Option<Arc<dyn DiskFile>>,
    ) -> (View, Recovery) {
        let mut view = View {
            active_number: next_number(&sealed),
            sealed,
            active,
            index: Index::default(),
        };
        let mut reader = view.reader(layout);
        self.index
            .finish_reading(|place| reader.read(disk, place).ok()?.ok());
        view.index = self.index;
        (view, self.recovery)
    }
}

/// Makes the end of the active file fit to append to. What is cut off is copied first, durably.
fn repair(
    disk: &dyn Disk,
    env: &dyn Env,
    active: &ActiveFile,
    tail: Tail,
    path: &Path,
) -> Result<(ActiveFile, Option<Torn>), Error> {
    let (keep, terminate) = match tail {
        Tail::Clean => return Ok((active.clone(), None)),
        Tail::Unterminated { keep } => (keep, true),
        Tail::Torn { keep } => (keep, false),
    };
    let failed = |error| Error::disk("repair", path, error);
    let mut torn = None;
    if keep < active.len {
        let aside = keep_aside(disk, env, active, keep, path)?;
        torn = Some(Torn {
            path: aside,
            bytes: active.len - keep,
        });
        active.file.truncate(keep).map_err(failed)?;
    }
    let mut len = keep;
    if terminate {
        write_full(&*active.file, b"\n").map_err(failed)?;
        len += 1;
    }
    active.file.datasync().map_err(failed)?;
    let mended = ActiveFile {
        len,
        ..active.clone()
    };
    Ok((mended, torn))
}

fn keep_aside(
    disk: &dyn Disk,
    env: &dyn Env,
    active: &ActiveFile,
    from: u64,
    path: &Path,
) -> Result<PathBuf, Error> {
    set_aside(disk, path, env.now().as_millis(), |aside| {
        let mut at = from;
        let mut buffer = vec![0; SCAN_CHUNK_BYTES];
        while at < active.len {
            let count = read_full(&*active.file, at, &mut buffer)?;
            if count == 0 {
                break;
            }
            write_full(aside, &buffer[..count])?;
            at += count as u64;
        }
        Ok(())
    })
}
