use openclaw_sessions::{Draft, Durability, Excess, Options, RealDisk};
use openclaw_types::{Env as _, Role, env::SimEnv};

use super::*;

const HOUR_MS: u64 = 3_600_000;
const OPTIONS: KeeperOptions = KeeperOptions {
    auto_commit: true,
    archive_after_ms: Some(24 * HOUR_MS),
    excess: Excess::Reported,
    sessions_max: 2,
    archive_bytes_max: 1 << 20,
};

fn agent(name: &str) -> AgentId {
    AgentId::parse(name).unwrap()
}

fn session(name: &str) -> SessionId {
    SessionId::parse(name).unwrap()
}

fn store(root: &std::path::Path, env: &Arc<SimEnv>) -> Store {
    let options = Options {
        root: root.to_path_buf(),
        durability: Durability::Os,
        segment_bytes_max: 1 << 20,
        entry_bytes_max: 1 << 20,
        queue_depth: 64,
        sync_threads: 1,
        tail_cache_entries: 8,
    };
    let store = Store::open(options, Arc::new(RealDisk), env.clone()).unwrap();
    store.open_agent(&agent("alpha")).unwrap();
    store
}

async fn say(store: &Store, name: &str) {
    let draft = Draft::message(Role::User, session(name), "hello");
    store.append(&agent("alpha"), vec![draft]).await.unwrap();
}

fn names(store: &Store) -> (Vec<String>, Vec<String>) {
    let of = |all: Vec<openclaw_sessions::SessionSummary>| {
        all.iter().map(|one| one.session.to_string()).collect()
    };
    (of(store.list(None)), of(store.list_archived(None)))
}

fn of(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn what_is_idle_is_archived_and_what_is_too_much_reported_or_removed() {
    let dir = tempfile::tempdir().unwrap();
    let env = Arc::new(SimEnv::new(Timestamp(1_711_843_200_000), 1));
    let store = store(dir.path(), &env);
    for name in ["a", "b", "c", "d"] {
        say(&store, name).await;
        env.advance_ms(i64::try_from(20 * HOUR_MS).unwrap());
    }
    // Four sessions, spoken in 80, 60, 40, and 20 hours ago.
    let wait = KeeperOptions {
        archive_after_ms: None,
        ..OPTIONS
    };
    let reported = round(wait, &store, env.now(), &|| false);
    assert_eq!(reported.len(), 1);
    assert!(
        reported[0]
            .starts_with("alpha has 4 sessions, more than `session.maintenance.maxEntries` (2)"),
        "{reported:?}"
    );
    assert_eq!(names(&store).0.len(), 4);

    assert_eq!(round(OPTIONS, &store, env.now(), &|| false), [""; 0]);
    assert_eq!(names(&store), (of(&["d"]), of(&["a", "b", "c"])));

    let none = KeeperOptions {
        archive_bytes_max: 0,
        ..OPTIONS
    };
    let reported = round(none, &store, env.now(), &|| false);
    assert!(reported[0].starts_with("archives take "), "{reported:?}");
    assert_eq!(names(&store).1.len(), 3);

    let bytes: u64 = store.archives().iter().map(|kept| kept.bytes).sum();
    let enforce = KeeperOptions {
        excess: Excess::Removed,
        archive_bytes_max: bytes - 1,
        ..OPTIONS
    };
    assert_eq!(round(enforce, &store, env.now(), &|| false), [""; 0]);
    assert_eq!(
        names(&store),
        (of(&["d"]), of(&["b", "c"])),
        "the oldest archive is gone"
    );
    say(&store, "a").await;
    assert_eq!(
        store
            .summary(&agent("alpha"), &session("a"))
            .unwrap()
            .entries,
        1
    );
    store.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_session_that_is_used_again_is_not_removed_with_its_old_archive() {
    let dir = tempfile::tempdir().unwrap();
    let env = Arc::new(SimEnv::new(Timestamp(1_711_843_200_000), 1));
    let store = store(dir.path(), &env);
    for name in ["again", "idle"] {
        say(&store, name).await;
        env.advance_ms(1_000);
    }
    env.advance_ms(i64::try_from(48 * HOUR_MS).unwrap());
    assert_eq!(round(OPTIONS, &store, env.now(), &|| true), [""; 0]);
    assert_eq!(names(&store).0.len(), 2, "nothing is begun at a stop");
    assert_eq!(round(OPTIONS, &store, env.now(), &|| false), [""; 0]);
    assert_eq!(names(&store), (of(&[]), of(&["again", "idle"])));
    say(&store, "again").await;
    assert_eq!(names(&store), (of(&["again"]), of(&["idle"])));

    let enforce = KeeperOptions {
        excess: Excess::Removed,
        archive_bytes_max: 0,
        ..OPTIONS
    };
    let _said = round(enforce, &store, env.now(), &|| false);
    assert_eq!(names(&store), (of(&["again"]), of(&[])));
    let entries = store.summary(&agent("alpha"), &session("again"));
    assert!(entries.is_some_and(|found| found.entries >= 2));
    store.shutdown().await.unwrap();
}
