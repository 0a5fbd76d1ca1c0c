//! The files of a skill that is to be installed, gathered in memory and judged before anything is written.

use std::{
    fs::File,
    io::{self, Read},
    path::{Component, Path},
};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use crate::{
    SKILL_FILE,
    digest::Files,
    error::Error,
    files::{self, Found},
    limits::{
        ARCHIVE_BYTES_MAX, FILE_BYTES_MAX, FILES_MAX, PATH_BYTES_MAX, PATH_DEPTH_MAX,
        TOTAL_BYTES_MAX,
    },
};

/// Files that come together.
#[derive(Debug, Default)]
struct Gathered {
    files: Files,
    bytes: u64,
    folded: std::collections::BTreeSet<String>,
}

/// Gathers from a directory, a `.tar.gz`, or a single `SKILL.md`.
pub(crate) fn gather(from: &Path) -> Result<Files, Error> {
    let found = std::fs::metadata(from).map_err(|error| Error::disk("read", from, error))?;
    let name = from
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    if found.is_dir() {
        return of_dir(from);
    }
    if found.is_file() && (lower.ends_with(".tar.gz") || lower.ends_with(".tgz")) {
        return archive(from);
    }
    if found.is_file() && name == SKILL_FILE {
        let mut gathered = Gathered::default();
        gathered.add(SKILL_FILE, from)?;
        return Ok(gathered.files);
    }
    Err(Error::Source { path: from.into() })
}

/// Gathers a directory; version control's own directory is left out.
pub(crate) fn of_dir(from: &Path) -> Result<Files, Error> {
    let mut gathered = Gathered::default();
    let mut open = vec![(from.to_owned(), String::new())];
    while let Some((dir, prefix)) = open.pop() {
        let entries = std::fs::read_dir(&dir).map_err(|error| Error::disk("read", &dir, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| Error::disk("read", &dir, error))?;
            let name = entry.file_name();
            if prefix.is_empty() && name == ".git" {
                continue;
            }
            let name = name
                .to_str()
                .ok_or_else(|| refused(&name.to_string_lossy(), "has a name that is not UTF-8"))?;
            let path = format!("{prefix}{name}");
            let kind = entry
                .file_type()
                .map_err(|error| Error::disk("read", entry.path(), error))?;
            if kind.is_dir() {
                checked(Path::new(&path))?;
                open.push((entry.path(), format!("{path}/")));
            } else if kind.is_file() {
                gathered.add(&path, &entry.path())?;
            } else {
                return Err(refused(&path, "is neither a file nor a directory"));
            }
            if open.len() > FILES_MAX {
                return Err(too_much("directories", FILES_MAX as u64));
            }
        }
    }
    Ok(gathered.files)
}

fn archive(from: &Path) -> Result<Files, Error> {
    let file = File::open(from).map_err(|error| Error::disk("open", from, error))?;
    let mut archive = Archive::new(Bounded {
        from: MultiGzDecoder::new(file),
        left: ARCHIVE_BYTES_MAX,
        is_over: false,
    });
    let result = unpacked(&mut archive, from);
    if archive.into_inner().is_over {
        return Err(too_much("bytes when unpacked", ARCHIVE_BYTES_MAX));
    }
    stripped(result?)
}

fn unpacked(
    archive: &mut Archive<Bounded<MultiGzDecoder<File>>>,
    from: &Path,
) -> Result<Files, Error> {
    let damaged = |source| Error::Archive {
        path: from.into(),
        source,
    };
    let mut gathered = Gathered::default();
    let mut count = 0;
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        count += 1;
        if count > 2 * FILES_MAX {
            return Err(too_much("entries", 2 * FILES_MAX as u64));
        }
        let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|error| {
            refused(
                &String::from_utf8_lossy(error.as_bytes()),
                "has a name that is not UTF-8",
            )
        })?;
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => continue,
            EntryType::Directory => {
                checked(Path::new(&name))?;
                continue;
            }
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Symlink | EntryType::Link => return Err(refused(&name, "is a link")),
            _ => return Err(refused(&name, "is neither a file nor a directory")),
        }
        let mut bytes = Vec::new();
        (&mut entry)
            .take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(damaged)?;
        gathered.keep(&name, bytes)?;
    }
    Ok(gathered.files)
}

/// Without the one directory that everything is in, as most archives have it.
fn stripped(files: Files) -> Result<Files, Error> {
    if files.contains_key(SKILL_FILE) {
        return Ok(files);
    }
    let first = files.keys().next().and_then(|path| path.split_once('/'));
    let Some(top) = first.map(|(top, _)| format!("{top}/")) else {
        return Ok(files);
    };
    if !files.keys().all(|path| path.starts_with(&top)) {
        return Ok(files);
    }
    let strip = |(path, bytes): (String, Vec<u8>)| {
        (path.get(top.len()..).unwrap_or_default().to_owned(), bytes)
    };
    Ok(files.into_iter().map(strip).collect())
}

impl Gathered {
    fn add(&mut self, path: &str, from: &Path) -> Result<(), Error> {
        match files::read(from, FILE_BYTES_MAX).map_err(|error| Error::disk("read", from, error))? {
            Found::Bytes(bytes) => self.keep(path, bytes),
            Found::TooLarge => Err(too_much("bytes in a file", FILE_BYTES_MAX)),
            Found::Odd => Err(refused(
                path,
                "is a link, or has a second name somewhere else",
            )),
            Found::Nothing => Err(refused(path, "went away while it was read")),
        }
    }

    fn keep(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let path = checked(Path::new(path))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(too_much("bytes in a file", FILE_BYTES_MAX));
        }
        self.bytes += bytes.len() as u64;
        if self.bytes > TOTAL_BYTES_MAX {
            return Err(too_much("bytes", TOTAL_BYTES_MAX));
        }
        if self.files.len() >= FILES_MAX {
            return Err(too_much("files", FILES_MAX as u64));
        }
        // Two names that differ in case only are one file on some systems.
        if !self.folded.insert(path.to_lowercase()) {
            return Err(refused(&path, "is there twice"));
        }
        self.files.insert(path, bytes);
        Ok(())
    }
}

/// A path that stays within, in its plain form.
fn checked(path: &Path) -> Result<String, Error> {
    let shown = path.to_string_lossy();
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => {
                let part = part.to_str().unwrap_or_default();
                if part.contains(char::is_control) || part.contains('\\') {
                    return Err(refused(
                        &shown,
                        "has control characters or a `\\` in its name",
                    ));
                }
                parts.push(part);
            }
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(refused(&shown, "leads out of the skill"));
            }
        }
    }
    let plain = parts.join("/");
    if parts.len() > PATH_DEPTH_MAX || plain.len() > PATH_BYTES_MAX {
        return Err(refused(&shown, "is too deep, or has too long a name"));
    }
    Ok(plain)
}

fn refused(entry: &str, what: &'static str) -> Error {
    let entry = entry
        .chars()
        .take(PATH_BYTES_MAX)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c });
    Error::Entry {
        entry: entry.collect(),
        what,
    }
}

const fn too_much(what: &'static str, max: u64) -> Error {
    Error::TooMuch { what, max }
}

/// A reader that ends after so many bytes, and knows that it did.
struct Bounded<R> {
    from: R,
    left: u64,
    is_over: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            self.is_over = true;
            return Ok(0);
        }
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(into.len());
        let read = self.from.read(into.get_mut(..most).unwrap_or_default())?;
        self.left -= read as u64;
        Ok(read)
    }
}
