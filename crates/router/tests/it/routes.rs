//! Every route: who may ask it, and what the owner is told.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::{INSTANCE, MASTER, World, chat};

/// What one route answers.
struct Row {
    method: &'static str,
    path: &'static str,
    body: Value,
    /// Without a key, with a virtual one, and with the master key.
    statuses: [u16; 3],
    /// Fields of the owner's answer, as JSON pointers.
    fields: &'static [&'static str],
}

fn row(
    (method, path): (&'static str, &'static str),
    body: Value,
    statuses: [u16; 3],
    fields: &'static [&'static str],
) -> Row {
    Row {
        method,
        path,
        body,
        statuses,
        fields,
    }
}

const ANYBODY: [u16; 3] = [200, 200, 200];
const KEYS: [u16; 3] = [401, 200, 200];
const OWNER: [u16; 3] = [401, 401, 200];

fn get(path: &'static str, statuses: [u16; 3], fields: &'static [&'static str]) -> Row {
    row(("GET", path), Value::Null, statuses, fields)
}

fn post(
    path: &'static str,
    body: Value,
    statuses: [u16; 3],
    fields: &'static [&'static str],
) -> Row {
    row(("POST", path), body, statuses, fields)
}

fn probes() -> Vec<Row> {
    vec![
        get("/", ANYBODY, &["/name", "/version"]),
        get(
            "/health",
            ANYBODY,
            &["/healthy_endpoints", "/healthy_count"],
        ),
        get("/health/liveliness", ANYBODY, &[""]),
        get("/health/liveness", ANYBODY, &[""]),
        get("/health/readiness", ANYBODY, &["/status", "/db"]),
        get("/metrics", [307, 307, 307], &[]),
        get("/metrics/", OWNER, &[]),
        get("/routes", ANYBODY, &["/routes/0/path", "/routes/0/methods"]),
    ]
}

fn models() -> Vec<Row> {
    let mut rows = vec![get(
        "/model_group/info",
        KEYS,
        &["/data/0/model_group", "/data/0/providers"],
    )];
    for (list, one, info) in [
        ("/models", "/models/agent/steward", "/model/info"),
        ("/v1/models", "/v1/models/agent/steward", "/v1/model/info"),
    ] {
        rows.push(get(list, KEYS, &["/data/0/id", "/object"]));
        rows.push(get(one, KEYS, &["/id", "/object", "/created", "/owned_by"]));
        rows.push(get(
            info,
            KEYS,
            &["/data/0/model_name", "/data/0/model_info/id"],
        ));
    }
    rows
}

fn calls() -> Vec<Row> {
    let mut rows = vec![
        post(
            "/v1/messages",
            chat("chat"),
            KEYS,
            &["/content/0/text", "/stop_reason", "/usage/output_tokens"],
        ),
        post(
            "/v1/messages/count_tokens",
            chat("chat"),
            KEYS,
            &["/input_tokens"],
        ),
        post(
            "/utils/token_counter",
            chat("chat"),
            KEYS,
            &["/total_tokens", "/request_model"],
        ),
        post(
            "/engines/chat/chat/completions",
            chat(""),
            KEYS,
            &["/choices/0/message/content"],
        ),
        post(
            "/openai/deployments/agent/steward/chat/completions",
            chat(""),
            KEYS,
            &["/choices/0/message/content"],
        ),
        post(
            "/openai/deployments/chat/embeddings",
            json!({"input": "hi"}),
            KEYS,
            &["/data/0/embedding"],
        ),
        post(
            "/agent/steward",
            chat("x"),
            KEYS,
            &["/choices/0/message/content"],
        ),
        row(
            ("DELETE", "/agent/steward/files/7"),
            Value::Null,
            KEYS,
            &["/seen"],
        ),
        get("/agent/open/below", ANYBODY, &["/seen"]),
    ];
    rows.extend(both());
    rows
}

/// Paths that are there with and without the version.
fn both() -> Vec<Row> {
    let mut rows = Vec::new();
    for (chats, texts, vectors, responses) in [
        (
            "/chat/completions",
            "/completions",
            "/embeddings",
            "/responses",
        ),
        (
            "/v1/chat/completions",
            "/v1/completions",
            "/v1/embeddings",
            "/v1/responses",
        ),
    ] {
        let input = json!({"model": "chat", "input": "hi"});
        rows.extend([
            post(
                chats,
                chat("chat"),
                KEYS,
                &["/choices/0/message/content", "/usage", "/id"],
            ),
            post(
                texts,
                json!({"model": "chat", "prompt": "hi"}),
                KEYS,
                &["/choices/0/text"],
            ),
            post(vectors, input.clone(), KEYS, &["/data/0/embedding"]),
            post(responses, input, KEYS, &["/output/0/content/0/text"]),
        ]);
    }
    rows
}

