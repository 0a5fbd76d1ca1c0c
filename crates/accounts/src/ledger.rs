//! The ledger: what was held and what was spent, one line each, appended and never changed.
//!
//! A call under a budget writes its line itself, before it is made; all other lines are gathered and written by
//! one thread, which also syncs, and closes a file that is full. A disk that refuses fails the calls under a
//! budget, and nothing else.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{Builder, JoinHandle},
};

use openclaw_types::{Env, Timestamp};

pub(crate) use self::{
    disk::{Appended, Disk, RealDisk},
    line::{Kind, Line, TAGS_MAX, shortened},
    open::Open,
    summary::{Draft, Summary},
};
use crate::{error::Error, files, options::LedgerOptions};

mod disk;
mod line;
mod open;
pub(crate) mod read;
mod summary;
mod writer;

/// The file that is written to.
pub(crate) const ACTIVE: &str = "spend.jsonl";
/// Lines that wait for the thread: some 30,000 of them. When the disk is slower than that, lines of calls
/// without a budget are lost and counted; their sums stay right until the next start.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// From here on whoever brings a line writes what waits: the thread may be syncing.
const WAITING_BYTES_MANY: usize = 1024 * 1024;

/// Writes lines.
#[derive(Debug)]
pub(crate) struct Ledger {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    env: Arc<dyn Env>,
    options: LedgerOptions,
    /// Taken before `waiting` where both are.
    active: Mutex<Active>,
    waiting: Mutex<Waiting>,
    wake: Condvar,
    lost: AtomicU64,
}

/// The file that is written to.
#[derive(Debug)]
struct Active {
    file: Option<Arc<dyn Appended>>,
    /// Where its last whole line ends.
    len: u64,
    /// Whether something may be behind that.
    is_torn: bool,
    /// Why the last write failed.
    failure: Option<String>,
    /// Why the last sync failed; what follows is written to a new file, and trusted when that syncs.
    sync_failure: Option<String>,
    /// The running number of the next file that is closed.
    number: u64,
    /// A file of this size is closed; more than the option says after that failed.
    bytes_max: u64,
}

/// What the thread should do.
#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    lines: u64,
    is_unsynced: bool,
    is_stopping: bool,
}

