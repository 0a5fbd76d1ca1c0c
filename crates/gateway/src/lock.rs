//! One gateway per state directory: a kernel lock that dies with its holder, so it can never be stale.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use openclaw_types::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

/// The file's name inside the state directory.
pub const LOCK_FILE: &str = "gateway.lock";

/// What the holder says of itself, for `gateway status` and `gateway stop`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The holder's process id.
    pub pid: u32,
    /// Where it listens, once it does.
    pub address: Option<String>,
    /// An id that no other start has.
    pub instance: String,
    /// When it started, in milliseconds since the epoch.
    pub started_at: i64,
    /// What it was told beside its configuration file.
    #[serde(default)]
    pub flags: Flags,
}

impl Record {
    /// What this process says of itself as long as it does not listen.
    #[must_use]
    pub fn starting(instance: String, started: Timestamp, flags: Flags) -> Self {
        Self {
            pid: std::process::id(),
            address: None,
            instance,
            started_at: started.as_millis(),
            flags,
        }
    }
}

/// What a gateway was told from outside its configuration file, so that a restart can tell it again.
///
/// Words and not what came of them: a change of the file takes effect at the restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Flags {
    /// The configuration file that was named; absolute.
    pub config: Option<String>,
    /// The port that was named.
    pub port: Option<u16>,
    /// The address that was named.
    pub bind: Option<IpAddr>,
}

/// Bytes of a record at most: the longest path with every character escaped, and the rest.
const RECORD_BYTES_MAX: u64 = 32 * 1024;

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another gateway holds it.
    #[error("another gateway holds {}{}", path.display(), holder.as_ref().map(|record| format!(" (pid {})", record.pid)).unwrap_or_default())]
    Held {
        /// The lock's path.
        path: PathBuf,
        /// What the holder wrote, when it could be read.
        holder: Option<Box<Record>>,
    },
    /// The file can't be opened, locked or written.
    #[error("lock {}", path.display())]
    File {
        /// The lock's path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The held lock. Dropping it, or dying, lets go.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of a state directory and writes who holds it.
    ///
    /// # Errors
    /// [`Error::Held`] when another process has it.
    pub fn take(state: &Path, record: &Record) -> Result<Self, Error> {
        let path = state.join(LOCK_FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| Error::File {
                path: path.clone(),
                source,
            })?;
        exclusive(&file, &path)?;
        let mut lock = Self { file, path };
        lock.write(record)?;
        Ok(lock)
    }

    /// Replaces what the file says of the holder.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write(&mut self, record: &Record) -> Result<(), Error> {
        let write = |file: &mut File| -> io::Result<()> {
            let text = serde_json::to_vec(record)?;
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&text)
        };
        write(&mut self.file).map_err(|source| Error::File {
            path: self.path.clone(),
            source,
        })
    }
}

/// How often a lock that somebody holds alone is tried again, with [`RETRY_PAUSE`] between: two starts at once may see
/// each other looking.
const ATTEMPTS: u32 = 5;
/// How often one is tried that is only looked at, by [`holder`]: ten seconds of people looking without a gap.
const LOOKED_AT_ATTEMPTS: u32 = 2_000;
/// Longer than a look at the lock takes, far shorter than a person notices.
const RETRY_PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

fn exclusive(file: &File, path: &Path) -> Result<(), Error> {
    let (mut held, mut looked_at) = (0, 0);
    while held < ATTEMPTS && looked_at < LOOKED_AT_ATTEMPTS {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) if is_only_looked_at(file) => looked_at += 1,
            Err(rustix::io::Errno::WOULDBLOCK) => held += 1,
            Err(errno) => {
                return Err(Error::File {
                    path: path.to_owned(),
                    source: errno.into(),
                });
            }
        }
        std::thread::sleep(RETRY_PAUSE);
    }
    Err(Error::Held {
        holder: read(path).map(Box::new),
        path: path.to_owned(),
    })
}

