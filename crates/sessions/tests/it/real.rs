//! On the real disk: many writers at once, other programs, sealing, and files as they must look.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex},
};

use openclaw_sessions::{Draft, Durability, Error, Fault, RealDisk, Store, Torn};
use openclaw_types::Role;
use tokio::task::JoinSet;

use crate::{
    harness::{agent, options, real_store, session, sim_env, sim_store, texts, user},
    ledger::Ledger,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_tasks_over_twelve_agents_keep_order_and_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let agents: Vec<_> = (0..12).map(|at| agent(&format!("agent-{at}"))).collect();
    let store = real_store(dir.path());
    for agent in &agents {
        store.open_agent(agent).unwrap();
    }
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let mut tasks = JoinSet::new();
    for task in 0..64 {
        let (store, agent) = (store.clone(), agents[task % 12].clone());
        let ledger = Arc::clone(&ledger);
        tasks.spawn(async move {
            let id = session(&format!("s{task}"));
            for turn in 0..20_u64 {
                let text = format!("{task} {turn}");
                let answer = Draft::message(Role::Assistant, id.clone(), text.clone());
                let drafts = vec![user(id.as_str(), &text), answer];
                let done = store.append(&agent, drafts).await.unwrap();
                assert_eq!((done[0].seq, done[1].seq), (turn * 2 + 1, turn * 2 + 2));
                let mut ledger = ledger.lock().unwrap();
                for done in done {
                    ledger.note(&agent, &id, done, &text);
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let ledger = ledger.lock().unwrap().clone();
    assert_eq!(ledger.len(), 64 * 40);
    assert_eq!(ledger.complaint(&store), None);
    let stats = store.stats();
    assert!(stats.syncs < 64 * 20 / 2, "appends share syncs: {stats:?}");
    store.shutdown().await.unwrap();

    let again = real_store(dir.path());
    let found: u64 = agents
        .iter()
        .map(|agent| again.open_agent(agent).unwrap().entries)
        .sum();
    assert_eq!(found, 64 * 40);
    assert_eq!(ledger.complaint(&again), None);
}

#[tokio::test]
async fn an_editor_that_replaces_the_file_is_noticed_before_the_acknowledgement() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    let text = "kept by the editor";
    store.append(&main, vec![user("s", text)]).await.unwrap();
    let path = dir.path().join("main/session.jsonl");
    let copy = dir.path().join("main/session.jsonl~");
    fs::copy(&path, &copy).unwrap();
    fs::rename(&copy, &path).unwrap();
    let refused = store
        .append(&main, vec![user("s", "into the old file")])
        .await;
    assert!(matches!(refused, Err(Error::Changed { .. })));
    store.append(&main, vec![user("s", "after")]).await.unwrap();
    let found = store.tail(&main, &session("s"), 9).unwrap();
    assert_eq!(texts(&found), [text, "after"]);
}

#[tokio::test]
async fn a_program_that_writes_to_the_file_is_noticed_and_its_lines_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    store.append(&main, vec![user("s", "ours")]).await.unwrap();
    let path = dir.path().join("main/session.jsonl");
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    let line = r#"{"timestamp": 5, "role": "user", "content": "theirs", "sessionId": "s"}"#;
    writeln!(file, "{line}").unwrap();
    let refused = store.append(&main, vec![user("s", "unsure")]).await;
    assert!(matches!(refused, Err(Error::Changed { .. })));
    store.append(&main, vec![user("s", "after")]).await.unwrap();
    let found = store.tail(&main, &session("s"), 9).unwrap();
    assert_eq!(texts(&found), ["ours", "theirs", "unsure", "after"]);
}

#[tokio::test]
async fn a_file_removed_while_open_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    store.append(&main, vec![user("s", "gone")]).await.unwrap();
    fs::remove_file(dir.path().join("main/session.jsonl")).unwrap();
    let refused = store.append(&main, vec![user("s", "lost")]).await;
    assert!(matches!(refused, Err(Error::Changed { .. })));
    store.append(&main, vec![user("s", "after")]).await.unwrap();
    assert_eq!(
        texts(&store.tail(&main, &session("s"), 9).unwrap()),
        ["after"]
    );
}

fn sealing_store(root: &Path) -> Store {
    let mut options = options(root);
    options.segment_bytes_max = 4_096;
    sim_store(options, Arc::new(RealDisk))
}

#[tokio::test]
async fn full_segments_are_sealed_and_read_like_the_active_one() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = sealing_store(dir.path());
    store.open_agent(&main).unwrap();
    let mut ledger = Ledger::default();
    for at in 0..100 {
        let text = format!("entry {at}");
        let done = store.append(&main, vec![user("s", &text)]).await.unwrap();
        ledger.note(&main, &session("s"), done[0].clone(), &text);
    }
    assert_eq!(ledger.complaint(&store), None);
    store.shutdown().await.unwrap();
    let sealed = dir.path().join("main/sessions");
    assert!(sealed.join("0003.jsonl").exists());
    let manifest = sealed.join("manifest.json");
    for remove_manifest in [false, true] {
        if remove_manifest {
            fs::remove_file(&manifest).unwrap();
        }
        let again = sealing_store(dir.path());
        let recovery = again.open_agent(&main).unwrap();
        assert_eq!((recovery.entries, recovery.quarantined_count), (100, 0));
        assert_eq!(ledger.complaint(&again), None);
        again.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn damage_is_reported_and_the_torn_tail_is_kept_aside() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    for text in ["one", "two", "three"] {
        store.append(&main, vec![user("s", text)]).await.unwrap();
    }
    store.shutdown().await.unwrap();
    let path = dir.path().join("main/session.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let torn = r#"{"timestamp":1,"ro"#;
    fs::write(&path, whole.replace("two", "tWo") + torn).unwrap();

    let again = real_store(dir.path());
    let recovery = again.open_agent(&main).unwrap();
    let aside = recovery.torn.clone().unwrap();
    let bytes = torn.len() as u64;
    assert_eq!(
        aside,
        Torn {
            path: aside.path.clone(),
            bytes
        }
    );
    assert_eq!(fs::read_to_string(&aside.path).unwrap(), torn);
    let name = aside.path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("session.jsonl.torn-"), "{name}");
    let bad = &recovery.quarantined[0];
    let line = whole.lines().nth(1).unwrap();
    assert_eq!(
        (
            recovery.entries,
            recovery.quarantined_count,
            bad.fault,
            bad.bytes,
            &bad.path
        ),
        (2, 1, Fault::Checksum, line.len() as u64, &path)
    );
    assert_eq!(
        texts(&again.tail(&main, &session("s"), 9).unwrap()),
        ["one", "three"]
    );
    let done = again.append(&main, vec![user("s", "four")]).await.unwrap();
    assert_eq!(done[0].seq, 4);
}

#[tokio::test]
async fn files_and_directories_are_for_their_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = sealing_store(dir.path());
    store.open_agent(&main).unwrap();
    for _ in 0..40 {
        store
            .append(&main, vec![user("s", &"x".repeat(100))])
            .await
            .unwrap();
    }
    let home = dir.path().join("main");
    for (name, mode) in [
        ("", 0o700),
        ("session.jsonl", 0o600),
        ("sessions", 0o700),
        ("sessions/0001.jsonl", 0o600),
        ("sessions/manifest.json", 0o600),
    ] {
        let found = fs::metadata(home.join(name)).unwrap().permissions().mode();
        assert_eq!(found & 0o7777, mode, "{name}");
    }
}

#[tokio::test]
async fn a_link_under_the_transcripts_name_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("precious");
    fs::write(&target, "untouched").unwrap();
    fs::create_dir(dir.path().join("main")).unwrap();
    std::os::unix::fs::symlink(&target, dir.path().join("main/session.jsonl")).unwrap();
    let store = real_store(dir.path());
    let refused = store.open_agent(&agent("main"));
    assert!(matches!(refused, Err(Error::Disk { .. })));
    assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
}

#[tokio::test]
async fn the_relaxed_durabilities_acknowledge_early_and_lose_nothing_on_a_stop() {
    for durability in [Durability::Os, Durability::Batch { interval_ms: 5 }] {
        let dir = tempfile::tempdir().unwrap();
        let main = agent("main");
        let mut options = options(dir.path());
        options.durability = durability;
        let store = Store::open(options, Arc::new(RealDisk), sim_env()).unwrap();
        store.open_agent(&main).unwrap();
        let mut ledger = Ledger::default();
        for at in 0..200 {
            let text = format!("{at}");
            let done = store.append(&main, vec![user("s", &text)]).await.unwrap();
            ledger.note(&main, &session("s"), done[0].clone(), &text);
        }
        assert_eq!(store.stats().durability, durability);
        assert!(store.stats().syncs < 200, "{:?}", store.stats());
        store.shutdown().await.unwrap();
        assert!(store.stats().syncs > 0);
        let again = real_store(dir.path());
        again.open_agent(&main).unwrap();
        assert_eq!(ledger.complaint(&again), None);
    }
}

#[tokio::test]
async fn after_a_shutdown_appends_are_refused_and_reading_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let store = real_store(dir.path());
    store.open_agent(&main).unwrap();
    let waiting = store.append(&main, vec![user("s", "accepted before")]);
    store.shutdown().await.unwrap();
    waiting.await.unwrap();
    let refused = store.append(&main, vec![user("s", "too late")]).await;
    assert!(matches!(refused, Err(Error::Closed)));
    let found = store.tail(&main, &session("s"), 9).unwrap();
    assert_eq!(texts(&found), ["accepted before"]);
    store.shutdown().await.unwrap();
    let next = real_store(dir.path());
    next.open_agent(&main).unwrap();
}
