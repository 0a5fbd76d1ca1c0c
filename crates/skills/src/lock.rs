//! What was installed, with its digest: `skills.lock.json` beside the installed skills.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{error::Error, settings};

const VERSION: u64 = 1;
const FILE: &str = "skills.lock.json";

/// One installed skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Locked {
    /// The digest of its files.
    pub digest: String,
    /// Its version, in its own words.
    pub version: Option<String>,
    /// Where it came from, for people.
    pub from: String,
    /// When, in milliseconds since 1970.
    pub installed_ms: i64,
    /// The digest of each file.
    pub files: BTreeMap<String, String>,
}

/// All installed skills.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u64,
    /// By name.
    pub skills: BTreeMap<String, Locked>,
}

impl Lock {
    /// Reads the lock of a directory of skills; without a file nothing was installed.
    ///
    /// # Errors
    /// When the file is not ours, or the disk refuses.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let lock: Self = match settings::read_json(&path)? {
            Some(lock) => lock,
            None => return Ok(Self::default()),
        };
        if lock.version != VERSION {
            return Err(Error::Foreign { path, source: None });
        }
        Ok(lock)
    }

    pub(crate) fn write(&mut self, dir: &Path) -> Result<(), Error> {
        self.version = VERSION;
        settings::write_json(&dir.join(FILE), self)
    }
}
