//! Archiving, purging and compaction: what is left in the files, and what readers see.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

use std::{collections::BTreeSet, fs, io::Read as _, path::Path, sync::Arc};

use openclaw_sessions::{
    Archived, Case, Draft, Entry, Error, Kind, Origin, OriginKind, Query, RealDisk, Snapshot,
    Store, Which, read_only,
};
use openclaw_types::{Role, Timestamp};

use crate::harness::{agent, options, real_store, run, session, sim_store, texts, user};

fn lines(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .lines()
        .map(str::to_owned)
        .collect()
}

fn unpacked(path: &Path) -> Vec<String> {
    let file = fs::File::open(path).unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    text.lines().map(str::to_owned).collect()
}

fn numbers(entries: &[Arc<Entry>]) -> Vec<u64> {
    entries.iter().map(|entry| entry.seq).collect()
}

/// Two sessions, turn by turn.
async fn fill(store: &Store, turns: usize) {
    for turn in 0..turns {
        for name in ["old", "new"] {
            let said = vec![user(name, &format!("{name} {turn}"))];
            store.append(&agent("main"), said).await.unwrap();
        }
    }
}

/// Everything a reader can ask, running, reopened with and without the cache, and from a snapshot.
async fn everywhere(root: &Path, store: Store, check: impl Fn(&dyn Reader)) {
    check(&store);
    store.shutdown().await.unwrap();
    for cache in [true, false] {
        if !cache {
            fs::remove_file(root.join("main/sessions/index.cache")).unwrap_or_default();
        }
        check(&read_only(root, Arc::new(RealDisk)).unwrap());
        let again = real_store(root);
        again.open_agent(&agent("main")).unwrap();
        check(&again);
        again.shutdown().await.unwrap();
    }
    // The list of files is no authority over the files.
    let manifest = root.join("main/sessions/manifest.json");
    let kept = fs::read(&manifest).unwrap();
    fs::remove_file(&manifest).unwrap();
    check(&read_only(root, Arc::new(RealDisk)).unwrap());
    fs::write(&manifest, kept).unwrap();
}

trait Reader {
    fn all(&self, name: &str) -> Vec<Arc<Entry>>;
    fn listed(&self) -> (Vec<String>, Vec<String>);
    fn raw(&self, name: &str) -> Vec<String>;
    fn found(&self, text: &str) -> Vec<(String, u64)>;
    fn whole(&self, name: &str) -> bool;
}

macro_rules! reader {
    ($name:ident) => {
        impl Reader for $name {
            /// By pages of three, which must fit together without a gap.
            fn all(&self, name: &str) -> Vec<Arc<Entry>> {
                let (main, name) = (agent("main"), session(name));
                let mut all: Vec<Arc<Entry>> = Vec::new();
                let mut before = None;
                loop {
                    let page = self.page(&main, &name, before, 3).unwrap();
                    let total = page.total;
                    all.splice(0..0, page.entries);
                    before = page.before_seq;
                    if before.is_none() {
                        assert_eq!(total, all.len() as u64);
                        let tail = self.tail(&main, &name, 1_000).unwrap();
                        assert_eq!(numbers(&tail), numbers(&all));
                        let summary = self.summary(&main, &name).unwrap();
                        assert_eq!(summary.entries, total);
                        return all;
                    }
                }
            }
            fn listed(&self) -> (Vec<String>, Vec<String>) {
                let name = |summary: &openclaw_sessions::SessionSummary| {
                    summary.session.as_str().to_owned()
                };
                let main = agent("main");
                let here = self.list(Some(&main));
                let archived = self.list_archived(Some(&main));
                assert!(here.iter().all(|summary| !summary.archived));
                assert!(archived.iter().all(|summary| summary.archived));
                (
                    here.iter().map(name).collect(),
                    archived.iter().map(name).collect(),
                )
            }
            fn raw(&self, name: &str) -> Vec<String> {
                let mut all = Vec::new();
                let mut after = 0;
                loop {
                    let page = self
                        .lines(&agent("main"), &session(name), after, 300)
                        .unwrap();
                    let Some(next) = page.after_seq else {
                        return all;
                    };
                    assert!(next > after);
                    after = next;
                    all.extend(
                        page.lines
                            .into_iter()
                            .map(|line| String::from_utf8(line).unwrap()),
                    );
                }
            }
            fn found(&self, text: &str) -> Vec<(String, u64)> {
                let query = Query {
                    case: Case::Sensitive,
                    ..Query::new(text)
                };
                let found = self.search(&query, &|| false).unwrap();
                let hits = found.hits.into_iter();
                hits.map(|hit| (hit.session.as_str().to_owned(), hit.seq))
                    .collect()
            }
            fn whole(&self, name: &str) -> bool {
                let found = self.verify(&agent("main"), Some(&session(name))).unwrap();
                assert!(found.damaged.is_empty(), "{:?}", found.damaged);
                let found = &found.sessions[0];
                assert!(found.problems.is_empty(), "{:?}", found.problems);
                found.verified_through.is_some() && found.uncommitted == 0
            }
        }
    };
}
reader!(Store);
reader!(Snapshot);

