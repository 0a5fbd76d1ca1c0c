use serde_json::json;

use super::*;

fn parse(value: &Value) -> Result<Request, String> {
    Request::parse(value.to_string().as_bytes()).map_err(|e| e.to_string())
}

#[test]
fn a_plain_request_gets_the_documented_defaults() {
    let request = parse(&json!({"messages": [{"role": "user", "content": "hi"}]})).unwrap();
    let expected = Request {
        messages: vec![Message {
            role: Role::User,
            content: "hi".into(),
            calls: vec![],
            call_id: None,
            name: None,
        }],
        tools: vec![],
        tool_choice: ToolChoice::None,
        format: Format::Text,
        sampling: Sampling {
            temperature: 0.7,
            top_p: 0.9,
            top_k: 40,
            min_p: 0.0,
            repeat_penalty: 1.15,
            seed: None,
        },
        max_tokens: None,
        stops: vec![],
        stream: false,
        include_usage: false,
        session: None,
    };
    assert_eq!(request, expected);
}

#[test]
fn a_full_request_is_read() {
    let request = parse(&json!({
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "ok"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "stop": "END", "stream": true, "stream_options": {"include_usage": true},
        "max_tokens": 5, "max_completion_tokens": 7, "user": "u", "seed": -1
    }))
    .unwrap();
    assert_eq!(request.messages[0].role, Role::System);
    assert_eq!(request.messages[0].content, "ab");
    assert_eq!(
        request.messages[1].calls,
        [Call {
            id: "c1".into(),
            name: "f".into(),
            arguments: json!({"x": 1})
        }]
    );
    assert!(request.follows_tool_result());
    assert_eq!(request.tool_choice, ToolChoice::Named("f".into()));
    assert_eq!(request.stops, ["END"]);
    assert_eq!(
        (request.max_tokens, request.session.as_deref()),
        (Some(7), Some("u"))
    );
    assert!(request.stream && request.include_usage);
}

#[test]
fn what_is_out_of_range_is_named() {
    let base = |extra: Value| {
        let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
        for (key, value) in extra.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    let cases = [
        (
            json!({"messages": []}),
            "messages must be a list of at least one message",
        ),
        (
            json!({"messages": [{"role": "user"}]}),
            "messages.content must be present in every message but an assistant's",
        ),
        (
            json!({"temperature": -1}),
            "temperature must be between 0 and 5",
        ),
        (
            json!({"temperature": 1e300}),
            "temperature must be between 0 and 5",
        ),
        (json!({"top_p": 2}), "top_p must be between 0 and 1"),
        (json!({"top_k": -4}), "top_k must be between 0 and 1000000"),
        (
            json!({"max_tokens": 0}),
            "max_tokens must be a number of at least 1",
        ),
        (json!({"n": 2}), "n must be 1"),
        (
            json!({"stop": [""]}),
            "stop must be at most 16 texts of 1 to 256 bytes",
        ),
        (
            json!({"tool_choice": "required"}),
            "tool_choice must be none, auto, required or a function of tools",
        ),
        (
            json!({"tools": [{"function": {"name": "a b"}}]}),
            "tools.function.name must be 1 to 64 letters, digits, _, . or -",
        ),
        (
            json!({"response_format": {"type": "xml"}}),
            "response_format.type must be text, json_object or json_schema",
        ),
        (
            json!({"response_format": {"type": "json_schema"}}),
            "response_format.json_schema.schema must be present",
        ),
    ];
    for (extra, expected) in cases {
        assert_eq!(parse(&base(extra)).unwrap_err(), expected);
    }
}
