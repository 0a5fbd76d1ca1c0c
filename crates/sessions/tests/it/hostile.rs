//! Archives and lists of files that nobody meant well with, or that came back from a backup.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use flate2::{Compression, GzBuilder, read::MultiGzDecoder, write::GzEncoder};
use openclaw_sessions::{Page, Query, Store, Which};

use crate::harness::{agent, real_store, session, texts, user};

fn opened(root: &Path) -> Store {
    let store = real_store(root);
    store.open_agent(&agent("main")).unwrap();
    store
}

async fn say(store: &Store, name: &str, text: &str) -> u64 {
    let said = store.append(&agent("main"), vec![user(name, text)]);
    said.await.unwrap()[0].seq
}

/// Three entries of `old`, which are archived with a marker behind them, and one of `new`.
async fn archived(root: &Path, text: &str) {
    let store = opened(root);
    for nth in 1..=3 {
        say(&store, "old", &format!("{nth}{text}")).await;
    }
    say(&store, "new", "new").await;
    let which = Which::Session(session("old"));
    assert_eq!(store.archive(&agent("main"), &which).unwrap().len(), 1);
    store.shutdown().await.unwrap();
}

fn pack(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn unpack(path: &Path) -> String {
    let mut text = String::new();
    let mut file = MultiGzDecoder::new(fs::File::open(path).unwrap());
    file.read_to_string(&mut text).unwrap();
    text
}

/// Every transcript and archive of the agent, as text.
fn everything(root: &Path) -> String {
    let mut all = fs::read_to_string(root.join("main/session.jsonl")).unwrap();
    for dir in ["main/sessions", "main/archive"] {
        for file in fs::read_dir(root.join(dir)).into_iter().flatten() {
            let path = file.unwrap().path();
            match path.extension().and_then(|end| end.to_str()) {
                Some("jsonl") => all.push_str(&fs::read_to_string(&path).unwrap()),
                Some("gz") => all.push_str(&unpack(&path)),
                _ => {}
            }
        }
    }
    all
}

fn page(store: &Store, name: &str, before: Option<u64>, limit: usize) -> Page {
    let found = store.page(&agent("main"), &session(name), before, limit);
    found.unwrap()
}

fn numbers(page: &Page) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.seq).collect()
}

#[tokio::test]
async fn what_is_passed_over_for_an_archive_is_not_lost_when_its_session_is_archived_again() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root) = (agent("main"), dir.path());
    archived(root, "").await;
    // A gateway that knows nothing of archives gives the numbers out again.
    let (archives, aside) = (root.join("main/archive"), root.join("aside"));
    let manifest = root.join("main/sessions/manifest.json");
    fs::rename(&archives, &aside).unwrap();
    fs::remove_file(&manifest).unwrap();
    let store = opened(root);
    assert_eq!(say(&store, "old", "acknowledged").await, 1);
    store.shutdown().await.unwrap();
    fs::rename(&aside, &archives).unwrap();
    fs::remove_file(&manifest).unwrap_or_default();

    let store = real_store(root);
    assert_eq!(store.open_agent(&main).unwrap().quarantined_count, 1);
    assert_eq!(say(&store, "old", "and on").await, 5);
    let which = Which::Session(session("old"));
    assert_eq!(store.archive(&main, &which).unwrap()[0].entries, 2);
    assert_eq!(numbers(&page(&store, "old", None, 9)), [1, 2, 3, 4, 5, 6]);
    store.shutdown().await.unwrap();
    assert_eq!(everything(root).matches("\"acknowledged\"").count(), 1);
    let again = real_store(root);
    assert_eq!(again.open_agent(&main).unwrap().quarantined_count, 1);
    assert_eq!(numbers(&page(&again, "old", None, 9)), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn compaction_takes_what_stands_before_the_tombstone_and_no_line_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root) = (agent("main"), dir.path());
    let store = opened(root);
    say(&store, "old", "hidden").await;
    store.delete(&main, &session("old")).await.unwrap();
    say(&store, "old", "anew").await;
    store.shutdown().await.unwrap();
    let active = root.join("main/session.jsonl");
    let text = fs::read_to_string(&active).unwrap();
    let last = text.lines().last().unwrap().to_owned();
    fs::write(&active, format!("{text}{last}\n")).unwrap();

    let store = real_store(root);
    assert_eq!(store.open_agent(&main).unwrap().quarantined_count, 1);
    store.compact(&main).unwrap();
    assert_eq!(texts(&page(&store, "old", None, 9).entries), ["anew"]);
    store.shutdown().await.unwrap();
    let all = everything(root);
    assert_eq!((all.matches("hidden").count(), all.lines().count()), (0, 3));
    let again = real_store(root);
    assert_eq!(again.open_agent(&main).unwrap().quarantined_count, 1);
}

