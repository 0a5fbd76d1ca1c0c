//! Verifying: every byte is read again from the files, and every commit marker's hash is taken again.

use std::path::PathBuf;

use openclaw_types::{AgentId, SessionId};

use crate::{
    agent::{AgentFiles, Quarantined, Recovery, View, load_read_only},
    chain::{Chain, unknown},
    disk::Disk,
    entry::{Entry, Fault, Marker, SUM_BYTES, decode},
    error::Error,
    history::{History, Told},
    limits::REWRITES_OVERTAKING_MAX,
    segment::Layout,
    snapshot::Snapshot,
    store::Store,
};

/// What a verification found.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// One after the other, in order of appearance.
    pub sessions: Vec<Verified>,
    /// Damaged places in the agent's files; at most a thousand are listed.
    pub damaged: Vec<Quarantined>,
}

/// What was found of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which.
    pub session: SessionId,
    /// How many entries, records included.
    pub entries: u64,
    /// How many commit markers.
    pub markers: u64,
    /// Every line up to this number is as it was committed.
    pub verified_through: Option<u64>,
    /// How many entries no marker covers, the last marker itself apart.
    pub uncommitted: u64,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Something wrong with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// Where in it; in an archive, of its text.
    pub offset: u64,
    /// What.
    pub what: Flaw,
}

/// What can be wrong with a session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A line is damaged.
    #[error("the entry is damaged: {0}")]
    Damaged(Fault),
    /// A marker's hash is not that of the lines.
    #[error("the lines up to number {through} are not those that were committed")]
    Changed {
        /// The number the marker names.
        through: u64,
    },
    /// A line of the marker kind says nothing that can be understood.
    #[error("the commit marker cannot be read")]
    Marker,
    /// The archive ends early.
    #[error("the archive holds {found} of {expected} entries")]
    Missing {
        /// How many there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// The archive cannot be unpacked.
    #[error("the archive cannot be unpacked: {0}")]
    Packed(std::io::ErrorKind),
}

impl Store {
    /// Reads an agent's files again, of one session or of all, and checks them against their commit markers.
    ///
    /// It trusts nothing that is in memory and reads every byte, so it blocks for as long as that takes.
    ///
    /// # Errors
    /// There is no such agent or session, or the disk cannot be read.
    pub fn verify(
        &self,
        agent: &AgentId,
        session: Option<&SessionId>,
    ) -> Result<Verification, Error> {
        self.reading(agent, |files, disk| {
            let (view, recovery) = fresh(files, disk)?;
            verify_view(disk, (&view, &files.layout), recovery, (agent, session))
        })
    }
}

impl Snapshot {
    /// Reads an agent's files again, of one session or of all, and checks them against their commit markers.
    ///
    /// # Errors
    /// There is no such agent or session, or the disk cannot be read.
    pub fn verify(
        &self,
        agent: &AgentId,
        session: Option<&SessionId>,
    ) -> Result<Verification, Error> {
        let (disk, layout) = self.files(agent)?;
        let (view, recovery) = load_read_only(disk, layout, false)?;
        verify_view(disk, (&view, layout), recovery, (agent, session))
    }
}

/// What the files hold now. A segment that is sealed or rewritten in the middle of it begins it again.
fn fresh(files: &AgentFiles, disk: &dyn Disk) -> Result<(View, Recovery), Error> {
    let mut read = load_read_only(disk, &files.layout, false)?;
    for _ in 0..REWRITES_OVERTAKING_MAX {
        if read.0.same_files(&files.view()) {
            break;
        }
        read = load_read_only(disk, &files.layout, false)?;
    }
    Ok(read)
}

fn verify_view(
    disk: &dyn Disk,
    (view, layout): (&View, &Layout),
    recovery: Recovery,
    (agent, session): (&AgentId, Option<&SessionId>),
) -> Result<Verification, Error> {
    let ids: Vec<_> = match session {
        Some(session) => vec![session.clone()],
        None => view.index.alive().cloned().collect(),
    };
    let mut sessions = Vec::with_capacity(ids.len());
    for id in ids {
        if !view.index.is_alive(&id) {
            return Err(unknown(agent, &id));
        }
        sessions.push(verify_session(disk, (view, layout), id)?);
    }
    Ok(Verification {
        sessions,
        damaged: recovery.quarantined,
    })
}

