//! Requests for models: headers, streams, errors, and what is counted of them.

use serde_json::{Value, json};

use crate::world::{MASTER, UPSTREAM, World, chat};

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn an_answer_names_who_gave_it_and_what_it_cost() {
    let world = World::start().await;
    let key = world
        .key(&json!({"max_budget": 5.0, "rpm_limit": 7, "tpm_limit": 900}))
        .await;
    let body = chat("agent/steward").to_string();
    let answer = world.ask("POST", "/v1/chat/completions", &key, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-litellm-model-name", "openai/steward-mock"),
        ("x-litellm-model-group", "agent/steward"),
        ("x-litellm-attempted-retries", "0"),
        ("x-litellm-attempted-fallbacks", "0"),
        ("x-litellm-response-cost", "0.011"),
        ("x-litellm-key-spend", "0.011"),
        ("x-ratelimit-api_key-limit-requests", "7"),
        ("x-ratelimit-api_key-remaining-requests", "6"),
        ("x-ratelimit-api_key-limit-tokens", "900"),
        // Where the server is, is the owner's to know.
        ("x-litellm-model-api-base", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}: {answer:?}");
    }
    assert_eq!(answer.header("x-litellm-call-id").len(), 36);
    let owner = world.post("/v1/chat/completions", &chat("chat")).await;
    let base = format!("{}/v1", world.backend.url);
    assert!(
        owner.header("x-litellm-model-api-base").starts_with(&base),
        "{owner:?}"
    );
    let logs = world.ask("GET", "/spend/logs", &key, "").await.json();
    assert_eq!(logs.as_array().map(Vec::len), Some(1), "a key sees its own");
    assert_eq!(logs[0]["spend"], json!(0.011));
    assert_eq!(logs[0]["request_id"], answer.header("x-litellm-call-id"));
}

#[tokio::test]
async fn the_model_is_asked_with_the_providers_key_and_never_with_the_callers() {
    let world = World::start().await;
    let key = world.key(&json!({})).await;
    let body = chat("chat").to_string();
    for name in ["authorization", "x-api-key", "api-key", "x-litellm-api-key"] {
        for shown in [format!("Bearer {key}"), format!("bearer  {key}")] {
            let request = http::Request::post("/v1/chat/completions")
                .header(name, &shown)
                .header("x-something", "kept here")
                .body(axum::body::Body::from(body.clone()));
            let answer = world.send(request.unwrap()).await;
            assert_eq!(answer.status, 200, "{name}: {answer:?}");
        }
    }
    let seen = world.backend.seen();
    assert_eq!(seen.len(), 8);
    for seen in seen {
        assert!(!seen.everything().contains(&key), "{seen:?}");
        assert_eq!(seen.headers["authorization"], format!("Bearer {UPSTREAM}"));
    }
}

#[tokio::test]
async fn a_stream_ends_as_its_dialect_ends_it() {
    let world = World::start().await;
    for (path, content, end) in [
        (
            "/v1/chat/completions",
            "\"content\":\"all\"",
            "data: [DONE]\n\n",
        ),
        ("/v1/messages", "\"text\":\"all\"", "event: message_stop\n"),
        ("/agent/steward", "\"content\":\"all\"", "data: [DONE]\n\n"),
    ] {
        let mut body = chat("chat");
        body["stream"] = json!(true);
        let answer = world.post(path, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            answer.header("content-type"),
            "text/event-stream; charset=utf-8"
        );
        assert!(answer.text.contains(content), "{path}: {answer:?}");
        let last = answer.text.rfind(end.trim_end());
        assert!(
            last.is_some_and(|at| answer.text.len() - at < 60),
            "{path}: {answer:?}"
        );
    }
}

/// Bodies, and the field that is wrong with each.
fn wrong_bodies() -> Vec<(&'static str, Value, &'static str)> {
    let with = |field: &str, value: Value| {
        let mut body = chat("chat");
        body[field] = value;
        body
    };
    let mut bodies = vec![
        (CHAT, json!({"messages": []}), "model"),
        (CHAT, with("model", json!(7)), "model"),
        (CHAT, json!({"model": "chat"}), "messages"),
        (CHAT, with("messages", Value::Null), "messages"),
        (CHAT, with("messages", json!("hi")), "messages"),
        ("/v1/completions", json!({"model": "chat"}), "prompt"),
        ("/v1/embeddings", json!({"model": "chat"}), "input"),
        ("/v1/responses", json!({"model": "chat"}), "input"),
    ];
    for (field, value) in [
        ("timeout", json!("soon")),
        ("num_retries", json!(-1)),
        ("fallbacks", json!("x")),
        ("api_base", json!("http://evil.example")),
        ("api_key", json!("sk-x")),
        ("mock_response", json!("x")),
    ] {
        bodies.push((CHAT, with(field, value), field));
    }
    bodies
}

#[tokio::test]
async fn what_is_missing_or_wrong_in_a_body_is_named() {
    let world = World::start().await;
    for (path, body, param) in wrong_bodies() {
        let answer = world.post(path, &body).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (
                answer.status,
                &error["param"],
                &error["type"],
                &error["code"]
            ),
            (
                400,
                &json!(param),
                &json!("invalid_request_error"),
                &json!("400")
            ),
            "{path} {body}: {answer:?}"
        );
        let message = error["message"].as_str();
        assert!(message.is_some_and(|message| message.contains(param)));
    }
    assert_eq!(world.backend.seen().len(), 0);
}

