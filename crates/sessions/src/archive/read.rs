//! Reading an archive, member by member.

use std::{
    io::{self, BufRead, BufReader, Read},
    path::PathBuf,
    sync::Arc,
};

use flate2::bufread::MultiGzDecoder;

use super::{
    ArchiveFile,
    member::{self, HEADER_BYTES, Note},
};
use crate::{
    disk::{Disk, DiskFile, OpenMode, read_full},
    entry::{Fault, Line, scan},
    error::Error,
    limits::{LINE_BYTES_MAX, UNPACK_CHUNK_BYTES},
    segment::Layout,
    verify::Flaw,
};

/// An open archive.
#[derive(Debug)]
pub(crate) struct ArchiveReader {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    members: Vec<Member>,
    bytes: u64,
}

/// A part of an archive that is unpacked by itself.
#[derive(Debug, Clone, Copy)]
struct Member {
    offset: u64,
    len: u64,
    before_seq: u64,
    text: u64,
}

/// A line of an archive.
#[derive(Debug)]
pub(crate) struct PackedLine<'a> {
    /// The entry's number in its session.
    pub(crate) seq: u64,
    /// Where it begins in the text of the archive.
    pub(crate) offset: u64,
    /// Without newline.
    pub(crate) bytes: &'a [u8],
    /// What it says.
    pub(crate) line: Result<Line<'a>, Fault>,
}

impl ArchiveReader {
    /// Opens an archive and finds its members.
    pub(crate) fn open(
        disk: &dyn Disk,
        layout: &Layout,
        archive: &ArchiveFile,
    ) -> Result<Self, Error> {
        Self::at(disk, layout.archive(&archive.file), archive.first_seq)
    }

    /// Opens the file of an archive that begins with a number.
    pub(crate) fn at(disk: &dyn Disk, path: PathBuf, first_seq: u64) -> Result<Self, Error> {
        let file = disk
            .open(&path, OpenMode::Read)
            .map_err(|error| Error::disk("open", &path, error))?;
        let state = file.state();
        let bytes = state
            .map_err(|error| Error::disk("look at", &path, error))?
            .len;
        let members = members(&*file, bytes);
        let members = members.map_err(|error| Error::disk("read", &path, error))?;
        let whole = || {
            vec![Member {
                offset: 0,
                len: bytes,
                before_seq: first_seq.saturating_sub(1),
                text: 0,
            }]
        };
        Ok(Self {
            file,
            path,
            members: members.unwrap_or_else(whole),
            bytes,
        })
    }

    /// How many parts there are.
    pub(crate) const fn members(&self) -> usize {
        self.members.len()
    }

    /// The file's size.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it is.
    pub(crate) const fn path(&self) -> &PathBuf {
        &self.path
    }

    /// The part that holds the first entry with a higher number.
    pub(crate) fn member_behind(&self, seq: u64) -> usize {
        let behind = self
            .members
            .partition_point(|member| member.before_seq <= seq);
        behind.saturating_sub(1)
    }

    /// Unpacks one part and tells of its lines until the teller has enough; returns whether it wants more.
    ///
    /// # Errors
    /// The disk cannot be read, or the part cannot be unpacked.
    pub(crate) fn each(
        &self,
        member: usize,
        tell: &mut dyn FnMut(PackedLine<'_>) -> bool,
    ) -> Result<bool, Error> {
        let Some(&member) = self.members.get(member) else {
            return Ok(false);
        };
        self.unpack(member, tell)
            .map_err(|error| match error.kind() {
                kind @ (io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::UnexpectedEof) => Error::Damaged {
                    path: self.path.clone(),
                    offset: member.text,
                    source: Flaw::Packed(kind),
                },
                _ => Error::disk("read", &self.path, error),
            })
    }

    fn unpack(
        &self,
        member: Member,
        tell: &mut dyn FnMut(PackedLine<'_>) -> bool,
    ) -> io::Result<bool> {
        let source = Range {
            file: &*self.file,
            at: member.offset,
            end: member.offset + member.len,
        };
        let source = BufReader::with_capacity(UNPACK_CHUNK_BYTES, source);
        let text = MultiGzDecoder::new(source);
        let mut text = BufReader::with_capacity(UNPACK_CHUNK_BYTES, text);
        let (mut offset, mut seq) = (member.text, member.before_seq);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let limit = LINE_BYTES_MAX as u64 + 1;
            let read = (&mut text).take(limit).read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok(true);
            }
            if read > LINE_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            let line = scan(&bytes);
            let written = line.as_ref().map_or(0, |line| line.seq);
            seq = written.max(seq.saturating_add(1));
            let told = PackedLine {
                seq,
                offset,
                bytes: &bytes,
                line,
            };
            if !tell(told) {
                return Ok(false);
            }
            offset = offset.saturating_add(read as u64);
        }
    }
}

/// Follows the notes from member to member; `None` unless they lead exactly to the end.
fn members(file: &dyn DiskFile, len: u64) -> io::Result<Option<Vec<Member>>> {
    let mut members = Vec::new();
    let mut offset = 0;
    while offset < len {
        let mut header = [0; HEADER_BYTES];
        let read = read_full(file, offset, &mut header)?;
        let Some(note) = member::parse(&header[..read]) else {
            return Ok(None);
        };
        let Note {
            len: size,
            before_seq,
            text,
        } = note;
        let size = u64::from(size);
        if size < HEADER_BYTES as u64 || size > len - offset {
            return Ok(None);
        }
        members.push(Member {
            offset,
            len: size,
            before_seq,
            text,
        });
        offset += size;
    }
    Ok((!members.is_empty()).then_some(members))
}

/// A part of a file as a stream.
struct Range<'a> {
    file: &'a dyn DiskFile,
    at: u64,
    end: u64,
}

impl Read for Range<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = read_full(self.file, self.at, &mut buffer[..wanted])?;
        self.at += read as u64;
        Ok(read)
    }
}
