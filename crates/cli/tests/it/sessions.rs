//! `openclaw session …`, with a gateway and without.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::timeout,
};

use crate::{run::DEADLINE, world::World};

#[tokio::test]
async fn sessions_read_the_same_with_a_gateway_and_without() {
    let world = World::two().await;
    // Markers are entries: with them there would be more of those after the stop.
    world.add(&json!({"session": {"keeper": false}}));
    world.start().await;
    for (agent, session, text) in [
        ("steward", "main", "one"),
        ("steward", "other", "two"),
        ("alpha", "main", "three"),
        ("steward", "main", "four"),
    ] {
        let ran = world
            .run(&["agent", "send", agent, text, "--session", session])
            .await;
        assert_eq!(ran.ok(), format!("you said: {text}\n"));
    }
    let reading = [
        vec!["session", "list"],
        vec!["session", "list", "steward"],
        vec!["session", "get", "steward", "main"],
        vec!["session", "get", "steward", "main", "-n", "1"],
        vec!["session", "get", "steward", "main", "--before", "3"],
        vec!["session", "get", "alpha", "agent:alpha:main"],
    ];
    let mut online = Vec::new();
    for arguments in &reading {
        online.push(world.run(arguments).await.ok());
    }
    drop(world.run(&["gateway", "stop"]).await.ok());
    for (arguments, online) in reading.iter().zip(&online) {
        assert_eq!(&world.run(arguments).await.ok(), online, "{arguments:?}");
    }
    let order: Vec<Vec<&str>> = online[0]
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().take(3).collect())
        .collect();
    assert_eq!(
        order,
        [
            ["steward", "main", "4"],
            ["alpha", "main", "2"],
            ["steward", "other", "2"]
        ]
    );
    assert!(online[2].contains("] "), "{}", online[2]);
    assert!(
        online[3].ends_with("older entries: --before 4\n"),
        "{}",
        online[3]
    );
}

#[tokio::test]
async fn a_tool_s_answer_reads_the_same_with_a_gateway_and_without() {
    let world = World::two().await;
    world.add(&json!({"session": {"keeper": false}}));
    let directory = world.state().join("agents/steward");
    std::fs::create_dir_all(&directory).unwrap();
    let line = json!({
        "timestamp": 1_711_843_201_000_i64,
        "role": "system",
        "content": "",
        "sessionId": "main",
        "kind": "toolResult",
        "parts": [{
            "type": "toolResult",
            "toolCallId": "call_1",
            "name": "read",
            "content": "no such file",
            "isError": true,
        }],
    });
    std::fs::write(directory.join("session.jsonl"), format!("{line}\n")).unwrap();
    let get = ["session", "get", "steward", "main", "--json"];
    let offline = world.run(&get).await.json();
    let said = &offline["messages"][0];
    assert_eq!(
        (
            &said["role"],
            &said["toolCallId"],
            &said["toolName"],
            &said["isError"]
        ),
        (
            &json!("toolResult"),
            &json!("call_1"),
            &json!("read"),
            &json!(true)
        )
    );
    world.start().await;
    assert_eq!(world.run(&get).await.json(), offline);
}

#[tokio::test]
async fn a_session_is_created_used_and_hidden() {
    let world = World::two().await;
    world.start().await;
    let id = world.run(&["session", "create", "steward"]).await.ok();
    let id = id.trim();
    drop(
        world
            .run(&["agent", "send", "steward", "hi", "--session", id])
            .await
            .ok(),
    );
    let said = world
        .run(&["session", "delete", "steward", id])
        .await
        .failed(1);
    assert!(said.contains("--yes"), "{said}");
    let deleted = world
        .run(&["session", "delete", "steward", id, "--yes"])
        .await
        .ok();
    assert_eq!(deleted, format!("deleted agent:steward:{id}\n"));
    assert_eq!(
        world.run(&["session", "list", "--json"]).await.json(),
        json!([])
    );
    drop(
        world
            .run(&["session", "get", "steward", id])
            .await
            .failed(4),
    );
    drop(world.run(&["gateway", "stop"]).await.ok());
    drop(
        world
            .run(&["session", "get", "steward", id])
            .await
            .failed(4),
    );
    assert_eq!(
        world.run(&["session", "list", "--json"]).await.json(),
        json!([])
    );
}