#[tokio::test]
async fn errors_have_the_shape_of_the_path_they_are_on() {
    let world = World::start().await;
    for (key, model, status, openai, anthropic) in [
        ("", "chat", 401, "auth_error", "authentication_error"),
        (
            "sk-nobodys-key-at-all-0",
            "chat",
            401,
            "auth_error",
            "authentication_error",
        ),
        (
            MASTER,
            "nobody",
            400,
            "invalid_request_error",
            "invalid_request_error",
        ),
        (MASTER, "broken", 500, "internal_server_error", "api_error"),
    ] {
        let body = chat(model).to_string();
        let chats = world.ask("POST", "/v1/chat/completions", key, &body).await;
        let error = &chats.json()["error"];
        assert_eq!(
            (chats.status, &error["type"]),
            (status, &json!(openai)),
            "{chats:?}"
        );
        let messages = world.ask("POST", "/v1/messages", key, &body).await;
        let told = messages.json();
        assert_eq!(
            (messages.status, &told["type"], &told["error"]["type"]),
            (status, &json!("error"), &json!(anthropic)),
            "{messages:?}"
        );
        for answer in [chats, messages] {
            assert_eq!(answer.header("x-litellm-call-id").len(), 36, "{answer:?}");
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }
}

#[tokio::test]
async fn a_key_is_held_to_its_models_limits_and_budget() {
    let world = World::start().await;
    for (fields, statuses, kind) in [
        (
            json!({"models": ["claude"]}),
            [403, 403],
            "key_model_access_denied",
        ),
        (json!({"rpm_limit": 1}), [200, 429], "throttling_error"),
        (json!({"tpm_limit": 33}), [200, 429], "throttling_error"),
        (json!({"max_budget": 0.04}), [200, 422], "budget_exceeded"),
        (json!({"blocked": true}), [401, 401], "auth_error"),
    ] {
        let key = world.key(&fields).await;
        let mut answers = Vec::new();
        for _ in 0..2 {
            let body = chat("chat").to_string();
            answers.push(world.ask("POST", "/v1/chat/completions", &key, &body).await);
        }
        let found: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(found, statuses, "{fields}: {answers:?}");
        let last = answers.last().unwrap();
        assert_eq!(last.json()["error"]["type"], kind, "{fields}");
        if last.status == 429 {
            assert!(
                last.header("retry-after").parse::<u64>().is_ok(),
                "{last:?}"
            );
            assert_ne!(last.header("rate_limit_type"), "", "{last:?}");
        }
    }
}

#[tokio::test]
async fn a_key_sees_only_the_models_it_may_use() {
    let world = World::start().await;
    let key = world.key(&json!({"models": ["agent/*"]})).await;
    for (path, field) in [
        ("/v1/models", "id"),
        ("/model/info", "model_name"),
        ("/model_group/info", "model_group"),
    ] {
        let told = world.ask("GET", path, &key, "").await.json();
        let names: Vec<&Value> = told["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one[field])
            .collect();
        assert_eq!(names, ["agent/steward"], "{path}");
        assert!(
            !told.to_string().contains(&world.backend.url),
            "{path}: {told}"
        );
        assert!(!world.get(path).await.text.contains(UPSTREAM), "{path}");
    }
    let other = world.ask("GET", "/v1/models/chat", &key, "").await;
    assert_eq!(other.status, 404, "{other:?}");
}

/// The lines of the metrics that count requests, without their name.
async fn counted(world: &World) -> Vec<String> {
    let text = world.get("/metrics/").await.text;
    let lines = text.lines();
    lines
        .filter_map(|line| line.strip_prefix("litellm_proxy_total_requests_metric_total"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn every_refusal_is_counted_under_a_name_that_no_client_chooses() {
    let world = World::start().await;
    for place in 0..20 {
        for path in [
            format!("/nothing/{place}"),
            format!("/key/info?key=nobody-{place}"),
            format!("/v1/models/nobody-{place}"),
            format!("/agent/ghost-{place}"),
        ] {
            let answer = world.get(&path).await;
            assert_eq!(answer.status, 404, "{answer:?}");
        }
        let answer = world
            .post("/v1/chat/completions", &chat(&format!("ghost-{place}")))
            .await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let refused = world.ask("POST", "/key/generate", "", "{}").await;
        assert_eq!(refused.status, 401, "{refused:?}");
    }
    let answered = world.post("/v1/chat/completions", &chat("chat")).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    let line = |route: &str, model: &str, status: u16, count: u32| {
        format!(
            "{{route=\"{route}\",requested_model=\"{model}\",status_code=\"{status}\"}} {count}"
        )
    };
    assert_eq!(
        counted(&world).await,
        [
            line("/key/generate", "", 401, 20),
            line("/key/info", "", 404, 20),
            line("/v1/models/{*model}", "", 404, 20),
            line("chat", "", 400, 20),
            line("chat", "", 404, 20),
            line("chat", "chat", 200, 1),
            line("other", "", 404, 20),
        ]
    );
}

#[tokio::test]
async fn an_answer_is_counted_with_its_tokens_and_dollars() {
    let world = World::start().await;
    let mut streamed = chat("agent/steward");
    streamed["stream"] = json!(true);
    for body in [chat("agent/steward"), streamed] {
        let answer = world.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let text = world.get("/metrics/").await.text;
    for line in [
        "litellm_proxy_total_requests_metric_total{route=\"chat\",requested_model=\"agent/steward\",status_code=\"200\"} 2",
        "litellm_request_total_latency_metric_count{requested_model=\"agent/steward\"} 2",
        "litellm_deployment_state{litellm_model_name=\"steward-mock\",",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    assert!(
        !text.contains(UPSTREAM) && !text.contains(&world.backend.url),
        "{text}"
    );
}
