use openclaw_types::{StopReason, Usage};
use serde_json::{Value, json};

use crate::{
    dialect::{
        Fault, Front,
        probe::{
            arguments, asked, asked_of, asked_with, call, chunk, fixture, rich_chat, streamed, told,
        },
    },
    options::Api,
};

const STREAM: &str = fixture!("responses_stream.txt");
const WHOLE: &str = fixture!("responses_whole.json");
const SERVER: Api = Api::OpenAiResponses;
const USAGE: Usage = Usage {
    input_tokens: 328,
    output_tokens: 52,
    cached_tokens: 100,
    cache_write_tokens: 0,
    reasoning_tokens: 32,
};

#[test]
fn a_chat_is_asked_of_responses_in_their_words() {
    let (prepared, body) = asked_of((Front::Chat, SERVER, "up"), &rich_chat(), false).unwrap();
    assert_eq!(prepared.path, "/responses");
    assert_eq!(
        body,
        json!({
            "model": "up", "stream": true, "store": false, "include": ["reasoning.encrypted_content"],
            "max_output_tokens": 50, "temperature": 0.5, "top_p": 0.9, "user": "u-1", "metadata": {"a": "b"},
            "reasoning": {"effort": "low", "summary": "auto"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
            "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": false}],
            "input": [
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "be brief"}]},
                {"type": "message", "role": "user", "content": [
                    {"type": "input_text", "text": "look"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
                ]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "so"}]},
                {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"a\":1}"},
                {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "{\"r\":1}"},
                {"type": "function_call_output", "call_id": "c2", "output": "r2"},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "and?"}]},
            ],
            "x_unknown": 1,
        })
    );
    for (word, ask) in [
        ("`stop`", json!({"stop": "END"})),
        ("`seed`", json!({"seed": 1})),
        ("`n`", json!({"n": 3})),
    ] {
        let fault = asked_with(SERVER, &ask).unwrap_err().to_string();
        assert!(fault.contains(word), "{fault}");
    }
}

fn rich_request() -> Value {
    json!({
        "model": "group", "stream": true, "instructions": "be brief", "max_output_tokens": 50,
        "reasoning": {"effort": "low"}, "store": false, "include": ["x"], "temperature": 0.5,
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}, "verbosity": "low"},
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true}],
        "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": false,
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": "https://host/x.png"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BB"},
            ]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "proof:s"},
            {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAA="},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "so"}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "r"},
            {"role": "user", "content": "and?"},
        ],
    })
}

#[test]
fn a_request_for_responses_is_asked_as_a_chat() {
    assert_eq!(
        asked(Front::Responses, Api::OpenAiCompletions, &rich_request()).unwrap(),
        json!({
            "model": "up", "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 50,
            "reasoning_effort": "low", "temperature": 0.5, "verbosity": "low",
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": true}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "https://host/x.png"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,BB", "filename": "a.pdf"}},
                ]},
                {"role": "assistant", "content": "so", "reasoning_content": "hm",
                 "thinking_blocks": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "openai-responses:rs_2:gAAA="},
                 ],
                 "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "r"},
                {"role": "user", "content": "and?"},
            ],
        })
    );
}

#[test]
fn a_thought_is_shown_to_the_server_that_sealed_it_and_to_no_other() {
    let mut request = rich_request();
    request["reasoning"] = json!({});
    request["text"] = json!({});
    let body = asked(Front::Responses, Api::AnthropicMessages, &request).unwrap();
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "so"},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
        ])
    );
    let ask = json!({"messages": [{"role": "assistant", "content": "so", "thinking_blocks": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "openai-responses:rs_2:gAAA="},
    ]}]});
    let body = asked_with(SERVER, &ask).unwrap();
    assert_eq!(
        body["input"][0],
        json!({"id": "rs_2", "type": "reasoning", "summary": [], "encrypted_content": "gAAA="})
    );
}

