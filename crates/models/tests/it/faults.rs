//! Answers of servers that misbehave: each call ends in time, with the right kind of error.

use std::{sync::Arc, time::Duration};

use openclaw_models::{
    AgentModel, Chunk, Deadlines, Error, Kind, ModelOptions, Phase, ProviderOptions, Request,
    Secret, provider::Provider,
};
use openclaw_types::{StopReason, SystemEnv};
use tokio::time::Instant;

use crate::{
    DEADLINES, collect, hello, options, provider,
    server::{Act, Server, answer, delta, end, piece, stop, stream_head, whole},
    start, steward,
};

const QUICK: Deadlines = Deadlines {
    connect_ms: 2_000,
    first_byte_ms: 150,
    idle_ms: 150,
    total_ms: 20_000,
};

fn text_of(chunks: &[Chunk]) -> String {
    let pieces = chunks.iter().filter_map(|chunk| match chunk {
        Chunk::Text(text) => Some(text.as_str()),
        _ => None,
    });
    pieces.collect()
}

/// What one call to one server of this behaviour gives.
async fn call(deadlines: Deadlines, acts: Vec<Act>) -> (Vec<Chunk>, Option<Error>) {
    let server = Server::start(move |_| acts.clone()).await;
    let provider = ProviderOptions {
        deadlines,
        ..provider("litellm", &server.url)
    };
    let models = start(options(vec![provider]));
    collect(models.stream(&steward(), named("litellm/m"))).await
}

fn named(reference: &str) -> Request {
    Request {
        model: reference.to_owned(),
        ..hello()
    }
}

