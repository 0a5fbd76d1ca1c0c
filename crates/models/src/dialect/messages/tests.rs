use bytes::{Bytes, BytesMut};
use openclaw_types::{StopReason, Usage};
use serde_json::{Map, Value, json};

use crate::{
    dialect::{Ended, Fault, Front, Origin, Target, Translator, request, whole},
    options::Api,
    sse,
};

const ANTHROPIC: Api = Api::AnthropicMessages;
const OPENAI: Api = Api::OpenAiCompletions;

fn origin() -> Origin {
    Origin {
        model: Some("group".to_owned()),
        id: "7".to_owned(),
        created: 5,
        shows_usage: true,
        answers_by_tool: false,
    }
}

fn asked(front: Front, api: Api, body: &Value) -> Result<(Value, bool), Fault> {
    let extra = Map::new();
    let to = Target {
        model: "up",
        is_streaming: body["stream"] == true,
        extra: &extra,
        drop_params: false,
        max_output: 1_000,
    };
    let prepared = request(front, api, &Bytes::from(body.to_string()), &to)?;
    let headers: Vec<&str> = prepared.headers.iter().map(|(name, _)| *name).collect();
    match api {
        ANTHROPIC => assert_eq!(
            (headers, prepared.path.as_ref()),
            (vec!["anthropic-version"], "/messages")
        ),
        _ => assert_eq!(
            (headers, prepared.path.as_ref()),
            (vec![], "/chat/completions")
        ),
    }
    Ok((
        serde_json::from_slice(&prepared.body).unwrap(),
        prepared.answers_by_tool,
    ))
}

fn told(front: Front, api: Api, body: &str, from: &Origin) -> (Value, Option<Usage>) {
    let answer = whole(front, api, &Bytes::copy_from_slice(body.as_bytes()), from).unwrap();
    (serde_json::from_slice(&answer.body).unwrap(), answer.usage)
}

/// What a client is told of a stream, as the data of its events, and whether there was content before the last event.
fn streamed(
    front: Front,
    api: Api,
    body: &str,
    from: &Origin,
) -> (Vec<Value>, Result<Ended, Fault>) {
    let mut parser = sse::Parser::new();
    let mut translator = Translator::new(front, api, from).unwrap();
    let mut out = BytesMut::new();
    parser.push(body.as_bytes());
    let mut ended = Ok(());
    while let Some(event) = parser.next_event() {
        if let Err(fault) = translator.push(&event.unwrap(), &mut out) {
            ended = Err(fault);
            break;
        }
    }
    let ended = ended.and_then(|()| translator.finish(&mut out));
    let mut parser = sse::Parser::new();
    parser.push(&out);
    let mut told = Vec::new();
    while let Some(event) = parser.next_event() {
        let event = event.unwrap();
        let data = String::from_utf8(event.data.to_vec()).unwrap();
        let data: Value = serde_json::from_str(&data).unwrap_or(Value::String(data));
        if front == Front::Messages {
            assert_eq!(data["type"].as_str().unwrap().as_bytes(), event.name);
        }
        told.push(data);
    }
    (told, ended)
}

#[test]
fn a_chat_is_asked_of_anthropic_in_its_own_words() {
    let (body, by_tool) = asked(Front::Chat, ANTHROPIC, &json!({
        "model": "group", "stream": true, "stream_options": {"include_usage": true},
        "max_completion_tokens": 50, "temperature": 1.5, "top_p": 0.9, "stop": "END", "user": "u-1",
        "parallel_tool_calls": false, "tool_choice": "required", "frequency_penalty": 0,
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
        "messages": [
            {"role": "system", "content": "one"},
            {"role": "user", "content": [
                {"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://host/x.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
            ]},
            {"role": "assistant", "content": null, "reasoning_content": "hm",
             "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "thinking", "thinking": "unproven"}],
             "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                {"id": "c2", "type": "function", "function": {"name": "f", "arguments": ""}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "r1"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "r2"}]},
            {"role": "user", "content": "and?"},
            {"role": "developer", "content": "two"},
        ],
    })).unwrap();
    assert!(!by_tool);
    assert_eq!(
        body,
        json!({
            "model": "up", "stream": true, "max_tokens": 50, "temperature": 1.0, "top_p": 0.9,
            "stop_sequences": ["END"], "metadata": {"user_id": "u-1"},
            "system": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
            "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                    {"type": "image", "source": {"type": "url", "url": "https://host/x.png"}},
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}, "title": "a.pdf"},
                ]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
                    {"type": "tool_use", "id": "c2", "name": "f", "input": {}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "r1"}]},
                    {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "r2"}]},
                    {"type": "text", "text": "and?"},
                ]},
            ],
        })
    );
}

