//! The files of one agent: where they are, and how the active segment begins and is sealed.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    disk::{Disk, DiskFile, OpenMode, read_full, write_full},
    error::Error,
    limits::SCAN_CHUNK_BYTES,
    manifest::{self, Manifest},
};

/// The active segment: the file people read.
pub(crate) const ACTIVE: &str = "session.jsonl";
/// The active segment to be, before it gets its name.
const NEXT: &str = "session.jsonl.next";
/// Where sealed segments are kept.
const SEALED_DIR: &str = "sessions";
/// Where archives are kept.
const ARCHIVE_DIR: &str = "archive";
/// What was found in the transcripts, so that it need not be found again. Of no authority.
const INDEX_CACHE: &str = "index.cache";

/// A segment that nothing is appended to any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SealedSegment {
    /// Its number; a later segment has a higher one.
    pub(crate) number: u32,
    /// Its name in the directory of sealed segments.
    pub(crate) file: String,
    /// How much of it counts: what stands behind was never acknowledged. `None` is all of it.
    pub(crate) bytes: Option<u64>,
}

/// Paths of one agent's transcript.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    dir: PathBuf,
}

impl Layout {
    /// The layout below an agent's directory.
    pub(crate) const fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The active segment.
    pub(crate) fn active(&self) -> PathBuf {
        self.dir.join(ACTIVE)
    }

    /// A sealed segment.
    pub(crate) fn sealed(&self, file: &str) -> PathBuf {
        self.dir.join(SEALED_DIR).join(file)
    }

    /// The cache of the index.
    pub(crate) fn index_cache(&self) -> PathBuf {
        self.sealed_dir().join(INDEX_CACHE)
    }

    /// The directory of sealed segments.
    pub(crate) fn sealed_dir(&self) -> PathBuf {
        self.dir.join(SEALED_DIR)
    }

    /// An archive.
    pub(crate) fn archive(&self, file: &str) -> PathBuf {
        self.archive_dir().join(file)
    }

    /// The directory of archives.
    pub(crate) fn archive_dir(&self) -> PathBuf {
        self.dir.join(ARCHIVE_DIR)
    }

    /// How a sealed segment that may be deleted is noted.
    pub(crate) fn obsolete_segment(file: &str) -> String {
        format!("{SEALED_DIR}/{file}")
    }

    /// How an archive that may be deleted is noted.
    pub(crate) fn obsolete_archive(file: &str) -> String {
        format!("{ARCHIVE_DIR}/{file}")
    }

    /// Where something that may be deleted is; `None` if that is not a name a rewrite gives.
    pub(crate) fn obsolete_path(&self, noted: &str) -> Option<PathBuf> {
        let (dir, file) = noted.split_once('/')?;
        let plain = manifest::is_plain(file) && matches!(dir, SEALED_DIR | ARCHIVE_DIR);
        plain.then(|| self.dir.join(dir).join(file))
    }
}

/// Seals the active segment and begins a new one; returns the new one, locked, and the sealed one.
///
/// The manifest is written first: until the file has moved, an entry in it names no file and is passed
/// over. A crash at any point leaves every acknowledged line in exactly one listed or active file.
pub(crate) fn roll(
    disk: &dyn Disk,
    layout: &Layout,
    mut listed: Manifest,
    ending: SealedSegment,
) -> Result<Arc<dyn DiskFile>, Error> {
    let (active, dir) = (layout.active(), layout.sealed_dir());
    let next = layout.dir.join(NEXT);
    let file = create_afresh(disk, &next)?;
    lock(&*file, &active)?;
    file.datasync()
        .map_err(|error| Error::disk("sync", &next, error))?;
    make_dir(disk, &dir)?;
    let target = layout.sealed(&ending.file);
    listed.segments.push(ending);
    manifest::write(disk, layout, &listed)?;
    disk.rename(&active, &target)
        .map_err(|error| Error::disk("seal", &active, error))?;
    disk.sync_dir(&dir)
        .map_err(|error| Error::disk("sync", &dir, error))?;
    disk.rename(&next, &active)
        .map_err(|error| Error::disk("begin", &active, error))?;
    disk.sync_dir(&layout.dir)
        .map_err(|error| Error::disk("sync", &layout.dir, error))?;
    Ok(file)
}

/// Puts a copy of the active segment's first bytes in its place; returns the copy, locked. The copy is synced before it
/// takes the name.
pub(crate) fn replace_active(
    disk: &dyn Disk,
    layout: &Layout,
    from: &dyn DiskFile,
    len: u64,
) -> Result<Arc<dyn DiskFile>, Error> {
    let (active, next) = (layout.active(), layout.dir.join(NEXT));
    let file = create_afresh(disk, &next)?;
    lock(&*file, &active)
        .and_then(|()| {
            let copied = copy(from, &*file, 0, len).and_then(|()| file.datasync());
            copied.map_err(|error| Error::disk("write", &next, error))
        })
        .and_then(|()| {
            let renamed = disk.rename(&next, &active);
            renamed.map_err(|error| Error::disk("replace", &active, error))
        })
        .inspect_err(|_| {
            // Space that is short is not to be taken by half a copy.
            disk.remove(&next).unwrap_or_default();
        })?;
    disk.sync_dir(&layout.dir)
        .map_err(|error| Error::disk("sync", &layout.dir, error))?;
    Ok(file)
}