fn frame(text: &str) -> Act {
    piece(&format!("data: {text}\n\n"))
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn every_fault_ends_in_its_own_kind_of_error() {
    let cut = |acts: &[Act]| [&[stream_head()], acts].concat();
    let cases: Vec<(&str, Vec<Act>, &str, Kind)> = vec![
        (
            "silence before the head",
            vec![Act::Hang],
            "",
            Kind::Timeout(Phase::FirstByte),
        ),
        (
            "silence after the head",
            cut(&[Act::Hang]),
            "",
            Kind::Timeout(Phase::FirstByte),
        ),
        (
            "silence in the middle",
            cut(&[delta("a"), Act::Hang]),
            "a",
            Kind::Timeout(Phase::Idle),
        ),
        (
            "reset before the head",
            vec![Act::Reset],
            "",
            Kind::Transport,
        ),
        (
            "reset in the middle",
            cut(&[delta("a"), Act::Wait(Duration::from_millis(20)), Act::Reset]),
            "a",
            Kind::Transport,
        ),
        (
            "an early end",
            cut(&[delta("a"), end()]),
            "a",
            Kind::Transport,
        ),
        (
            "an end mark without a reason to stop",
            cut(&[delta("a"), frame("[DONE]"), end()]),
            "a",
            Kind::Transport,
        ),
        (
            "a frame that is not JSON",
            cut(&[delta("a"), frame("{\"choices\":[{"), end()]),
            "a",
            Kind::Malformed,
        ),
        (
            "a frame of another shape",
            cut(&[frame("{\"choices\":7}"), end()]),
            "",
            Kind::Malformed,
        ),
        (
            "an error in the middle",
            cut(&[
                delta("a"),
                frame("{\"error\":{\"message\":\"boom\",\"code\":\"500\"}}"),
                end(),
            ]),
            "a",
            Kind::Overloaded,
        ),
        (
            "a limit in the middle",
            cut(&[
                frame("{\"error\":{\"message\":\"slow down\",\"code\":429}}"),
                end(),
            ]),
            "",
            Kind::RateLimited { retry_after: None },
        ),
        (
            "a named error event",
            cut(&[
                piece("event: error\ndata: {\"message\":\"boom\"}\n\n"),
                end(),
            ]),
            "",
            Kind::Overloaded,
        ),
        (
            "a good status with an error body",
            vec![whole(
                200,
                "",
                "{\"error\":{\"message\":\"no\",\"code\":\"invalid_api_key\"}}",
            )],
            "",
            Kind::Auth,
        ),
        (
            "a good status with another document",
            vec![whole(200, "", "{\"detail\":\"hm\"}")],
            "",
            Kind::Malformed,
        ),
        (
            "a good status with MiniMax's own error",
            vec![whole(
                200,
                "",
                "{\"base_resp\":{\"status_code\":1008,\"status_msg\":\"insufficient balance\"}}",
            )],
            "",
            Kind::RateLimited { retry_after: None },
        ),
        (
            "a web page",
            vec![Act::Send(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<ht>"
                    .to_vec(),
            )],
            "",
            Kind::Malformed,
        ),
        (
            "a redirect",
            vec![Act::Send(
                b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
                    .to_vec(),
            )],
            "",
            Kind::Malformed,
        ),
        (
            "an answer that is not HTTP",
            vec![Act::Send(b"SSH-2.0-x\r\n\r\n".to_vec()), Act::Reset],
            "",
            Kind::Transport,
        ),
        (
            "400",
            vec![whole(400, "", "{\"error\":{\"message\":\"bad\"}}")],
            "",
            Kind::BadRequest,
        ),
        (
            "400 for its length",
            vec![whole(
                400,
                "",
                "{\"error\":{\"message\":\"x\",\"code\":\"context_length_exceeded\"}}",
            )],
            "",
            Kind::ContextOverflow,
        ),
        (
            "400 for its content",
            vec![whole(
                400,
                "",
                "{\"error\":{\"message\":\"x\",\"code\":\"content_filter\"}}",
            )],
            "",
            Kind::Refused,
        ),
        (
            "LiteLLM's 400 for an unknown model",
            vec![whole(
                400,
                "",
                "{\"error\":{\"message\":\"/chat/completions: Invalid model name passed in model=m. Call `/v1/models`\",\"type\":\"invalid_request_error\",\"param\":\"None\",\"code\":\"400\"}}",
            )],
            "",
            Kind::NotFound,
        ),
        (
            "LiteLLM's 422 for a budget",
            vec![whole(
                422,
                "",
                "{\"error\":{\"message\":\"Budget has been exceeded!\",\"type\":\"budget_exceeded\",\"code\":\"422\"}}",
            )],
            "",
            Kind::RateLimited { retry_after: None },
        ),
        ("403", vec![whole(403, "", "{}")], "", Kind::Auth),
        ("404", vec![whole(404, "", "Not Found")], "", Kind::NotFound),
        (
            "408",
            vec![whole(408, "", "{}")],
            "",
            Kind::Timeout(Phase::FirstByte),
        ),
        ("413", vec![whole(413, "", "{}")], "", Kind::ContextOverflow),
        (
            "429",
            vec![whole(429, "retry-after: 7\r\n", "{}")],
            "",
            Kind::RateLimited {
                retry_after: Some(Duration::from_secs(7)),
            },
        ),
        ("500", vec![whole(500, "", "{}")], "", Kind::Overloaded),
        ("503", vec![whole(503, "", "")], "", Kind::Overloaded),
        ("529", vec![whole(529, "", "{}")], "", Kind::Overloaded),
    ];
    for (name, acts, text, kind) in cases {
        let began = Instant::now();
        let (chunks, error) = call(QUICK, acts).await;
        let error = error.unwrap_or_else(|| panic!("{name}: no error after {chunks:?}"));
        assert_eq!(error.kind(), kind, "{name}: {}", error.full_text());
        assert_eq!(text_of(&chunks), text, "{name}");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{name} took {:?}",
            began.elapsed()
        );
    }
}