#[tokio::test]
async fn an_archived_session_is_read_as_before_and_its_lines_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root) = (agent("main"), dir.path());
    let store = real_store(root);
    store.open_agent(&main).unwrap();
    fill(&store, 5).await;
    store.commit(&main, &session("new")).unwrap();
    let before = lines(&root.join("main/session.jsonl"));
    let archived = store
        .archive(&main, &Which::Session(session("old")))
        .unwrap();
    let path = root.join("main/archive/old.6.jsonl.gz");
    let bytes = fs::metadata(&path).unwrap().len();
    let expected = Archived {
        session: session("old"),
        entries: 6,
        bytes,
        path: path.clone(),
    };
    assert_eq!(archived, [expected]);

    let of = |lines: &[String], name: &str| -> Vec<String> {
        let name = format!("\"sessionId\":\"{name}\"");
        lines
            .iter()
            .filter(|line| line.contains(&name))
            .cloned()
            .collect()
    };
    let packed = unpacked(&path);
    assert_eq!(packed[..5], of(&before, "old"));
    assert!(
        packed[5].contains("\"kind\":\"commit\""),
        "it ends with a marker: {}",
        packed[5]
    );
    assert_eq!(
        lines(&root.join("main/session.jsonl")),
        Vec::<String>::new()
    );
    let segment = lines(&root.join("main/sessions/0001.2.jsonl"));
    assert_eq!(segment, of(&before, "new"));
    assert!(!root.join("main/sessions/0001.jsonl").exists());

    everywhere(root, store, |reader| {
        assert_eq!(
            reader.listed(),
            (vec!["new".to_owned()], vec!["old".to_owned()])
        );
        assert_eq!(numbers(&reader.all("old")), [1, 2, 3, 4, 5, 6]);
        assert_eq!(reader.raw("old"), packed);
        assert_eq!(reader.raw("new"), of(&before, "new"));
        assert_eq!(reader.found("old 3"), [("old".to_owned(), 4)]);
        assert!(reader.whole("old") && reader.whole("new"));
    })
    .await;
}

