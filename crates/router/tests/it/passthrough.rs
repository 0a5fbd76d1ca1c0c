//! `/agent/<name>`: what is sent on, to whom, and what stays here.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::world::{MASTER, UPSTREAM, World, chat};

#[tokio::test]
async fn what_is_sent_on_arrives_as_it_was_but_for_keys() {
    let world = World::start().await;
    let key = world.key(&json!({})).await;
    let request = Request::put("/agent/steward/files/a%20b?purpose=x&key=sk-guess&Token=t&page=2")
        .header("authorization", format!("Bearer {key}"))
        .header("x-api-key", &key)
        .header("x-goog-api-key", &key)
        .header("cookie", "session=1")
        .header("x-litellm-tags", "a")
        .header("content-type", "text/csv")
        .header("x-purpose", "fine-tune")
        .body(Body::from("a,b\n1,2\n"));
    let answer = world.send(request.unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let [seen] = <[_; 1]>::try_from(world.backend.seen()).unwrap();
    assert_eq!(seen.method, "PUT");
    assert_eq!(seen.address, "/base/v1/files/a%20b?purpose=x&page=2");
    assert_eq!(seen.body, "a,b\n1,2\n");
    assert_eq!(seen.headers["authorization"], format!("Bearer {UPSTREAM}"));
    assert_eq!(seen.headers["content-type"], "text/csv");
    assert_eq!(seen.headers["x-purpose"], "fine-tune");
    for gone in ["cookie", "x-litellm-tags", "x-api-key", "x-goog-api-key"] {
        assert!(!seen.headers.contains_key(gone), "{gone}: {seen:?}");
    }
    assert!(!seen.everything().contains(&key), "{seen:?}");
}

/// A request with a key, its address, one more header, and its body.
fn with(key: &str, rest: &str, header: &str, body: &str) -> Request<Body> {
    Request::post(format!("/agent/steward/{rest}"))
        .header("authorization", format!("Bearer {key}"))
        .header("x-note", header)
        .body(Body::from(body.to_owned()))
        .expect("a request")
}

#[tokio::test]
async fn a_key_of_ours_in_what_is_sent_on_unread_is_refused_and_stays_here() {
    let world = World::start().await;
    let key = world.key(&json!({})).await;
    let other = world.key(&json!({})).await;
    let escaped = key.replace("sk-", "%73k%2D");
    let meant = |text: &str| {
        text.replace("MINE", &key)
            .replace("ESCAPED", &escaped)
            .replace("OTHER", &other)
            .replace("MASTER", MASTER)
    };
    let long = "a".repeat(1 << 20) + "MINE";
    for (rest, header, body, place) in [
        ("x?a=1&auth=MINE", "", "", "query"),
        ("x?auth=ESCAPED&b=%zz&c", "", "", "query"),
        ("x?auth=MASTER", "", "", "query"),
        ("x?auth=is-MINE-it", "", "", "query"),
        ("x?MINE", "", "", "query"),
        ("x?auth=OTHER", "", "", "query"),
        ("files/MINE/x", "", "", "path"),
        ("files/ESCAPED", "", "", "path"),
        ("x", "is MINE", "", "headers"),
        ("x", "MASTER", "", "headers"),
        ("x", "", "{\"k\":\"MINE\"}", "body"),
        ("x", "", "\u{0}MASTER", "body"),
        ("x", "", &long, "body"),
    ] {
        for shown in [key.as_str(), MASTER] {
            let [rest, header, body] = [rest, header, body].map(meant);
            // The owner shows no virtual key, and may have some to tell of.
            if shown == MASTER && !format!("{rest}{header}{body}").contains(MASTER) {
                continue;
            }
            let answer = world.send(with(shown, &rest, &header, &body)).await;
            assert_eq!(answer.status, 400, "{place} {rest}: {answer:?}");
            let told = answer.json()["error"]["message"].to_string();
            assert!(told.contains(&format!("the {place} of this")), "{told}");
            assert!(!answer.text.contains(&key) && !answer.text.contains(MASTER));
        }
    }
    assert_eq!(world.backend.seen().len(), 0);
}

#[tokio::test]
async fn what_is_no_key_of_ours_is_sent_on_and_fields_for_keys_are_not() {
    let world = World::start().await;
    let key = world.key(&json!({})).await;
    let theirs = "auth=sk-of-somebody-else-entirely";
    for (query, kept) in [
        (theirs.to_owned(), format!("?{theirs}")),
        (format!("%6Bey={key}"), String::new()),
        ("b=%zz&c".to_owned(), "?b=%zz&c".to_owned()),
    ] {
        // Nearly a key is none.
        let body = &key[..key.len() - 1];
        let answer = world
            .send(with(&key, &format!("x?{query}"), "sk-", body))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let seen = world.backend.seen().pop().unwrap();
        assert_eq!(
            (seen.address, seen.body.as_str()),
            (format!("/base/v1/x{kept}"), body)
        );
    }
}

#[tokio::test]
async fn no_path_leads_out_of_what_it_stands_for() {
    let world = World::start().await;
    let key = world.key(&json!({})).await;
    for path in [
        "/agent/../key/list",
        "/agent/steward/../../key/list",
        "/agent/%2e%2e/key/list",
        "/agent/steward/%2e%2e/%2e%2e/secret",
        "/agent/steward/..%2f..%2fsecret",
        "/agent/steward/%252e%252e/%252e%252e/secret",
        "/agent/steward/..%5c..%5csecret",
        "/agent/..%2fsteward",
        "/agent//key/list",
    ] {
        let answer = world.ask("GET", path, &key, "").await;
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        assert!(!answer.text.contains("total_count"), "{path}: {answer:?}");
    }
    let escaped: Vec<_> = world
        .backend
        .seen()
        .into_iter()
        .map(|seen| seen.address)
        .collect();
    assert_eq!(escaped, <[String; 0]>::default());
}

#[tokio::test]
async fn a_host_in_the_path_is_a_path() {
    let world = World::start().await;
    for path in [
        "/agent/steward//evil.example/x",
        "/agent/steward/http://evil.example/",
        "/agent/steward/@evil.example",
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let seen = world.backend.seen().pop().unwrap();
        assert!(seen.address.starts_with("/base/v1/"), "{path}: {seen:?}");
    }
}

#[tokio::test]
async fn an_endpoint_without_subpaths_has_none_and_only_an_open_one_needs_no_key() {
    let world = World::start().await;
    let body = chat("anything").to_string();
    for (path, key, status) in [
        ("/agent/narrow", MASTER, 200),
        ("/agent/narrow/v1/chat/completions", MASTER, 200),
        ("/agent/narrow/files", MASTER, 404),
        ("/agent/narrow", "", 401),
        ("/agent/open", "", 200),
        ("/agent/open/files", "", 200),
        // Whoever shows a key is judged by it.
        ("/agent/open", "sk-nobodys-key-at-all-0", 401),
        ("/agent/ghost", "", 401),
        ("/agent/ghost", MASTER, 404),
    ] {
        let answer = world.ask("POST", path, key, &body).await;
        assert_eq!(answer.status, status, "{path} with {key:?}: {answer:?}");
    }
    let open = world.ask("POST", "/agent/open", "", &body).await;
    assert_eq!(open.header("x-litellm-model-api-base"), "", "{open:?}");
}

#[tokio::test]
async fn the_group_behind_a_path_answers_whatever_model_the_body_names() {
    let world = World::start().await;
    for path in [
        "/agent/steward",
        "/agent/steward/chat/completions",
        "/agent/steward/v1/chat/completions",
    ] {
        let answer = world.post(path, &chat("chat")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("x-litellm-model-group"), "agent/steward");
        let seen = world.backend.seen().pop().unwrap();
        assert_eq!(seen.address, "/base/v1/chat/completions");
        assert!(seen.body.contains("\"model\":\"steward-mock\""), "{seen:?}");
    }
}
