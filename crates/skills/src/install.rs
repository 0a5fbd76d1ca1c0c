//! Bringing a skill in: planned first, with what would change, and then done in one step; nothing of it is run.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use openclaw_types::Env;
use rustix::fs::{CWD, RenameFlags};

use crate::{
    bundle,
    digest::{self, Files},
    error::Error,
    files,
    lock::{Lock, Locked},
    problem::Problem,
    skill::Skill,
    validate,
};

mod diff;

/// What installing would do.
#[derive(Debug)]
pub struct Plan {
    /// The skill as it would be.
    pub skill: Skill,
    /// What is not quite in order with it.
    pub warnings: Vec<Problem>,
    /// The digest that is installed now, if it is.
    pub installed: Option<String>,
    /// Whether the files that are there are not those that were installed.
    pub is_changed_since: bool,
    /// What would change, file by file and line by line; empty when nothing would.
    pub diff: String,
    dir: PathBuf,
    from: String,
    files: Files,
}

/// What was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The skill.
    pub name: String,
    /// Its digest, as it is in the lock.
    pub digest: String,
    /// What changed.
    pub diff: String,
    /// Whether another version was there before.
    pub is_update: bool,
}

impl Plan {
    /// Reads a directory, a `.tar.gz` or a `SKILL.md`, and says what installing it into `dir` would do.
    ///
    /// # Errors
    /// When it is not a skill, holds what a skill may not, or is not of the digest that is asked for.
    pub fn new(from: &Path, dir: &Path, expected: Option<&str>) -> Result<Self, Error> {
        let files = bundle::gather(from)?;
        let (skill, warnings) =
            validate::of_files(&files).map_err(|problems| Error::Problems { problems })?;
        if let Some(expected) = expected
            && expected.strip_prefix("sha256:").unwrap_or(expected)
                != skill.digest.strip_prefix("sha256:").unwrap_or_default()
        {
            return Err(Error::Digest {
                expected: expected.chars().take(80).collect(),
                found: skill.digest,
            });
        }
        let lock = Lock::read(dir)?;
        let target = dir.join(&skill.name);
        let locked = lock.skills.get(&skill.name);
        let before = if std::fs::symlink_metadata(&target).is_ok() {
            if locked.is_none() {
                return Err(Error::Occupied { path: target });
            }
            bundle::of_dir(&target)?
        } else {
            Files::new()
        };
        let installed = locked.map(|locked| locked.digest.clone());
        let is_changed_since = installed
            .as_ref()
            .is_some_and(|digest| *digest != digest::of_files(&before));
        Ok(Self {
            diff: diff::between(&before, &files),
            skill,
            warnings,
            installed,
            is_changed_since,
            dir: dir.into(),
            from: from.to_string_lossy().into_owned(),
            files,
        })
    }

    /// Puts the files in their place, all of them in one step, and the digest into the lock.
    ///
    /// # Errors
    /// When the disk refuses; what was there is there still.
    pub fn apply(self, env: &dyn Env) -> Result<Installed, Error> {
        let (dir, name) = (&self.dir, &self.skill.name);
        files::create_dir(dir).map_err(|error| Error::disk("make", dir, error))?;
        let _held = files::lock_dir(dir).map_err(|error| Error::disk("lock", dir, error))?;
        let mut lock = Lock::read(dir)?;
        let new = dir.join(format!(".new-{}", env.fresh_id()));
        let before = lock.clone();
        lock.skills.insert(name.clone(), self.locked(env));
        // The lock first: after a crash the old files are not those of the lock, and installing again mends that.
        let put = put(&new, &self.files).map_err(|error| Error::disk("write", &new, error));
        let put = put.and_then(|()| lock.write(dir)).and_then(|()| {
            let exchanged = exchange(&new, &dir.join(name));
            exchanged.map_err(|error| Error::disk("write", dir.join(name), error))
        });
        // After an exchange this is what was there before; after a failure, what was not finished.
        let removed = match std::fs::remove_dir_all(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        };
        if let Err(error) = put {
            lock = before;
            lock.write(dir)?;
            return Err(error);
        }
        let synced = removed.and_then(|()| files::sync_dir(dir));
        synced.map_err(|error| Error::disk("sync", dir, error))?;
        Ok(Installed {
            name: name.clone(),
            digest: self.skill.digest,
            diff: self.diff,
            is_update: self.installed.is_some(),
        })
    }
}

impl Plan {
    /// What the lock says of it.
    fn locked(&self, env: &dyn Env) -> Locked {
        let of_file = |(path, bytes): (&String, &Vec<u8>)| (path.clone(), digest::of_bytes(bytes));
        Locked {
            digest: self.skill.digest.clone(),
            version: self.skill.version.clone(),
            from: self.from.clone(),
            installed_ms: env.now().as_millis(),
            files: self.files.iter().map(of_file).collect::<BTreeMap<_, _>>(),
        }
    }
}

/// Removes an installed skill.
///
/// # Errors
/// When it was not installed, or the disk refuses.
pub fn remove(dir: &Path, name: &str, env: &dyn Env) -> Result<(), Error> {
    let unknown = || Error::Unknown {
        name: name.chars().take(64).collect(),
        nearest: None,
    };
    if !Lock::read(dir)?.skills.contains_key(name) {
        return Err(unknown());
    }
    let _held = files::lock_dir(dir).map_err(|error| Error::disk("lock", dir, error))?;
    let mut lock = Lock::read(dir)?;
    lock.skills.remove(name).ok_or_else(unknown)?;
    let old = dir.join(format!(".old-{}", env.fresh_id()));
    match std::fs::rename(dir.join(name), &old) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::disk("remove", dir.join(name), error));
        }
        Ok(()) | Err(_) => {}
    }
    lock.write(dir)?;
    match std::fs::remove_dir_all(&old) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::disk("remove", &old, error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes files into a new directory, durably; none can be executed.
fn put(dir: &Path, all: &Files) -> std::io::Result<()> {
    files::create_dir(dir)?;
    for (path, bytes) in all {
        let path = dir.join(path);
        let parent = path.parent().unwrap_or(dir);
        files::create_dir(parent)?;
        files::write_new(&path, bytes)?;
        files::sync_dir(parent)?;
    }
    files::sync_dir(dir)
}

/// Gives the new directory the name of the old one, which gets the new one's.
fn exchange(new: &Path, name: &Path) -> std::io::Result<()> {
    if std::fs::symlink_metadata(name).is_err() {
        return std::fs::rename(new, name);
    }
    Ok(rustix::fs::renameat_with(
        CWD,
        new,
        CWD,
        name,
        RenameFlags::EXCHANGE,
    )?)
}
