//! Requests in clients' words: whatever a server does, the client gets an answer, an error, or a stream that says
//! how it broke, and gets it in time.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use openclaw_accounts::{Accounts, Allowance, Caller, Query};
use openclaw_models::{
    Deadlines, DeploymentOptions, Kind, ModelOptions, Models, Phase, ProviderOptions, Secret,
    dialect::Front,
    exchange::{Answer, Ask, Body, Controls, Failure, Passthrough, Upstream},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    scripted::{Script, ScriptedProvider},
};
use openclaw_types::{AgentId, Money, Price, SystemEnv, Usage};
use tokio::time::Instant;

use crate::{
    DEADLINE, DEADLINES, options, provider,
    server::{Act, Server, answer, delta, end, piece, stream_head, whole},
    start, steward,
};

const QUICK: Deadlines = Deadlines {
    connect_ms: 2_000,
    first_byte_ms: 150,
    idle_ms: 150,
    total_ms: 20_000,
};

const CHAT: &str = r#"{"model":"x","messages":[{"role":"user","content":"Hello"}],"max_tokens":9}"#;
const DOCUMENT: &str = r#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"all"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

fn frame(text: &str) -> Act {
    piece(&format!("data: {text}\n\n"))
}

fn ask(front: Front, reference: &str, is_streaming: bool) -> Ask {
    let body = match front {
        Front::Chat | Front::Messages => CHAT,
        Front::Completions => r#"{"model":"x","prompt":"Hello"}"#,
        Front::Embeddings => r#"{"model":"x","input":"Hello"}"#,
        Front::Responses => r#"{"model":"x","input":"Hello"}"#,
    };
    let body = if is_streaming {
        body.replacen('{', "{\"stream\":true,", 1)
    } else {
        body.to_owned()
    };
    Ask {
        is_streaming,
        ..Ask::new(Caller::Open, front, reference, Bytes::from(body))
    }
}

/// Providers `p0`, `p1` and so on, each at a server of its own; `p0/m` falls back to all others, in order.
struct Chain {
    servers: Vec<Server>,
    models: Models,
}

impl Chain {
    async fn start(deadlines: Deadlines, rules: Vec<Vec<Act>>) -> Self {
        Self::start_with(deadlines, rules, None).await
    }

    async fn start_with(
        deadlines: Deadlines,
        rules: Vec<Vec<Act>>,
        accounts: Option<Accounts>,
    ) -> Self {
        let (mut servers, mut providers) = (Vec::new(), Vec::new());
        let count = rules.len();
        for (place, acts) in rules.into_iter().enumerate() {
            let server = Server::start(move |_| acts.clone()).await;
            providers.push(ProviderOptions {
                deadlines,
                key: Some(Secret::new("sk-of-the-provider")),
                models: vec![ModelOptions::named("m")],
                ..provider(&format!("p{place}"), &server.url)
            });
            servers.push(server);
        }
        let mut options = options(providers);
        options.accounts = accounts;
        let others = (1..count).map(|place| format!("p{place}/m")).collect();
        options.failover.insert("p0/m".to_owned(), others);
        Self {
            servers,
            models: start(options),
        }
    }

    async fn exchange(&self, ask: Ask) -> Result<Answer, Failure> {
        tokio::time::timeout(DEADLINE, self.models.exchange(ask))
            .await
            .expect("it ends")
    }

    fn calls(&self) -> Vec<usize> {
        self.servers
            .iter()
            .map(|server| server.asked().len())
            .collect()
    }
}

/// What a client sees of a body.
async fn read(body: Body) -> String {
    let text = async {
        match body {
            Body::Whole(bytes) => bytes.to_vec(),
            Body::Events(events) => events.collect::<Vec<Bytes>>().await.concat(),
            Body::Raw(pieces) => {
                let pieces: Vec<_> = pieces.collect().await;
                let good = pieces.into_iter().map_while(Result::ok);
                good.collect::<Vec<Bytes>>().concat()
            }
        }
    };
    let text = tokio::time::timeout(DEADLINE, text).await.expect("it ends");
    String::from_utf8(text).expect("UTF-8")
}

