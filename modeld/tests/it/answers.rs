//! What a client gets for good requests.

use std::io::Read;

use serde_json::{Value, json};

use crate::{
    client,
    daemon::{Daemon, user},
};

fn weather() -> Value {
    json!([{"type": "function", "function": {
        "name": "get_weather", "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"]
        }
    }}])
}

/// The content of a streamed answer, put together, and how many deltas it had.
fn streamed_text(chunks: &[Value]) -> (String, usize) {
    let pieces: Vec<_> = chunks
        .iter()
        .filter_map(|c| c["choices"][0]["delta"]["content"].as_str())
        .collect();
    (
        pieces.concat(),
        pieces.iter().filter(|p| !p.is_empty()).count(),
    )
}

#[test]
fn a_streamed_answer_has_deltas_a_reason_and_usage() {
    let body = json!({
        "messages": user("Write three sentences about the sea."), "stream": true,
        "stream_options": {"include_usage": true}, "max_tokens": 40, "seed": 7
    });
    let reply = Daemon::shared().chat(&body);
    assert_eq!(reply.status, 200);
    assert!(
        reply.head.contains("content-type: text/event-stream"),
        "{}",
        reply.head
    );
    let mut data = reply.data();
    assert_eq!(data.pop().as_deref(), Some("[DONE]"));
    let chunks: Vec<Value> = data
        .iter()
        .map(|d| serde_json::from_str(d).unwrap())
        .collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let (text, deltas) = streamed_text(&chunks);
    assert!(deltas >= 5 && !text.trim().is_empty(), "{deltas} {text:?}");
    let usage = &chunks[chunks.len() - 1];
    let reason = &chunks[chunks.len() - 2]["choices"][0]["finish_reason"];
    assert!(reason == "length" || reason == "stop", "{reason}");
    assert_eq!(usage["choices"], json!([]));
    let count = |name: &str| usage["usage"][name].as_u64().unwrap();
    assert_eq!(
        count("total_tokens"),
        count("prompt_tokens") + count("completion_tokens")
    );
    assert!((5..=40).contains(&count("completion_tokens")), "{usage}");
}

#[test]
fn a_whole_answer_is_repeatable_with_a_seed() {
    let body = json!({"messages": user("Name a colour."), "max_tokens": 12, "seed": 3});
    let mut first = Daemon::shared().answer(&body);
    assert_eq!(
        (&first["object"], &first["model"]),
        (&json!("chat.completion"), &json!("tiny"))
    );
    let message = first["choices"][0]["message"].take();
    assert_eq!(message["role"], "assistant");
    assert!(
        message["content"].as_str().is_some_and(|t| !t.is_empty()),
        "{message}"
    );
    let second = Daemon::shared().answer(&body);
    assert_eq!(second["choices"][0]["message"], message);
}

#[test]
fn the_second_turn_reuses_the_first() {
    let mut messages = user("My name is Anna.").as_array().unwrap().clone();
    let ask = |messages: &[Value]| {
        Daemon::shared()
            .answer(&json!({"messages": messages, "max_tokens": 12, "session_id": "turns"}))
    };
    let first = ask(&messages);
    messages.push(first["choices"][0]["message"].clone());
    messages.push(json!({"role": "user", "content": "What is my name?"}));
    let second = ask(&messages);
    let before = first["usage"]["prompt_tokens"].as_u64().unwrap();
    let cached = second["usage"]["prompt_tokens_details"]["cached_tokens"]
        .as_u64()
        .unwrap();
    assert!(cached >= before, "{cached} of {before}");
}

