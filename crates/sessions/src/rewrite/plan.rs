//! What a rewrite is going to do, and the new files it writes for that.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_types::SessionId;

use super::{
    Swap, Task,
    copy::{Source, copy, holds},
    swap::Generation,
};
use crate::{
    agent::{AgentFiles, EntryReader},
    archive::{ArchiveFile, ArchiveReader, ArchiveWriter},
    commit::Shared,
    disk::Disk,
    entry::scan,
    error::Error,
    index::Place,
    manifest::{self, generation_of, next_to},
    segment::{Layout, SealedSegment, make_dir},
};

/// A rewrite that nothing has been written for but the names of its files.
#[derive(Debug)]
pub(super) struct Plan {
    archives: Vec<(ArchiveFile, Vec<Place>)>,
    /// Sessions that lose what their tombstones hide.
    thinned: Vec<SessionId>,
    /// The segments that may be concerned: all that are sealed.
    segments: Vec<SealedSegment>,
    reader: EntryReader,
}

impl Plan {
    /// Makes a plan, on the commit thread; `None` when there is nothing to do.
    ///
    /// The active segment is sealed if it holds any of it, and the files to be are noted durably as obsolete.
    pub(super) fn make(
        shared: &Shared,
        files: &AgentFiles,
        task: Task,
    ) -> Result<Option<Self>, Error> {
        let disk = &*shared.disk;
        files.make_ready(disk, &*shared.env, &shared.cache)?;
        let (archived, thinned) = match task {
            Task::Archive(sessions) => (sessions, Vec::new()),
            Task::Thin(sessions) => (Vec::new(), sessions),
        };
        let concerned = || archived.iter().chain(&thinned);
        if concerned().next().is_none() {
            return Ok(None);
        }
        let in_active = {
            let view = files.view();
            concerned().any(|session| view.index.reaches(session, view.active_number))
        };
        if in_active {
            files.seal(disk)?;
        }
        let (archives, segments, reader) = {
            let view = files.view();
            let resting = archived
                .iter()
                .filter(|session| !view.index.is_running(session));
            let archives = resting.filter_map(|session| view.index.to_archive(session));
            (
                archives.collect::<Vec<_>>(),
                view.sealed.clone(),
                view.reader(&files.layout),
            )
        };
        let plan = Self {
            archives,
            thinned,
            segments,
            reader,
        };
        plan.announce(disk, files)?;
        Ok(Some(plan))
    }

    /// Notes the names of the files to be as obsolete, which they are until the list names them.
    fn announce(&self, disk: &dyn Disk, files: &AgentFiles) -> Result<(), Error> {
        let archives = self.archives.iter();
        let archives = archives.map(|(archive, _)| Layout::obsolete_archive(&archive.file));
        let segments = self.segments.iter();
        let segments = segments.map(|segment| Layout::obsolete_segment(&next_name(segment)));
        let mut listed = files.view().manifest();
        listed.obsolete.extend(archives.chain(segments));
        listed.obsolete.sort();
        listed.obsolete.dedup();
        // Always, even where nothing is new: an earlier attempt may have replaced the list and not known it, and its
        // files are about to be written anew.
        make_dir(disk, &files.layout.sealed_dir())?;
        manifest::write(disk, &files.layout, &listed)?;
        files.view().obsolete = listed.obsolete;
        Ok(())
    }

    /// Writes the new files, reads them again, and gives them their names. Nothing counts yet.
    pub(super) fn write(mut self, disk: &dyn Disk, files: &AgentFiles) -> Result<Swap, Error> {
        let layout = &files.layout;
        let mut swap = Swap::new(std::mem::take(&mut self.thinned), self.segments.clone());
        let mut made = Made::default();
        let written = self
            .write_archives(disk, files, &mut swap, &mut made)
            .and_then(|()| self.write_segments(disk, files, &mut swap, &mut made))
            .and_then(|()| made.name(disk, layout));
        match written {
            Ok(()) => Ok(swap),
            Err(error) => {
                made.discard(disk);
                Err(error)
            }
        }
    }

    fn write_archives(
        &mut self,
        disk: &dyn Disk,
        files: &AgentFiles,
        swap: &mut Swap,
        made: &mut Made,
    ) -> Result<(), Error> {
        if self.archives.is_empty() {
            return Ok(());
        }
        make_dir(disk, &files.layout.archive_dir())?;
        for (mut archive, places) in std::mem::take(&mut self.archives) {
            let target = files.layout.archive(&archive.file);
            let next = made.begin(&target);
            let stopped = || files.is_stopping();
            let wanted = (&mut archive, places.as_slice());
            if !write_archive(disk, &next, wanted, &mut self.reader, &stopped)? {
                tracing::warn!(agent = %files.id, session = %archive.session, "an entry can't be read: the session is not archived");
                made.drop_last(disk);
                continue;
            }
            made.archived
                .insert(archive.session.as_str().to_owned(), places);
            swap.archives.push(Arc::new(archive));
        }
        Ok(())
    }

