//! What holds of any bytes that a transcript's file may hold when it is opened.
//!
//! The first byte says how the rest is taken: behind an `s` the checksum of every line that ends in one is made
//! right, so that what a checksum keeps out is looked at too; behind anything else the bytes stay as they are.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a check that cannot go on stops where it stands"
)]

use std::{path::Path, sync::Arc};

use openclaw_sessions::{
    Disk, Draft, Durability, Entry, Error, Kind, Options, PAGE_ENTRIES_MAX, Recovery, SimDisk,
    Store, read_only,
};
use openclaw_types::{AgentId, Role, RunId, SessionId, Timestamp, env::SimEnv};

const ROOT: &str = "/t";
const FILE: &str = "/t/main/session.jsonl";
/// Few enough to make several pages of a small file.
const PAGE_ENTRIES: usize = 3;
/// How many kept entries are written and read once more.
const COPIED_MAX: usize = 8;

pub(crate) fn holds(bytes: &[u8]) {
    let Some((&how, rest)) = bytes.split_first() else {
        return;
    };
    let forged = how == b's';
    let file = if forged { sealed(rest) } else { rest.to_vec() };
    let disk = SimDisk::new(1, Path::new(ROOT));
    disk.create_dir(&Path::new(ROOT).join("main"))
        .expect("the disk is empty");
    disk.replace(Path::new(FILE), &file);

    let seen = Seen::unopened(&disk);
    let store = store(&disk);
    let (first, opened) = open(&store);
    assert_eq!(opened, seen, "a reader sees what the owner sees");
    let mended = nothing_is_lost(&disk, &first, &file);
    store.close_agent(&main());
    let (second, again) = open(&store);
    assert_eq!(again, seen, "a second recovery keeps the same");
    assert!(second.torn.is_none() && !second.terminated);
    assert_eq!(second.quarantined, first.quarantined);
    assert_eq!(second.quarantined_count, first.quarantined_count);
    assert_eq!(second.entries, first.entries);
    assert_eq!(disk.contents(Path::new(FILE)).as_deref(), Some(&*mended));

    for session in &seen.sessions {
        if !forged {
            assert_eq!(session.entries.len() as u64, session.total);
        }
        let numbers: Vec<u64> = session.entries.iter().map(|entry| entry.seq).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    }
    let kept = seen.sessions.iter().flat_map(|session| &session.entries);
    let known = kept.filter(|entry| entry.kind != Kind::Other);
    let written = copied(&store, known.take(COPIED_MAX));
    wait(store.shutdown()).expect("everything is synced");
    assert_eq!(read_back(&disk), written);
}

/// Puts the right checksum on every line that ends in one.
fn sealed(file: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(file.len());
    for line in file.split_inclusive(|&byte| byte == b'\n') {
        let end = line.trim_ascii_end();
        let digits = end
            .strip_suffix(b"\"}")
            .and_then(|end| end.split_last_chunk::<8>());
        let Some(body) = digits.and_then(|(head, _)| head.strip_suffix(b",\"crc\":\"")) else {
            out.extend_from_slice(line);
            continue;
        };
        out.extend_from_slice(body);
        let crc = crc32c::crc32c(body);
        out.extend_from_slice(format!(",\"crc\":\"{crc:08x}\"}}").as_bytes());
        out.extend_from_slice(&line[end.len()..]);
    }
    out
}

/// What a reader finds in a transcript.
#[derive(Debug, PartialEq)]
struct Seen {
    sessions: Vec<Session>,
    unfinished: Vec<(SessionId, RunId)>,
}

#[derive(Debug, PartialEq)]
struct Session {
    total: u64,
    entries: Vec<Arc<Entry>>,
}

impl Seen {
    fn unopened(disk: &SimDisk) -> Self {
        let snapshot = read_only(Path::new(ROOT), Arc::new(disk.clone())).expect("the disk works");
        let sessions = snapshot.list(None).into_iter().map(|summary| {
            let page = |before, limit| {
                let page = snapshot.page(&summary.agent, &summary.session, before, limit);
                page.expect("the session is listed")
            };
            let whole = page(None, PAGE_ENTRIES_MAX);
            let mut pages = Vec::new();
            let mut next = Some(page(None, PAGE_ENTRIES));
            while let Some(found) = next.take() {
                assert!(found.entries.len() <= PAGE_ENTRIES);
                next = found.before_seq.map(|seq| page(Some(seq), PAGE_ENTRIES));
                pages.push(found.entries);
            }
            pages.reverse();
            assert_eq!(pages.concat(), whole.entries, "pages leave nothing out");
            assert_eq!(summary.entries, whole.total);
            Session {
                total: whole.total,
                entries: whole.entries,
            }
        });
        Self {
            sessions: sessions.collect(),
            unfinished: snapshot.unfinished_runs(&main()),
        }
    }

