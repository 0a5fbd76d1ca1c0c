//! Modes of the state directory: 0700 for directories, 0600 for files, checked at every start.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const MODE_BITS: u32 = 0o7777;

/// How deep directories are looked into: `agents/<id>/sessions/<file>` needs four.
const DEPTH_MAX: usize = 6;

/// Most entries looked at in one start; the rest waits for the next.
const ENTRIES_MAX: usize = 100_000;

/// Why a state directory can't be made safe.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory can't be made.
    #[error("create the directory {}", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The directory can't be looked into.
    #[error("read the directory {}", path.display())]
    Read {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The directory belongs to another user, who could read and change everything in it.
    #[error("{} belongs to user {owner}, not to user {user} who runs this", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who we are.
        user: u32,
    },
}

/// What was wrong with one file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub path: PathBuf,
    /// What was found, and what was done.
    pub outcome: Outcome,
}

/// What was done about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Others could use it; they no longer can.
    Fixed {
        /// The mode it had.
        was: u32,
        /// The mode it has.
        now: u32,
    },
    /// Others can use it, and the mode can't be changed.
    Unfixed {
        /// The mode it has.
        is: u32,
    },
    /// A symbolic link; what it points at was left alone.
    Link,
    /// It belongs to another user and was left alone.
    Foreign {
        /// Its owner.
        owner: u32,
    },
}

/// Makes a directory and its parents, with modes only we can use.
///
/// # Errors
/// The directory can't be made.
pub fn create_directory(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)
        .map_err(|source| Error::Create {
            path: path.to_path_buf(),
            source,
        })
}

/// Takes away from others every right on the state directory and on what is in it, and reports what it found.
///
/// # Errors
/// The directory itself can't be read, or belongs to another user.
pub fn secure(state: &Path) -> Result<Vec<Finding>, Error> {
    let metadata = fs::metadata(state).map_err(|source| Error::Read {
        path: state.to_path_buf(),
        source,
    })?;
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user {
        return Err(Error::Foreign {
            path: state.to_path_buf(),
            owner: metadata.uid(),
            user,
        });
    }
    let mut findings = Vec::new();
    // The state directory itself may be reached through a link; nothing below it is.
    restrict(state, &metadata, &mut findings);
    let mut left = ENTRIES_MAX;
    let mut waiting = vec![(state.to_path_buf(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        let entries = fs::read_dir(&directory).map_err(|source| Error::Read {
            path: directory.clone(),
            source,
        })?;
        for entry in entries.flatten() {
            if left == 0 {
                return Ok(findings);
            }
            left -= 1;
            if inspect(&entry.path(), user, &mut findings) && depth < DEPTH_MAX {
                waiting.push((entry.path(), depth + 1));
            }
        }
    }
    findings.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(findings)
}

/// Looks at one entry; true for a directory to look into.
fn inspect(path: &Path, user: u32, findings: &mut Vec<Finding>) -> bool {
    // What vanished since the directory was read is no finding.
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return false;
    };
    let outcome = if metadata.is_symlink() {
        Outcome::Link
    } else if metadata.uid() != user {
        Outcome::Foreign {
            owner: metadata.uid(),
        }
    } else {
        restrict(path, &metadata, findings);
        return metadata.is_dir();
    };
    findings.push(Finding {
        path: path.to_path_buf(),
        outcome,
    });
    false
}

/// Sets the mode of a file or directory; an executable of ours stays one.
fn restrict(path: &Path, metadata: &fs::Metadata, findings: &mut Vec<Finding>) {
    let was = metadata.permissions().mode() & MODE_BITS;
    let wanted = if metadata.is_dir() {
        DIRECTORY_MODE
    } else {
        FILE_MODE | (was & 0o100)
    };
    // Sockets and pipes count by their directory; rights of the owner's own are the owner's choice.
    if !(metadata.is_dir() || metadata.is_file()) || was & !wanted == 0 {
        return;
    }
    let outcome = match fs::set_permissions(path, fs::Permissions::from_mode(was & wanted)) {
        Ok(()) => Outcome::Fixed {
            was,
            now: was & wanted,
        },
        Err(_) => Outcome::Unfixed { is: was },
    };
    findings.push(Finding {
        path: path.to_path_buf(),
        outcome,
    });
}
