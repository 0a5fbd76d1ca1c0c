use proptest::prelude::*;

use super::*;
use crate::sse;

const ORIGIN: &str = "group";

fn origin() -> Origin {
    Origin {
        model: Some(ORIGIN.to_owned()),
        ..Origin::default()
    }
}

fn target(extra: &Map<String, Value>, is_streaming: bool) -> Target<'_> {
    Target {
        model: "up/stream",
        is_streaming,
        extra,
        drop_params: false,
        max_output: 0,
    }
}

fn asked(body: &str, is_streaming: bool) -> String {
    let extra = Map::new();
    let body = Bytes::copy_from_slice(body.as_bytes());
    let to = target(&extra, is_streaming);
    let prepared = request(Front::Chat, Api::OpenAiCompletions, &body, &to).unwrap();
    assert_eq!(prepared.path, "/chat/completions");
    String::from_utf8(prepared.body.to_vec()).unwrap()
}

#[test]
fn the_same_dialect_changes_the_model_and_nothing_else() {
    for (body, expected) in [
        (
            "{ \"model\" : \"a\",\n\t\"x\":1.0e+5, \"x\":[ ] ,\"\\u0061\":\"\\/\"}",
            "{ \"model\" : \"up/stream\",\n\t\"x\":1.0e+5, \"x\":[ ] ,\"\\u0061\":\"\\/\"}",
        ),
        ("{}", r#"{"model":"up/stream"}"#),
        (
            r#"{"a":{"model":"b}"}}  "#,
            r#"{"a":{"model":"b}"},"model":"up/stream"}  "#,
        ),
        (
            r#"{"model":null,"model":"twice"}"#,
            r#"{"model":"up/stream","model":"up/stream"}"#,
        ),
    ] {
        assert_eq!(asked(body, false), expected);
    }
}

#[test]
fn a_stream_is_asked_for_its_usage_and_keeps_its_other_options() {
    assert_eq!(
        asked(r#"{"model":"a","stream":true}"#, true),
        r#"{"model":"up/stream","stream":true,"stream_options":{"include_usage":true}}"#
    );
    assert_eq!(
        asked(
            r#"{"model":"a","stream_options":{"x":[1],"include_usage":false}}"#,
            true
        ),
        r#"{"model":"up/stream","stream_options":{"x":[1],"include_usage":true}}"#
    );
    assert_eq!(
        asked(r#"{"model":"a","stream_options":null}"#, true),
        r#"{"model":"up/stream","stream_options":{"include_usage":true}}"#
    );
}

#[test]
fn what_a_deployment_adds_never_replaces_what_the_client_said() {
    let extra = serde_json::json!({"temperature": 0.5, "top_k": 3});
    let body = Bytes::from_static(br#"{"temperature":1}"#);
    let to = target(extra.as_object().unwrap(), false);
    let prepared = request(Front::Embeddings, Api::OpenAiCompletions, &body, &to).unwrap();
    assert_eq!(
        prepared.body,
        r#"{"temperature":1,"model":"up/stream","top_k":3}"#
    );
    assert_eq!(prepared.path, "/embeddings");
}

#[test]
fn a_removed_field_takes_only_itself_along() {
    let text = br#"{ "a": [1, 2], "cache": {"ttl": 1}, "b": "\u0062" }"#;
    let fields = Fields::read(text).unwrap();
    let with = fields.with(&[("cache", Change::Remove), ("model", Change::Set("1"))]);
    assert_eq!(with, br#"{"a":[1, 2],"b":"\u0062","model":1}"#);
}

#[test]
fn what_is_no_object_is_said_to_be_none() {
    let extra = Map::new();
    for body in ["", "[]", "nul", "{\"a\":}", "{\"a\":\"\u{1}\"}"] {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let refused = request(
            Front::Chat,
            Api::OpenAiCompletions,
            &body,
            &target(&extra, false),
        );
        assert!(matches!(refused, Err(Fault::NoObject { .. })), "{body:?}");
    }
}

#[test]
fn a_whole_answer_keeps_every_byte_but_the_models_name() {
    let body = Bytes::from_static(br#"{"id":"x", "model":"mock","choices":[{"finish_reason":"length","message":{"content":"hi","odd":[1.50]}}],"usage":{"prompt_tokens":12,"completion_tokens":18,"prompt_tokens_details":{"cached_tokens":3}}}"#);
    let answer = whole(Front::Chat, Api::OpenAiCompletions, &body, &origin()).unwrap();
    let text = std::str::from_utf8(&body).unwrap();
    assert_eq!(answer.body, text.replace("\"mock\"", "\"group\""));
    assert_eq!(
        (answer.stop, answer.model.as_deref()),
        (Some(StopReason::Length), Some("mock"))
    );
    let usage = answer.usage.unwrap();
    assert_eq!(
        (usage.input_tokens, usage.output_tokens, usage.cached_tokens),
        (12, 18, 3)
    );
    let own = whole(
        Front::Chat,
        Api::OpenAiCompletions,
        &body,
        &Origin::default(),
    )
    .unwrap();
    assert_eq!(own.body, body);
}

#[test]
fn a_good_status_does_not_make_an_answer() {
    for (body, is_refusal) in [
        (r#"{"error":{"message":"no"}}"#, true),
        (r#"{"base_resp":{"status_code":1004},"choices":null}"#, true),
        ("", false),
        ("  ", false),
        ("{}", false),
        (r#"{"choices":[]}"#, false),
        ("<html>", false),
        (r#"{"id":"cut","choices":[{"mess"#, false),
    ] {
        let body = Bytes::copy_from_slice(body.as_bytes());
        match whole(Front::Chat, Api::OpenAiCompletions, &body, &origin()) {
            Err(Fault::Refused { body: told }) => assert!(is_refusal && told == body, "{body:?}"),
            Err(Fault::Malformed { .. }) => assert!(!is_refusal, "{body:?}"),
            other => panic!("{body:?}: {other:?}"),
        }
    }
    let fine = Bytes::from_static(
        br#"{"error":null,"base_resp":{"status_code":0},"choices":[{"message":{}}]}"#,
    );
    assert!(whole(Front::Chat, Api::OpenAiCompletions, &fine, &origin()).is_ok());
}

const STREAM: &str = "data: {\"model\":\"mock\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
: a comment\n\n\
data: {\"model\":\"mock\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\u{e4}\"}}]}\r\n\r\n\
data: {\"model\":\"mock\",\ndata: \"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
data: {\"model\":\"mock\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n\
data: [DONE]\n\n";

/// Every event's progress, and everything that is told to the client.
fn streamed(pieces: &[&[u8]], from: &Origin) -> (Vec<Progress>, Result<Ended, Fault>, String) {
    let mut parser = sse::Parser::new();
    let mut translator = Translator::new(Front::Chat, Api::OpenAiCompletions, from).unwrap();
    let (mut told, mut out) = (Vec::new(), bytes::BytesMut::new());
    for piece in pieces {
        parser.push(piece);
        while let Some(event) = parser.next_event() {
            match translator.push(&event.unwrap(), &mut out) {
                Ok(progress) => told.push(progress),
                Err(fault) => return (told, Err(fault), String::from_utf8(out.to_vec()).unwrap()),
            }
        }
    }
    let ended = translator.finish(&mut out);
    (told, ended, String::from_utf8(out.to_vec()).unwrap())
}

#[test]
fn a_stream_passes_with_the_clients_name_of_the_model_and_the_usage_only_on_request() {
    let (told, ended, text) = streamed(&[STREAM.as_bytes()], &origin());
    let content: Vec<bool> = told.iter().map(|told| told.has_content).collect();
    assert_eq!(content, [false, true, false, false, false]);
    assert!(told.last().unwrap().is_done);
    let ended = ended.unwrap();
    assert_eq!(ended.stop, Some(StopReason::Stop));
    assert_eq!(ended.usage.unwrap().output_tokens, 4);
    assert_eq!(
        text,
        "data: {\"model\":\"group\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
         data: {\"model\":\"group\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\u{e4}\"}}]}\n\n\
         data: {\"model\":\"group\", \"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
         data: [DONE]\n\n"
    );
    let asking = Origin {
        shows_usage: true,
        ..Origin::default()
    };
    let (_, _, text) = streamed(&[STREAM.as_bytes()], &asking);
    assert!(text.contains("\"completion_tokens\":4") && text.contains("\"mock\""));
}

#[test]
fn a_stream_without_a_reason_to_stop_is_cut_off_and_one_without_an_end_mark_is_not() {
    let cut = &STREAM[..STREAM.find("data: {\"model\":\"mock\",\ndata").unwrap()];
    let (_, ended, text) = streamed(&[cut.as_bytes()], &origin());
    assert!(matches!(ended, Err(Fault::CutOff)) && !text.contains("[DONE]"));
    let unmarked = &STREAM[..STREAM.find("data: [DONE]").unwrap()];
    let (_, ended, text) = streamed(&[unmarked.as_bytes()], &origin());
    assert!(ended.is_ok() && text.ends_with("data: [DONE]\n\n"));
}

#[test]
fn an_error_in_a_stream_is_told_in_the_clients_words() {
    for event in [
        "data: {\"error\":{\"message\":\"no\"}}\n\n",
        "event: error\ndata: it broke\n\n",
        "data: {\"base_resp\":{\"status_code\":1002}}\n\n",
    ] {
        let (_, ended, _) = streamed(&[event.as_bytes()], &origin());
        assert!(matches!(ended, Err(Fault::Refused { .. })), "{event}");
    }
    let (_, ended, _) = streamed(&[b"data: nonsense\n\n"], &origin());
    assert!(matches!(ended, Err(Fault::Malformed { .. })));
    let mut translator = Translator::new(Front::Chat, Api::OpenAiCompletions, &origin()).unwrap();
    let mut out = bytes::BytesMut::new();
    translator.error("it \"broke\"", crate::Kind::Overloaded, 500, &mut out);
    assert_eq!(
        &out[..],
        b"data: {\"error\":{\"message\":\"it \\\"broke\\\"\",\"type\":\"overloaded\",\"param\":null,\"code\":\"500\"}}\n\n"
    );
}

proptest! {
    #[test]
    fn however_a_stream_is_cut_up_the_client_is_told_the_same(cuts in prop::collection::vec(0..STREAM.len(), 0..12)) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&STREAM.as_bytes()[from..cut]);
            from = cut;
        }
        pieces.push(&STREAM.as_bytes()[from..]);
        let (told, ended, text) = streamed(&pieces, &origin());
        let (told_at_once, ended_at_once, at_once) = streamed(&[STREAM.as_bytes()], &origin());
        prop_assert_eq!((told, text), (told_at_once, at_once));
        prop_assert_eq!(ended.ok(), ended_at_once.ok());
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let extra = Map::new();
        let bytes = Bytes::from(body);
        drop(request(Front::Chat, Api::OpenAiCompletions, &bytes, &target(&extra, true)));
        drop(whole(Front::Chat, Api::OpenAiCompletions, &bytes, &origin()));
        let event = sse::Event { name: Bytes::new(), data: bytes };
        let mut translator = Translator::new(Front::Chat, Api::OpenAiCompletions, &origin()).unwrap();
        drop(translator.push(&event, &mut bytes::BytesMut::new()));
    }

    #[test]
    fn whatever_an_object_holds_only_the_model_changes(
        fields in prop::collection::btree_map("[a-z\"\\\\ä]{0,6}", "[ -~ä\u{1f600}]{0,8}", 0..6)
    ) {
        let before: Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        let after: Map<String, Value> =
            serde_json::from_str(&asked(&Value::from(before.clone()).to_string(), false)).unwrap();
        let mut expected = before;
        expected.insert("model".to_owned(), Value::from("up/stream"));
        prop_assert_eq!(after, expected);
    }
}
