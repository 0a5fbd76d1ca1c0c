//! What holds of anything that a client asks or a model server answers, between any two dialects.
//!
//! The first byte says who speaks to whom; the rest is a request, a whole answer, and the lines of a stream, all at once.

use bytes::{Bytes, BytesMut};
use openclaw_models::{
    dialect::{Fault, Fields, Front, Origin, Target, Translator, request, whole},
    options::Api,
    sse::Event,
};
use serde_json::Map;

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

pub(crate) fn holds(bytes: &[u8]) {
    let Some((&way, said)) = bytes.split_first() else {
        return;
    };
    let way = usize::from(way);
    let (front, api) = (FRONTS[way % 5], APIS[way / 5 % 5]);
    let said = Bytes::copy_from_slice(said);
    let extra = Map::new();
    let to = Target {
        model: "m",
        is_streaming: way >= 128,
        extra: &extra,
        drop_params: false,
        max_output: 0,
    };
    if let Ok(prepared) = request(front, api, &said, &to) {
        assert!(prepared.path.starts_with('/'));
        assert!(
            Fields::read(&prepared.body).is_ok(),
            "a request is an object"
        );
    }
    let from = Origin {
        model: Some("m".to_owned()),
        ..Origin::default()
    };
    match whole(front, api, &said, &from) {
        Ok(answer) => assert!(Fields::read(&answer.body).is_ok(), "an answer is an object"),
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
    if let Ok(translator) = Translator::new(front, api, &from) {
        stream(translator, &said);
    }
}

/// An end is told if and only if the model said why it stopped.
fn stream(mut translator: Translator, said: &Bytes) {
    let mut out = BytesMut::new();
    for line in said.split(|&byte| byte == b'\n') {
        let event = Event {
            name: Bytes::new(),
            data: said.slice_ref(line),
        };
        if translator.push(&event, &mut out).is_err() {
            return;
        }
    }
    let is_stopped = translator.is_stopped();
    match translator.finish(&mut out) {
        Ok(ended) => assert!(is_stopped && ended.stop.is_some()),
        Err(fault) => assert!(!is_stopped && matches!(fault, Fault::CutOff)),
    }
}