#[tokio::test]
async fn sessions_are_archived_read_and_purged_without_a_gateway() {
    archived_read_and_purged(false).await;
}

#[tokio::test]
async fn sessions_are_archived_read_brought_back_and_purged_with_a_gateway() {
    archived_read_and_purged(true).await;
}

/// Ids of the sessions that are listed.
async fn ids(world: &World, arguments: &[&str]) -> Vec<String> {
    let rows = world.run(arguments).await.json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["sessionId"].as_str().unwrap().to_owned())
        .collect()
}

async fn archived_read_and_purged(running: bool) {
    let world = World::two().await;
    // Markers would be written whenever they like.
    world.add(&json!({"session": {"keeper": false}}));
    world.start().await;
    for (session, text) in [("old", "the key is under the mat"), ("new", "hello")] {
        let send = ["agent", "send", "steward", text, "--session", session];
        drop(world.run(&send).await.ok());
    }
    if !running {
        drop(world.run(&["gateway", "stop"]).await.ok());
    }
    archiving_is_refused(&world).await;
    let path = archived(&world).await;
    if running {
        let again = ["agent", "send", "steward", "and now?", "--session", "old"];
        drop(world.run(&again).await.ok());
        let list = ["session", "list", "--json"];
        assert_eq!(ids(&world, &list).await, ["old", "new"]);
    }
    let purge = ["session", "delete", "steward", "old", "--purge", "--yes"];
    assert_eq!(world.run(&purge).await.ok(), "purged agent:steward:old\n");
    assert!(!path.exists());
    let search = ["session", "search", "under the mat"];
    assert_eq!(world.run(&search).await.ok(), "nothing found\n");
    let delete = ["session", "delete", "steward", "new", "--yes"];
    drop(world.run(&delete).await.ok());
    let compact = ["session", "compact", "steward", "--json"];
    let compacted = world.run(&compact).await.json();
    assert_eq!(
        compacted["keys"].as_array().unwrap().len(),
        2,
        "{compacted}"
    );
    assert_eq!(ids(&world, &["session", "list", "--json"]).await, [""; 0]);
}

async fn archiving_is_refused(world: &World) {
    for usage in [
        &["session", "archive", "steward"][..],
        &["session", "archive", "steward", "--older-than", "7"],
        &["session", "archive", "steward", "old", "--older-than", "7d"],
    ] {
        let ran = world.run(usage).await;
        assert_eq!(ran.code, 2, "{ran:#?}");
    }
    let idle = ["session", "archive", "steward", "--older-than", "7d"];
    assert_eq!(world.run(&idle).await.ok(), "nothing to archive\n");
    let none = ["session", "archive", "steward", "none"];
    let said = world.run(&none).await.failed(4);
    assert!(said.contains("hint:"), "{said}");
}

/// Archives a session and reads it in every way; returns where the archive is.
async fn archived(world: &World) -> std::path::PathBuf {
    let get = ["session", "get", "steward", "old"];
    let before = world.run(&get).await.ok();
    let archive = ["session", "archive", "steward", "old", "--json"];
    let archived = world.run(&archive).await.json();
    let one = &archived["archived"][0];
    let named = (&one["key"], &one["entries"]);
    assert_eq!(named, (&json!("agent:steward:old"), &json!(3)));
    let path = std::path::PathBuf::from(one["path"].as_str().unwrap());
    assert_eq!(json!(path.metadata().unwrap().len()), one["bytes"]);

    assert_eq!(ids(world, &["session", "list", "--json"]).await, ["new"]);
    let list = ["session", "list", "--archived", "--json"];
    assert_eq!(ids(world, &list).await, ["old"]);
    let after = world.run(&get).await.ok();
    let (head, said) = after.split_once('\n').unwrap();
    assert_eq!(head, "agent:steward:old · 3 entries · archived");
    assert_eq!(Some(said), before.split_once('\n').map(|(_, said)| said));
    let search = ["session", "search", "under the mat"];
    let found = world.run(&search).await.ok();
    assert!(found.contains("steward old [1]"), "{found}");
    let verify = ["session", "verify", "steward", "old", "--json"];
    let verified = world.run(&verify).await.json();
    assert_eq!(verified["ok"], json!(true), "{verified}");
    let export = ["session", "export", "steward", "old"];
    assert_eq!(world.run(&export).await.ok().lines().count(), 3);
    path
}