#[test]
fn what_is_kept_at_openai_is_named() {
    for (word, ask) in [
        (
            "previous_response_id",
            json!({"input": "x", "previous_response_id": "resp_1"}),
        ),
        ("background", json!({"input": "x", "background": true})),
        (
            "web_search",
            json!({"input": "x", "tools": [{"type": "web_search"}]}),
        ),
        (
            "item_reference",
            json!({"input": [{"type": "item_reference", "id": "x"}]}),
        ),
        (
            "input_image",
            json!({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}),
        ),
    ] {
        let fault = asked(Front::Responses, Api::OpenAiCompletions, &ask);
        let fault = fault.unwrap_err().to_string();
        assert!(fault.contains(word), "{fault}");
    }
    let odd = asked(Front::Responses, Api::Ollama, &json!({"model": "x"}));
    assert!(matches!(odd, Err(Fault::Field { .. })));
}

#[test]
fn the_stream_of_responses_is_told_as_chunks_of_a_chat() {
    let (told, ended) = streamed(Front::Chat, SERVER, STREAM);
    let said = |delta| chunk("resp_1", delta, None);
    let sealed = json!({"type": "redacted_thinking", "data": "openai-responses:rs_1:gAAA="});
    assert_eq!(
        told,
        [
            said(json!({"role": "assistant", "content": ""})),
            said(json!({"reasoning_content": "Weighing"})),
            said(json!({"thinking_blocks": [sealed]})),
            said(json!({"content": "Hi"})),
            said(call(0, "call_1", "get_weather")),
            said(arguments(0, "{\"city\":")),
            said(arguments(0, "\"Paris\"}")),
            chunk("resp_1", json!({}), Some(StopReason::ToolCalls)),
            json!({
                "id": "resp_1", "object": "chat.completion.chunk", "created": 5, "model": "group", "choices": [],
                "usage": {
                    "prompt_tokens": 328, "completion_tokens": 52, "total_tokens": 380,
                    "prompt_tokens_details": {"cached_tokens": 100, "cache_creation_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 32},
                },
            }),
            json!("[DONE]"),
        ]
    );
    assert_eq!(ended.unwrap().usage, Some(USAGE));
}

#[test]
fn a_whole_response_says_what_its_stream_says() {
    let (answer, ended) = told(Front::Chat, SERVER, WHOLE).unwrap();
    assert_eq!(
        answer["choices"][0],
        json!({"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "Hi", "reasoning_content": "Weighing",
            "thinking_blocks": [
                {"type": "thinking", "thinking": "Weighing", "signature": null},
                {"type": "redacted_thinking", "data": "openai-responses:rs_1:gAAA="},
            ],
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Paris\"}"}}],
        }})
    );
    assert_eq!(
        (ended.usage, ended.stop),
        (Some(USAGE), Some(StopReason::ToolCalls))
    );
}

#[test]
fn responses_to_their_own_client_are_passed_on_under_the_clients_name_of_the_model() {
    let (answer, ended) = told(Front::Responses, SERVER, WHOLE).unwrap();
    let mut expected: Value = serde_json::from_str(WHOLE).unwrap();
    expected["model"] = json!("group");
    assert_eq!((answer, ended.usage), (expected, Some(USAGE)));
    let (told, ended) = streamed(Front::Responses, SERVER, STREAM);
    let named = STREAM.replace("\"model\":\"gpt-5\"", "\"model\":\"group\"");
    let lines = named.lines().filter_map(|line| line.strip_prefix("data: "));
    let expected: Vec<Value> = lines
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!((told, ended.unwrap().usage), (expected, Some(USAGE)));
}

fn chat_stream() -> String {
    let say = |delta: Value, reason: Value| {
        let chunk = json!({"id": "c", "model": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
        format!("data: {chunk}\n\n")
    };
    [
        say(json!({"role": "assistant", "content": ""}), Value::Null),
        say(json!({"reasoning_content": "hm"}), Value::Null),
        say(json!({"content": "H"}), Value::Null),
        say(json!({"content": "i"}), Value::Null),
        say(json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}), Value::Null),
        say(json!({}), json!("tool_calls")),
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":6}}\n\ndata: [DONE]\n\n".to_owned(),
    ]
    .concat()
}

const EVENTS: [&str; 20] = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
    "response.output_item.done",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
    "response.completed",
];