/// Whether nobody holds the lock alone: those who look share it.
fn is_only_looked_at(file: &File) -> bool {
    let shared = flock(file, FlockOperation::NonBlockingLockShared).is_ok();
    if shared {
        // Nothing waits for the answer: closing the file lets go too.
        flock(file, FlockOperation::Unlock).ok();
    }
    shared
}

/// Who holds the lock of a state directory right now, if anybody does.
#[must_use]
pub fn holder(state: &Path) -> Option<Record> {
    let path = state.join(LOCK_FILE);
    let file = File::open(&path).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => None,
        Err(_held) => read_held(&path),
    }
}

/// A record that can't be read is just being written.
fn read_held(path: &Path) -> Option<Record> {
    for _attempt in 1..ATTEMPTS {
        if let Some(record) = read(path) {
            return Some(record);
        }
        std::thread::sleep(RETRY_PAUSE);
    }
    read(path)
}

/// Who held the lock of a state directory last, whether it still does or not; nobody where no gateway ever started.
#[must_use]
pub fn last(state: &Path) -> Option<Record> {
    read(&state.join(LOCK_FILE))
}

fn read(path: &Path) -> Option<Record> {
    let mut text = String::new();
    let _bytes = File::open(path)
        .ok()?
        .take(RECORD_BYTES_MAX)
        .read_to_string(&mut text)
        .ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            pid: 7,
            address: None,
            instance: "i".to_owned(),
            started_at: 1,
            flags: Flags::default(),
        }
    }

    #[test]
    fn a_record_of_an_earlier_version_is_read_too() {
        let state = tempfile::tempdir().unwrap();
        let text = r#"{"pid":7,"address":null,"instance":"i","startedAt":1}"#;
        std::fs::write(state.path().join(LOCK_FILE), text).unwrap();
        assert_eq!(last(state.path()), Some(record()));
    }

    #[test]
    fn a_record_with_the_longest_path_is_read_whole() {
        let state = tempfile::tempdir().unwrap();
        let flags = Flags {
            config: Some("\u{1}".repeat(4096)),
            port: Some(1),
            bind: Some("::1".parse().unwrap()),
        };
        let long = Record { flags, ..record() };
        let _lock = Lock::take(state.path(), &long).unwrap();
        assert_eq!(holder(state.path()), Some(long));
    }

    #[test]
    fn a_second_holder_is_refused_and_told_who_has_it() {
        let state = tempfile::tempdir().unwrap();
        let lock = Lock::take(state.path(), &record()).unwrap();
        assert_eq!(holder(state.path()), Some(record()));
        match Lock::take(state.path(), &record()) {
            Err(Error::Held { holder, .. }) => assert_eq!(holder, Some(Box::new(record()))),
            other => panic!("{other:?}"),
        }
        drop(lock);
        assert_eq!(holder(state.path()), None);
        assert_eq!(last(state.path()), Some(record()));
        assert!(Lock::take(state.path(), &record()).is_ok());
    }

    #[test]
    fn people_who_look_do_not_keep_a_gateway_from_starting() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join(LOCK_FILE);
        std::fs::write(&path, b"").unwrap();
        let looking = File::open(&path).unwrap();
        flock(&looking, FlockOperation::NonBlockingLockShared).unwrap();
        let gone = std::thread::spawn(move || {
            std::thread::sleep(RETRY_PAUSE * ATTEMPTS * 10);
            drop(looking);
        });
        assert!(Lock::take(state.path(), &record()).is_ok());
        gone.join().unwrap();
    }

    #[test]
    fn a_leftover_file_of_any_content_does_not_block_a_start() {
        let state = tempfile::tempdir().unwrap();
        std::fs::write(state.path().join(LOCK_FILE), b"\0\0garbage").unwrap();
        assert_eq!(holder(state.path()), None);
        assert_eq!(last(state.path()), None);
        assert!(Lock::take(state.path(), &record()).is_ok());
    }
}
