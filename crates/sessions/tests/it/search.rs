//! Searching: what is a hit, what never is, and in which order.

use std::{fs, path::Path, sync::Arc};

use openclaw_sessions::{
    Case, Draft, Error, Found, Hit, Kind, Options, Query, RealDisk, Store, read_only,
};
use openclaw_types::{Part, Role, SystemEnv, Timestamp, ToolCall, ToolResult};
use serde_json::json;

use crate::harness::{agent, options, real_store, session, user};

const NEVER: &(dyn Fn() -> bool + Sync) = &|| false;

fn places(found: &Found) -> Vec<String> {
    let place = |hit: &Hit| format!("{}/{}/{}", hit.agent, hit.session, hit.seq);
    found.hits.iter().map(place).collect()
}

#[tokio::test]
async fn matches_behind_escapes_are_found_and_what_is_hidden_or_damaged_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("alpha");
    fs::create_dir(&home).unwrap();
    let foreign = [
        r#"{"timestamp":1,"role":"user","content":"caf\u00e9 noir","sessionId":"a"}"#,
        r#"{"timestamp":2,"role":"user","content":"un café au lait","sessionId":"a"}"#,
        r#"{"timestamp":3,"role":"user","content":"\u0063\u0061f\u00E9","sessionId":"b"}"#,
        r#"{"timestamp":4,"role":"user","content":"key \ud83d\udd11 of café","sessionId":"b"}"#,
        r#"{"timestamp":5,"role":"user","content":"see \/etc\/hosts","sessionId":"a"}"#,
        r#"{"timestamp":6,"role":"user","content":"torn café","sessionId":"a"#,
        r#"{"timestamp":7,"role":"user","content":"gone café","sessionId":"gone"}"#,
        r#"{"timestamp":8,"role":"user","content":"glued café","sessionId":"a"}{"timestamp":9,"role":"user","content":"café glued","sessionId":"b"}"#,
        r#"{"timestamp":10,"role":"user","content":"C:\\caf\\u00e9","sessionId":"a"}"#,
        r#"{"timestamp":11,"role":"user","content":"one\ntwo\tthree \"four\"","sessionId":"a"}"#,
        "{\"timestamp\":12,\"role\":\"user\",\"content\":\"damaged café\",\"sessionId\":\"a\",\"seq\":40,\"crc\":\"00000000\"}",
    ];
    fs::write(home.join("session.jsonl"), foreign.join("\n") + "\n").unwrap();
    let store = real_store(dir.path());
    let alpha = agent("alpha");
    store.open_agent(&alpha).unwrap();
    store.delete(&alpha, &session("gone")).await.unwrap();
    let snapshot = read_only(dir.path(), Arc::new(RealDisk)).unwrap();
    for (text, expected) in [
        ("café", vec!["b/3", "b/2", "b/1", "a/4", "a/2", "a/1"]),
        ("🔑 of", vec!["b/2"]),
        ("/etc/hosts", vec!["a/3"]),
        (r"caf\u00e9", vec!["a/5"]),
        ("two\tthree \"four", vec!["a/6"]),
        ("ntwo", vec![]),
        ("sessionId", vec![]),
        ("torn", vec![]),
        ("damaged", vec![]),
        ("gone", vec![]),
    ] {
        let mut expected: Vec<String> = expected
            .iter()
            .map(|place| format!("alpha/{place}"))
            .collect();
        expected.sort();
        for found in [
            store.search(&Query::new(text), NEVER).unwrap(),
            snapshot.search(&Query::new(text), NEVER).unwrap(),
        ] {
            let mut found = places(&found);
            found.sort();
            assert_eq!(found, expected, "{text}");
        }
    }
}

#[tokio::test]
async fn tools_are_searched_too_and_the_text_around_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let store = real_store(dir.path());
    let alpha = agent("alpha");
    store.open_agent(&alpha).unwrap();
    let call = Draft {
        parts: vec![
            Part::Reasoning("where is the marmot".to_owned()),
            Part::ToolCall(ToolCall {
                id: "c1".to_owned(),
                name: "lookup".to_owned(),
                arguments: json!({"path": ["deep", {"file": "Marmot.txt"}]}),
            }),
        ],
        ..Draft::message(Role::Assistant, session("s"), "")
    };
    let answer = Draft {
        kind: Kind::ToolResult,
        parts: vec![Part::ToolResult(ToolResult {
            call_id: "c1".to_owned(),
            name: "lookup".to_owned(),
            content: "a\nmarmot".to_owned(),
            is_error: false,
        })],
        ..Draft::record(Kind::ToolResult, session("s"))
    };
    store.append(&alpha, vec![call, answer]).await.unwrap();
    let found = store.search(&Query::new("marmot"), NEVER).unwrap();
    let shown: Vec<_> = found
        .hits
        .iter()
        .map(|hit| (hit.seq, hit.snippet.as_str(), hit.ranges.clone()))
        .collect();
    assert_eq!(
        shown,
        [
            (2, "a marmot", vec![(2, 8)]),
            (1, "where is the marmot", vec![(13, 19)])
        ]
    );
    let query = Query {
        case: Case::Sensitive,
        ..Query::new("Marmot.")
    };
    assert_eq!(places(&store.search(&query, NEVER).unwrap()), ["alpha/s/1"]);
}