#[test]
fn an_effort_becomes_a_budget_with_room_for_the_answer() {
    let ask = |more: Value| {
        let mut body = json!({"messages": [{"role": "user", "content": "x"}], "temperature": 0.5});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        asked(Front::Chat, ANTHROPIC, &body).unwrap().0
    };
    let hard = ask(json!({"reasoning_effort": "high", "max_tokens": 100}));
    assert_eq!(
        hard["thinking"],
        json!({"type": "enabled", "budget_tokens": 4096})
    );
    assert_eq!(
        (hard["max_tokens"].as_u64(), hard.get("temperature")),
        (Some(4_196), None)
    );
    let none = ask(json!({"reasoning_effort": "none"}));
    assert_eq!(
        (none.get("thinking"), &none["max_tokens"]),
        (None, &json!(1_000))
    );
    let own = ask(json!({"thinking": {"type": "enabled", "budget_tokens": 10}, "max_tokens": 100}));
    assert_eq!(
        (&own["thinking"]["budget_tokens"], &own["max_tokens"]),
        (&json!(10), &json!(100))
    );
}

#[test]
fn what_anthropic_has_no_word_for_is_named() {
    let hi = json!([{"role": "user", "content": "x"}]);
    for (field, value) in [
        ("n", json!(2)),
        ("seed", json!(7)),
        ("logprobs", json!(true)),
        ("presence_penalty", json!(0.5)),
    ] {
        let fault = asked(
            Front::Chat,
            ANTHROPIC,
            &json!({"messages": hi, field: value}),
        );
        let text = fault.unwrap_err().to_string();
        assert!(text.contains(field) && text.contains("Anthropic"), "{text}");
    }
    let odd = json!({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]});
    assert!(
        asked(Front::Chat, ANTHROPIC, &odd)
            .unwrap_err()
            .to_string()
            .contains("input_audio")
    );
    let odd = json!({"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "{"}}]}]});
    assert!(matches!(
        asked(Front::Chat, ANTHROPIC, &odd),
        Err(Fault::Field { .. })
    ));
}

#[test]
fn an_answer_in_json_is_asked_for_with_a_tool_and_told_as_text() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "number"}}});
    let (body, by_tool) = asked(Front::Chat, ANTHROPIC, &json!({
        "messages": [{"role": "user", "content": "x"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
    })).unwrap();
    assert!(by_tool);
    assert_eq!(body["tools"][0]["input_schema"], schema);
    assert_eq!(
        body["tool_choice"],
        json!({"type": "tool", "name": "json_answer"})
    );
    let from = Origin {
        answers_by_tool: true,
        ..origin()
    };
    let answer = r#"{"type":"message","id":"m","model":"x","content":[{"type":"tool_use","id":"t","name":"json_answer","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}}"#;
    let (told, _) = told(Front::Chat, ANTHROPIC, answer, &from);
    assert_eq!(
        told["choices"][0],
        json!({
            "index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "{\"a\":1}"},
        })
    );
}

const ANSWER: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[
    {"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"zz"},
    {"type":"text","text":"see "},{"type":"text","text":"this"},
    {"type":"tool_use","id":"t1","name":"f","input":{"a":[1]}}],
    "stop_reason":"tool_use","usage":{"input_tokens":3,"cache_read_input_tokens":10,"cache_creation_input_tokens":4,"output_tokens":5}}"#;

#[test]
fn anthropics_answer_is_told_as_a_chat_completion() {
    let (told, usage) = told(Front::Chat, ANTHROPIC, ANSWER, &origin());
    assert_eq!(
        told,
        json!({
            "id": "msg_1", "object": "chat.completion", "created": 5, "model": "group",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": "see this", "reasoning_content": "hm",
                "thinking_blocks": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "zz"},
                ],
                "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":[1]}"}}],
            }}],
            "usage": {
                "prompt_tokens": 17, "completion_tokens": 5, "total_tokens": 22,
                "prompt_tokens_details": {"cached_tokens": 10, "cache_creation_tokens": 4},
            },
        })
    );
    let usage = usage.unwrap();
    assert_eq!(
        (
            usage.input_tokens,
            usage.cached_tokens,
            usage.cache_write_tokens
        ),
        (17, 10, 4)
    );
}

