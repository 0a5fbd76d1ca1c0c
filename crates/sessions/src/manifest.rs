//! The list of an agent's files beside the active segment: sealed segments, archives, and what is to be deleted.
//!
//! It is replaced in one step, and that step is what makes a rewrite happen or not. Without it, or where it says
//! nothing of a kind of file, the directories are the list: losing it loses no transcript.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use crate::{
    archive::{self, ArchiveFile},
    disk::{Disk, OpenMode, read_full, write_full},
    error::Error,
    limits::MANIFEST_BYTES_MAX,
    segment::{Layout, SealedSegment, create_afresh},
};

/// The list.
const MANIFEST: &str = "manifest.json";
/// The list to be.
const MANIFEST_NEXT: &str = "manifest.json.next";

/// What there is beside the active segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// In order.
    pub(crate) segments: Vec<SealedSegment>,
    /// By session, and in order within one.
    pub(crate) archives: Vec<Arc<ArchiveFile>>,
    /// Files that a rewrite left behind, or might have: `sessions/NAME` or `archive/NAME`.
    pub(crate) obsolete: Vec<String>,
}

/// Reads the list, as far as the files it names are there, and with what the directories have besides.
pub(crate) fn read(disk: &dyn Disk, layout: &Layout) -> Result<Manifest, Error> {
    let names = list(disk, &layout.sealed_dir())?;
    let mut noted = match names.is_empty() {
        true => Noted::default(),
        false => read_noted(disk, &layout.sealed_dir().join(MANIFEST))?,
    };
    let files: BTreeSet<&str> = (names.iter())
        .filter_map(|path| path.file_name()?.to_str())
        .collect();
    if noted.is_outdated(&files) {
        tracing::warn!(dir = %layout.sealed_dir().display(), "the list of sealed segments is older than the files; nothing it calls obsolete is deleted");
        noted.obsolete.clear();
    }
    let segments = segments(&mut noted, &files);
    let archives = archives(disk, layout, &mut noted)?;
    Ok(Manifest {
        segments,
        archives,
        obsolete: noted.obsolete,
    })
}

/// What the file says.
#[derive(Default)]
struct Noted {
    segments: Vec<SealedSegment>,
    archives: Vec<Arc<ArchiveFile>>,
    obsolete: Vec<String>,
}

impl Noted {
    /// Whether files have been replaced since it was written, as when it came back from a backup. What it was about to
    /// replace them with may be all there is.
    ///
    /// The last one may simply not be there yet: it is listed before it gets its name.
    fn is_outdated(&self, files: &BTreeSet<&str>) -> bool {
        let last = self.segments.iter().map(|segment| segment.number).max();
        let mut missing = (self.segments.iter())
            .filter(|segment| !files.contains(segment.file.as_str()))
            .map(|segment| segment.number);
        let numbers = files.iter().filter_map(|name| generation_of(name));
        let there: BTreeSet<u32> = numbers.map(|(number, _)| number).collect();
        missing.any(|number| Some(number) != last || there.contains(&number))
    }
}

fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<PathBuf>, Error> {
    match disk.list(dir) {
        Ok(paths) => Ok(paths),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::disk("list", dir, error)),
    }
}

/// The sealed segments: the listed ones, those with higher numbers than the list knows, and those that have replaced
/// listed ones.
fn segments(noted: &mut Noted, files: &BTreeSet<&str>) -> Vec<SealedSegment> {
    let mut segments = std::mem::take(&mut noted.segments);
    let listed_max = segments.iter().map(|segment| segment.number).max();
    let mut missing = BTreeSet::new();
    segments.retain(|segment| {
        let is_there = files.contains(segment.file.as_str());
        if !is_there {
            missing.insert(segment.number);
        }
        is_there
    });
    // Of several generations of one segment the last one has been written whole: it got its name only then.
    let mut newest: BTreeMap<u32, (u32, &str)> = BTreeMap::new();
    for &name in files {
        let obsolete = || noted.obsolete.contains(&Layout::obsolete_segment(name));
        let Some((number, generation)) = generation_of(name).filter(|_| !obsolete()) else {
            continue;
        };
        let found = newest.entry(number).or_insert((generation, name));
        *found = (*found).max((generation, name));
    }
    for (number, (_, name)) in newest {
        if missing.contains(&number) || listed_max.is_none_or(|max| number > max) {
            segments.push(SealedSegment {
                number,
                file: name.to_owned(),
                bytes: None,
            });
        }
    }
    segments.sort_by_key(|segment| segment.number);
    segments
}

