//! Fetching entries by place, from whichever segment they are in.

use std::{path::PathBuf, sync::Arc};

use super::View;
use crate::{
    disk::{Disk, DiskFile, OpenMode, read_full},
    entry::{Entry, Fault, decode},
    error::Error,
    index::Place,
    segment::{Layout, SealedSegment},
};

impl View {
    /// A reader of entries, independent of this view from now on.
    pub(crate) fn reader(&self, layout: &Layout) -> EntryReader {
        EntryReader {
            layout: layout.clone(),
            sealed: self.sealed.clone(),
            active_number: self.active_number,
            active: self.active.clone(),
            last: None,
        }
    }
}

/// Fetches entries by place.
#[derive(Debug)]
pub(crate) struct EntryReader {
    layout: Layout,
    sealed: Vec<SealedSegment>,
    active_number: u32,
    active: Option<Arc<dyn DiskFile>>,
    /// The sealed segment read last: neighbouring entries are mostly in the same one.
    last: Option<(u32, Arc<dyn DiskFile>)>,
}

impl EntryReader {
    /// Reads one line, without its newline.
    pub(crate) fn read_bytes(&mut self, disk: &dyn Disk, place: Place) -> Result<Vec<u8>, Error> {
        let (file, path) = self.file(disk, place.segment)?;
        let mut bytes = vec![0; place.len as usize];
        let len = read_full(&*file, place.offset, &mut bytes)
            .map_err(|error| Error::disk("read", path, error))?;
        bytes.truncate(len);
        Ok(bytes)
    }

    /// Reads one entry and checks it again.
    pub(crate) fn read(
        &mut self,
        disk: &dyn Disk,
        place: Place,
    ) -> Result<Result<Entry, Fault>, Error> {
        let bytes = self.read_bytes(disk, place)?;
        Ok(decode(&bytes).map(|mut entry| {
            entry.seq = place.seq;
            entry
        }))
    }

    fn file(
        &mut self,
        disk: &dyn Disk,
        number: u32,
    ) -> Result<(Arc<dyn DiskFile>, PathBuf), Error> {
        let path = self.path(number);
        if number == self.active_number
            && let Some(file) = &self.active
        {
            return Ok((Arc::clone(file), path));
        }
        if let Some((last, file)) = &self.last
            && *last == number
        {
            return Ok((Arc::clone(file), path));
        }
        let file = disk
            .open(&path, OpenMode::Read)
            .map_err(|error| Error::disk("open", &path, error))?;
        self.last = Some((number, Arc::clone(&file)));
        Ok((file, path))
    }

    /// Where the files are.
    pub(crate) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Where a segment is.
    pub(crate) fn path(&self, number: u32) -> PathBuf {
        let sealed = self.sealed.iter().find(|segment| segment.number == number);
        sealed.map_or_else(
            || self.layout.active(),
            |segment| self.layout.sealed(&segment.file),
        )
    }
}
