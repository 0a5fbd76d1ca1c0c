//! Transcripts from elsewhere, made ready to be appended: our own format, and the tree that upstream OpenClaw writes.
//!
//! Reading is a pure function over the bytes of a file. Every line must be good: bad ones are named, all of them, and
//! then nothing is imported. Entries keep their times and get new ids and numbers. What came from an operator or a
//! local program elsewhere did not come from one here, so such an origin becomes the gateway's own.

use std::collections::BTreeMap;

use openclaw_types::SessionId;
use serde_json::{Map, Value};

pub use self::listing::{Listed, read_listing};
use crate::{
    entry::{Entry, Fault, Kind, Origin, OriginKind, decode, encode},
    limits::IMPORT_PROBLEMS_MAX,
};

mod append;
mod listing;
mod upstream;

/// Who an imported entry comes from, where it came from somebody with rights of their own.
const IMPORTER: &str = "import";

/// A conversation that was read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// What it is called there, as far as that is a name here.
    pub session: Option<SessionId>,
    /// Its entries in order. Their `session`, `id`, and `seq` count for nothing.
    pub entries: Vec<Entry>,
    /// Lines that say nothing here: settings, markers, kinds that are not known.
    pub skipped: u64,
    /// Other ends of an upstream tree, which are left out.
    pub branches: Vec<Branch>,
}

/// A part of an upstream tree that does not lead to its last entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The id of its last entry.
    pub leaf: String,
    /// How many entries it does not share with what is imported.
    pub entries: u64,
}

/// A line that can't be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineProblem {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What is wrong.
    pub fault: ImportFault,
}

/// Why a line can't be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportFault {
    /// It is no entry of ours.
    #[error("{0}")]
    Entry(#[from] Fault),
    /// A key that an upstream entry needs is absent or of the wrong type.
    #[error("no usable `{key}`")]
    Key {
        /// Which one.
        key: &'static str,
    },
    /// Two upstream entries have one id.
    #[error("the id `{id}` was used before")]
    TwiceUsed {
        /// Which one.
        id: String,
    },
    /// An upstream entry follows one that is not there.
    #[error("the parent `{id}` is not in the file")]
    Orphan {
        /// Which parent.
        id: String,
    },
    /// Upstream entries follow one another in a circle.
    #[error("the entry is its own ancestor")]
    Circle,
}

/// What is wrong with a file that can't be imported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems {
    /// The first of them, in the order of the file.
    pub lines: Vec<LineProblem>,
    /// How many there are.
    pub count: u64,
}

impl Problems {
    fn add(&mut self, line: u64, fault: impl Into<ImportFault>) {
        self.count += 1;
        if self.lines.len() < IMPORT_PROBLEMS_MAX {
            let fault = fault.into();
            self.lines.push(LineProblem { line, fault });
        }
    }

    fn or<T>(self, good: T) -> Result<T, Self> {
        if self.count == 0 { Ok(good) } else { Err(self) }
    }
}

/// Reads the conversations of a file, of either format.
///
/// # Errors
/// Names every line that can't be imported.
pub fn read_transcripts(bytes: &[u8]) -> Result<Vec<Imported>, Problems> {
    if upstream::is_one(bytes) {
        return Ok(vec![upstream::read(bytes)?]);
    }
    ours(bytes)
}

/// The lines of a file that say something, with their numbers.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines = bytes.split(|&byte| byte == b'\n').zip(1..);
    lines
        .map(|(line, number)| (number, line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty())
}

fn ours(bytes: &[u8]) -> Result<Vec<Imported>, Problems> {
    let mut problems = Problems::default();
    let mut sessions: BTreeMap<SessionId, (u64, Imported)> = BTreeMap::new();
    for (number, line) in lines(bytes) {
        let mut entry = match decode(line) {
            Ok(entry) => entry,
            Err(fault) => {
                problems.add(number, fault);
                continue;
            }
        };
        let (last_seq, session) = sessions
            .entry(entry.session.clone())
            .or_insert_with(|| (0, Imported::new(Some(entry.session.clone()))));
        if entry.seq > 0 && entry.seq <= *last_seq {
            problems.add(number, Fault::Duplicate);
            continue;
        }
        *last_seq = entry.seq.max(*last_seq);
        match entry.kind {
            // What was deleted there is not brought back here.
            Kind::Tombstone => *session = Imported::new(session.session.take()),
            // A marker vouches for bytes of another file.
            Kind::Commit | Kind::Other => session.skipped += 1,
            Kind::Message | Kind::ToolResult | Kind::Aborted | Kind::Compaction => {
                entry.origin = entry.origin.map(disown);
                session.entries.push(entry);
            }
        }
    }
    let found = sessions.into_values().map(|(_, session)| session);
    problems.or(found
        .filter(|session| !session.entries.is_empty())
        .collect())
}

/// Nothing from elsewhere may pass for an operator or a local program of ours.
fn disown(origin: Origin) -> Origin {
    match origin.kind {
        OriginKind::Operator | OriginKind::Local => importer(),
        OriginKind::Agent | OriginKind::Schedule | OriginKind::System => origin,
    }
}

fn importer() -> Origin {
    Origin {
        kind: OriginKind::System,
        id: Some(IMPORTER.to_owned()),
        message_id: None,
    }
}

impl Imported {
    fn new(session: Option<SessionId>) -> Self {
        Self {
            session,
            entries: Vec::new(),
            skipped: 0,
            branches: Vec::new(),
        }
    }

    /// The entries as lines of our own format, under a session's name and numbered from 1.
    ///
    /// A value that is nested too deeply to be read back is left out with its entry, and counted.
    pub fn lines(&self, session: &SessionId) -> impl Iterator<Item = Option<Vec<u8>>> + use<'_> {
        let session = session.clone();
        self.entries.iter().zip(1..).map(move |(entry, seq)| {
            let entry = Entry {
                session: session.clone(),
                seq,
                ..entry.clone()
            };
            let mut line = Vec::new();
            encode(&entry, &mut line).map(|()| line)
        })
    }
}

fn object(line: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(line).ok()
}