/// The archives: the listed ones, and those somebody put there or a lost list named.
fn archives(
    disk: &dyn Disk,
    layout: &Layout,
    noted: &mut Noted,
) -> Result<Vec<Arc<ArchiveFile>>, Error> {
    let names = list(disk, &layout.archive_dir())?;
    let mut files: BTreeSet<&str> = (names.iter())
        .filter_map(|path| path.file_name()?.to_str())
        .collect();
    let mut archives = std::mem::take(&mut noted.archives);
    // What is left then is not listed.
    archives.retain(|archive| files.remove(archive.file.as_str()));
    for name in files {
        let obsolete = noted.obsolete.contains(&Layout::obsolete_archive(name));
        if obsolete || archive::parse_name(name).is_none() {
            continue;
        }
        if let Some(found) = archive::look(disk, layout, name)? {
            archives.push(Arc::new(found));
        }
    }
    archives.sort_by(|a, b| (&a.session, a.last_seq).cmp(&(&b.session, b.last_seq)));
    Ok(archives)
}

/// `0001.jsonl` to 1 and its first generation, `0001.2.jsonl` to 1 and its second.
pub(crate) fn generation_of(name: &str) -> Option<(u32, u32)> {
    let stem = name.strip_suffix(".jsonl")?;
    let (digits, generation) = stem.split_once('.').unwrap_or((stem, "1"));
    if digits.len() < 4 {
        return None;
    }
    Some((number(digits)?, number(generation)?))
}

fn number(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    // A number that none can follow is none.
    let number = digits.parse().ok();
    number.filter(|number| plain && (1..u32::MAX).contains(number))
}

fn read_noted(disk: &dyn Disk, path: &Path) -> Result<Noted, Error> {
    let Some(value) = read_value(disk, path)? else {
        return Ok(Noted::default());
    };
    let segments = value.get("segments").and_then(Value::as_array);
    let segments = segments.and_then(|all| all.iter().map(parse_segment).collect());
    let Some(segments) = segments else {
        tracing::warn!(path = %path.display(), "the list of sealed segments is unreadable; the directory is used");
        return Ok(Noted::default());
    };
    let each = |key: &str| {
        value
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    Ok(Noted {
        segments,
        // One that can't be understood is looked at instead.
        archives: (each("archives").filter_map(ArchiveFile::from_value))
            .map(Arc::new)
            .collect(),
        obsolete: (each("obsolete").filter_map(Value::as_str))
            .map(str::to_owned)
            .collect(),
    })
}

fn read_value(disk: &dyn Disk, path: &Path) -> Result<Option<Map<String, Value>>, Error> {
    let file = match disk.open(path, OpenMode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::disk("open", path, error)),
    };
    let state = file.state();
    let len = state
        .map_err(|error| Error::disk("look at", path, error))?
        .len;
    let mut bytes = vec![0; usize::try_from(len.min(MANIFEST_BYTES_MAX)).unwrap_or_default()];
    let len = read_full(&*file, 0, &mut bytes).map_err(|error| Error::disk("read", path, error))?;
    bytes.truncate(len);
    Ok(Some(serde_json::from_slice(&bytes).unwrap_or_default()))
}

fn parse_segment(value: &Value) -> Option<SealedSegment> {
    let file = value.get("file")?.as_str()?;
    Some(SealedSegment {
        number: u32::try_from(value.get("number")?.as_u64()?)
            .ok()
            .filter(|number| (1..u32::MAX).contains(number))?,
        file: is_plain(file).then(|| file.to_owned())?,
        bytes: value.get("bytes").and_then(Value::as_u64),
    })
}

/// Whether a name that is joined to a directory stays in it.
pub(crate) fn is_plain(name: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
}

