//! A transcript of exactly 64 KiB, and a bench on which variants of it are opened.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_sessions::{Disk, Draft, Entry, Kind, Recovery, SimDisk, Store};
use openclaw_types::{AgentId, Role, SessionId};

use super::{
    same,
    stage::{Lie, Stage},
};
use crate::harness::{agent, options, session, sim_store};

/// How long the transcript is.
pub(super) const SAMPLE_BYTES: usize = 64 << 10;
/// What the sessions are called; their lines are interleaved.
const SESSIONS: [&str; 4] = [
    "main",
    "agent:main:x",
    "s-2",
    "a-rather-long-name_of-a-session",
];

/// A transcript, and what each of its lines says.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: Vec<Written>,
}

/// One line of the sample.
#[derive(Debug)]
pub(super) struct Written {
    /// Where it is, its newline included.
    pub(super) at: Range<usize>,
    pub(super) session: SessionId,
    /// Its entry, as the store returned it when nothing was wrong.
    pub(super) entry: Arc<Entry>,
}

pub(super) fn root() -> &'static Path {
    Path::new("/state/agents")
}

fn home() -> PathBuf {
    root().join("main")
}

fn active() -> PathBuf {
    home().join("session.jsonl")
}

impl Sample {
    /// Writes it with the store itself; the last entry is as long as it must be.
    pub(super) fn write() -> Self {
        let mut last = 300;
        for _ in 0..4 {
            let sample = Self::with_last(last);
            let len = sample.bytes.len();
            if len == SAMPLE_BYTES {
                return sample;
            }
            last = last + SAMPLE_BYTES - len;
        }
        panic!("no sample of {SAMPLE_BYTES} bytes");
    }

    fn with_last(last: usize) -> Self {
        let disk = SimDisk::new(0, root());
        let store = sim_store(options(root()), Arc::new(disk.clone()));
        let main = agent("main");
        drop(store.open_agent(&main).unwrap());
        let append = |draft: Draft| {
            let done = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap()
                .block_on(store.append(&main, vec![draft]));
            assert!(done.is_ok(), "{done:?}");
            disk.contents(&active()).unwrap().len()
        };
        let mut at = 0;
        while append(draft(at, 3 + at * 37 % 160)) < SAMPLE_BYTES - 1_000 {
            at += 1;
        }
        append(Draft::message(
            Role::User,
            session(SESSIONS[0]),
            "x".repeat(last),
        ));
        let bytes = disk.contents(&active()).unwrap();
        let lines = lines_of(&store, &main, &bytes);
        Self { bytes, lines }
    }

    /// How many lines end at or before this place.
    pub(super) fn whole_until(&self, end: usize) -> usize {
        self.lines.partition_point(|line| line.at.end <= end)
    }

    /// The line that holds this byte.
    pub(super) fn line_at(&self, byte: usize) -> usize {
        self.lines.partition_point(|line| line.at.end <= byte)
    }
}

fn draft(at: usize, len: usize) -> Draft {
    let to = session(SESSIONS[at % SESSIONS.len()]);
    let text: String = "Zwölf \"Boxer\"\n jagen\\ 𝄞 "
        .chars()
        .cycle()
        .skip(at % 11)
        .take(len / 2)
        .chain("x".repeat(len - len / 2).chars())
        .collect();
    match at % 9 {
        7 => Draft::record(Kind::Aborted, to),
        _ => Draft::message(
            if at.is_multiple_of(2) {
                Role::User
            } else {
                Role::Assistant
            },
            to,
            text,
        ),
    }
}

fn lines_of(store: &Store, main: &AgentId, bytes: &[u8]) -> Vec<Written> {
    let mut start = 0;
    let mut lines = Vec::new();
    let mut seen = [0_usize; SESSIONS.len()];
    let pages: Vec<Vec<Arc<Entry>>> = SESSIONS
        .iter()
        .map(|name| {
            store
                .page(main, &session(name), None, 10_000)
                .unwrap()
                .entries
        })
        .collect();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let value: serde_json::Value = serde_json::from_slice(line).unwrap();
        let which = SESSIONS
            .iter()
            .position(|name| value["sessionId"] == **name)
            .unwrap();
        let entry = Arc::clone(&pages[which][seen[which]]);
        seen[which] += 1;
        assert_eq!(value["seq"], entry.seq);
        lines.push(Written {
            at: start..start + line.len(),
            session: session(SESSIONS[which]),
            entry,
        });
        start += line.len();
    }
    lines
}

