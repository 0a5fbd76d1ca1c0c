use bytes::Bytes;
use serde_json::json;

use crate::{
    dialect::{
        Fault, Front, Origin,
        probe::{asked_of, origin, told},
        whole,
    },
    options::Api,
};

#[test]
fn embeddings_are_asked_for_in_each_servers_words() {
    let ask = json!({"model": "group", "input": ["a", "b"], "dimensions": 2, "encoding_format": "base64", "user": "u"});
    let way = |api| asked_of((Front::Embeddings, api, "up"), &ask, false).unwrap();
    let (prepared, body) = way(Api::Ollama);
    assert_eq!(
        (prepared.path.as_ref(), prepared.answers_by_tool),
        ("/api/embed", true)
    );
    assert_eq!(
        body,
        json!({"model": "up", "input": ["a", "b"], "dimensions": 2})
    );
    let (prepared, body) = way(Api::Gemini);
    assert_eq!(prepared.path, "/models/up:batchEmbedContents");
    let one = |text: &str| json!({"model": "models/up", "content": {"parts": [{"text": text}]}, "outputDimensionality": 2});
    assert_eq!(body, json!({"requests": [one("a"), one("b")]}));
    for (input, word) in [
        (json!([1, 2]), "tokens"),
        (json!([]), "`input`"),
        (json!(null), "`input`"),
    ] {
        let ask = json!({"input": input});
        let fault = asked_of((Front::Embeddings, Api::Ollama, "up"), &ask, false);
        let fault = fault.unwrap_err().to_string();
        assert!(fault.contains(word), "{fault}");
    }
    let fault = asked_of(
        (Front::Embeddings, Api::AnthropicMessages, "up"),
        &ask,
        false,
    );
    assert!(matches!(fault, Err(Fault::Unspeakable { .. })));
}

#[test]
fn every_shape_of_numbers_is_told_in_openais_words() {
    for (api, body, tokens) in [
        (
            Api::Ollama,
            r#"{"model":"m","embeddings":[[0.5,-1]],"total_duration":1,"prompt_eval_count":4}"#,
            4,
        ),
        (Api::Ollama, r#"{"embedding":[0.5,-1]}"#, 0),
        (Api::Gemini, r#"{"embeddings":[{"values":[0.5,-1]}]}"#, 0),
        (Api::Gemini, r#"{"embedding":{"values":[0.5,-1]}}"#, 0),
    ] {
        let (answer, ended) = told(Front::Embeddings, api, body).unwrap();
        assert_eq!(
            answer,
            json!({
                "object": "list", "model": "group",
                "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            })
        );
        assert_eq!(ended.usage.map_or(0, |usage| usage.input_tokens), tokens);
        let from = Origin {
            answers_by_tool: true,
            ..origin()
        };
        let packed = whole(
            Front::Embeddings,
            api,
            &Bytes::copy_from_slice(body.as_bytes()),
            &from,
        );
        let packed: serde_json::Value = serde_json::from_slice(&packed.unwrap().body).unwrap();
        assert_eq!(packed["data"][0]["embedding"], "AAAAPwAAgL8=");
    }
    assert!(matches!(
        told(Front::Embeddings, Api::Ollama, r#"{"error":"no"}"#),
        Err(Fault::Refused { .. })
    ));
    for odd in [
        "{}",
        "[]",
        "",
        r#"{"embeddings":[]}"#,
        r#"{"embeddings":[["x"]]}"#,
    ] {
        let answer = told(Front::Embeddings, Api::Gemini, odd);
        assert!(matches!(answer, Err(Fault::Malformed { .. })), "{odd}");
    }
}
