//! What is where: rebuilt from the file at every open, never an authority over it.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;
use openclaw_types::{AgentId, Role, RunId, SessionId, Timestamp};

pub(crate) use self::places::{Place, Places};
use self::runs::OpenRuns;
use crate::{
    archive::ArchiveFile,
    chain::Life,
    entry::{Entry, Fault, Kind, Line, Marker, OriginKind, decode},
    limits::{PREVIEW_CHARS_MAX, SEQ_MAX},
};

mod archived;
mod places;
mod runs;
mod saved;

/// One session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Whose.
    pub agent: AgentId,
    /// Which.
    pub session: SessionId,
    /// How many entries, records included.
    pub entries: u64,
    /// Time of the first entry.
    pub created: Timestamp,
    /// Time of the last entry.
    pub last_activity: Timestamp,
    /// Role of the last message.
    pub last_role: Role,
    /// The beginning of the last message, on one line.
    pub preview: String,
    /// Who caused the first entry, or `Operator` as soon as an operator has spoken in it.
    pub owner: Option<OriginKind>,
    /// The number of the last entry that a commit marker covers.
    pub committed_seq: Option<u64>,
    /// Number of the last entry.
    pub last_seq: u64,
    /// It is in the archive, and nothing was said in it since.
    pub archived: bool,
}

/// All sessions of one agent.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// In order of appearance. A hash, because reading a large file back looks up every line's session.
    sessions: IndexMap<SessionId, Session>,
    /// Numbers that failed appends have used up.
    burned: BTreeMap<SessionId, u64>,
    /// How many runs have begun.
    appeared: u64,
    /// How many of them had begun when the files were read; `u64::MAX` while they are being read.
    found: u64,
    /// Entries in all, hidden ones included.
    entries: u64,
    /// Where the session of the last line read back is: the next line is often of the same one.
    recent: usize,
}

#[derive(Debug)]
struct Session {
    /// What stands in segments.
    places: Places,
    /// What came before that and was archived, in order.
    archives: Vec<Arc<ArchiveFile>>,
    last_seq: u64,
    /// The highest number that stands in a file, and was not merely counted.
    last_written_seq: u64,
    created: Timestamp,
    last_activity: Timestamp,
    last_role: Role,
    last_message: Option<Place>,
    preview: Box<str>,
    owner: Option<OriginKind>,
    /// The last commit marker, and its own number.
    marker: Option<Box<(u64, Marker)>>,
    /// Where the last tombstone is: everything of the session before it is hidden.
    tombstone: Option<Place>,
    runs: OpenRuns,
}

/// What the index needs of an entry, read back or just written.
struct Facts<'a> {
    timestamp: Timestamp,
    role: Role,
    kind: Kind,
    run: Option<&'a str>,
    calls_tools: bool,
    marker: Option<Marker>,
}

/// What is committed of a session, and what is not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Committed {
    /// The last marker.
    pub(crate) marker: Option<Marker>,
    /// What the next marker holds for.
    pub(crate) life: Life,
    /// The number of the last entry.
    pub(crate) last_seq: u64,
    /// There is more behind what the marker covers than the marker itself.
    pub(crate) is_due: bool,
}

impl Index {
    /// An index about to be filled from files.
    pub(crate) fn reading() -> Self {
        Self {
            found: u64::MAX,
            ..Self::default()
        }
    }

    /// Ends the reading: runs that begin from now on are not unfinished ones.
    ///
    /// `read` fetches an entry, for the previews.
    pub(crate) fn finish_reading(&mut self, mut read: impl FnMut(Place) -> Option<Entry>) {
        self.found = self.appeared;
        for session in self.sessions.values_mut() {
            session.runs.shrink();
            let Some(place) = session.last_message.take() else {
                continue;
            };
            let message = read(place);
            session.preview = message
                .map(|entry| preview(&entry.content))
                .unwrap_or_default();
        }
    }

    /// Takes a line that was read back, in file order.
    ///
    /// # Errors
    /// The line's number was used before, or its session's name is no name.
    pub(crate) fn restore(
        &mut self,
        mut place: Place,
        line: &Line<'_>,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        let name = line.session.as_ref();
        let recent = self.sessions.get_index(self.recent);
        if recent.is_none_or(|(id, _)| id.as_str() != name) {
            self.recent = match self.sessions.get_index_of(name) {
                Some(at) => at,
                None => {
                    let Ok(id) = SessionId::parse(name) else {
                        return Err(Fault::Key { key: "sessionId" });
                    };
                    self.sessions.insert_full(id, Session::default()).0
                }
            };
        }
        let session = &mut self.sessions[self.recent];
        place.seq = session.accept(line.seq)?;
        let first = !session.is_alive();
        let owner = if first {
            decode(bytes)
                .ok()
                .and_then(|entry| entry.origin)
                .map(|origin| origin.kind)
        } else {
            line.operator.then_some(OriginKind::Operator)
        };
        let facts = Facts::of_line(line, bytes);
        if session.note(place, &facts, owner) {
            session.last_message = Some(place);
        }
        session.follow(&facts, &mut self.appeared);
        self.entries += 1;
        Ok(())
    }