#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]
/// A store of many small segments, and when each agent wrote which entry.
async fn pond(root: &Path) -> (Store, Vec<(Timestamp, &'static str, usize)>) {
    let small = Options {
        segment_bytes_max: 4_096,
        ..options(root)
    };
    let store = Store::open(small, Arc::new(RealDisk), Arc::new(SystemEnv)).unwrap();
    let mut all = Vec::new();
    for name in ["alpha", "beta"] {
        store.open_agent(&agent(name)).unwrap();
        for at in 0..120 {
            let word = if at % 10 == 0 { "Pike" } else { "perch" };
            let padding = "~".repeat(at * 7 % 900);
            let draft = user(["s", "t"][at % 2], &format!("{word} {at} {padding}"));
            let done = store.append(&agent(name), vec![draft]).await.unwrap();
            all.push((done[0].timestamp, name, at));
        }
    }
    (store, all)
}

#[tokio::test]
async fn over_many_segments_the_newest_come_first_and_bounds_hold() {
    let dir = tempfile::tempdir().unwrap();
    let (store, all) = pond(dir.path()).await;
    let pikes = |name: &str| -> Vec<String> {
        let found = all.iter().rev();
        let found = found.filter(|(_, of, at)| *of == name && at % 10 == 0);
        let place = |at: usize| format!("{name}/s/{}", at / 2 + 1);
        found.map(|(_, _, at)| place(*at)).collect()
    };
    let of = |name: &str| Query {
        agent: Some(agent(name)),
        ..Query::new("pike")
    };
    let search = |query: &Query| store.search(query, NEVER).unwrap();

    let found = search(&of("alpha"));
    assert_eq!((places(&found), found.more), (pikes("alpha"), false));

    let both = search(&Query::new("pike"));
    assert_eq!(both.hits.len(), 24);
    assert!(both.hits.is_sorted_by(|a, b| a.timestamp >= b.timestamp));

    let few = Query {
        limit: 3,
        ..of("beta")
    };
    let found = search(&few);
    assert_eq!(
        (places(&found), found.more),
        (pikes("beta")[..3].to_vec(), true)
    );

    let ((from, ..), (last, ..)) = (all[45], all[65]);
    // All of them may have been written within one millisecond.
    let to = Timestamp(last.as_millis() + 1);
    let some = Query {
        after: Some(from),
        before: Some(to),
        ..Query::new("pike")
    };
    let within = |hit: &&Hit| from <= hit.timestamp && hit.timestamp < to;
    let expected: Vec<Hit> = both.hits.iter().filter(within).cloned().collect();
    assert_eq!((search(&some).hits, expected.is_empty()), (expected, false));

    let other = Query {
        session: Some(session("t")),
        ..Query::new("pike")
    };
    assert_eq!(places(&search(&other)), [""; 0]);
    let snapshot = read_only(dir.path(), Arc::new(RealDisk)).unwrap();
    assert_eq!(snapshot.search(&Query::new("pike"), NEVER).unwrap(), both);
}

#[tokio::test]
async fn a_line_longer_than_a_piece_is_searched_and_a_search_can_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let store = real_store(dir.path());
    let alpha = agent("alpha");
    store.open_agent(&alpha).unwrap();
    for text in [
        "first needle".to_owned(),
        format!("{}needle{}", "x".repeat(700_000), "y".repeat(900_000)),
        format!("{}needle", "z".repeat(300_000)),
        "last needle".to_owned(),
    ] {
        store.append(&alpha, vec![user("s", &text)]).await.unwrap();
    }
    let found = store.search(&Query::new("needle"), NEVER).unwrap();
    assert_eq!(
        places(&found),
        ["alpha/s/4", "alpha/s/3", "alpha/s/2", "alpha/s/1"]
    );
    assert_eq!(
        found.bytes,
        fs::metadata(dir.path().join("alpha/session.jsonl"))
            .unwrap()
            .len()
    );
    let stopped = store.search(&Query::new("needle"), &|| true).unwrap();
    assert_eq!((stopped.hits.len(), stopped.stopped), (0, true));
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = real_store(dir.path());
    assert!(matches!(
        store.search(&Query::new(""), NEVER),
        Err(Error::Query { .. })
    ));
    let nobody = Query {
        agent: Some(agent("nobody")),
        ..Query::new("x")
    };
    assert!(matches!(
        store.search(&nobody, NEVER),
        Err(Error::UnknownAgent { .. })
    ));
    let early = Query {
        before: Some(Timestamp(0)),
        ..Query::new("x")
    };
    assert_eq!(store.search(&early, NEVER).unwrap(), Found::default());
}

#[tokio::test]
async fn lines_go_out_as_they_stand_in_the_files_page_by_page() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = pond(dir.path()).await;
    let snapshot = read_only(dir.path(), Arc::new(RealDisk)).unwrap();
    let (alpha, odd) = (agent("alpha"), session("t"));
    for bytes_max in [0, 2_000, 1 << 30] {
        let mut all = Vec::new();
        let mut after = 0;
        loop {
            let lines = store.lines(&alpha, &odd, after, bytes_max).unwrap();
            assert_eq!(
                snapshot.lines(&alpha, &odd, after, bytes_max).unwrap(),
                lines
            );
            let Some(next) = lines.after_seq else {
                break;
            };
            assert!(bytes_max > 0 || lines.lines.len() == 1);
            all.extend(lines.lines);
            after = next;
        }
        let mut files: Vec<_> = fs::read_dir(dir.path().join("alpha/sessions"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
            .collect();
        files.sort();
        files.push(dir.path().join("alpha/session.jsonl"));
        let mut expected = Vec::new();
        for file in files {
            let text = fs::read_to_string(file).unwrap();
            let lines = text
                .lines()
                .filter(|line| line.contains(r#""sessionId":"t""#));
            expected.extend(lines.map(|line| line.as_bytes().to_vec()));
        }
        assert_eq!(all, expected);
        assert_eq!(all.len(), 60);
    }
    assert!(matches!(
        store.lines(&alpha, &session("none"), 0, 9),
        Err(Error::UnknownSession { .. })
    ));
}
