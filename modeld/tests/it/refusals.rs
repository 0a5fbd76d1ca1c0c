//! What a client gets for bad requests: a clear refusal, and a daemon that is still there.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::{
    client,
    daemon::{CONTEXT, Daemon, user},
};

/// Status and error code of a request to a path.
fn refused(method: &str, path: &str, body: &[u8]) -> (u16, String) {
    let reply = client::call(&Daemon::shared().socket, method, path, body);
    let error = &reply.json()["error"];
    assert!(
        error["message"].is_string() && error["type"].is_string(),
        "{error}"
    );
    (reply.status, error["code"].as_str().unwrap().to_owned())
}

fn chat(body: &Value) -> (u16, String) {
    refused("POST", "/v1/chat/completions", body.to_string().as_bytes())
}

#[test]
fn a_conversation_that_does_not_fit_is_refused_with_the_counts() {
    let body = json!({"messages": user("hi"), "max_tokens": CONTEXT});
    let reply = Daemon::shared().chat(&body);
    let error = &reply.json()["error"];
    assert_eq!(
        (reply.status, &error["code"]),
        (400, &json!("context_length_exceeded"))
    );
    assert_eq!(
        (&error["counts"]["context"], &error["counts"]["max_tokens"]),
        (&json!(CONTEXT), &json!(CONTEXT))
    );
    assert!(
        error["counts"]["prompt_tokens"]
            .as_u64()
            .is_some_and(|n| n > 10)
    );
    let long = "word ".repeat(5_000);
    assert_eq!(
        chat(&json!({"messages": user(&long)})),
        (400, "context_length_exceeded".into())
    );
    let endless = "x".repeat(7 * 1024 * 1024);
    assert_eq!(
        chat(&json!({"messages": user(&endless)})),
        (400, "context_length_exceeded".into())
    );
}

#[test]
fn broken_requests_are_refused() {
    let post = |body: &[u8]| refused("POST", "/v1/chat/completions", body);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: [(&[u8], u16, &str); 9] = [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"[]", 400, "invalid_json"),
        (
            b"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xfe\"}]}",
            400,
            "invalid_json",
        ),
        (
            b"{\"messages\":[{\"role\":\"user\",\"content\":\"\\ud800\"}]}",
            400,
            "invalid_json",
        ),
        (deep.as_bytes(), 400, "invalid_json"),
        (b"{\"messages\":[]}", 400, "invalid_value"),
        (
            b"{\"messages\":[{\"role\":\"wizard\",\"content\":\"x\"}]}",
            400,
            "invalid_json",
        ),
        (
            b"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}",
            400,
            "invalid_value",
        ),
    ];
    for (body, status, code) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        assert_eq!(post(body), (status, code.to_owned()), "{shown}");
    }
}

#[test]
fn routes_methods_and_sizes_are_checked() {
    assert_eq!(refused("GET", "/nowhere", b""), (404, "not_found".into()));
    assert_eq!(
        refused("GET", "/v1/chat/completions", b""),
        (405, "method_not_allowed".into())
    );
    assert_eq!(
        refused("POST", "/health", b""),
        (405, "method_not_allowed".into())
    );
    assert_eq!(
        refused("POST", "/tokenize", b"{}"),
        (400, "invalid_value".into())
    );
    let mut stream = client::connect(&Daemon::shared().socket);
    let head = "POST /tokenize HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 99999999\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(client::receive(stream).status, 413);
    let mut stream = client::connect(&Daemon::shared().socket);
    stream
        .write_all(b"POST /tokenize HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .unwrap();
    let chunk = vec![b' '; 1 << 20];
    for _ in 0..9 {
        // The daemon may hang up in the middle; its answer is what counts.
        drop(
            stream
                .write_all(b"100000\r\n")
                .and_then(|()| stream.write_all(&chunk))
                .and_then(|()| stream.write_all(b"\r\n")),
        );
    }
    assert_eq!(client::receive(stream).status, 413);
}

#[test]
fn shapes_that_cannot_be_followed_are_refused() {
    let mut nested = json!({"type": "integer"});
    for _ in 0..60 {
        nested = json!({"type": "array", "items": nested});
    }
    let schemas = [
        json!({"type": "thing"}),
        json!({"enum": []}),
        json!({"$ref": "#/x"}),
        json!({"$ref": "#"}),
        json!({"anyOf": [{"$ref": "#"}]}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
        json!([]),
        json!("root ::= root"),
        nested,
    ];
    for schema in schemas {
        let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
        let body = json!({"messages": user("x"), "response_format": format, "max_tokens": 8});
        assert_eq!(chat(&body), (400, "invalid_schema".into()), "{schema}");
        if schema.is_object() {
            let tools =
                json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]);
            let body = json!({"messages": user("x"), "tools": tools, "max_tokens": 8});
            assert_eq!(chat(&body), (400, "invalid_schema".into()), "{schema}");
        }
    }
}

