//! Puts bytes where a model file belongs: beside it first, under a lock, and in its place only when they are right.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::{ENDING, Error, OnProgress, Progress, Pulled, Step};

/// Longest name of a model.
const NAME_BYTES_MAX: usize = 120;
/// Read and written at once; large enough that the disk is what takes the time.
const BLOCK_BYTES: usize = 256 << 10;
/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// What every GGUF file begins with.
const MAGIC: &[u8] = b"GGUF";

/// A name that is safe as a part of a file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked(String);

impl Checked {
    pub(super) fn name(name: &str) -> Result<Self, Error> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_good = name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.len() <= NAME_BYTES_MAX
            && name.chars().all(allowed);
        if is_good {
            Ok(Self(name.to_owned()))
        } else {
            Err(Error::Name {
                name: name.to_owned(),
            })
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A hash as it is compared: lower case, without the algorithm's name.
pub(super) fn normal_hash(text: &str) -> Result<String, Error> {
    let hash = text.trim().to_ascii_lowercase();
    let hash = hash.strip_prefix("sha256:").unwrap_or(&hash);
    if hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit()) {
        Ok(hash.to_owned())
    } else {
        Err(Error::HashForm {
            text: text.to_owned(),
        })
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        action,
        path,
        source,
    }
}

/// How far blocking work has come, and whether anybody still wants it.
#[derive(Debug, Default)]
pub(super) struct Meter {
    bytes: AtomicU64,
    is_stopped: AtomicBool,
}

impl Meter {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Stops the work when the one who waits for it goes away.
struct StopOnDrop(Arc<Meter>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.is_stopped.store(true, Ordering::Relaxed);
    }
}

/// Does blocking work on a thread of its own and tells its progress meanwhile.
pub(super) async fn watched<T: Send + 'static>(
    total: Option<u64>,
    on_progress: OnProgress<'_>,
    work: impl FnOnce(Arc<Meter>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let meter = Arc::new(Meter::default());
    let _stop = StopOnDrop(Arc::clone(&meter));
    let theirs = Arc::clone(&meter);
    let mut work = tokio::task::spawn_blocking(move || work(theirs));
    let mut ticks = tokio::time::interval(PROGRESS_INTERVAL);
    loop {
        tokio::select! {
            biased;
            // The end is the best progress.
            done = &mut work => return done.unwrap_or(Err(Error::Stopped)),
            _ = ticks.tick() => on_progress(Progress {
                step: Step::Store,
                bytes: meter.bytes(),
                total,
            }),
        }
    }
}

/// One model file's place, locked against other processes.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    name: Checked,
    expected: Option<String>,
    // Dropping it unlocks it.
    partial: File,
}

impl Store {
    /// Makes the directory and takes the lock.
    pub(super) fn open(dir: &Path, name: &str, expected: Option<String>) -> Result<Self, Error> {
        let name = Checked::name(name)?;
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(io_error("make", dir))?;
        let path = partial_path(dir, &name);
        let partial = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io_error("open", &path))?;
        match partial.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy {
                    name: name.as_str().to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
        }
        Ok(Self {
            dir: dir.to_owned(),
            name,
            expected,
            partial,
        })
    }

    /// The file, if it is there already and right; a wrong one is put aside.
    pub(super) async fn present(
        &self,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Pulled>, Error> {
        let path = self.path();
        let Ok(size) = fs::metadata(&path).map(|meta| meta.len()) else {
            return Ok(None);
        };
        let file = path.clone();
        let hash = watched(Some(size), on_progress, move |meter| {
            let mut opened = File::open(&file).map_err(io_error("open", &file))?;
            let mut hasher = Sha256::new();
            each_block(&mut opened, &file, &meter, |block| {
                hasher.update(block);
                Ok(())
            })?;
            Ok(hex(&hasher.finalize()))
        })
        .await?;
        if self
            .expected
            .as_ref()
            .is_some_and(|expected| *expected != hash)
        {
            self.quarantine(&path)?;
            return Ok(None);
        }
        forget_partial(&self.dir, &self.name);
        Ok(Some(self.pulled(size, hash)))
    }

    /// Where a download through another program may put its files; whatever was there is gone.
    pub(super) fn staging(dir: &Path, name: &str) -> Result<Staging, Error> {
        let path = dir.join(format!(".{name}.staging"));
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &path)(error));
            }
            _ => {}
        }
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(io_error("make", &path))?;
        Ok(Staging(path))
    }

    /// The note on where a half-fetched file comes from.
    pub(super) fn note_path(&self) -> PathBuf {
        let partial = partial_path(&self.dir, &self.name);
        partial.with_extension("from")
    }

    /// Whether a hash was promised.
    pub(super) const fn has_hash(&self) -> bool {
        self.expected.is_some()
    }

    /// Begins to write, from the start or behind what is there.
    pub(super) fn begin(mut self, keeps: Keeps) -> Result<Saver, Error> {
        let path = partial_path(&self.dir, &self.name);
        let mut hasher = Sha256::new();
        let mut magic = Vec::new();
        let mut bytes = 0;
        match keeps {
            Keeps::Nothing => {
                self.partial.set_len(0).map_err(io_error("empty", &path))?;
                self.partial.rewind().map_err(io_error("empty", &path))?;
            }
            Keeps::Partial => {
                self.partial.rewind().map_err(io_error("read", &path))?;
                let meter = Meter::default();
                each_block(&mut self.partial, &path, &meter, |block| {
                    hasher.update(block);
                    take_magic(&mut magic, block);
                    Ok(())
                })?;
                bytes = meter.bytes();
            }
        }
        Ok(Saver {
            store: self,
            path,
            hasher,
            magic,
            bytes,
        })
    }

    fn path(&self) -> PathBuf {
        self.dir.join(format!("{}.{ENDING}", self.name.as_str()))
    }

    fn pulled(&self, bytes: u64, sha256: String) -> Pulled {
        Pulled {
            name: self.name.as_str().to_owned(),
            path: self.path(),
            bytes,
            sha256,
        }
    }

    /// Puts a wrong file aside, where it replaces an older one.
    fn quarantine(&self, path: &Path) -> Result<PathBuf, Error> {
        let dir = self.dir.join("quarantine");
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(io_error("make", &dir))?;
        let kept = dir.join(format!("{}.{ENDING}", self.name.as_str()));
        fs::rename(path, &kept).map_err(io_error("put aside", path))?;
        Ok(kept)
    }
}

