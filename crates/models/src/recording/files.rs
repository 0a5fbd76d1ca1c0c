//! The files of recordings: whole ones appear at once, and the oldest go when there are too many bytes.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::{Mask, Options, Recording, Subject, line, name::Name};
use crate::limits::{RECORDINGS_DEPTH_MAX, RECORDINGS_MAX};

/// The directory below an agent's own.
const RECORDINGS: &str = "recordings";
/// What a file is called until it is whole.
const PART: &str = ".part";

/// The files of recordings.
#[derive(Debug)]
pub(super) struct Files {
    options: Options,
    mask: Mask,
    /// From the oldest to the newest.
    kept: BTreeMap<(i64, u32, PathBuf), u64>,
    bytes: u64,
    number: u32,
}

/// What became of one recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    /// How many had to go for it.
    pub(super) removed: u64,
    /// Bytes of all that are kept.
    pub(super) bytes: u64,
}

impl Files {
    /// Looks at what is there, and removes what a writer that was killed left half done.
    pub(super) fn open(options: Options, mask: Mask) -> Self {
        let mut files = Self {
            kept: BTreeMap::new(),
            bytes: 0,
            number: 0,
            options,
            mask,
        };
        let agents = fs::read_dir(&files.options.agents).into_iter().flatten();
        let of_agents = agents.flatten().map(|agent| agent.path().join(RECORDINGS));
        let mut dirs: Vec<PathBuf> = of_agents.collect();
        dirs.push(files.options.callers.clone());
        for dir in dirs {
            walk(&dir, RECORDINGS_DEPTH_MAX, &mut |path, name| {
                files.meet(path, name);
            });
        }
        files
    }

    fn meet(&mut self, path: PathBuf, name: &str) {
        if name.strip_suffix(PART).is_some_and(is_recording) {
            // One that was never whole; nobody can miss it.
            fs::remove_file(path).ok();
        } else if let Some(name) = Name::parse(name) {
            let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            self.bytes += bytes;
            self.kept.insert((name.at, name.number, path), bytes);
        }
    }

    /// Writes one recording.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(super) fn write(&mut self, recording: &Recording) -> io::Result<Written> {
        let key = recording.subject.key();
        let text = line::written(recording, &key, &self.mask);
        let bytes = text.len() as u64;
        if bytes > self.options.bytes_max {
            return Err(io::Error::other("longer than all recordings may be"));
        }
        let removed = self.make_room(bytes);
        self.number = self.number.wrapping_add(1) % 1_000_000;
        let name = Name {
            key,
            at: recording.at.as_millis(),
            number: self.number,
            run: recording.subject.run().map(str::to_owned),
        };
        let dir = match &recording.subject {
            Subject::Agent { agent, .. } => {
                self.options.agents.join(agent.as_str()).join(RECORDINGS)
            }
            Subject::Caller { .. } => self.options.callers.clone(),
        };
        let path = place(&dir.join(name.part()), &name.file(), &text)?;
        self.bytes += bytes;
        self.kept.insert((name.at, name.number, path), bytes);
        Ok(Written {
            removed,
            bytes: self.bytes,
        })
    }

    /// Removes the oldest until so many bytes fit.
    fn make_room(&mut self, bytes: u64) -> u64 {
        let mut removed = 0;
        while self.bytes + bytes > self.options.bytes_max || self.kept.len() >= RECORDINGS_MAX {
            let Some(((_, _, path), oldest)) = self.kept.pop_first() else {
                break;
            };
            // Somebody else may have removed it.
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "a recording can't be removed");
            }
            self.bytes -= oldest;
            removed += 1;
        }
        removed
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn is_recording(name: &str) -> bool {
    Name::parse(name).is_some()
}

/// Writes a file that appears whole or not at all, for our own eyes.
fn place(dir: &Path, name: &str, text: &[u8]) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let (path, part) = (dir.join(name), dir.join(format!("{name}{PART}")));
    let placed = part_file(&part)
        .and_then(|mut file| file.write_all(text))
        .and_then(|()| fs::rename(&part, &path));
    if let Err(error) = placed {
        fs::remove_file(&part).ok();
        return Err(error);
    }
    Ok(path)
}

fn part_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Shows every file below a directory, without following links.
pub(super) fn walk(dir: &Path, depth: usize, show: &mut impl FnMut(PathBuf, &str)) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && depth > 0 {
            walk(&entry.path(), depth - 1, show);
        } else if kind.is_file()
            && let Some(name) = entry.file_name().to_str()
        {
            show(entry.path(), name);
        }
    }
}
