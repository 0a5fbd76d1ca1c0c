//! Every way a model can fail, and what is left of the run then.

use std::time::Duration;

use openclaw_tests::{
    gateway::{Setup, World},
    native::Native,
    scripted_model::{Asked, Script, Step, event, pieces, refusal},
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Deadlines short enough for a test; the longest is the whole call's.
fn hurried() -> Setup {
    Setup::two().config(json!({"models": {"timeouts":
        {"connectMs": 1000, "firstByteMs": 400, "idleMs": 400, "totalMs": 1500}}}))
}

/// The latest a run may end under those deadlines, on a loaded machine.
const END_DEADLINE: Duration = Duration::from_secs(6);

fn delta(text: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
}

fn stop() -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
}

fn bytes(text: impl AsRef<[u8]>) -> Step {
    Step::Bytes(text.as_ref().to_vec())
}

fn openai_error(message: &str) -> Value {
    json!({"error": {"message": message, "type": "x", "code": null}})
}

/// What the model does, and a piece of what the person is told.
fn faults() -> Vec<(&'static str, Script, &'static str)> {
    let half = || Step::Piece("half an answer".to_owned());
    vec![
        ("hangs before its headers", vec![Step::Hang], "first byte"),
        (
            "hangs after its headers",
            vec![Step::Head(200, vec![]), Step::Hang],
            "first byte",
        ),
        ("hangs in the middle", vec![half(), Step::Hang], "next byte"),
        (
            "drips for ever",
            vec![
                half(),
                Step::Drip(b": still here\n".repeat(60), Duration::from_millis(40)),
            ],
            "end of the answer",
        ),
        ("resets before its headers", vec![Step::Reset], "talk to"),
        ("resets in the middle", vec![half(), Step::Reset], ""),
        ("ends in the middle of a chunk", vec![half(), Step::Cut], ""),
        ("ends without a reason to stop", vec![half()], "cut off"),
        ("says nothing at all", vec![], ""),
        ("says nothing but the end mark", vec![Step::Done], ""),
        (
            "sends broken JSON",
            vec![half(), bytes("data: {\"choices\": [\n\n")],
            "",
        ),
        ("sends no JSON", vec![half(), bytes("data: <html>\n\n")], ""),
        (
            "sends bytes that are no text",
            vec![half(), bytes(b"data: \xff\xfe\n\n")],
            "",
        ),
        (
            "sends a page instead",
            vec![
                Step::Head(200, vec![("content-type", "text/html".to_owned())]),
                bytes("<html>hello</html>"),
            ],
            "",
        ),
        (
            "answers 200 with an error",
            vec![
                Step::Head(200, vec![("content-type", "application/json".to_owned())]),
                bytes(openai_error("out of cheese").to_string()),
            ],
            "out of cheese",
        ),
        (
            "streams an error",
            vec![half(), bytes(event(&openai_error("lost the thread")))],
            "lost the thread",
        ),
        (
            "refuses the key",
            refusal(401, vec![], &openai_error("bad key")),
            "bad key",
        ),
        (
            "has no such model",
            refusal(404, vec![], &openai_error("no such model")),
            "no such model",
        ),
        (
            "finds the request wrong",
            refusal(400, vec![], &openai_error("bad request")),
            "bad request",
        ),
        (
            "is asked too often",
            refusal(
                429,
                vec![("retry-after", "1".to_owned())],
                &openai_error("slow down"),
            ),
            "slow down",
        ),
        (
            "breaks",
            refusal(500, vec![], &openai_error("internal")),
            "internal",
        ),
        (
            "is overloaded",
            refusal(503, vec![], &openai_error("overloaded")),
            "overloaded",
        ),
        (
            "redirects",
            refusal(
                302,
                vec![("location", "http://127.0.0.1:1/".to_owned())],
                &json!({}),
            ),
            "302",
        ),
        (
            "sends a line without end",
            vec![
                half(),
                bytes([b"data: ".as_slice(), &vec![b'x'; 5 << 20]].concat()),
            ],
            "",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_model_ends_the_run_in_time_with_its_reason_on_disk() {
    // One gateway a fault: cooldowns of one must not hide the next.
    for (name, script, reason) in faults() {
        let world = hurried().answers(move |_| script.clone()).start().await;
        let mut client = Native::open(&world).await;
        let begun = Instant::now();
        let id = client
            .send(
                "agent",
                json!({"agentId": "steward", "message": "hello", "idempotencyKey": "k1"}),
            )
            .await;
        assert_eq!(
            client.answer(&id).await.unwrap()["status"],
            "accepted",
            "{name}"
        );
        let end = client.answer(&id).await.unwrap();
        assert!(
            begun.elapsed() < END_DEADLINE,
            "{name}: {:?}",
            begun.elapsed()
        );
        assert_eq!(end["status"], "error", "{name}: {end}");
        let said = end["error"].as_str().unwrap();
        assert!(said.contains(reason) && !said.is_empty(), "{name}: {said}");
        let last = client
            .event(|event| event["event"] == "chat" && event["payload"]["state"] != "delta")
            .await;
        assert_eq!(
            (&last["payload"]["state"], &last["payload"]["runId"]),
            (&json!("error"), &json!("k1")),
            "{name}"
        );
        let entries = world.entries("steward");
        assert_eq!(
            entries
                .iter()
                .map(|entry| (
                    entry["role"].as_str().unwrap(),
                    entry["kind"].as_str().unwrap()
                ))
                .collect::<Vec<_>>(),
            [("user", "message"), ("system", "aborted")],
            "{name}: {entries:?}"
        );
        assert_eq!(entries[1]["runId"], "k1", "{name}");
        let status = client
            .ok("agents.status", json!({"agentId": "steward"}))
            .await;
        assert_eq!(
            (&status["status"], &status["runs"]),
            (&json!("idle"), &json!(0)),
            "{name}"
        );
    }
}

async fn answer(world: &World) -> Value {
    let mut client = Native::open(world).await;
    let id = client
        .send(
            "agent",
            json!({"agentId": "steward", "message": "hello", "idempotencyKey": "k1"}),
        )
        .await;
    let _accepted = client.answer(&id).await.unwrap();
    client.answer(&id).await.unwrap()
}

#[tokio::test]
async fn odd_but_honest_streams_are_whole_answers() {
    let whole: String = [event(&delta("Hel")), event(&delta("lo")), event(&stop())].concat();
    let cases: Vec<(&str, Script)> = vec![
        (
            "byte by byte",
            whole
                .bytes()
                .map(|byte| bytes([byte]))
                .chain([Step::Done])
                .collect(),
        ),
        (
            "all at once",
            vec![bytes(format!("{whole}data: [DONE]\n\n"))],
        ),
        ("without an end mark", vec![bytes(&whole)]),
        (
            "with carriage returns",
            vec![bytes(
                format!("{whole}data: [DONE]\n\n").replace('\n', "\r\n"),
            )],
        ),
        (
            "with comments and other fields",
            vec![bytes(format!(
                ": ping\n\nevent: x\nid: 1\nretry: 5\n{whole}: end\n\ndata: [DONE]\n\n"
            ))],
        ),
        (
            "without a space after the colon",
            vec![bytes(
                format!("{whole}data: [DONE]\n\n").replace("data: ", "data:"),
            )],
        ),
        (
            "with a byte order mark",
            vec![bytes(format!("\u{feff}{whole}data: [DONE]\n\n"))],
        ),
        (
            "with a part more after the end mark",
            vec![bytes(format!("{whole}data: [DONE]\n\ndata: {{}}\n\n"))],
        ),
        (
            "with empty deltas",
            vec![bytes(event(&delta(""))), bytes(&whole), Step::Done],
        ),
        (
            "and a connection that stays open",
            vec![bytes(format!("{whole}data: [DONE]\n\n")), Step::Hang],
        ),
    ];
    for (name, script) in cases {
        let world = hurried().answers(move |_| script.clone()).start().await;
        let end = answer(&world).await;
        assert_eq!(
            (&end["status"], &end["result"]["payloads"][0]["text"]),
            (&json!("ok"), &json!("Hello")),
            "{name}: {end}"
        );
        let entries = world.entries("steward");
        assert_eq!(
            (entries.len(), &entries[1]["content"], &entries[1]["model"]),
            (2, &json!("Hello"), &json!("scripted/echo")),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_model_that_nobody_serves_fails_the_run_with_a_hint() {
    let place = hurried().prepare().await;
    let config = std::fs::read_to_string(place.state.path().join("openclaw.json")).unwrap();
    let config = config.replace(&place.model.address.to_string(), "127.0.0.1:1");
    std::fs::write(place.state.path().join("openclaw.json"), config).unwrap();
    let world = place.start().await;
    let end = answer(&world).await;
    assert_eq!(end["status"], "error", "{end}");
    assert_eq!(
        end["hint"], "check that a server listens at http://127.0.0.1:1/v1",
        "{end}"
    );
}

#[tokio::test]
async fn the_next_candidate_is_asked_when_the_first_fails() {
    let place = hurried()
        .config(json!({
            "models": {"providers": {"broken": {"baseUrl": "http://127.0.0.1:1", "apiKey": "none", "models": ["gone"]}}},
            "model_routing": {"default": "broken/gone", "failover": {"broken/gone": ["scripted/echo"]}},
        }))
        .prepare()
        .await;
    let world = place.start().await;
    let end = answer(&world).await;
    assert_eq!(
        (&end["status"], &end["result"]["payloads"][0]["text"]),
        (&json!("ok"), &json!("you said: hello.")),
        "{end}"
    );
    assert_eq!(end["result"]["meta"]["agentMeta"]["provider"], "scripted");
}

#[tokio::test]
async fn a_tool_nobody_has_is_refused_to_the_model_and_the_run_goes_on() {
    let world = Setup::two()
        .answers(|asked: &Asked| {
            let has_result = asked.json["messages"]
                .as_array()
                .unwrap()
                .iter()
                .any(|message| message["role"] == "tool");
            if has_result {
                return pieces(&["then ", "without"]);
            }
            vec![
                Step::Reasoning("a tool would help".to_owned()),
                Step::Piece("let me see".to_owned()),
                Step::ToolCall {
                    id: "call-1",
                    name: "shell",
                    arguments: r#"{"command":"ls"}"#,
                },
                Step::Stop("tool_calls"),
                Step::Usage(9, 3),
                Step::Done,
            ]
        })
        .start()
        .await;
    let end = answer(&world).await;
    assert_eq!(
        (&end["status"], &end["result"]["payloads"][0]["text"]),
        (&json!("ok"), &json!("then without")),
        "{end}"
    );
    let asked = world.model().asked();
    let messages = asked[1].json["messages"].as_array().unwrap();
    let [.., call, result] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    assert_eq!(
        (
            &call["role"],
            &call["tool_calls"][0]["id"],
            &call["tool_calls"][0]["function"]["name"]
        ),
        (&json!("assistant"), &json!("call-1"), &json!("shell"))
    );
    assert_eq!(
        (&result["role"], &result["tool_call_id"]),
        (&json!("tool"), &json!("call-1"))
    );
    let kinds: Vec<(Value, Value)> = world
        .entries("steward")
        .iter()
        .map(|entry| (entry["kind"].clone(), entry["role"].clone()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("message", "user"),
            ("message", "assistant"),
            ("toolResult", "system"),
            ("message", "assistant")
        ]
        .map(|(kind, role)| (json!(kind), json!(role)))
    );
}

#[tokio::test]
async fn a_model_that_only_calls_tools_is_stopped_at_the_limit_of_steps() {
    let world = Setup::two()
        .config(json!({"limits": {"steps": 3}}))
        .answers(|_| {
            vec![
                Step::ToolCall {
                    id: "c",
                    name: "again",
                    arguments: "{}",
                },
                Step::Stop("tool_calls"),
                Step::Done,
            ]
        })
        .start()
        .await;
    let end = answer(&world).await;
    assert_eq!(end["status"], "error", "{end}");
    assert_eq!(world.model().asked().len(), 3);
    assert_eq!(world.entries("steward").last().unwrap()["kind"], "aborted");
}

#[tokio::test]
async fn the_prompt_view_is_what_the_model_is_sent_byte_for_byte() {
    let world = Setup::two().start().await;
    let mut client = Native::open(&world).await;
    for round in 0..4 {
        let message = format!("round {round} \"quoted\" \u{1f980}\n");
        let view = client
            .ok("agents.prompt", json!({"agentId": "steward", "sessionKey": "agent:steward:main", "message": message}))
            .await;
        let id = client
            .send("agent", json!({"agentId": "steward", "message": message, "idempotencyKey": format!("k{round}")}))
            .await;
        let _accepted = client.answer(&id).await.unwrap();
        assert_eq!(client.answer(&id).await.unwrap()["status"], "ok");
        let asked = world.model().asked_times(round + 1).await;
        let shown: Vec<Value> = view["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| {
                let text: String = message["content"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|part| part["text"].as_str().unwrap())
                    .collect();
                json!({"role": message["role"], "content": text})
            })
            .collect();
        let sent = &asked[round].json["messages"];
        assert_eq!(
            sent.to_string(),
            Value::Array(shown).to_string(),
            "round {round}"
        );
        assert_eq!(sent.as_array().unwrap().len(), 2 + 2 * round);
        // The bytes of the body are the JSON that was read of them: nothing was added on the way.
        assert!(
            String::from_utf8(asked[round].body.clone())
                .unwrap()
                .contains(&sent.to_string())
        );
        assert_eq!(view["model"], "scripted/echo");
        assert!(view["tokens"].as_u64().unwrap() > 0);
    }
}