#[test]
fn anthropics_answer_to_its_own_client_is_passed_on() {
    let (told, usage) = told(Front::Messages, ANTHROPIC, ANSWER, &origin());
    let mut expected: Value = serde_json::from_str(ANSWER).unwrap();
    expected["model"] = json!("group");
    assert_eq!((told, usage.unwrap().output_tokens), (expected, 5));
}

#[test]
fn a_request_for_messages_is_asked_as_a_chat() {
    let (body, _) = asked(Front::Messages, OPENAI, &json!({
        "model": "group", "max_tokens": 64, "system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        "stop_sequences": ["END"], "top_k": 5, "metadata": {"user_id": "u"}, "stream": true,
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true},
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "ok"},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
            ]},
            {"role": "user", "content": [
                {"type": "text", "text": "and"},
                {"type": "tool_result", "tool_use_id": "t1", "content": [
                    {"type": "text", "text": "r"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
                ]},
            ]},
        ],
    })).unwrap();
    assert_eq!(
        body,
        json!({
            "model": "up", "max_tokens": 64, "stop": ["END"], "top_k": 5, "user": "u", "stream": true,
            "stream_options": {"include_usage": true}, "reasoning_effort": "medium",
            "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
            "messages": [
                {"role": "system", "content": "a\nb"},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "ok",
                 "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
                 "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
                {"role": "tool", "tool_call_id": "t1", "content": "r"},
                {"role": "user", "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
                    {"type": "text", "text": "and"},
                ]},
            ],
        })
    );
}

#[test]
fn a_chat_completion_is_told_as_a_message() {
    let answer = r#"{"id":"c","model":"x","choices":[{"finish_reason":"tool_calls","message":{"content":"see","reasoning":"hm","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}}],"usage":{"prompt_tokens":12,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":2}}}"#;
    let (told, _) = told(Front::Messages, OPENAI, answer, &origin());
    assert_eq!(
        told,
        json!({
            "id": "c", "type": "message", "role": "assistant", "model": "group",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": ""},
                {"type": "text", "text": "see"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            ],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {"input_tokens": 10, "output_tokens": 3, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 2},
        })
    );
}

const EVENTS: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude","stop_reason":null,"usage":{"input_tokens":9,"cache_read_input_tokens":1,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"hi"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"#;

