//! Conversations: what is on disk and when, what is listed, and what a long one costs.

use std::fmt::Write as _;

use openclaw_tests::{
    client::Socket,
    gateway::{Setup, World},
    native::Native,
    scripted_model::{Gate, Step, echo},
    soon,
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// A world whose model answers `wait` only when the gate is open.
async fn gated(setup: Setup) -> (World, Gate) {
    let gate = Gate::default();
    let inner = gate.clone();
    let world = setup
        .answers(move |asked| {
            let mut script = Vec::new();
            if asked.last_user().starts_with("wait") {
                script.push(Step::Wait(inner.clone()));
            }
            script.extend(echo(asked));
            script
        })
        .start()
        .await;
    (world, gate)
}

fn agent(message: &str, key: &str) -> Value {
    json!({"agentId": "steward", "message": message, "idempotencyKey": key})
}

#[tokio::test]
async fn the_users_entry_is_on_disk_before_accepted_and_the_answers_before_the_end() {
    let (world, gate) = gated(Setup::two()).await;
    let mut client = Native::open(&world).await;
    let id = client.send("agent", agent("wait for it", "k1")).await;
    let accepted = client.answer(&id).await.unwrap();
    assert_eq!(
        world.normal(&accepted),
        json!({"runId": "k1", "sessionKey": "agent:steward:main", "agentId": "steward", "status": "accepted",
            "acceptedAt": 0, "seq": 1, "position": 0})
    );
    let user = json!({"timestamp": 0, "role": "user", "content": "wait for it", "sessionId": "main", "id": "*", "runId": "k1",
        "kind": "message", "origin": {"kind": "operator", "id": "client-*"}, "seq": 1});
    assert_eq!(shown(&world), std::slice::from_ref(&user));
    gate.open();
    let end = client.answer(&id).await.unwrap();
    assert_eq!(
        world.normal(&end),
        json!({"runId": "k1", "status": "ok", "summary": "completed", "result": {
            "payloads": [{"text": "you said: wait for it.", "mediaUrl": null}],
            "meta": {"durationMs": 0, "agentMeta": {"sessionId": "main", "provider": "scripted", "model": "echo",
                "usage": {"input": 7, "output": 5, "cacheRead": 0, "total": 12}}, "aborted": false}}})
    );
    let assistant = json!({"timestamp": 0, "role": "assistant", "content": "you said: wait for it.", "sessionId": "main",
        "id": "*", "runId": "k1", "kind": "message", "model": "scripted/echo", "usage": {"input": 7, "output": 5, "cached": 0},
        "seq": 2});
    assert_eq!(shown(&world), [user, assistant]);
}

/// The transcript without times and checksums, after a look at the order of its keys.
fn shown(world: &World) -> Vec<Value> {
    let entries = world.entries("steward");
    entries
        .iter()
        .map(|entry| {
            let keys: Vec<&String> = entry.as_object().unwrap().keys().collect();
            assert_eq!(
                keys[..4],
                ["timestamp", "role", "content", "sessionId"],
                "{entry}"
            );
            assert_eq!(keys[keys.len() - 2..], ["seq", "crc"], "{entry}");
            let mut entry = world.normal(entry);
            let _crc = entry.as_object_mut().unwrap().remove("crc");
            if entry["usage"].is_object() && entry["usage"]["cached"].is_null() {
                entry["usage"]["cached"] = json!(0);
            }
            entry
        })
        .collect()
}

#[tokio::test]
async fn a_full_queue_refuses_and_writes_nothing() {
    let (world, gate) = gated(Setup::two().config(json!({"limits": {"laneDepth": 3}}))).await;
    let mut client = Native::open(&world).await;
    let mut ids = vec![client.send("agent", agent("wait", "k0")).await];
    assert_eq!(client.answer(&ids[0]).await.unwrap()["position"], 0);
    let _asked = world.model().asked_times(1).await;
    for waiting in 1..=3 {
        let id = client
            .send("agent", agent("later", &format!("k{waiting}")))
            .await;
        assert_eq!(client.answer(&id).await.unwrap()["position"], waiting);
        ids.push(id);
    }
    let error = client
        .call("agent", agent("too much", "k4"))
        .await
        .unwrap_err();
    assert_eq!(
        (&error["code"], &error["retryable"], &error["retryAfterMs"]),
        (&json!("UNAVAILABLE"), &json!(true), &json!(250))
    );
    let error = client
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "too much", "idempotencyKey": "k5"}),
        )
        .await
        .unwrap_err();
    assert_eq!(error["code"], "UNAVAILABLE");
    let mut dialect = Socket::open(world.address).await;
    let _ok = dialect
        .ask(&json!({"type": "auth", "content": {"token": world.token}}))
        .await;
    let refused = dialect
        .ask(&json!({"type": "message", "agent": "steward", "content": "too much"}))
        .await;
    assert_eq!(refused["content"]["code"], 3003);
    // Another session of the same agent has a lane of its own.
    let id = client.send("agent", json!({"message": "elsewhere", "idempotencyKey": "k6", "sessionKey": "agent:steward:other"})).await;
    assert_eq!(client.answer(&id).await.unwrap()["position"], 0);
    assert_eq!(client.answer(&id).await.unwrap()["status"], "ok");
    let contents: Vec<Value> = world
        .entries("steward")
        .iter()
        .map(|entry| entry["content"].clone())
        .collect();
    assert!(!contents.contains(&json!("too much")), "{contents:?}");
    gate.open();
    for id in &ids {
        assert_eq!(client.answer(id).await.unwrap()["status"], "ok");
    }
    // A refused key was never used.
    let id = client.send("agent", agent("again", "k4")).await;
    assert_eq!(client.answer(&id).await.unwrap()["status"], "accepted");
    assert_eq!(client.answer(&id).await.unwrap()["status"], "ok");
}