#[tokio::test]
async fn an_archived_session_goes_on_with_its_numbers_and_is_archived_again() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root, old) = (agent("main"), dir.path(), session("old"));
    let store = real_store(root);
    store.open_agent(&main).unwrap();
    fill(&store, 5).await;
    let which = Which::Session(old.clone());
    store.archive(&main, &which).unwrap();
    assert!(
        store.archive(&main, &which).unwrap().is_empty(),
        "it is in the archive already"
    );
    let done = store
        .append(&main, vec![user("old", "again")])
        .await
        .unwrap();
    assert_eq!(done[0].seq, 7);
    assert_eq!(texts(&store.tail(&main, &old, 3).unwrap())[2], "again");
    assert_eq!(store.list(Some(&main)).len(), 2);
    assert_eq!(
        numbers(&store.tail(&main, &old, 100).unwrap()),
        (1..=7).collect::<Vec<_>>()
    );
    let marker = store.commit(&main, &old).unwrap().unwrap();
    assert_eq!(
        (marker.entries, marker.through),
        (2, 7),
        "it goes on behind the archived marker"
    );
    let second = store.archive(&main, &which).unwrap();
    assert_eq!(
        (
            second[0].entries,
            second[0].path.file_name().unwrap().to_str()
        ),
        (2, Some("old.8.jsonl.gz"))
    );
    store
        .append(&main, vec![user("old", "and again")])
        .await
        .unwrap();
    store.commit(&main, &old).unwrap();
    everywhere(root, store, |reader| {
        assert_eq!(numbers(&reader.all("old")), (1..=10).collect::<Vec<_>>());
        assert_eq!(reader.raw("old").len(), 10);
        assert_eq!(
            reader.found("again"),
            [("old".to_owned(), 9), ("old".to_owned(), 7)]
        );
        assert!(reader.whole("old"));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_archive_is_hidden_and_a_new_life_begins_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root, old) = (agent("main"), dir.path(), session("old"));
    let store = real_store(root);
    store.open_agent(&main).unwrap();
    fill(&store, 3).await;
    store.archive(&main, &Which::Session(old.clone())).unwrap();
    store.delete(&main, &old).await.unwrap();
    assert!(matches!(
        store.page(&main, &old, None, 3),
        Err(Error::UnknownSession { .. })
    ));
    assert!(store.archives().is_empty());
    let done = store
        .append(&main, vec![user("old", "anew")])
        .await
        .unwrap();
    assert_eq!(done[0].seq, 6, "3 entries, a marker, a tombstone");
    store.commit(&main, &old).unwrap();
    assert!(
        root.join("main/archive/old.4.jsonl.gz").exists(),
        "deleting hides"
    );
    let again = real_store(root);
    assert!(again.open_agent(&main).is_err(), "locked");
    let check = |reader: &dyn Reader| {
        assert_eq!(numbers(&reader.all("old")), [6, 7]);
        assert_eq!(reader.found("old 1"), []);
    };
    check(&store);
    let archived = store.archive(&main, &Which::Session(old.clone())).unwrap();
    assert_eq!(archived[0].entries, 2);
    assert!(
        !root.join("main/archive/old.4.jsonl.gz").exists(),
        "what was hidden goes with the next rewrite"
    );
    everywhere(root, store, check).await;
}

#[tokio::test]
async fn a_purge_leaves_nothing_but_the_tombstone_and_the_numbers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root, old) = (agent("main"), dir.path(), session("old"));
    let store = real_store(root);
    store.open_agent(&main).unwrap();
    assert!(matches!(
        store.purge(&main, &[session("none")]),
        Err(Error::UnknownSession { .. })
    ));
    fill(&store, 3).await;
    store.archive(&main, &Which::Session(old.clone())).unwrap();
    store
        .append(&main, vec![user("old", "old too")])
        .await
        .unwrap();
    let rewritten = store.purge(&main, std::slice::from_ref(&old)).unwrap();
    assert_eq!(rewritten.sessions, std::slice::from_ref(&old));
    assert!(
        rewritten.bytes_after < rewritten.bytes_before,
        "{rewritten:?}"
    );
    let mut left = Vec::new();
    for file in walk(root) {
        let bytes = fs::read(&file).unwrap();
        left.extend(
            String::from_utf8_lossy(&bytes)
                .lines()
                .filter(|line| line.contains("\"sessionId\":\"old\""))
                .map(str::to_owned),
        );
        assert!(
            !file.to_string_lossy().ends_with(".gz"),
            "{}",
            file.display()
        );
    }
    assert_eq!(left.len(), 1);
    assert!(left[0].contains("\"kind\":\"tombstone\""), "{}", left[0]);
    assert!(store.tail(&main, &old, 5).unwrap().is_empty());
    store.purge(&main, std::slice::from_ref(&old)).unwrap();
    let done = store
        .append(&main, vec![user("old", "anew")])
        .await
        .unwrap();
    assert_eq!(done[0].seq, 7);
    store.commit(&main, &old).unwrap();
    store.commit(&main, &session("new")).unwrap();
    everywhere(root, store, |reader| {
        assert_eq!(numbers(&reader.all("old")), [7, 8]);
        assert_eq!(texts(&reader.all("new"))[..3], ["new 0", "new 1", "new 2"]);
        assert!(reader.whole("old") && reader.whole("new"));
    })
    .await;
}