fn accounts() -> Vec<Row> {
    let made = || json!({"key": "made"});
    let sums = &["/0/spend", "/0/requests"];
    vec![
        post(
            "/key/generate",
            json!({"key_alias": "made"}),
            OWNER,
            &["/key", "/token", "/key_alias"],
        ),
        get("/key/info?key=made", OWNER, &["/key", "/info/spend"]),
        post(
            "/key/update",
            json!({"key": "made", "max_budget": 2.5}),
            OWNER,
            &["/token", "/max_budget"],
        ),
        post("/key/block", made(), OWNER, &["/blocked"]),
        post("/key/unblock", made(), OWNER, &["/blocked"]),
        post("/key/regenerate", made(), OWNER, &["/key", "/token"]),
        get("/key/list", OWNER, &["/keys/0", "/total_count"]),
        post(
            "/key/delete",
            json!({"key_aliases": ["made"]}),
            OWNER,
            &["/deleted_keys/0"],
        ),
        get("/spend/logs", KEYS, &["/0/request_id", "/0/spend"]),
        get("/spend/keys", OWNER, sums),
        post("/spend/calculate", chat("chat"), KEYS, &["/cost"]),
        get("/global/spend", OWNER, &["/spend", "/max_budget"]),
        get("/global/spend/keys", OWNER, sums),
        get("/global/spend/models", OWNER, sums),
        get("/global/spend/provider", OWNER, sums),
        get("/global/spend/teams", OWNER, sums),
        get("/global/spend/logs", OWNER, sums),
    ]
}

fn table() -> Vec<Row> {
    [probes(), models(), calls(), accounts()]
        .into_iter()
        .flatten()
        .collect()
}

#[tokio::test]
async fn every_route_answers_who_may_ask_and_nobody_else() {
    let world = World::start().await;
    let key = world.key(&json!({"key_alias": "asking"})).await;
    for row in table() {
        let body = match &row.body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        for (key, wanted) in ["", key.as_str(), MASTER].into_iter().zip(row.statuses) {
            let answer = world.ask(row.method, row.path, key, &body).await;
            let asked = format!("{} {} with {key:?}: {answer:?}", row.method, row.path);
            assert_eq!(answer.status, wanted, "{asked}");
            assert_eq!(answer.header("x-openclaw-instance"), INSTANCE, "{asked}");
            if wanted == 401 {
                let error = &answer.json()["error"];
                let message = error["message"].as_str().expect("a message");
                assert!(message.contains("Authorization: Bearer"), "{asked}");
            }
            if key == MASTER {
                for field in row.fields {
                    assert!(answer.json().pointer(field).is_some(), "{field}: {asked}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_route_that_is_told_of_is_there_and_has_a_row() {
    let world = World::start().await;
    let told = world.get("/routes").await.json();
    let rows: BTreeSet<String> = table().iter().map(template).collect();
    for route in told["routes"].as_array().expect("a list") {
        let path = route["path"].as_str().expect("a path");
        assert!(rows.contains(path), "{path} has no row");
        let there = path.replace("{model}", "chat").replace("{name}", "steward");
        let answer = world.ask("TRACE", &there, MASTER, "").await;
        assert_ne!(answer.status, 404, "{path} is not there");
    }
}

/// The path as the list of routes has it.
fn template(row: &Row) -> String {
    let path = row.path.split('?').next().expect("a path");
    match path {
        "/agent/steward" => "/agent/{name}".to_owned(),
        "/v1/models/agent/steward" => "/v1/models/{model}".to_owned(),
        "/engines/chat/chat/completions" => path.replacen("chat", "{model}", 1),
        path => path.replace("/deployments/agent/steward/", "/deployments/{model}/"),
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_as_json() {
    let world = World::start().await;
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("POST", "/v1/nothing", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/key/list", 405),
        ("BREW", "/v1/models", 405),
        ("POST", "/engines/chat/nothing", 404),
        ("POST", "/engines/chat/completions", 400),
        ("GET", "/v1/models/nobody", 404),
        ("GET", "/v1/model/info?litellm_model_id=nobody", 404),
        ("POST", "/agent/ghost", 404),
        ("GET", "/agent", 404),
        ("GET", "/key/info?key=nobody", 404),
    ] {
        let answer = world.ask(method, path, MASTER, "").await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        let told = answer.json();
        assert!(
            told["detail"].is_string() || told["error"]["message"].is_string(),
            "{method} {path}: {told}"
        );
    }
}

#[tokio::test]
async fn without_a_master_key_nobody_needs_one() {
    let world = World::with(None, true).await;
    for (method, path) in [
        ("GET", "/v1/models"),
        ("GET", "/key/list"),
        ("GET", "/health"),
    ] {
        let answer = world.ask(method, path, "", "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let answer = world
        .ask(
            "POST",
            "/v1/chat/completions",
            "",
            &chat("chat").to_string(),
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn metrics_are_for_anybody_where_the_configuration_says_so() {
    let world = World::with(Some(MASTER), false).await;
    let answer = world.ask("GET", "/metrics/", "", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer.text.contains("litellm_deployment_state"),
        "{answer:?}"
    );
}