    /// Takes an entry that has just become durable.
    pub(crate) fn append(&mut self, place: Place, entry: &Entry) {
        let session = self.sessions.entry(entry.session.clone()).or_default();
        session.last_seq = session.last_seq.max(place.seq);
        session.last_written_seq = session.last_seq;
        let facts = Facts::of_entry(entry);
        let owner = entry.origin.as_ref().map(|origin| origin.kind);
        if session.note(place, &facts, owner) {
            session.preview = preview(&entry.content);
        }
        session.follow(&facts, &mut self.appeared);
        self.entries += 1;
    }

    /// The number the session's next entry gets.
    pub(crate) fn next_seq(&self, session: &SessionId) -> u64 {
        let written = self.sessions.get(session).map_or(0, |found| found.last_seq);
        let burned = self.burned.get(session).copied().unwrap_or(0);
        written.max(burned) + 1
    }

    /// Never gives out numbers up to `seq` again: bytes that carry them may still reach the disk.
    pub(crate) fn burn(&mut self, session: SessionId, seq: u64) {
        let burned = self.burned.entry(session).or_insert(0);
        *burned = seq.max(*burned);
    }

    /// Keeps the other index's used-up numbers, when this one was read from the same files again.
    pub(crate) fn inherit_burned(&mut self, old: Self) {
        for (session, found) in old.sessions {
            if found.last_seq > 0 {
                self.burn(session, found.last_seq);
            }
        }
        for (session, seq) in old.burned {
            self.burn(session, seq);
        }
    }

    /// Where the entries of a session are, unless it is deleted.
    pub(crate) fn whereabouts(
        &self,
        session: &SessionId,
    ) -> Option<(&[Arc<ArchiveFile>], &Places)> {
        let found = self
            .sessions
            .get(session)
            .filter(|found| found.is_alive())?;
        Some((&found.archives, &found.places))
    }

    /// The number of a session's last line, whatever it is.
    pub(crate) fn last_seq(&self, session: &SessionId) -> u64 {
        self.sessions.get(session).map_or(0, |found| found.last_seq)
    }

    /// The sessions that are not deleted, archived ones included.
    pub(crate) fn alive(&self) -> impl Iterator<Item = &SessionId> {
        let sessions = self.sessions.iter();
        sessions.filter_map(|(id, session)| session.is_alive().then_some(id))
    }

    /// Whether there is such a session, archived or not.
    pub(crate) fn is_alive(&self, session: &SessionId) -> bool {
        self.sessions.get(session).is_some_and(Session::is_alive)
    }

    /// What is committed of a session that is not deleted.
    pub(crate) fn committed(&self, session: &SessionId) -> Option<Committed> {
        let found = self.sessions.get(session)?;
        let archived = found.archives.last().map(|archive| archive.last_seq);
        let last = found.places.tail(1).pop().map(|place| place.seq);
        let (at, marker) = match found.marker.as_deref() {
            Some((at, marker)) => (*at, Some(*marker)),
            None => (0, None),
        };
        let through = marker.map_or(0, |marker| marker.through);
        let mut behind = found.places.after(through, 2).into_iter();
        let archived_behind = archived.is_some_and(|seq| seq > through && seq != at);
        Some(Committed {
            marker,
            life: Life {
                tombstone: found.tombstone.map_or(0, |place| place.seq),
                marker: at,
            },
            last_seq: last.or(archived)?,
            is_due: archived_behind || behind.any(|place| place.seq != at),
        })
    }

    /// One session's summary, unless it is deleted.
    pub(crate) fn summary(&self, agent: &AgentId, session: &SessionId) -> Option<SessionSummary> {
        let (id, found) = self.sessions.get_key_value(session)?;
        found.summary(agent, id)
    }

    /// All sessions that are neither deleted nor archived.
    pub(crate) fn list(&self, agent: &AgentId) -> impl Iterator<Item = SessionSummary> {
        let here = self.sessions.iter().filter(|(_, found)| found.is_here());
        here.filter_map(|(id, session)| session.summary(agent, id))
    }

    /// Entries in all, hidden ones included.
    pub(crate) const fn entries(&self) -> u64 {
        self.entries
    }

    /// How many sessions are neither deleted nor archived.
    pub(crate) fn len(&self) -> usize {
        self.sessions
            .values()
            .filter(|found| found.is_here())
            .count()
    }

    /// Runs that were cut off before this index was read, the oldest first.
    pub(crate) fn unfinished_runs(&self) -> Vec<(SessionId, RunId)> {
        let mut runs = Vec::new();
        for (id, session) in &self.sessions {
            let named = session.runs.iter();
            runs.extend(named.filter_map(|(run, at)| Some((at, id, RunId::parse(run).ok()?))));
        }
        runs.retain(|&(appeared, ..)| appeared <= self.found);
        runs.sort_unstable_by_key(|&(appeared, ..)| appeared);
        let runs = runs.into_iter();
        runs.map(|(_, id, run)| (id.clone(), run)).collect()
    }
}

