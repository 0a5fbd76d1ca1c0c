//! The index and what is not in segments: archives, and what a rewrite of segments changes.

use std::sync::Arc;

use openclaw_types::{AgentId, SessionId, Timestamp};

use super::{Index, Place, Session, SessionSummary};
use crate::{archive::ArchiveFile, entry::OriginKind};

impl Index {
    /// Takes an archive before the segments are read: what they hold of its session follows it.
    pub(crate) fn seed(&mut self, archive: &Arc<ArchiveFile>) {
        let session = self.sessions.entry(archive.session.clone()).or_default();
        session.follow_archive(archive);
    }

    /// Gives a session back the archive it had when this index was saved.
    pub(crate) fn rejoin(&mut self, archive: &Arc<ArchiveFile>) {
        let session = self.sessions.entry(archive.session.clone()).or_default();
        if session.hides(archive.last_seq) {
            return;
        }
        if session.last_seq < archive.last_seq {
            session.follow_archive(archive);
        } else {
            session.archives.push(Arc::clone(archive));
        }
    }

    /// All sessions that are archived and not deleted.
    pub(crate) fn list_archived(&self, agent: &AgentId) -> impl Iterator<Item = SessionSummary> {
        let archived = self.sessions.iter().filter(|(_, found)| !found.is_here());
        archived.filter_map(|(id, session)| session.summary(agent, id))
    }

    /// Whether all of a session is in archives: nothing was said in it since.
    pub(crate) fn is_archived(&self, session: &SessionId) -> bool {
        let found = self.sessions.get(session);
        found.is_some_and(|found| found.is_alive() && !found.is_here())
    }

    /// Whether an archive is a part of a session that is not deleted.
    pub(crate) fn joins(&self, archive: &ArchiveFile) -> bool {
        let session = self.sessions.get(&archive.session);
        session.is_some_and(|found| found.archives.iter().any(|known| **known == *archive))
    }

    /// What an archive of a session's segments would be; `None` when none of it is in segments. Its size is to come.
    pub(crate) fn to_archive(&self, session: &SessionId) -> Option<(ArchiveFile, Vec<Place>)> {
        let (id, found) = self.sessions.get_key_value(session)?;
        let places = found.places.after(0, usize::MAX);
        let (first, last) = (places.first()?, places.last()?);
        let archive = ArchiveFile {
            session: id.clone(),
            file: crate::archive::name(id, last.seq),
            bytes: 0,
            entries: places.len() as u64,
            first_seq: first.seq,
            last_seq: last.seq,
            created: found.created,
            last_activity: found.last_activity,
            last_role: found.last_role,
            owner: found.owner,
            preview: found.preview.as_ref().to_owned(),
            marker: found.marker.as_deref().copied(),
        };
        Some((archive, places))
    }

    /// Whether there is or was such a session.
    pub(crate) fn is_known(&self, session: &SessionId) -> bool {
        let found = self.sessions.get(session);
        found.is_some_and(|found| found.is_alive() || found.tombstone.is_some())
    }

    /// Whether a session has a run that has not ended.
    pub(crate) fn is_running(&self, session: &SessionId) -> bool {
        let found = self.sessions.get(session);
        found.is_some_and(|found| found.runs.iter().next().is_some())
    }

    /// The sessions in segments that have been idle since before a time.
    pub(crate) fn idle_since(&self, cutoff: Timestamp) -> Vec<SessionId> {
        let idle = self.sessions.iter().filter(|(_, found)| {
            found.is_here() && found.last_activity < cutoff && found.runs.iter().next().is_none()
        });
        idle.map(|(id, _)| id.clone()).collect()
    }

    /// The sessions that were deleted at least once, whether or not they have begun anew.
    pub(crate) fn deleted(&self) -> impl Iterator<Item = &SessionId> {
        let sessions = self.sessions.iter();
        sessions.filter_map(|(id, session)| session.tombstone.is_some().then_some(id))
    }

    /// Whether anything of a session, its tombstone included, stands in a segment from this one on.
    pub(crate) fn reaches(&self, session: &SessionId, segment: u32) -> bool {
        let Some(found) = self.sessions.get(session) else {
            return false;
        };
        let last = found.places.tail(1).pop();
        let mut places = last.iter().chain(&found.tombstone);
        places.any(|place| place.segment >= segment)
    }

    /// Where the line stands that hides those of a session before it, by segment and offset.
    pub(crate) fn hidden_before(&self, session: &str) -> Option<(u32, u64)> {
        let tombstone = self.sessions.get(session)?.tombstone?;
        Some((tombstone.segment, tombstone.offset))
    }

    /// Changes places as a rewrite of the segments up to `last` did. `find` says where a place is now.
    pub(crate) fn rewritten(&mut self, last: u32, find: &dyn Fn(Place) -> Option<Place>) {
        for session in self.sessions.values_mut() {
            let now = |place: Place| match place.segment <= last {
                true => find(place),
                false => Some(place),
            };
            session.tombstone = session.tombstone.and_then(now);
            session.places.change(last, &now);
        }
    }

    /// Gives a session an archive that was just made of it, unless it was deleted meanwhile.
    pub(crate) fn archived(&mut self, archive: &Arc<ArchiveFile>) {
        let Some(session) = self.sessions.get_mut(&archive.session) else {
            return;
        };
        if !session.hides(archive.last_seq) {
            session.archives.push(Arc::clone(archive));
        }
    }
}

impl Session {
    /// Whether a tombstone hides the entry of a number.
    fn hides(&self, seq: u64) -> bool {
        self.tombstone.is_some_and(|tombstone| tombstone.seq > seq)
    }

    fn follow_archive(&mut self, archive: &Arc<ArchiveFile>) {
        if self.archives.is_empty() {
            self.created = archive.created;
            self.owner = archive.owner;
        } else if archive.owner == Some(OriginKind::Operator) {
            self.owner = archive.owner;
        }
        self.last_seq = self.last_seq.max(archive.last_seq);
        self.last_written_seq = self.last_written_seq.max(archive.last_seq);
        self.last_activity = archive.last_activity;
        self.last_role = archive.last_role;
        self.preview = archive.preview.as_str().into();
        self.marker = archive.marker.map(Box::new);
        self.archives.push(Arc::clone(archive));
    }
}
