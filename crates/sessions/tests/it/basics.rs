//! Append, read back, list, delete, reopen.

use std::sync::Arc;

use openclaw_sessions::{Draft, Error, Kind, Origin, OriginKind, RealDisk, read_only};
use openclaw_types::Role;

use crate::harness::{agent, real_store, run, session, texts, user};

#[tokio::test]
async fn what_was_appended_is_read_back_and_survives_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let steward = agent("steward");
    let store = real_store(dir.path());
    assert!(store.open_agent(&steward).unwrap().created);
    for at in 0..50 {
        let done = store
            .append(&steward, vec![user("main", &format!("m{at}"))])
            .await
            .unwrap();
        assert_eq!(done[0].seq, at + 1);
    }
    let before = store.tail(&steward, &session("main"), 20).unwrap();
    let expected: Vec<String> = (30..50).map(|at| format!("m{at}")).collect();
    assert_eq!(texts(&before), expected);
    store.shutdown().await.unwrap();

    let again = real_store(dir.path());
    let recovery = again.open_agent(&steward).unwrap();
    assert_eq!((recovery.entries, recovery.quarantined_count), (50, 0));
    assert_eq!(again.tail(&steward, &session("main"), 20).unwrap(), before);
    assert_eq!(again.tail(&steward, &session("main"), 20).unwrap(), before);

    let snapshot = read_only(dir.path(), Arc::new(RealDisk)).unwrap();
    assert_eq!(snapshot.list(None), again.list(None));
    assert_eq!(
        snapshot.tail(&steward, &session("main"), 20).unwrap(),
        before
    );
}

#[tokio::test]
async fn pages_lead_from_the_end_to_the_beginning_without_gap_or_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    for at in 0..150 {
        let drafts = vec![user("a", &format!("a{at}")), user("b", &format!("b{at}"))];
        store.append(&main, drafts).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.page(&main, &session("a"), before, 64).unwrap();
        assert_eq!(page.total, 150);
        seen.splice(0..0, page.entries);
        before = page.before_seq;
        if before.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..150).map(|at| format!("a{at}")).collect();
    assert_eq!(texts(&seen), expected);
}

#[tokio::test]
async fn a_deleted_session_is_hidden_and_its_numbers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    let id = session("gone");
    store
        .append(&main, vec![user("gone", "one")])
        .await
        .unwrap();
    store.delete(&main, &id).await.unwrap();
    assert_eq!(store.list(None), []);
    assert_eq!(store.tail(&main, &id, 5).unwrap(), []);
    assert!(matches!(
        store.delete(&main, &id).await,
        Err(Error::UnknownSession { .. })
    ));
    let again = store
        .append(&main, vec![user("gone", "two")])
        .await
        .unwrap();
    assert_eq!(again[0].seq, 3);
    store.shutdown().await.unwrap();

    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    assert_eq!(texts(&store.tail(&main, &id, 5).unwrap()), ["two"]);
}

#[tokio::test]
async fn runs_cut_off_by_a_crash_are_found_at_the_next_open() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    let with_run = |mut draft: Draft, name: &str| {
        draft.run = Some(run(name));
        draft
    };
    let answer = Draft::message(Role::Assistant, session("s"), "done");
    let drafts = vec![
        with_run(user("s", "first"), "r1"),
        with_run(answer, "r1"),
        with_run(user("s", "second"), "r3"),
        with_run(user("s", "third"), "r2"),
        with_run(user("s", "fourth"), "r4"),
        with_run(Draft::record(Kind::Aborted, session("s")), "r4"),
    ];
    store.append(&main, drafts).await.unwrap();
    assert_eq!(store.unfinished_runs(&main), []);
    store.shutdown().await.unwrap();

    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    let left = |name: &str| (session("s"), run(name));
    assert_eq!(store.unfinished_runs(&main), [left("r3"), left("r2")]);
    let mark = with_run(Draft::record(Kind::Aborted, session("s")), "r3");
    store.append(&main, vec![mark]).await.unwrap();
    assert_eq!(store.unfinished_runs(&main), [left("r2")]);
}

