//! Commit markers: what they cover, and that they are written only where there is something to cover.

use std::{path::Path, sync::Arc};

use openclaw_sessions::{Entry, Error, Flaw, Kind, Marker, SimDisk, Store};

use crate::harness::{agent, options, session, sim_store, user};

#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]
fn sim() -> (SimDisk, Store) {
    let root = Path::new("/state/agents");
    let disk = SimDisk::new(1, root);
    let store = sim_store(options(root), Arc::new(disk.clone()));
    store.open_agent(&agent("main")).unwrap();
    (disk, store)
}

fn markers(entries: &[Arc<Entry>]) -> Vec<Option<Marker>> {
    let commits = entries.iter().filter(|entry| entry.kind == Kind::Commit);
    commits.map(|entry| Marker::of(entry)).collect()
}

#[tokio::test]
async fn a_marker_covers_what_the_one_before_did_not_and_nothing_is_covered_twice() {
    let (disk, store) = sim();
    let (main, s) = (agent("main"), session("s"));
    assert!(matches!(
        store.commit(&main, &s),
        Err(Error::UnknownSession { .. })
    ));
    let said = vec![user("s", "one"), user("other", "x"), user("s", "two")];
    store.append(&main, said).await.unwrap();
    let first = store.commit(&main, &s).unwrap().unwrap();
    assert_eq!((first.entries, first.through), (2, 2));
    assert_eq!(store.commit(&main, &s).unwrap(), None);
    store.append(&main, vec![user("s", "three")]).await.unwrap();
    let second = store.commit(&main, &s).unwrap().unwrap();
    assert_eq!(
        (second.entries, second.through),
        (2, 4),
        "the marker itself is covered too"
    );
    assert_eq!(store.commit(&main, &s).unwrap(), None);
    let found = store.tail(&main, &s, 10).unwrap();
    assert_eq!(markers(&found), [Some(first), Some(second)]);
    assert_eq!(store.summary(&main, &s).unwrap().committed_seq, Some(4));

    let text = disk
        .contents(Path::new("/state/agents/main/session.jsonl"))
        .unwrap();
    let lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let sum = |before: [u8; 32], lines: &[&[u8]]| -> [u8; 32] {
        use sha2::Digest;
        sha2::Sha256::digest([&before[..], &lines.concat()].concat()).into()
    };
    assert_eq!(first.sha256, sum([0; 32], &[lines[0], lines[2]]));
    assert_eq!(second.sha256, sum(first.sha256, &[lines[3], lines[4]]));
}

#[tokio::test]
async fn a_deleted_session_begins_a_new_chain_and_a_marker_never_brings_it_back() {
    let (disk, store) = sim();
    let (main, s) = (agent("main"), session("s"));
    store.append(&main, vec![user("s", "one")]).await.unwrap();
    store.commit(&main, &s).unwrap().unwrap();
    store.delete(&main, &s).await.unwrap();
    assert!(matches!(
        store.commit(&main, &s),
        Err(Error::UnknownSession { .. })
    ));
    store.append(&main, vec![user("s", "again")]).await.unwrap();
    let marker = store.commit(&main, &s).unwrap().unwrap();
    assert_eq!((marker.entries, marker.through), (1, 4));
    store.shutdown().await.unwrap();
    let again = sim_store(options(Path::new("/state/agents")), Arc::new(disk));
    again.open_agent(&main).unwrap();
    assert_eq!(again.commit(&main, &s).unwrap(), None);
    assert_eq!(again.summary(&main, &s).unwrap().committed_seq, Some(4));
}

#[tokio::test]
async fn commits_at_the_same_time_make_one_chain() {
    let (_, store) = sim();
    let (main, s) = (agent("main"), session("s"));
    store.append(&main, vec![user("s", "one")]).await.unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    drop(store.append(&main, vec![user("s", "more")]));
                    store.commit(&main, &s).unwrap();
                }
            });
        }
    });
    let found = store.tail(&main, &s, 1_000).unwrap();
    let found: Vec<_> = markers(&found).into_iter().flatten().collect();
    assert!(
        found
            .windows(2)
            .all(|pair| pair[0].through < pair[1].through),
        "{found:?}"
    );
}

#[tokio::test]
async fn verifying_finds_what_was_changed_behind_a_good_checksum() {
    let (disk, store) = sim();
    let (main, s) = (agent("main"), session("s"));
    for text in ["one", "two", "three"] {
        store
            .append(&main, vec![user("s", text), user("t", text)])
            .await
            .unwrap();
        store.commit(&main, &s).unwrap().unwrap();
    }
    store.append(&main, vec![user("s", "late")]).await.unwrap();
    let found = store.verify(&main, None).unwrap();
    assert!(found.damaged.is_empty());
    let seen = found.sessions.iter().map(|of| {
        (
            of.session.as_str(),
            of.entries,
            of.markers,
            of.verified_through,
            of.uncommitted,
            of.problems.len(),
        )
    });
    let seen: Vec<_> = seen.collect();
    assert_eq!(seen, [("s", 7, 3, Some(5), 1, 0), ("t", 3, 0, None, 3, 0)]);
    store.shutdown().await.unwrap();

    let path = Path::new("/state/agents/main/session.jsonl");
    let text = String::from_utf8(disk.contents(path).unwrap()).unwrap();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let at = lines.iter().position(|line| line.contains("two")).unwrap();
    let body = lines[at].replace("two", "2.0");
    let body = &body[..body.rfind(",\"crc\"").unwrap()];
    lines[at] = format!(
        "{body},\"crc\":\"{:08x}\"}}",
        crc32c::crc32c(body.as_bytes())
    );
    disk.replace(path, format!("{}\n", lines.join("\n")).as_bytes());
    let again = sim_store(options(Path::new("/state/agents")), Arc::new(disk));
    again.open_agent(&main).unwrap();
    let found = again.verify(&main, Some(&s)).unwrap();
    let of = &found.sessions[0];
    assert_eq!((of.verified_through, of.markers), (Some(1), 3));
    let whats: Vec<_> = of
        .problems
        .iter()
        .map(|problem| problem.what.clone())
        .collect();
    assert_eq!(
        whats,
        [Flaw::Changed { through: 3 }],
        "what is behind it still holds"
    );
}