/// Replaces the list, durably. What another version noted in it stays.
pub(crate) fn write(disk: &dyn Disk, layout: &Layout, manifest: &Manifest) -> Result<(), Error> {
    let dir = layout.sealed_dir();
    let path = dir.join(MANIFEST);
    let mut noted = read_value(disk, &path)?.unwrap_or_default();
    noted.entry("version").or_insert_with(|| json!(1));
    let known = noted.get("segments").cloned().unwrap_or_default();
    let segments = manifest.segments.iter();
    noted.insert(
        "segments".to_owned(),
        segments.map(|segment| listed(segment, &known)).collect(),
    );
    let archives = manifest.archives.iter();
    noted.insert(
        "archives".to_owned(),
        archives.map(|archive| archive.to_value()).collect(),
    );
    noted.insert("obsolete".to_owned(), json!(manifest.obsolete()));
    let mut text = Value::Object(noted).to_string();
    text.push('\n');
    let next = dir.join(MANIFEST_NEXT);
    let file = create_afresh(disk, &next)?;
    write_full(&*file, text.as_bytes()).map_err(|error| Error::disk("write", &next, error))?;
    file.datasync()
        .map_err(|error| Error::disk("sync", &next, error))?;
    disk.rename(&next, &path)
        .map_err(|error| Error::disk("replace", &path, error))?;
    disk.sync_dir(&dir)
        .map_err(|error| Error::disk("sync", &dir, error))
}

/// A segment as it is listed, with what else was noted of it.
fn listed(segment: &SealedSegment, known: &Value) -> Value {
    let mut known = known.as_array().into_iter().flatten();
    let found = known.find(|known| known["file"] == segment.file.as_str());
    let noted = found.and_then(Value::as_object);
    let mut noted = noted.cloned().unwrap_or_default();
    noted.insert("number".to_owned(), json!(segment.number));
    noted.insert("file".to_owned(), json!(segment.file));
    noted.insert("bytes".to_owned(), json!(segment.bytes));
    Value::Object(noted)
}

impl Manifest {
    /// What may be deleted: never what is listed.
    fn obsolete(&self) -> Vec<&str> {
        let kept = |name: &str| {
            let mut segments = self.segments.iter();
            let mut archives = self.archives.iter();
            segments.any(|segment| Layout::obsolete_segment(&segment.file) == name)
                || archives.any(|archive| Layout::obsolete_archive(&archive.file) == name)
        };
        let names = self.obsolete.iter().map(String::as_str);
        names.filter(|name| !kept(name)).collect()
    }

    /// Deletes what is obsolete, and forgets it. What can't be deleted now is tried again with the next rewrite or at
    /// the next start; it is returned why.
    pub(crate) fn sweep(&mut self, disk: &dyn Disk, layout: &Layout) -> Option<Error> {
        let names = self.obsolete().into_iter().map(str::to_owned);
        self.obsolete = names.collect();
        let mut refused = None;
        self.obsolete.retain(|name| {
            let Some(path) = layout.obsolete_path(name) else {
                return false;
            };
            // It may have been about to get that name.
            let removed = remove(disk, &next_to(&path)).and_then(|()| remove(disk, &path));
            let Err(error) = removed else {
                return false;
            };
            tracing::warn!(path = %path.display(), error = &error as &dyn std::error::Error, "a file of a former version of a transcript stays");
            refused = Some(error);
            true
        });
        refused
    }
}

/// The name under which a file is written before it gets its own.
pub(crate) fn next_to(path: &Path) -> PathBuf {
    let mut next = path.as_os_str().to_owned();
    next.push(".next");
    PathBuf::from(next)
}

/// Removes a file that need not be there.
fn remove(disk: &dyn Disk, path: &Path) -> Result<(), Error> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::disk("remove", path, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_told_by_their_names() {
        for (name, expected) in [
            ("0001.jsonl", Some((1, 1))),
            ("0001.2.jsonl", Some((1, 2))),
            ("12345.17.jsonl", Some((12_345, 17))),
            ("001.jsonl", None),
            ("0000.jsonl", None),
            ("0001.0.jsonl", None),
            ("0001.+2.jsonl", None),
            ("0001.2.3.jsonl", None),
            ("0001.2.jsonl.next", None),
            ("+0001.jsonl", None),
        ] {
            assert_eq!(generation_of(name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_leads_out_of_its_directory_is_none() {
        for name in ["", ".", "..", "a/b", "../a", "/a", "a\0", "a\\b"] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(is_plain("agent:main:x.12.jsonl.gz"));
    }
}