impl Session {
    /// The number a line read back gets: its own, unless lines without one have been counted that far; then the
    /// next, so that no two entries share one and pages leave nothing out.
    fn accept(&mut self, written: u64) -> Result<u64, Fault> {
        if written > SEQ_MAX {
            return Err(Fault::Key { key: "seq" });
        }
        if written > 0 && written <= self.last_written_seq {
            return Err(Fault::Duplicate);
        }
        if written > 0 {
            self.last_written_seq = written;
        }
        self.last_seq = written.max(self.last_seq + 1);
        Ok(self.last_seq)
    }

    /// Something of it stands in segments.
    const fn is_here(&self) -> bool {
        self.places.len() > 0
    }

    /// It is not deleted.
    const fn is_alive(&self) -> bool {
        self.is_here() || !self.archives.is_empty()
    }

    /// Takes an entry's facts; says whether it is a message somebody said.
    fn note(&mut self, place: Place, facts: &Facts<'_>, owner: Option<OriginKind>) -> bool {
        if facts.kind == Kind::Tombstone {
            *self = Self {
                last_seq: self.last_seq,
                last_written_seq: self.last_written_seq,
                tombstone: Some(place),
                ..Self::default()
            };
            return false;
        }
        let first = !self.is_alive();
        if first {
            self.created = facts.timestamp;
            self.last_role = facts.role;
            self.owner = owner;
        } else if owner == Some(OriginKind::Operator) {
            // What an operator said is in there from now on.
            self.owner = owner;
        }
        // A marker is nobody's activity: a session that gets one has rested, and goes on resting.
        if facts.kind != Kind::Commit || first {
            self.last_activity = facts.timestamp;
        }
        self.places.push(place);
        if let Some(marker) = facts.marker
            && marker.through < place.seq
        {
            self.marker = Some(Box::new((place.seq, marker)));
        }
        let message = facts.kind == Kind::Message;
        if message {
            self.last_role = facts.role;
        }
        message
    }

    /// Begins the run that begins here, or ends the one that ends here.
    fn follow(&mut self, facts: &Facts<'_>, appeared: &mut u64) {
        let Some(run) = facts.run else {
            return;
        };
        match (facts.kind, facts.role) {
            (Kind::Message, Role::User) => {
                *appeared += 1;
                self.runs.begin(run, *appeared);
            }
            (Kind::Message, Role::Assistant) if !facts.calls_tools => self.runs.end(run),
            (Kind::Aborted, _) => self.runs.end(run),
            _ => {}
        }
    }

    fn summary(&self, agent: &AgentId, session: &SessionId) -> Option<SessionSummary> {
        let archived: u64 = self.archives.iter().map(|archive| archive.entries).sum();
        self.is_alive().then(|| SessionSummary {
            agent: agent.clone(),
            session: session.clone(),
            entries: archived + self.places.len() as u64,
            created: self.created,
            last_activity: self.last_activity,
            last_role: self.last_role,
            preview: self.preview.as_ref().to_owned(),
            owner: self.owner,
            committed_seq: self.marker.as_ref().map(|marker| marker.1.through),
            last_seq: self.last_seq,
            archived: !self.is_here(),
        })
    }
}

impl Default for Session {
    fn default() -> Self {
        Self {
            places: Places::default(),
            archives: Vec::new(),
            last_seq: 0,
            last_written_seq: 0,
            created: Timestamp(0),
            last_activity: Timestamp(0),
            last_role: Role::System,
            last_message: None,
            preview: Box::default(),
            owner: None,
            marker: None,
            tombstone: None,
            runs: OpenRuns::default(),
        }
    }
}

impl<'a> Facts<'a> {
    fn of_line(line: &'a Line<'_>, bytes: &[u8]) -> Self {
        let marked = (line.kind == Kind::Commit)
            .then(|| decode(bytes).ok())
            .flatten();
        Self {
            marker: marked.and_then(|entry| Marker::of(&entry)),
            timestamp: line.timestamp,
            role: line.role,
            kind: line.kind,
            run: line.run.as_deref(),
            calls_tools: line.calls_tools,
        }
    }

    fn of_entry(entry: &'a Entry) -> Self {
        Self {
            marker: Marker::of(entry),
            timestamp: entry.timestamp,
            role: entry.role,
            kind: entry.kind,
            run: entry.run.as_ref().map(RunId::as_str),
            calls_tools: entry.calls_tools(),
        }
    }
}

/// The beginning of a text on one line.
pub(crate) fn preview(text: &str) -> Box<str> {
    let text = text.trim_start();
    let end = text.char_indices().nth(PREVIEW_CHARS_MAX);
    let head = end.map_or(text, |(end, _)| &text[..end]);
    if end.is_none() && !head.contains(char::is_control) {
        return head.into();
    }
    let mut line = head.replace(char::is_control, " ");
    if end.is_some() {
        line.push('…');
    }
    line.into_boxed_str()
}
