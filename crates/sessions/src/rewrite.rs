//! The only three rewrites of history: archiving, purging, and compaction. Each happens whole or not at all.
//!
//! A rewrite never changes a file. It seals the active segment if that is concerned, writes new generations of sealed
//! segments and new archives beside the old ones, reads them again, and then replaces the list of files in one durable
//! step; after that the old files are deleted. Until that step the old list and the old files are what there is. What
//! is appended meanwhile goes to later segments, which no rewrite touches. Files that a rewrite writes are noted in the
//! list as obsolete before they exist, so that what an interrupted one left behind is deleted at the next start.

use std::{path::PathBuf, sync::Arc};

use openclaw_types::{AgentId, SessionId, Timestamp};

use self::{
    plan::Plan,
    swap::{Done, Swap},
};
use crate::{
    agent::AgentFiles,
    chain::{unknown, wait},
    commit::Condition,
    entry::{Draft, Entry, Kind},
    error::Error,
    keeper::KeptArchive,
    limits::REWRITE_SESSIONS_MAX,
    store::Store,
};

mod copy;
mod plan;
mod swap;

/// Which sessions are archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those of which the last entry is older than this. One with a run that has not ended stays.
    OlderThan(Timestamp),
    /// This one.
    Session(SessionId),
}

/// A session that was archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// Which.
    pub session: SessionId,
    /// How many entries the archive holds.
    pub entries: u64,
    /// Its size on disk.
    pub bytes: u64,
    /// Where it is.
    pub path: PathBuf,
}

/// What a rewrite did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rewritten {
    /// The sessions that were concerned.
    pub sessions: Vec<SessionId>,
    /// Bytes of the agent's sealed segments and archives before it.
    pub bytes_before: u64,
    /// And after it.
    pub bytes_after: u64,
}

/// What is to be done to which sessions.
#[derive(Debug, Clone)]
enum Task {
    /// Their entries go to archives.
    Archive(Vec<SessionId>),
    /// What their tombstones hide goes for good.
    Thin(Vec<SessionId>),
}

