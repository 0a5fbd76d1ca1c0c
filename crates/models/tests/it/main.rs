//! Model calls for real: a loopback server that misbehaves in every way a model server can.
#![expect(
    clippy::expect_used,
    reason = "what the tests share is test code too, and it ends a test by panicking"
)]

mod again;
mod answers;
mod bounds;
mod catalog;
mod discovery;
mod exchange;
mod faults;
mod groups;
mod local;
mod recording;
mod redis;
mod seeds;
mod server;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::StreamExt;
use openclaw_models::{
    Api, Chunk, ChunkStream, Deadlines, DiscoveryOptions, Error, Models, Options, ProviderOptions,
    Request, Transport,
};
use openclaw_process::Launcher;
use openclaw_types::{AgentId, Message, Role, SystemEnv};
use tokio_util::sync::CancellationToken;

/// Generous: reached only when something is wrong.
const DEADLINE: Duration = Duration::from_secs(30);

/// Short enough for a test, long enough for a busy machine.
const DEADLINES: Deadlines = Deadlines {
    connect_ms: 5_000,
    first_byte_ms: 5_000,
    idle_ms: 5_000,
    total_ms: 20_000,
};

fn provider(id: &str, base_url: &str) -> ProviderOptions {
    ProviderOptions {
        id: id.to_owned(),
        base_url: base_url.to_owned(),
        api: Api::OpenAiCompletions,
        key: None,
        key_variable: None,
        headers: Vec::new(),
        deadlines: DEADLINES,
        models: Vec::new(),
        transport: Transport::Tcp,
        recordings: None,
    }
}

fn options(providers: Vec<ProviderOptions>) -> Options {
    Options {
        providers,
        aliases: BTreeMap::new(),
        agent_models: BTreeMap::new(),
        default_model: None,
        failover: BTreeMap::new(),
        routing: openclaw_models::RoutingOptions::default(),
        discovery: DiscoveryOptions {
            enabled: false,
            environment_keys: BTreeMap::new(),
            base_urls: BTreeMap::new(),
            litellm_url: "http://127.0.0.1:9".to_owned(),
            litellm_key: None,
            ollama_url: "http://127.0.0.1:9".to_owned(),
            deadlines: DEADLINES,
            instance: None,
        },
        local: None,
        catalog: openclaw_models::catalog::Options {
            dir: "/nonexistent".into(),
            launcher: Launcher::new("/nonexistent".into()),
            environment: Vec::new(),
        },
        proxy: None,
        accounts: None,
        cache: None,
        record: None,
    }
}

fn start(options: Options) -> Models {
    Models::start(options, Arc::new(SystemEnv), CancellationToken::new()).expect("options are good")
}

fn steward() -> AgentId {
    AgentId::parse("steward").expect("a good id")
}

fn hello() -> Request {
    Request {
        messages: vec![Message::text(Role::User, "Hello")],
        ..Request::default()
    }
}

/// Everything up to the end or the first error.
async fn collect(mut stream: ChunkStream) -> (Vec<Chunk>, Option<Error>) {
    let mut chunks = Vec::new();
    let all = async {
        while let Some(chunk) = stream.next().await {
            match chunk {
                // Every server's head is another; `recording` looks at them.
                Ok(Chunk::Start {
                    provider, model, ..
                }) => chunks.push(Chunk::Start {
                    provider,
                    model,
                    head: None,
                }),
                Ok(chunk) => chunks.push(chunk),
                Err(error) => return Some(error),
            }
        }
        None
    };
    let error = tokio::time::timeout(DEADLINE, all)
        .await
        .expect("the stream ends");
    (chunks, error)
}
