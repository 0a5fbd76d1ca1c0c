//! A model file's place: locked against other processes, looked at, put aside when it is wrong.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    ENDING, Error, OnProgress, Pulled,
    saver::Keeps,
    work::{each_block, watched},
};

/// Longest name of a model.
const NAME_BYTES_MAX: usize = 120;

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

pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        action,
        path,
        source,
    }
}

/// One model file's place, locked against other processes.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) dir: PathBuf,
    pub(super) name: Checked,
    pub(super) expected: Option<String>,
    // Dropping it unlocks it.
    pub(super) partial: File,
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

    pub(super) fn path(&self) -> PathBuf {
        self.dir.join(format!("{}.{ENDING}", self.name.as_str()))
    }

    pub(super) fn pulled(&self, bytes: u64, sha256: String) -> Pulled {
        Pulled {
            name: self.name.as_str().to_owned(),
            path: self.path(),
            bytes,
            sha256,
        }
    }

    /// Puts a wrong file aside, where it replaces an older one.
    pub(super) fn quarantine(&self, path: &Path) -> Result<PathBuf, Error> {
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

pub(super) fn partial_path(dir: &Path, name: &Checked) -> PathBuf {
    dir.join(format!(".{}.part", name.as_str()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
