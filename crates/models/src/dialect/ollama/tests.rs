use openclaw_types::{StopReason, Usage};
use serde_json::json;

use crate::{
    dialect::{
        Fault, Framing, Front,
        probe::{arguments, asked_of, asked_with, call, chunk, fixture, rich_chat, streamed, told},
    },
    options::Api,
};

const CHAT: &str = fixture!("ollama_chat.ndjson");

#[test]
fn a_chat_is_asked_of_ollama_in_its_own_words() {
    let way = (Front::Chat, Api::Ollama, "qwen3");
    let (prepared, body) = asked_of(way, &rich_chat(), false).unwrap();
    assert_eq!(
        (prepared.path.as_ref(), prepared.framing),
        ("/api/chat", Framing::Lines)
    );
    assert_eq!(
        body,
        json!({
            "model": "qwen3", "stream": true, "think": "low", "format": {"type": "object"},
            "options": {"temperature": 0.5, "top_p": 0.9, "num_predict": 50},
            "tools": rich_chat()["tools"],
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "look", "images": ["AAAA"]},
                {"role": "assistant", "content": "so", "thinking": "hm", "tool_calls": [
                    {"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}},
                    {"id": "c2", "function": {"name": "f", "arguments": {}}},
                ]},
                {"role": "tool", "content": "{\"r\":1}", "tool_name": "f", "tool_call_id": "c1"},
                {"role": "tool", "content": "r2", "tool_name": "f", "tool_call_id": "c2"},
                {"role": "user", "content": "and?"},
            ],
            "x_unknown": 1,
        })
    );
}

#[test]
fn options_stand_together_and_a_whole_answer_is_asked_for_by_name() {
    let body = asked_with(
        Api::Ollama,
        &json!({"num_ctx": 8192, "stop": "END", "options": {"num_gpu": 1, "num_ctx": 1},
            "response_format": {"type": "json_object"}, "reasoning_effort": "none", "tool_choice": "auto"}),
    );
    assert_eq!(
        body.unwrap(),
        json!({
            "model": "up", "messages": [{"role": "user", "content": "x"}], "stream": false,
            "options": {"num_ctx": 8192, "stop": ["END"], "num_gpu": 1},
            "format": "json", "think": false,
        })
    );
}

#[test]
fn what_ollama_has_no_word_for_is_named_or_left_out() {
    let tools = rich_chat()["tools"].clone();
    for (word, ask) in [
        ("n", json!({"n": 2})),
        ("logprobs", json!({"logprobs": true})),
        (
            "tool_choice",
            json!({"tools": tools, "tool_choice": "required"}),
        ),
        (
            "parallel_tool_calls",
            json!({"tools": tools, "parallel_tool_calls": false}),
        ),
        (
            "files",
            json!({"messages": [{"role": "user", "content": [
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}}]}]}),
        ),
        (
            "address",
            json!({"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://host/x.png"}}]}]}),
        ),
    ] {
        let fault = asked_with(Api::Ollama, &ask).unwrap_err().to_string();
        assert!(
            fault.starts_with("Ollama takes no") && fault.contains(word),
            "{fault}"
        );
    }
    let ask = json!({"messages": [], "logprobs": true, "tools": tools, "tool_choice": "required"});
    let (_, body) = asked_of((Front::Chat, Api::Ollama, "up"), &ask, true).unwrap();
    assert_eq!(
        body,
        json!({"model": "up", "messages": [], "stream": false, "tools": tools})
    );
}

#[test]
fn ollamas_lines_are_told_as_chunks_of_a_chat() {
    let (told, ended) = streamed(Front::Chat, Api::Ollama, CHAT);
    let said = |delta| chunk("chatcmpl-7", delta, None);
    assert_eq!(
        told,
        [
            said(json!({"role": "assistant", "content": ""})),
            said(json!({"reasoning_content": "Let me"})),
            said(json!({"reasoning_content": " see."})),
            said(json!({"content": "It is"})),
            said(json!({"content": " ü."})),
            said(call(0, "call_7_0", "get_weather")),
            said(arguments(0, "{\"city\":\"Paris\"}")),
            said(call(1, "call_own", "get_time")),
            said(arguments(1, "{}")),
            chunk("chatcmpl-7", json!({}), Some(StopReason::ToolCalls)),
            json!({
                "id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 5, "model": "group", "choices": [],
                "usage": {"prompt_tokens": 26, "completion_tokens": 282, "total_tokens": 308},
            }),
            json!("[DONE]"),
        ]
    );
    let usage = Usage {
        input_tokens: 26,
        output_tokens: 282,
        ..Usage::default()
    };
    assert_eq!(ended.unwrap().usage, Some(usage));
}

#[test]
fn ollamas_answer_is_told_as_a_message() {
    let body = r#"{"model":"q","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"length","eval_count":3}"#;
    let (message, ended) = told(Front::Messages, Api::Ollama, body).unwrap();
    assert_eq!(
        (&message["content"], &message["stop_reason"], ended.stop),
        (
            &json!([{"type": "text", "text": "hi"}]),
            &json!("max_tokens"),
            Some(StopReason::Length)
        )
    );
}

#[test]
fn an_error_of_ollama_or_lines_without_an_end_never_end_well() {
    let error = "{\"error\":\"model 'x' not found\"}";
    let answer = told(Front::Chat, Api::Ollama, error);
    assert!(matches!(answer, Err(Fault::Refused { body }) if body == error));
    let first: String = CHAT.split_inclusive('\n').take(3).collect();
    let (_, ended) = streamed(Front::Chat, Api::Ollama, &first);
    assert!(matches!(ended, Err(Fault::CutOff)));
    let (_, ended) = streamed(Front::Chat, Api::Ollama, &format!("{first}{error}\n"));
    assert!(matches!(ended, Err(Fault::Refused { .. })));
    for odd in ["{}", "[]", "", "{\"message\":1}"] {
        let answer = told(Front::Chat, Api::Ollama, odd);
        assert!(matches!(answer, Err(Fault::Malformed { .. })), "{odd}");
    }
}