/// Copies a part of a file to the end of another; all of it must be there.
pub(crate) fn copy(from: &dyn DiskFile, to: &dyn DiskFile, begin: u64, end: u64) -> io::Result<()> {
    let mut buffer = vec![0; SCAN_CHUNK_BYTES];
    let mut at = begin;
    while at < end {
        let left = usize::try_from(end - at).unwrap_or(usize::MAX);
        let room = left.min(buffer.len());
        let count = read_full(from, at, &mut buffer[..room])?;
        if count < room {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_full(to, &buffer[..count])?;
        at += count as u64;
    }
    Ok(())
}

/// Opens the active segment for appending, made if there is none; says whether it was made.
///
/// Nothing is synced here, so that starting costs no waiting: [`sync_names`] is due before the first
/// acknowledgement.
pub(crate) fn open_active(
    disk: &dyn Disk,
    layout: &Layout,
) -> Result<(Arc<dyn DiskFile>, bool), Error> {
    let path = layout.active();
    let (file, made) = match disk.open(&path, OpenMode::Append) {
        Ok(file) => (file, false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match disk.create_dir(&layout.dir) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(Error::disk("create", &layout.dir, error));
                }
                _ => {}
            }
            let file = disk
                .open(&path, OpenMode::CreateNew)
                .map_err(|error| Error::disk("create", &path, error))?;
            (file, true)
        }
        Err(error) => return Err(Error::disk("open", path, error)),
    };
    lock(&*file, &path)?;
    Ok((file, made))
}

/// Makes the names of an agent's files durable, those of the sealed segments first.
///
/// A file that is simply there may owe its name to a process that was killed before it could sync the
/// directory. A power cut would then take the name away, and with it every entry acknowledged since.
pub(crate) fn sync_names(disk: &dyn Disk, layout: &Layout) -> Result<(), Error> {
    let sealed = layout.sealed_dir();
    match disk.sync_dir(&sealed) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::disk("sync", sealed, error));
        }
        _ => {}
    }
    let above = layout.dir.parent();
    for dir in [Some(layout.dir.as_path()), above].into_iter().flatten() {
        disk.sync_dir(dir)
            .map_err(|error| Error::disk("sync", dir, error))?;
    }
    Ok(())
}

/// Puts bytes that were cut off a file beside it; returns where.
pub(crate) fn set_aside(
    disk: &dyn Disk,
    path: &Path,
    now_ms: i64,
    copy: impl Fn(&dyn DiskFile) -> io::Result<()>,
) -> Result<PathBuf, Error> {
    let mut ms = now_ms;
    let (aside, file) = loop {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".torn-{ms}"));
        let aside = PathBuf::from(name);
        match disk.open(&aside, OpenMode::CreateNew) {
            Ok(file) => break (aside, file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => ms += 1,
            Err(error) => return Err(Error::disk("create", aside, error)),
        }
    };
    copy(&*file)
        .and_then(|()| file.datasync())
        .map_err(|error| Error::disk("write", &aside, error))?;
    if let Some(dir) = path.parent() {
        disk.sync_dir(dir)
            .map_err(|error| Error::disk("sync", dir, error))?;
    }
    Ok(aside)
}

/// A new file, in the place of one that an interrupted attempt may have left.
pub(crate) fn create_afresh(disk: &dyn Disk, path: &Path) -> Result<Arc<dyn DiskFile>, Error> {
    let created = match disk.open(path, OpenMode::CreateNew) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk
            .remove(path)
            .and_then(|()| disk.open(path, OpenMode::CreateNew)),
        other => other,
    };
    created.map_err(|error| Error::disk("create", path, error))
}

fn lock(file: &dyn DiskFile, path: &Path) -> Result<(), Error> {
    file.lock().map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Error::Locked {
            path: path.to_path_buf(),
        },
        _ => Error::disk("lock", path, error),
    })
}

/// Makes a directory, unless it is there, and its name durable.
pub(crate) fn make_dir(disk: &dyn Disk, dir: &Path) -> Result<(), Error> {
    match disk.create_dir(dir) {
        Ok(()) => {}
        // It may have been made for the cache of the index, for which nothing is synced. And a sealing may have ended
        // half-way: what it moved in here is made durable before it is durably gone from above.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.sync_dir(dir)
                .map_err(|error| Error::disk("sync", dir, error))?;
        }
        Err(error) => return Err(Error::disk("create", dir, error)),
    }
    let Some(parent) = dir.parent() else {
        return Ok(());
    };
    disk.sync_dir(parent)
        .map_err(|error| Error::disk("sync", parent, error))
}
