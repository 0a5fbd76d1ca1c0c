//! Requests that nobody with good intentions sends.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Request};
use serde_json::{Value, json};

use crate::world::{MASTER, World, chat};

/// Deeper than any stack that is climbed without counting.
const DEPTH: usize = 100_000;

/// Every path that reads a body, where it is asked for.
const READERS: [&str; 13] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/utils/token_counter",
    "/engines/chat/chat/completions",
    "/agent/steward",
    "/key/generate",
    "/key/update",
    "/key/delete",
    "/spend/calculate",
];

async fn send(world: &World, path: &str, kind: &str, body: impl Into<Body>) -> (u16, Value) {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {MASTER}"))
        .header("content-type", kind)
        .body(body.into());
    let answer = world.send(request.expect("a request")).await;
    (answer.status, answer.json())
}

async fn refused(world: &World, path: &str, body: impl Into<Body>) -> u16 {
    let (status, told) = send(world, path, "application/json", body).await;
    let message = &told["error"]["message"];
    assert!(message.is_string(), "{path}: {told}");
    assert!(message.to_string().len() < 1_000, "{path}: {told}");
    status
}

#[tokio::test]
async fn what_is_no_json_is_told_so() {
    let world = World::start().await;
    for body in [
        &b"{"[..],
        b"nonsense",
        b"[]",
        b"7",
        b"null",
        b"\"text\"",
        b"{\"model\":\"chat\"}{}",
        b"{\"model\": \"\xff\xfe\", \"messages\": [], \"prompt\": \"\xc3\x28\", \"input\": \"\xff\"}",
        b"\xff\xfe{\x00}\x00",
        b"model=chat&messages=hi",
        b"{\"model\":\"\\ud800\",\"key\":\"\\ud800\",\"keys\":[\"\\ud800\"]",
    ] {
        for path in READERS {
            let status = refused(&world, path, body.to_vec()).await;
            assert_eq!(status, 400, "{path}: {}", String::from_utf8_lossy(body));
        }
    }
    assert_eq!(world.backend.seen().len(), 0);
}