#[tokio::test]
async fn what_follows_the_reason_to_stop_may_be_missing() {
    let cases: Vec<(&str, Vec<Act>)> = vec![
        ("no end mark", vec![end()]),
        (
            "a reset instead of the end mark",
            vec![Act::Wait(Duration::from_millis(20)), Act::Reset],
        ),
        (
            "an end mark without its blank line",
            vec![piece("data: [DONE]"), end()],
        ),
        (
            "an end mark without an end",
            vec![frame("[DONE]"), Act::Hang],
        ),
        ("silence", vec![Act::Hang]),
    ];
    for (name, rest) in cases {
        let mut acts = vec![
            stream_head(),
            delta("whole"),
            frame(
                "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}",
            ),
        ];
        acts.extend(rest);
        let (chunks, error) = call(DEADLINES, acts).await;
        assert!(error.is_none(), "{name}: {error:?}");
        assert_eq!(text_of(&chunks), "whole", "{name}");
        assert_eq!(
            chunks.last(),
            Some(&Chunk::Stop(StopReason::Stop)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let body = "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"all at once\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}";
    let (chunks, error) = call(DEADLINES, vec![whole(200, "", body)]).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(text_of(&chunks), "all at once");
    assert_eq!(chunks.len(), 4);
}

#[tokio::test]
async fn any_byte_keeps_a_slow_answer_alive_until_the_total_deadline() {
    // Longer than the idle deadline altogether, and each pause so much shorter that a busy machine changes nothing.
    let patient = Deadlines {
        idle_ms: 1_500,
        total_ms: 60_000,
        ..DEADLINES
    };
    let mut acts = vec![stream_head()];
    for _ in 0..8 {
        acts.push(Act::Wait(Duration::from_millis(250)));
        acts.push(piece(": still thinking\n\n"));
    }
    acts.push(frame(
        "{\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}",
    ));
    acts.push(Act::Wait(Duration::from_millis(250)));
    acts.extend(answer(&["late"]).split_off(1));
    let (chunks, error) = call(patient, acts.clone()).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(text_of(&chunks), "late");
    let hurried = Deadlines {
        total_ms: 700,
        ..patient
    };
    let (_, error) = call(hurried, acts).await;
    assert_eq!(
        error.map(|error| error.kind()),
        Some(Kind::Timeout(Phase::Total))
    );
}

#[tokio::test]
async fn an_answer_byte_by_byte_is_the_same_answer() {
    let mut acts = vec![stream_head()];
    for act in answer(&["naïve ", "日本"]).split_off(1) {
        let Act::Send(bytes) = act else { continue };
        acts.extend(bytes.chunks(1).map(|byte| Act::Send(byte.to_vec())));
    }
    let (chunks, error) = call(DEADLINES, acts).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(text_of(&chunks), "naïve 日本");
}

#[tokio::test]
async fn an_endless_line_is_cut_off_before_it_fills_the_memory() {
    let mut acts = vec![stream_head(), Act::Send(b"fffffff\r\ndata: ".to_vec())];
    acts.extend((0..100).map(|_| Act::Send(vec![b'a'; 64 << 10])));
    acts.push(Act::Hang);
    let (chunks, error) = call(DEADLINES, acts).await;
    assert_eq!(error.map(|error| error.kind()), Some(Kind::Malformed));
    assert_eq!(chunks.len(), 0);
}

#[tokio::test]
async fn a_refused_key_names_its_variable() {
    let body = "{\"error\":{\"message\":\"Authentication Error, No api key passed in.\",\"type\":\"auth_error\",\"param\":\"None\",\"code\":\"401\"}}";
    let server = Server::start(|_| vec![whole(401, "", body)]).await;
    for (key, hint) in [
        (
            None,
            "`litellm` wants a key: set LITELLM_MASTER_KEY, then restart the gateway",
        ),
        (
            Some("sk-wrong-key"),
            "`litellm` refused the key: check LITELLM_MASTER_KEY, then restart the gateway",
        ),
    ] {
        let options = options(vec![ProviderOptions {
            key: key.map(Secret::new),
            key_variable: Some("LITELLM_MASTER_KEY".to_owned()),
            ..provider("litellm", &server.url)
        }]);
        let (_, error) = collect(start(options).stream(&steward(), hello())).await;
        let error = error.expect("a refusal");
        // Both the model and its implied fallback were refused.
        assert_eq!(
            (error.kind(), error.hint().as_deref()),
            (Kind::Auth, Some(hint))
        );
    }
    let last = server.chats().pop().expect("a request");
    assert!(
        last.head.contains("authorization: Bearer sk-wrong-key"),
        "{}",
        last.head
    );
}

#[tokio::test]
async fn a_server_that_repeats_the_key_does_not_get_it_printed() {
    let body = "{\"error\":{\"message\":\"key sk-secret-secret is unknown\"}}";
    let server = Server::start(|_| vec![whole(401, "", body)]).await;
    let provider = ProviderOptions {
        key: Some(Secret::new("sk-secret-secret")),
        ..provider("p", &server.url)
    };
    let text = format!("{provider:?}");
    let (_, error) = collect(start(options(vec![provider])).stream(&steward(), named("p/m"))).await;
    let error = error.expect("a refusal");
    let said = format!("{text} {error:?} {}", error.full_text());
    assert!(
        !said.contains("secret-secret") && said.contains("key [key] is unknown"),
        "{said}"
    );
}

/// Providers `p0`, `p1` and so on, each at a server of its own rule, and `agent` whose plan is all of them in order.
struct Chain {
    servers: Vec<Server>,
    models: openclaw_models::Models,
}

impl Chain {
    async fn start(rules: Vec<Vec<Act>>) -> Self {
        let mut servers = Vec::new();
        let mut providers = Vec::new();
        let references: Vec<String> = (0..rules.len())
            .map(|place| format!("p{place}/m"))
            .collect();
        for (place, acts) in rules.into_iter().enumerate() {
            let server = Server::start(move |_| acts.clone()).await;
            providers.push(ProviderOptions {
                deadlines: QUICK,
                models: vec![ModelOptions::named("m")],
                ..provider(&format!("p{place}"), &server.url)
            });
            servers.push(server);
        }
        let mut options = options(providers);
        let model = AgentModel {
            reference: references[0].clone(),
            fallbacks: references[1..].to_vec(),
            is_stated: true,
        };
        options.agent_models.insert(steward(), model);
        Self {
            servers,
            models: start(options),
        }
    }

    async fn call(&self) -> (Vec<Chunk>, Option<Error>) {
        collect(self.models.stream(&steward(), hello())).await
    }

    fn calls(&self) -> Vec<usize> {
        self.servers
            .iter()
            .map(|server| server.chats().len())
            .collect()
    }
}

#[tokio::test]
async fn the_next_candidate_takes_over_before_the_first_content_only() {
    let failing: Vec<(&str, Vec<Act>)> = vec![
        ("500", vec![whole(500, "", "{}")]),
        ("429", vec![whole(429, "retry-after: 60\r\n", "{}")]),
        ("401", vec![whole(401, "", "{}")]),
        ("404", vec![whole(404, "", "{}")]),
        ("silence", vec![Act::Hang]),
        ("reset", vec![Act::Reset]),
        (
            "a good status with an error",
            vec![whole(200, "", "{\"error\":{\"message\":\"x\"}}")],
        ),
        ("an empty stream", vec![stream_head(), end()]),
        (
            "an error frame first",
            vec![
                stream_head(),
                frame("{\"error\":{\"message\":\"x\"}}"),
                end(),
            ],
        ),
    ];
    for (name, acts) in failing {
        let chain = Chain::start(vec![acts, answer(&["from the second"])]).await;
        let (chunks, error) = chain.call().await;
        assert!(error.is_none(), "{name}: {error:?}");
        let start = Chunk::Start {
            provider: "p1".to_owned(),
            model: "m".to_owned(),
            head: None,
        };
        assert_eq!(chunks.first(), Some(&start), "{name}");
        assert_eq!(text_of(&chunks), "from the second", "{name}");
        assert_eq!(chain.calls(), [1, 1], "{name}");
    }
    let begun = vec![
        stream_head(),
        delta("half"),
        frame("{\"error\":{\"message\":\"x\"}}"),
        end(),
    ];
    let chain = Chain::start(vec![begun, answer(&["from the second"])]).await;
    let (chunks, error) = chain.call().await;
    assert_eq!(
        (text_of(&chunks).as_str(), chain.calls()),
        ("half", vec![1, 0])
    );
    assert_eq!(error.map(|error| error.kind()), Some(Kind::Overloaded));
}

#[tokio::test]
async fn a_bad_request_is_not_sent_to_anyone_else() {
    let chain = Chain::start(
        vec![whole(400, "", "{}")]
            .into_iter()
            .map(|act| vec![act])
            .chain([answer(&["x"])])
            .collect(),
    )
    .await;
    let (_, error) = chain.call().await;
    assert_eq!(error.map(|error| error.kind()), Some(Kind::BadRequest));
    assert_eq!(chain.calls(), [1, 0]);
}

#[tokio::test]
async fn ten_candidates_are_tried_once_each() {
    let kinds = [500, 502, 429, 401, 403, 404, 408, 503, 529, 500];
    let chain = Chain::start(
        kinds
            .iter()
            .map(|status| vec![whole(*status, "", "{}")])
            .collect(),
    )
    .await;
    let began = Instant::now();
    let (chunks, error) = chain.call().await;
    let took = began.elapsed();
    assert!(chunks.is_empty());
    let Some(Error::Exhausted { attempts }) = error else {
        panic!("{error:?}")
    };
    let tried: Vec<String> = attempts
        .iter()
        .map(|attempt| attempt.reference.clone())
        .collect();
    let expected: Vec<String> = (0..10).map(|place| format!("p{place}/m")).collect();
    assert_eq!(tried, expected);
    assert_eq!(chain.calls(), [1; 10]);
    assert!(took < Duration::from_secs(2), "{took:?}");
    let said = Error::Exhausted { attempts }.full_text();
    assert!(
        said.contains("none of 10 models answered")
            && said.contains("p4/m: `p4` refused the call to `m` with status 403"),
        "{said}"
    );
}

#[tokio::test]
async fn the_next_candidate_is_asked_within_ten_milliseconds_of_the_error() {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let chain = Chain::start(vec![vec![whole(500, "", "{}")], answer(&["ok"])]).await;
        let (_, error) = chain.call().await;
        assert!(error.is_none(), "{error:?}");
        let (refused, asked) = (&chain.servers[0].chats()[0], &chain.servers[1].chats()[0]);
        best = best.min(asked.at.duration_since(refused.at));
    }
    // From request to request, so that the way of the error is in it; the best of a few, because machines are busy.
    assert!(best < Duration::from_millis(10), "it took {best:?}");
}

#[tokio::test]
async fn a_candidate_that_asked_to_be_left_alone_is_left_alone() {
    let chain = Chain::start(vec![
        vec![whole(429, "retry-after: 3600\r\n", "{}")],
        answer(&["ok"]),
    ])
    .await;
    for _ in 0..3 {
        let (chunks, error) = chain.call().await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(text_of(&chunks), "ok");
    }
    assert_eq!(chain.calls(), [1, 3]);
    let cooldowns = chain.models.status().cooldowns;
    assert_eq!(cooldowns.len(), 1);
    assert_eq!(
        (cooldowns[0].reference.as_str(), cooldowns[0].reason),
        ("p0/m", "rate-limited")
    );

    let alone = Chain::start(vec![vec![whole(429, "retry-after: 3600\r\n", "{}")]]).await;
    let (_, first) = alone.call().await;
    let (_, second) = alone.call().await;
    assert!(
        matches!(first, Some(Error::Answer { status: 429, .. })),
        "{first:?}"
    );
    assert!(matches!(second, Some(Error::Resting { .. })), "{second:?}");
    assert_eq!(alone.calls(), [1]);
}

#[tokio::test]
async fn an_implied_fallback_takes_over_for_an_agents_virtual_model() {
    let server = Server::start(|asked| {
        if asked.model() == "agent/steward-failover" {
            answer(&["second"])
        } else {
            vec![whole(500, "", "{}")]
        }
    })
    .await;
    let models = start(options(vec![provider("litellm", &server.url)]));
    let (chunks, error) = collect(models.stream(&steward(), hello())).await;
    assert!(error.is_none(), "{error:?}");
    let start = Chunk::Start {
        provider: "litellm".to_owned(),
        model: "agent/steward-failover".to_owned(),
        head: None,
    };
    assert_eq!(chunks.first(), Some(&start));
}

#[tokio::test]
async fn nobody_listening_is_a_transport_error_with_a_hint() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let url = format!("http://{address}");
    let models = start(options(vec![provider("litellm", &url)]));
    let (_, error) = collect(models.stream(&steward(), named("litellm/m"))).await;
    let error = error.expect("a refusal");
    assert_eq!(error.kind(), Kind::Transport);
    assert_eq!(
        error.hint(),
        Some(format!("check that a server listens at {url}/v1"))
    );
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let server = Server::start(|_| {
        let mut acts = vec![stream_head(), delta("a")];
        acts.extend(
            (0..2_000).flat_map(|_| [Act::Wait(Duration::from_millis(5)), piece(": on\n\n")]),
        );
        acts.extend(stop());
        acts
    })
    .await;
    let http = openclaw_models::http::Http::new(openclaw_models::http::Options::default());
    let provider = openclaw_models::openai::OpenAi::new(
        &provider("p", &server.url),
        http,
        Arc::new(SystemEnv),
    )
    .expect("good options");
    let mut stream = provider.stream(named("m"));
    for _ in 0..2 {
        let chunk = futures_util::StreamExt::next(&mut stream).await;
        assert!(matches!(chunk, Some(Ok(_))), "{chunk:?}");
    }
    drop(stream);
    tokio::time::timeout(crate::DEADLINE, server.closed())
        .await
        .expect("the server sees the end");
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let line = format!(": {}\n", "a".repeat(1 << 20));
    let mut acts = vec![stream_head()];
    acts.extend((0..70).map(|_| piece(&line)));
    acts.push(Act::Hang);
    let (chunks, error) = call(DEADLINES, acts).await;
    let error = error.expect("an error");
    assert_eq!(
        (chunks.len(), error.to_string().as_str()),
        (
            0,
            "the answer of `litellm` is longer than any answer may be"
        )
    );
}