impl Ledger {
    /// Opens the file, after it was read and mended, and starts the thread. A file that can't be opened is tried
    /// again when something is to be written.
    pub(crate) fn start(
        dir: &Path,
        disk: Arc<dyn Disk>,
        env: Arc<dyn Env>,
        options: LedgerOptions,
    ) -> Result<Self, Error> {
        let numbers = read::paths(dir).unwrap_or_default();
        let last = numbers
            .iter()
            .filter_map(|path| read::number_of(path))
            .max();
        let mut active = Active {
            file: None,
            len: 0,
            is_torn: false,
            failure: None,
            sync_failure: None,
            number: last.unwrap_or(0) + 1,
            bytes_max: options.file_bytes_max,
        };
        active.open(dir, &*disk).unwrap_or_default();
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            disk,
            env,
            options,
            active: Mutex::new(active),
            waiting: Mutex::default(),
            wake: Condvar::new(),
            lost: AtomicU64::new(0),
        });
        let of_thread = Arc::clone(&shared);
        let thread = Builder::new()
            .name("accounts-ledger".to_owned())
            .spawn(move || of_thread.run())
            .map_err(|error| Error::disk("start the writer of", dir, error))?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Writes a line before anything else happens; says why not.
    pub(crate) fn write_now(&self, line: &Line<'_>) -> Result<(), String> {
        let mut bytes = Vec::with_capacity(512);
        line.encode(&mut bytes);
        let shared = &self.shared;
        let mut active = lock(&shared.active);
        if let Some(failure) = &active.sync_failure {
            return Err(failure.clone());
        }
        active.append(&bytes, shared)?;
        drop(active);
        shared.unsynced();
        Ok(())
    }

    /// Has a line written soon.
    pub(crate) fn write_soon(&self, line: &Line<'_>) {
        let mut waiting = lock(&self.shared.waiting);
        if waiting.bytes.len() >= WAITING_BYTES_MAX || waiting.is_stopping {
            self.shared.lost.fetch_add(1, Relaxed);
            return;
        }
        let is_first = waiting.bytes.is_empty();
        line.encode(&mut waiting.bytes);
        waiting.lines += 1;
        let is_many = waiting.bytes.len() >= WAITING_BYTES_MANY;
        drop(waiting);
        if is_first {
            self.shared.wake.notify_one();
        }
        if is_many {
            self.shared.write_waiting_if_free();
        }
    }

    /// Writes what waits.
    pub(crate) fn flush(&self) {
        self.shared.write_waiting();
    }

    /// Why spending can't be recorded.
    pub(crate) fn failure(&self) -> Option<String> {
        let active = lock(&self.shared.active);
        active
            .sync_failure
            .clone()
            .or_else(|| active.failure.clone())
    }

    /// Lines that were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Relaxed)
    }

    /// Writes and syncs everything, and ends the thread.
    pub(crate) fn shutdown(&self) {
        lock(&self.shared.waiting).is_stopping = true;
        self.shared.wake.notify_one();
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the ledger's writer panicked");
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Active {
    fn open(&mut self, dir: &Path, disk: &dyn Disk) -> Result<(), String> {
        let path = dir.join(ACTIVE);
        let opened = disk.open(&path).and_then(|file| Ok((file.len()?, file)));
        match opened {
            Ok((len, file)) => {
                // What another handle may have left behind its last line was mended before.
                self.len = len;
                self.file = Some(file);
                Ok(())
            }
            Err(error) => Err(self.fail("open", &path, &error)),
        }
    }

    /// Appends whole lines, or none: what was written of them is cut off again before anything follows.
    fn append(&mut self, bytes: &[u8], shared: &Shared) -> Result<(), String> {
        let path = shared.dir.join(ACTIVE);
        if self.file.is_none() {
            self.open(&shared.dir, &*shared.disk)?;
        }
        let Some(file) = self.file.clone() else {
            return Err("the ledger is not open".to_owned());
        };
        if self.is_torn {
            let cut = file.truncate(self.len);
            cut.map_err(|error| self.fail("mend", &path, &error))?;
            self.is_torn = false;
        }
        if let Err(error) = file.append(bytes) {
            self.is_torn = file.truncate(self.len).is_err();
            return Err(self.fail("write", &path, &error));
        }
        self.len += bytes.len() as u64;
        if self.failure.take().is_some() {
            tracing::info!("spending is recorded again");
        }
        Ok(())
    }

    fn fail(&mut self, verb: &str, path: &Path, error: &std::io::Error) -> String {
        let text = format!("cannot {verb} {}: {error}", path.display());
        if self.failure.as_ref() != Some(&text) {
            tracing::error!("spending cannot be recorded: {text}");
        }
        self.failure = Some(text.clone());
        text
    }

    /// Closes the file under a name that says its place and its month, and begins a new one.
    fn rotate(&mut self, shared: &Shared, now: Timestamp) -> std::io::Result<()> {
        let date = now.utc_date();
        let month = date.get(..7).unwrap_or_default();
        let name = format!("spend-{:06}-{month}.jsonl", self.number);
        std::fs::rename(shared.dir.join(ACTIVE), shared.dir.join(name))?;
        self.number += 1;
        self.file = None;
        self.len = 0;
        self.is_torn = false;
        files::sync_dir(&shared.dir)
    }
}

impl Shared {
    /// Something was written that is not durable.
    fn unsynced(&self) {
        let mut waiting = lock(&self.waiting);
        let is_first = !waiting.is_unsynced;
        waiting.is_unsynced = true;
        drop(waiting);
        if is_first {
            self.wake.notify_one();
        }
    }
}

/// A thread that panicked left the data as it was: every change under these locks is made whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
