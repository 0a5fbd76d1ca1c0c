//! The step in which a rewrite happens: one durable replacement of the list of files, and the view after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use openclaw_types::SessionId;

use super::{Rewritten, copy::Moves};
use crate::{
    agent::{AgentFiles, View, Writer},
    archive::ArchiveFile,
    commit::{Shared, lock},
    disk::Disk,
    error::Error,
    index::Place,
    manifest::{self, Manifest},
    segment::{Layout, SealedSegment},
};

/// A new generation of a segment.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) now: SealedSegment,
    pub(super) moves: Moves,
}

/// What came of a rewrite that happened.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) rewritten: Rewritten,
    /// The new archives.
    pub(super) archives: Vec<Arc<ArchiveFile>>,
    /// Why some of the old files are still there.
    pub(super) left: Option<Error>,
}

/// New files, written and named, that nothing refers to yet.
#[derive(Debug)]
pub(super) struct Swap {
    /// New archives.
    pub(super) archives: Vec<Arc<ArchiveFile>>,
    /// Sessions that lost what their tombstones hid.
    pub(super) thinned: Vec<SessionId>,
    /// New generations, by number.
    pub(super) generations: BTreeMap<u32, Generation>,
    /// The segments as they were.
    segments: Vec<SealedSegment>,
}

impl Swap {
    pub(super) const fn new(thinned: Vec<SessionId>, segments: Vec<SealedSegment>) -> Self {
        Self {
            archives: Vec::new(),
            thinned,
            generations: BTreeMap::new(),
            segments,
        }
    }

    /// Makes it so, on the commit thread.
    ///
    /// When the list can't be replaced nothing is deleted: it may have been replaced all the same, and which of the
    /// two the disk keeps is not known.
    pub(super) fn apply(self, shared: &Shared, files: &AgentFiles) -> Result<Done, Error> {
        let disk = &*shared.disk;
        let sessions: BTreeSet<SessionId> = (self.thinned.iter())
            .chain(self.archives.iter().map(|archive| &archive.session))
            .cloned()
            .collect();
        let mut listed = self.check(files)?;
        let bytes_before = bytes_of(disk, &files.layout, &listed);
        let dropped = self.dropped_archives(&files.view(), &sessions);
        if !(self.generations.is_empty() && self.archives.is_empty() && dropped.is_empty()) {
            self.replace(&mut listed, &dropped);
            self.there(disk, &files.layout)?;
            manifest::write(disk, &files.layout, &listed)?;
            files.forget_checkpoint(disk);
            self.show(shared, files, &listed);
        }
        let left = listed.sweep(disk, &files.layout);
        let bytes_after = bytes_of(disk, &files.layout, &listed);
        files.view().obsolete = listed.obsolete;
        Ok(Done {
            rewritten: Rewritten {
                sessions: sessions.into_iter().collect(),
                bytes_before,
                bytes_after,
            },
            archives: self.archives,
            left,
        })
    }

    /// The list as it is, if it still begins with the segments that were read.
    fn check(&self, files: &AgentFiles) -> Result<Manifest, Error> {
        if matches!(&*files.writer(), Writer::Closed) {
            return Err(Error::UnknownAgent {
                agent: files.id.clone(),
            });
        }
        let listed = files.view().manifest();
        if listed.segments.starts_with(&self.segments) {
            return Ok(listed);
        }
        Err(Error::Changed {
            path: files.layout.sealed_dir(),
        })
    }

    /// Archives of these sessions that a tombstone hides.
    fn dropped_archives(
        &self,
        view: &View,
        sessions: &BTreeSet<SessionId>,
    ) -> Vec<Arc<ArchiveFile>> {
        let archives = view.archives.iter();
        let hidden = archives
            .filter(|archive| sessions.contains(&archive.session) && !view.index.joins(archive));
        hidden.cloned().collect()
    }

