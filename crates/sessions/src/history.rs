//! Every line of one session in order, as the files hold it.

use std::{path::Path, sync::Arc};

use openclaw_types::SessionId;

use crate::{
    agent::{EntryReader, View},
    archive::{ArchiveFile, ArchiveReader},
    disk::Disk,
    entry::{Kind, scan},
    error::Error,
    index::Place,
    segment::Layout,
    verify::Flaw,
};

/// The lines of one session as they were when it was asked for, independent of the view from then on.
#[derive(Debug)]
pub(crate) struct History {
    archives: Vec<Arc<ArchiveFile>>,
    after_seq: u64,
    places: Vec<Place>,
    reader: EntryReader,
}

/// One line, told of.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) seq: u64,
    pub(crate) path: &'a Path,
    pub(crate) offset: u64,
    pub(crate) kind: Kind,
    /// Its bytes without newline, or what is wrong with it.
    pub(crate) line: Result<&'a [u8], Flaw>,
}

impl History {
    /// What a session holds behind a number.
    pub(crate) fn of(view: &View, layout: &Layout, session: &SessionId, after_seq: u64) -> Self {
        let found = view.index.whereabouts(session);
        let behind = |archive: &&Arc<ArchiveFile>| archive.last_seq > after_seq;
        let archives = found.map_or_else(Vec::new, |(archives, _)| {
            archives.iter().filter(behind).cloned().collect()
        });
        let places = found.map_or_else(Vec::new, |(_, places)| places.after(after_seq, usize::MAX));
        Self {
            archives,
            after_seq,
            places,
            reader: view.reader(layout),
        }
    }

    /// Tells of every line, the damaged ones included, until the teller has enough.
    pub(crate) fn each(
        &mut self,
        disk: &dyn Disk,
        tell: &mut dyn FnMut(Told<'_>) -> bool,
    ) -> Result<(), Error> {
        for archive in &self.archives {
            if !self.archived(disk, archive, tell)? {
                return Ok(());
            }
        }
        for place in &self.places {
            let bytes = self.reader.read_bytes(disk, *place)?;
            let scanned = scan(&bytes);
            let kind = scanned.as_ref().map_or(Kind::Other, |line| line.kind);
            let on = tell(Told {
                seq: place.seq,
                path: &self.reader.path(place.segment),
                offset: place.offset,
                kind,
                line: scanned.map(|_| bytes.as_slice()).map_err(Flaw::Damaged),
            });
            if !on {
                break;
            }
        }
        Ok(())
    }

    /// Tells of the lines of an archive, and of what is wrong with it as a whole.
    fn archived(
        &self,
        disk: &dyn Disk,
        archive: &ArchiveFile,
        tell: &mut dyn FnMut(Told<'_>) -> bool,
    ) -> Result<bool, Error> {
        let reader = ArchiveReader::open(disk, self.reader.layout(), archive)?;
        let path = reader.path();
        let (mut found, mut end, mut on) = (0, 0, true);
        for member in reader.member_behind(self.after_seq)..reader.members() {
            let told = reader.each(member, &mut |line| {
                found += 1;
                end = line.offset + line.bytes.len() as u64 + 1;
                let kind = line.line.as_ref().map_or(Kind::Other, |line| line.kind);
                on = line.seq <= self.after_seq
                    || tell(Told {
                        seq: line.seq,
                        path,
                        offset: line.offset,
                        kind,
                        line: line.line.map(|_| line.bytes).map_err(Flaw::Damaged),
                    });
                on
            });
            let flaw = match told {
                Ok(_) if on => continue,
                Ok(_) => return Ok(false),
                Err(Error::Damaged { source, .. }) => source,
                Err(error) => return Err(error),
            };
            return Ok(tell(whole(archive, (path, end), flaw)));
        }
        let expected = archive.entries;
        if self.after_seq < archive.first_seq && found != expected {
            let flaw = Flaw::Missing { found, expected };
            return Ok(tell(whole(archive, (path, end), flaw)));
        }
        Ok(true)
    }

    /// Hands over every line up to a number. A line that is damaged by now is an error.
    pub(crate) fn lines(
        &mut self,
        disk: &dyn Disk,
        through: u64,
        take: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<(), Error> {
        let mut damaged = None;
        self.each(disk, &mut |told| match told.line {
            _ if told.seq > through => false,
            Ok(line) => {
                take(told.seq, line);
                true
            }
            Err(flaw) => {
                damaged = Some(Error::Damaged {
                    path: told.path.to_path_buf(),
                    offset: told.offset,
                    source: flaw,
                });
                false
            }
        })?;
        damaged.map_or(Ok(()), Err)
    }
}

/// Something wrong with an archive and not with one of its lines, told where the lines end.
const fn whole<'a>(archive: &ArchiveFile, (path, offset): (&'a Path, u64), flaw: Flaw) -> Told<'a> {
    Told {
        seq: archive.last_seq,
        path,
        offset,
        kind: Kind::Other,
        line: Err(flaw),
    }
}
