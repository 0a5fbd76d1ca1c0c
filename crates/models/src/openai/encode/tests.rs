use openclaw_types::ToolResult;
use serde_json::json;

use super::*;
use crate::http::Url;

fn dialect(id: &str, url: &str) -> Dialect {
    Dialect::of(id, &Url::parse(url).unwrap())
}

fn encoded(request: &Request, dialect: &Dialect, thinks: bool) -> Value {
    let bytes = encode(request, dialect, thinks).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn call(id: &str, arguments: Value) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "add".to_owned(),
        arguments,
    })
}

fn result(id: &str, content: &str) -> Part {
    Part::ToolResult(ToolResult {
        call_id: id.to_owned(),
        name: "add".to_owned(),
        content: content.to_owned(),
        is_error: false,
    })
}

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts }
}

fn request() -> Request {
    let text = |text: &str| Part::Text(text.to_owned());
    Request {
        model: "m".to_owned(),
        messages: vec![
            Message::text(Role::System, "Be brief."),
            Message::text(Role::User, "1+1, \"quoted\"?"),
            message(
                Role::Assistant,
                vec![
                    Part::Reasoning("hm".to_owned()),
                    text("Let me "),
                    text("see."),
                    call("c1", json!({"a": 1})),
                    call("c2", json!("{not json")),
                ],
            ),
            message(Role::System, vec![result("c1", "2"), result("c2", "no")]),
            message(Role::Assistant, vec![call("c3", json!({}))]),
            message(Role::User, vec![result("c3", "3"), text("and now?")]),
            message(Role::Assistant, vec![Part::Reasoning("only".to_owned())]),
        ],
        ..Request::default()
    }
}

#[test]
fn a_conversation_becomes_the_protocols_messages() {
    let body = encoded(&request(), &dialect("x", "http://localhost/v1"), false);
    let called = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "add", "arguments": arguments}});
    let expected = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "1+1, \"quoted\"?"},
            {"role": "assistant", "content": "Let me see.", "tool_calls": [called("c1", "{\"a\":1}"), called("c2", "{not json")]},
            {"role": "tool", "tool_call_id": "c1", "content": "2"},
            {"role": "tool", "tool_call_id": "c2", "content": "no"},
            {"role": "assistant", "content": null, "tool_calls": [called("c3", "{}")]},
            {"role": "tool", "tool_call_id": "c3", "content": "3"},
            {"role": "user", "content": "and now?"},
        ],
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    assert_eq!(body, expected);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn servers_get_only_what_they_take() {
    let request = Request {
        model: "m".to_owned(),
        messages: vec![Message::text(Role::User, "hi")],
        tools: vec![ToolSpec {
            name: "add".to_owned(),
            description: "Adds.".to_owned(),
            parameters: json!({"type": "object"}),
        }],
        max_output_tokens: Some(9),
        temperature: Some(0.5),
        run: None,
        conversation: Some("agent:steward:main".to_owned()),
        schema: Some(json!({"type": "object"})),
    };
    let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}});
    let usage = json!({"include_usage": true});
    let cases = [
        (
            "local",
            "http://local/v1",
            false,
            json!({"max_tokens": 9, "temperature": 0.5, "response_format": format, "stream_options": usage, "session_id": "agent:steward:main"}),
        ),
        (
            "litellm",
            "http://localhost:4000/v1",
            true,
            json!({"max_tokens": 9, "temperature": 0.5, "response_format": format, "stream_options": usage}),
        ),
        (
            "openai",
            "https://api.openai.com/v1",
            false,
            json!({"max_completion_tokens": 9, "temperature": 0.5, "response_format": format, "stream_options": usage}),
        ),
        (
            "openai",
            "https://api.openai.com/v1",
            true,
            json!({"max_completion_tokens": 9, "response_format": format, "stream_options": usage}),
        ),
        (
            "mistral",
            "https://api.mistral.ai/v1",
            false,
            json!({"max_tokens": 9, "temperature": 0.5, "response_format": format}),
        ),
        (
            "zai",
            "https://api.z.ai/api/paas/v4",
            false,
            json!({"max_tokens": 9, "temperature": 0.5, "stream_options": usage}),
        ),
        (
            "x",
            "https://notz.ai/v1",
            false,
            json!({"max_tokens": 9, "temperature": 0.5, "response_format": format, "stream_options": usage}),
        ),
    ];
    for (id, url, thinks, expected) in cases {
        let mut body = encoded(&request, &dialect(id, url), thinks);
        let body = body.as_object_mut().unwrap();
        for common in ["model", "messages", "stream"] {
            assert!(body.remove(common).is_some());
        }
        let tools = body.remove("tools");
        assert_eq!(
            tools,
            Some(
                json!([{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}}])
            )
        );
        assert_eq!(Value::Object(body.clone()), expected, "{id} {url} {thinks}");
    }
}
