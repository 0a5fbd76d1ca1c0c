//! The fence: a workspace whose paths can't leave it, and in it the names that no tool writes.
//!
//! A path is taken apart before anything is opened and symbolic links are never followed, so what is checked is what
//! is opened, whoever renames things meanwhile. Files are replaced by renaming within a directory that is held open.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat},
    io::Errno,
};

pub use self::{
    opener::{Openat2, Opener, Walk},
    protected::{Grants, Protection, protection},
    relative::Relative,
};
use crate::{
    error::Error,
    limits::{FILE_BYTES_MAX, WALK_ENTRIES_MAX},
};

mod opener;
mod protected;
mod relative;

/// A directory that paths can't leave.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    given: PathBuf,
    dir: OwnedFd,
    opener: &'static dyn Opener,
    grants: Grants,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name; one that isn't UTF-8 is shown with replacement characters and can't be opened.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its length, for a file.
    pub bytes: u64,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plain file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; never followed.
    Link,
    /// A pipe, a socket, or a device; never opened.
    Special,
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Whether the file was not there before.
    pub is_new: bool,
    /// Whether it is one of the files that say who the agent is.
    pub is_identity: bool,
}

impl Root {
    /// Opens a workspace with the best way of opening that this kernel has.
    ///
    /// # Errors
    /// When it isn't a directory that can be opened.
    pub fn open(workspace: &Path, grants: Grants) -> Result<Self, Error> {
        Self::open_with(workspace, grants, opener::best())
    }

    /// The same with a given way of opening.
    ///
    /// # Errors
    /// When it isn't a directory that can be opened.
    pub fn open_with(
        workspace: &Path,
        grants: Grants,
        opener: &'static dyn Opener,
    ) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::failed("opening the workspace", error);
        let path = std::fs::canonicalize(workspace).map_err(failed)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir =
            rustix::fs::open(&path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        Ok(Self {
            path,
            given: workspace.to_owned(),
            dir,
            opener,
            grants,
        })
    }

    /// Refuses a workspace that holds the gateway's own state: then every other agent's record were inside the fence.
    ///
    /// # Errors
    /// [`Error::Denied`] when `state` is the workspace or below it, by whatever path.
    pub fn keep_out(&self, state: &Path) -> Result<(), Error> {
        let own = rustix::fs::fstat(&self.dir)
            .map_err(|e| Error::failed("looking at the workspace", e))?;
        let Ok(state) = std::fs::canonicalize(state) else {
            return Ok(());
        };
        for ancestor in state.ancestors() {
            if rustix::fs::stat(ancestor).is_ok_and(|stat| same(&stat, &own)) {
                return Err(Error::denied(
                    "this workspace holds the gateway's own state",
                    "a person has to give the agent another workspace",
                ));
            }
        }
        Ok(())
    }

    /// Where it is, without symbolic links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory itself, for what starts in it.
    #[must_use]
    pub fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Takes a path apart; nothing is looked up.
    ///
    /// # Errors
    /// When it leads out of the workspace.
    pub fn relative(&self, path: &str) -> Result<Relative, Error> {
        Relative::parse(path, [&self.path, &self.given])
    }

    /// Opens a plain file for reading.
    ///
    /// # Errors
    /// When it isn't there, isn't a plain file, or lies behind a symbolic link.
    pub fn open_file(&self, path: &Relative) -> Result<(File, Stat), Error> {
        let look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let seen = self.opened(path, look)?;
        plain(path, &stat_of(&seen)?)?;
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = self.opened(path, flags)?;
        let stat = stat_of(&file)?;
        plain(path, &stat)?;
        Ok((File::from(file), stat))
    }

    /// Reads a plain file whole.
    ///
    /// # Errors
    /// As [`Root::open_file`], or when it has more than [`FILE_BYTES_MAX`].
    pub fn read(&self, path: &Relative) -> Result<Vec<u8>, Error> {
        let (file, stat) = self.open_file(path)?;
        let too_large = |bytes: u64| Error::TooLarge {
            what: format!("`{path}`"),
            bytes,
            bytes_max: FILE_BYTES_MAX,
            hint: "read a part of it with `exec`, or search it with `grep`".to_owned(),
        };
        let length = stat.st_size.unsigned_abs();
        if length > FILE_BYTES_MAX {
            return Err(too_large(length));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        // It may grow while it is read.
        let read = file
            .take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::failed(format!("reading `{path}`"), error))?;
        if read as u64 > FILE_BYTES_MAX {
            return Err(too_large(read as u64));
        }
        Ok(bytes)
    }

