//! What is due on sessions that nobody asks about: commit markers, archives, bounds. A pure plan; nothing is done here.
//!
//! Whoever owns a store asks for a plan now and then, carries it out, and tells what came of it.

use std::collections::{BTreeMap, BTreeSet};

use openclaw_types::{AgentId, SessionId, Timestamp};

use crate::{
    index::SessionSummary,
    limits::{COMMIT_ENTRIES_MAX, COMMIT_IDLE_MS, COMMITS_PLANNED_MAX, EXCESS_IDLE_MS},
};

/// What a keeper is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeeperOptions {
    /// Sessions that rest get commit markers.
    pub auto_commit: bool,
    /// Sessions idle for longer are archived.
    pub archive_after_ms: Option<u64>,
    /// What is done beyond the bounds below.
    pub excess: Excess,
    /// Sessions of an agent that are not archived.
    pub sessions_max: usize,
    /// Bytes of all archives together.
    pub archive_bytes_max: u64,
}

/// What is done beyond a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Nothing.
    Ignored,
    /// It is reported.
    Reported,
    /// The oldest sessions are archived, the oldest archives removed.
    Removed,
}

/// An archive, as far as a keeper cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptArchive {
    /// Whose.
    pub agent: AgentId,
    /// Of which session.
    pub session: SessionId,
    /// Time of its last entry.
    pub last_activity: Timestamp,
    /// Its size on disk.
    pub bytes: u64,
    /// Something was said in the session since: it needs the archive.
    pub in_use: bool,
}

/// Something that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// A commit marker.
    Commit {
        /// Whose session.
        agent: AgentId,
        /// Which.
        session: SessionId,
        /// The last number the marker can cover.
        last_seq: u64,
    },
    /// Archives of all sessions of an agent whose last entry is older.
    Archive {
        /// Whose sessions.
        agent: AgentId,
        /// Than this.
        cutoff: Timestamp,
    },
    /// An archive is to go for good, because there is no room for it.
    Remove {
        /// Whose session.
        agent: AgentId,
        /// Which.
        session: SessionId,
    },
}

/// A bound that is exceeded and only reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exceeded {
    /// An agent has more sessions that are not archived.
    Sessions {
        /// Which agent.
        agent: AgentId,
        /// How many it has.
        count: usize,
    },
    /// All archives together are larger.
    ArchiveBytes {
        /// How large they are.
        bytes: u64,
    },
}

/// Plans what is due, and remembers what needs no second look.
#[derive(Debug)]
pub struct Keeper {
    options: KeeperOptions,
    /// Up to which number nothing is left to commit, where the file itself does not tell.
    settled: BTreeMap<AgentId, BTreeMap<SessionId, u64>>,
}

impl Keeper {
    /// A keeper that knows nothing yet.
    #[must_use]
    pub const fn new(options: KeeperOptions) -> Self {
        Self {
            options,
            settled: BTreeMap::new(),
        }
    }

    /// The commit markers that are due now; at a stop, all that are missing.
    ///
    /// Work is bounded: what is left over is due the next time.
    #[must_use]
    pub fn commits(&self, now: Timestamp, sessions: &[SessionSummary], stopping: bool) -> Vec<Due> {
        if !self.options.auto_commit {
            return Vec::new();
        }
        let due = sessions.iter().filter(|summary| {
            let open = self.uncommitted(summary);
            let rests = millis(now.since_ms(summary.last_activity)) >= COMMIT_IDLE_MS;
            open > 0 && (rests || stopping || open >= COMMIT_ENTRIES_MAX)
        });
        let commit = |summary: &SessionSummary| Due::Commit {
            agent: summary.agent.clone(),
            session: summary.session.clone(),
            last_seq: summary.last_seq,
        };
        due.take(COMMITS_PLANNED_MAX).map(commit).collect()
    }

    /// Whether some session waits for its marker, so that it is worth looking again soon.
    #[must_use]
    pub fn is_waiting(&self, sessions: &[SessionSummary]) -> bool {
        let mut sessions = sessions.iter();
        self.options.auto_commit && sessions.any(|summary| self.uncommitted(summary) > 0)
    }

    /// A session needs no marker up to this number.
    pub fn settle(&mut self, agent: AgentId, session: SessionId, last_seq: u64) {
        let settled = self.settled.entry(agent).or_default();
        settled.insert(session, last_seq);
    }

