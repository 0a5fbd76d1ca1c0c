//! The cache of the index: it changes how long an opening takes, and nothing else.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

use std::{path::Path, sync::Arc};

use openclaw_sessions::{
    Disk, Draft, Durability, Error, Kind, Options, Page, Recovery, SessionSummary, SimDisk, Store,
    disk::sim::Call, read_only,
};
use openclaw_types::{AgentId, Role, RunId, SessionId, Timestamp, env::SimEnv};
use proptest::prelude::*;

const ROOT: &str = "/state/agents";
const ACTIVE: &str = "/state/agents/main/session.jsonl";
const CACHE: &str = "/state/agents/main/sessions/index.cache";
const SEALED: &str = "/state/agents/main/sessions/0001.jsonl";

fn options(segment_bytes_max: u64) -> Options {
    Options {
        root: ROOT.into(),
        durability: Durability::Always,
        segment_bytes_max,
        entry_bytes_max: 1 << 20,
        queue_depth: 64,
        sync_threads: 1,
        tail_cache_entries: 0,
    }
}

fn agent() -> AgentId {
    AgentId::parse("main").unwrap()
}

fn session(at: usize) -> SessionId {
    SessionId::parse(&format!("s{at}")).unwrap()
}

fn open(disk: &SimDisk, segment_bytes_max: u64) -> (Store, Recovery) {
    let env = Arc::new(SimEnv::new(Timestamp(1_000), 7));
    let store = Store::open(options(segment_bytes_max), Arc::new(disk.clone()), env).unwrap();
    let recovery = store.open_agent(&agent()).unwrap();
    (store, recovery)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// Everything a reader can see of a store.
#[derive(Debug, PartialEq)]
struct Seen {
    sessions: Vec<SessionSummary>,
    unfinished: Vec<(SessionId, RunId)>,
    pages: Vec<Page>,
    entries: u64,
    damaged: (u64, Vec<openclaw_sessions::Quarantined>),
}

fn seen(disk: &SimDisk) -> (Seen, bool) {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let snapshot = read_only(Path::new(ROOT), disk).unwrap();
    let recovery = snapshot.recovery(&agent()).unwrap().clone();
    let sessions = snapshot.list(Some(&agent()));
    let pages = sessions
        .iter()
        .map(|found| {
            snapshot
                .page(&agent(), &found.session, None, 10_000)
                .unwrap()
        })
        .collect();
    let seen = Seen {
        sessions,
        unfinished: snapshot.unfinished_runs(&agent()),
        pages,
        entries: recovery.entries,
        damaged: (recovery.quarantined_count, recovery.quarantined),
    };
    (seen, recovery.cached)
}

/// What is seen once the cache is gone.
fn seen_without(disk: &SimDisk) -> Seen {
    drop(disk.remove(Path::new(CACHE)));
    let (seen, cached) = seen(disk);
    assert!(!cached);
    seen
}

async fn fill(store: &Store, rounds: usize, bytes: usize) {
    fill_from(store, 0, rounds, bytes).await;
}

async fn fill_from(store: &Store, first: usize, rounds: usize, bytes: usize) {
    for round in first..first + rounds {
        let mut drafts = Vec::new();
        for at in 0..4 {
            let text = format!("{round} {}", "x".repeat(bytes));
            let mut draft = Draft::message(Role::User, session(at), text);
            draft.run = Some(RunId::parse(&format!("run-{round}")).unwrap());
            drafts.push(draft.clone());
            if at != 2 {
                draft.role = Role::Assistant;
                drafts.push(draft);
            }
        }
        if round % 7 == 3 {
            drafts.push(Draft::record(Kind::Tombstone, session(3)));
        }
        store.append(&agent(), drafts).await.unwrap();
    }
}

/// A disk with a transcript, closed in order; with or without sealed segments.
fn filled(segment_bytes_max: u64) -> SimDisk {
    filled_from(segment_bytes_max, 0)
}

fn filled_from(segment_bytes_max: u64, first: usize) -> SimDisk {
    let disk = SimDisk::new(1, Path::new(ROOT));
    let (store, _) = open(&disk, segment_bytes_max);
    run(async {
        fill_from(&store, first, 50, 1_000).await;
        store.shutdown().await.unwrap();
    });
    disk
}

/// The disk as it is after the process alone has ended: the cache, which nobody syncs, is there as well.
fn killed(disk: &SimDisk) -> SimDisk {
    let crashed = disk.crash();
    crashed.replace(Path::new(CACHE), &disk.contents(Path::new(CACHE)).unwrap());
    crashed
}

#[test]
fn a_cache_is_written_at_the_end_believed_at_the_start_and_changes_nothing() {
    for segment_bytes_max in [64 << 20, 100_000] {
        let disk = filled(segment_bytes_max);
        let (with, cached) = seen(&disk);
        assert!(cached);
        let (store, recovery) = open(&disk, segment_bytes_max);
        assert_eq!((recovery.cached, recovery.bytes), (true, 0));
        run(async {
            fill(&store, 3, 10).await;
            store.shutdown().await.unwrap();
        });
        let (longer, cached) = seen(&disk);
        assert!(cached);
        assert_ne!(with, longer);
        assert_eq!(longer, seen_without(&disk));
    }
}

#[test]
fn after_a_crash_only_what_is_newer_than_the_cache_is_read() {
    let disk = filled(64 << 20);
    let (store, _) = open(&disk, 64 << 20);
    let before = disk.contents(Path::new(ACTIVE)).unwrap().len();
    run(fill(&store, 5, 100));
    let after = disk.contents(Path::new(ACTIVE)).unwrap().len();
    let crashed = killed(&disk);
    drop(store);
    let (view, cached) = seen(&crashed);
    assert!(cached);
    let (store, recovery) = open(&crashed, 64 << 20);
    assert_eq!(
        (recovery.cached, recovery.bytes),
        (true, (after - before) as u64)
    );
    drop(store);
    assert_eq!(view, seen_without(&crashed));
}

#[test]
fn a_run_that_began_before_the_crash_is_unfinished_whether_the_cache_covers_it_or_not() {
    let disk = SimDisk::new(1, Path::new(ROOT));
    let (store, _) = open(&disk, 300_000);
    run(fill(&store, 70, 1_000));
    assert!(store.unfinished_runs(&agent()).is_empty(), "those run here");
    let crashed = killed(&disk);
    drop(store);
    let (view, cached) = seen(&crashed);
    assert!(cached, "written when the segment was sealed");
    assert_eq!(view.unfinished.len(), 70);
    assert_eq!(view, seen_without(&crashed));
}

#[test]
fn a_cache_that_is_damaged_half_written_or_another_store_s_is_not_believed() {
    for segment_bytes_max in [64 << 20, 100_000] {
        let disk = filled(segment_bytes_max);
        let good = disk.contents(Path::new(CACHE)).unwrap();
        let (expected, _) = seen(&disk);
        let other = filled_from(segment_bytes_max, 100);
        let other = other.contents(Path::new(CACHE)).unwrap();
        assert_ne!(good, other, "the same inodes, other lines in them");
        let mut bad: Vec<Vec<u8>> = (0..good.len())
            .step_by(97)
            .map(|at| {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << (at % 8);
                bytes
            })
            .collect();
        bad.extend((0..good.len()).step_by(997).map(|at| good[..at].to_vec()));
        bad.push([good.as_slice(), b"x"].concat());
        bad.push(other);
        for bytes in bad {
            disk.replace(Path::new(CACHE), &bytes);
            let (now, cached) = seen(&disk);
            assert!(!cached);
            assert_eq!(now, expected);
        }
        disk.replace(Path::new(CACHE), &good);
        assert!(seen(&disk).1);
        let active = disk.contents(Path::new(ACTIVE)).unwrap();
        disk.replace(Path::new(ACTIVE), &active);
        assert!(!seen(&disk).1, "a copy of the file is another file");
        assert_eq!(seen(&disk).0, expected);
    }
}

#[test]
fn an_entry_that_is_not_where_the_cache_says_has_the_transcript_read_again() {
    let disk = filled(64 << 20);
    let bytes = disk.contents(Path::new(ACTIVE)).unwrap();
    // Two lines of other sessions change places and a line is added: the length gives nothing away.
    let text = String::from_utf8(bytes).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].len(), lines[2].len());
    lines.swap(0, 2);
    lines.push(r#"{"timestamp":1,"role":"user","content":"new","sessionId":"s0"}"#);
    disk.overwrite(Path::new(ACTIVE), (lines.join("\n") + "\n").as_bytes());
    let (store, recovery) = open(&disk, 64 << 20);
    assert!(recovery.cached);
    let page = store.page(&agent(), &session(0), None, 1_000).unwrap();
    let snapshot = read_only(Path::new(ROOT), Arc::new(disk.clone())).unwrap();
    assert_eq!(disk.contents(Path::new(CACHE)), None, "it is gone for good");
    drop(snapshot);
    run(async { store.shutdown().await.unwrap() });
    let expected = seen_without(&disk);
    assert!(expected.pages.contains(&page));
    assert_eq!(expected.pages.len(), 4);
}

