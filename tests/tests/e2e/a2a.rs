//! The a2a-v1 dialect, frame by frame: every type, every error, and who is told what.

use std::time::Duration;

use openclaw_tests::{
    client::{Heard, Socket},
    gateway::{Setup, World},
    native::Native,
    scripted_model::{Gate, Step, echo, pieces},
};
use serde_json::{Value, json};

/// Longer than the silence after which an undeclared client is offered the challenge.
const PAST_THE_CHALLENGE: Duration = Duration::from_millis(400);

fn message(agent: &str, text: &str) -> Value {
    json!({"type": "message", "agent": agent, "content": {"role": "user", "content": text}})
}

fn card(id: &str, status: &str) -> Value {
    let role = if id == "steward" {
        "orchestrator"
    } else {
        "triad"
    };
    json!({"name": id, "role": role, "status": status, "workspace": format!("~/agents/{id}")})
}

#[tokio::test]
async fn the_first_frame_after_a_message_is_the_whole_answer() {
    let world = Setup::two().start().await;
    let mut socket = Socket::open(world.address).await;
    let answer = socket.ask(&message("steward", "Hello, steward!")).await;
    assert_eq!(
        world.normal(&answer),
        json!({
            "id": "msg-*", "type": "message", "from": "steward", "agent": "client-*", "sessionId": "local",
            "content": {"role": "assistant", "content": "you said: Hello, steward!."}, "timestamp": 0,
            "metadata": {"runId": "*", "model": "scripted/echo"},
        })
    );
    assert_eq!(socket.hears_within(Duration::from_millis(50)).await, []);
    socket.close().await;
}

#[tokio::test]
async fn a_message_that_names_no_agent_is_the_primary_agents() {
    let roster = json!({"agents": ["steward", {"id": "alpha", "primary": true}]});
    let world = Setup::two().config(roster).start().await;
    let mut socket = Socket::open(world.address).await;
    let answer = socket
        .ask(&json!({"type": "message", "content": "hello"}))
        .await;
    assert_eq!(
        (
            &answer["type"],
            &answer["from"],
            &answer["content"]["content"]
        ),
        (
            &json!("message"),
            &json!("alpha"),
            &json!("you said: hello.")
        )
    );
    socket.close().await;
}

