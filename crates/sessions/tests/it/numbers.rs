//! Numbers of entries in files that more than one program has written.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

use std::{path::Path, sync::Arc};

use openclaw_sessions::{Disk, Fault, SimDisk, Store};

use crate::harness::{agent, options, session, sim_store, texts, user};

const FILE: &str = "/t/main/session.jsonl";

fn foreign(text: &str) -> String {
    format!("{{\"timestamp\":1,\"role\":\"user\",\"content\":\"{text}\",\"sessionId\":\"s\"}}\n")
}

fn sealed(text: &str, seq: u64) -> String {
    let line = foreign(text);
    let body = format!("{},\"seq\":{seq}", line.trim_end().trim_end_matches('}'));
    let crc = crc32c::crc32c(body.as_bytes());
    format!("{body},\"crc\":\"{crc:08x}\"}}\n")
}

/// A store over a file with these lines, and what was wrong with them.
fn opened(lines: &[String]) -> (Store, Vec<Fault>) {
    let root = Path::new("/t");
    let disk = SimDisk::new(1, root);
    disk.create_dir(&root.join("main")).unwrap();
    disk.replace(Path::new(FILE), lines.concat().as_bytes());
    let store = sim_store(options(root), Arc::new(disk));
    let recovery = store.open_agent(&agent("main")).unwrap();
    let faults = recovery.quarantined.iter().map(|found| found.fault);
    (store, faults.collect())
}

#[test]
fn entries_counted_and_entries_numbered_share_no_number_and_no_page_leaves_one_out() {
    let lines = [
        foreign("a"),
        foreign("b"),
        foreign("c"),
        sealed("d", 1),
        sealed("e", 2),
        sealed("f", 9),
        foreign("g"),
    ];
    let (store, faults) = opened(&lines);
    assert_eq!(faults, []);
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.page(&agent("main"), &session("s"), before, 2);
        let page = page.unwrap();
        seen.splice(0..0, page.entries);
        before = page.before_seq;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(texts(&seen), ["a", "b", "c", "d", "e", "f", "g"]);
    let numbers: Vec<u64> = seen.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 9, 10]);
}

#[tokio::test]
async fn a_number_that_nobody_can_have_counted_to_is_refused_and_counting_goes_on() {
    let lines = [
        sealed("a", 1),
        sealed("the last there is", u64::MAX),
        sealed("b", (1 << 53) - 1),
        foreign("c"),
    ];
    let (store, faults) = opened(&lines);
    assert_eq!(faults, [Fault::Key { key: "seq" }]);
    let appended = store.append(&agent("main"), vec![user("s", "d")]);
    assert_eq!(appended.await.unwrap()[0].seq, (1 << 53) + 1);
    let found = store.tail(&agent("main"), &session("s"), 9).unwrap();
    assert_eq!(texts(&found), ["a", "b", "c", "d"]);
}
