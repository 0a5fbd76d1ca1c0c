//! Reading without a store: for commands that run while the gateway does not.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use openclaw_types::{AgentId, RunId, SessionId};

use crate::{
    agent::{Recovery, View, load_read_only},
    disk::Disk,
    entry::Entry,
    error::Error,
    export::{Lines, lines_of},
    index::SessionSummary,
    page::{Page, page_places, read_page},
    search::{Found, Ground, Query, search},
    segment::Layout,
};

/// All transcripts below a root as they were when it was made. Nothing is locked, repaired or written.
#[derive(Debug)]
pub struct Snapshot {
    disk: Arc<dyn Disk>,
    agents: BTreeMap<AgentId, Transcript>,
}

#[derive(Debug)]
struct Transcript {
    layout: Layout,
    view: View,
    recovery: Recovery,
}

/// Reads every transcript below a root. A root that is not there holds none.
///
/// # Errors
/// A file or directory cannot be read.
pub fn read_only(root: &Path, disk: Arc<dyn Disk>) -> Result<Snapshot, Error> {
    let paths = match disk.list(root) {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::disk("list", root, error)),
    };
    let mut agents = BTreeMap::new();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(Ok(agent)) = name.map(AgentId::parse) else {
            continue;
        };
        let layout = Layout::new(path);
        let (view, recovery) = match load_read_only(&*disk, &layout, true) {
            Ok(read) => read,
            Err(Error::Disk { source, .. }) if source.kind() == io::ErrorKind::NotADirectory => {
                continue;
            }
            Err(error) => return Err(error),
        };
        agents.insert(
            agent,
            Transcript {
                layout,
                view,
                recovery,
            },
        );
    }
    Ok(Snapshot { disk, agents })
}

impl Snapshot {
    /// The agents that have a directory.
    pub fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.agents.keys()
    }

    /// The sessions of one agent, or of all; deleted and archived ones are left out.
    #[must_use]
    pub fn list(&self, agent: Option<&AgentId>) -> Vec<SessionSummary> {
        let wanted = self.wanted(agent);
        wanted
            .flat_map(|(id, found)| found.view.index.list(id))
            .collect()
    }

    /// The archived sessions of one agent, or of all; deleted ones are left out.
    #[must_use]
    pub fn list_archived(&self, agent: Option<&AgentId>) -> Vec<SessionSummary> {
        let wanted = self.wanted(agent);
        wanted
            .flat_map(|(id, found)| found.view.index.list_archived(id))
            .collect()
    }

    fn wanted(&self, agent: Option<&AgentId>) -> impl Iterator<Item = (&AgentId, &Transcript)> {
        let agents = self.agents.iter();
        agents.filter(move |(id, _)| agent.is_none_or(|agent| agent == *id))
    }

    /// One session, unless it does not exist or is deleted.
    #[must_use]
    pub fn summary(&self, agent: &AgentId, session: &SessionId) -> Option<SessionSummary> {
        self.agents.get(agent)?.view.index.summary(agent, session)
    }

    /// A page of a session, counted from its end.
    ///
    /// # Errors
    /// There is no such agent or session, or the disk cannot be read.
    pub fn page(
        &self,
        agent: &AgentId,
        session: &SessionId,
        before_seq: Option<u64>,
        limit: usize,
    ) -> Result<Page, Error> {
        let transcript = self.transcript(agent)?;
        let read = |view: &View| -> Result<_, Error> {
            let places = page_places(&view.index, session, before_seq, limit);
            let places = places.ok_or_else(|| Error::UnknownSession {
                agent: agent.clone(),
                session: session.clone(),
            })?;
            let mut reader = view.reader(&transcript.layout);
            read_page(&*self.disk, session, &places, &mut reader)
        };
        match read(&transcript.view)? {
            // The cache of the index is wrong about an entry: the transcript itself is asked.
            (_, 1..) if transcript.view.cached.is_some() => {
                let (view, _) = load_read_only(&*self.disk, &transcript.layout, false)?;
                read(&view).map(|(page, _)| page)
            }
            (page, _) => Ok(page),
        }
    }

    /// The last live entries of a session in file order; none when there is no such session.
    ///
    /// # Errors
    /// There is no such agent, or the disk cannot be read.
    pub fn tail(
        &self,
        agent: &AgentId,
        session: &SessionId,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, Error> {
        match self.page(agent, session, None, limit) {
            Ok(page) => Ok(page.entries),
            Err(Error::UnknownSession { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Lines of a session as they stand in the files, from the number behind `after_seq` on: about `bytes_max` bytes,
    /// and at least one line. None are left when the answer is empty.
    ///
    /// # Errors
    /// There is no such agent or session, or the disk cannot be read.
    pub fn lines(
        &self,
        agent: &AgentId,
        session: &SessionId,
        after_seq: u64,
        bytes_max: usize,
    ) -> Result<Lines, Error> {
        let found = self.transcript(agent)?;
        let files = (&found.view, &found.layout);
        let lines = lines_of(&*self.disk, files, session, (after_seq, bytes_max));
        lines.unwrap_or_else(|| {
            Err(Error::UnknownSession {
                agent: agent.clone(),
                session: session.clone(),
            })
        })
    }

    /// Searches the transcripts, the newest entries first. `stop` is asked often, and ends it early.
    ///
    /// # Errors
    /// The text can't be searched for, there is no such agent, or the disk cannot be read.
    pub fn search(&self, query: &Query, stop: &(dyn Fn() -> bool + Sync)) -> Result<Found, Error> {
        let grounds: Vec<_> = match &query.agent {
            Some(agent) => {
                let transcript = self.transcript(agent)?;
                vec![Ground::snapshot(
                    agent,
                    &transcript.layout,
                    &transcript.view,
                )]
            }
            None => (self.agents.iter())
                .map(|(id, found)| Ground::snapshot(id, &found.layout, &found.view))
                .collect(),
        };
        search(&*self.disk, &grounds, query, stop)
    }

    /// Runs that have a user's entry and no end.
    #[must_use]
    pub fn unfinished_runs(&self, agent: &AgentId) -> Vec<(SessionId, RunId)> {
        self.agents.get(agent).map_or_else(Vec::new, |transcript| {
            transcript.view.index.unfinished_runs()
        })
    }

    /// What was found when the agent's files were read: what is damaged, and what an opening would repair.
    #[must_use]
    pub fn recovery(&self, agent: &AgentId) -> Option<&Recovery> {
        self.agents
            .get(agent)
            .map(|transcript| &transcript.recovery)
    }

    pub(crate) fn files(&self, agent: &AgentId) -> Result<(&dyn Disk, &Layout), Error> {
        Ok((&*self.disk, &self.transcript(agent)?.layout))
    }

    fn transcript(&self, agent: &AgentId) -> Result<&Transcript, Error> {
        self.agents.get(agent).ok_or_else(|| Error::UnknownAgent {
            agent: agent.clone(),
        })
    }
}