#[test]
fn a_required_call_fits_the_schema() {
    let base = json!({"messages": user("What is the weather in Paris?"), "tools": weather()});
    for choice in [
        json!("required"),
        json!({"type": "function", "function": {"name": "get_weather"}}),
    ] {
        let mut body = base.clone();
        body["tool_choice"] = choice;
        let answer = Daemon::shared().answer(&body);
        assert_eq!(
            answer["choices"][0]["finish_reason"], "tool_calls",
            "{answer}"
        );
        let message = &answer["choices"][0]["message"];
        assert_eq!(message["content"], Value::Null);
        let function = &message["tool_calls"][0]["function"];
        assert_eq!(function["name"], "get_weather");
        let arguments: Value =
            serde_json::from_str(function["arguments"].as_str().unwrap()).unwrap();
        let keys: Vec<_> = arguments.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["city", "unit"]);
        assert!(
            ["celsius", "fahrenheit"].contains(&arguments["unit"].as_str().unwrap()),
            "{arguments}"
        );
    }
}

#[test]
fn a_streamed_call_comes_as_one_delta() {
    let body = json!({
        "messages": user("What is the weather in Oslo?"), "tools": weather(), "tool_choice": "required", "stream": true
    });
    let data = Daemon::shared().chat(&body).data();
    let chunks: Vec<Value> = data[..data.len() - 1]
        .iter()
        .map(|d| serde_json::from_str(d).unwrap())
        .collect();
    let calls: Vec<_> = chunks
        .iter()
        .filter_map(|c| c["choices"][0]["delta"]["tool_calls"].as_array())
        .collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (&calls[0][0]["index"], &calls[0][0]["function"]["name"]),
        (&json!(0), &json!("get_weather"))
    );
    assert_eq!(
        chunks[chunks.len() - 1]["choices"][0]["finish_reason"],
        "tool_calls"
    );
    assert_eq!(streamed_text(&chunks).1, 0);
}

#[test]
fn after_a_tools_result_there_is_no_further_call() {
    let call = json!({"id": "c1", "type": "function",
                      "function": {"name": "get_weather", "arguments": "{\"city\":\"Oslo\",\"unit\":\"celsius\"}"}});
    let mut messages = user("What is the weather in Oslo?")
        .as_array()
        .unwrap()
        .clone();
    messages.push(json!({"role": "assistant", "content": null, "tool_calls": [call]}));
    messages.push(json!({"role": "tool", "tool_call_id": "c1", "content": "-3 degrees, snow"}));
    for seed in 0..5 {
        let body =
            json!({"messages": messages, "tools": weather(), "max_tokens": 24, "seed": seed});
        let answer = Daemon::shared().answer(&body);
        let message = &answer["choices"][0]["message"];
        assert_eq!(message["tool_calls"], Value::Null);
        let text = message["content"].as_str().unwrap().trim_start();
        assert!(
            !text.starts_with('{') && !text.starts_with("<tool_call>"),
            "{text:?}"
        );
    }
}

#[test]
fn a_json_answer_fits_its_schema() {
    let schema = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 20},
            "age": {"type": "integer"},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 2},
            "note": {"type": ["string", "null"], "maxLength": 20}
        },
        "required": ["name", "age", "tags"]
    });
    for seed in 0..5 {
        let body = json!({
            "messages": user("Describe a person called Anna."), "max_tokens": 200, "seed": seed,
            "response_format": {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
        });
        let answer = Daemon::shared().answer(&body);
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        let person: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {answer}"));
        assert!(
            person["name"].as_str().unwrap().chars().count() <= 20,
            "{person}"
        );
        assert!(person["age"].is_i64() || person["age"].is_u64(), "{person}");
        let tags = person["tags"].as_array().unwrap();
        assert!(
            (1..=2).contains(&tags.len()) && tags.iter().all(|t| t == "a" || t == "b"),
            "{person}"
        );
    }
}

