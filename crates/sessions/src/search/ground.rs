//! What is searched: the files of one agent, and whoever knows which of their lines count.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, MutexGuard},
};

use openclaw_types::{AgentId, SessionId};

use crate::{
    agent::{AgentFiles, View},
    archive::ArchiveFile,
    disk::{Disk, DiskFile, OpenMode},
    error::Error,
    segment::{Layout, SealedSegment},
};

/// The files of one agent, the newest first.
pub(crate) struct Ground<'a> {
    pub(crate) agent: AgentId,
    pub(crate) layout: Layout,
    pub(crate) files: Vec<Searched>,
    /// Of sessions that are not deleted.
    pub(crate) archives: Vec<Arc<ArchiveFile>>,
    sealed: Vec<SealedSegment>,
    index: Source<'a>,
}

/// One file to search.
#[derive(Debug)]
pub(crate) struct Searched {
    /// The segment's number.
    pub(crate) number: u32,
    /// Where it was when the search began.
    pub(crate) path: PathBuf,
    /// How much of it counts.
    pub(crate) len: Option<u64>,
    /// The active segment, which may be sealed meanwhile, is held open.
    open: Option<Arc<dyn DiskFile>>,
}

/// Who knows which lines count.
enum Source<'a> {
    Open(Arc<AgentFiles>),
    Snapshot(&'a View),
}

enum Seen<'a> {
    Locked(MutexGuard<'a, View>),
    Here(&'a View),
}

impl std::ops::Deref for Seen<'_> {
    type Target = View;

    fn deref(&self) -> &View {
        match self {
            Self::Locked(view) => view,
            Self::Here(view) => view,
        }
    }
}

impl<'a> Ground<'a> {
    /// The files of an agent whose transcript is open.
    pub(crate) fn open_agent(agent: &Arc<AgentFiles>) -> Ground<'static> {
        let source = Source::Open(Arc::clone(agent));
        Ground::of(&agent.id, &agent.layout, &agent.view(), source)
    }

    /// The files of a snapshot.
    pub(crate) fn snapshot(agent: &AgentId, layout: &Layout, view: &'a View) -> Self {
        Self::of(agent, layout, view, Source::Snapshot(view))
    }

    fn of(agent: &AgentId, layout: &Layout, view: &View, index: Source<'a>) -> Self {
        let archives = view.archives.iter().rev();
        Self {
            agent: agent.clone(),
            layout: layout.clone(),
            files: files(view, layout),
            archives: (archives.filter(|archive| view.index.joins(archive)))
                .cloned()
                .collect(),
            sealed: view.sealed.clone(),
            index,
        }
    }

    /// Whether a rewrite has replaced some of the files since, so that something may have been missed.
    pub(crate) fn is_overtaken(&self) -> bool {
        let view = self.view();
        let mut sealed = self.sealed.iter();
        !sealed.all(|segment| view.sealed.contains(segment))
    }

    /// Whether an archive is still a part of its session.
    pub(crate) fn joins(&self, archive: &ArchiveFile) -> bool {
        self.view().index.joins(archive)
    }

    fn view(&self) -> Seen<'_> {
        match &self.index {
            Source::Open(agent) => Seen::Locked(agent.view()),
            Source::Snapshot(view) => Seen::Here(view),
        }
    }

    /// The number of the entry that begins at this place, if it counts.
    pub(crate) fn live(&self, session: &SessionId, segment: u32, offset: u64) -> Option<u64> {
        let view = self.view();
        let (_, places) = view.index.whereabouts(session)?;
        Some(places.at(segment, offset)?.seq)
    }

    /// Opens a file to search; `None` when it is gone.
    pub(crate) fn open(
        &self,
        disk: &dyn Disk,
        searched: &Searched,
    ) -> Result<Option<Arc<dyn DiskFile>>, Error> {
        if let Some(file) = &searched.open {
            return Ok(Some(Arc::clone(file)));
        }
        match disk.open(&searched.path, OpenMode::Read) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::disk("open", &searched.path, error)),
        }
    }
}

fn files(view: &View, layout: &Layout) -> Vec<Searched> {
    let active = Searched {
        number: view.active_number,
        path: layout.active(),
        len: None,
        open: view.active.clone(),
    };
    let sealed = view.sealed.iter().rev().map(|segment| Searched {
        number: segment.number,
        path: layout.sealed(&segment.file),
        len: segment.bytes,
        open: None,
    });
    std::iter::once(active).chain(sealed).collect()
}
