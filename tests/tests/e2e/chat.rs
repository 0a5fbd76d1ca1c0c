//! A conversation as a person has it: send and listen, read back, stop at every depth.

use openclaw_tests::{
    gateway::{Setup, World},
    native::Native,
    scripted_model::{Gate, Step, echo},
};
use serde_json::{Value, json};

fn send(message: &str, key: &str) -> Value {
    json!({"sessionKey": "agent:steward:main", "message": message, "idempotencyKey": key})
}

async fn until_end(client: &mut Native, run: &str) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = client.event(|event| event["payload"]["runId"] == run).await;
        let is_last = event["event"] == "chat" && event["payload"]["state"] != "delta";
        events.push(event);
        if is_last {
            return events;
        }
    }
}

#[tokio::test]
async fn a_run_is_told_in_events_of_both_kinds() {
    let world = Setup::two().start().await;
    for protocol in [3, 4] {
        let mut client = Native::with(&world, protocol, &["operator.write"]).await;
        let key = format!("k{protocol}");
        let started = client.ok("chat.send", send("hi", &key)).await;
        assert_eq!(started, json!({"runId": key, "status": "started"}));
        let events = until_end(&mut client, &key).await;
        let base = |event: &str, seq: u64, more: Value| {
            let mut payload = json!({"runId": key, "sessionKey": "agent:steward:main", "agentId": "steward", "seq": seq});
            payload
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().cloned().unwrap());
            (event.to_owned(), payload)
        };
        let mut wanted = vec![base(
            "agent",
            1,
            json!({"stream": "lifecycle", "data": {"phase": "start", "startedAt": 0}, "ts": 0}),
        )];
        let mut whole = String::new();
        for (at, piece) in ["you", " said", ": ", "hi", "."].into_iter().enumerate() {
            whole.push_str(piece);
            let seq = u64::try_from(at).unwrap() + 2;
            wanted.push(base(
                "agent",
                seq,
                json!({"stream": "assistant", "data": {"text": whole, "delta": piece}, "ts": 0}),
            ));
            wanted.push(base("chat", seq, json!({"state": "delta", "deltaText": piece,
                "message": {"role": "assistant", "content": [{"type": "text", "text": whole}], "timestamp": 0}})));
        }
        wanted.push(base(
            "agent",
            7,
            json!({"stream": "lifecycle", "data": {"phase": "end", "startedAt": 0, "endedAt": 0,
            "model": "scripted/echo"}, "ts": 0}),
        ));
        wanted.push(base("chat", 7, json!({"state": "final",
            "message": {"role": "assistant", "content": [{"type": "text", "text": "you said: hi."}], "timestamp": 0},
            "usage": {"input": 7, "output": 5, "cacheRead": 0, "total": 12}})));
        let got: Vec<(String, Value)> = events
            .iter()
            .map(|event| {
                (
                    event["event"].as_str().unwrap().to_owned(),
                    world.normal(&event["payload"]),
                )
            })
            .collect();
        assert_eq!(got, wanted, "protocol {protocol}");
        let numbers: Vec<u64> = events
            .iter()
            .map(|event| event["seq"].as_u64().unwrap())
            .collect();
        assert!(
            numbers.is_sorted() && numbers.windows(2).all(|two| two[0] != two[1]),
            "{numbers:?}"
        );
    }
}

