//! Archives: whole sessions out of the way, packed, and still read.
//!
//! An archive is a gzip file of the very lines that stood in the transcript, so that `zgrep` finds in it what `grep`
//! would. It is made of members of about a megabyte of text, each a gzip file by itself; a note in a member's header
//! says how long it is and where its entries begin, so that the end of a long session is read without unpacking all.
//! A file without these notes, packed anew by somebody's tool, is read from its beginning.

use openclaw_types::{Role, SessionId, Timestamp};
use serde_json::{Value, json};

pub(crate) use self::{
    older::{Older, older_lines, read_older},
    read::{ArchiveReader, PackedLine},
    write::{ArchiveWriter, Packed},
};
use crate::{
    disk::Disk,
    entry::{Entry, Kind, Marker, OriginKind, decode},
    error::Error,
    index::preview,
    limits::SEQ_MAX,
    segment::Layout,
};

mod member;
mod older;
mod read;
mod write;

/// How the name of an archive ends.
const SUFFIX: &str = ".jsonl.gz";

/// One archive, and what is known of it without unpacking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArchiveFile {
    pub(crate) session: SessionId,
    /// Its name in the directory of archives.
    pub(crate) file: String,
    /// Its size on disk.
    pub(crate) bytes: u64,
    /// How many entries it holds.
    pub(crate) entries: u64,
    /// The number of the first one.
    pub(crate) first_seq: u64,
    /// The number of the last one.
    pub(crate) last_seq: u64,
    /// What the session's summary says at its end.
    pub(crate) created: Timestamp,
    pub(crate) last_activity: Timestamp,
    pub(crate) last_role: Role,
    pub(crate) owner: Option<OriginKind>,
    pub(crate) preview: String,
    /// The session's last commit marker, and its own number.
    pub(crate) marker: Option<(u64, Marker)>,
}

/// The name of a session's archive that ends with a number.
pub(crate) fn name(session: &SessionId, last_seq: u64) -> String {
    format!("{session}.{last_seq}{SUFFIX}")
}

/// The session and the last number that a name tells.
pub(crate) fn parse_name(name: &str) -> Option<(SessionId, u64)> {
    let (session, last_seq) = name.strip_suffix(SUFFIX)?.split_once('.')?;
    let plain = last_seq.bytes().all(|byte| byte.is_ascii_digit());
    let last_seq = last_seq.parse().ok();
    let last_seq = last_seq.filter(|seq| plain && (1..=SEQ_MAX).contains(seq))?;
    Some((SessionId::parse(session).ok()?, last_seq))
}

/// Finds out what an archive holds that no list knows; `None` if it can't be read as one.
pub(crate) fn look(
    disk: &dyn Disk,
    layout: &Layout,
    file: &str,
) -> Result<Option<ArchiveFile>, Error> {
    let Some((session, last_seq)) = parse_name(file) else {
        return Ok(None);
    };
    let mut found = ArchiveFile {
        session,
        file: file.to_owned(),
        bytes: 0,
        entries: 0,
        first_seq: 1,
        last_seq,
        created: Timestamp(0),
        last_activity: Timestamp(0),
        last_role: Role::System,
        owner: None,
        preview: String::new(),
        marker: None,
    };
    let read = ArchiveReader::open(disk, layout, &found).and_then(|reader| {
        found.bytes = reader.bytes();
        for member in 0..reader.members() {
            reader.each(member, &mut |line| {
                found.take(&line);
                true
            })?;
        }
        Ok(())
    });
    match read {
        Err(Error::Damaged { path, source, .. }) => {
            tracing::warn!(path = %path.display(), fault = %source, "an archive that is in no list can't be read");
            Ok(None)
        }
        Err(error) => Err(error),
        Ok(()) => Ok((found.entries > 0).then_some(found)),
    }
}

impl ArchiveFile {
    /// Learns from one of its lines.
    fn take(&mut self, line: &PackedLine<'_>) {
        let Ok(entry) = decode(line.bytes) else {
            return;
        };
        if entry.session != self.session || line.seq > SEQ_MAX {
            return;
        }
        let owner = entry.origin.as_ref().map(|origin| origin.kind);
        if self.entries == 0 {
            self.first_seq = line.seq;
            self.created = entry.timestamp;
            self.last_role = entry.role;
            self.owner = owner;
        } else if owner == Some(OriginKind::Operator) {
            self.owner = owner;
        }
        self.entries += 1;
        self.last_seq = self.last_seq.max(line.seq);
        self.note(&entry, line.seq);
    }