#[tokio::test]
async fn a_waiting_message_stands_in_the_file_and_not_in_the_prompt_of_the_run_before_it() {
    let (world, gate) = gated(Setup::two()).await;
    let mut client = Native::open(&world).await;
    let first = client.send("agent", agent("wait one", "k1")).await;
    let _accepted = client.answer(&first).await.unwrap();
    let _asked = world.model().asked_times(1).await;
    let second = client.send("agent", agent("two", "k2")).await;
    let _accepted = client.answer(&second).await.unwrap();
    gate.open();
    assert_eq!(client.answer(&first).await.unwrap()["status"], "ok");
    assert_eq!(client.answer(&second).await.unwrap()["status"], "ok");
    let said = |at: usize| -> Vec<String> {
        let asked = world.model().asked();
        let messages = asked[at].json["messages"].as_array().unwrap();
        messages[1..]
            .iter()
            .map(|message| message["content"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(said(0), ["wait one"]);
    assert_eq!(said(1), ["wait one", "you said: wait one.", "two"]);
    let file: Vec<Value> = world
        .entries("steward")
        .iter()
        .map(|entry| entry["content"].clone())
        .collect();
    assert_eq!(
        file,
        ["wait one", "two", "you said: wait one.", "you said: two."]
    );
}

#[tokio::test]
async fn sessions_are_listed_read_in_pages_made_and_deleted() {
    let world = Setup::two().start().await;
    let mut client = Native::open(&world).await;
    assert_eq!(
        client.ok("sessions.list", json!({})).await["sessions"],
        json!([])
    );
    let made = client
        .ok("sessions.create", json!({"agentId": "alpha"}))
        .await;
    assert_eq!(world.normal(&made)["sessionId"], "sess-*", "{made}");
    let chosen = client
        .ok(
            "sessions.create",
            json!({"agentId": "steward", "key": "agent:steward:talk"}),
        )
        .await;
    assert_eq!(
        chosen,
        json!({"ok": true, "agentId": "steward", "sessionId": "talk", "key": "agent:steward:talk"})
    );
    for round in 0..5 {
        let params = json!({"message": format!("m{round}"), "idempotencyKey": format!("k{round}"), "sessionKey": "agent:steward:talk"});
        let id = client.send("agent", params).await;
        let _accepted = client.answer(&id).await.unwrap();
        let _end = client.answer(&id).await.unwrap();
    }
    let list = client.ok("sessions.list", json!({})).await;
    assert_eq!(
        world.normal(&list["sessions"]),
        json!([{"key": "agent:steward:talk", "kind": "direct", "agentId": "steward", "sessionId": "talk", "createdAt": 0,
            "updatedAt": 0, "entries": 10, "lastRole": "assistant", "lastMessagePreview": "you said: m4.", "owner": "operator"}])
    );
    assert_eq!(
        (&list["count"], &list["totalCount"], &list["hasMore"]),
        (&json!(1), &json!(1), &json!(false))
    );
    let texts = |page: &Value| -> Vec<String> {
        let messages = page["messages"].as_array().unwrap();
        messages
            .iter()
            .map(|message| message["content"][0]["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let newest = client
        .ok(
            "sessions.get",
            json!({"key": "agent:steward:talk", "limit": 3}),
        )
        .await;
    assert_eq!(texts(&newest), ["you said: m3.", "m4", "you said: m4."]);
    assert_eq!(newest["hasMore"], true);
    let before = client
        .ok(
            "chat.history",
            json!({"sessionKey": "agent:steward:talk", "limit": 3, "beforeSeq": 3}),
        )
        .await;
    assert_eq!(
        (texts(&before), &before["hasMore"]),
        (
            vec!["m0".to_owned(), "you said: m0.".to_owned()],
            &json!(false)
        )
    );

    let mut watcher = Native::open(&world).await;
    let _on = watcher.ok("sessions.subscribe", json!({})).await;
    let _on = watcher
        .ok(
            "sessions.messages.subscribe",
            json!({"key": "agent:steward:talk"}),
        )
        .await;
    let id = client
        .send(
            "agent",
            json!({"message": "seen", "idempotencyKey": "k9", "sessionKey": "agent:steward:talk"}),
        )
        .await;
    let _accepted = client.answer(&id).await.unwrap();
    let message = watcher
        .event(|event| event["event"] == "session.message")
        .await;
    assert_eq!(
        (
            &message["payload"]["messageSeq"],
            &message["payload"]["message"]["content"][0]["text"]
        ),
        (&json!(11), &json!("seen"))
    );
    let ended = watcher
        .event(|event| event["event"] == "sessions.changed" && event["payload"]["phase"] == "end")
        .await;
    assert_eq!(ended["payload"]["sessionKey"], "agent:steward:talk");
    let _end = client.answer(&id).await.unwrap();

    let deleted = client
        .ok("sessions.delete", json!({"key": "agent:steward:talk"}))
        .await;
    assert_eq!(
        (&deleted["ok"], &deleted["deleted"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        client.ok("sessions.list", json!({})).await["sessions"],
        json!([])
    );
    assert_eq!(
        client
            .call("sessions.get", json!({"key": "agent:steward:talk"}))
            .await
            .unwrap_err()["code"],
        "NOT_FOUND"
    );
    assert_eq!(
        client
            .call("sessions.delete", json!({"key": "agent:steward:talk"}))
            .await
            .unwrap_err()["code"],
        "NOT_FOUND"
    );
    assert_eq!(
        world.entries("steward").last().unwrap()["kind"],
        "tombstone"
    );
    // What was said before is hidden from the model as well.
    let id = client.send("agent", json!({"message": "fresh", "idempotencyKey": "k10", "sessionKey": "agent:steward:talk"})).await;
    let _accepted = client.answer(&id).await.unwrap();
    let _end = client.answer(&id).await.unwrap();
    assert_eq!(
        world.model().asked().last().unwrap().json["messages"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_session_of_ten_thousand_foreign_lines_works_like_a_short_one() {
    let place = Setup::two().prepare().await;
    let workspace = place.state.path().join("agents/steward");
    std::fs::create_dir_all(&workspace).unwrap();
    let mut lines = String::new();
    for n in 0..10_000 {
        let role = if n % 2 == 0 { "user" } else { "assistant" };
        writeln!(
            lines,
            r#"{{"timestamp":{},"role":"{role}","content":"line {n}","sessionId":"long"}}"#,
            1_711_843_200_000_u64 + n
        )
        .unwrap();
    }
    std::fs::write(workspace.join("session.jsonl"), lines).unwrap();
    let world = place.start().await;
    let mut client = Native::open(&world).await;
    let mut took = Vec::new();
    for (round, session) in ["short", "long", "short", "long"].into_iter().enumerate() {
        let begun = Instant::now();
        let key = format!("agent:steward:{session}");
        let id = client.send("agent", json!({"message": "hello", "idempotencyKey": format!("k{round}"), "sessionKey": key})).await;
        let _accepted = client.answer(&id).await.unwrap();
        assert_eq!(client.answer(&id).await.unwrap()["status"], "ok");
        took.push(begun.elapsed());
    }
    assert!(took[3] < took[2] * 10, "{took:?}");
    let history = client
        .ok(
            "chat.history",
            json!({"sessionKey": "agent:steward:long", "limit": 1000}),
        )
        .await;
    let messages = history["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &history["hasMore"]), (1000, &json!(true)));
    assert_eq!(messages[999]["content"][0]["text"], "you said: hello.");
    assert_eq!(messages[995]["content"][0]["text"], "line 9999");
    let asked = world.model().asked();
    let sent = asked[1].json["messages"].as_array().unwrap();
    assert_eq!(
        sent.len(),
        22,
        "the system message, twenty entries of history, and the question"
    );
    assert_eq!(sent[20]["content"], "line 9999");
    // Paging reaches the first line.
    let mut before = Value::Null;
    let mut seen = 0;
    soon("the first page", async {
        loop {
            let page = client
                .ok(
                    "chat.history",
                    json!({"sessionKey": "agent:steward:long", "limit": 1000, "beforeSeq": before}),
                )
                .await;
            let messages = page["messages"].as_array().unwrap().clone();
            seen += messages.len();
            if page["hasMore"] == false {
                assert_eq!(messages[0]["content"][0]["text"], "line 0");
                return;
            }
            before = messages[0]["__openclaw"]["seq"].clone();
        }
    })
    .await;
    assert_eq!(seen, 10_004);
    let status = client.ok("sessions.list", json!({})).await;
    assert_eq!(status["sessions"].as_array().unwrap().len(), 2);
}

/// Lines of other tools, as an import takes them.
fn lines(from: usize, count: usize) -> String {
    let mut text = String::new();
    for at in from..from + count {
        let line = json!({"timestamp": 5, "role": "user", "content": format!("line {at}"), "sessionId": "x"});
        writeln!(text, "{line}").unwrap();
    }
    text
}

#[tokio::test]
async fn an_import_that_breaks_off_goes_again_and_one_that_ends_stays() {
    let world = Setup::two().start().await;
    let mut watcher = Native::open(&world).await;
    let (broken, whole) = ("agent:steward:broken", "agent:steward:whole");
    let mut importer = Native::open(&world).await;
    for key in [broken, whole] {
        let first = json!({"key": key, "text": lines(0, 3), "more": true});
        let taken = importer.ok("sessions.import", first).await;
        assert_eq!(taken["lastSeq"], 3, "{taken}");
    }
    let again = json!({"key": broken, "text": lines(0, 3), "more": true});
    assert!(watcher.call("sessions.import", again).await.is_err());
    let last = json!({"key": whole, "text": lines(3, 2), "afterSeq": 3});
    importer.ok("sessions.import", last).await;
    assert_eq!(
        watcher.ok("sessions.get", json!({"key": broken})).await["messages"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
    drop(importer);
    soon("the half-imported session is gone", async {
        while watcher
            .call("sessions.get", json!({"key": broken}))
            .await
            .is_ok()
        {}
    })
    .await;
    let kept = watcher.ok("sessions.get", json!({"key": whole})).await;
    assert_eq!(kept["messages"].as_array().map(Vec::len), Some(5), "{kept}");
}