    /// Whether something is there, without following a link at its end.
    ///
    /// # Errors
    /// When the way to it is not a way within the workspace.
    pub fn exists(&self, path: &Relative) -> Result<bool, Error> {
        match self.opened(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC) {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Replaces or creates a file at once: readers see the old content or the new one.
    ///
    /// # Errors
    /// When the name is protected, or what is there isn't a plain file with one name.
    pub fn write(&self, path: &Relative, bytes: &[u8]) -> Result<Written, Error> {
        let is_identity = self.may_write(path)?;
        let name = path.name()?;
        let parent = self.parent(path, true)?;
        let present = self.replaceable(&parent, path)?;
        let mode = present.map_or(Mode::from_raw_mode(0o600), |stat| {
            Mode::from_raw_mode(stat.st_mode & 0o777)
        });
        let failed = |error: Errno| Error::failed(format!("writing `{path}`"), error);
        let temporary = temporary_name();
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&parent, &temporary, flags, mode).map_err(failed)?;
        let mut file = File::from(file);
        let stored = file
            .write_all(bytes)
            .and_then(|()| rustix::fs::fchmod(&file, mode).map_err(Into::into))
            .and_then(|()| file.sync_all())
            .and_then(|()| {
                rustix::fs::renameat(&parent, &temporary, &parent, name).map_err(Into::into)
            });
        if let Err(error) = stored {
            // The first failure is the one worth telling.
            rustix::fs::unlinkat(&parent, &temporary, AtFlags::empty()).ok();
            return Err(Error::failed(format!("writing `{path}`"), error));
        }
        sync_directory(&parent);
        Ok(Written {
            is_new: present.is_none(),
            is_identity,
        })
    }

    /// Appends to a file, or creates it.
    ///
    /// # Errors
    /// As [`Root::write`].
    pub fn append(&self, path: &Relative, bytes: &[u8]) -> Result<Written, Error> {
        let is_identity = self.may_write(path)?;
        let parent = self.parent(path, true)?;
        let present = self.replaceable(&parent, path)?;
        let failed = |error: std::io::Error| Error::failed(format!("appending to `{path}`"), error);
        let flags = OFlags::WRONLY
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&parent, path.name()?, flags, Mode::from_raw_mode(0o600))
            .map_err(|error| failed(error.into()))?;
        // What was looked at by name may have been exchanged since; what is open can't be.
        let stat = stat_of(&file)?;
        plain(path, &stat)?;
        one_name(path, &stat)?;
        let mut file = File::from(file);
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        Ok(Written {
            is_new: present.is_none(),
            is_identity,
        })
    }

    /// Removes a plain file.
    ///
    /// # Errors
    /// As [`Root::write`], or when there is nothing.
    pub fn remove(&self, path: &Relative) -> Result<(), Error> {
        self.may_write(path)?;
        let parent = self.parent(path, false)?;
        if self.replaceable(&parent, path)?.is_none() {
            return Err(not_found(path));
        }
        rustix::fs::unlinkat(&parent, path.name()?, AtFlags::empty())
            .map_err(|error| Error::failed(format!("removing `{path}`"), error))?;
        sync_directory(&parent);
        Ok(())
    }

    /// What a directory holds, sorted by name.
    ///
    /// # Errors
    /// When it isn't a directory, or holds more than [`WALK_ENTRIES_MAX`] entries.
    pub fn entries(&self, path: &Relative) -> Result<Vec<Entry>, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = self.opened(path, flags)?;
        let failed = |error: Errno| Error::failed(format!("listing `{path}`"), error);
        let mut entries = Vec::new();
        for item in rustix::fs::Dir::read_from(&dir).map_err(failed)? {
            let item = item.map_err(failed)?;
            let name = item.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if entries.len() >= WALK_ENTRIES_MAX {
                return Err(Error::TooLarge {
                    what: format!("the directory `{path}`, counted in entries,"),
                    bytes: WALK_ENTRIES_MAX as u64 + 1,
                    bytes_max: WALK_ENTRIES_MAX as u64,
                    hint: "list a directory below it".to_owned(),
                });
            }
            // Gone meanwhile is no failure of the list.
            let Ok(stat) = rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            entries.push(Entry {
                name: name.to_string_lossy().into_owned(),
                kind: kind(&stat),
                bytes: stat.st_size.unsigned_abs(),
            });
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    fn opened(&self, path: &Relative, flags: OFlags) -> Result<OwnedFd, Error> {
        self.opener
            .open(self.dir.as_fd(), path, flags)
            .map_err(|error| explain(path, error))
    }

    /// Says whether the name is one of identity; refuses one that nobody granted.
    fn may_write(&self, path: &Relative) -> Result<bool, Error> {
        match protection(path) {
            Protection::None => Ok(false),
            Protection::Identity if self.grants.allows(path) => Ok(true),
            Protection::Identity => Err(Error::denied(
                format!("`{path}` says who you are and is read-only for you"),
                "ask a person to change it, or write your notes to memory",
            )),
            Protection::Record => Err(Error::denied(
                format!("`{path}` belongs to the gateway's own record"),
                "no tool writes there; use another name",
            )),
        }
    }

    fn parent(&self, path: &Relative, is_made: bool) -> Result<OwnedFd, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let parent = path.parent();
        let made = match self.opener.open(self.dir.as_fd(), &parent, flags) {
            Ok(dir) => Ok(dir),
            Err(Errno::NOENT) if is_made => self.make(&parent, flags),
            Err(error) => Err(explain(&parent, error)),
        }?;
        self.not_a_protected_one(&stat_of(&made)?, path)?;
        Ok(made)
    }