#[expect(clippy::panic, reason = "what the tests share is test code too")]
fn upstream(failure: Failure) -> Upstream {
    match failure {
        Failure::Upstream(upstream) => *upstream,
        other => panic!("{other:?}"),
    }
}

fn cut(acts: &[Act]) -> Vec<Act> {
    [&[stream_head()], acts].concat()
}

/// Faults before any content, the kind of error they are, and the status of the server's answer.
#[expect(clippy::too_many_lines, reason = "a table")]
fn early_faults() -> Vec<(&'static str, Vec<Act>, Kind, u16)> {
    let refused = |status: u16, headers: &str, body: &str| vec![whole(status, headers, body)];
    let none = Kind::RateLimited { retry_after: None };
    vec![
        (
            "silence before the head",
            vec![Act::Hang],
            Kind::Timeout(Phase::FirstByte),
            0,
        ),
        (
            "silence after the head",
            cut(&[Act::Hang]),
            Kind::Timeout(Phase::FirstByte),
            0,
        ),
        (
            "a reset before the head",
            vec![Act::Reset],
            Kind::Transport,
            0,
        ),
        (
            "a reset after the head",
            cut(&[Act::Wait(Duration::from_millis(20)), Act::Reset]),
            Kind::Transport,
            0,
        ),
        (
            "something that is not HTTP",
            vec![Act::Send(b"SSH-2.0-x\r\n\r\n".to_vec()), Act::Reset],
            Kind::Transport,
            0,
        ),
        (
            "a web page",
            vec![Act::Send(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<ht>"
                    .to_vec(),
            )],
            Kind::Malformed,
            0,
        ),
        (
            "a redirect",
            vec![Act::Send(
                b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
                    .to_vec(),
            )],
            Kind::Malformed,
            307,
        ),
        (
            "an error with a good status",
            refused(
                200,
                "",
                r#"{"error":{"message":"no","code":"invalid_api_key"}}"#,
            ),
            Kind::Auth,
            0,
        ),
        (
            "an overload with a good status",
            refused(200, "", r#"{"error":{"message":"busy","code":529}}"#),
            Kind::Overloaded,
            529,
        ),
        (
            "an empty document",
            refused(200, "", ""),
            Kind::Malformed,
            0,
        ),
        (
            "half a document",
            refused(200, "", "{\"choices\":[{"),
            Kind::Malformed,
            0,
        ),
        (
            "another document",
            refused(200, "", "{\"detail\":\"hm\"}"),
            Kind::Malformed,
            0,
        ),
        (
            "400",
            refused(400, "", r#"{"error":{"message":"bad"}}"#),
            Kind::BadRequest,
            400,
        ),
        (
            "a request that is too long",
            refused(
                400,
                "",
                r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#,
            ),
            Kind::ContextOverflow,
            400,
        ),
        (
            "a filter",
            refused(
                400,
                "",
                r#"{"error":{"message":"x","code":"content_filter"}}"#,
            ),
            Kind::Refused,
            400,
        ),
        ("401", refused(401, "", "{}"), Kind::Auth, 401),
        ("402", refused(402, "", "{}"), Kind::Auth, 402),
        ("403", refused(403, "", "{}"), Kind::Auth, 403),
        ("404", refused(404, "", "Not Found"), Kind::NotFound, 404),
        (
            "408",
            refused(408, "", "{}"),
            Kind::Timeout(Phase::FirstByte),
            408,
        ),
        ("413", refused(413, "", "{}"), Kind::ContextOverflow, 413),
        (
            "429 for a day",
            refused(429, "retry-after: 86400\r\n", "{}"),
            Kind::RateLimited {
                retry_after: Some(Duration::from_secs(86_400)),
            },
            429,
        ),
        ("429", refused(429, "", "{}"), none, 429),
        ("500", refused(500, "", "{}"), Kind::Overloaded, 500),
        ("502", refused(502, "", "{}"), Kind::Overloaded, 502),
        ("503", refused(503, "", ""), Kind::Overloaded, 503),
        ("504", refused(504, "", "{}"), Kind::Overloaded, 504),
        ("529", refused(529, "", "{}"), Kind::Overloaded, 529),
    ]
}

#[tokio::test]
async fn every_fault_before_content_is_an_error_of_its_own_kind_in_every_protocol() {
    let fronts = [
        (Front::Chat, false),
        (Front::Chat, true),
        (Front::Completions, false),
        (Front::Embeddings, false),
        (Front::Messages, false),
        (Front::Messages, true),
    ];
    let mut cases = Vec::new();
    for (name, acts, kind, status) in early_faults() {
        for (front, is_streaming) in fronts {
            let acts = acts.clone();
            cases.push(async move {
                let chain = Chain::start(QUICK, vec![acts]).await;
                let began = Instant::now();
                let failure = chain.exchange(ask(front, "p0/m", is_streaming)).await;
                let said = format!("{name}, {front:?}, streaming {is_streaming}");
                let failed = upstream(failure.err().unwrap_or_else(|| panic!("{said}: no error")));
                // Where an answer is read piece by piece, one that says nothing was cut off.
                let is_cut = name == "another document" && failed.kind == Kind::Transport;
                let kind = if is_cut { Kind::Transport } else { kind };
                assert_eq!((failed.kind, failed.status), (kind, status), "{said}");
                assert!(
                    !failed.message.contains("127.0.0.1") && !failed.message.is_empty(),
                    "{said}: {}",
                    failed.message
                );
                assert_eq!(chain.calls(), [1], "{said}");
                assert!(began.elapsed() < Duration::from_secs(8), "{said}");
            });
        }
    }
    futures_util::stream::iter(cases)
        .for_each_concurrent(16, |case| case)
        .await;
}

#[tokio::test]
async fn a_stream_that_breaks_after_content_says_so_and_has_no_end_mark() {
    let wait = Act::Wait(Duration::from_millis(20));
    let cases: Vec<(&str, Vec<Act>, &str)> = vec![
        ("silence", vec![Act::Hang], "\"code\":\"408\""),
        (
            "a reset",
            vec![wait.clone(), Act::Reset],
            "\"code\":\"500\"",
        ),
        ("an early end", vec![end()], "cut off"),
        (
            "an end mark without a reason to stop",
            vec![frame("[DONE]"), end()],
            "cut off",
        ),
        (
            "a frame that is not JSON",
            vec![frame("{\"choices\":[{"), end()],
            "not JSON",
        ),
        (
            "an error frame",
            vec![
                frame(r#"{"error":{"message":"boom sk-of-the-provider","code":"500"}}"#),
                end(),
            ],
            "boom [key]",
        ),
        (
            "a limit",
            vec![frame(r#"{"error":{"message":"slow","code":429}}"#), end()],
            "\"code\":\"429\"",
        ),
        (
            "an endless line",
            [
                vec![Act::Send(b"fffffff\r\ndata: ".to_vec())],
                vec![Act::Send(vec![b'a'; 64 << 10]); 80],
                vec![Act::Hang],
            ]
            .concat(),
            "endless line",
        ),
    ];
    for (name, rest, words) in cases {
        let acts = cut(&[vec![delta("one"), wait.clone()], rest].concat());
        let chain = Chain::start(QUICK, vec![acts, answer(&["never"])]).await;
        let answer = chain.exchange(ask(Front::Chat, "p0/m", true)).await;
        let answer = answer.unwrap_or_else(|failure| panic!("{name}: {failure}"));
        let meter = answer.meter.clone();
        let text = read(answer.body).await;
        let last = text.trim_end().rsplit("\n\n").next().expect("a frame");
        assert!(text.contains("\"content\":\"one\""), "{name}: {text}");
        assert!(
            last.starts_with("data: {\"error\":") && last.contains(words),
            "{name}: {last}"
        );
        assert!(!text.contains("[DONE]"), "{name}: {text}");
        assert_eq!(chain.calls(), [1, 0], "{name}");
        let spent = meter.read();
        assert!(
            spent.is_over && !spent.is_whole && spent.is_estimate,
            "{name}: {spent:?}"
        );
        let guessed = spent.usage.expect("an estimate");
        assert_eq!(guessed.output_tokens, 1, "{name}");
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn a_good_stream_is_passed_on_however_it_is_cut_up() {
    let bytes: Vec<u8> = answer(&["naïve ", "日本"])
        .split_off(1)
        .into_iter()
        .filter_map(|act| match act {
            Act::Send(bytes) => Some(bytes),
            _ => None,
        })
        .collect::<Vec<_>>()
        .concat();
    let with_returns = answer(&["naïve ", "日本"]);
    let by_byte = bytes.chunks(1).map(|byte| Act::Send(byte.to_vec()));
    let returns = with_returns.into_iter().skip(1).map(|act| match act {
        Act::Send(bytes) => {
            let text = String::from_utf8(bytes).expect("UTF-8");
            let (_, data) = text.split_once("\r\n").expect("a chunk");
            let data = data.trim_end_matches("\r\n").replace("\n\n", "\r\n\r\n");
            if data.is_empty() {
                end()
            } else {
                piece(&format!("{data}\r\n\r\n"))
            }
        }
        act => act,
    });
    let cases: Vec<(&str, Vec<Act>)> = vec![
        ("as it is", answer(&["naïve ", "日本"])),
        ("byte by byte", cut(&by_byte.collect::<Vec<_>>())),
        ("with carriage returns", cut(&returns.collect::<Vec<_>>())),
        (
            "without an end mark",
            cut(&[
                delta("naïve "),
                delta("日本"),
                frame(
                    r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}"#,
                ),
                end(),
            ]),
        ),
        (
            "with a reset in place of the end mark",
            cut(&[
                delta("naïve "),
                delta("日本"),
                frame(
                    r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}"#,
                ),
                Act::Wait(Duration::from_millis(20)),
                Act::Reset,
            ]),
        ),
    ];
    for (name, acts) in cases {
        let chain = Chain::start(DEADLINES, vec![acts]).await;
        let answer = chain
            .exchange(ask(Front::Chat, "p0/m", true))
            .await
            .unwrap_or_else(|failure| panic!("{name}: {failure}"));
        let meter = answer.meter.clone();
        let text = read(answer.body).await;
        assert!(
            text.contains("naïve ") && text.contains("日本") && text.ends_with("data: [DONE]\n\n"),
            "{name}: {text}"
        );
        let spent = meter.read();
        let usage = Usage {
            input_tokens: 11,
            output_tokens: 2,
            cached_tokens: 4,
            ..Usage::default()
        };
        assert_eq!(
            (spent.usage, spent.is_estimate, spent.is_whole),
            (Some(usage), false, true),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_made_to() {
    let chain = Chain::start(DEADLINES, vec![vec![whole(200, "", DOCUMENT)]]).await;
    for front in [Front::Chat, Front::Messages] {
        let answer = chain.exchange(ask(front, "p0/m", true)).await;
        let text = read(answer.expect("an answer").body).await;
        let mark = match front {
            Front::Messages => "event: message_stop",
            _ => "data: [DONE]",
        };
        assert!(text.contains("\"all\"") && text.contains(mark), "{text}");
    }
}

#[tokio::test]
async fn seventeen_of_seventeen_are_tried_and_the_first_is_the_one_told_of() {
    let mut rules = vec![vec![whole(
        404,
        "x-hint: 7\r\nset-cookie: a=b\r\n",
        r#"{"error":{"message":"first","code":"model_not_found"}}"#,
    )]];
    rules.extend((1..17).map(|_| vec![whole(503, "", "{}")]));
    let chain = Chain::start(QUICK, rules).await;
    let failure = chain.exchange(ask(Front::Chat, "p0/m", true)).await;
    let failed = upstream(failure.expect_err("nobody answers"));
    assert_eq!(chain.calls(), [1; 17]);
    assert_eq!(failed.attempts.len(), 17);
    assert_eq!(
        (
            failed.status,
            failed.message.as_str(),
            failed.code.as_deref()
        ),
        (404, "first", Some("model_not_found"))
    );
    assert_eq!(
        failed.headers.get("x-hint").map(HeaderValue::as_bytes),
        Some(&b"7"[..])
    );
    assert!(!failed.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn the_next_candidate_is_asked_within_ten_milliseconds_of_the_error() {
    for first in [
        vec![whole(500, "", "{}")],
        vec![whole(429, "", "{}")],
        cut(&[frame(r#"{"error":{"message":"no","code":500}}"#)]),
    ] {
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let chain = Chain::start(DEADLINES, vec![first.clone(), answer(&["ok"])]).await;
            let answer = chain.exchange(ask(Front::Chat, "p0/m", true)).await;
            let by = answer.expect("an answer").by;
            assert_eq!((&*by.provider, &*by.group, by.fallbacks), ("p1", "p1/m", 1));
            let (refused, asked) = (&chain.servers[0].asked()[0], &chain.servers[1].asked()[0]);
            best = best.min(asked.at.duration_since(refused.at));
        }
        // From request to request, so that the way of the error is in it; the best of a few: machines are busy.
        assert!(best < Duration::from_millis(10), "it took {best:?}");
    }
}

#[tokio::test]
async fn a_flood_is_cut_off_at_the_bound() {
    let line = format!(": {}\n", "a".repeat(1 << 20));
    let mut flood: Vec<Act> = (0..70).map(|_| piece(&line)).collect();
    flood.push(Act::Hang);
    let chain = Chain::start(DEADLINES, vec![cut(&flood)]).await;
    for is_streaming in [false, true] {
        let failure = chain.exchange(ask(Front::Chat, "p0/m", is_streaming)).await;
        let failed = upstream(failure.expect_err("a flood is no answer"));
        assert_eq!(
            (failed.kind, failed.message.as_str()),
            (
                Kind::Malformed,
                "the model's answer is longer than any answer may be"
            )
        );
    }
}

#[tokio::test]
async fn a_clients_own_deadline_holds_for_the_whole_request_and_leaves_time_for_a_fallback() {
    let chain = Chain::start(DEADLINES, vec![vec![Act::Hang], answer(&["ok"])]).await;
    let asked = Ask {
        controls: Controls {
            timeout_ms: Some(100),
            ..Controls::default()
        },
        ..ask(Front::Chat, "p0/m", true)
    };
    let began = Instant::now();
    let answer = chain.exchange(asked.clone()).await.expect("an answer");
    assert_eq!(&*answer.by.provider, "p1");
    assert!(began.elapsed() < Duration::from_secs(3));
    let alone = Ask {
        controls: Controls {
            disable_fallbacks: true,
            ..asked.controls.clone()
        },
        ..asked
    };
    let failed = upstream(chain.exchange(alone).await.expect_err("no answer"));
    assert_eq!(failed.shown_status(), 408);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_before_anybody_is_asked() {
    let chain = Chain::start(DEADLINES, vec![answer(&["never"])]).await;
    let broken = Ask::new(Caller::Open, Front::Chat, "p0/m", Bytes::from_static(b"{"));
    let unknown = ask(Front::Chat, "nobody/has-it", false);
    assert!(matches!(
        chain.exchange(broken).await,
        Err(Failure::BadRequest { .. })
    ));
    assert!(matches!(
        chain.exchange(unknown).await,
        Err(Failure::Unserved { .. })
    ));
    assert_eq!(chain.calls(), [0]);
}

fn passing(path: &str) -> Ask {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("authorization", "Bearer sk-of-the-client"),
        ("x-api-key", "sk-of-the-client"),
        ("cookie", "sk-of-the-client"),
        ("x-litellm-tags", "sk-of-the-client"),
        ("connection", "x-mine"),
        ("x-mine", "sk-of-the-client"),
        ("x-other", "kept"),
        ("content-type", "application/json"),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    Ask {
        body: Bytes::from_static(b"{\"model\":\"p0/m\", \"input\":1}"),
        controls: Controls {
            passthrough: Some(Passthrough {
                method: Method::PUT,
                path: path.to_owned(),
                query: Some("a=b".to_owned()),
                headers,
                is_chat: false,
                target: None,
            }),
            ..Controls::default()
        },
        ..ask(Front::Chat, "p0/m", false)
    }
}

#[tokio::test]
async fn what_is_passed_through_fails_over_and_never_carries_the_clients_key() {
    let body = "some text, \"usage\": {\"prompt_tokens\":5,\"completion_tokens\":6}";
    let odd = format!(
        "HTTP/1.1 201 X\r\ncontent-type: text/plain\r\nx-kept: 1\r\nset-cookie: a=b\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let good = vec![Act::Send(format!("{odd}{body}").into_bytes())];
    let chain = Chain::start(DEADLINES, vec![vec![whole(500, "", "{}")], good]).await;
    let answer = chain
        .exchange(passing("images/edits"))
        .await
        .expect("an answer");
    assert_eq!((answer.status, &*answer.by.provider), (201, "p1"));
    assert!(answer.headers.contains_key("x-kept") && !answer.headers.contains_key("set-cookie"));
    let meter = answer.meter.clone();
    assert_eq!(read(answer.body).await, body);
    let spent = meter.read();
    let usage = spent.usage.expect("what the answer says");
    assert_eq!((usage.input_tokens, usage.output_tokens), (5, 6));
    assert!(!spent.is_estimate);
    for server in &chain.servers {
        let asked = &server.asked()[0];
        assert_eq!(asked.path(), "/v1/images/edits?a=b");
        assert!(asked.head.starts_with("PUT "));
        assert!(asked.head.contains("x-other: kept"));
        assert!(
            asked
                .head
                .contains("authorization: Bearer sk-of-the-provider")
        );
        assert!(!asked.head.contains("sk-of-the-client"), "{}", asked.head);
        assert_eq!(asked.body, "{\"model\":\"m\", \"input\":1}");
    }
}

#[tokio::test]
async fn a_path_does_not_lead_out_of_the_base_url() {
    let chain = Chain::start(DEADLINES, vec![answer(&["never"])]).await;
    for path in [
        "../admin",
        "..%2f..",
        "%2e%2e/admin",
        "a/../../admin",
        "../v1evil",
    ] {
        let outcome = chain.exchange(passing(path)).await;
        let paths = chain.servers[0].asked();
        assert!(
            outcome.is_err() || paths.iter().all(|asked| asked.path().starts_with("/v1/")),
            "{path}"
        );
    }
}

fn accounts(dir: &std::path::Path, max: Option<f64>) -> Accounts {
    let mut options = openclaw_accounts::Options::new(dir);
    options.allowances.agents.insert(
        steward(),
        Allowance {
            max_budget: max.and_then(Money::from_usd),
            ..Allowance::default()
        },
    );
    Accounts::open(options, Arc::new(SystemEnv)).expect("accounts")
}

/// One group of one deployment with a price of a dollar for each token.
async fn priced(acts: Vec<Act>, price: Option<Price>, accounts: Accounts) -> (Server, Models) {
    let server = Server::start(move |_| acts.clone()).await;
    let mut options = options(Vec::new());
    options.accounts = Some(accounts);
    options.routing.deployments = vec![DeploymentOptions {
        base_url: Some(server.url.clone()),
        price,
        ..DeploymentOptions::named("group", "somebody", "m", DEADLINES)
    }];
    (server, start(options))
}

fn of_agent(is_streaming: bool) -> Ask {
    Ask {
        caller: Caller::Agent(steward()),
        agent: Some(steward()),
        ..ask(Front::Chat, "group", is_streaming)
    }
}

fn dollar() -> Option<Price> {
    Price::per_token_usd(1.0, 1.0, None, None)
}

#[tokio::test]
async fn what_an_answer_cost_is_charged_once_and_a_budget_is_a_hard_stop() {
    let dir = tempfile::tempdir().expect("a directory");
    let accounts = accounts(dir.path(), Some(40.0));
    let acts = vec![whole(200, "", DOCUMENT)];
    let (server, models) = priced(acts, dollar(), accounts.clone()).await;
    let answer = models.exchange(of_agent(false)).await.expect("an answer");
    let spent = answer.meter.read();
    assert_eq!(spent.cost, Money::from_usd(7.0));
    assert_eq!(
        (spent.is_over, spent.is_whole, spent.is_estimate),
        (true, true, false)
    );
    // Nine tokens that may be written and some twenty that are read fit in once more, and then no more.
    let mut answers = 0;
    let denied = loop {
        match models.exchange(of_agent(false)).await {
            Ok(_) => answers += 1,
            Err(failure) => break failure,
        }
        assert!(answers < 9);
    };
    assert!(matches!(denied, Failure::Denied(_)), "{denied:?}");
    assert_eq!(server.asked().len(), 1 + answers);
    let report = accounts.logs(&Query::default(), 10).expect("logs");
    assert_eq!(report.len(), 1 + answers);
}

#[tokio::test]
async fn without_a_price_a_budget_lets_nothing_through() {
    let dir = tempfile::tempdir().expect("a directory");
    let (server, models) = priced(answer(&["never"]), None, accounts(dir.path(), Some(40.0))).await;
    let denied = models.exchange(of_agent(true)).await;
    assert!(matches!(denied, Err(Failure::Denied(_))), "{denied:?}");
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn a_client_that_leaves_pays_for_what_it_got_and_the_server_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut acts = cut(&[delta("one"), delta("two")]);
    acts.extend((0..2_000).flat_map(|_| [Act::Wait(Duration::from_millis(5)), piece(": on\n\n")]));
    let (server, models) = priced(acts, dollar(), accounts(dir.path(), None)).await;
    let answer = models.exchange(of_agent(true)).await.expect("an answer");
    let meter = answer.meter.clone();
    let Body::Events(mut events) = answer.body else {
        panic!("a stream")
    };
    let mut text = String::new();
    while !text.contains("two") {
        let bytes = tokio::time::timeout(DEADLINE, events.next()).await;
        let bytes = bytes.expect("in time").expect("a piece");
        text.push_str(std::str::from_utf8(&bytes).expect("UTF-8"));
    }
    drop(events);
    tokio::time::timeout(DEADLINE, server.closed())
        .await
        .expect("the server sees the end");
    let spent = meter.read();
    assert_eq!(
        (spent.is_over, spent.is_whole, spent.is_estimate),
        (true, false, true)
    );
    assert_eq!(spent.usage.map(|usage| usage.output_tokens), Some(2));
    assert!(spent.cost.is_some());
}

#[tokio::test]
async fn failures_cost_nothing_and_leave_nothing_held() {
    let dir = tempfile::tempdir().expect("a directory");
    let accounts = accounts(dir.path(), Some(1_000.0));
    let (server, models) = priced(vec![whole(500, "", "{}")], dollar(), accounts.clone()).await;
    for _ in 0..50 {
        let failure = models.exchange(of_agent(false)).await;
        assert!(matches!(failure, Err(Failure::Upstream(_))), "{failure:?}");
    }
    let budgets = accounts.budgets();
    assert_eq!(budgets.len(), 1);
    assert_eq!(
        (budgets[0].spent, budgets[0].reserved),
        (Money::ZERO, Money::ZERO)
    );
    assert!(!server.asked().is_empty());
}

#[tokio::test]
async fn a_provider_of_this_process_answers_in_every_protocol_that_chats() {
    let provider = ScriptedProvider::new(|_| Script::deltas(&["one ", "two"]));
    let models = Models::scripted(provider.clone(), Arc::new(SystemEnv));
    for (front, is_streaming, mark) in [
        (Front::Chat, true, "data: [DONE]"),
        (Front::Chat, false, "\"finish_reason\":\"stop\""),
        (Front::Messages, true, "event: message_stop"),
        (Front::Messages, false, "\"stop_reason\":\"end_turn\""),
    ] {
        let answer = models
            .exchange(ask(front, "scripted/scripted", is_streaming))
            .await;
        let answer = answer.unwrap_or_else(|failure| panic!("{front:?}: {failure}"));
        let text = read(answer.body).await;
        assert!(
            text.contains("one ") && text.contains("two") && text.contains(mark),
            "{front:?} {is_streaming}: {text}"
        );
    }
    let asked = provider.requests();
    assert_eq!(asked.len(), 4);
    assert_eq!(asked[0].max_output_tokens, Some(9));
    let embeddings = ask(Front::Embeddings, "scripted/scripted", false);
    assert!(matches!(
        models.exchange(embeddings).await,
        Err(Failure::BadRequest { .. })
    ));
}

#[tokio::test]
async fn an_agents_virtual_model_that_nobody_serves_is_the_agents_own() {
    let server = Server::start(|_| vec![whole(200, "", DOCUMENT)]).await;
    let mut options = options(vec![ProviderOptions {
        models: vec![ModelOptions::named("m")],
        ..provider("p", &server.url)
    }]);
    let model = openclaw_models::AgentModel {
        reference: "p/m".to_owned(),
        fallbacks: Vec::new(),
        is_stated: true,
    };
    options
        .agent_models
        .insert(AgentId::parse("steward").expect("an id"), model);
    let models = start(options);
    let answer = models
        .exchange(ask(Front::Chat, "agent/steward", false))
        .await;
    let text = read(answer.expect("an answer").body).await;
    assert!(text.contains("\"model\":\"agent/steward\""), "{text}");
}

#[tokio::test]
async fn an_agents_own_calls_have_its_budget_and_are_charged_to_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let accounts = accounts(dir.path(), Some(60.0));
    let (server, models) = priced(answer(&["ok"]), dollar(), accounts.clone()).await;
    let request = openclaw_models::Request {
        model: "group".to_owned(),
        max_output_tokens: Some(20),
        ..crate::hello()
    };
    let (_, error) = crate::collect(models.stream(&steward(), request.clone())).await;
    assert!(error.is_none(), "{error:?}");
    // Eleven tokens read and two written.
    let budgets = accounts.budgets();
    assert_eq!(
        (budgets[0].spent, budgets[0].reserved),
        (Money::from_usd(13.0).expect("money"), Money::ZERO)
    );
    let mut answers = 1;
    let denied = loop {
        let (_, error) = crate::collect(models.stream(&steward(), request.clone())).await;
        match error {
            None => answers += 1,
            Some(error) => break error,
        }
        assert!(answers < 9);
    };
    assert!(
        matches!(denied, openclaw_models::Error::Denied { .. }),
        "{denied:?}"
    );
    assert_eq!(server.chats().len(), answers);
    let unread = models.stream(&steward(), request);
    drop(unread);
    assert_eq!(accounts.budgets()[0].reserved, Money::ZERO);
}

#[tokio::test]
async fn an_agent_and_a_client_are_answered_by_a_server_of_another_protocol() {
    let events = [
        r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"c","content":[],"usage":{"input_tokens":5,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"native"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let mut acts = vec![stream_head()];
    for data in events {
        let kind: serde_json::Value = serde_json::from_str(data).expect("JSON");
        let name = kind["type"].as_str().expect("a type");
        acts.push(piece(&format!("event: {name}\ndata: {data}\n\n")));
    }
    acts.push(end());
    let server = Server::start(move |_| acts.clone()).await;
    let models = start(options(vec![ProviderOptions {
        api: openclaw_models::Api::AnthropicMessages,
        key: Some(Secret::new("sk-of-the-provider")),
        models: vec![ModelOptions::named("m")],
        ..provider("p", &server.url)
    }]));
    let request = openclaw_models::Request {
        model: "p/m".to_owned(),
        ..crate::hello()
    };
    let (chunks, error) = crate::collect(models.stream(&steward(), request)).await;
    assert!(error.is_none(), "{error:?}");
    assert!(
        chunks.contains(&openclaw_models::Chunk::Text("native".to_owned())),
        "{chunks:?}"
    );
    let answer = models.exchange(ask(Front::Chat, "p/m", true)).await;
    let text = read(answer.expect("an answer").body).await;
    assert!(
        text.contains("\"native\"") && text.ends_with("data: [DONE]\n\n"),
        "{text}"
    );
    for asked in server.asked() {
        assert_eq!(asked.path(), "/v1/messages");
        assert!(asked.head.contains("x-api-key: sk-of-the-provider"));
        assert!(asked.head.contains("anthropic-version: "));
        assert!(!asked.head.contains("authorization"));
    }
}
