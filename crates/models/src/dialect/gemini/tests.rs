use openclaw_types::{StopReason, Usage};
use serde_json::{Value, json};

use crate::{
    dialect::{
        Fault, Framing, Front,
        probe::{arguments, asked_of, asked_with, call, chunk, fixture, rich_chat, streamed, told},
    },
    options::Api,
};

const STREAM: &str = fixture!("gemini_stream.txt");
const BLOCKED: &str = fixture!("gemini_blocked.json");

#[test]
fn a_chat_is_asked_of_gemini_in_its_own_words() {
    let way = (Front::Chat, Api::Gemini, "gemini-2.5-flash");
    let (prepared, body) = asked_of(way, &rich_chat(), false).unwrap();
    assert_eq!(
        (prepared.path.as_ref(), prepared.framing),
        (
            "/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            Framing::Events
        )
    );
    assert_eq!(
        body,
        json!({
            "systemInstruction": {"parts": [{"text": "be brief"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "look"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
                {"role": "model", "parts": [
                    {"text": "so"},
                    {"functionCall": {"name": "f", "args": {"a": 1}}},
                    {"functionCall": {"name": "f", "args": {}}},
                ]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "f", "response": {"r": 1}}},
                    {"functionResponse": {"name": "f", "response": {"result": "r2"}}},
                    {"text": "and?"},
                ]},
            ],
            "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}}]}],
            "generationConfig": {
                "temperature": 0.5, "topP": 0.9, "maxOutputTokens": 50,
                "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
                "thinkingConfig": {"includeThoughts": true, "thinkingBudget": 1024},
            },
            "x_unknown": 1,
        })
    );
}