    fn write_segments(
        &self,
        disk: &dyn Disk,
        files: &AgentFiles,
        swap: &mut Swap,
        made: &mut Made,
    ) -> Result<(), Error> {
        let archived = std::mem::take(&mut made.archived);
        let thinned: BTreeSet<&str> = swap.thinned.iter().map(SessionId::as_str).collect();
        for segment in &self.segments {
            let file = next_name(segment);
            let next = made.begin(&files.layout.sealed(&file));
            let source = Source {
                path: files.layout.sealed(&segment.file),
                bytes: segment.bytes,
            };
            let copied = copy(
                disk,
                &source,
                &next,
                &mut |offset, line| {
                    let session = line.session.as_ref();
                    let place = (segment.number, offset);
                    let hidden_before = || files.view().index.hidden_before(session);
                    if let Some(places) = archived.get(session) {
                        // A line that was passed over is in no archive, and stays.
                        let at = |archived: &Place| (archived.segment, archived.offset);
                        let is_archived = places.binary_search_by_key(&place, at).is_ok();
                        return !is_archived && hidden_before().is_none_or(|hiding| place > hiding);
                    }
                    !thinned.contains(session)
                        || hidden_before().is_none_or(|hiding| place >= hiding)
                },
                &|| files.is_stopping(),
            )?;
            let Some(copied) = copied else {
                made.drop_last(disk);
                continue;
            };
            holds(disk, &next, copied.bytes, copied.crc)?;
            let now = SealedSegment {
                number: segment.number,
                file,
                bytes: Some(copied.bytes),
            };
            swap.generations.insert(
                segment.number,
                Generation {
                    now,
                    moves: copied.moves,
                },
            );
        }
        Ok(())
    }
}

/// The name of a segment's next generation.
fn next_name(segment: &SealedSegment) -> String {
    let generation = generation_of(&segment.file).map_or(1, |(_, generation)| generation);
    format!("{:04}.{}.jsonl", segment.number, generation + 1)
}

/// Packs a session's lines, and unpacks them again to see that they are there; `false` when one can't be read.
fn write_archive(
    disk: &dyn Disk,
    path: &Path,
    (archive, places): (&mut ArchiveFile, &[Place]),
    reader: &mut EntryReader,
    stopped: &dyn Fn() -> bool,
) -> Result<bool, Error> {
    let mut writer = ArchiveWriter::create(disk, path, archive.first_seq - 1)?;
    for &place in places {
        if stopped() {
            return Err(Error::Closed);
        }
        let bytes = reader.read_bytes(disk, place)?;
        let session = scan(&bytes).map(|line| line.session.as_ref() == archive.session.as_str());
        if session != Ok(true) {
            return Ok(false);
        }
        writer.push(place.seq, &bytes)?;
    }
    let packed = writer.finish()?;
    let written = ArchiveReader::at(disk, path.to_path_buf(), archive.first_seq)?;
    let mut found = crate::archive::Packed::default();
    for member in 0..written.members() {
        if stopped() {
            return Err(Error::Closed);
        }
        written.each(member, &mut |line| {
            found.take(line.bytes);
            true
        })?;
    }
    found.bytes = written.bytes();
    if found != packed {
        return Err(Error::disk(
            "read",
            path,
            std::io::ErrorKind::InvalidData.into(),
        ));
    }
    archive.bytes = packed.bytes;
    Ok(true)
}

/// Files that were written under names of their own, in the order they were.
#[derive(Debug, Default)]
struct Made {
    files: BTreeMap<usize, (PathBuf, PathBuf)>,
    /// What of which sessions is in new archives, in file order.
    archived: BTreeMap<String, Vec<Place>>,
}

impl Made {
    /// The name a file is written under.
    fn begin(&mut self, target: &Path) -> PathBuf {
        let next = next_to(target);
        self.files
            .insert(self.files.len(), (next.clone(), target.to_path_buf()));
        next
    }

    /// The last file is not wanted after all.
    fn drop_last(&mut self, disk: &dyn Disk) {
        if let Some((_, (next, _))) = self.files.pop_last() {
            // Mostly it was never made.
            disk.remove(&next).unwrap_or_default();
        }
    }

    /// Gives them their names: archives first, so that a line never stands nowhere, whatever list is lost.
    fn name(&mut self, disk: &dyn Disk, layout: &Layout) -> Result<(), Error> {
        let mut dirs: Vec<PathBuf> = Vec::new();
        for (next, target) in self.files.values() {
            let dir = target.parent().unwrap_or(target).to_path_buf();
            if dirs.last().is_some_and(|last| *last != dir) {
                sync(disk, dirs.last().map_or(dir.as_path(), PathBuf::as_path))?;
            }
            disk.rename(next, target)
                .map_err(|error| Error::disk("name", target, error))?;
            if dirs.last() != Some(&dir) {
                dirs.push(dir);
            }
        }
        let last = dirs.pop().unwrap_or_else(|| layout.sealed_dir());
        sync(disk, &last)
    }

    fn discard(self, disk: &dyn Disk) {
        for (next, target) in self.files.into_values() {
            // Whatever of it is there, under whichever name, is noted as obsolete.
            disk.remove(&next).unwrap_or_default();
            disk.remove(&target).unwrap_or_default();
        }
    }
}

fn sync(disk: &dyn Disk, dir: &Path) -> Result<(), Error> {
    disk.sync_dir(dir)
        .map_err(|error| Error::disk("sync", dir, error))
}