impl Store {
    /// Moves sessions to archives, whole, each after a last commit marker. They are read as before and are no longer
    /// listed; an entry that is appended to one goes on with its numbers and puts it back on the list.
    ///
    /// It reads and writes all of the segments concerned, so it blocks for as long as that takes. Sessions of which an
    /// entry can't be read stay where they are.
    ///
    /// # Errors
    /// There is no such session, or it has a run that has not ended; or the disk refuses: then nothing has changed.
    pub fn archive(&self, agent: &AgentId, which: &Which) -> Result<Vec<Archived>, Error> {
        let files = self.agent(agent)?;
        let _maintenance = files.maintenance();
        let mut archived = Vec::new();
        loop {
            let mut sessions = sessions_of(&files, which)?;
            // Those that could not be archived come again.
            sessions.truncate(REWRITE_SESSIONS_MAX);
            if sessions.is_empty() {
                return Ok(archived);
            }
            for session in &sessions {
                if files.is_stopping() {
                    return Err(Error::Closed);
                }
                match self.commit(agent, session) {
                    // It is said below, or this one stays for the sake of the others.
                    Ok(_) | Err(Error::Damaged { .. } | Error::UnknownSession { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            let count = sessions.len();
            let made = self
                .rewrite(&files, Task::Archive(sessions), "archive")?
                .archives;
            if let (Which::Session(session), []) = (which, made.as_slice()) {
                // It may have begun a run, or have been deleted meanwhile.
                sessions_of(&files, which)?;
                return Err(Error::Unreadable {
                    agent: agent.clone(),
                    session: session.clone(),
                });
            }
            let all = count < REWRITE_SESSIONS_MAX || made.is_empty();
            archived.extend(made.iter().map(|archive| Archived {
                session: archive.session.clone(),
                entries: archive.entries,
                bytes: archive.bytes,
                path: files.layout.archive(&archive.file),
            }));
            if all {
                return Ok(archived);
            }
        }
    }

    /// Removes every byte of sessions, archives included, but for the tombstones that keep their numbers. Sessions
    /// that are not deleted are deleted first.
    ///
    /// It reads all of the agent's segments, so it blocks for as long as that takes.
    ///
    /// # Errors
    /// There was never such a session; or the disk refuses: then nothing but the deletion has
    /// happened, or some of the old files are still there, which the next call tries to remove again.
    pub fn purge(&self, agent: &AgentId, sessions: &[SessionId]) -> Result<Rewritten, Error> {
        let files = self.agent(agent)?;
        let _maintenance = files.maintenance();
        for session in sessions {
            if !files.view().index.is_known(session) {
                return Err(unknown(agent, session));
            }
        }
        for session in sessions {
            if files.view().index.is_alive(session) {
                self.delete_now(agent, session)?;
            }
        }
        self.rewrite(&files, Task::Thin(sessions.to_vec()), "purge")?
            .gone()
    }

    /// Purges sessions of which all is in archives. One that somebody has written to since stays as it is, whole, and
    /// is not among those that were concerned.
    ///
    /// # Errors
    /// As of [`Store::purge`].
    pub fn purge_archived(
        &self,
        agent: &AgentId,
        sessions: &[SessionId],
    ) -> Result<Rewritten, Error> {
        let files = self.agent(agent)?;
        let _maintenance = files.maintenance();
        let mut gone = Vec::new();
        for session in sessions {
            let draft = Draft::record(Kind::Tombstone, session.clone());
            let tombstone = Entry::from_draft(draft, String::new(), self.now(), 0);
            let done = wait(self.append_if(agent, tombstone, Condition::Archived))?;
            if !done.is_empty() {
                gone.push(session.clone());
            }
        }
        if gone.is_empty() {
            return Ok(Rewritten::default());
        }
        self.rewrite(&files, Task::Thin(gone), "purge")?.gone()
    }

    /// Removes what tombstones hide.
    ///
    /// It reads all of the agent's segments, so it blocks for as long as that takes.
    ///
    /// # Errors
    /// The disk refuses: then nothing has changed, or some of the old files are still there.
    pub fn compact(&self, agent: &AgentId) -> Result<Rewritten, Error> {
        let files = self.agent(agent)?;
        let _maintenance = files.maintenance();
        let deleted = files.view().index.deleted().cloned().collect();
        self.rewrite(&files, Task::Thin(deleted), "compact")?.gone()
    }

    /// All archives of open agents, those of deleted sessions left out.
    #[must_use]
    pub fn archives(&self) -> Vec<KeptArchive> {
        let mut found = Vec::new();
        for files in self.wanted(None) {
            let view = files.view();
            let archives = view.archives.iter();
            let kept = archives.filter(|archive| view.index.joins(archive));
            found.extend(kept.map(|archive| KeptArchive {
                agent: files.id.clone(),
                session: archive.session.clone(),
                last_activity: archive.last_activity,
                bytes: archive.bytes,
                in_use: !view.index.is_archived(&archive.session),
            }));
        }
        found
    }

    fn rewrite(
        &self,
        files: &Arc<AgentFiles>,
        task: Task,
        what: &'static str,
    ) -> Result<Done, Error> {
        let agent = Arc::clone(files);
        let planned = self.exclusively(move |shared| Plan::make(shared, &agent, task))??;
        let Some(plan) = planned else {
            return Ok(Done::default());
        };
        let agent = Arc::clone(files);
        let swap = plan.write(self.disk(), files)?;
        let done = self.exclusively(move |shared| swap.apply(shared, &agent))??;
        let Rewritten {
            sessions,
            bytes_before,
            bytes_after,
        } = &done.rewritten;
        tracing::info!(target: "openclaw::event::rewrite", agent = %files.id, what, sessions = sessions.len(), bytes_before, bytes_after);
        Ok(done)
    }
}

impl Done {
    /// What was done, if the bytes are gone with it.
    fn gone(self) -> Result<Rewritten, Error> {
        self.left.map_or(Ok(self.rewritten), Err)
    }
}

/// The sessions to archive that are not, or not all, in archives.
fn sessions_of(files: &AgentFiles, which: &Which) -> Result<Vec<SessionId>, Error> {
    let view = files.view();
    let session = match which {
        Which::OlderThan(cutoff) => return Ok(view.index.idle_since(*cutoff)),
        Which::Session(session) => session,
    };
    let Some((_, places)) = view.index.whereabouts(session) else {
        return Err(unknown(&files.id, session));
    };
    if view.index.is_running(session) {
        return Err(Error::Running {
            agent: files.id.clone(),
            session: session.clone(),
        });
    }
    let here = places.len() > 0;
    Ok(here.then(|| session.clone()).into_iter().collect())
}