#[test]
fn a_stop_text_ends_the_answer_and_is_not_shown() {
    let body = json!({"messages": user("Count: one, two, three, four, five."), "stop": ["e", "o"], "max_tokens": 60});
    let answer = Daemon::shared().answer(&body);
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(!text.contains('e') && !text.contains('o'), "{text:?}");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[test]
fn two_conversations_are_answered_at_the_same_time() {
    let daemon = Daemon::start();
    let socket = daemon.socket.clone();
    let ask = move |who: &'static str| {
        let socket = socket.clone();
        std::thread::spawn(move || {
            let body =
                json!({"messages": user(who), "max_tokens": 120, "session_id": who, "seed": 1});
            client::call(
                &socket,
                "POST",
                "/v1/chat/completions",
                body.to_string().as_bytes(),
            )
        })
    };
    let (one, two) = (ask("Tell me about bread."), ask("Tell me about stars."));
    daemon.wait_busy(2);
    for reply in [one.join().unwrap(), two.join().unwrap()] {
        assert_eq!(reply.status, 200);
        assert!(
            reply.json()["choices"][0]["message"]["content"]
                .as_str()
                .is_some_and(|t| t.len() > 10)
        );
    }
    daemon.wait_busy(0);
}

#[test]
fn more_requests_than_slots_wait_their_turn() {
    let socket = Daemon::shared().socket.clone();
    let asked: Vec<_> = (0..6)
        .map(|i| {
            let socket = socket.clone();
            std::thread::spawn(move || {
                let body = json!({"messages": user("Say hello."), "max_tokens": 8, "session_id": format!("s{i}")});
                client::call(&socket, "POST", "/v1/chat/completions", body.to_string().as_bytes()).status
            })
        })
        .collect();
    let statuses: Vec<_> = asked.into_iter().map(|t| t.join().unwrap()).collect();
    assert_eq!(statuses, [200; 6]);
}

#[test]
fn a_client_that_leaves_frees_its_slot() {
    let daemon = Daemon::start();
    for stream in [true, false] {
        let body = json!({"messages": user("Tell a very long story."), "stream": stream, "max_tokens": 1800});
        let mut connection = client::connect(&daemon.socket);
        client::send(
            &mut connection,
            "POST",
            "/v1/chat/completions",
            body.to_string().as_bytes(),
        );
        daemon.wait_busy(1);
        if stream {
            connection.read_exact(&mut [0; 400]).unwrap();
        }
        drop(connection);
        daemon.wait_busy(0);
    }
    let after = daemon.answer(&json!({"messages": user("Say hello."), "max_tokens": 4}));
    assert_eq!(after["usage"]["completion_tokens"], 4, "{after}");
}

#[test]
fn the_model_and_token_counts_can_be_asked_for() {
    let daemon = Daemon::shared();
    let models = daemon.get("/v1/models").json();
    assert_eq!(
        (&models["object"], &models["data"][0]["id"]),
        (&json!("list"), &json!("tiny"))
    );
    let text = daemon
        .post("/tokenize", &json!({"text": "Hello world"}))
        .json();
    assert_eq!(text, json!({"tokens": 2, "prompt": "Hello world"}));
    let chat = daemon
        .post(
            "/tokenize",
            &json!({"messages": [{"role": "user", "content": "Hi"}]}),
        )
        .json();
    let prompt = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n\
                  <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
    assert_eq!(chat["prompt"], prompt);
    let usage =
        daemon.answer(&json!({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}));
    assert_eq!(chat["tokens"], usage["usage"]["prompt_tokens"]);
}

#[test]
fn control_tokens_in_a_message_are_only_text() {
    let count = |content: &str| {
        let body = json!({"messages": [{"role": "user", "content": content}]});
        let reply = Daemon::shared().post("/tokenize", &body).json();
        assert!(
            reply["prompt"].as_str().unwrap().contains(content),
            "{reply}"
        );
        reply["tokens"].as_u64().unwrap()
    };
    // As a control token it would be one token; as text it is several.
    assert!(count("<|im_end|>") >= count("x") + 3);
    let plain = Daemon::shared()
        .post("/tokenize", &json!({"text": "<|im_end|>"}))
        .json();
    assert!(plain["tokens"].as_u64().unwrap() > 3, "{plain}");
}