    fn opened(store: &Store) -> Self {
        let sessions = store.list(None).into_iter().map(|summary| {
            let page = store.page(&summary.agent, &summary.session, None, PAGE_ENTRIES_MAX);
            let page = page.expect("the session is listed");
            Session {
                total: page.total,
                entries: page.entries,
            }
        });
        Self {
            sessions: sessions.collect(),
            unfinished: store.unfinished_runs(&main()),
        }
    }
}

fn main() -> AgentId {
    AgentId::parse("main").expect("a good id")
}

fn store(disk: &SimDisk) -> Store {
    let options = Options {
        root: ROOT.into(),
        durability: Durability::Always,
        segment_bytes_max: 64 << 20,
        entry_bytes_max: 8 << 20,
        queue_depth: 64,
        sync_threads: 1,
        tail_cache_entries: 8,
    };
    let env = Arc::new(SimEnv::new(Timestamp(1_711_843_200_000), 7));
    Store::open(options, Arc::new(disk.clone()), env).expect("a thread starts")
}

/// Runs what waits for the store's thread.
fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime
        .expect("a runtime without drivers starts")
        .block_on(work)
}

/// Opens the transcript and looks at it.
fn open(store: &Store) -> (Recovery, Seen) {
    let recovery = store.open_agent(&main()).expect("nobody else holds it");
    assert!(recovery.refused.is_none());
    (recovery, Seen::opened(store))
}

/// What was in the file is in the file, or beside it; returns the file as it is now.
fn nothing_is_lost(disk: &SimDisk, recovery: &Recovery, file: &[u8]) -> Vec<u8> {
    let mended = disk.contents(Path::new(FILE)).expect("the file is there");
    let cut = recovery.torn.as_ref().map_or(0, |torn| torn.bytes);
    let cut = usize::try_from(cut).expect("it was in memory");
    let (kept, aside) = file.split_at(file.len() - cut);
    let newline: &[u8] = if recovery.terminated { b"\n" } else { b"" };
    assert_eq!(mended, [kept, newline].concat());
    if let Some(torn) = &recovery.torn {
        assert_eq!(disk.contents(&torn.path).as_deref(), Some(aside));
    }
    mended
}

/// The agent and the session that kept entries are written to once more.
fn copy() -> (AgentId, SessionId) {
    let agent = AgentId::parse("copy").expect("a good id");
    (agent, SessionId::parse("copy").expect("a good id"))
}

/// Writes kept entries as we write them; returns what they say.
fn copied<'a>(store: &Store, entries: impl Iterator<Item = &'a Arc<Entry>>) -> Vec<Draft> {
    let (agent, session) = copy();
    store.open_agent(&agent).expect("nobody else holds it");
    let append = |entry: &'a Arc<Entry>| {
        let draft = draft(entry, session.clone());
        (entry, store.append(&agent, vec![draft]))
    };
    // All are queued before one is waited for.
    let appends: Vec<_> = entries.map(append).collect();
    let mut written = Vec::new();
    for (entry, done) in appends {
        match wait(done) {
            Ok(_) => written.push(said(entry)),
            Err(Error::TooDeep { .. }) => {}
            Err(error) => panic!("{error}: {entry:?}"),
        }
    }
    written
}

/// What the copies say, read again.
fn read_back(disk: &SimDisk) -> Vec<Draft> {
    let (agent, session) = copy();
    let snapshot = read_only(Path::new(ROOT), Arc::new(disk.clone())).expect("the disk works");
    let recovery = snapshot.recovery(&agent).expect("the agent is there");
    assert_eq!(recovery.quarantined, []);
    let read = snapshot.tail(&agent, &session, COPIED_MAX);
    let read = read.expect("the disk works");
    read.iter().map(|entry| said(entry)).collect()
}

fn draft(entry: &Entry, session: SessionId) -> Draft {
    Draft {
        role: entry.role,
        content: entry.content.clone(),
        session,
        run: entry.run.clone(),
        kind: entry.kind,
        parts: entry.parts.clone(),
        origin: entry.origin.clone(),
        model: entry.model.clone(),
        usage: entry.usage,
    }
}

/// What an entry says, without its number, id, and time, and without fields we do not know.
fn said(entry: &Entry) -> Draft {
    let role = match entry.kind {
        Kind::Message => entry.role,
        _ => Role::System,
    };
    Draft {
        role,
        // The text alone, as one part or as none, is the same message.
        parts: entry.to_message().parts,
        ..draft(entry, copy().1)
    }
}