#[test]
fn a_page_and_a_tail_are_bounded_in_bytes_and_say_where_to_go_on() {
    let disk = SimDisk::new(1, Path::new(ROOT));
    let (store, _) = open(&disk, 64 << 20);
    run(async {
        for _ in 0..12 {
            let draft = Draft::message(Role::User, session(0), "x".repeat(1_000_000));
            store.append(&agent(), vec![draft]).await.unwrap();
        }
        let page = store.page(&agent(), &session(0), None, 100).unwrap();
        let seqs: Vec<_> = page.entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(
            (seqs, page.before_seq, page.total),
            ((5..=12).collect(), Some(5), 12)
        );
        assert_eq!(
            store.tail(&agent(), &session(0), 100).unwrap(),
            page.entries
        );
        let page = store
            .page(&agent(), &session(0), page.before_seq, 100)
            .unwrap();
        let seqs: Vec<_> = page.entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(
            (seqs, page.before_seq, page.total),
            ((1..=4).collect(), None, 12)
        );
        assert_eq!(store.count(&agent()).unwrap(), 1);
        let unknown = store.count(&AgentId::parse("other").unwrap());
        assert!(matches!(unknown, Err(Error::UnknownAgent { .. })));
        store.shutdown().await.unwrap();
    });
}

