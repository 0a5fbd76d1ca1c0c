//! Lines that a reader sees and the disk doesn't have: no commit marker vouches for them until it does.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

use std::{io, path::Path, sync::Arc};

use openclaw_sessions::{
    Disk, Durability, SimDisk, Store,
    disk::{
        FileIdentity, OpenMode,
        sim::{Call, Failure, Fault},
    },
};

use crate::harness::{agent, options, session, sim_store, texts, user};

/// Power cuts that end differently.
const SEEDS: u64 = 24;

fn path() -> &'static Path {
    Path::new("/state/agents/main/session.jsonl")
}

fn store(disk: &SimDisk, durability: Durability, segment_bytes_max: u64) -> Store {
    let mut options = options(Path::new("/state/agents"));
    options.durability = durability;
    options.segment_bytes_max = segment_bytes_max;
    let store = sim_store(options, Arc::new(disk.clone()));
    store.open_agent(&agent("main")).unwrap();
    store
}

fn usual(disk: &SimDisk) -> Store {
    store(disk, Durability::Always, 64 << 20)
}

fn sync_fails(disk: &SimDisk, times: u64) {
    disk.fail(&[Fault {
        call: Call::Datasync,
        nth: 1,
        times,
        failure: Failure::Error(io::ErrorKind::Other),
    }]);
}

/// A disk on which "one" was acknowledged, and "two" was written by a process that was killed, in front of its sync or
/// behind one that failed.
async fn killed(seed: u64, sync_failed: bool) -> SimDisk {
    let disk = SimDisk::new(seed, Path::new("/state/agents"));
    let first = usual(&disk);
    let said = first.append(&agent("main"), vec![user("s", "one")]);
    said.await.unwrap();
    first.shutdown().await.unwrap();
    let file = disk.open(path(), OpenMode::Append).unwrap();
    let line = "{\"timestamp\":5,\"role\":\"user\",\"content\":\"two\",\"sessionId\":\"s\"}\n";
    file.write_at_end(line.as_bytes()).unwrap();
    if sync_failed {
        sync_fails(&disk, 1);
        assert!(file.datasync().is_err());
        disk.fail(&[]);
    }
    disk
}

fn identity(disk: &SimDisk) -> FileIdentity {
    Disk::state(disk, path()).unwrap().identity
}

/// What was committed is there after a power cut, as it was.
fn holds(disk: &SimDisk, through: u64, said: &[&str]) {
    let store = usual(&disk.crash());
    let (main, s) = (agent("main"), session("s"));
    let found = store.verify(&main, Some(&s)).unwrap();
    let of = &found.sessions[0];
    assert_eq!(
        (of.verified_through, of.problems.as_slice()),
        (Some(through), &[][..])
    );
    let tail = store.tail(&main, &s, 100).unwrap();
    let tail: Vec<_> = texts(&tail)
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    assert_eq!(tail, said);
}

#[tokio::test]
async fn a_marker_over_lines_of_a_killed_process_survives_a_failed_sync_and_a_power_cut() {
    let (main, s) = (agent("main"), session("s"));
    for seed in 0..SEEDS {
        for failures in [0, 1, 3] {
            let disk = killed(seed, false).await;
            let store = usual(&disk);
            sync_fails(&disk, failures);
            let mut refused = 0;
            while store.append(&main, vec![user("s", "three")]).await.is_err() {
                refused += 1;
            }
            assert_eq!(
                refused, failures,
                "each failed sync refuses what waits for it"
            );
            let marker = store.commit(&main, &s).unwrap().unwrap();
            holds(&disk, marker.through, &["one", "two", "three"]);
        }
    }
}

