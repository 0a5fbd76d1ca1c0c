//! One agent's transcript, open: what is in its files, and the state of the file being appended to.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use openclaw_types::{AgentId, Env};

pub(crate) use self::{load::load_read_only, reader::EntryReader};
use crate::{
    archive::ArchiveFile,
    cache::TailCache,
    commit::lock,
    disk::{Disk, DiskFile, FileIdentity, FileState},
    entry::Fault,
    error::Error,
    index::Index,
    limits::{CACHE_AFTER_BYTES, CACHE_SHARE, CACHE_TRANSCRIPT_BYTES_MIN},
    manifest::Manifest,
    segment::{Layout, SealedSegment, roll},
};

mod anew;
mod checkpoint;
mod load;
mod reader;

/// What was found when an agent's files were read.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// The transcript did not exist and was made.
    pub created: bool,
    /// Entries found, hidden ones included.
    pub entries: u64,
    /// Bytes of transcript read; what the cache of the index covers is not.
    pub bytes: u64,
    /// The cache of the index was found to hold, and only what is newer was read.
    pub cached: bool,
    /// The cut-off end of the last write, put beside the file.
    pub torn: Option<Torn>,
    /// The last line was whole and got its newline.
    pub terminated: bool,
    /// Damaged places, left in the file and passed over. At most a thousand are listed.
    pub quarantined: Vec<Quarantined>,
    /// How many damaged places there are in all.
    pub quarantined_count: u64,
    /// Why nothing can be appended yet. Reading works; the next append tries the repair again.
    pub refused: Option<Error>,
}

/// Bytes cut off the end of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Where they are now.
    pub path: PathBuf,
    /// How many.
    pub bytes: u64,
}

/// A damaged place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Which file.
    pub path: PathBuf,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// One agent's transcript.
#[derive(Debug)]
pub(crate) struct AgentFiles {
    pub(crate) id: AgentId,
    pub(crate) layout: Layout,
    view: Mutex<View>,
    writer: Mutex<Writer>,
    marking: Mutex<()>,
    maintenance: Mutex<()>,
    /// Whoever rewrites files is to stop soon.
    stopping: AtomicBool,
}

/// What readers see: durable entries only.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) index: Index,
    pub(crate) sealed: Vec<SealedSegment>,
    /// Every archive there is, those of deleted sessions included.
    pub(crate) archives: Vec<Arc<ArchiveFile>>,
    /// Files that may be deleted.
    pub(crate) obsolete: Vec<String>,
    /// The number the active segment will have when it is sealed.
    pub(crate) active_number: u32,
    /// The active segment's open file; without it readers open the path.
    pub(crate) active: Option<Arc<dyn DiskFile>>,
    /// What was found damaged.
    pub(crate) damage: Damage,
    /// The state of each sealed segment when it was read, by name; one that was sealed or rewritten here has none.
    pub(crate) states: BTreeMap<String, FileState>,
    /// What the cache on disk covers, if it is known to hold.
    pub(crate) cached: Option<Cached>,
}

/// What the cache of the index covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cached {
    sealed: Vec<SealedSegment>,
    /// So much of the active file.
    active: u64,
    /// All of that is known to be on the disk.
    settled: bool,
}

/// Damaged places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    /// How many there are.
    pub(crate) count: u64,
    /// The first ones.
    pub(crate) listed: Vec<Damaged>,
}

/// A damaged place, by segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) fault: Fault,
}

/// The state of the file being appended to.
#[derive(Debug)]
pub(crate) enum Writer {
    /// All is well.
    Ready(ActiveFile),
    /// A sync failed, or a part of a write could not be taken back: nothing more goes into this file.
    Poisoned(ActiveFile),
    /// The path names another file now, or a repair is due: read everything again.
    Lost,
    /// The agent was closed.
    Closed,
}

/// The file being appended to.
#[derive(Debug, Clone)]
pub(crate) struct ActiveFile {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) identity: FileIdentity,
    /// Its length up to the last whole line.
    pub(crate) len: u64,
    /// Written since the last sync, in the modes that sync later.
    pub(crate) dirty: bool,
    /// Its name is known to be durable.
    pub(crate) named: bool,
    /// Some of what it shows may not be on the disk, and no sync would tell.
    pub(crate) suspect: bool,
}

impl AgentFiles {
    /// Opens, locks, reads and where needed repairs an agent's files.
    pub(crate) fn open(
        disk: &dyn Disk,
        env: &dyn Env,
        id: AgentId,
        dir: PathBuf,
    ) -> Result<(Self, Recovery), Error> {
        let layout = Layout::new(dir);
        let (view, writer, recovery) = load::load(disk, env, &layout, true)?;
        let files = Self {
            id,
            layout,
            view: Mutex::new(view),
            writer: Mutex::new(writer),
            marking: Mutex::new(()),
            maintenance: Mutex::new(()),
            stopping: AtomicBool::new(false),
        };
        files.report(&recovery);
        if recovery.bytes > CACHE_AFTER_BYTES {
            files.checkpoint_found(disk);
        }
        Ok((files, recovery))
    }