#[tokio::test]
async fn every_type_a_client_may_send_gets_its_answer() {
    let world = Setup::two().start().await;
    let mut socket = Socket::offering(world.address, "a2a-v1").await;
    let to = json!({"id": "q1", "from": "tester", "metadata": {"correlationId": "c1"}});
    let stamp = |kind: &str, content: Value| {
        json!({"id": "msg-*", "type": kind, "from": "gateway", "content": content, "timestamp": 0,
            "correlationId": "c1", "metadata": {"correlationId": "c1", "parentId": "q1"}})
    };
    let cards = json!([card("steward", "idle"), card("alpha", "idle")]);
    let version = openclaw_gateway::VERSION;
    let status = json!({"status": "online", "version": version, "uptimeMs": 0, "agents": cards, "model": "scripted/echo"});
    let details = json!({"displayName": "Steward", "model": null, "sessions": 0, "runs": 0, "waiting": 0,
        "lastActivity": null, "reason": null});
    for (asked, answer) in [
        (json!({"type": "ping"}), stamp("pong", json!({}))),
        (
            json!({"type": "ping", "heartbeat": {"uptime": 3}}),
            stamp(
                "pong",
                json!({"heartbeat": {"received": true, "agentHeartbeat": {"uptime": 3}}}),
            ),
        ),
        (json!({"type": "status"}), stamp("status", status.clone())),
        (
            json!({"type": "handshake", "content": {"action": "advertise",
                "capabilities": {"supportedMessageTypes": ["message"], "supportedAgents": ["steward"], "version": "1.0.0"}}}),
            stamp(
                "handshake",
                json!({"action": "acknowledge", "clientId": "client-*",
                "availableAgents": ["steward", "alpha"], "protocolVersion": "1.0.0"}),
            ),
        ),
        (
            json!({"type": "discovery", "content": {"action": "list"}}),
            stamp("discovery", json!({"action": "list", "agents": cards})),
        ),
        (
            json!({"type": "workspace", "content": {"action": "list"}}),
            stamp("workspace", json!({"action": "list", "workspaces": cards})),
        ),
        (
            json!({"type": "subscribe", "content": {"channel": "agent:status", "agents": ["steward"]}}),
            stamp(
                "subscribe",
                json!({"channel": "agent:status", "status": "subscribed"}),
            ),
        ),
        (
            json!({"type": "unsubscribe", "content": {"channel": "agent:status", "agents": ["steward"]}}),
            stamp(
                "unsubscribe",
                json!({"channel": "agent:status", "status": "unsubscribed"}),
            ),
        ),
        (
            json!({"type": "request", "content": {"service": "agents"}}),
            stamp(
                "response",
                json!({"service": "agents", "result": {"agents": cards}}),
            ),
        ),
        (
            json!({"type": "request", "content": {"service": "status"}}),
            stamp("response", json!({"service": "status", "result": status})),
        ),
        (
            json!({"type": "request", "content": {"service": "sessions"}}),
            stamp(
                "response",
                json!({"service": "sessions", "result": {"sessions": []}}),
            ),
        ),
        (
            json!({"type": "register", "agentId": "visitor"}),
            stamp(
                "registered",
                json!({"agentId": "visitor", "connectedAgents": ["steward", "alpha"]}),
            ),
        ),
        (
            json!({"type": "discover"}),
            stamp(
                "discover",
                json!({"connectedAgents": ["steward", "alpha"], "registeredAgents": ["steward", "alpha"]}),
            ),
        ),
        (
            json!({"type": "health"}),
            stamp(
                "health",
                json!({"status": "online", "running": true, "agents": ["steward", "alpha"],
                "uptimeMs": 0, "version": version}),
            ),
        ),
        (
            json!({"type": "auth", "content": {"token": world.token}}),
            stamp("auth-response", json!({"status": "authenticated"})),
        ),
    ] {
        let heard = socket.ask(&joined(&to, &asked)).await;
        assert_eq!(world.normal(&heard), answer, "{asked}");
    }
    let mut of_agent = card("steward", "idle");
    of_agent["agent"] = json!("steward");
    of_agent["details"] = details;
    let heard = socket
        .ask(&joined(&to, &json!({"type": "status", "agent": "steward"})))
        .await;
    let mut wanted = stamp("status", of_agent);
    wanted["agent"] = json!("steward");
    assert_eq!(world.normal(&heard), wanted);
    // Reports ask for nothing, so what comes next answers the ping.
    for report in [
        json!({"type": "pong"}),
        json!({"type": "error", "error": "x", "content": {"error": "x"}}),
        json!({"type": "event", "event": "agent:status", "content": {"agent": "x"}}),
        json!({"type": "response", "content": {"result": 1}}),
    ] {
        socket.say(&report).await;
        assert_eq!(
            socket.ask(&json!({"type": "ping"})).await["type"],
            "pong",
            "{report}"
        );
    }
}

#[tokio::test]
async fn a_goodbye_is_answered_and_the_socket_closed() {
    let world = Setup::two().start().await;
    for reason in ["shutdown", "timeout", "error", "manual"] {
        let mut socket = Socket::open(world.address).await;
        let heard = socket
            .ask(&json!({"type": "disconnect", "content": {"reason": reason}}))
            .await;
        assert_eq!(
            world.normal(&heard),
            json!({"id": "msg-*", "type": "disconnect", "from": "gateway",
                "content": {"reason": "manual", "message": "goodbye"}, "timestamp": 0})
        );
        assert_eq!(
            socket.next().await,
            Heard::Close(1000, "goodbye".to_owned())
        );
    }
}

