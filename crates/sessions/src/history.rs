//! Every line of one session in order, as the files hold it.

use std::path::Path;

use openclaw_types::SessionId;

use crate::{
    agent::{EntryReader, View},
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
        let places = view.index.places(session);
        Self {
            places: places.map_or_else(Vec::new, |places| places.after(after_seq, usize::MAX)),
            reader: view.reader(layout),
        }
    }

    /// Tells of every line, the damaged ones included.
    pub(crate) fn each(
        &mut self,
        disk: &dyn Disk,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<(), Error> {
        for place in &self.places {
            let bytes = self.reader.read_bytes(disk, *place)?;
            let scanned = scan(&bytes);
            let kind = scanned.as_ref().map_or(Kind::Other, |line| line.kind);
            tell(Told {
                seq: place.seq,
                path: &self.reader.path(place.segment),
                offset: place.offset,
                kind,
                line: scanned.map(|_| bytes.as_slice()).map_err(Flaw::Damaged),
            });
        }
        Ok(())
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
            _ if told.seq > through || damaged.is_some() => {}
            Ok(line) => take(told.seq, line),
            Err(flaw) => {
                damaged = Some(Error::Damaged {
                    path: told.path.to_path_buf(),
                    offset: told.offset,
                    source: flaw,
                });
            }
        })?;
        damaged.map_or(Ok(()), Err)
    }
}