#[tokio::test]
async fn a_provider_that_cant_be_called_is_left_out_and_the_others_work() {
    let server = Server::start(|_| answer(&["ok"])).await;
    let models = start(options(vec![
        ProviderOptions {
            key: Some(Secret::new("two\nlines")),
            ..provider("broken", "http://127.0.0.1:9")
        },
        provider("nowhere", "not a url"),
        ProviderOptions {
            models: vec![ModelOptions::named("m")],
            ..provider("good", &server.url)
        },
    ]));
    let (chunks, error) = collect(models.stream(&steward(), hello())).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(text_of(&chunks), "ok");
    let status = models.probe().await;
    let places: Vec<(String, bool)> = status
        .looked_at
        .into_iter()
        .map(|place| (place.name, place.is_usable))
        .collect();
    let expected = [("broken", false), ("nowhere", false), ("good", true)];
    assert_eq!(places, expected.map(|(name, is)| (name.to_owned(), is)));
}

#[tokio::test]
async fn a_proxy_is_used_where_one_is_configured_but_not_for_this_machine() {
    let proxy = Server::start(|_| answer(&["by proxy"])).await;
    let near = Server::start(|_| answer(&["direct"])).await;
    let declared = |id: &str, url: &str| ProviderOptions {
        models: vec![ModelOptions::named("m")],
        ..provider(id, url)
    };
    let mut options = options(vec![
        declared("far", "http://models.example"),
        declared("near", &near.url),
    ]);
    options.proxy = Some(proxy.url.clone());
    let models = start(options);
    for (reference, text) in [("far/m", "by proxy"), ("near/m", "direct")] {
        let (chunks, error) = collect(models.stream(&steward(), named(reference))).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(text_of(&chunks), text);
    }
    let asked = proxy.chats();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path(), "http://models.example/v1/chat/completions");
}

#[tokio::test]
async fn https_to_a_server_without_it_is_a_transport_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let plain = b"HTTP/1.1 400 Bad Request\r\n\r\n";
            drop(tokio::io::AsyncWriteExt::write_all(&mut socket, plain).await);
        }
    });
    let models = start(options(vec![provider("litellm", &url)]));
    let (_, error) = collect(models.stream(&steward(), named("litellm/m"))).await;
    let error = error.expect("no TLS there");
    // A machine without root certificates can't even begin, and says what to install.
    let hint = error.hint().expect("a hint");
    match error.kind() {
        Kind::NoModel => assert!(hint.contains("ca-certificates"), "{hint}"),
        kind => assert_eq!(kind, Kind::Transport, "{}", error.full_text()),
    }
}