#[tokio::test]
async fn the_same_key_again_starts_no_second_run() {
    let gate = Gate::default();
    let inner = gate.clone();
    let world = Setup::two()
        .answers(move |asked| [vec![Step::Wait(inner.clone())], echo(asked)].concat())
        .start()
        .await;
    let mut client = Native::open(&world).await;
    assert_eq!(
        client.ok("chat.send", send("once", "k1")).await["status"],
        "started"
    );
    assert_eq!(
        client.ok("chat.send", send("once", "k1")).await["status"],
        "in_flight"
    );
    let joined = client
        .send(
            "agent",
            json!({"agentId": "steward", "message": "once", "idempotencyKey": "k1"}),
        )
        .await;
    assert_eq!(client.answer(&joined).await.unwrap()["status"], "accepted");
    // The key of one conversation is no key to another.
    for params in [
        json!({"agentId": "alpha", "message": "once", "idempotencyKey": "k1"}),
        json!({"agentId": "steward", "message": "once", "idempotencyKey": "k1", "sessionKey": "agent:steward:other"}),
    ] {
        let error = client.call("agent", params.clone()).await.unwrap_err();
        assert_eq!(error["code"], "INVALID_REQUEST", "{params}");
    }
    let error = client
        .call(
            "chat.send",
            json!({"sessionKey": "agent:alpha:main", "message": "once", "idempotencyKey": "k1"}),
        )
        .await
        .unwrap_err();
    assert_eq!(error["code"], "INVALID_REQUEST");
    gate.open();
    assert_eq!(
        client.answer(&joined).await.unwrap()["result"]["payloads"][0]["text"],
        "you said: once."
    );
    assert_eq!(
        client.ok("chat.send", send("once", "k1")).await["status"],
        "ok"
    );
    let waited = client.ok("agent.wait", json!({"runId": "k1"})).await;
    assert_eq!(
        (&waited["status"], &waited["text"]),
        (&json!("ok"), &json!("you said: once."))
    );
    assert_eq!(world.model().asked().len(), 1);
    assert_eq!(world.entries("steward").len(), 2);
}

#[tokio::test]
async fn waiting_for_a_run_ends_with_it_or_with_the_time() {
    let gate = Gate::default();
    let inner = gate.clone();
    let world = Setup::two()
        .answers(move |asked| [vec![Step::Wait(inner.clone())], echo(asked)].concat())
        .start()
        .await;
    let mut client = Native::open(&world).await;
    assert_eq!(
        client
            .ok("agent.wait", json!({"runId": "unknown", "timeoutMs": 1}))
            .await["status"],
        "timeout"
    );
    assert_eq!(
        client.ok("chat.send", send("x", "k1")).await["status"],
        "started"
    );
    let early = client
        .ok("agent.wait", json!({"runId": "k1", "timeoutMs": 1}))
        .await;
    assert_eq!(early, json!({"runId": "k1", "status": "timeout"}));
    let waiting = client.send("agent.wait", json!({"runId": "k1"})).await;
    gate.open();
    assert_eq!(client.answer(&waiting).await.unwrap()["status"], "ok");
    // A caller with a time of its own is answered by then, and the run is stopped for it.
    let gate = Gate::default();
    let inner = gate.clone();
    let world = Setup::two()
        .answers(move |asked| [vec![Step::Wait(inner.clone())], echo(asked)].concat())
        .start()
        .await;
    let mut client = Native::open(&world).await;
    let id = client
        .send(
            "agent",
            json!({"message": "x", "idempotencyKey": "k2", "timeout": 0}),
        )
        .await;
    assert_eq!(client.answer(&id).await.unwrap()["status"], "accepted");
    assert_eq!(client.answer(&id).await.unwrap()["status"], "timeout");
    let ended = client.ok("agent.wait", json!({"runId": "k2"})).await;
    assert_eq!(ended["status"], "aborted");
    assert_eq!(world.entries("steward").last().unwrap()["kind"], "aborted");
}

/// A world whose model behaves by the first word of the question.
async fn stoppable() -> World {
    Setup::two()
        .answers(|asked| match asked.last_user().as_str() {
            "connecting" => vec![Step::Hang],
            "headers" => vec![Step::Head(200, vec![]), Step::Hang],
            "streaming" => vec![Step::Piece("so far".to_owned()), Step::Hang],
            "thinking" => vec![Step::Reasoning("hm".to_owned()), Step::Hang],
            _ => echo(asked),
        })
        .start()
        .await
}

