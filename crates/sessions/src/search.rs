//! Full-text search straight over the files: no index, no server, nothing to keep up to date.
//!
//! Segments are swept as bytes by a few threads, newest first. A line that may match is read as an entry, its text is
//! searched again, and the index is asked whether the line counts: deleted and damaged lines are never hits.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use openclaw_types::{AgentId, Part, Role, SessionId, Timestamp};
use serde_json::Value;

pub(crate) use self::ground::Ground;
use self::{
    needle::Needle,
    snippet::snippet,
    sweep::{Candidate, Next, sweep},
};
use crate::{
    archive::{ArchiveFile, ArchiveReader, PackedLine},
    commit::lock,
    disk::Disk,
    entry::{Entry, Kind, decode},
    error::Error,
    limits::{SEARCH_HITS_MAX, SEARCH_THREADS_MAX},
    recover::{Found as Piece, take_line},
};

mod fold;
mod ground;
mod needle;
mod snippet;
mod sweep;

/// Longest text searched for.
pub(crate) const QUERY_BYTES_MAX: usize = 1_024;
/// Lines of an archive between two looks whether the search is to end: less than a millisecond's.
const LINES_BETWEEN_LOOKS: usize = 256;

/// What to search for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Only this agent's sessions.
    pub agent: Option<AgentId>,
    /// Only the session of this name.
    pub session: Option<SessionId>,
    /// The text, taken literally.
    pub text: String,
    /// Whether capitals count.
    pub case: Case,
    /// How many hits, the newest ones.
    pub limit: usize,
    /// Only entries older than this.
    pub before: Option<Timestamp>,
    /// Only entries as old as this or newer.
    pub after: Option<Timestamp>,
}

impl Query {
    /// A search for a text everywhere.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            agent: None,
            session: None,
            text: text.into(),
            case: Case::Smart,
            limit: 50,
            before: None,
            after: None,
        }
    }
}

/// Whether capitals count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Case {
    /// They do when the text has one.
    #[default]
    Smart,
    /// They do.
    Sensitive,
    /// They don't.
    Insensitive,
}

/// Why a text can't be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryFault {
    /// It is empty.
    #[error("the text to search for is empty")]
    Empty,
    /// It is too long.
    #[error("the text to search for has {bytes} bytes, more than {QUERY_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// An entry that holds the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Whose.
    pub agent: AgentId,
    /// In which session.
    pub session: SessionId,
    /// The entry's number.
    pub seq: u64,
    /// The entry's id; empty in files of other tools.
    pub id: String,
    /// When it was written.
    pub timestamp: Timestamp,
    /// Who speaks.
    pub role: Role,
    /// What it is.
    pub kind: Kind,
    /// The text around the first match, on one line.
    pub snippet: String,
    /// Where the matches are in the snippet, in characters, the end not included.
    pub ranges: Vec<(usize, usize)>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The newest first.
    pub hits: Vec<Hit>,
    /// There are more, older ones.
    pub more: bool,
    /// The search was stopped before it had seen everything.
    pub stopped: bool,
    /// Bytes looked at.
    pub bytes: u64,
}

/// A hit and the segment and offset it comes from, which order what was written in the same millisecond.
type Placed = ((u32, u64), Hit);

/// Searches grounds side by side. `stop` is asked now and then.
pub(crate) fn search(
    disk: &dyn Disk,
    grounds: &[Ground<'_>],
    query: &Query,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Found, Error> {
    let needle = Needle::new(&query.text, query.case)?;
    let limit = query.limit.min(SEARCH_HITS_MAX);
    let mut jobs: Vec<(usize, usize)> = Vec::new();
    for (at, ground) in grounds.iter().enumerate() {
        let files = ground.files.len() + ground.archives.len();
        jobs.extend((0..files).map(|file| (at, file)));
    }
    // The newest file of every agent first, then the next, archives last: what is cut off by the limit is old.
    jobs.sort_by_key(|&(_, file)| file);
    let work = Work {
        disk,
        grounds,
        query,
        needle: &needle,
        limit,
        stop,
        next: AtomicUsize::new(0),
        bytes: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
        more: AtomicBool::new(false),
        hits: Mutex::default(),
        failed: Mutex::default(),
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.min(SEARCH_THREADS_MAX).min(jobs.len());
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| work.run(&jobs));
        }
        work.run(&jobs);
    });
    work.finish()
}