#[tokio::test]
async fn malformed_frames_get_the_right_code_and_the_socket_stays() {
    let world = Setup::two().start().await;
    let mut socket = Socket::open(world.address).await;
    let long = "x".repeat(300);
    for (code, name, frame) in [
        (2001, "INVALID_JSON", "{".to_owned()),
        (2001, "INVALID_JSON", "not json".to_owned()),
        (2001, "INVALID_JSON", String::new()),
        (2001, "INVALID_JSON", r#"{"type":"ping"} {"type":"ping"}"#.to_owned()),
        (2001, "INVALID_JSON", r#"{"type":"ping","type":"ping"}"#.to_owned()),
        (2001, "INVALID_JSON", r#"{"type":"ping","x":{"a":1,"\u0061":2}}"#.to_owned()),
        (2001, "INVALID_JSON", format!(r#"{{"type":"ping","x":{}1{}}}"#, "[".repeat(64), "]".repeat(64))),
        (2001, "INVALID_JSON", format!(r#"{{"type":"ping","x":{}"#, "[".repeat(60_000))),
        (2003, "INVALID_TYPE", "[]".to_owned()),
        (2003, "INVALID_TYPE", "7".to_owned()),
        (2003, "INVALID_TYPE", "null".to_owned()),
        (2002, "MISSING_FIELD", "{}".to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":null}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":7}"#.to_owned()),
        (2004, "UNKNOWN_TYPE", r#"{"type":"teleport"}"#.to_owned()),
        (2004, "UNKNOWN_TYPE", r#"{"type":"Message","agent":"steward","content":"x"}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"message","agent":"steward"}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"message","agent":"steward","content":null}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"message","agent":"steward","content":{"role":"user"}}"#.to_owned()),
        (2005, "INVALID_CONTENT", r#"{"type":"message","agent":"steward","content":"  "}"#.to_owned()),
        (2005, "INVALID_CONTENT", r#"{"type":"message","agent":"steward","content":{"role":"robot","content":"x"}}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"message","agent":7,"content":"x"}"#.to_owned()),
        (3001, "AGENT_NOT_FOUND", r#"{"type":"message","agent":"nobody","content":"x"}"#.to_owned()),
        (3001, "AGENT_NOT_FOUND", r#"{"type":"message","agent":"../steward","content":"x"}"#.to_owned()),
        (3001, "AGENT_NOT_FOUND", r#"{"type":"status","agent":"nobody"}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"message","agent":"steward","content":"x","sessionId":"../../etc"}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"message","agent":"steward","content":"x","sessionId":5}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"message","agent":"steward","content":"x","timestamp":"soon"}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"message","agent":"steward","content":"x","metadata":[]}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"message","agent":"steward","content":"x","metadata":{"priority":"urgent"}}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"message","agent":"steward","content":"x","metadata":{"requiresResponse":"no"}}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"message","agent":"steward","content":"x","metadata":{"ttl":-1}}"#.to_owned()),
        (2003, "INVALID_TYPE", format!(r#"{{"type":"ping","id":"{long}"}}"#)),
        (2002, "MISSING_FIELD", r#"{"type":"handshake","content":{}}"#.to_owned()),
        (2005, "INVALID_CONTENT", r#"{"type":"handshake","content":{"action":"shake"}}"#.to_owned()),
        (1004, "PROTOCOL_ERROR", r#"{"type":"handshake","content":{"action":"acknowledge"}}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"discovery"}"#.to_owned()),
        (2005, "INVALID_CONTENT", r#"{"type":"discovery","content":{"action":"all"}}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"discovery","content":"list"}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"subscribe","content":{}}"#.to_owned()),
        (2005, "INVALID_CONTENT", r#"{"type":"subscribe","content":{"channel":"agent:secrets"}}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"subscribe","content":{"channel":"agent:status","agents":{}}}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"auth","content":{}}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"auth","content":{"token":["a"]}}"#.to_owned()),
        (1004, "PROTOCOL_ERROR", r#"{"type":"auth-response","content":{"status":"ok"}}"#.to_owned()),
        (2005, "INVALID_CONTENT", r#"{"type":"disconnect","content":{"reason":"bored"}}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"proposal","content":{}}"#.to_owned()),
        (2005, "INVALID_CONTENT", r#"{"type":"proposal","content":{"proposal":"x","deadline":0}}"#.to_owned()),
        (2003, "INVALID_TYPE", r#"{"type":"proposal","content":{"proposal":"x","deadline":{}}}"#.to_owned()),
        (2005, "INVALID_CONTENT", r#"{"type":"decision","content":{"result":"maybe"}}"#.to_owned()),
        (5004, "PERMISSION_DENIED", r#"{"type":"decision","content":{"result":"approved"}}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"vote","content":{"vote":"approve"}}"#.to_owned()),
        (2005, "INVALID_CONTENT", r#"{"type":"vote","content":{"vote":"shrug","proposalId":"p"}}"#.to_owned()),
        (5004, "PERMISSION_DENIED", r#"{"type":"vote","content":{"vote":"yes","proposalId":"p"}}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"request","content":{}}"#.to_owned()),
        (2005, "INVALID_CONTENT", r#"{"type":"request","content":{"service":"shell"}}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"response","content":{}}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"broadcast","content":{}}"#.to_owned()),
        (2005, "INVALID_CONTENT", r#"{"type":"broadcast","content":{"message":""}}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"error"}"#.to_owned()),
        (2002, "MISSING_FIELD", r#"{"type":"register"}"#.to_owned()),
    ] {
        socket.send(openclaw_tests::frame::TEXT, frame.as_bytes()).await;
        let heard = socket.hear().await;
        let shown: String = frame.chars().take(90).collect();
        assert_eq!(heard["type"], "error", "{shown}");
        assert_eq!(
            (&heard["content"]["code"], &heard["content"]["error"], &heard["error"], &heard["from"]),
            (&json!(code), &json!(name), &json!(name), &json!("gateway")),
            "{shown}: {heard}"
        );
        assert!(heard["content"]["message"].as_str().is_some_and(|text| text.len() < 700), "{heard}");
    }
    socket.send(openclaw_tests::frame::BINARY, b"{}").await;
    assert_eq!(socket.hear().await["content"]["code"], 1004);
    let answer = socket.ask(&message("steward", "still here?")).await;
    assert_eq!(answer["content"]["content"], "you said: still here?.");
}

#[tokio::test]
async fn an_error_carries_the_questions_correlation_wherever_it_was_readable() {
    let world = Setup::two().start().await;
    let mut socket = Socket::open(world.address).await;
    let heard = socket
        .ask(&json!({"type": "message", "id": "q9", "agent": "nobody", "content": "x", "metadata": {"correlationId": "c9"}}))
        .await;
    assert_eq!(
        world.normal(&heard),
        json!({
            "id": "msg-*", "type": "error", "error": "AGENT_NOT_FOUND", "from": "gateway",
            "content": {"error": "AGENT_NOT_FOUND", "message": "no agent `nobody`", "code": 3001},
            "timestamp": 0, "correlationId": "c9", "metadata": {"correlationId": "c9", "parentId": "q9"},
        })
    );
    // A top-level correlation is read too, and one of a frame that is wrong elsewhere.
    let heard = socket
        .ask(&json!({"type": "message", "agent": 7, "content": "x", "correlationId": "top"}))
        .await;
    assert_eq!(
        (&heard["correlationId"], &heard["content"]["code"]),
        (&json!("top"), &json!(2003))
    );
}

#[tokio::test]
async fn nothing_is_pushed_to_a_client_that_has_not_asked_for_it() {
    let world = Setup::two().start().await;
    let mut silent = Socket::offering(world.address, "a2a-v1").await;
    let mut speaking = Socket::open(world.address).await;
    assert_eq!(speaking.ask(&json!({"type": "ping"})).await["type"], "pong");
    let mut worker = Socket::open(world.address).await;
    assert_eq!(
        worker.ask(&message("steward", "work")).await["type"],
        "message"
    );
    for socket in [&mut silent, &mut speaking] {
        assert_eq!(socket.hears_within(PAST_THE_CHALLENGE).await, []);
        assert_eq!(socket.ask(&json!({"type": "ping"})).await["type"], "pong");
    }
}

#[tokio::test]
async fn the_challenge_comes_at_once_where_asked_for_and_after_a_silence_elsewhere() {
    let world = Setup::two().start().await;
    let opened = tokio::time::Instant::now();
    let mut undeclared = Socket::open(world.address).await;
    let mut declared = Socket::offering(world.address, "chat, openclaw").await;
    assert_eq!(declared.protocol.as_deref(), Some("openclaw"));
    let at_once = declared.hear().await;
    assert!(
        opened.elapsed() < Duration::from_millis(240),
        "{:?}",
        opened.elapsed()
    );
    let later = undeclared.hear().await;
    assert!(
        opened.elapsed() >= Duration::from_millis(250),
        "{:?}",
        opened.elapsed()
    );
    for frame in [at_once, later] {
        assert_eq!(
            world.normal(&frame),
            json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "*", "ts": 0}})
        );
    }
    // A client that was offered the challenge may still turn out to speak the dialect.
    assert_eq!(
        undeclared.ask(&message("steward", "hi")).await["type"],
        "message"
    );
    let mut first_word = Socket::open(world.address).await;
    assert_eq!(
        first_word.ask(&json!({"type": "ping"})).await["type"],
        "pong"
    );
    assert_eq!(first_word.hears_within(PAST_THE_CHALLENGE).await, []);
}

#[tokio::test]
async fn the_paths_of_older_clients_speak_the_dialect_too() {
    let world = Setup::two().start().await;
    for path in ["/", "/a2a", "/ws", "/gateway", "/?agentId=x"] {
        let mut socket = Socket::try_open(world.address, path, &[]).await.unwrap();
        assert_eq!(
            socket.ask(&json!({"type": "ping"})).await["type"],
            "pong",
            "{path}"
        );
    }
    let refused = Socket::try_open(world.address, "/elsewhere", &[])
        .await
        .unwrap_err();
    assert_eq!(refused.status, 404);
}

#[tokio::test]
async fn deltas_and_states_come_after_subscribe_and_only_then() {
    let world = Setup::two().start().await;
    let mut listener = Socket::open(world.address).await;
    for channel in ["agent:status", "agent:message"] {
        let subscribed = listener
            .ask(&json!({"type": "subscribe", "content": {"channel": channel, "agents": ["steward"]}}))
            .await;
        assert_eq!(
            subscribed["content"],
            json!({"channel": channel, "status": "subscribed"})
        );
    }
    let mut speaker = Socket::open(world.address).await;
    assert_eq!(
        speaker.ask(&message("alpha", "not heard")).await["type"],
        "message"
    );
    assert_eq!(
        speaker.ask(&message("steward", "heard")).await["type"],
        "message"
    );
    let mut heard = Vec::new();
    while heard
        .last()
        .is_none_or(|frame: &Value| frame["content"]["status"] != "idle")
    {
        heard.push(world.normal(&listener.hear().await));
    }
    let status = |status: &str, previous: &str| {
        json!({"id": "evt-*", "type": "event", "event": "agent:status", "from": "gateway", "agent": "steward",
            "content": {"agent": "steward", "status": status, "previous": previous, "timestamp": 0}, "timestamp": 0})
    };
    let writing = |state: &str, text: &str| {
        json!({"id": "evt-*", "type": "event", "event": "agent:message", "from": "gateway", "agent": "steward",
            "sessionId": "local", "content": {"agent": "steward", "sessionId": "local", "runId": "*", "state": state,
            "text": text}, "timestamp": 0})
    };
    let wanted: Vec<Value> = std::iter::once(status("busy", "idle"))
        .chain(["you", " said", ": ", "heard", "."].map(|piece| writing("delta", piece)))
        .chain([writing("final", "you said: heard."), status("idle", "busy")])
        .collect();
    assert_eq!(heard, wanted);
    for channel in ["agent:status", "agent:message"] {
        let frame =
            json!({"type": "unsubscribe", "content": {"channel": channel, "agents": ["steward"]}});
        assert_eq!(
            listener.ask(&frame).await["content"]["status"],
            "unsubscribed"
        );
    }
    assert_eq!(
        speaker.ask(&message("steward", "unheard")).await["type"],
        "message"
    );
    assert_eq!(listener.ask(&json!({"type": "ping"})).await["type"], "pong");
}

#[tokio::test]
async fn a_message_that_wants_no_answer_gets_none() {
    let world = Setup::two().start().await;
    let mut socket = Socket::open(world.address).await;
    let mut quiet = message("steward", "no answer please");
    quiet["metadata"] = json!({"requiresResponse": false, "correlationId": "c1"});
    socket.say(&quiet).await;
    let answer = socket.ask(&message("steward", "answer please")).await;
    assert_eq!(answer["content"]["content"], "you said: answer please.");
    assert_eq!(
        world.model().asked_times(2).await[0].last_user(),
        "no answer please"
    );
    assert_eq!(socket.hears_within(Duration::from_millis(50)).await, []);
}

#[tokio::test]
async fn nothing_that_wants_no_answer_gets_one_whatever_comes_of_it() {
    let world = Setup::triad().start().await;
    let mut socket = Socket::open(world.address).await;
    for mut frame in [
        json!({"type": "ping"}),
        json!({"type": "status"}),
        json!({"type": "status", "agent": "nobody"}),
        message("nobody", "x"),
        message("alpha", "x"),
        json!({"type": "broadcast", "content": {"message": "two", "agents": ["alpha", "nobody"]}}),
        json!({"type": "subscribe", "content": {"channel": "agent:status", "agents": ["charlie"]}}),
        json!({"type": "unsubscribe", "content": {"channel": "agent:status", "agents": ["charlie"]}}),
        json!({"type": "request", "content": {"service": "nothing"}}),
        json!({"type": "vote", "content": {"proposalId": "p", "vote": "approve"}}),
        json!({"type": "auth", "content": {"token": "wrong"}}),
    ] {
        frame["metadata"] = json!({"requiresResponse": false});
        socket.say(&frame).await;
    }
    let _both = world.model().asked_times(2).await;
    let pong = socket
        .ask(&json!({"type": "ping", "metadata": {"correlationId": "last"}}))
        .await;
    assert_eq!(pong["metadata"]["correlationId"], "last", "{pong}");
    assert_eq!(socket.hears_within(Duration::from_millis(50)).await, []);
}

#[tokio::test]
async fn a_broadcast_reaches_everyone_and_says_whom() {
    let world = Setup::two().start().await;
    let mut socket = Socket::open(world.address).await;
    socket
        .say(&json!({"type": "broadcast", "id": "b1", "content": {"message": "all hands"}}))
        .await;
    let mut answers = [socket.hear().await, socket.hear().await];
    answers.sort_by_key(|frame| frame["from"].to_string());
    for (frame, agent) in answers.iter().zip(["alpha", "steward"]) {
        assert_eq!(
            (
                &frame["type"],
                &frame["from"],
                &frame["content"]["content"],
                &frame["metadata"]["parentId"]
            ),
            (
                &json!("message"),
                &json!(agent),
                &json!("you said: all hands."),
                &json!("b1")
            )
        );
    }
    let summary = socket.hear().await;
    assert_eq!(
        world.normal(&summary),
        json!({"id": "msg-*", "type": "broadcast-result", "from": "gateway", "timestamp": 0,
            "content": {"success": true, "results": {"alpha": "accepted", "steward": "accepted"}, "totalSent": 2},
            "metadata": {"parentId": "b1"}})
    );
    let frame =
        json!({"type": "broadcast", "content": {"message": "two", "agents": ["alpha", "nobody"]}});
    socket.say(&frame).await;
    assert_eq!(socket.hear().await["from"], "alpha");
    let summary = socket.hear().await;
    assert_eq!(
        summary["content"],
        json!({"success": false, "results": {"alpha": "accepted", "nobody": "AGENT_NOT_FOUND"}, "totalSent": 1})
    );
}

#[tokio::test]
async fn waiting_messages_run_by_priority_and_then_by_arrival() {
    let gate = Gate::default();
    let first = gate.clone();
    let world = Setup::two()
        .answers(move |asked| {
            if asked.last_user() == "first" {
                let mut script = vec![Step::Wait(first.clone())];
                script.extend(echo(asked));
                return script;
            }
            echo(asked)
        })
        .start()
        .await;
    let mut socket = Socket::open(world.address).await;
    let mut operator = Native::open(&world).await;
    socket.say(&message("steward", "first")).await;
    let _asked = world.model().asked_times(1).await;
    for (waiting, (text, priority)) in [
        ("a", "normal"),
        ("b", "low"),
        ("c", "high"),
        ("d", "normal"),
        ("e", "critical"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut frame = message("steward", text);
        frame["metadata"] = json!({"priority": priority});
        socket.say(&frame).await;
        until_waiting(&mut operator, waiting + 1).await;
    }
    gate.open();
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(socket.hear().await["content"]["content"].clone());
    }
    let wanted: Vec<Value> = ["first", "e", "c", "a", "d", "b"]
        .iter()
        .map(|text| json!(format!("you said: {text}.")))
        .collect();
    assert_eq!(answers, wanted);
}

async fn until_waiting(operator: &mut Native, waiting: usize) {
    openclaw_tests::soon("the message to wait", async {
        loop {
            let status = operator
                .ok("agents.status", json!({"agentId": "steward"}))
                .await;
            if status["waiting"] == waiting {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn answers_on_one_socket_carry_their_own_correlation() {
    let world = Setup::triad().start().await;
    let mut socket = Socket::open(world.address).await;
    for (number, agent) in ["steward", "alpha", "beta", "charlie", "steward"]
        .into_iter()
        .enumerate()
    {
        let mut frame = message(agent, &format!("q{number}"));
        frame["id"] = json!(format!("m{number}"));
        frame["from"] = json!("tester");
        frame["metadata"] = json!({"correlationId": format!("c{number}")});
        socket.say(&frame).await;
    }
    let mut heard = Vec::new();
    for _ in 0..5 {
        let frame = socket.hear().await;
        heard.push((
            frame["correlationId"].as_str().unwrap().to_owned(),
            frame["metadata"]["correlationId"]
                .as_str()
                .unwrap()
                .to_owned(),
            frame["metadata"]["parentId"].as_str().unwrap().to_owned(),
            frame["from"].as_str().unwrap().to_owned(),
            frame["agent"].as_str().unwrap().to_owned(),
            frame["content"]["content"].as_str().unwrap().to_owned(),
        ));
    }
    heard.sort();
    let wanted: Vec<_> = ["steward", "alpha", "beta", "charlie", "steward"]
        .into_iter()
        .enumerate()
        .map(|(n, agent)| {
            let (c, m) = (format!("c{n}"), format!("m{n}"));
            (
                c.clone(),
                c,
                m,
                agent.to_owned(),
                "tester".to_owned(),
                format!("you said: q{n}."),
            )
        })
        .collect();
    assert_eq!(heard, wanted);
}

#[tokio::test]
async fn any_content_reaches_the_agent_as_text() {
    let world = Setup::two().start().await;
    let mut socket = Socket::open(world.address).await;
    for (content, said) in [
        (json!("bare"), "bare"),
        (
            json!({"role": "agent", "content": "from an agent"}),
            "from an agent",
        ),
        (
            json!({"content": [{"type": "text", "text": "two "}, {"type": "text", "text": "parts"}]}),
            "two parts",
        ),
        (
            json!({"role": "user", "content": {"b": 1, "a": [2]}}),
            r#"{"b":1,"a":[2]}"#,
        ),
        (json!(42), "42"),
        (json!([1, 2]), "[1,2]"),
    ] {
        let answer = socket
            .ask(&json!({"type": "message", "to": "steward", "content": content}))
            .await;
        assert_eq!(
            answer["content"]["content"],
            format!("you said: {said}."),
            "{content}"
        );
    }
}

#[tokio::test]
async fn an_answer_of_the_model_with_every_odd_character_arrives_unchanged() {
    let odd = "\u{0}\u{1}\u{7f}\"\\\n\r\t\u{2028}\u{202e}é日本🦀\u{10ffff}";
    let world = Setup::two()
        .answers(move |_| pieces(&[odd, "end"]))
        .start()
        .await;
    let mut socket = Socket::open(world.address).await;
    let answer = socket.ask(&message("steward", odd)).await;
    assert_eq!(answer["content"]["content"], format!("{odd}end"));
    assert_eq!(world.model().asked()[0].last_user(), odd);
    let entries = world.entries("steward");
    assert_eq!(
        (&entries[0]["content"], &entries[1]["content"]),
        (&json!(odd), &json!(format!("{odd}end")))
    );
}

fn joined(base: &Value, more: &Value) -> Value {
    let mut frame = base.as_object().cloned().unwrap();
    frame.extend(more.as_object().cloned().unwrap());
    Value::Object(frame)
}

#[tokio::test]
async fn twelve_agents_are_there_without_any_configuration() {
    let world: World = Setup::default().start().await;
    let mut socket = Socket::open(world.address).await;
    let frame = socket
        .ask(&json!({"type": "handshake", "content": {"action": "advertise"}}))
        .await;
    assert_eq!(
        frame["content"]["availableAgents"],
        json!([
            "main",
            "steward",
            "alpha",
            "beta",
            "charlie",
            "examiner",
            "explorer",
            "sentinel",
            "coder",
            "dreamer",
            "empath",
            "historian"
        ])
    );
    socket
        .say(&json!({"type": "broadcast", "content": {"message": "hi"}}))
        .await;
    for _ in 0..12 {
        assert_eq!(socket.hear().await["type"], "message");
    }
    assert_eq!(socket.hear().await["content"]["totalSent"], 12);
}