#[tokio::test]
async fn a_summary_says_who_began_a_session_and_what_was_said_last() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    let mut first = user("s", "hello\nthere");
    first.origin = Some(Origin {
        kind: OriginKind::Local,
        id: Some("client-1".to_owned()),
        message_id: None,
    });
    store.append(&main, vec![first]).await.unwrap();
    let marker = store.commit(&main, &session("s")).unwrap();
    assert_eq!(
        marker.map(|marker| (marker.entries, marker.through)),
        Some((1, 1))
    );
    let live = store.summary(&main, &session("s")).unwrap();
    assert_eq!(
        (
            live.entries,
            live.preview.as_str(),
            live.owner,
            live.committed_seq
        ),
        (2, "hello there", Some(OriginKind::Local), Some(1))
    );
    store.shutdown().await.unwrap();
    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    assert_eq!(store.summary(&main, &session("s")), Some(live));
}

#[tokio::test]
async fn a_second_writer_is_refused_until_the_first_has_gone() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let first = real_store(dir.path());
    first.open_agent(&main).unwrap();
    let second = real_store(dir.path());
    assert!(matches!(
        second.open_agent(&main),
        Err(Error::Locked { .. })
    ));
    first.close_agent(&main);
    second.open_agent(&main).unwrap();
    let refused = first.append(&main, vec![user("s", "x")]).await;
    assert!(matches!(refused, Err(Error::UnknownAgent { .. })));
}

#[tokio::test]
async fn entries_too_large_or_too_deep_are_refused_and_leave_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let mut options = crate::harness::options(dir.path());
    options.entry_bytes_max = 1_000;
    let store = crate::harness::sim_store(options, Arc::new(RealDisk));
    store.open_agent(&main).unwrap();
    let large = store.append(&main, vec![user("s", "ok"), user("s", &"x".repeat(990))]);
    assert!(matches!(large.await, Err(Error::TooLarge { .. })));
    let mut nested = serde_json::Value::Null;
    for _ in 0..200 {
        nested = serde_json::Value::Array(vec![nested]);
    }
    let mut deep = user("s", "deep");
    deep.parts = vec![openclaw_types::Part::ToolCall(openclaw_types::ToolCall {
        id: "c".to_owned(),
        name: "t".to_owned(),
        arguments: nested,
    })];
    let deep = store.append(&main, vec![deep]).await;
    assert!(matches!(deep, Err(Error::TooDeep { .. })));
    store.append(&main, vec![user("s", "fine")]).await.unwrap();
    assert_eq!(
        texts(&store.tail(&main, &session("s"), 9).unwrap()),
        ["fine"]
    );
}

#[tokio::test]
async fn an_append_nobody_waits_for_is_durable_all_the_same_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    for at in 0..5 {
        drop(store.append(&main, vec![user("s", &at.to_string())]));
    }
    store.append(&main, vec![user("s", "last")]).await.unwrap();
    let found = store.tail(&main, &session("s"), 9).unwrap();
    assert_eq!(texts(&found), ["0", "1", "2", "3", "4", "last"]);
}

#[tokio::test]
async fn a_session_is_named_at_once_and_on_disk_with_its_first_entry() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = real_store(dir.path());
    assert!(matches!(
        store.create(&main, None),
        Err(Error::UnknownAgent { .. })
    ));
    store.open_agent(&main).unwrap();
    let fresh = store.create(&main, None).unwrap();
    assert!(fresh.as_str().starts_with("sess-"), "{fresh}");
    let named = store.create(&main, Some(session("mine"))).unwrap();
    assert_eq!((named.as_str(), store.list(None)), ("mine", Vec::new()));
    store
        .append(&main, vec![user(fresh.as_str(), "hi")])
        .await
        .unwrap();
    let listed: Vec<_> = store
        .list(Some(&main))
        .into_iter()
        .map(|found| found.session)
        .collect();
    assert_eq!(listed, [fresh]);
}