    /// Changes the list.
    fn replace(&self, listed: &mut Manifest, dropped: &[Arc<ArchiveFile>]) {
        let last = listed.segments.last().map(|segment| segment.number);
        for segment in &mut listed.segments {
            if let Some(generation) = self.generations.get(&segment.number) {
                listed
                    .obsolete
                    .push(Layout::obsolete_segment(&segment.file));
                *segment = generation.now.clone();
            }
        }
        // The highest number stays on the list, so that it is not given out again.
        let empty =
            |segment: &SealedSegment| segment.bytes == Some(0) && Some(segment.number) != last;
        let emptied = listed.segments.iter().filter(|segment| empty(segment));
        let emptied: Vec<_> = emptied
            .map(|segment| Layout::obsolete_segment(&segment.file))
            .collect();
        listed.obsolete.extend(emptied);
        listed.segments.retain(|segment| !empty(segment));
        let gone = dropped
            .iter()
            .map(|archive| Layout::obsolete_archive(&archive.file));
        listed.obsolete.extend(gone);
        listed.archives.retain(|archive| !dropped.contains(archive));
        listed.archives.extend(self.archives.iter().cloned());
        listed
            .archives
            .sort_by(|a, b| (&a.session, a.last_seq).cmp(&(&b.session, b.last_seq)));
    }

    /// Whether the new files are where the list will say.
    fn there(&self, disk: &dyn Disk, layout: &Layout) -> Result<(), Error> {
        let archives = self
            .archives
            .iter()
            .map(|archive| layout.archive(&archive.file));
        let segments = self
            .generations
            .values()
            .map(|generation| layout.sealed(&generation.now.file));
        for path in archives.chain(segments) {
            disk.state(&path)
                .map_err(|error| Error::disk("look at", &path, error))?;
        }
        Ok(())
    }

    /// Changes what readers see.
    fn show(&self, shared: &Shared, files: &AgentFiles, listed: &Manifest) {
        let mut view = files.view();
        let last = self.segments.last().map_or(0, |segment| segment.number);
        view.index.rewritten(last, &|place| self.find(place));
        for archive in &self.archives {
            view.index.archived(archive);
        }
        for segment in &self.segments {
            if self.generations.contains_key(&segment.number) {
                view.states.remove(&segment.file);
            }
        }
        self.mend_damage(&mut view);
        view.sealed.clone_from(&listed.segments);
        view.archives.clone_from(&listed.archives);
        view.cached = None;
        // What a thinned session's tombstone hides is in no cache; what was archived is as it was.
        drop(view);
        for session in &self.thinned {
            lock(&shared.cache).forget(&(files.id.clone(), session.clone()));
        }
    }

    /// Where a place of the old generation is now.
    fn find(&self, place: Place) -> Option<Place> {
        let Some(generation) = self.generations.get(&place.segment) else {
            return Some(place);
        };
        let offset = generation.moves.find(place.offset)?;
        Some(Place { offset, ..place })
    }

    fn mend_damage(&self, view: &mut View) {
        let damage = std::mem::take(&mut view.damage);
        let listed = damage.listed.len() as u64;
        let moved = damage.listed.into_iter().filter_map(|mut damaged| {
            if let Some(generation) = self.generations.get(&damaged.segment) {
                damaged.offset = generation.moves.find(damaged.offset)?;
            }
            Some(damaged)
        });
        view.damage.listed = moved.collect();
        view.damage.count = damage.count + view.damage.listed.len() as u64 - listed;
    }
}

/// Bytes of sealed segments and archives.
fn bytes_of(disk: &dyn Disk, layout: &Layout, listed: &Manifest) -> u64 {
    let segments = listed.segments.iter().map(|segment| {
        let state = disk.state(&layout.sealed(&segment.file));
        segment
            .bytes
            .unwrap_or_else(|| state.map_or(0, |state| state.len))
    });
    let archives = listed.archives.iter().map(|archive| archive.bytes);
    segments.chain(archives).sum()
}
