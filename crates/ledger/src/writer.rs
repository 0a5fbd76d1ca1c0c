//! Appending: one entry at a time, durable before it is acknowledged.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_types::Env;
use rustix::fs::{FlockOperation, OFlags};

use crate::{
    canonical,
    entry::{Entry, Event, ProposalId},
    error::Error,
    reader::Reader,
    verify::{self, Head},
};

/// A ledger that is appended to.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    env: Arc<dyn Env>,
    /// Locked for this process while it is open.
    file: File,
    head: Head,
    bytes: u64,
    is_poisoned: bool,
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The end of the chain.
    pub head: Head,
    /// Bytes behind the last whole line, which were cut off and kept in a file with `.torn` behind its name.
    pub torn_bytes: u64,
}

impl Ledger {
    /// Opens the file, and makes it when there is none; checks the whole chain, and cuts a torn tail off.
    ///
    /// # Errors
    /// When the chain is broken, another process has the file, or the disk refuses.
    pub fn open(path: &Path, env: Arc<dyn Env>) -> Result<(Self, Opened), Error> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or_else(|| Path::new("."));
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| Error::disk("make", dir, error))?;
        let file = open_append(path).map_err(|error| Error::disk("open", path, error))?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            match std::io::Error::from(error) {
                error if error.kind() == ErrorKind::WouldBlock => {
                    Error::InUse { path: path.into() }
                }
                error => Error::disk("lock", path, error),
            }
        })?;
        let report = verify::walk(BufReader::new(&file), None, drop)
            .map_err(|error| Error::disk("read", path, error))?;
        if let Some(fault) = report.fault {
            return Err(verify::broken(path, fault));
        }
        if report.torn_bytes > 0 {
            cut(path, &file, report.whole_bytes)
                .map_err(|error| Error::disk("mend", path, error))?;
        }
        let synced = file.sync_all().and_then(|()| File::open(dir)?.sync_all());
        synced.map_err(|error| Error::disk("sync", path, error))?;
        let opened = Opened {
            head: report.head.clone(),
            torn_bytes: report.torn_bytes,
        };
        let ledger = Self {
            path: path.into(),
            env,
            file,
            head: report.head,
            bytes: report.whole_bytes,
            is_poisoned: false,
        };
        Ok((ledger, opened))
    }

    /// Appends an event; it is on disk when this returns.
    ///
    /// # Errors
    /// When a field of it is wrong, or the disk refuses; nothing is appended then.
    pub fn append(&mut self, proposal: ProposalId, event: Event) -> Result<Entry, Error> {
        if self.is_poisoned {
            let path = self.path.clone();
            return Err(Error::Poisoned { path });
        }
        event.check()?;
        let mut entry = Entry {
            seq: self.head.seq + 1,
            at: self.env.now(),
            proposal,
            event,
            prev: self.head.hash.clone(),
            hash: String::new(),
        };
        let line = encoded(&mut entry).ok_or(Error::Field {
            field: "content",
            what: "can't be written as canonical JSON",
        })?;
        if let Err(error) = self.write(line.as_bytes()) {
            // A sync that failed may have dropped what the file seems to hold: only reading it again tells.
            self.is_poisoned = true;
            self.file.set_len(self.bytes).unwrap_or_default();
            return Err(Error::disk("append to", &self.path, error));
        }
        self.bytes += line.len() as u64;
        self.head = Head {
            seq: entry.seq,
            hash: entry.hash.clone(),
        };
        Ok(entry)
    }

    /// The end of the chain.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Reads what was appended.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(&self.path)
    }

    fn write(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.file.write_all(line)?;
        self.file.sync_data()
    }
}

/// The line of an entry, whose hash is filled in.
fn encoded(entry: &mut Entry) -> Option<String> {
    let mut value = serde_json::to_value(&*entry).ok()?;
    entry.hash = canonical::hash(&value)?;
    value
        .as_object_mut()?
        .insert(canonical::HASH.to_owned(), entry.hash.clone().into());
    let mut line = canonical::text(&value)?;
    line.push('\n');
    Some(line)
}

/// Keeps what is behind the last whole line in another file, and only then cuts it off.
fn cut(path: &Path, mut file: &File, whole_bytes: u64) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".torn");
    let mut aside = open_append(&path.with_file_name(name))?;
    file.seek(SeekFrom::Start(whole_bytes))?;
    let mut torn = Vec::new();
    // A tail is at most one entry, and what is longer is not worth keeping.
    let bytes_max = crate::limits::LINE_BYTES_MAX as u64;
    file.take(bytes_max).read_to_end(&mut torn)?;
    if !torn.ends_with(b"\n") {
        torn.push(b'\n');
    }
    aside.write_all(&torn)?;
    aside.sync_all()?;
    file.set_len(whole_bytes)
}

fn open_append(path: &Path) -> std::io::Result<File> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags)
        .open(path)
}