#[tokio::test]
async fn depth_ends_no_thread() {
    let world = World::start().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH));
        for path in READERS {
            for body in [
                deep.clone(),
                format!(
                    r#"{{"model":"claude","max_tokens":9,"key":"x","messages":[{{"role":"user","content":{deep}}}],"prompt":{deep},"input":{deep}}}"#
                ),
                format!(
                    r#"{{"model":"claude","max_tokens":9,"messages":[],"prompt":"","input":"","metadata":{deep},"tools":{deep},"cache":{deep},"fallbacks":{deep}}}"#
                ),
            ] {
                let request = Request::post(path)
                    .header("authorization", format!("Bearer {MASTER}"))
                    .body(Body::from(body));
                let answer = world.send(request.unwrap()).await;
                // A server that speaks the same dialect may be asked for what it understands itself.
                assert!(answer.status < 500, "{path}: {answer:?}");
            }
        }
    }
    let still = world.post("/v1/chat/completions", &chat("chat")).await;
    assert_eq!(still.status, 200, "{still:?}");
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let world = World::start().await;
    for path in READERS {
        let mebibyte = Bytes::from(vec![b' '; 1 << 20]);
        // Never ends; whoever reads on never answers.
        let flood = stream::repeat_with(move || Ok::<_, std::io::Error>(mebibyte.clone()));
        let status = refused(&world, path, Body::from_stream(flood)).await;
        assert_eq!(status, 413, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_told_so() {
    let world = World::start().await;
    for path in READERS {
        let pieces = [
            Ok(Bytes::from_static(b"{\"model\":\"chat\",")),
            Err(std::io::Error::other("gone")),
        ];
        let status = refused(&world, path, Body::from_stream(stream::iter(pieces))).await;
        assert_eq!(status, 400, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_not_waited_for() {
    let world = World::start().await;
    for path in READERS {
        let nothing = stream::pending::<Result<Bytes, std::io::Error>>();
        let status = refused(&world, path, Body::from_stream(nothing)).await;
        assert_eq!(status, 408, "{path}");
    }
}

#[tokio::test]
async fn what_a_body_calls_itself_changes_nothing() {
    let world = World::start().await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "?",
    ] {
        let body = chat("chat").to_string();
        let (status, _) = send(&world, "/v1/chat/completions", kind, body).await;
        assert_eq!(status, 200, "{kind}");
        let seen = world.backend.seen().pop().unwrap();
        assert_eq!(seen.headers["content-type"], "application/json", "{kind}");
    }
}

#[tokio::test]
async fn nothing_of_a_request_becomes_a_header() {
    let world = World::start().await;
    for model in [
        "a\r\nset-cookie: x=1",
        "wild/a\r\nset-cookie: x=1",
        "wild/\u{0}",
        "wild/é\u{7f}",
        "\r\n\r\n",
    ] {
        let answer = world.post("/v1/chat/completions", &chat(model)).await;
        assert!([200, 400].contains(&answer.status), "{model:?}: {answer:?}");
        assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
    }
    for seen in world.backend.seen() {
        assert!(!seen.headers.contains_key("set-cookie"), "{seen:?}");
    }
    let told = world.get("/metrics/").await.text;
    assert!(
        told.lines().all(|line| !line.starts_with("set-cookie")),
        "{told}"
    );
}

#[tokio::test]
async fn headers_that_are_no_numbers_or_no_text_are_no_numbers_and_no_keys() {
    let world = World::start().await;
    for value in [&b"-1"[..], b"NaN", b"inf", b"1e999", b"\xff\xfe", b"", b"0"] {
        let value = HeaderValue::from_bytes(value).unwrap();
        let request = Request::post("/v1/chat/completions")
            .header("authorization", format!("Bearer {MASTER}"))
            .header("x-litellm-timeout", &value)
            .header("x-litellm-stream-timeout", &value)
            .header("x-litellm-num-retries", &value)
            .body(Body::from(chat("chat").to_string()));
        let answer = world.send(request.unwrap()).await;
        assert_eq!(answer.status, 200, "{value:?}: {answer:?}");
    }
    for value in [
        &b"Bearer \xff\xfe"[..],
        b"Bearer",
        b"Bearer ",
        b"Basic c2s6",
        b"",
        MASTER.as_bytes(),
    ] {
        for name in ["authorization", "x-api-key"] {
            if name == "x-api-key" && value == MASTER.as_bytes() {
                continue;
            }
            let request = Request::get("/v1/models")
                .header(name, HeaderValue::from_bytes(value).unwrap())
                .body(Body::empty());
            let answer = world.send(request.unwrap()).await;
            assert_eq!(answer.status, 401, "{name} {value:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_key_in_an_address_is_no_key_and_two_are_none() {
    let world = World::start().await;
    for path in ["/v1/models", "/key/list", "/agent/steward", "/metrics/"] {
        for name in [
            "key",
            "api_key",
            "api-key",
            "access_token",
            "token",
            "Authorization",
        ] {
            let answer = world
                .ask("GET", &format!("{path}?{name}={MASTER}"), "", "")
                .await;
            assert_eq!(answer.status, 401, "{path}?{name}: {answer:?}");
            assert!(!answer.text.contains(MASTER), "{answer:?}");
        }
    }
    let request = Request::get("/v1/models")
        .header("authorization", format!("Bearer {MASTER}"))
        .header("authorization", "Bearer sk-nobodys-key-at-all-0")
        .body(Body::empty());
    assert_eq!(world.send(request.unwrap()).await.status, 401);
    // The one that counts is wrong, whatever another says.
    let request = Request::get("/v1/models")
        .header("x-litellm-api-key", "sk-nobodys-key-at-all-0")
        .header("authorization", format!("Bearer {MASTER}"))
        .body(Body::empty());
    assert_eq!(world.send(request.unwrap()).await.status, 401);
}

#[tokio::test]
async fn addresses_that_cant_be_read_are_refused_in_json() {
    let world = World::start().await;
    for path in [
        "/key/list?page=x",
        "/key/list?page=-1",
        "/key/list?page=1&page=2",
        "/spend/logs?limit=many",
        "/spend/logs?start_date=yesterday",
        "/v1/models/%ff%fe",
        "/agent/%ff",
        "/agent/steward/%ff",
    ] {
        let answer = world.get(path).await;
        let told = answer.json();
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert_eq!(
            told["error"]["type"], "invalid_request_error",
            "{path}: {told}"
        );
    }
    assert_eq!(world.backend.seen().len(), 0);
}

#[tokio::test]
async fn no_answer_repeats_a_key_that_was_shown() {
    let world = World::start().await;
    let key = "sk-a-key-that-nobody-has-made";
    for (method, path) in [
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/messages"),
        ("POST", "/key/generate"),
        ("GET", "/agent/steward/x"),
        ("GET", "/health"),
        ("GET", "/nothing"),
    ] {
        let answer = world
            .ask(method, path, key, &chat("chat").to_string())
            .await;
        assert!(answer.status >= 400, "{answer:?}");
        assert!(!format!("{answer:?}").contains(key), "{answer:?}");
    }
    let named = world
        .post("/key/update", &json!({"key": key, "rpm_limit": 1}))
        .await;
    assert_eq!(named.status, 404, "{named:?}");
    assert!(!named.text.contains(key), "{named:?}");
}
