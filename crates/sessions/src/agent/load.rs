//! Reading an agent's files at open: every segment in order, then the repair of the active one's end.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_types::Env;

use super::{
    ActiveFile, Cached, Damage, Damaged, Quarantined, Recovery, Torn, View, Writer,
    checkpoint::{self, Checkpoint},
};
use crate::{
    disk::{Disk, DiskFile, FileState, OpenMode, read_full, write_full},
    entry::Fault,
    error::Error,
    index::{Index, Place},
    limits::{QUARANTINE_LISTED_MAX, SCAN_CHUNK_BYTES},
    manifest::{self, Manifest},
    recover::{Found, Scanner, Tail},
    segment::{Layout, SealedSegment, open_active, set_aside},
};

/// Opens for appending. The first opening may ask the cache of the index, and deletes what a rewrite left behind; a
/// later one does neither, because a rewrite may be under way.
pub(super) fn load(
    disk: &dyn Disk,
    env: &dyn Env,
    layout: &Layout,
    first: bool,
) -> Result<(View, Writer, Recovery), Error> {
    let path = layout.active();
    let (file, created) = open_active(disk, layout)?;
    let state = file
        .state()
        .map_err(|error| Error::disk("look at", &path, error))?;
    let mut listed = manifest::read(disk, layout)?;
    if first {
        sweep(disk, layout, &mut listed);
    }
    listed.segments.retain(|segment| {
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
    let saved = first
        .then(|| checkpoint::read(disk, layout, &listed, &*file))
        .flatten();
    let mut reading = Reading::new(created, saved, &listed);
    reading.sealed(disk, layout, &listed.segments)?;
    let settled = reading.settled();
    let (tail, len) = reading.active(&*file, &path, next_number(&listed.segments))?;
    let active = ActiveFile {
        file: Arc::clone(&file),
        identity: state.identity,
        len,
        dirty: false,
        named: false,
        suspect: settled != Some(len) && len > 0,
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
    let (mut view, recovery) = reading.finish(disk, layout, listed, Some(file));
    if let Some(cached) = view.cached.as_mut().filter(|_| tail != Tail::Clean) {
        // The repair changed the file, so that the cache has to be written anew.
        cached.active = 0;
    }
    Ok((view, writer, recovery))
}

/// Opens for reading only: no lock, no repair, and a transcript that is not there is empty.
pub(crate) fn load_read_only(
    disk: &dyn Disk,
    layout: &Layout,
    cache: bool,
) -> Result<(View, Recovery), Error> {
    let listed = manifest::read(disk, layout)?;
    let path = layout.active();
    let active = match disk.open(&path, OpenMode::Read) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::disk("open", path, error)),
    };
    let saved = active
        .as_ref()
        .filter(|_| cache)
        .and_then(|file| checkpoint::read(disk, layout, &listed, &**file));
    let mut reading = Reading::new(false, saved, &listed);
    reading.sealed(disk, layout, &listed.segments)?;
    if let Some(file) = &active {
        reading.active(&**file, &path, next_number(&listed.segments))?;
    }
    Ok(reading.finish(disk, layout, listed, active))
}

/// Deletes what a rewrite left behind. Nothing depends on that.
fn sweep(disk: &dyn Disk, layout: &Layout, listed: &mut Manifest) {
    // The list may owe its name to a process that was killed before it could sync it: an older one that came back with
    // the power would name what is deleted here.
    if !listed.obsolete.is_empty() && disk.sync_dir(&layout.sealed_dir()).is_ok() {
        // It has said what stays.
        drop(listed.sweep(disk, layout));
    }
}

fn next_number(sealed: &[SealedSegment]) -> u32 {
    sealed.last().map_or(1, |segment| segment.number + 1)
}

/// What has been read so far.
struct Reading {
    index: Index,
    recovery: Recovery,
    damage: Damage,
    states: BTreeMap<String, FileState>,
    /// What the cache covered, if it was believed.
    cached: Option<Cached>,
}

impl Reading {
    fn new(created: bool, saved: Option<Checkpoint>, listed: &Manifest) -> Self {
        let recovery = Recovery {
            created,
            cached: saved.is_some(),
            ..Recovery::default()
        };
        let Some(mut saved) = saved else {
            let mut index = Index::reading();
            for archive in &listed.archives {
                index.seed(archive);
            }
            return Self {
                index,
                recovery,
                damage: Damage::default(),
                states: BTreeMap::new(),
                cached: None,
            };
        };
        for archive in &listed.archives {
            saved.index.rejoin(archive);
        }
        Self {
            index: saved.index,
            recovery,
            damage: saved.damage,
            states: saved.states,
            cached: Some(Cached {
                sealed: listed.segments.clone(),
                active: saved.covered,
                settled: saved.settled,
            }),
        }
    }

    /// So much of the active file is known to be on the disk.
    fn settled(&self) -> Option<u64> {
        let cached = self.cached.as_ref().filter(|cached| cached.settled);
        cached.map(|cached| cached.active)
    }

    /// Reads the sealed segments, unless the cache covered them.
    fn sealed(
        &mut self,
        disk: &dyn Disk,
        layout: &Layout,
        sealed: &[SealedSegment],
    ) -> Result<(), Error> {
        if self.cached.is_some() {
            return Ok(());
        }
        for segment in sealed {
            let path = layout.sealed(&segment.file);
            let file = disk
                .open(&path, OpenMode::Read)
                .map_err(|error| Error::disk("open", &path, error))?;
            // Before it is read, so that a later change is noticed.
            let state = file
                .state()
                .map_err(|error| Error::disk("look at", &path, error))?;
            self.states.insert(segment.file.clone(), state);
            let len = segment
                .bytes
                .map_or(state.len, |limit| state.len.min(limit));
            let (tail, len) = self.file((&*file, &path), segment.number, 0, len)?;
            if let Tail::Torn { keep } = tail {
                self.damage(segment.number, keep, len - keep, Fault::Torn);
            }
        }
        Ok(())
    }

    /// Reads the active file, or what is new in it; returns the state of its end, and its length.
    fn active(
        &mut self,
        file: &dyn DiskFile,
        path: &Path,
        number: u32,
    ) -> Result<(Tail, u64), Error> {
        let from = self.cached.as_ref().map_or(0, |cached| cached.active);
        let state = file.state();
        let state = state.map_err(|error| Error::disk("look at", path, error))?;
        self.file((file, path), number, from, state.len)
    }

    /// Reads a part of one file into the index; returns the state of its end, and where that is.
    fn file(
        &mut self,
        (file, path): (&dyn DiskFile, &Path),
        segment: u32,
        begin: u64,
        len: u64,
    ) -> Result<(Tail, u64), Error> {
        let failed = |error| Error::disk("read", path, error);
        let mut scanner = Scanner::starting_at(begin);
        let whole = usize::try_from(len.saturating_sub(begin)).unwrap_or(usize::MAX);
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
                self.found(found, segment);
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
            self.found(found, segment);
        });
        self.recovery.bytes += end.saturating_sub(begin);
        Ok((tail, end))
    }

    fn found(&mut self, found: Found<'_>, segment: u32) {
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
                if let Err(fault) = self.index.restore(place, &line, bytes) {
                    self.damage(segment, offset, bytes.len() as u64, fault);
                }
            }
            Found::Damage { offset, len, fault } => self.damage(segment, offset, len, fault),
        }
    }

    fn damage(&mut self, segment: u32, offset: u64, bytes: u64, fault: Fault) {
        self.damage.count += 1;
        if self.damage.listed.len() < QUARANTINE_LISTED_MAX {
            self.damage.listed.push(Damaged {
                segment,
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
        listed: Manifest,
        active: Option<Arc<dyn DiskFile>>,
    ) -> (View, Recovery) {
        let mut view = View {
            active_number: next_number(&listed.segments),
            sealed: listed.segments,
            archives: listed.archives,
            obsolete: listed.obsolete,
            active,
            index: Index::default(),
            damage: self.damage,
            states: self.states,
            cached: self.cached,
        };
        let mut reader = view.reader(layout);
        self.index
            .finish_reading(|place| reader.read(disk, place).ok()?.ok());
        view.index = self.index;
        self.recovery.entries = view.index.entries();
        self.recovery.quarantined_count = view.damage.count;
        let listed = view.damage.listed.iter();
        self.recovery.quarantined = listed
            .map(|place| Quarantined {
                path: reader.path(place.segment),
                offset: place.offset,
                bytes: place.bytes,
                fault: place.fault,
            })
            .collect();
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
