//! The file of virtual keys: read at start, replaced whole on every change.

use std::{
    collections::BTreeSet,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::{
    KEYS_MAX, KeyRecord, TeamRecord,
    form::{read_key, read_team, write_key, write_team},
};
use crate::{error::Error, files};

/// The version that is written; another is refused, since it may mean what this one does not know.
const VERSION: u64 = 1;
/// A larger file holds something else; it is not read into memory.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What the file holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Loaded {
    pub(crate) keys: Vec<KeyRecord>,
    pub(crate) teams: Vec<TeamRecord>,
    /// Fields this version does not know.
    pub(crate) extra: Map<String, Value>,
}

/// Reads the file; one that isn't there has no keys.
pub(crate) fn load(path: &Path) -> Result<Loaded, Error> {
    let mut bytes = Vec::new();
    match files::open_read(path) {
        Ok(file) => file
            .take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::disk("read", path, error))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::default()),
        Err(error) => return Err(Error::disk("open", path, error)),
    };
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(damaged(path, "it is far too large"));
    }
    parse(&bytes).map_err(|what| damaged(path, what))
}

/// Replaces the file.
pub(crate) fn save(path: &Path, loaded: &Loaded) -> Result<(), Error> {
    let mut root = Map::new();
    root.insert("version".to_owned(), json!(VERSION));
    root.insert(
        "keys".to_owned(),
        loaded.keys.iter().map(write_key).collect(),
    );
    root.insert(
        "teams".to_owned(),
        loaded.teams.iter().map(write_team).collect(),
    );
    root.extend(loaded.extra.clone());
    // A value without floats that aren't finite always has a text.
    let mut bytes = serde_json::to_vec_pretty(&root)
        .map_err(|error| Error::disk("encode", path, error.into()))?;
    bytes.push(b'\n');
    files::replace(path, &bytes).map_err(|error| Error::disk("replace", path, error))
}

/// How many bytes a record takes in the file.
pub(crate) fn record_bytes(record: &KeyRecord) -> usize {
    write_key(record).to_string().len()
}

fn damaged(path: &Path, what: impl Into<String>) -> Error {
    Error::KeysDamaged {
        path: PathBuf::from(path),
        what: what.into(),
    }
}

fn parse(bytes: &[u8]) -> Result<Loaded, String> {
    let mut root: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| format!("it is not JSON: {error}"))?;
    let version = root.shift_remove("version").unwrap_or_default();
    if version.as_u64() != Some(VERSION) {
        return Err(format!("its version is {version}, not {VERSION}"));
    }
    let keys = records(&mut root, "keys", read_key)?;
    let teams = records(&mut root, "teams", read_team)?;
    if keys.len() > KEYS_MAX {
        return Err(format!("it has {} keys, more than {KEYS_MAX}", keys.len()));
    }
    let ids: BTreeSet<_> = keys.iter().map(|key| &key.id).collect();
    let digests: BTreeSet<_> = keys.iter().map(|key| &key.digest).collect();
    // Which of two records holds would be chance, and chance may allow what was forbidden.
    if ids.len() < keys.len() || digests.len() < keys.len() {
        return Err("a key is in it twice".to_owned());
    }
    Ok(Loaded {
        keys,
        teams,
        extra: root,
    })
}

fn records<T>(
    root: &mut Map<String, Value>,
    name: &str,
    read: fn(Value) -> Result<T, &'static str>,
) -> Result<Vec<T>, String> {
    let list = match root.shift_remove(name) {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(format!("`{name}` is no list")),
    };
    list.into_iter()
        .enumerate()
        .map(|(at, value)| {
            read(value)
                .map_err(|field| format!("number {} of `{name}` has no readable `{field}`", at + 1))
        })
        .collect()
}

#[cfg(test)]
mod tests;
