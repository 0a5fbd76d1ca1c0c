//! Answers of servers that behave.

use std::sync::Arc;

use openclaw_models::{
    Chunk, ModelOptions, Models, ProviderOptions,
    scripted::{Script, ScriptedProvider},
};
use openclaw_types::{StopReason, SystemEnv, Usage};

use crate::{
    collect, hello, options, provider,
    server::{Server, answer},
    start, steward,
};

#[tokio::test]
async fn a_streamed_answer_comes_as_chunks_with_usage_and_a_stop() {
    let server = Server::start(|_| answer(&["Hel", "lo"])).await;
    let models = start(options(vec![provider("litellm", &server.url)]));
    let (chunks, error) = collect(models.stream(&steward(), hello())).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        chunks,
        [
            Chunk::Start {
                provider: "litellm".to_owned(),
                model: "agent/steward".to_owned(),
                head: None,
            },
            Chunk::Text("Hel".to_owned()),
            Chunk::Text("lo".to_owned()),
            Chunk::Usage(Usage {
                input_tokens: 11,
                output_tokens: 2,
                cached_tokens: 4,
                ..Usage::default()
            }),
            Chunk::Stop(StopReason::Stop),
        ]
    );
    assert_eq!(server.chats()[0].path(), "/v1/chat/completions");
}

#[tokio::test]
async fn one_connection_serves_one_call_after_the_other() {
    let server = Server::start(|_| answer(&["Hello"])).await;
    let models = start(options(vec![ProviderOptions {
        models: vec![ModelOptions::named("agent/steward")],
        ..provider("litellm", &server.url)
    }]));
    for _ in 0..5 {
        let (_, error) = collect(models.stream(&steward(), hello())).await;
        assert!(error.is_none(), "{error:?}");
    }
    assert_eq!((server.chats().len(), server.connections()), (5, 1));
}

#[tokio::test]
async fn a_scripted_provider_answers_for_every_agent() {
    let scripted = ScriptedProvider::answering("always");
    scripted.queue(Script::deltas(&["on", "ce"]));
    let models = Models::scripted(scripted.clone(), Arc::new(SystemEnv));
    let text = |chunks: &[Chunk]| {
        let pieces = chunks.iter().filter_map(|chunk| match chunk {
            Chunk::Text(text) => Some(text.as_str()),
            _ => None,
        });
        pieces.collect::<String>()
    };
    for expected in ["once", "always", "always"] {
        let (chunks, error) = collect(models.stream(&steward(), hello())).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(text(&chunks), expected);
    }
    assert_eq!(scripted.requests().len(), 3);
    let profile = models.profile(&steward(), "").await.unwrap();
    assert_eq!(
        (profile.provider.as_str(), profile.model.as_str()),
        ("scripted", "scripted")
    );
}
