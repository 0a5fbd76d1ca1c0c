//! The same request twice: the second answer is the first one's, costs nothing, and asks nobody.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use openclaw_accounts::{Accounts, Caller, Query};
use openclaw_models::{
    DeploymentOptions, Models,
    cache::{Controls as CacheControls, Options, Place},
    dialect::Front,
    exchange::{Answer, Ask, Body, Controls},
};
use openclaw_types::{Price, SystemEnv};

use crate::{
    DEADLINE, DEADLINES, options,
    server::{Act, Server, answer, delta, end, stream_head, whole},
    start,
};

const DOCUMENT: &str = r#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"all"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

struct World {
    server: Server,
    models: Models,
    accounts: Accounts,
    _home: tempfile::TempDir,
}

impl World {
    async fn start(rule: impl Fn(bool) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let server = Server::start(move |asked| rule(asked.body.contains("\"stream\":true"))).await;
        let home = tempfile::tempdir().expect("a directory");
        let stated = openclaw_accounts::Options::new(home.path().join("router"));
        let accounts = Accounts::open(stated, std::sync::Arc::new(SystemEnv)).expect("accounts");
        let mut options = options(Vec::new());
        options.accounts = Some(accounts.clone());
        options.cache = Some(Options {
            place: Place::Memory { bytes_max: 1 << 20 },
            ttl: None,
            namespace: String::new(),
            only_when_asked: false,
            fronts: Vec::new(),
        });
        options.routing.deployments = vec![DeploymentOptions {
            base_url: Some(server.url.clone()),
            price: Price::per_token_usd(1.0, 1.0, None, None),
            ..DeploymentOptions::named("group", "somebody", "m", DEADLINES)
        }];
        Self {
            server,
            models: start(options),
            accounts,
            _home: home,
        }
    }

    async fn ask(&self, text: &str, is_streaming: bool, cache: &str) -> Answer {
        let body = format!(
            r#"{{"stream":{is_streaming},"messages":[{{"role":"user","content":"{text}"}}]}}"#
        );
        let ask = Ask {
            is_streaming,
            controls: Controls {
                cache: CacheControls::read(cache).expect("controls"),
                ..Controls::default()
            },
            ..Ask::new(Caller::Open, Front::Chat, "group", Bytes::from(body))
        };
        tokio::time::timeout(DEADLINE, self.models.exchange(ask))
            .await
            .expect("it ends")
            .expect("an answer")
    }
}

async fn read(answer: Answer) -> (bool, String) {
    let bytes = match answer.body {
        Body::Whole(bytes) => bytes.to_vec(),
        Body::Events(events) => {
            let all = tokio::time::timeout(DEADLINE, events.collect::<Vec<Bytes>>());
            all.await.expect("it ends").concat()
        }
        Body::Raw(_) => Vec::new(),
    };
    (
        answer.by.is_cached,
        String::from_utf8(bytes).expect("UTF-8"),
    )
}

#[tokio::test]
async fn the_same_request_is_answered_again_for_nothing() {
    let world = World::start(|is_streaming| match is_streaming {
        true => answer(&["h", "i"]),
        false => vec![whole(200, "", DOCUMENT)],
    })
    .await;
    for is_streaming in [false, true] {
        let first = read(world.ask("hello", is_streaming, "null").await).await;
        let second = read(world.ask("hello", is_streaming, "null").await).await;
        assert!(!first.0 && second.0, "{is_streaming}");
        assert_eq!(first.1, second.1);
        assert!(!first.1.is_empty());
    }
    assert_eq!(world.server.asked().len(), 2);
    let spent = world.accounts.spend(&Query::default(), &[]).total;
    assert_eq!(spent.requests, 4);
    let logs = world
        .accounts
        .logs(&Query::default(), 10)
        .expect("a ledger");
    let costs: Vec<bool> = logs
        .iter()
        .map(|log| log.cost.is_some_and(|cost| cost.is_zero()))
        .collect();
    assert_eq!(costs, [true, false, true, false]);
}

#[tokio::test]
async fn a_request_may_refuse_an_old_answer_or_leave_none() {
    let world = World::start(|_| vec![whole(200, "", DOCUMENT)]).await;
    let cached = async |text: &str, cache: &str| read(world.ask(text, false, cache).await).await.0;
    assert!(!cached("a", r#"{"no-store":true}"#).await);
    assert!(!cached("a", "null").await);
    assert!(cached("a", "null").await);
    assert!(!cached("a", r#"{"no-cache":true}"#).await);
    assert!(!cached("a", r#"{"namespace":"other"}"#).await);
    assert!(cached("a", r#"{"namespace":"other"}"#).await);
    assert!(!cached("b", "null").await);
    assert_eq!(world.server.asked().len(), 5);
}

#[tokio::test]
async fn a_stream_that_breaks_or_that_nobody_hears_to_its_end_is_not_kept() {
    let world = World::start(|_| {
        vec![
            stream_head(),
            delta("h"),
            Act::Wait(Duration::from_millis(20)),
            Act::Reset,
        ]
    })
    .await;
    for _ in 0..2 {
        let (is_cached, text) = read(world.ask("a", true, "null").await).await;
        assert!(
            !is_cached && !text.contains("[DONE]") && text.contains("error"),
            "{text}"
        );
    }
    let world = World::start(|_| [answer(&["h", "i"]), vec![end()]].concat()).await;
    drop(world.ask("a", true, "null").await);
    assert!(!world.ask("a", true, "null").await.by.is_cached);
}