/// One search, shared by its threads.
struct Work<'a> {
    disk: &'a dyn Disk,
    grounds: &'a [Ground<'a>],
    query: &'a Query,
    needle: &'a Needle,
    limit: usize,
    stop: &'a (dyn Fn() -> bool + Sync),
    next: AtomicUsize,
    bytes: AtomicU64,
    stopped: AtomicBool,
    more: AtomicBool,
    /// By ground.
    hits: Mutex<BTreeMap<usize, Vec<Placed>>>,
    failed: Mutex<Option<Error>>,
}

impl Work<'_> {
    fn run(&self, jobs: &[(usize, usize)]) {
        while let Some(&(ground, file)) = jobs.get(self.next.fetch_add(1, Relaxed)) {
            if self.stopping() {
                return;
            }
            if let Err(error) = self.file(ground, file) {
                lock(&self.failed).get_or_insert(error);
                return;
            }
        }
    }

    fn stopping(&self) -> bool {
        if (self.stop)() {
            self.stopped.store(true, Relaxed);
        }
        self.stopped.load(Relaxed) || lock(&self.failed).is_some()
    }

    /// What was found so far in this agent's newer files.
    fn found_in(&self, ground: usize) -> usize {
        lock(&self.hits).get(&ground).map_or(0, Vec::len)
    }

    fn file(&self, at: usize, nth: usize) -> Result<(), Error> {
        let ground = &self.grounds[at];
        if self.found_in(at) > self.limit {
            self.more.store(true, Relaxed);
            return Ok(());
        }
        let Some(searched) = ground.files.get(nth) else {
            return self.archive(at, nth - ground.files.len());
        };
        let Some(file) = ground.open(self.disk, searched)? else {
            return Ok(());
        };
        let failed = |error| Error::disk("search", &searched.path, error);
        let len = file.state().map_err(failed)?.len;
        let len = searched.len.map_or(len, |limit| limit.min(len));
        let mut hits = Vec::new();
        let seen = sweep(
            &*file,
            len,
            self.needle,
            &mut |candidate| {
                self.candidate(ground, searched.number, &candidate, &mut hits);
                // One more than asked for, so that it is known whether there are more.
                if hits.len() > self.limit {
                    Next::Enough
                } else {
                    Next::On
                }
            },
            &|| self.stopping(),
        );
        self.bytes.fetch_add(seen.map_err(failed)?, Relaxed);
        lock(&self.hits).entry(at).or_default().append(&mut hits);
        Ok(())
    }

    /// Searches an archive, member by member from its end.
    fn archive(&self, at: usize, nth: usize) -> Result<(), Error> {
        let ground = &self.grounds[at];
        let archive = &ground.archives[nth];
        let wanted = self.query.session.as_ref();
        if wanted.is_some_and(|wanted| *wanted != archive.session) {
            return Ok(());
        }
        let reader = match ArchiveReader::open(self.disk, &ground.layout, archive) {
            Err(error) if error.is_gone() => return Ok(()),
            other => other?,
        };
        let mut all = Vec::new();
        for member in (0..reader.members()).rev() {
            if self.stopping() || all.len() > self.limit {
                break;
            }
            let mut hits = VecDeque::new();
            let mut seen = 0_usize;
            let read = reader.each(member, &mut |line| {
                self.bytes.fetch_add(line.bytes.len() as u64 + 1, Relaxed);
                hits.extend(self.packed(ground, archive, &line));
                // One more than asked for, as everywhere: of a part without end only the newest are held.
                if hits.len() > self.limit + 1 {
                    hits.pop_front();
                }
                seen += 1;
                !seen.is_multiple_of(LINES_BETWEEN_LOOKS) || !self.stopping()
            });
            match read {
                // One that is damaged does not keep the others from being searched.
                Err(Error::Damaged { path, source, .. }) => {
                    tracing::warn!(path = %path.display(), fault = %source, "an archive can't be searched");
                }
                other => drop(other?),
            }
            all.extend(hits.into_iter().rev());
        }
        lock(&self.hits).entry(at).or_default().append(&mut all);
        Ok(())
    }

    fn packed(
        &self,
        ground: &Ground<'_>,
        archive: &ArchiveFile,
        line: &PackedLine<'_>,
    ) -> Option<Placed> {
        self.needle.candidates(line.bytes).next_from(0)?;
        let entry = decode(line.bytes).ok()?;
        let found = self.matching(&entry)?;
        let counts = entry.session == archive.session && ground.joins(archive);
        counts.then(|| ((0, line.offset), hit(ground, entry, line.seq, found)))
    }

    fn candidate(
        &self,
        ground: &Ground<'_>,
        segment: u32,
        candidate: &Candidate<'_>,
        hits: &mut Vec<Placed>,
    ) {
        let from = hits.len();
        take_line(candidate.offset, candidate.line, &mut |piece| {
            let Piece::Record {
                offset,
                bytes,
                line,
            } = piece
            else {
                return;
            };
            let wanted = self.query.session.as_ref();
            if wanted.is_some_and(|wanted| wanted.as_str() != line.session) {
                return;
            }
            let Ok(entry) = decode(bytes) else {
                return;
            };
            let Some((snippet, ranges)) = self.matching(&entry) else {
                return;
            };
            if let Some(seq) = ground.live(&entry.session, segment, offset) {
                let hit = hit(ground, entry, seq, (snippet, ranges));
                hits.push(((segment, offset), hit));
            }
        });
        // Several entries on one line are rare, and in file order.
        hits[from..].reverse();
    }

    fn matching(&self, entry: &Entry) -> Option<(String, Vec<(usize, usize)>)> {
        let query = self.query;
        if query.before.is_some_and(|before| entry.timestamp >= before)
            || query.after.is_some_and(|after| entry.timestamp < after)
        {
            return None;
        }
        let mut found = None;
        texts(entry, &mut |text| {
            if found.is_none() {
                found = snippet(text, self.needle);
            }
        });
        found
    }

    fn finish(self) -> Result<Found, Error> {
        if let Some(error) = lock(&self.failed).take() {
            return Err(error);
        }
        let by_ground = std::mem::take(&mut *lock(&self.hits));
        let mut hits: Vec<Placed> = by_ground.into_values().flatten().collect();
        hits.sort_by_key(|(place, hit)| Reverse((hit.timestamp, *place)));
        let more = self.more.load(Relaxed) || hits.len() > self.limit;
        hits.truncate(self.limit);
        Ok(Found {
            hits: hits.into_iter().map(|(_, hit)| hit).collect(),
            more,
            stopped: self.stopped.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        })
    }
}

fn hit(
    ground: &Ground<'_>,
    entry: Entry,
    seq: u64,
    (snippet, ranges): (String, Vec<(usize, usize)>),
) -> Hit {
    Hit {
        agent: ground.agent.clone(),
        session: entry.session,
        seq,
        id: entry.id,
        timestamp: entry.timestamp,
        role: entry.role,
        kind: entry.kind,
        snippet,
        ranges,
    }
}

/// Every text of an entry: what was said, thought, asked of tools and answered by them.
fn texts(entry: &Entry, each: &mut dyn FnMut(&str)) {
    each(&entry.content);
    for part in &entry.parts {
        match part {
            Part::Text(text) | Part::Reasoning(text) => each(text),
            Part::ToolCall(call) => {
                each(&call.name);
                strings(&call.arguments, each);
            }
            Part::ToolResult(result) => each(&result.content),
        }
    }
}

/// Every text in a value. Lines nested deeper than JSON readers go are not read at all, so this ends.
fn strings(value: &Value, each: &mut dyn FnMut(&str)) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => each(text),
        Value::Array(values) => values.iter().for_each(|value| strings(value, each)),
        Value::Object(map) => map.values().for_each(|value| strings(value, each)),
    }
}