#[test]
fn odd_but_valid_requests_are_answered() {
    let odd = [
        json!({"messages": [{"role": "user", "content": ""}]}),
        json!({"messages": [{"role": "assistant", "content": "x"}]}),
        json!({"messages": [{"role": "tool", "content": "x", "tool_call_id": "none"}]}),
        json!({"messages": user("\u{0}\u{1}\u{fdd0}\u{202e}\u{1f600}<|im_start|>system\n<|im_end|><|endoftext|>{{ 7 * 7 }}")}),
        json!({"messages": user(&"\u{1f600}".repeat(300))}),
        json!({"messages": user(&"x".repeat(6_000))}),
        json!({"messages": user(&" ".repeat(6_000))}),
        json!({"messages": user(&"\n\t".repeat(500))}),
        json!({"messages": user("hot"), "temperature": 5.0, "top_k": 0, "top_p": 1.0, "repeat_penalty": 10.0}),
        json!({"messages": user("cold"), "temperature": 0, "top_p": 0, "min_p": 1}),
        json!({"messages": user("seed"), "seed": -9_223_372_036_854_775_808_i64}),
        json!({"messages": user("json"), "response_format": {"type": "json_object"}, "temperature": 5.0}),
        json!({"messages": user("any"), "response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}),
        json!({"messages": user("const"), "response_format": {"type": "json_schema", "json_schema":
            {"schema": {"const": "\"]\n\u{1f600}\\"}}}}),
    ];
    for mut body in odd {
        body["max_tokens"] = json!(6);
        let answer = Daemon::shared().answer(&body);
        assert_eq!(answer["object"], "chat.completion");
    }
}

#[test]
fn a_full_queue_asks_to_come_back() {
    let daemon = Daemon::start();
    // Answers that are certainly longer than this test.
    let schema = json!({"type": "array", "items": {"type": "string"}, "minItems": 250});
    let format = json!({"type": "json_schema", "json_schema": {"name": "long", "schema": schema}});
    let body = json!({"messages": user("List words."), "max_tokens": 1900, "response_format": format, "stream": true});
    let ask = || {
        let mut stream = client::connect(&daemon.socket);
        client::send(
            &mut stream,
            "POST",
            "/v1/chat/completions",
            body.to_string().as_bytes(),
        );
        stream
    };
    let mut open = vec![ask(), ask()];
    for stream in &mut open {
        // More than the head and the chunk that says who speaks, so this one has its slot.
        stream.read_exact(&mut [0; 1000]).unwrap();
    }
    for busy in 3..=34 {
        open.push(ask());
        daemon.wait_busy(busy);
    }
    let reply = client::receive(ask());
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (429, &json!("too_many_requests"))
    );
    assert!(reply.head.contains("retry-after: "), "{}", reply.head);
    drop(open);
    daemon.wait_busy(0);
}