#[tokio::test]
async fn a_session_that_is_not_there_is_exit_code_4_with_the_next_command() {
    let world = World::two().await;
    for running in [false, true] {
        if running {
            world.start().await;
        }
        let ran = world
            .run(&["session", "get", "steward", "none", "--json"])
            .await;
        assert_eq!(ran.code, 4, "{ran:#?}");
        let error: Value = ran.json()["error"].clone();
        assert!(
            error["hint"]
                .as_str()
                .unwrap()
                .contains("openclaw session list"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn searching_reads_the_same_with_a_gateway_and_without() {
    let world = World::two().await;
    // The bytes of the markers that a stop writes would be counted.
    world.add(&json!({"session": {"keeper": false}}));
    world.start().await;
    for (agent, session, text) in [
        ("steward", "main", "the lattice is \"old\""),
        ("alpha", "notes", "Lattice elsewhere"),
        ("alpha", "notes", "nothing of it"),
    ] {
        let arguments = ["agent", "send", agent, text, "--session", session];
        drop(world.run(&arguments).await.ok());
    }
    let searching = [
        vec!["session", "search", "lattice"],
        vec!["session", "search", "Lattice"],
        vec!["session", "search", "-i", "LATTICE", "--agent", "steward"],
        vec!["session", "search", "is \"old\"", "--json"],
        vec!["session", "search", "-n", "1", "said"],
        vec!["session", "search", "--until", "1h", "lattice"],
        vec![
            "session",
            "search",
            "--agent",
            "alpha",
            "--session",
            "main",
            "x",
        ],
    ];
    let mut online = Vec::new();
    for arguments in &searching {
        online.push(world.run(arguments).await.ok());
    }
    drop(world.run(&["gateway", "stop"]).await.ok());
    for (arguments, online) in searching.iter().zip(&online) {
        assert_eq!(&world.run(arguments).await.ok(), online, "{arguments:?}");
    }
    let lines = |at: usize| -> usize { online[at].lines().count() };
    assert_eq!((lines(0), lines(1), lines(2)), (4, 2, 2), "{online:#?}");
    assert!(online[4].contains("there is more"), "{}", online[4]);
    assert_eq!(
        (online[5].as_str(), online[6].as_str()),
        ("nothing found\n", "nothing found\n")
    );

    let nobody = ["session", "search", "x", "--agent", "nobody"];
    drop(world.run(&nobody).await.failed(4));
    drop(world.run(&["session", "search", ""]).await.failed(1));
    drop(
        world
            .run(&["session", "search", "--since", "7", "x"])
            .await
            .failed(2),
    );
}

#[tokio::test]
async fn what_is_exported_is_imported_again_with_a_gateway_and_without() {
    let world = World::two().await;
    world.start().await;
    drop(world.run(&["agent", "send", "steward", "one"]).await.ok());
    let file = world.home().join("main.jsonl");
    let file = file.to_str().unwrap();
    let exported = world
        .run(&["session", "export", "steward", "main"])
        .await
        .ok();
    drop(
        world
            .run(&["session", "export", "steward", "main", "-o", file])
            .await
            .ok(),
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), exported);
    let refused = world
        .run(&["session", "export", "steward", "-o", file])
        .await
        .failed(1);
    assert!(refused.contains("--force"), "{refused}");

    let import = |name: &'static str| vec!["session", "import", "alpha", file, "--as", name];
    for (name, running) in [("online", true), ("offline", false)] {
        if !running {
            drop(world.run(&["gateway", "stop"]).await.ok());
        }
        let dry = [import(name), vec!["--dry-run", "--json"]].concat();
        assert_eq!(world.run(&dry).await.json()[0]["imported"], json!(false));
        let done = [import(name), vec!["--json"]].concat();
        let done = world.run(&done).await.json();
        assert_eq!(
            (&done[0]["key"], &done[0]["entries"]),
            (&json!(format!("agent:alpha:{name}")), &json!(2))
        );
        let taken = world.run(&import(name)).await.failed(1);
        assert!(taken.contains("--as"), "{taken}");
        let markdown = ["session", "export", "alpha", name, "--format", "markdown"];
        let markdown = world.run(&markdown).await.ok();
        assert!(markdown.ends_with("you said: one\n"), "{markdown}");
    }
    let origins = world
        .run(&["session", "export", "alpha", "online"])
        .await
        .ok();
    assert!(
        !origins.contains("operator")
            && origins.contains(r#""origin":{"kind":"system","id":"import"}"#),
        "{origins}"
    );

    let damaged = exported.replace("you said", "they said");
    std::fs::write(file, damaged).unwrap();
    let said = world.run(&import("damaged")).await.failed(1);
    assert!(
        said.contains("main.jsonl:2: the checksum does not match"),
        "{said}"
    );
    drop(
        world
            .run(&["session", "get", "alpha", "damaged"])
            .await
            .failed(4),
    );
}

#[tokio::test]
async fn the_end_of_a_session_is_shown_with_a_gateway_and_without() {
    let world = World::two().await;
    world.start().await;
    for text in ["one", "two"] {
        drop(world.run(&["agent", "send", "steward", text]).await.ok());
    }
    let tail = ["session", "tail", "steward", "main", "-n", "1"];
    let online = world.run(&tail).await.ok();
    assert!(
        online.starts_with("[4] ") && online.ends_with("\nyou said: two\n"),
        "{online}"
    );
    drop(world.run(&["gateway", "stop"]).await.ok());
    assert_eq!(world.run(&tail).await.ok(), online);
    let follow = ["session", "tail", "steward", "main", "-f"];
    drop(world.run(&follow).await.failed(3));
}

#[tokio::test]
async fn a_session_is_followed_from_before_its_first_message() {
    let world = World::two().await;
    world.start().await;
    let mut child = world.spawn(&["session", "tail", "steward", "new", "-f", "--json"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = async {
        // The follower may not be there yet when the first message is sent; it is told what stands there already.
        drop(
            world
                .run(&["agent", "send", "steward", "hello", "--session", "new"])
                .await
                .ok(),
        );
        let mut said = Vec::new();
        while said.len() < 2 {
            let line = lines.next_line().await.unwrap().unwrap();
            let message: Value = serde_json::from_str(&line).unwrap();
            said.push(message["content"][0]["text"].as_str().unwrap().to_owned());
        }
        said
    };
    let said = timeout(DEADLINE, said).await.unwrap();
    assert_eq!(said, ["hello", "you said: hello"]);
    drop(world.run(&["gateway", "stop"]).await.ok());
    let ended = timeout(DEADLINE, child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(3));
}

#[tokio::test]
async fn what_is_committed_is_verified_and_what_was_changed_is_found() {
    let world = World::two().await;
    world.start().await;
    drop(world.run(&["agent", "send", "steward", "one"]).await.ok());
    let commit = ["session", "commit", "steward", "main"];
    let marker = world.run(&[&commit[..], &["--json"]].concat()).await.json();
    assert_eq!(
        (&marker["committed"], &marker["through"]),
        (&json!(true), &json!(2))
    );
    let again = world.run(&commit).await.ok();
    assert_eq!(again, "agent:steward:main is committed already\n");
    drop(
        world
            .run(&["session", "commit", "steward", "none"])
            .await
            .failed(4),
    );

    let verify = ["session", "verify", "steward"];
    let online = world.run(&verify).await.ok();
    assert!(online.contains("ok"), "{online}");
    drop(world.run(&["agent", "send", "steward", "two"]).await.ok());
    drop(world.run(&["gateway", "stop"]).await.ok());
    // The stop has marked what had no marker.
    assert_eq!(world.run(&commit).await.ok(), again);
    let whole = world.run(&[&verify[..], &["--json"]].concat()).await.json();
    assert_eq!(
        (
            &whole["ok"],
            &whole["sessions"][0]["markers"],
            &whole["sessions"][0]["uncommitted"]
        ),
        (&json!(true), &json!(2), &json!(0))
    );

    let path = world.state().join("agents/steward/session.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("one", "two", 1)).unwrap();
    for running in [false, true] {
        if running {
            world.start().await;
        }
        let said = world.run(&verify).await.failed(1);
        assert!(said.contains("not what was written"), "{said}");
    }
}