/// A marker that was come upon: its own number, where it stands, and what it says.
struct Come {
    path: PathBuf,
    offset: u64,
    marker: Marker,
}

fn verify_session(
    disk: &dyn Disk,
    (view, layout): (&View, &Layout),
    session: SessionId,
) -> Result<Verified, Error> {
    let mut found = Verified {
        session,
        entries: 0,
        markers: 0,
        verified_through: None,
        uncommitted: 0,
        problems: Vec::new(),
    };
    let mut history = History::of(view, layout, &found.session, 0);
    let mut markers = Vec::new();
    let mut last_marker = 0;
    history.each(disk, &mut |told| {
        if let Some((seq, come)) = found.first_look(&told) {
            last_marker = seq;
            markers.push(come);
        }
        true
    })?;
    let Some(last) = markers.last().map(|come| come.marker.through) else {
        found.uncommitted = found.entries;
        return Ok(found);
    };
    let mut hashed = Hashed::new(markers);
    history.each(disk, &mut |told| {
        if told.seq > last && told.seq != last_marker {
            found.uncommitted += 1;
        }
        hashed.take(&told);
        true
    })?;
    hashed.settle(u64::MAX);
    found.verified_through = hashed.verified;
    found.problems.append(&mut hashed.problems);
    Ok(found)
}

impl Verified {
    /// Counts a line and checks it alone; returns a marker and its own number.
    fn first_look(&mut self, told: &Told<'_>) -> Option<(u64, Come)> {
        let mut problem = |what| {
            self.problems.push(Problem {
                path: told.path.to_path_buf(),
                offset: told.offset,
                what,
            });
        };
        let bytes = match told.line {
            Ok(bytes) => bytes,
            Err(ref flaw) => {
                problem(flaw.clone());
                return None;
            }
        };
        self.entries += 1;
        if told.kind != crate::entry::Kind::Commit {
            return None;
        }
        self.markers += 1;
        let entry: Option<Entry> = decode(bytes).ok();
        let marker = entry.as_ref().and_then(Marker::of);
        let Some(marker) = marker.filter(|marker| marker.through < told.seq) else {
            problem(Flaw::Marker);
            return None;
        };
        let come = Come {
            path: told.path.to_path_buf(),
            offset: told.offset,
            marker,
        };
        Some((told.seq, come))
    }
}

/// The markers of a session, hashed again one after the other.
struct Hashed {
    /// Those still to be checked, the next one last.
    ahead: Vec<Come>,
    chain: Chain,
    verified: Option<u64>,
    problems: Vec<Problem>,
}

impl Hashed {
    fn new(mut markers: Vec<Come>) -> Self {
        markers.reverse();
        Self {
            ahead: markers,
            chain: Chain::behind(None),
            verified: None,
            problems: Vec::new(),
        }
    }

    fn take(&mut self, told: &Told<'_>) {
        self.settle(told.seq);
        if let Ok(bytes) = told.line {
            self.chain.take(bytes);
        }
    }

    /// Checks the markers whose lines have all been taken when the next line has this number.
    fn settle(&mut self, next_seq: u64) {
        while let Some(come) = self.ahead.pop_if(|come| come.marker.through < next_seq) {
            let Come {
                path,
                offset,
                marker,
            } = come;
            let chain = std::mem::replace(&mut self.chain, Chain::behind(Some(&marker)));
            let found: [u8; SUM_BYTES] = chain.marker(marker.through).sha256;
            if found == marker.sha256 {
                if self.problems.is_empty() {
                    self.verified = Some(marker.through);
                }
            } else {
                let through = marker.through;
                let what = Flaw::Changed { through };
                self.problems.push(Problem { path, offset, what });
            }
        }
    }
}