    /// Forgets sessions that are no longer there.
    pub fn forget_missing(&mut self, sessions: &[SessionSummary]) {
        let there: BTreeSet<_> = sessions
            .iter()
            .map(|summary| (&summary.agent, &summary.session))
            .collect();
        self.settled.retain(|agent, settled| {
            settled.retain(|session, _| there.contains(&(agent, session)));
            !settled.is_empty()
        });
    }

    fn uncommitted(&self, summary: &SessionSummary) -> u64 {
        // The marker itself follows what it covers, and needs no marker of its own.
        let marked = summary.committed_seq.map_or(0, |through| through + 1);
        let settled = self.settled.get(&summary.agent);
        let settled = settled.and_then(|settled| settled.get(&summary.session));
        let settled = settled.copied().unwrap_or(0);
        summary.last_seq.saturating_sub(marked.max(settled))
    }

    /// What is to be archived and removed now.
    #[must_use]
    pub fn archives(
        &self,
        now: Timestamp,
        sessions: &[SessionSummary],
        archives: &[KeptArchive],
    ) -> Vec<Due> {
        let mut due = Vec::new();
        let mut by_agent: BTreeMap<&AgentId, Vec<Timestamp>> = BTreeMap::new();
        for summary in sessions {
            let times = by_agent.entry(&summary.agent).or_default();
            times.push(summary.last_activity);
        }
        for (agent, mut times) in by_agent {
            times.sort_unstable();
            if let Some(cutoff) = self.cutoff(now, &times)
                && times.first().is_some_and(|oldest| *oldest < cutoff)
            {
                let agent = agent.clone();
                due.push(Due::Archive { agent, cutoff });
            }
        }
        self.too_much(archives, &mut due);
        due
    }

    fn cutoff(&self, now: Timestamp, times: &[Timestamp]) -> Option<Timestamp> {
        let idle = self
            .options
            .archive_after_ms
            .map(|after| before(now, after));
        let too_many = times.len().checked_sub(self.options.sessions_max);
        let Some(too_many) = too_many.filter(|&count| count > 0) else {
            return idle;
        };
        if self.options.excess != Excess::Removed {
            return idle;
        }
        let newest_to_go = times.get(too_many - 1)?;
        let cutoff = Timestamp(newest_to_go.as_millis().saturating_add(1));
        // Whoever has just spoken goes on speaking, however many sessions there are.
        let cutoff = cutoff.min(before(now, EXCESS_IDLE_MS));
        Some(idle.map_or(cutoff, |idle| idle.max(cutoff)))
    }

    fn too_much(&self, archives: &[KeptArchive], due: &mut Vec<Due>) {
        let mut bytes: u64 = archives.iter().map(|archive| archive.bytes).sum();
        let bytes_max = self.options.archive_bytes_max;
        if self.options.excess != Excess::Removed {
            return;
        }
        // A session goes whole, with all of its archives, and not while it is used.
        let mut removable: BTreeMap<_, (Timestamp, u64)> = BTreeMap::new();
        for archive in archives.iter().filter(|archive| !archive.in_use) {
            let key = (&archive.agent, &archive.session);
            let (last, bytes) = removable.entry(key).or_insert((archive.last_activity, 0));
            *last = archive.last_activity.max(*last);
            *bytes += archive.bytes;
        }
        let mut oldest: Vec<_> = removable.into_iter().collect();
        oldest.sort_by_key(|(_, (last, _))| *last);
        for ((agent, session), (_, freed)) in oldest {
            if bytes <= bytes_max {
                break;
            }
            bytes -= freed;
            due.push(Due::Remove {
                agent: agent.clone(),
                session: session.clone(),
            });
        }
    }
}

/// What is beyond a bound and only reported: of the sessions each agent has, and of the bytes of all archives.
pub fn exceeded(
    options: &KeeperOptions,
    counts: impl Iterator<Item = (AgentId, usize)>,
    archive_bytes: u64,
) -> Vec<Exceeded> {
    if options.excess != Excess::Reported {
        return Vec::new();
    }
    let many = counts.filter(|(_, count)| *count > options.sessions_max);
    let mut found: Vec<_> = many
        .map(|(agent, count)| Exceeded::Sessions { agent, count })
        .collect();
    if archive_bytes > options.archive_bytes_max {
        found.push(Exceeded::ArchiveBytes {
            bytes: archive_bytes,
        });
    }
    found
}

fn millis(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}

fn before(now: Timestamp, ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp(now.as_millis().saturating_sub(ms))
}

#[cfg(test)]
mod tests;
