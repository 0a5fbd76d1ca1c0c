//! What holds of every chat and of every stream, whatever is in it.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    Front, Translator,
    fields::Fields,
    messages,
    probe::{asked_of, bytes, fixture, origin},
    request, responses, whole,
};
use crate::{
    options::Api,
    sse::{self, Event},
};

const FRONTS: [Front; 5] = [
    Front::Chat,
    Front::Completions,
    Front::Embeddings,
    Front::Responses,
    Front::Messages,
];
const APIS: [Api; 5] = [
    Api::OpenAiCompletions,
    Api::AnthropicMessages,
    Api::OpenAiResponses,
    Api::Gemini,
    Api::Ollama,
];

/// Text that is not nothing, for what says nothing is left out.
fn text() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\\n ]{0,12}[a-z]"
}

/// What a person says, and perhaps shows.
fn said() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        (text(), "[A-Za-z0-9+/]{4,8}").prop_map(|(text, data)| json!([
            {"type": "text", "text": text},
            {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{data}")}},
        ])),
    ]
}

/// A turn of both: the person asks, the model calls or doesn't and gets its results.
fn turn() -> impl Strategy<Value = Vec<Value>> {
    let calls = prop::collection::vec(("[a-z]{1,6}", any::<i32>(), text()), 0..4);
    (said(), text(), calls, any::<u32>()).prop_map(|(asked, answer, calls, seed)| {
        let mut turn = vec![json!({"role": "user", "content": asked})];
        let mut reply = json!({"role": "assistant", "content": answer});
        if !calls.is_empty() {
            let made = calls.iter().enumerate().map(|(place, (name, number, _))| json!({
                "id": format!("call_{seed}_{place}"), "type": "function",
                "function": {"name": name, "arguments": json!({"n": number}).to_string()},
            }));
            reply["tool_calls"] = made.collect();
        }
        turn.push(reply);
        turn.extend(calls.iter().enumerate().map(|(place, (_, _, result))| {
            json!({"role": "tool", "tool_call_id": format!("call_{seed}_{place}"), "content": result})
        }));
        if !calls.is_empty() {
            turn.push(json!({"role": "assistant", "content": "done"}));
        }
        turn
    })
}

fn chat() -> impl Strategy<Value = Value> {
    (text(), prop::collection::vec(turn(), 1..4)).prop_map(|(system, turns)| {
        let mut messages = vec![json!({"role": "system", "content": system})];
        messages.extend(turns.into_iter().flatten());
        json!({"model": "group", "max_tokens": 9, "messages": messages})
    })
}

type Asked = Result<Map<String, Value>, super::Fault>;

/// What a chat is asked as in another dialect, read back as a client of that dialect would say it.
fn back(api: Api, chat: &Value, read: impl Fn(&Map<String, Value>) -> Asked) -> Value {
    let (_, asked) = asked_of((Front::Chat, api, "group"), chat, false).unwrap();
    let told = read(asked.as_object().unwrap()).unwrap();
    Value::Array(told["messages"].as_array().unwrap().clone())
}

/// What a client is told of bytes that come in the given pieces.
fn cut_up(front: Front, api: Api, body: &[u8], cuts: &[prop::sample::Index]) -> Vec<u8> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len())).collect();
    ends.push(body.len());
    ends.sort_unstable();
    let (mut parser, mut start) = (sse::Parser::new(), 0);
    let mut translator = Translator::new(front, api, &origin()).unwrap();
    let mut out = BytesMut::new();
    for end in ends {
        parser.push(&body[start..end]);
        start = end;
        while let Some(event) = parser.next_event() {
            translator.push(&event.unwrap(), &mut out).unwrap();
        }
    }
    translator.finish(&mut out).unwrap();
    out.to_vec()
}

proptest! {
    #[test]
    fn a_chat_keeps_its_meaning_through_messages_and_responses(chat in chat()) {
        let messages = chat["messages"].clone();
        prop_assert_eq!(&back(Api::AnthropicMessages, &chat, messages::to_chat), &messages);
        prop_assert_eq!(&back(Api::OpenAiResponses, &chat, responses::to_chat), &messages);
    }

    #[test]
    fn every_dialect_takes_every_such_chat(chat in chat()) {
        for api in APIS {
            let (prepared, _) = asked_of((Front::Chat, api, "m"), &chat, false).unwrap();
            prop_assert!(prepared.path.starts_with('/'));
        }
    }

    #[test]
    fn however_bytes_are_cut_up_every_client_is_told_the_same(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        for (api, body) in [
            (Api::Gemini, fixture!("gemini_stream.txt")),
            (Api::OpenAiResponses, fixture!("responses_stream.txt")),
        ] {
            for front in [Front::Chat, Front::Completions, Front::Messages, Front::Responses] {
                let (expected, ended) = bytes(front, api, body, &origin());
                prop_assert!(ended.is_ok());
                prop_assert_eq!(cut_up(front, api, body.as_bytes(), &cuts), expected.to_vec());
            }
        }
    }

    #[test]
    fn no_bytes_make_any_dialect_panic(junk in ".{0,60}", shape in shape(3)) {
        for body in [Bytes::from(junk), Bytes::from(shape.to_string())] {
            hold(&body);
        }
    }
}

/// JSON made of the words that dialects look for, each where it does not belong.
fn shape(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "(error|message|response|text|data:;base64,|data:x|function_call|reasoning|user|tool)"
            .prop_map(Value::from),
    ];
    let word = "(type|role|messages|message|content|parts|input|item|output|response|object|error|candidates|\
                choices|delta|tool_calls|function|functionCall|arguments|tools|tool_choice|prompt|text|stop|\
                response_format|json_schema|image_url|thinking|thinking_blocks|usage|done|embedding|embeddings)";
    leaf.prop_recursive(depth, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec((word, inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Every way is gone with the same bytes, and ends in an answer or a fault.
fn hold(body: &Bytes) {
    let extra = Map::new();
    for (front, api) in FRONTS
        .into_iter()
        .flat_map(|front| APIS.map(|api| (front, api)))
    {
        let to = super::Target {
            model: "m",
            is_streaming: true,
            extra: &extra,
            drop_params: false,
            max_output: 0,
        };
        if let Ok(prepared) = request(front, api, body, &to) {
            assert!(Fields::read(&prepared.body).is_ok(), "{front:?} {api:?}");
        }
        if let Ok(answer) = whole(front, api, body, &origin()) {
            assert!(Fields::read(&answer.body).is_ok(), "{front:?} {api:?}");
        }
        let Ok(mut translator) = Translator::new(front, api, &origin()) else {
            continue;
        };
        let (name, data) = (Bytes::new(), body.clone());
        let mut out = BytesMut::new();
        let pushed = translator.push(&Event { name, data }, &mut out).is_ok();
        let is_stopped = translator.is_stopped();
        assert_eq!(translator.finish(&mut out).is_ok(), is_stopped, "{pushed}");
    }
}