    fn note(&mut self, entry: &Entry, seq: u64) {
        if entry.kind != Kind::Commit || self.entries == 1 {
            self.last_activity = entry.timestamp;
        }
        if entry.kind == Kind::Message {
            self.last_role = entry.role;
            self.preview = preview(&entry.content).into();
        }
        if let Some(marker) = Marker::of(entry).filter(|marker| marker.through < seq) {
            self.marker = Some((seq, marker));
        }
    }

    /// As it stands in the list.
    pub(crate) fn to_value(&self) -> Value {
        let marker = self.marker.map(|(seq, marker)| {
            let mut value = marker.to_value();
            value["seq"] = json!(seq);
            value
        });
        json!({
            "session": self.session.as_str(),
            "file": self.file,
            "bytes": self.bytes,
            "entries": self.entries,
            "firstSeq": self.first_seq,
            "lastSeq": self.last_seq,
            "created": self.created.as_millis(),
            "lastActivity": self.last_activity.as_millis(),
            "lastRole": self.last_role.as_str(),
            "owner": self.owner.map(OriginKind::as_str),
            "preview": self.preview,
            "commit": marker,
        })
    }

    /// Reads it back from the list.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let number = |key: &str| value.get(key)?.as_u64();
        let time = |key: &str| Some(Timestamp(value.get(key)?.as_i64()?));
        let file = value.get("file")?.as_str()?;
        let (session, named) = parse_name(file)?;
        let last_seq = number("lastSeq").filter(|seq| (named..=SEQ_MAX).contains(seq))?;
        let marker = value.get("commit").filter(|marker| !marker.is_null());
        let marker = match marker {
            Some(marker) => Some((marker.get("seq")?.as_u64()?, Marker::from_value(marker)?)),
            None => None,
        };
        let owner = value.get("owner").and_then(Value::as_str);
        Some(Self {
            session,
            file: file.to_owned(),
            bytes: number("bytes").filter(|&bytes| bytes <= SEQ_MAX)?,
            entries: number("entries").filter(|&count| (1..=last_seq).contains(&count))?,
            first_seq: number("firstSeq").filter(|seq| (1..=last_seq).contains(seq))?,
            last_seq,
            created: time("created")?,
            last_activity: time("lastActivity")?,
            last_role: Role::parse(value.get("lastRole")?.as_str()?)?,
            owner: owner.and_then(OriginKind::parse),
            preview: value.get("preview")?.as_str()?.to_owned(),
            marker,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_which_session_and_up_to_where() {
        let session = SessionId::parse("agent:main:x").unwrap();
        assert_eq!(name(&session, 12), "agent:main:x.12.jsonl.gz");
        assert_eq!(parse_name("agent:main:x.12.jsonl.gz"), Some((session, 12)));
        for bad in [
            "x.jsonl.gz",
            "x.0.jsonl.gz",
            "x.1.jsonl",
            "x.+1.jsonl.gz",
            "x.1.2.jsonl.gz",
            ".1.jsonl.gz",
            "x.1.jsonl.gz.next",
        ] {
            assert_eq!(parse_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_listed_is_read_back() {
        let marker = Marker {
            entries: 3,
            through: 6,
            sha256: [7; 32],
        };
        let mut archive = ArchiveFile {
            session: SessionId::parse("s").unwrap(),
            file: "s.7.jsonl.gz".to_owned(),
            bytes: 99,
            entries: 4,
            first_seq: 3,
            last_seq: 7,
            created: Timestamp(-5),
            last_activity: Timestamp(1_711_843_200_000),
            last_role: Role::Assistant,
            owner: Some(OriginKind::Operator),
            preview: "a \"b\"".to_owned(),
            marker: Some((7, marker)),
        };
        assert_eq!(
            ArchiveFile::from_value(&archive.to_value()),
            Some(archive.clone())
        );
        (archive.marker, archive.owner) = (None, None);
        assert_eq!(
            ArchiveFile::from_value(&archive.to_value()),
            Some(archive.clone())
        );
        let mut value = archive.to_value();
        value["file"] = json!("../s.7.jsonl.gz");
        assert_eq!(ArchiveFile::from_value(&value), None);
    }
}