#[tokio::test]
async fn a_run_can_be_stopped_at_every_depth() {
    for depth in ["connecting", "headers", "streaming", "thinking"] {
        let world = stoppable().await;
        let mut client = Native::open(&world).await;
        let _started = client.ok("chat.send", send(depth, "k1")).await;
        let _asked = world.model().asked_times(1).await;
        match depth {
            "streaming" => drop(
                client
                    .event(|event| event["payload"]["deltaText"] == "so far")
                    .await,
            ),
            "thinking" => drop(
                client
                    .event(|event| event["payload"]["stream"] == "reasoning")
                    .await,
            ),
            _ => {}
        }
        let waiting = client.ok("chat.send", send("behind it", "k2")).await;
        assert_eq!(waiting["status"], "started", "{depth}");
        // The one that waits goes first, without the model ever hearing of it.
        let aborted = client
            .ok(
                "chat.abort",
                json!({"sessionKey": "agent:steward:main", "runId": "k2"}),
            )
            .await;
        assert_eq!(
            aborted,
            json!({"ok": true, "aborted": true, "runIds": ["k2"]}),
            "{depth}"
        );
        assert_eq!(
            client.ok("agent.wait", json!({"runId": "k2"})).await["status"],
            "aborted",
            "{depth}"
        );
        let aborted = client
            .ok("chat.abort", json!({"sessionKey": "agent:steward:main"}))
            .await;
        assert_eq!(
            aborted,
            json!({"ok": true, "aborted": true, "runIds": ["k1"]}),
            "{depth}"
        );
        let ended = client.ok("agent.wait", json!({"runId": "k1"})).await;
        assert_eq!(
            (&ended["status"], &ended["error"]),
            (&json!("aborted"), &json!("stopped on request")),
            "{depth}"
        );
        let event = client
            .event(|event| {
                event["event"] == "chat"
                    && event["payload"]["runId"] == "k1"
                    && event["payload"]["state"] != "delta"
            })
            .await;
        assert_eq!(event["payload"]["state"], "aborted", "{depth}");
        // The model's server sees that nobody listens any more.
        world.model().left_times(1).await;
        assert_eq!(world.model().asked().len(), 1, "{depth}");
        let said: Vec<(Value, Value)> = world
            .entries("steward")
            .iter()
            .map(|entry| (entry["runId"].clone(), entry["kind"].clone()))
            .collect();
        assert_eq!(
            said,
            [
                ("k1", "message"),
                ("k2", "message"),
                ("k2", "aborted"),
                ("k1", "aborted")
            ]
            .map(|(run, kind)| (json!(run), json!(kind))),
            "{depth}"
        );
        let nothing = client
            .ok("chat.abort", json!({"sessionKey": "agent:steward:main"}))
            .await;
        assert_eq!(
            nothing,
            json!({"ok": true, "aborted": false, "runIds": []}),
            "{depth}"
        );
        // The lane goes on.
        let _started = client.ok("chat.send", send("next", "k3")).await;
        assert_eq!(
            client.ok("agent.wait", json!({"runId": "k3"})).await["text"],
            "you said: next.",
            "{depth}"
        );
    }
}

#[tokio::test]
async fn what_was_said_before_a_stop_is_kept() {
    let world = stoppable().await;
    let mut client = Native::open(&world).await;
    let _started = client.ok("chat.send", send("streaming", "k1")).await;
    let _delta = client
        .event(|event| event["payload"]["deltaText"] == "so far")
        .await;
    let _aborted = client
        .ok(
            "chat.abort",
            json!({"sessionKey": "agent:steward:main", "runId": "k1"}),
        )
        .await;
    let ended = client.ok("agent.wait", json!({"runId": "k1"})).await;
    assert_eq!(ended["text"], "so far");
    let last = world.entries("steward").pop().unwrap();
    assert_eq!(
        (&last["role"], &last["kind"]),
        (&json!("system"), &json!("aborted"))
    );
    assert!(last["parts"].to_string().contains("so far"), "{last}");
}

#[tokio::test]
async fn a_client_that_leaves_takes_nothing_with_it() {
    let gate = Gate::default();
    let inner = gate.clone();
    let world = Setup::two()
        .answers(move |asked| [vec![Step::Wait(inner.clone())], echo(asked)].concat())
        .start()
        .await;
    let mut leaving = Native::open(&world).await;
    let id = leaving
        .send(
            "agent",
            json!({"message": "keep going", "idempotencyKey": "k1"}),
        )
        .await;
    let _accepted = leaving.answer(&id).await.unwrap();
    let _asked = world.model().asked_times(1).await;
    drop(leaving);
    let mut staying = Native::open(&world).await;
    gate.open();
    assert_eq!(
        staying.ok("agent.wait", json!({"runId": "k1"})).await["text"],
        "you said: keep going."
    );
}
