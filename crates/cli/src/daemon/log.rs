//! The log of a gateway in the background: opened, read from its end, followed.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use crate::error::Failure;

/// As much of the end as is looked at for lines: thousands of them, read in an instant.
const TAIL_BYTES: u64 = 1024 * 1024;
/// As much as is read of what was added at once.
const ADDED_BYTES: u64 = 1024 * 1024;
/// A log that is larger when a gateway starts is put aside, so that two of this size is all it ever takes.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Opens the log to be appended to; one that grew large is put aside first, replacing the last one put aside.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    let failed =
        |error: io::Error| Failure::new(format!("open the log {}: {error}", path.display()));
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX) {
        std::fs::rename(path, path.with_extension("log.1")).map_err(failed)?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)
}

/// The last lines of a file; nothing where there is none.
pub(crate) fn tail(path: &Path, lines: usize) -> Vec<String> {
    since(path, 0, lines)
}

/// The last lines of what was added since the file had this length.
pub(crate) fn since(path: &Path, length: u64, lines: usize) -> Vec<String> {
    let text = last_bytes(path, length).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all.iter()
        .skip(all.len().saturating_sub(lines))
        .map(|line| (*line).to_owned())
        .collect()
}

fn last_bytes(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let limit = length.saturating_sub(TAIL_BYTES);
    let _at = file.seek(SeekFrom::Start(from.max(limit)))?;
    let mut bytes = Vec::new();
    let _length = file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    if limit > from {
        // The first line is cut.
        let end = bytes.iter().position(|byte| *byte == b'\n');
        drop(bytes.drain(..end.map_or(0, |end| end + 1)));
    }
    Ok(bytes)
}

/// What is added to a log from now on, whole lines only.
#[derive(Debug)]
pub(crate) struct Follower<'a> {
    path: &'a Path,
    file: File,
    at: u64,
}

impl<'a> Follower<'a> {
    /// Begins at the end.
    pub(crate) fn new(path: &'a Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let at = file.seek(SeekFrom::End(0))?;
        Ok(Self { path, file, at })
    }

    /// The whole lines added since the last look.
    pub(crate) fn added(&mut self) -> io::Result<String> {
        if self.is_replaced() {
            self.file = File::open(self.path)?;
            self.at = 0;
        }
        let _at = self.file.seek(SeekFrom::Start(self.at))?;
        let mut bytes = Vec::new();
        let _read = (&self.file).take(ADDED_BYTES).read_to_end(&mut bytes)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        bytes.truncate(whole);
        self.at += u64::try_from(whole).unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether the path leads to another file now, or to a shorter one.
    fn is_replaced(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let Ok(there) = std::fs::metadata(self.path) else {
            return false;
        };
        let here = self.file.metadata().map(|metadata| metadata.ino());
        here.is_ok_and(|inode| inode != there.ino()) || there.len() < self.at
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::*;

    #[test]
    fn the_tail_is_the_last_lines_whatever_the_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.log");
        assert_eq!(tail(&path, 2), [""; 0]);
        fs::write(&path, b"one\ntwo\n\xffthree\n").unwrap();
        assert_eq!(tail(&path, 2), ["two", "\u{fffd}three"]);
        assert_eq!(since(&path, 4, 9), ["two", "\u{fffd}three"]);
        assert_eq!(since(&path, 99, 9), [""; 0]);
        let long = "x".repeat(usize::try_from(TAIL_BYTES).unwrap());
        fs::write(&path, format!("{long}\nlast\n")).unwrap();
        assert_eq!(tail(&path, 10), ["last"]);
    }

    #[test]
    fn a_follower_prints_whole_lines_and_follows_a_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.log");
        fs::write(&path, "old\n").unwrap();
        let mut follower = Follower::new(&path).unwrap();
        let mut log = open(&path).unwrap();
        log.write_all("new\nha".as_bytes()).unwrap();
        assert_eq!(follower.added().unwrap(), "new\n");
        log.write_all("lf\n".as_bytes()).unwrap();
        assert_eq!(follower.added().unwrap(), "half\n");
        fs::rename(&path, dir.path().join("aside")).unwrap();
        fs::write(&path, "again\n").unwrap();
        assert_eq!(follower.added().unwrap(), "again\n");
        assert_eq!(follower.added().unwrap(), "");
    }

    #[test]
    fn a_large_log_is_put_aside_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.log");
        let file = open(&path).unwrap();
        file.set_len(LOG_BYTES_MAX).unwrap();
        drop(open(&path).unwrap());
        assert!(!dir.path().join("gateway.log.1").exists());
        file.set_len(LOG_BYTES_MAX + 1).unwrap();
        drop(open(&path).unwrap());
        assert!(dir.path().join("gateway.log.1").exists());
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }
}
