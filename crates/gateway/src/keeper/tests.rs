use openclaw_sessions::{Draft, Durability, Excess, Options, RealDisk};
use openclaw_types::{AgentId, Role, SessionId, SessionKey, Timestamp, env::SimEnv};

use super::*;

#[tokio::test]
async fn a_session_gets_no_marker_between_two_pieces_of_its_import() {
    let dir = tempfile::tempdir().unwrap();
    let env = Arc::new(SimEnv::new(Timestamp(1_711_843_200_000), 1));
    let options = Options {
        root: dir.path().to_path_buf(),
        durability: Durability::Os,
        segment_bytes_max: 1 << 20,
        entry_bytes_max: 1 << 20,
        queue_depth: 64,
        sync_threads: 1,
        tail_cache_entries: 8,
    };
    let store = Store::open(options, Arc::new(RealDisk), env.clone()).unwrap();
    let key = SessionKey {
        agent: AgentId::parse("alpha").unwrap(),
        session: SessionId::parse("long").unwrap(),
    };
    store.open_agent(&key.agent).unwrap();
    let imports = Imports::default();
    assert!(imports.expect(&key, 1));
    assert!(!imports.expect(&key, 2), "the name is taken");
    let said = (0..100).map(|_| Draft::message(Role::User, key.session.clone(), "one"));
    store.append(&key.agent, said.collect()).await.unwrap();
    imports.begun(&key);
    env.advance_ms(60_000);

    let mut keeper = Keeper::new(KeeperOptions {
        auto_commit: true,
        archive_after_ms: None,
        excess: Excess::Ignored,
        sessions_max: 100,
        archive_bytes_max: 1 << 20,
    });
    let marked = || {
        store
            .summary(&key.agent, &key.session)
            .unwrap()
            .committed_seq
    };
    let waits = round(&mut keeper, &store, &imports, &*env);
    assert_eq!(
        (waits, marked()),
        (true, None),
        "it waits for the last piece"
    );
    imports.ended(&key);
    round(&mut keeper, &store, &imports, &*env);
    assert_eq!(marked(), Some(100));
}
