//! Old files and new code, new files and old code: keys and kinds are added, and nothing else ever changes.

#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test that cannot set itself up has failed; what a whole directory says reads best in one piece"
)]

use std::{fs, path::Path};

use openclaw_sessions::{Draft, Kind, Origin, OriginKind, Store};
use openclaw_types::{Part, ToolCall, Usage};
use serde_json::{Value, json};

use crate::harness::{agent, options, real_store, run, session, texts, user};

/// What the first version wrote: sealed segments, their list, and a deleted session.
const FIRST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/first/main");
/// The keys of the first version, in their order.
const KEYS: [&str; 13] = [
    "timestamp",
    "role",
    "content",
    "sessionId",
    "id",
    "runId",
    "kind",
    "parts",
    "origin",
    "model",
    "usage",
    "seq",
    "crc",
];

fn copy_first(root: &Path) {
    for name in [
        "session.jsonl",
        "sessions/0001.jsonl",
        "sessions/0002.jsonl",
        "sessions/manifest.json",
    ] {
        let to = root.join("main").join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(Path::new(FIRST).join(name), to).unwrap();
    }
}

/// A line with its checksum, as any version writes it.
fn sealed(line: &str) -> String {
    let sum = crc32c::crc32c(line.as_bytes());
    format!("{line},\"crc\":\"{sum:08x}\"}}\n")
}

fn contents(store: &Store, id: &str) -> Vec<String> {
    let page = store.page(&agent("main"), &session(id), None, 100).unwrap();
    texts(&page.entries)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn what_the_first_version_wrote_is_read_and_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    copy_first(dir.path());
    let store = real_store(dir.path());
    let found = store.open_agent(&agent("main")).unwrap();
    assert_eq!(
        (
            found.entries,
            found.quarantined_count,
            found.torn,
            found.terminated
        ),
        (13, 0, None, false)
    );
    let mut sessions: Vec<String> = store
        .list(None)
        .into_iter()
        .map(|summary| summary.session.to_string())
        .collect();
    sessions.sort();
    assert_eq!(sessions, ["agent:main:other", "sess-1"]);
    let question = |turn: u8| format!("question {turn}: Zwölf \"Boxer\" 𝄞\n");
    assert_eq!(
        contents(&store, "sess-1"),
        [
            &question(0),
            "answer 0",
            &question(1),
            "answer 1",
            "",
            &question(3),
            "answer 3",
            "interrupted",
            ""
        ]
    );
    assert_eq!(
        contents(&store, "agent:main:other"),
        [&question(2), "answer 2"]
    );
    let page = store.page(&agent("main"), &session("sess-1"), None, 100);
    let answer = &page.unwrap().entries[1];
    assert_eq!(
        (
            answer.seq,
            answer.run.clone(),
            answer.model.as_deref(),
            answer.usage,
            &answer.parts[1]
        ),
        (
            2,
            Some(run("run-0")),
            Some("litellm/agent/steward"),
            Some(Usage {
                input_tokens: 812,
                output_tokens: 34,
                cached_tokens: 512,
                ..Usage::default()
            }),
            &Part::ToolCall(ToolCall {
                id: "call_1".to_owned(),
                name: "read".to_owned(),
                arguments: json!({"path": "a.txt", "timestamp": 1})
            })
        )
    );
    let done = store.append(&agent("main"), vec![user("sess-1", "on")]);
    assert_eq!(done.await.unwrap()[0].seq, 10);
    let again = store.append(&agent("main"), vec![user("gone", "anew")]);
    assert_eq!(again.await.unwrap()[0].seq, 3);
    store.shutdown().await.unwrap();
    for name in [
        "session.jsonl",
        "sessions/0001.jsonl",
        "sessions/0002.jsonl",
    ] {
        let before = fs::read(Path::new(FIRST).join(name)).unwrap();
        let now = fs::read(dir.path().join("main").join(name)).unwrap();
        assert!(now.starts_with(&before), "{name}");
    }
}