#[tokio::test]
async fn a_marker_over_lines_that_a_sync_lost_before_the_start_survives_a_power_cut() {
    let (main, s) = (agent("main"), session("s"));
    for seed in 0..SEEDS {
        for more in [false, true] {
            let disk = killed(seed, true).await;
            let store = usual(&disk);
            let mut said = vec!["one", "two"];
            if more {
                // It is synced, which brings back nothing of what was lost.
                store.append(&main, vec![user("s", "three")]).await.unwrap();
                said.push("three");
            }
            let marker = store.commit(&main, &s).unwrap().unwrap();
            holds(&disk, marker.through, &said);
        }
    }
}

#[tokio::test]
async fn a_segment_is_sealed_only_when_all_of_it_is_on_the_disk() {
    let (main, s) = (agent("main"), session("s"));
    for seed in 0..SEEDS {
        let disk = killed(seed, true).await;
        let store = store(&disk, Durability::Always, 1);
        store.append(&main, vec![user("s", "three")]).await.unwrap();
        let marker = store.commit(&main, &s).unwrap().unwrap();
        holds(&disk, marker.through, &["one", "two", "three"]);
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_a_late_sync_that_fails_is_saved_by_the_next() {
    let (main, s) = (agent("main"), session("s"));
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed, Path::new("/state/agents"));
        let store = store(&disk, Durability::Os, 1);
        sync_fails(&disk, 1);
        // The segment is full at once, and sealing it fails.
        store.append(&main, vec![user("s", "one")]).await.unwrap();
        store.append(&main, vec![user("s", "two")]).await.unwrap();
        let marker = store.commit(&main, &s).unwrap().unwrap();
        store.shutdown().await.unwrap();
        holds(&disk, marker.through, &["one", "two"]);
    }
}

#[tokio::test]
async fn a_file_is_written_anew_once_after_a_kill_and_not_at_all_after_a_stop() {
    let (main, s) = (agent("main"), session("s"));
    let disk = SimDisk::new(1, Path::new("/state/agents"));
    let first = usual(&disk);
    let long = "x".repeat(100_000);
    for _ in 0..4 {
        first.append(&main, vec![user("s", &long)]).await.unwrap();
    }
    let begun = identity(&disk);
    first.commit(&main, &s).unwrap().unwrap();
    assert_eq!(identity(&disk), begun, "what was begun here is known");
    first.shutdown().await.unwrap();

    let second = usual(&disk);
    second.append(&main, vec![user("s", "more")]).await.unwrap();
    second.commit(&main, &s).unwrap().unwrap();
    assert_eq!(
        identity(&disk),
        begun,
        "it was closed with all of it synced"
    );

    let disk = disk.crash();
    let third = usual(&disk);
    third.append(&main, vec![user("s", "again")]).await.unwrap();
    assert_eq!(
        identity(&disk),
        begun,
        "an entry needs no certainty about others"
    );
    third.commit(&main, &s).unwrap().unwrap();
    let anew = identity(&disk);
    assert_ne!(anew, begun);
    third.append(&main, vec![user("s", "and")]).await.unwrap();
    third.commit(&main, &s).unwrap().unwrap();
    assert_eq!(identity(&disk), anew);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_anew_gets_no_marker_and_goes_on() {
    let (main, s) = (agent("main"), session("s"));
    for call in [
        Call::Open,
        Call::Write,
        Call::Datasync,
        Call::Rename,
        Call::SyncDir,
    ] {
        for seed in 0..SEEDS {
            let disk = killed(seed, true).await;
            let store = usual(&disk);
            disk.fail(&[Fault {
                call,
                nth: 1,
                times: u64::MAX / 2,
                failure: Failure::Error(io::ErrorKind::StorageFull),
            }]);
            assert!(store.commit(&main, &s).is_err(), "{call:?}");
            disk.fail(&[]);
            let left = path().with_extension("jsonl.next");
            assert_eq!(disk.contents(&left), None, "{call:?}");
            store.append(&main, vec![user("s", "three")]).await.unwrap();
            let marker = store.commit(&main, &s).unwrap().unwrap();
            holds(&disk, marker.through, &["one", "two", "three"]);
        }
    }
}