#[test]
fn a_cache_that_cannot_be_written_is_no_loss() {
    use openclaw_sessions::disk::sim::{Failure, Fault};
    for call in [Call::Open, Call::Write, Call::Rename] {
        let disk = SimDisk::new(1, Path::new(ROOT));
        let (store, _) = open(&disk, 64 << 20);
        run(async {
            fill(&store, 50, 1_000).await;
            disk.fail(&[Fault {
                call,
                nth: 1,
                times: 9,
                failure: Failure::Error(std::io::ErrorKind::StorageFull),
            }]);
            store.shutdown().await.unwrap();
        });
        disk.fail(&[]);
        assert_eq!(disk.files(Path::new(ROOT)), [Path::new(ACTIVE)]);
        assert_eq!(seen(&disk).0, seen_without(&disk));
    }
}

/// What somebody does to a file between two openings.
#[derive(Debug, Clone)]
enum Edit {
    Append(String),
    Truncate(prop::sample::Index),
    /// Writes into it, so that the length stays.
    Overwrite(prop::sample::Index, u8),
    /// Puts bytes in, in place.
    Insert(prop::sample::Index, String),
    /// Takes bytes out, in place.
    Cut(prop::sample::Index, usize),
    /// As an editor saves it: a new file of the same name.
    Replace,
    Remove,
    Swap,
}

fn edit() -> impl Strategy<Value = (bool, Edit)> {
    let at = any::<prop::sample::Index>;
    let line = r#"{"timestamp":5,"role":"user","content":"edited","sessionId":"s1"}"#;
    let text = prop_oneof![
        Just(format!("{line}\n")),
        Just(line.to_owned()),
        "[a-z\n]{1,20}"
    ];
    let edit = prop_oneof![
        text.clone().prop_map(Edit::Append),
        at().prop_map(Edit::Truncate),
        (at(), 1_u8..).prop_map(|(at, flip)| Edit::Overwrite(at, flip)),
        (at(), text).prop_map(|(at, text)| Edit::Insert(at, text)),
        (at(), 1_usize..5_000).prop_map(|(at, count)| Edit::Cut(at, count)),
        Just(Edit::Replace),
        Just(Edit::Remove),
        Just(Edit::Swap),
    ];
    (any::<bool>(), edit)
}

fn apply(disk: &SimDisk, (sealed, edit): &(bool, Edit)) {
    let path = Path::new(if *sealed { SEALED } else { ACTIVE });
    let Some(mut bytes) = disk.contents(path) else {
        return;
    };
    match edit {
        Edit::Append(text) => bytes.extend_from_slice(text.as_bytes()),
        Edit::Truncate(at) => bytes.truncate(at.index(bytes.len() + 1)),
        Edit::Overwrite(at, flip) => {
            let at = at.index(bytes.len().max(1));
            bytes
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte ^= flip);
        }
        Edit::Insert(at, text) => {
            let at = at.index(bytes.len() + 1);
            drop(bytes.splice(at..at, text.bytes()));
        }
        Edit::Cut(at, count) => {
            let at = at.index(bytes.len() + 1);
            drop(bytes.drain(at..(at + count).min(bytes.len())));
        }
        Edit::Replace => return disk.replace(path, &bytes),
        Edit::Remove => return disk.remove(path).unwrap(),
        Edit::Swap => {
            let mut lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
            if lines.len() > 3 {
                lines.swap(0, 2);
            }
            bytes = lines.concat();
        }
    }
    disk.overwrite(path, &bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// One edit after a clean stop: whatever it is, the view is the one without a cache.
    #[test]
    fn whatever_was_done_to_the_files_between_two_openings_is_seen(
        edit in edit(), sealed in any::<bool>(),
    ) {
        let disk = filled(if sealed { 100_000 } else { 64 << 20 });
        prop_assert!(seen(&disk).1);
        apply(&disk, &edit);
        let (with, _) = seen(&disk);
        prop_assert_eq!(with, seen_without(&disk));
    }

    /// Many edits, of which none writes within a line and keeps the lengths, because only the time of change gives
    /// that away, and an addition behind it hides it.
    #[test]
    fn many_edits_are_seen_together(edits in prop::collection::vec(edit(), 1..5)) {
        let disk = filled(100_000);
        for edit in &edits {
            if !matches!(edit, (false, Edit::Overwrite(..) | Edit::Swap)) {
                apply(&disk, edit);
            }
        }
        let (with, _) = seen(&disk);
        prop_assert_eq!(with, seen_without(&disk));
    }
}
