//! Reading a store: pages, lines and searches, by a view that a rewrite may overtake.

use std::sync::{Arc, atomic::Ordering::Relaxed, mpsc};

use openclaw_types::{AgentId, SessionId};
use tokio::time::Duration;

use super::Store;
use crate::{
    agent::{AgentFiles, View},
    chain::unknown,
    commit::{Command, lock},
    disk::Disk,
    entry::Entry,
    error::Error,
    export::{Lines, line_places, read_lines},
    limits::{PAGE_ENTRIES_MAX, REREAD_DEADLINE_MS, REWRITES_OVERTAKING_MAX},
    page::{Page, PagePlaces, page_places, read_page},
    search::{Found, Ground, Query, search},
};

impl Store {
    /// Reads by a view that a rewrite may overtake: when a file has gone with it, reads again by the new one.
    pub(crate) fn reading<T>(
        &self,
        agent: &AgentId,
        read: impl Fn(&AgentFiles, &dyn Disk) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let files = self.agent(agent)?;
        let disk = &*self.0.shared.disk;
        let mut result = read(&files, disk);
        for _ in 0..REWRITES_OVERTAKING_MAX {
            match &result {
                Err(error) if error.is_gone() => result = read(&files, disk),
                _ => break,
            }
        }
        result
    }

    /// The last live entries of a session in file order; none when there is no such session.
    ///
    /// The cost does not depend on how long the session is.
    ///
    /// # Errors
    /// The agent is not open, or the disk cannot be read.
    pub fn tail(
        &self,
        agent: &AgentId,
        session: &SessionId,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, Error> {
        let files = self.agent(agent)?;
        let key = (agent.clone(), session.clone());
        {
            let view = files.view();
            let Some((archives, places)) = view.index.whereabouts(session) else {
                return Ok(Vec::new());
            };
            let archived: u64 = archives.iter().map(|archive| archive.entries).sum();
            let all = places.len() + usize::try_from(archived).unwrap_or(usize::MAX);
            let count = limit.min(all).min(PAGE_ENTRIES_MAX);
            if let Some(found) = lock(&self.0.shared.cache).tail(&key, count) {
                return Ok(found);
            }
        }
        let look = |view: &View| page_places(&view.index, session, None, limit);
        let Some((page, last)) = self.read(&files, session, look)? else {
            return Ok(Vec::new());
        };
        if let Some(last) = last {
            self.remember(&files, &key, last, &page.entries);
        }
        Ok(page.entries)
    }

    /// Keeps entries that were read, unless the session has moved on meanwhile.
    fn remember(
        &self,
        files: &AgentFiles,
        key: &(AgentId, SessionId),
        last_seq: u64,
        entries: &[Arc<Entry>],
    ) {
        let view = files.view();
        if view.index.is_alive(&key.1) && view.index.last_seq(&key.1) == last_seq {
            lock(&self.0.shared.cache).fill(key.clone(), entries);
        }
    }

    /// A page of a session, counted from its end.
    ///
    /// # Errors
    /// The agent is not open, there is no such session, or the disk cannot be read.
    pub fn page(
        &self,
        agent: &AgentId,
        session: &SessionId,
        before_seq: Option<u64>,
        limit: usize,
    ) -> Result<Page, Error> {
        let files = self.agent(agent)?;
        let look = |view: &View| page_places(&view.index, session, before_seq, limit);
        let found = self.read(&files, session, look)?;
        found
            .map(|(page, _)| page)
            .ok_or_else(|| unknown(agent, session))
    }

    /// Looks entries up and reads them; with them comes the number of the session's last entry when all that were
    /// looked up are there.
    ///
    /// Where an index that came from its cache is wrong about one, the transcript is read again, and so are they.
    /// A rewrite may take away the files that were looked up: then it begins again.
    fn read(
        &self,
        files: &Arc<AgentFiles>,
        session: &SessionId,
        look: impl Fn(&View) -> Option<PagePlaces>,
    ) -> Result<Option<(Page, Option<u64>)>, Error> {
        let mut again = true;
        let mut overtaken = 0;
        loop {
            let (places, mut reader, cached, last_seq) = {
                let view = files.view();
                let Some(places) = look(&view) else {
                    return Ok(None);
                };
                let reader = view.reader(&files.layout);
                let last_seq = view.index.last_seq(session);
                (places, reader, view.cached.is_some(), last_seq)
            };
            let disk = &*self.0.shared.disk;
            let (page, unreadable) = match read_page(disk, session, &places, &mut reader) {
                Err(error) if error.is_gone() && overtaken < REWRITES_OVERTAKING_MAX => {
                    overtaken += 1;
                    continue;
                }
                other => other?,
            };
            if unreadable > 0 && cached && std::mem::take(&mut again) && self.reread(files) {
                continue;
            }
            let counters = &self.0.shared.counters;
            counters.unreadable.fetch_add(unreadable, Relaxed);
            return Ok(Some((page, (unreadable == 0).then_some(last_seq))));
        }
    }

    /// Has a transcript read again without the cache of its index; says whether that was done.
    fn reread(&self, files: &Arc<AgentFiles>) -> bool {
        let (done, read) = mpsc::sync_channel(1);
        let asked = Command::Reread(Arc::clone(files), done);
        self.0.inbox.push_control(asked).is_ok()
            && read
                .recv_timeout(Duration::from_millis(REREAD_DEADLINE_MS))
                .is_ok()
    }

    /// Lines of a session as they stand in the files, from the number behind `after_seq` on: about `bytes_max` bytes,
    /// and at least one line. None are left when the answer is empty.
    ///
    /// # Errors
    /// The agent is not open, there is no such session, or the disk cannot be read.
    pub fn lines(
        &self,
        agent: &AgentId,
        session: &SessionId,
        after_seq: u64,
        bytes_max: usize,
    ) -> Result<Lines, Error> {
        self.reading(agent, |files, disk| {
            let (places, mut reader) = {
                let view = files.view();
                let places = line_places(&view, session, after_seq, bytes_max);
                let places = places.ok_or_else(|| unknown(agent, session))?;
                (places, view.reader(&files.layout))
            };
            read_lines(disk, &places, &mut reader)
        })
    }

    /// Searches the transcripts of the open agents, the newest entries first. It reads files, so it may block for
    /// as long as reading all of them takes; `stop` is asked often, and ends it early.
    ///
    /// # Errors
    /// The text can't be searched for, the agent is not open, or the disk cannot be read.
    pub fn search(&self, query: &Query, stop: &(dyn Fn() -> bool + Sync)) -> Result<Found, Error> {
        let agents: Vec<_> = match &query.agent {
            Some(agent) => vec![self.agent(agent)?],
            None => self.wanted(None),
        };
        let mut overtaken = 0;
        loop {
            let grounds: Vec<_> = agents.iter().map(Ground::open_agent).collect();
            let found = search(&*self.0.shared.disk, &grounds, query, stop)?;
            // What a rewrite moved meanwhile may have been missed.
            overtaken += 1;
            if overtaken > REWRITES_OVERTAKING_MAX || !grounds.iter().any(Ground::is_overtaken) {
                return Ok(found);
            }
        }
    }
}