#[tokio::test]
async fn a_damaged_part_of_an_archive_hides_nothing_but_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root) = (agent("main"), dir.path());
    // One entry fills more than half of a part.
    archived(root, &"x".repeat(600 << 10)).await;
    let path = root.join("main/archive/old.4.jsonl.gz");
    let whole = fs::read(&path).unwrap();
    let starts = whole.windows(4).enumerate();
    let starts: Vec<_> = starts.filter(|(_, at)| *at == [0x1f, 0x8b, 8, 4]).collect();
    assert_eq!(starts.len(), 3);
    let store = opened(root);
    assert_eq!(say(&store, "old", "live").await, 5);
    for (part, readable) in [
        (0, [2, 3, 4, 5].as_slice()),
        (1, &[1, 3, 4, 5]),
        (2, &[1, 2, 5]),
    ] {
        let mut damaged = whole.clone();
        // The first bytes behind the header say how the text is packed.
        damaged[starts[part].0 + 36..][..8].fill(0xff);
        fs::write(&path, damaged).unwrap();
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = page(&store, "old", before, 1);
            seen.splice(0..0, numbers(&page));
            before = page.before_seq;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen, readable, "part {part}, one by one");
        let all = page(&store, "old", None, 9);
        assert_eq!(numbers(&all), readable, "part {part}");
        let lines = store.lines(&main, &session("old"), 0, 1 << 30).unwrap();
        assert_eq!(lines.lines.len(), readable.len() - 1, "part {part}");
    }
}

#[tokio::test]
async fn a_page_of_archived_lines_that_cannot_be_read_says_where_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    archived(root, "").await;
    let path = root.join("main/archive/old.4.jsonl.gz");
    let text = unpack(&path).replace("\"2\"", "\"5\"");
    fs::write(&path, pack(text.as_bytes())).unwrap();
    let store = opened(root);
    for (before, numbered, next) in [
        (None, vec![4], Some(4)),
        (Some(4), vec![3], Some(3)),
        (Some(3), vec![], Some(2)),
        (Some(2), vec![1], None),
    ] {
        let page = page(&store, "old", before, 1);
        assert_eq!(
            (numbers(&page), page.before_seq),
            (numbered, next),
            "{before:?}"
        );
    }
}

#[tokio::test]
async fn a_list_from_a_backup_deletes_nothing_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    archived(root, "").await;
    let old = r#"{"version":1,"segments":[{"number":1,"file":"0001.jsonl","bytes":9999}],
        "obsolete":["archive/old.4.jsonl.gz","sessions/0001.2.jsonl"]}"#;
    fs::write(root.join("main/sessions/manifest.json"), old).unwrap();
    for _ in 0..2 {
        let store = opened(root);
        assert_eq!(numbers(&page(&store, "old", None, 9)), [1, 2, 3, 4]);
        assert_eq!(numbers(&page(&store, "new", None, 9)), [1]);
        store.shutdown().await.unwrap();
    }
    let store = opened(root);
    let which = Which::Session(session("new"));
    store.archive(&agent("main"), &which).unwrap();
    assert_eq!(numbers(&page(&store, "new", None, 9)), [1, 2]);
    assert_eq!(numbers(&page(&store, "old", None, 9)), [1, 2, 3, 4]);
}

#[tokio::test]
async fn numbers_that_nothing_can_have_counted_to_are_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    archived(root, "").await;
    let manifest = root.join("main/sessions/manifest.json");
    let listed = fs::read_to_string(&manifest).unwrap();
    let max = u64::MAX.to_string();
    for (key, value) in [("lastSeq", "4"), ("firstSeq", "1"), ("entries", "4")] {
        let from = format!("\"{key}\":{value}");
        assert!(listed.contains(&from), "{key}");
        let hostile = listed.replace(&from, &format!("\"{key}\":{max}"));
        fs::write(&manifest, hostile).unwrap();
        let store = opened(root);
        let all = page(&store, "old", None, 9);
        assert_eq!((numbers(&all), all.total), (vec![1, 2, 3, 4], 4), "{key}");
        store.shutdown().await.unwrap();
    }
    fs::remove_file(&manifest).unwrap();
    // A header that says that its text begins where no number goes.
    let line = unpack(&root.join("main/archive/old.4.jsonl.gz"));
    let line = line.lines().next().unwrap().replace("\"old\"", "\"far\"");
    let mut note = b"OC\x14\x00".to_vec();
    note.extend([0xff; 20]);
    let mut encoder = GzBuilder::new()
        .extra(note)
        .write(Vec::new(), Compression::fast());
    encoder.write_all(line.as_bytes()).unwrap();
    let mut bytes = encoder.finish().unwrap();
    let len = u32::try_from(bytes.len()).unwrap();
    bytes[16..20].copy_from_slice(&len.to_le_bytes());
    fs::write(root.join("main/archive/far.1.jsonl.gz"), bytes).unwrap();
    fs::write(
        root.join("main/archive/gone.9007199254740992.jsonl.gz"),
        pack(b"{}\n"),
    )
    .unwrap();
    fs::write(root.join("main/sessions/4294967295.jsonl"), "").unwrap();
    let store = opened(root);
    for (name, seq) in [("old", 5), ("far", 1), ("gone", 1), ("new", 2)] {
        assert_eq!(say(&store, name, "on").await, seq, "{name}");
    }
    store.compact(&agent("main")).unwrap();
}

#[tokio::test]
async fn a_search_ends_inside_a_part_without_end() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    archived(root, "").await;
    let path = root.join("main/archive/old.4.jsonl.gz");
    let lines = "a line that is none\n".repeat(100_000);
    fs::write(&path, pack(lines.as_bytes())).unwrap();
    let store = opened(root);
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Relaxed) > 40;
    let found = store.search(&Query::new("line"), &stop).unwrap();
    assert!(
        found.stopped && found.bytes < lines.len() as u64 / 2,
        "{found:?}"
    );
}