fn walk(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.append(&mut walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn compaction_drops_what_tombstones_hide_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root) = (agent("main"), dir.path());
    let store = real_store(root);
    store.open_agent(&main).unwrap();
    assert!(store.compact(&main).unwrap().sessions.is_empty());
    for life in 0..3 {
        fill(&store, 2).await;
        if life < 2 {
            store.delete(&main, &session("old")).await.unwrap();
        }
    }
    store.delete(&main, &session("new")).await.unwrap();
    let whole = lines(&root.join("main/session.jsonl"));
    let rewritten = store.compact(&main).unwrap();
    assert_eq!(
        rewritten.sessions.iter().collect::<BTreeSet<_>>(),
        [&session("new"), &session("old")].into_iter().collect()
    );
    // The last tombstone of each, and the third life of `old`.
    let kept: Vec<_> = lines(&root.join("main/sessions/0001.2.jsonl"));
    let expected: Vec<_> = [9, 10, 12, 14]
        .iter()
        .map(|&at| whole[at].clone())
        .collect();
    assert_eq!(kept, expected);
    store.commit(&main, &session("old")).unwrap();
    everywhere(root, store, |reader| {
        assert_eq!(numbers(&reader.all("old")), [7, 8, 9]);
        assert_eq!(reader.listed(), (vec!["old".to_owned()], vec![]));
        assert!(reader.whole("old"));
    })
    .await;
}

#[tokio::test]
async fn only_idle_sessions_without_an_open_run_are_archived_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root) = (agent("main"), dir.path());
    let store = sim_store(options(root), Arc::new(RealDisk));
    store.open_agent(&main).unwrap();
    fill(&store, 2).await;
    let begun = Draft {
        run: Some(run("r1")),
        ..user("busy", "go")
    };
    store.append(&main, vec![begun]).await.unwrap();
    let now = store.summary(&main, &session("new")).unwrap().last_activity;
    assert_eq!(store.archive(&main, &Which::OlderThan(now)).unwrap(), []);
    let later = Timestamp(now.as_millis() + 1_000);
    let archived = store.archive(&main, &Which::OlderThan(later)).unwrap();
    let names: Vec<_> = archived
        .iter()
        .map(|archived| archived.session.as_str())
        .collect();
    assert_eq!(names, ["old", "new"]);
    let refused = store.archive(&main, &Which::Session(session("busy")));
    assert!(matches!(refused, Err(Error::Running { .. })), "{refused:?}");
    let refused = store.archive(&main, &Which::Session(session("none")));
    assert!(
        matches!(refused, Err(Error::UnknownSession { .. })),
        "{refused:?}"
    );
    assert_eq!(store.unfinished_runs(&main), []);
    let kept = store.archives();
    assert_eq!(
        kept.iter()
            .map(|kept| kept.session.as_str())
            .collect::<Vec<_>>(),
        ["new", "old"]
    );
    assert_eq!(kept[0].last_activity, now);
    store.shutdown().await.unwrap();
}