#[tokio::test]
async fn what_a_later_version_writes_is_read_and_kept() {
    let lines = [
        r#"{"timestamp":1,"role":"user","content":"with more keys","sessionId":"s","id":"a","kind":"message","usage":{"input":1,"output":2,"cached":3,"thought":4},"mood":{"deep":[1,{"timestamp":2}]},"seal":"x","seq":1"#,
        r#"{"timestamp":2,"role":"critic","content":"a role of tomorrow","sessionId":"s","id":"b","kind":"message","seq":2"#,
        r#"{"timestamp":3,"role":"system","content":"a kind of tomorrow","sessionId":"s","id":"c","kind":"vision","seq":3"#,
        r#"{"timestamp":4,"role":"assistant","content":"parts of tomorrow","sessionId":"s","id":"d","kind":"message","parts":[{"type":"hologram","data":"…"},{"type":"text","text":"parts of tomorrow"}],"origin":{"kind":"moon","id":"m","phase":2},"seq":4"#,
    ];
    let lines: String = lines.iter().map(|line| sealed(line)).collect();
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("main");
    let manifest = json!({"version": 2, "segments": [
        {"number": 1, "file": "0001.jsonl", "bytes": lines.len(), "sha256": "…", "tier": "cold"}],
        "mirrors": [{"to": "elsewhere"}], "written": "by a later version"});
    fs::create_dir_all(home.join("sessions")).unwrap();
    fs::write(home.join("sessions/0001.jsonl"), &lines).unwrap();
    fs::write(home.join("sessions/manifest.json"), manifest.to_string()).unwrap();
    let active = sealed(
        r#"{"timestamp":5,"role":"user","content":"the last","sessionId":"s","id":"e","kind":"message","later":null,"seq":5"#,
    );
    fs::write(home.join("session.jsonl"), &active).unwrap();

    let store = real_store(dir.path());
    let found = store.open_agent(&agent("main")).unwrap();
    assert_eq!((found.entries, found.quarantined_count), (5, 0));
    assert_eq!(
        contents(&store, "s"),
        [
            "with more keys",
            "a role of tomorrow",
            "a kind of tomorrow",
            "parts of tomorrow",
            "the last"
        ]
    );
    let page = store.page(&agent("main"), &session("s"), None, 100);
    let shown: Vec<bool> = page
        .unwrap()
        .entries
        .iter()
        .map(|entry| entry.kind == Kind::Message)
        .collect();
    assert_eq!(
        shown,
        [true, false, false, true, true],
        "records are no messages"
    );
    let done = store.append(&agent("main"), vec![user("s", "on")]);
    assert_eq!(done.await.unwrap()[0].seq, 6);
    store.shutdown().await.unwrap();
    let sealed = fs::read_to_string(home.join("sessions/0001.jsonl")).unwrap();
    assert_eq!(sealed, lines);
    let now = fs::read_to_string(home.join("session.jsonl")).unwrap();
    assert!(now.starts_with(&active));
}