#[test]
fn anthropics_stream_is_told_as_chunks_of_a_chat() {
    let (told, ended) = streamed(Front::Chat, ANTHROPIC, EVENTS, &origin());
    let chunk = |delta: Value, reason: Value| {
        json!({
            "id": "msg_1", "object": "chat.completion.chunk", "created": 5, "model": "group",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        })
    };
    let usage = json!({
        "id": "msg_1", "object": "chat.completion.chunk", "created": 5, "model": "group", "choices": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": 15, "total_tokens": 25,
                  "prompt_tokens_details": {"cached_tokens": 1, "cache_creation_tokens": 0}},
    });
    let arguments = |text: &str| {
        chunk(
            json!({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}),
            Value::Null,
        )
    };
    assert_eq!(
        told,
        [
            chunk(json!({"role": "assistant", "content": ""}), Value::Null),
            chunk(json!({"reasoning_content": "hm"}), Value::Null),
            chunk(
                json!({"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "s"}]}),
                Value::Null
            ),
            chunk(json!({"content": "hi"}), Value::Null),
            chunk(
                json!({"tool_calls": [{"index": 0, "id": "t1", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
                Value::Null
            ),
            arguments("{\"a\":"),
            arguments("1}"),
            chunk(json!({}), json!("tool_calls")),
            usage,
            json!("[DONE]"),
        ]
    );
    let ended = ended.unwrap();
    assert_eq!(
        (ended.stop, ended.usage.unwrap().output_tokens),
        (Some(StopReason::ToolCalls), 15)
    );
}

#[test]
fn anthropics_stream_to_its_own_client_is_passed_on() {
    let (told, ended) = streamed(Front::Messages, ANTHROPIC, EVENTS, &origin());
    let mut expected = Vec::new();
    let mut parser = sse::Parser::new();
    parser.push(EVENTS.as_bytes());
    while let Some(event) = parser.next_event() {
        expected.push(serde_json::from_slice::<Value>(&event.unwrap().data).unwrap());
    }
    expected[0]["message"]["model"] = json!("group");
    assert_eq!(told, expected);
    assert_eq!(ended.unwrap().usage.unwrap().input_tokens, 10);
}

#[test]
fn a_chats_stream_is_told_as_anthropics_events() {
    let chunk = |delta: Value, reason: Value| {
        let chunk = json!({"id": "c", "model": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
        format!("data: {chunk}\n\n")
    };
    let call = |index: u32, rest: Value| {
        chunk(
            json!({"tool_calls": [{"index": index, "id": rest["id"], "function": rest}]}),
            Value::Null,
        )
    };
    let body = [
        chunk(json!({"role": "assistant", "content": ""}), Value::Null),
        chunk(json!({"reasoning_content": "hm"}), Value::Null),
        chunk(json!({"content": "h"}), Value::Null),
        chunk(json!({"content": "i"}), Value::Null),
        call(0, json!({"id": "a", "name": "f", "arguments": ""})),
        call(0, json!({"arguments": "{}"})),
        call(1, json!({"id": "b", "name": "g", "arguments": "{\"x\":1}"})),
        chunk(json!({}), json!("tool_calls")),
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":6}}\n\ndata: [DONE]\n\n".to_owned(),
    ].concat();
    let (told, ended) = streamed(Front::Messages, OPENAI, &body, &origin());
    assert!(ended.is_ok());
    let zero = json!({"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0});
    let begun = |index: u32, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u32, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u32| json!({"type": "content_block_stop", "index": index});
    assert_eq!(
        told,
        [
            json!({"type": "message_start", "message": {
                "id": "c", "type": "message", "role": "assistant", "content": [], "model": "group",
                "stop_reason": null, "stop_sequence": null, "usage": zero,
            }}),
            begun(
                0,
                json!({"type": "thinking", "thinking": "", "signature": ""})
            ),
            delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
            stop(0),
            begun(1, json!({"type": "text", "text": ""})),
            delta(1, json!({"type": "text_delta", "text": "h"})),
            delta(1, json!({"type": "text_delta", "text": "i"})),
            stop(1),
            begun(
                2,
                json!({"type": "tool_use", "id": "a", "name": "f", "input": {}})
            ),
            delta(2, json!({"type": "input_json_delta", "partial_json": "{}"})),
            stop(2),
            begun(
                3,
                json!({"type": "tool_use", "id": "b", "name": "g", "input": {}})
            ),
            delta(
                3,
                json!({"type": "input_json_delta", "partial_json": "{\"x\":1}"})
            ),
            stop(3),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
               "usage": {"input_tokens": 4, "output_tokens": 6, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}}),
            json!({"type": "message_stop"}),
        ]
    );
}

#[test]
fn a_stream_that_breaks_or_reports_an_error_never_ends_well() {
    let cut = &EVENTS[..EVENTS.find("event: message_delta").unwrap()];
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"no\"}}\n\n";
    for front in [Front::Chat, Front::Messages] {
        let (told, ended) = streamed(front, ANTHROPIC, cut, &origin());
        assert!(matches!(ended, Err(Fault::CutOff)));
        assert!(
            !told
                .iter()
                .any(|told| *told == "[DONE]" || told["type"] == "message_stop")
        );
        let (_, ended) = streamed(front, ANTHROPIC, &format!("{cut}{error}"), &origin());
        assert!(matches!(ended, Err(Fault::Refused { .. })));
        let refused = whole(
            front,
            ANTHROPIC,
            &Bytes::from_static(b"{\"type\":\"error\",\"error\":{}}"),
            &origin(),
        );
        assert!(matches!(refused, Err(Fault::Refused { .. })));
        for odd in ["{}", "", "[]", "{\"type\":\"message\",\"content\":[{\"ty"] {
            let odd = whole(
                front,
                ANTHROPIC,
                &Bytes::copy_from_slice(odd.as_bytes()),
                &origin(),
            );
            assert!(matches!(odd, Err(Fault::Malformed { .. })), "{odd:?}");
        }
    }
    let mut translator = Translator::new(Front::Messages, ANTHROPIC, &origin()).unwrap();
    let mut out = BytesMut::new();
    translator.error("gone", crate::Kind::Transport, 502, &mut out);
    assert_eq!(&out[..], b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"gone\"}}\n\n");
}