#[test]
fn choices_and_addresses_are_said_in_geminis_words() {
    let tools = rich_chat()["tools"].clone();
    for (choice, said) in [
        (json!("none"), json!({"mode": "NONE"})),
        (json!("required"), json!({"mode": "ANY"})),
        (
            json!({"type": "function", "function": {"name": "f"}}),
            json!({"mode": "ANY", "allowedFunctionNames": ["f"]}),
        ),
    ] {
        let ask = json!({"tools": tools, "tool_choice": choice});
        let body = asked_with(Api::Gemini, &ask).unwrap();
        assert_eq!(body["toolConfig"], json!({"functionCallingConfig": said}));
    }
    let body = asked_with(
        Api::Gemini,
        &json!({"generationConfig": {"mediaResolution": "x"}, "top_k": 3, "messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://host/x.PNG?y"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,BB"}}]}]}),
    );
    let body = body.unwrap();
    assert_eq!(
        (&body["contents"][0]["parts"], &body["generationConfig"]),
        (
            &json!([
                {"fileData": {"mimeType": "image/png", "fileUri": "https://host/x.PNG?y"}},
                {"inlineData": {"mimeType": "application/pdf", "data": "BB"}},
            ]),
            &json!({"topK": 3, "mediaResolution": "x"})
        )
    );
}

#[test]
fn a_proof_comes_back_with_its_call_and_calls_of_others_are_marked_where_the_model_looks() {
    let history = |id: &str| {
        json!({"reasoning_effort": "high", "messages": [
            {"role": "assistant", "tool_calls": [{"id": id, "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": id, "content": "r"},
        ]})
    };
    let proof = |model: &str, id: &str| {
        let (_, body) = asked_of((Front::Chat, Api::Gemini, model), &history(id), false).unwrap();
        (
            body["contents"][0]["parts"][0]["thoughtSignature"].clone(),
            body["generationConfig"]["thinkingConfig"].clone(),
        )
    };
    let budget = json!({"includeThoughts": true, "thinkingBudget": 4096});
    let level = json!({"includeThoughts": true, "thinkingLevel": "high"});
    for (model, id, sign, thinking) in [
        (
            "gemini-2.5-pro",
            "c__thought__Cp/x+=",
            json!("Cp/x+="),
            &budget,
        ),
        ("gemini-2.5-pro", "c", Value::Null, &budget),
        (
            "gemini-3-pro",
            "c",
            json!("skip_thought_signature_validator"),
            &level,
        ),
    ] {
        assert_eq!(proof(model, id), (sign, thinking.clone()));
    }
}

#[test]
fn what_gemini_has_no_word_for_is_named() {
    let tools = rich_chat()["tools"].clone();
    for (word, ask) in [
        ("n", json!({"n": 2})),
        ("logit_bias", json!({"logit_bias": {"1": 2}})),
        (
            "parallel_tool_calls",
            json!({"tools": tools, "parallel_tool_calls": false}),
        ),
    ] {
        let fault = asked_with(Api::Gemini, &ask).unwrap_err().to_string();
        assert!(
            fault.starts_with("Gemini takes no") && fault.contains(word),
            "{fault}"
        );
    }
    let odd = json!({"messages": [{"role": "tool", "tool_call_id": "nobody", "content": "r"}]});
    assert!(matches!(
        asked_with(Api::Gemini, &odd),
        Err(Fault::Field { .. })
    ));
}

#[test]
fn geminis_stream_is_told_as_chunks_of_a_chat() {
    let (told, ended) = streamed(Front::Chat, Api::Gemini, STREAM);
    let said = |delta| chunk("r-1", delta, None);
    assert_eq!(
        told,
        [
            said(json!({"role": "assistant", "content": ""})),
            said(json!({"reasoning_content": "**Weighing**"})),
            said(json!({"content": "It is"})),
            said(call(0, "call_7_0__thought__CpwB/x+=", "get_weather")),
            said(arguments(0, "{\"city\":\"Paris\"}")),
            said(call(1, "call_7_1", "get_time")),
            said(arguments(1, "{}")),
            chunk("r-1", json!({}), Some(StopReason::ToolCalls)),
            json!({
                "id": "r-1", "object": "chat.completion.chunk", "created": 5, "model": "group", "choices": [],
                "usage": {
                    "prompt_tokens": 12, "completion_tokens": 27, "total_tokens": 39,
                    "prompt_tokens_details": {"cached_tokens": 4, "cache_creation_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 18},
                },
            }),
            json!("[DONE]"),
        ]
    );
    let usage = Usage {
        input_tokens: 12,
        output_tokens: 27,
        cached_tokens: 4,
        reasoning_tokens: 18,
        ..Usage::default()
    };
    assert_eq!(ended.unwrap().usage, Some(usage));
}

#[test]
fn what_gemini_blocks_was_filtered() {
    let (answer, ended) = told(Front::Chat, Api::Gemini, BLOCKED).unwrap();
    assert_eq!(
        (&answer["choices"][0]["finish_reason"], ended.stop),
        (&json!("content_filter"), Some(StopReason::ContentFilter))
    );
    for (word, stop) in [
        ("STOP", StopReason::Stop),
        ("MAX_TOKENS", StopReason::Length),
        ("RECITATION", StopReason::ContentFilter),
    ] {
        let body = json!({"candidates": [{"finishReason": word}]}).to_string();
        let (_, ended) = told(Front::Messages, Api::Gemini, &body).unwrap();
        assert_eq!(ended.stop, Some(stop));
    }
}

#[test]
fn an_error_of_gemini_or_a_stream_without_an_end_never_ends_well() {
    let error = r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#;
    let first = STREAM.split_inclusive("\n\n").next().unwrap();
    for front in [Front::Chat, Front::Messages] {
        let answer = told(front, Api::Gemini, error);
        assert!(matches!(answer, Err(Fault::Refused { .. })));
        let (_, ended) = streamed(front, Api::Gemini, first);
        assert!(matches!(ended, Err(Fault::CutOff)));
        let (_, ended) = streamed(front, Api::Gemini, &format!("{first}data: {error}\n\n"));
        assert!(matches!(ended, Err(Fault::Refused { .. })));
        for odd in [
            "{}",
            "[]",
            "",
            r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}"#,
        ] {
            let answer = told(front, Api::Gemini, odd);
            assert!(matches!(answer, Err(Fault::Malformed { .. })), "{odd}");
        }
    }
}