    /// What readers see.
    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        lock(&self.view)
    }

    /// Held while a commit marker is made, so that nobody's is in vain.
    pub(crate) fn marking(&self) -> MutexGuard<'_, ()> {
        lock(&self.marking)
    }

    /// Held while files are rewritten, which one caller does at a time. The commit thread never takes it.
    pub(crate) fn maintenance(&self) -> MutexGuard<'_, ()> {
        lock(&self.maintenance)
    }

    /// Whether a rewrite is to end without a result.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// Ends a rewrite that is going on, and waits until it has: within a chunk of a file, or a sync.
    pub(crate) fn stop_rewriting(&self) {
        self.stopping.store(true, Relaxed);
        drop(self.maintenance());
    }

    /// The state of the active file. Only the commit thread takes it while the agent is open.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        lock(&self.writer)
    }

    /// Gives the file back: nothing is appended any more, and the lock goes with the last reader.
    pub(crate) fn close(&self) {
        *self.writer() = Writer::Closed;
        self.view().active = None;
    }

    /// Makes the writer ready, if it can be: begins a new segment behind a poisoned one, reads again what
    /// another program changed.
    pub(crate) fn make_ready(
        &self,
        disk: &dyn Disk,
        env: &dyn Env,
        cache: &Mutex<TailCache>,
    ) -> Result<(), Error> {
        let mut writer = self.writer();
        match &*writer {
            Writer::Ready(_) => Ok(()),
            Writer::Closed => Err(Error::UnknownAgent {
                agent: self.id.clone(),
            }),
            Writer::Poisoned(active) => {
                let active = active.clone();
                if active.suspect {
                    self.write_anew(disk, &mut writer, &active)
                } else {
                    self.begin_segment(disk, &mut writer, &active)
                }
            }
            Writer::Lost => {
                let recovery = self.reload(disk, env, &mut writer, cache)?;
                recovery.refused.map_or(Ok(()), Err)
            }
        }
    }

    /// Reads the files again, without the cache of the index, if that is where an entry was said to be that is not
    /// there. Only the commit thread may ask, between rounds.
    pub(crate) fn reread(
        &self,
        disk: &dyn Disk,
        env: &dyn Env,
        cache: &Mutex<TailCache>,
    ) -> Result<(), Error> {
        if self.view().cached.is_none() {
            return Ok(());
        }
        let mut writer = self.writer();
        if matches!(&*writer, Writer::Closed) {
            return Ok(());
        }
        tracing::warn!(agent = %self.id, "the cache of the index does not hold: the transcript is read again");
        self.forget_checkpoint(disk);
        *writer = Writer::Lost;
        self.reload(disk, env, &mut writer, cache).map(drop)
    }

    /// Writes the cache of the index, unless the one there holds or the transcript is read as fast. Nothing depends
    /// on it, so that it may fail. Only the commit thread may ask, between rounds.
    pub(crate) fn checkpoint(&self, disk: &dyn Disk) {
        let mut writer = self.writer();
        let Some(active) = writer.ready().filter(|active| !active.dirty) else {
            return;
        };
        let mut view = self.view();
        if view.sealed.is_empty() && active.len < CACHE_TRANSCRIPT_BYTES_MIN {
            if view.cached.take().is_some() {
                checkpoint::remove(disk, &self.layout);
            }
            return;
        }
        let now = Some(Cached {
            sealed: view.sealed.clone(),
            active: active.len,
            settled: !active.suspect,
        });
        if view.cached == now {
            return;
        }
        let bytes = checkpoint::encode(disk, &self.layout, &view, active);
        drop(view);
        let Some(bytes) = bytes else {
            return;
        };
        match checkpoint::write(disk, &self.layout, &bytes) {
            Ok(()) => self.view().cached = now,
            Err(error) => {
                tracing::debug!(agent = %self.id, error = &error as &dyn std::error::Error, "the cache of the index was not written");
            }
        }
    }

    /// Removes the cache of the index: what it says of files that were rewritten is not to be kept.
    pub(crate) fn forget_checkpoint(&self, disk: &dyn Disk) {
        checkpoint::remove(disk, &self.layout);
    }

    /// Writes the cache if enough was appended since the last time.
    pub(crate) fn checkpoint_if_due(&self, disk: &dyn Disk) {
        let due = {
            let view = self.view();
            let covered = view.cached.as_ref().map_or(0, |cached| {
                cached.active + cached.sealed.iter().filter_map(|s| s.bytes).sum::<u64>()
            });
            let now: u64 = view.sealed.iter().filter_map(|segment| segment.bytes).sum();
            now.saturating_sub(covered) >= view.index.saved_bytes() * CACHE_SHARE
        };
        if due {
            self.checkpoint(disk);
        }
    }

    /// Writes the cache after a long reading. What was read may never have been synced: it is first.
    fn checkpoint_found(&self, disk: &dyn Disk) {
        let mut writer = self.writer();
        let Some(active) = writer.ready() else {
            return;
        };
        if let Err(error) = active.file.datasync() {
            tracing::warn!(agent = %self.id, %error, "the transcript that was read could not be synced");
            writer.poison();
            return;
        }
        drop(writer);
        self.checkpoint(disk);
    }

    /// Seals the active segment, whole, and begins the next.
    pub(crate) fn seal(&self, disk: &dyn Disk) -> Result<(), Error> {
        let mut writer = self.writer();
        let Writer::Ready(active) = &*writer else {
            return Ok(());
        };
        let mut active = active.clone();
        if active.suspect {
            self.write_anew(disk, &mut writer, &active)?;
            if let Some(anew) = writer.ready() {
                active = anew.clone();
            }
        } else if active.dirty
            && let Err(error) = active.file.datasync()
        {
            writer.poison();
            return Err(Error::disk("sync", self.layout.active(), error));
        }
        self.begin_segment(disk, &mut writer, &active)
    }

    fn begin_segment(
        &self,
        disk: &dyn Disk,
        writer: &mut Writer,
        active: &ActiveFile,
    ) -> Result<(), Error> {
        let path = self.layout.active();
        let now = disk.state(&path);
        if !now.is_ok_and(|now| now.identity == active.identity) {
            // What stands there now is somebody else's: it is read, and not sealed for ours.
            *writer = Writer::Lost;
            return Err(Error::Changed { path });
        }
        let (listed, number) = {
            let view = self.view();
            (view.manifest(), view.active_number)
        };
        let ending = SealedSegment {
            number,
            file: format!("{number:04}.jsonl"),
            bytes: Some(active.len),
        };
        let begun = roll(disk, &self.layout, listed, ending.clone());
        let begun = begun.and_then(|file| {
            let state = file.state();
            let state =
                state.map_err(|error| Error::disk("look at", self.layout.active(), error))?;
            Ok((file, state.identity))
        });
        let (file, identity) =
            begun.inspect_err(|_| self.lose_if_moved(disk, writer, active.identity))?;
        let mut view = self.view();
        if let Ok(state) = disk.state(&self.layout.sealed(&ending.file)) {
            view.states.insert(ending.file.clone(), state);
        }
        view.sealed.push(ending);
        view.active_number = number + 1;
        view.active = Some(Arc::clone(&file));
        *writer = Writer::Ready(ActiveFile {
            file,
            identity,
            len: 0,
            dirty: false,
            named: true,
            suspect: false,
        });
        Ok(())
    }

    fn reload(
        &self,
        disk: &dyn Disk,
        env: &dyn Env,
        writer: &mut Writer,
        cache: &Mutex<TailCache>,
    ) -> Result<Recovery, Error> {
        // The lock must go first: it may be on the very file that is opened again. The handle stays, because
        // readers go on with what they know until the files have been read.
        if let Some(old) = &self.view().active {
            old.unlock()
                .map_err(|error| Error::disk("unlock", self.layout.active(), error))?;
        }
        let (mut view, ready, recovery) = load::load(disk, env, &self.layout, false)?;
        let mut old = self.view();
        view.index.inherit_burned(std::mem::take(&mut old.index));
        *old = view;
        // Under the view's lock, so that no reader sees the new files and the old cache.
        lock(cache).forget_agent(&self.id);
        drop(old);
        self.report(&recovery);
        *writer = ready;
        Ok(recovery)
    }

    fn report(&self, recovery: &Recovery) {
        if let Some(torn) = &recovery.torn {
            tracing::warn!(target: "openclaw::event::torn_tail", agent = %self.id, bytes = torn.bytes, path = %torn.path.display());
        }
        if recovery.quarantined_count > 0 {
            tracing::warn!(target: "openclaw::event::gap", agent = %self.id, count = recovery.quarantined_count);
        }
        if let Some(error) = &recovery.refused {
            tracing::error!(agent = %self.id, error = error as &dyn std::error::Error, "the transcript cannot be appended to yet");
        }
    }
}

impl View {
    /// Whether both are of the same files, as far as those can be replaced.
    pub(crate) fn same_files(&self, other: &Self) -> bool {
        self.sealed == other.sealed && self.archives == other.archives
    }

    /// What there is beside the active segment.
    pub(crate) fn manifest(&self) -> Manifest {
        Manifest {
            segments: self.sealed.clone(),
            archives: self.archives.clone(),
            obsolete: self.obsolete.clone(),
        }
    }
}

impl Writer {
    /// The active file, if it may be appended to.
    pub(crate) const fn ready(&mut self) -> Option<&mut ActiveFile> {
        match self {
            Self::Ready(active) => Some(active),
            Self::Poisoned(_) | Self::Lost | Self::Closed => None,
        }
    }

    /// Nothing more goes into the active file. What it was still to sync may be lost.
    pub(crate) fn poison(&mut self) {
        if let Self::Ready(active) = self {
            active.suspect |= active.dirty;
            *self = Self::Poisoned(active.clone());
        }
    }
}