#[tokio::test]
async fn what_is_written_now_is_what_the_first_version_reads() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.segment_bytes_max = 700;
    let store =
        crate::harness::sim_store(options, std::sync::Arc::new(openclaw_sessions::RealDisk));
    let main = agent("main");
    store.open_agent(&main).unwrap();
    let mut full = user("s", "everything");
    full.run = Some(run("r"));
    full.origin = Some(Origin {
        kind: OriginKind::Agent,
        id: Some("alpha".to_owned()),
        message_id: Some("m-1".to_owned()),
    });
    full.model = Some("litellm/agent/steward".to_owned());
    full.usage = Some(Usage::default());
    full.parts = vec![Part::Text("everything".to_owned())];
    store
        .append(&main, vec![full, user("gone", "x")])
        .await
        .unwrap();
    for kind in [
        Kind::Message,
        Kind::ToolResult,
        Kind::Aborted,
        Kind::Compaction,
    ] {
        let draft = Draft::record(kind, session("s"));
        store.append(&main, vec![draft]).await.unwrap();
    }
    store.delete(&main, &session("gone")).await.unwrap();
    store.shutdown().await.unwrap();

    let home = dir.path().join("main");
    let mut lines = 0;
    for name in [
        "sessions/0001.jsonl",
        "sessions/0002.jsonl",
        "session.jsonl",
    ] {
        let text = fs::read_to_string(home.join(name)).unwrap_or_default();
        for line in text.lines() {
            is_of_the_first_version(line);
            lines += 1;
        }
    }
    assert_eq!(lines, 7);
    let manifest = fs::read(home.join("sessions/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["version"], 1);
    for segment in manifest["segments"].as_array().unwrap() {
        let known = segment["number"].is_u64() && segment["bytes"].is_u64();
        let name = segment["file"].as_str().unwrap();
        // The first version takes a file by its name only if it stands in its directory and looks like this.
        assert!(known && name.ends_with(".jsonl"), "{segment}");
        assert!(home.join("sessions").join(name).exists(), "{segment}");
    }
}

#[tokio::test]
async fn a_later_versions_notes_stay_in_the_list_of_segments() {
    let dir = tempfile::tempdir().unwrap();
    let main = agent("main");
    let mut options = options(dir.path());
    options.segment_bytes_max = 300;
    let disk = std::sync::Arc::new(openclaw_sessions::RealDisk);
    let home = dir.path().join("main/sessions");
    fs::create_dir_all(&home).unwrap();
    let line = sealed(
        r#"{"timestamp":1,"role":"user","content":"old","sessionId":"s","id":"a","kind":"message","seq":1"#,
    );
    fs::write(home.join("0001.jsonl"), &line).unwrap();
    let padding = "x".repeat(2 << 20);
    let mut noted = json!({"version": 1, "tiers": [{"name": "cold"}], "written": padding,
        "segments": [{"number": 1, "file": "0001.jsonl", "bytes": line.len(), "tier": "cold"}]});
    fs::write(home.join("manifest.json"), noted.to_string()).unwrap();
    let store = crate::harness::sim_store(options, disk);
    store.open_agent(&main).unwrap();
    let long = "y".repeat(400);
    for _ in 0..2 {
        store.append(&main, vec![user("s", &long)]).await.unwrap();
    }
    store.shutdown().await.unwrap();
    let text = fs::read(home.join("manifest.json")).unwrap();
    let mut now: Value = serde_json::from_slice(&text).unwrap();
    let segments = now["segments"].take();
    assert_eq!(
        [now["archives"].take(), now["obsolete"].take()],
        [json!([]), json!([])]
    );
    assert_eq!(segments[0], noted["segments"][0].take());
    assert_eq!(segments[1]["file"], "0002.jsonl");
    for key in ["segments", "archives", "obsolete"] {
        noted[key] = Value::Null;
    }
    assert!(now == noted, "all else is as it was");
}

/// The known keys in their order, new ones only in front of `seq`, and a checksum of all that stands before it.
fn is_of_the_first_version(line: &str) {
    let value: Value = serde_json::from_str(line).unwrap();
    let keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys[..4], KEYS[..4], "{line}");
    assert_eq!(keys[keys.len() - 2..], ["seq", "crc"], "{line}");
    let known: Vec<&str> = keys
        .iter()
        .copied()
        .filter(|key| KEYS.contains(key))
        .collect();
    let mut ordered = known.clone();
    ordered.sort_by_key(|key| KEYS.iter().position(|known| known == key));
    assert_eq!(known, ordered, "{line}");
    let last_known = keys
        .iter()
        .rposition(|key| KEYS[..11].contains(key))
        .unwrap();
    let new = keys.iter().position(|key| !KEYS.contains(key));
    assert!(new.is_none_or(|new| new > last_known), "{line}");
    let (before, sum) = line.rsplit_once(",\"crc\":\"").unwrap();
    assert_eq!(
        format!("{:08x}\"}}", crc32c::crc32c(before.as_bytes())),
        sum
    );
    let role = value["role"].as_str().unwrap();
    assert!(["user", "assistant", "system"].contains(&role), "{line}");
    assert!(value["kind"] == "message" || role == "system", "{line}");
}
