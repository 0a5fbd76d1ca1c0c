//! Writing an archive, member by member.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::member;
use crate::{
    disk::{Disk, DiskFile, write_full},
    error::Error,
    limits::ARCHIVE_MEMBER_BYTES,
    segment::create_afresh,
};

/// An archive being written.
#[derive(Debug)]
pub(crate) struct ArchiveWriter {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    /// The text of the member to come.
    text: Vec<u8>,
    /// Where that begins.
    text_at: u64,
    /// The number of the last entry before it.
    before_seq: u64,
    last_seq: u64,
    packed: Packed,
}

/// What an archive holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Its size on disk.
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
    /// The checksum of all its text.
    pub(crate) crc: u32,
}

impl Packed {
    /// Counts a line.
    pub(crate) fn take(&mut self, line: &[u8]) {
        self.entries += 1;
        self.crc = crc32c::crc32c_append(crc32c::crc32c_append(self.crc, line), b"\n");
    }
}

impl ArchiveWriter {
    /// Begins one behind the entry of a number, in the place of what an interrupted attempt may have left.
    pub(crate) fn create(disk: &dyn Disk, path: &Path, before_seq: u64) -> Result<Self, Error> {
        Ok(Self {
            file: create_afresh(disk, path)?,
            path: path.to_path_buf(),
            text: Vec::new(),
            text_at: 0,
            before_seq,
            last_seq: before_seq,
            packed: Packed::default(),
        })
    }

    /// Adds a line.
    pub(crate) fn push(&mut self, seq: u64, line: &[u8]) -> Result<(), Error> {
        if !self.text.is_empty() && self.text.len() + line.len() >= ARCHIVE_MEMBER_BYTES {
            self.flush()?;
        }
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
        self.last_seq = seq;
        self.packed.take(line);
        Ok(())
    }

    /// Makes it durable, all but its name.
    pub(crate) fn finish(mut self) -> Result<Packed, Error> {
        if !self.text.is_empty() {
            self.flush()?;
        }
        let synced = self.file.datasync();
        synced.map_err(|error| Error::disk("sync", &self.path, error))?;
        Ok(self.packed)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let failed = |error| Error::disk("write", &self.path, error);
        let bytes = member::pack(&self.text, self.before_seq, self.text_at).map_err(failed)?;
        write_full(&*self.file, &bytes).map_err(failed)?;
        self.packed.bytes += bytes.len() as u64;
        self.text_at += self.text.len() as u64;
        self.before_seq = self.last_seq;
        self.text.clear();
        Ok(())
    }
}