    fn make(&self, path: &Relative, flags: OFlags) -> Result<OwnedFd, Error> {
        let mut dir = self.opened(&path.prefix(0), flags)?;
        for depth in 1..=path.depth() {
            let prefix = path.prefix(depth);
            match rustix::fs::mkdirat(&dir, prefix.name()?, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(explain(&prefix, error)),
            }
            dir = self.opened(&prefix, flags)?;
        }
        Ok(dir)
    }

    /// Looks at what a write would replace.
    fn replaceable(&self, parent: &OwnedFd, path: &Relative) -> Result<Option<Stat>, Error> {
        match rustix::fs::statat(parent, path.name()?, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                plain(path, &stat)?;
                one_name(path, &stat)?;
                self.not_a_protected_one(&stat, path)?;
                Ok(Some(stat))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(explain(path, error)),
        }
    }

    /// A name is not enough where a file system folds case or a directory is mounted twice: it is the inode that counts.
    fn not_a_protected_one(&self, stat: &Stat, path: &Relative) -> Result<(), Error> {
        if protection(path) != Protection::None {
            return Ok(());
        }
        for entry in self.entries(&path.prefix(0))? {
            let known = Relative::of_name(&entry.name);
            if protection(&known) == Protection::None {
                continue;
            }
            let seen = rustix::fs::statat(&self.dir, &entry.name, AtFlags::SYMLINK_NOFOLLOW);
            if seen.is_ok_and(|seen| same(&seen, stat)) {
                return Err(Error::denied(
                    format!("`{path}` is another name of `{}`", entry.name),
                    "no tool writes there; use another file",
                ));
            }
        }
        Ok(())
    }
}

/// Names that were never used in this process; a leftover of another one only makes the write fail.
fn temporary_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(".openclaw-{}-{number}.tmp", std::process::id())
}

/// What was renamed is visible already; a file system that can't sync a directory still has it in its own time.
fn sync_directory(dir: &OwnedFd) {
    if let Err(error) = rustix::fs::fsync(dir) {
        tracing::debug!(%error, "a directory could not be synced");
    }
}

fn stat_of(fd: &OwnedFd) -> Result<Stat, Error> {
    rustix::fs::fstat(fd).map_err(|error| Error::failed("looking at the file", error))
}

const fn same(one: &Stat, other: &Stat) -> bool {
    one.st_dev == other.st_dev && one.st_ino == other.st_ino
}

fn kind(stat: &Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Link,
        _ => Kind::Special,
    }
}

fn plain(path: &Relative, stat: &Stat) -> Result<(), Error> {
    let what = match kind(stat) {
        Kind::File => return Ok(()),
        Kind::Directory => "a directory",
        Kind::Link => "a symbolic link",
        Kind::Special => "a pipe, a socket, or a device",
    };
    Err(Error::denied(
        format!("`{path}` is {what}"),
        "only plain files are read and written",
    ))
}

/// A second name may be outside the workspace, and then writing here would write there.
fn one_name(path: &Relative, stat: &Stat) -> Result<(), Error> {
    if stat.st_nlink == 1 {
        return Ok(());
    }
    Err(Error::denied(
        format!("`{path}` is a hard link with {} names", stat.st_nlink),
        "write a copy under another name",
    ))
}

fn not_found(path: &Relative) -> Error {
    Error::NotFound {
        what: format!("`{path}`"),
        hint: Some("`list` shows what is there".to_owned()),
    }
}

fn explain(path: &Relative, error: Errno) -> Error {
    match error {
        Errno::NOENT => not_found(path),
        Errno::LOOP | Errno::XDEV => Error::denied(
            format!("`{path}` leads through a symbolic link"),
            "links are not followed; name the file itself",
        ),
        Errno::NOTDIR => Error::denied(
            format!("`{path}` leads through something that is not a directory"),
            "`list` shows what is there",
        ),
        error => Error::failed(format!("opening `{path}`"), error),
    }
}