#[test]
fn a_chat_is_told_as_events_of_a_response_in_their_order() {
    let body = chat_stream();
    let (told, ended) = streamed(Front::Responses, Api::OpenAiCompletions, &body);
    assert!(ended.is_ok());
    let numbers: Vec<u64> = told
        .iter()
        .map(|it| it["sequence_number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..told.len() as u64).collect::<Vec<_>>());
    let names: Vec<&str> = told.iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(names, EVENTS);
    let response = &told.last().unwrap()["response"];
    assert_eq!(
        (
            &response["id"],
            &response["status"],
            &response["model"],
            &response["created_at"]
        ),
        (
            &json!("resp_c"),
            &json!("completed"),
            &json!("group"),
            &json!(5)
        )
    );
    let output = json!([
        {"id": "rs_7_0", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"id": "msg_7_1", "type": "message", "status": "completed", "role": "assistant",
         "content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}]},
        {"id": "fc_7_2", "type": "function_call", "status": "completed", "call_id": "a", "name": "f", "arguments": "{}"},
    ]);
    assert_eq!(response["output"], output);
    let done: Vec<&Value> = told
        .iter()
        .filter(|it| it["type"] == "response.output_item.done")
        .map(|it| &it["item"])
        .collect();
    assert_eq!(done, output.as_array().unwrap().iter().collect::<Vec<_>>());
    assert_eq!(
        response["usage"],
        json!({"input_tokens": 4, "input_tokens_details": {"cached_tokens": 0},
               "output_tokens": 6, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 10})
    );
    let whole = json!({"id": "c", "model": "x", "choices": [{"finish_reason": "tool_calls", "message": {
        "reasoning_content": "hm", "content": "Hi", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]}}]});
    let (answer, _) =
        self::told(Front::Responses, Api::OpenAiCompletions, &whole.to_string()).unwrap();
    assert_eq!(answer["output"], output);
}

#[test]
fn an_answer_that_ends_early_is_incomplete() {
    let body = |word: &str| {
        json!({"choices": [{"finish_reason": word, "message": {"content": "x"}}]}).to_string()
    };
    for (word, status, details) in [
        (
            "length",
            "incomplete",
            json!({"reason": "max_output_tokens"}),
        ),
        (
            "content_filter",
            "incomplete",
            json!({"reason": "content_filter"}),
        ),
        ("stop", "completed", Value::Null),
    ] {
        let (answer, _) = told(Front::Responses, Api::OpenAiCompletions, &body(word)).unwrap();
        assert_eq!(
            (&answer["status"], &answer["incomplete_details"]),
            (&json!(status), &details)
        );
    }
    for (reason, stop) in [
        ("max_output_tokens", StopReason::Length),
        ("content_filter", StopReason::ContentFilter),
    ] {
        let body = json!({"object": "response", "status": "incomplete", "incomplete_details": {"reason": reason}, "output": []});
        let (_, ended) = told(Front::Chat, SERVER, &body.to_string()).unwrap();
        assert_eq!(ended.stop, Some(stop));
    }
}

#[test]
fn a_response_that_fails_or_is_cut_off_never_ends_well() {
    let cut = &STREAM[..STREAM.find("event: response.completed").unwrap()];
    let failed = "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"object\":\"response\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"no\"}}}\n\n";
    let error = "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"no\",\"param\":null}\n\n";
    for front in [Front::Chat, Front::Messages, Front::Responses] {
        let (_, ended) = streamed(front, SERVER, cut);
        assert!(matches!(ended, Err(Fault::CutOff)));
        for broken in [failed, error] {
            let (_, ended) = streamed(front, SERVER, &format!("{cut}{broken}"));
            let Err(Fault::Refused { body }) = ended else {
                panic!("{ended:?}");
            };
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["error"]["message"], "no");
        }
        for odd in ["{}", "[]", "", "{\"object\":\"list\",\"output\":[]}"] {
            let answer = told(front, SERVER, odd);
            assert!(matches!(answer, Err(Fault::Malformed { .. })), "{odd}");
        }
        let failed =
            r#"{"object":"response","status":"failed","error":{"message":"no"},"output":[]}"#;
        assert!(matches!(
            told(front, SERVER, failed),
            Err(Fault::Refused { .. })
        ));
    }
}