/// What of a half-fetched file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    Nothing,
    Partial,
}

/// A directory that goes away with its owner.
#[derive(Debug)]
pub(super) struct Staging(PathBuf);

impl Staging {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What can't be removed now is removed before the next download.
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A file being written; without [`Saver::finish`] it stays partial.
#[derive(Debug)]
pub(super) struct Saver {
    store: Store,
    path: PathBuf,
    hasher: Sha256,
    magic: Vec<u8>,
    bytes: u64,
}

impl Saver {
    /// Bytes so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    /// Forgets what is there and begins again.
    pub(super) fn restart(self) -> Result<Self, Error> {
        self.store.begin(Keeps::Nothing)
    }

    pub(super) fn write(&mut self, block: &[u8]) -> Result<(), Error> {
        take_magic(&mut self.magic, block);
        if !MAGIC.starts_with(&self.magic) {
            self.store
                .partial
                .set_len(0)
                .map_err(io_error("empty", &self.path))?;
            return Err(Error::NotAModel);
        }
        self.store
            .partial
            .write_all(block)
            .map_err(io_error("write", &self.path))?;
        self.hasher.update(block);
        self.bytes += block.len() as u64;
        Ok(())
    }

    /// Writes all there is to read.
    pub(super) fn write_all(&mut self, from: &mut impl Read, meter: &Meter) -> Result<(), Error> {
        let path = self.path.clone();
        each_block(from, &path, meter, |block| self.write(block))
    }

    /// Checks the whole and puts it in its place.
    pub(super) fn finish(self) -> Result<Pulled, Error> {
        if self.magic != MAGIC {
            return Err(Error::NotAModel);
        }
        let found = hex(&self.hasher.finalize());
        let store = self.store;
        let path = self.path;
        store.partial.sync_all().map_err(io_error("write", &path))?;
        fs::remove_file(store.note_path()).ok();
        if let Some(expected) = &store.expected
            && *expected != found
        {
            return Err(Error::WrongHash {
                expected: expected.clone(),
                found,
                kept: store.quarantine(&path)?,
            });
        }
        let whole = store.path();
        fs::rename(&path, &whole).map_err(io_error("put in place", &whole))?;
        let dir = File::open(&store.dir).map_err(io_error("open", &store.dir))?;
        dir.sync_all().map_err(io_error("write", &store.dir))?;
        Ok(store.pulled(self.bytes, found))
    }
}

/// Copies a file of this machine.
pub(super) async fn copy(
    store: Store,
    from: PathBuf,
    on_progress: OnProgress<'_>,
) -> Result<Pulled, Error> {
    let meta = fs::metadata(&from).map_err(io_error("open", &from))?;
    if !meta.is_file() {
        return Err(Error::NotAModel);
    }
    watched(Some(meta.len()), on_progress, move |meter| {
        let mut file = File::open(&from).map_err(io_error("open", &from))?;
        let mut saver = store.begin(Keeps::Nothing)?;
        saver.write_all(&mut file, &meter)?;
        saver.finish()
    })
    .await
}

/// Removes what there is of a half-fetched file.
pub(super) fn forget_partial(dir: &Path, name: &Checked) {
    let partial = partial_path(dir, name);
    // Neither has to be there.
    fs::remove_file(partial.with_extension("from")).ok();
    fs::remove_file(partial).ok();
}

fn partial_path(dir: &Path, name: &Checked) -> PathBuf {
    dir.join(format!(".{}.part", name.as_str()))
}

fn each_block(
    from: &mut impl Read,
    path: &Path,
    meter: &Meter,
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        if meter.is_stopped.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        let count = from.read(&mut block).map_err(io_error("read", path))?;
        if count == 0 {
            return Ok(());
        }
        take(&block[..count])?;
        meter.bytes.fetch_add(count as u64, Ordering::Relaxed);
    }
}

fn take_magic(magic: &mut Vec<u8>, block: &[u8]) {
    let missing = MAGIC.len() - magic.len();
    magic.extend_from_slice(&block[..missing.min(block.len())]);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
