//! The layout of the state directory, and which directory it is.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Where things are on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The state directory, absolute.
    pub state: PathBuf,
    /// The configuration file, which may be absent.
    pub config_file: PathBuf,
}

impl Paths {
    /// The agents' workspaces.
    #[must_use]
    pub fn agents(&self) -> PathBuf {
        self.state.join("agents")
    }

    /// The access token.
    #[must_use]
    pub fn token(&self) -> PathBuf {
        self.state.join("token")
    }

    /// The file whose kernel lock means that a gateway runs here.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.state.join("gateway.lock")
    }

    /// Log files.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// The gateway's own log.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.logs().join("gateway.log")
    }

    /// Sockets of the processes the gateway starts.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.state.join("run")
    }

    /// Local models.
    #[must_use]
    pub fn models(&self) -> PathBuf {
        self.state.join("models")
    }

    /// Keys, spend, and recordings of the router.
    #[must_use]
    pub fn router(&self) -> PathBuf {
        self.state.join("router")
    }

    /// Which agents of the roster were deleted.
    #[must_use]
    pub fn roster(&self) -> PathBuf {
        self.state.join("roster.json")
    }
}

/// The directory used when nothing names one.
pub(crate) fn default_state(home: &Path) -> PathBuf {
    home.join(".openclaw")
}

/// The path from the root of the file system, `.` and `..` resolved by name only.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Why a directory can't hold the state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("{} is not a directory", path.display())]
    NotADirectory { path: PathBuf },
    #[error("{} can't be read and written by this user", path.display())]
    Denied { path: PathBuf },
    #[error("{} can't be read by this user", path.display())]
    Unreadable { path: PathBuf },
    #[error("{} does not exist and can't be made: {} is not writable", path.display(), parent.display())]
    CannotBeMade { path: PathBuf, parent: PathBuf },
    #[error("{} can't be looked at: {source}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// Whether this user can look at what is in the directory; one that is not there has nothing in it.
pub(crate) fn readable(path: &Path) -> Result<(), Unusable> {
    let path = path.to_path_buf();
    match std::fs::metadata(&path) {
        Ok(metadata) if !metadata.is_dir() => Err(Unusable::NotADirectory { path }),
        Ok(_) if access(&path, Access::READ_OK | Access::EXEC_OK).is_err() => {
            Err(Unusable::Unreadable { path })
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Unusable::Io {
            path,
            source: error,
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether this user can keep state in the directory, or make it.
pub(crate) fn usable(path: &Path) -> Result<(), Unusable> {
    let all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    let path = path.to_path_buf();
    match std::fs::metadata(&path) {
        Ok(metadata) if !metadata.is_dir() => Err(Unusable::NotADirectory { path }),
        Ok(_) if access(&path, all).is_err() => Err(Unusable::Denied { path }),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = path.ancestors().skip(1).find(|parent| parent.exists());
            let parent = parent.unwrap_or_else(|| Path::new("/")).to_path_buf();
            match access(&parent, Access::WRITE_OK | Access::EXEC_OK) {
                Ok(()) if parent.is_dir() => Ok(()),
                _ => Err(Unusable::CannotBeMade { path, parent }),
            }
        }
        Err(source) => Err(Unusable::Io { path, source }),
    }
}