#[tokio::test]
async fn only_what_nobody_has_written_to_since_is_purged_as_archived() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root) = (agent("main"), dir.path());
    let store = real_store(root);
    store.open_agent(&main).unwrap();
    fill(&store, 2).await;
    let said = vec![user("asked", "first")];
    store.append(&main, said).await.unwrap();
    for name in ["old", "asked"] {
        let which = Which::Session(session(name));
        store.archive(&main, &which).unwrap();
    }
    let in_use = |store: &Store| -> Vec<(String, bool)> {
        let kept = store.archives().into_iter();
        kept.map(|kept| (kept.session.as_str().to_owned(), kept.in_use))
            .collect()
    };
    let all = [session("old"), session("new"), session("asked")];
    // It is queued, and not in the index: whoever decides must look at what stands before the tombstone.
    let asked = store.append(&main, vec![user("asked", "again")]);
    let done = store.purge_archived(&main, &all).unwrap();
    assert_eq!(done.sessions, [session("old")]);
    let asked = asked.await.unwrap();
    assert_eq!(asked.first().map(|done| done.seq), Some(3));
    assert_eq!(in_use(&store), [("asked".to_owned(), true)]);
    let nothing = store.purge_archived(&main, &all).unwrap();
    assert_eq!(nothing, openclaw_sessions::Rewritten::default());
    everywhere(root, store, |reader| {
        let mut here = reader.listed().0;
        here.sort();
        assert_eq!(here, ["asked", "new"], "neither is hidden");
        assert_eq!(numbers(&reader.all("asked")), [1, 2, 3]);
        assert_eq!(numbers(&reader.all("new")), [1, 2]);
        assert_eq!(reader.found("old 0"), []);
    })
    .await;
}

#[tokio::test]
async fn what_the_list_said_of_an_archive_is_learned_from_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root) = (agent("main"), dir.path());
    let store = real_store(root);
    store.open_agent(&main).unwrap();
    let spoken = Draft {
        origin: Some(Origin {
            kind: OriginKind::Operator,
            id: None,
            message_id: None,
        }),
        ..user("old", "of an operator")
    };
    store
        .append(&main, vec![user("old", "first"), spoken])
        .await
        .unwrap();
    let said = Draft::message(Role::Assistant, session("old"), "last\nwords");
    store.append(&main, vec![said]).await.unwrap();
    store
        .archive(&main, &Which::Session(session("old")))
        .unwrap();
    let noted = store.summary(&main, &session("old")).unwrap();
    assert_eq!(
        (noted.owner, noted.preview.as_str(), noted.committed_seq),
        (Some(OriginKind::Operator), "last words", Some(3))
    );
    store.shutdown().await.unwrap();
    let listed = read_only(root, Arc::new(RealDisk)).unwrap();
    assert_eq!(listed.summary(&main, &session("old")), Some(noted.clone()));
    fs::remove_file(root.join("main/sessions/manifest.json")).unwrap();
    let looked = read_only(root, Arc::new(RealDisk)).unwrap();
    assert_eq!(looked.summary(&main, &session("old")), Some(noted));
}

#[tokio::test]
async fn an_archive_that_was_packed_anew_or_damaged_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root, old) = (agent("main"), dir.path(), session("old"));
    let store = real_store(root);
    store.open_agent(&main).unwrap();
    // More than one member.
    let long = "x".repeat(400_000);
    for turn in 0..8 {
        store
            .append(&main, vec![user("old", &format!("{turn} {long}"))])
            .await
            .unwrap();
    }
    store.archive(&main, &Which::Session(old.clone())).unwrap();
    let path = root.join("main/archive/old.9.jsonl.gz");
    let text = unpacked(&path).join("\n") + "\n";
    let mut anew = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut anew, text.as_bytes()).unwrap();
    let original = fs::read(&path).unwrap();
    fs::write(&path, anew.finish().unwrap()).unwrap();
    assert_eq!(numbers(&store.tail(&main, &old, 3).unwrap()), [7, 8, 9]);
    let page = store.page(&main, &old, Some(5), 2).unwrap();
    assert_eq!(
        (numbers(&page.entries), page.before_seq),
        (vec![3, 4], Some(3))
    );
    assert!(Reader::whole(&store, "old"));

    let mut cut = original.clone();
    cut.truncate(original.len() - 100);
    fs::write(&path, &cut).unwrap();
    let found = store.verify(&main, Some(&old)).unwrap();
    assert!(!found.sessions[0].problems.is_empty());
    let mut flipped = original.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    fs::write(&path, &flipped).unwrap();
    let found = store.verify(&main, Some(&old)).unwrap();
    assert!(!found.sessions[0].problems.is_empty());
    fs::write(&path, &original).unwrap();
    assert!(Reader::whole(&store, "old"));
    store.shutdown().await.unwrap();
}

