use serde_json::json;

use crate::{
    dialect::{
        Fault, Front,
        probe::{asked, fixture, streamed, told},
    },
    options::Api,
};

#[test]
fn a_prompt_is_what_a_person_says() {
    for prompt in [json!("hi"), json!(["hi"])] {
        let ask = json!({"model": "group", "prompt": prompt, "max_tokens": 5, "echo": false, "best_of": 1});
        assert_eq!(
            asked(Front::Completions, Api::Ollama, &ask).unwrap(),
            json!({"model": "up", "stream": false, "options": {"num_predict": 5},
                   "messages": [{"role": "user", "content": "hi"}]})
        );
    }
    for (word, ask) in [
        ("more than one", json!({"prompt": ["a", "b"]})),
        ("tokens", json!({"prompt": [1, 2]})),
        ("suffix", json!({"prompt": "a", "suffix": "b"})),
        ("echo", json!({"prompt": "a", "echo": true})),
    ] {
        let fault = asked(Front::Completions, Api::Gemini, &ask);
        let fault = fault.unwrap_err().to_string();
        assert!(fault.contains(word), "{fault}");
    }
    let odd = asked(Front::Completions, Api::Gemini, &json!({}));
    assert!(matches!(odd, Err(Fault::Field { .. })));
}

#[test]
fn what_the_model_says_is_a_text() {
    let body = r#"{"type":"message","id":"m","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"hi"}],"stop_reason":"max_tokens","usage":{"input_tokens":1,"output_tokens":2}}"#;
    let (answer, _) = told(Front::Completions, Api::AnthropicMessages, body).unwrap();
    assert_eq!(
        answer,
        json!({
            "id": "m", "object": "text_completion", "created": 5, "model": "group",
            "choices": [{"text": "hi", "index": 0, "logprobs": null, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        })
    );
    let lines = fixture!("ollama_chat.ndjson");
    let (told, ended) = streamed(Front::Completions, Api::Ollama, lines);
    assert!(ended.is_ok());
    let line = |choices| json!({"id": "cmpl-7", "object": "text_completion", "created": 5, "model": "group", "choices": choices});
    let said = |text: &str, reason: Option<&str>| {
        line(json!([{"text": text, "index": 0, "logprobs": null, "finish_reason": reason}]))
    };
    let mut usage = line(json!([]));
    usage["usage"] = json!({"prompt_tokens": 26, "completion_tokens": 282, "total_tokens": 308});
    assert_eq!(
        told,
        [
            said("It is", None),
            said(" ü.", None),
            said("", Some("stop")),
            usage,
            json!("[DONE]")
        ]
    );
}