/// A store that opens one transcript after another.
pub(super) struct Bench {
    disk: SimDisk,
    store: Store,
    main: AgentId,
}

/// What one opening found.
#[derive(Debug, PartialEq)]
pub(super) struct Opened {
    pub(super) entries: u64,
    pub(super) quarantined: Vec<Range<u64>>,
    pub(super) torn: Option<Vec<u8>>,
    pub(super) terminated: bool,
}

impl Bench {
    pub(super) fn new(seed: u64, lie: Option<Lie>) -> Self {
        let disk = SimDisk::new(seed, root());
        disk.create_dir(&home()).unwrap();
        let store = sim_store(options(root()), Arc::new(Stage::new(&disk, lie)));
        Self {
            disk,
            store,
            main: agent("main"),
        }
    }

    /// Puts these bytes where the transcript is, and nothing else.
    pub(super) fn put(&self, bytes: &[u8]) {
        for file in self.disk.files(&home()) {
            Disk::remove(&self.disk, &file).unwrap();
        }
        self.disk.replace(&active(), bytes);
    }

    /// Opens it; the agent is closed again by the next call.
    pub(super) fn open(&self) -> Result<Opened, String> {
        self.store.close_agent(&self.main);
        let found = self.store.open_agent(&self.main);
        let found = found.map_err(|error| format!("not opened: {error}"))?;
        if let Some(error) = &found.refused {
            return Err(format!("refused: {error}"));
        }
        self.opened(&found)
    }

    fn opened(&self, found: &Recovery) -> Result<Opened, String> {
        let quarantined: Vec<_> = found
            .quarantined
            .iter()
            .map(|bad| bad.offset..bad.offset + bad.bytes)
            .collect();
        same(
            "damaged places",
            &(quarantined.len() as u64),
            &found.quarantined_count,
        )?;
        let torn = found.torn.as_ref().map(|torn| {
            let bytes = self.disk.contents(&torn.path).unwrap_or_default();
            (bytes.len() as u64 == torn.bytes).then_some(bytes)
        });
        if torn == Some(None) {
            return Err("what was cut off is not in the file beside it".to_owned());
        }
        Ok(Opened {
            entries: found.entries,
            quarantined,
            torn: torn.flatten(),
            terminated: found.terminated,
        })
    }

    /// What the transcript holds now.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.disk.contents(&active()).unwrap_or_default()
    }

    /// Whether exactly these lines are there, in order: all of them, or those near one place of a session.
    pub(super) fn holds(
        &self,
        sample: &Sample,
        kept: &dyn Fn(usize) -> bool,
        near: Option<usize>,
    ) -> Result<(), String> {
        let all = sample.lines.iter().enumerate();
        for name in SESSIONS {
            let near = near.map(|near| &sample.lines[near]);
            if near.is_some_and(|near| near.session.as_str() != name) {
                continue;
            }
            let id = session(name);
            let before = near.map(|near| near.entry.seq + 2);
            let mut wanted: Vec<_> = all
                .clone()
                .filter(|(at, line)| kept(*at) && line.session == id)
                .filter(|(_, line)| before.is_none_or(|before| line.entry.seq < before))
                .map(|(_, line)| &line.entry)
                .collect();
            if before.is_some() {
                wanted.drain(..wanted.len().saturating_sub(3));
            }
            let wanted: Vec<_> = wanted.into_iter().map(Arc::clone).collect();
            let limit = before.map_or(10_000, |_| 3);
            let found = match self.store.page(&self.main, &id, before, limit) {
                Ok(page) => page.entries,
                Err(openclaw_sessions::Error::UnknownSession { .. }) => Vec::new(),
                Err(error) => return Err(format!("{name}: {error}")),
            };
            same(name, &found, &wanted)?;
        }
        Ok(())
    }
}