#[tokio::test]
async fn damaged_bytes_and_lines_of_other_tools_stay_where_sessions_go() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root) = (agent("main"), dir.path());
    let store = real_store(root);
    store.open_agent(&main).unwrap();
    fill(&store, 2).await;
    store.shutdown().await.unwrap();
    let path = root.join("main/session.jsonl");
    let whole = lines(&path);
    let foreign = r#"{"timestamp":5,"role":"user","content":"plain","sessionId":"new"}"#;
    let mut glued = b"\xef\xbb\xbf".to_vec();
    for piece in [
        &whole[0],
        "\n",
        &whole[1],
        &whole[2],
        "\n{\"timest\n",
        foreign,
        "\r\n\0\0",
        &whole[3],
        "\n",
    ] {
        glued.extend_from_slice(piece.as_bytes());
    }
    fs::write(&path, &glued).unwrap();
    let store = real_store(root);
    store.open_agent(&main).unwrap();
    let all = |store: &Store| -> Vec<(u64, String)> {
        Reader::all(store, "new")
            .iter()
            .map(|entry| (entry.seq, entry.content.clone()))
            .collect()
    };
    let before = all(&store);
    assert_eq!(before.len(), 3);
    store
        .archive(&main, &Which::Session(session("old")))
        .unwrap();
    assert_eq!(all(&store), before);
    let kept = fs::read(root.join("main/sessions/0001.2.jsonl")).unwrap();
    let mut expected = Vec::new();
    for piece in [
        &whole[1],
        "\n{\"timest\n",
        foreign,
        "\r\n\0\0",
        &whole[3],
        "\n",
    ] {
        expected.extend_from_slice(piece.as_bytes());
    }
    assert_eq!(
        String::from_utf8_lossy(&kept),
        String::from_utf8_lossy(&expected)
    );
    store.shutdown().await.unwrap();
    let again = real_store(root);
    let recovery = again.open_agent(&main).unwrap();
    assert_eq!(recovery.quarantined_count, 2);
    assert_eq!(all(&again), before);
    again.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_appended_while_files_are_rewritten_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let (main, root) = (agent("main"), dir.path());
    let mut small = options(root);
    small.segment_bytes_max = 5_000;
    let store = Store::open(
        small,
        Arc::new(RealDisk),
        Arc::new(openclaw_types::SystemEnv),
    )
    .unwrap();
    store.open_agent(&main).unwrap();
    fill(&store, 40).await;
    let writer = async {
        for turn in 0..300 {
            let name = ["old", "new", "third"][turn % 3];
            let said = vec![user(name, &format!("later {turn}"))];
            store.append(&main, said).await.unwrap();
        }
    };
    let rewriter = {
        let (store, main) = (store.clone(), main.clone());
        tokio::task::spawn_blocking(move || {
            for name in ["old", "new", "third", "old", "new", "old"] {
                let done = store.archive(&main, &Which::Session(session(name)));
                assert!(matches!(done, Ok(_) | Err(Error::UnknownSession { .. })));
                store.compact(&main).unwrap();
            }
        })
    };
    let ((), rewritten) = tokio::join!(writer, rewriter);
    rewritten.unwrap();
    let count = |reader: &dyn Reader, name: &str| {
        let all = reader.all(name);
        let said = all
            .iter()
            .filter(|entry| entry.kind == Kind::Message)
            .count();
        let numbers = numbers(&all);
        assert_eq!(
            numbers,
            (1..=numbers.len() as u64).collect::<Vec<_>>(),
            "{name}"
        );
        said
    };
    for name in ["old", "new", "third"] {
        store.commit(&main, &session(name)).unwrap();
    }
    everywhere(root, store, |reader| {
        assert_eq!(
            ["old", "new", "third"].map(|name| count(reader, name)),
            [140, 140, 100]
        );
        assert!(reader.whole("old") && reader.whole("third"));
    })
    .await;
}
