//! Importing: our own lines, upstream's trees, and what is refused.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

use std::sync::Arc;

use openclaw_sessions::{
    Branch, Disk, Draft, Error, ImportFault, Imported, Kind, Origin, OriginKind, SimDisk,
    read_transcripts,
};
use openclaw_types::{Part, Timestamp};

use crate::harness::{agent, options, real_store, session, sim_store, user};

/// What a conversation is about, in short.
fn said(imported: &Imported) -> Vec<String> {
    let entries = imported.entries.iter();
    entries
        .map(|entry| {
            let kind = match entry.kind {
                Kind::Message => entry.role.as_str(),
                other => other.as_str(),
            };
            format!("{} {kind}: {}", entry.timestamp.as_millis(), entry.content)
        })
        .collect()
}

fn one(bytes: &str) -> Imported {
    let mut all = read_transcripts(bytes.as_bytes()).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

const TREE: &str = r#"{"type":"session","version":3,"id":"0f5e81ca-2655-48d8-ab2e-e6a3f4d29c5a","timestamp":"2026-11-22T20:44:06.554Z","cwd":"~/x"}
{"type":"model_change","id":"m1","parentId":null,"timestamp":"2026-11-22T20:44:06.560Z","provider":"mock","modelId":"echo"}
{"type":"message","id":"u1","parentId":"m1","timestamp":"2026-11-22T20:44:07.000Z","message":{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image","data":"xx","mimeType":"image/png"}],"timestamp":1000}}
{"type":"message","id":"a1","parentId":"u1","timestamp":"2026-11-22T20:44:08.000Z","message":{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"toolCall","id":"c1","name":"ls","arguments":{"dir":"/"}}],"provider":"mock","model":"echo","usage":{"input":100,"output":20,"cacheRead":5,"cacheWrite":0},"stopReason":"toolUse","timestamp":2000}}
{"type":"message","id":"r1","parentId":"a1","timestamp":"1970-01-01T00:00:03.000Z","message":{"role":"toolResult","toolCallId":"c1","toolName":"ls","content":[{"type":"text","text":"bin"}],"isError":false}}
{"type":"message","id":"x1","parentId":"u1","timestamp":"1970-01-01T00:00:04Z","message":{"role":"assistant","content":"the other way","timestamp":4000}}
{"type":"message","id":"x2","parentId":"x1","timestamp":"1970-01-01T00:00:04Z","message":{"role":"user","content":"lost","timestamp":4001}}
{"type":"message","id":"a2","parentId":"r1","timestamp":"1970-01-01T00:00:05Z","message":{"role":"assistant","content":[{"type":"text","text":"There is bin."}],"stopReason":"stop","timestamp":5000}}
{"type":"compaction","id":"k1","parentId":"a2","timestamp":"1970-01-01T00:00:06Z","summary":"they looked around","firstKeptEntryId":"r1","tokensBefore":9}
{"type":"custom","customType":"model-snapshot","data":{},"id":"q1","parentId":"k1","timestamp":"1970-01-01T00:00:06Z"}
{"type":"message","id":"a3","parentId":"q1","timestamp":"1970-01-01T00:00:07Z","message":{"role":"assistant","content":[],"stopReason":"error","errorMessage":"no key","timestamp":7000}}
"#;

#[test]
fn a_tree_is_followed_from_its_last_entry_to_the_root() {
    let tree = one(TREE);
    assert_eq!(
        tree.session.as_ref().map(|id| id.as_str()),
        Some("0f5e81ca-2655-48d8-ab2e-e6a3f4d29c5a")
    );
    assert_eq!(
        said(&tree),
        [
            "1000 user: hi[image/png]",
            "2000 assistant: ",
            "6000 compaction: they looked around",
            "3000 toolResult: bin",
            "5000 assistant: There is bin.",
            "7000 aborted: no key",
        ]
    );
    assert_eq!(tree.skipped, 2);
    assert_eq!(
        tree.branches,
        [Branch {
            leaf: "x2".to_owned(),
            entries: 2
        }]
    );
    let answer = &tree.entries[1];
    assert!(matches!(
        answer.parts.as_slice(),
        [Part::Reasoning(thought), Part::ToolCall(call)] if thought == "hm" && call.arguments["dir"] == "/"
    ));
    assert_eq!(answer.model.as_deref(), Some("mock/echo"));
    let usage = answer.usage.unwrap();
    assert_eq!(
        (usage.input_tokens, usage.output_tokens, usage.cached_tokens),
        (105, 20, 5)
    );
    assert_eq!(
        tree.entries[0].origin.as_ref().unwrap().kind,
        OriginKind::System
    );
}

#[test]
fn a_transcript_without_ids_is_one_line_after_another() {
    let tree = one(concat!(
        r#"{"type":"message","timestamp":"1970-01-01T00:00:01Z","message":{"role":"user","content":"a"}}"#,
        "\n",
        r#"{"type":"message","timestamp":"1970-01-01T00:00:02Z","message":{"role":"assistant","content":"b"}}"#,
    ));
    assert_eq!(said(&tree), ["1000 user: a", "2000 assistant: b"]);
    assert_eq!((tree.session, tree.branches), (None, Vec::new()));
}

#[test]
fn every_bad_line_is_named_and_nothing_is_taken() {
    let message = |id: &str, parent: &str| {
        format!(
            r#"{{"type":"message","id":"{id}","parentId":{parent},"timestamp":"1970-01-01T00:00:01Z","message":{{"role":"user","content":"x"}}}}"#
        )
    };
    let header = r#"{"type":"session","id":"s"}"#;
    let id = |id: &str| id.to_owned();
    type Case = (Vec<String>, Vec<(u64, ImportFault)>);
    let cases: [Case; 6] = [
        (
            vec![header.to_owned(), "{\"type\":".to_owned(), String::new(), "{}".to_owned()],
            vec![
                (2, openclaw_sessions::Fault::NotJson.into()),
                (4, ImportFault::Key { key: "type" }),
            ],
        ),
        (
            vec![message("a", "null"), message("a", "null")],
            vec![(2, ImportFault::TwiceUsed { id: id("a") })],
        ),
        (
            vec![header.to_owned(), message("a", "\"nobody\"")],
            vec![(2, ImportFault::Orphan { id: id("nobody") })],
        ),
        (
            vec![message("a", "\"b\""), message("b", "\"a\"")],
            vec![(2, ImportFault::Circle)],
        ),
        (
            vec![header.to_owned(), r#"{"type":"message","id":"a","message":{"role":"user","content":"x"}}"#.to_owned()],
            vec![(2, ImportFault::Key { key: "timestamp" })],
        ),
        (
            vec![
                r#"{"timestamp":1,"role":"user","content":"a","sessionId":"s"}"#.to_owned(),
                r#"{"timestamp":1,"role":"user","content":"a","sessionId":"s","seq":4,"crc":"00000000"}"#.to_owned(),
                r#"{"timestamp":1,"role":"user","sessionId":"s"}"#.to_owned(),
            ],
            vec![
                (2, openclaw_sessions::Fault::Checksum.into()),
                (3, openclaw_sessions::Fault::Key { key: "content" }.into()),
            ],
        ),
    ];
    for (lines, expected) in cases {
        let problems = read_transcripts(lines.join("\n").as_bytes()).unwrap_err();
        let found: Vec<_> = problems
            .lines
            .into_iter()
            .map(|found| (found.line, found.fault))
            .collect();
        assert_eq!(found, expected, "{lines:?}");
        assert_eq!(problems.count, found.len() as u64);
    }
}

#[tokio::test]
async fn what_one_store_wrote_another_takes_with_its_times_and_without_its_authority() {
    let dir = tempfile::tempdir().unwrap();
    let store = real_store(dir.path());
    let (alpha, beta) = (agent("alpha"), agent("beta"));
    store.open_agent(&alpha).unwrap();
    store.open_agent(&beta).unwrap();
    let from = |kind| Draft {
        origin: Some(Origin {
            kind,
            id: Some("me".to_owned()),
            message_id: None,
        }),
        ..user("s", "an order")
    };
    let drafts = vec![
        from(OriginKind::Operator),
        from(OriginKind::Local),
        from(OriginKind::Agent),
    ];
    store.append(&alpha, drafts).await.unwrap();
    store
        .append(&alpha, vec![user("gone", "deleted")])
        .await
        .unwrap();
    store.delete(&alpha, &session("gone")).await.unwrap();
    let bytes = std::fs::read(dir.path().join("alpha/session.jsonl")).unwrap();

    let imported = read_transcripts(&bytes).unwrap();
    assert_eq!(imported.len(), 1);
    let entries = imported[0].entries.clone();
    let appended = store
        .import(&beta, &session("copy"), entries.clone())
        .await
        .unwrap();
    let page = store.page(&beta, &session("copy"), None, 10).unwrap();
    let origins: Vec<_> = page
        .entries
        .iter()
        .map(|entry| entry.origin.clone().unwrap())
        .map(|origin| (origin.kind, origin.id.unwrap()))
        .collect();
    assert_eq!(
        origins,
        [
            (OriginKind::System, "import".to_owned()),
            (OriginKind::System, "import".to_owned()),
            (OriginKind::Agent, "me".to_owned()),
        ]
    );
    let times = |entries: &[openclaw_sessions::Entry]| {
        entries
            .iter()
            .map(|entry| entry.timestamp)
            .collect::<Vec<Timestamp>>()
    };
    let stored: Vec<_> = page.entries.iter().map(|entry| (**entry).clone()).collect();
    assert_eq!(times(&stored), times(&entries));
    assert!(
        stored
            .iter()
            .zip(&entries)
            .all(|(new, old)| new.id != old.id)
    );
    assert_eq!(
        appended.iter().map(|done| done.seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(matches!(
        store.import(&beta, &session("copy"), entries).await,
        Err(Error::Taken { .. })
    ));
}

#[test]
fn the_lines_made_for_a_transfer_are_read_back_as_the_same_entries() {
    let tree = one(TREE);
    let lines = tree.lines(&session("s")).flat_map(Option::unwrap);
    let lines: Vec<u8> = lines.collect();
    let again = one(std::str::from_utf8(&lines).unwrap());
    assert_eq!(again.session, Some(session("s")));
    assert_eq!(said(&again), said(&tree));
    let parts = |imported: &Imported| -> Vec<_> {
        let entries = imported.entries.iter();
        entries
            .map(|entry| (entry.parts.clone(), entry.usage, entry.model.clone()))
            .collect()
    };
    assert_eq!(parts(&again), parts(&tree));
}

#[tokio::test]
async fn an_import_that_fails_half_way_leaves_no_session() {
    let root = std::path::Path::new("/state");
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(7, root));
    let store = sim_store(options(root), disk);
    let alpha = agent("alpha");
    store.open_agent(&alpha).unwrap();
    let big = |text: &str, bytes: usize| {
        let padding = "x".repeat(bytes);
        format!(r#"{{"timestamp":1,"role":"user","content":"{text}{padding}","sessionId":"s"}}"#)
    };
    let sizes = [("a", 3 << 20), ("b", 3 << 20), ("too large", 9 << 20)];
    let file = sizes.map(|(text, bytes)| big(text, bytes)).join("\n");
    let imported = one(&file);
    let result = store.import(&alpha, &session("s"), imported.entries).await;
    assert!(matches!(result, Err(Error::TooLarge { .. })), "{result:?}");
    assert_eq!(store.list(None), []);
    store.append(&alpha, vec![user("s", "anew")]).await.unwrap();
    assert_eq!(store.tail(&alpha, &session("s"), 9).unwrap().len(), 1);
}
