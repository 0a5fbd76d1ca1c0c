//! `router.*` and `models.*` over RPC: keys, spending, budgets and their alerts, health.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use openclaw_tests::{
    gateway::{Setup, World},
    http::{request, whole},
    native::Native,
    scripted_model::{Script, Step, refusal},
};
use serde_json::{Value, json};

/// Time for an answer of the scripted model.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

/// A dollar for a million tokens, read or written.
fn priced() -> Setup {
    Setup::two().config(json!({
        "models": {"providers": {"scripted": {"models": [{
            "id": "echo", "name": "echo", "contextWindow": 128_000, "maxTokens": 1024,
            "cost": {"input": 1, "output": 1},
        }]}}},
        "budgets": {"agents": {"steward": {"dailyUsd": 1}}},
    }))
}

fn used(tokens: u64) -> Script {
    vec![
        Step::Piece("hi".to_owned()),
        Step::Stop("stop"),
        Step::Usage(tokens, 0),
        Step::Done,
    ]
}

/// A gateway whose model says that it read as many tokens as are in the cell.
async fn metered(setup: Setup) -> (World, Arc<AtomicU64>) {
    let tokens = Arc::new(AtomicU64::new(0));
    let read = Arc::clone(&tokens);
    let world = setup
        .answers(move |_| used(read.load(Ordering::SeqCst)))
        .start()
        .await;
    (world, tokens)
}

/// Runs a message of steward's to its end.
async fn run(client: &mut Native, key: &str) -> Value {
    let params = json!({"agentId": "steward", "message": "hello", "idempotencyKey": key});
    let id = client.send("agent", params).await;
    assert_eq!(client.answer(&id).await.unwrap()["status"], "accepted");
    client.answer(&id).await.unwrap()
}

fn is_alert(event: &Value) -> bool {
    event["event"] == "budget.alert"
}

#[tokio::test]
async fn each_share_of_a_budget_is_told_once_and_not_again_after_a_restart() {
    let (world, tokens) = metered(priced()).await;
    let mut client = Native::with(&world, 4, &["operator.write"]).await;
    let mut blind = Native::with(&world, 4, &["operator.approvals"]).await;
    for (key, read, reached) in [
        ("k1", 550_000, Some("50")),
        ("k2", 10_000, None),
        ("k3", 280_000, Some("80")),
        ("k4", 300_000, Some("100")),
    ] {
        tokens.store(read, Ordering::SeqCst);
        assert_eq!(run(&mut client, key).await["status"], "ok", "{key}");
        if let Some(reached) = reached {
            let alert = client.event(is_alert).await["payload"].clone();
            assert_eq!(alert["reached"], reached, "{alert}");
            assert_eq!(
                (&alert["kind"], &alert["name"], &alert["maxUsd"]),
                (&json!("agent"), &json!("steward"), &json!(1.0)),
                "{alert}"
            );
        }
    }
    let refused = run(&mut client, "k5").await;
    assert_eq!(refused["status"], "error", "{refused}");
    assert!(
        refused["error"].as_str().unwrap().contains("budget"),
        "{refused}"
    );
    let alert = client.event(is_alert).await;
    assert_eq!(alert["payload"]["reached"], "refused");
    assert!(!client.events().iter().any(is_alert));
    let _answer = blind.call("health", json!({})).await;
    assert!(!blind.events().iter().any(is_alert));

    let place = world.stop().await;
    let world = place.start().await;
    let mut client = Native::open(&world).await;
    let budgets = client.ok("router.budgets", json!({})).await;
    assert_eq!(budgets["alerts"], json!([]), "{budgets}");
    let row = &budgets["budgets"][0];
    assert_eq!(row["reached"], json!(["50", "80", "100"]), "{row}");
    assert_eq!(
        (&row["percent"], &row["period"]),
        (&json!(114.0), &json!("daily"))
    );
    assert_eq!(run(&mut client, "k6").await["status"], "error");
    let alert = client.event(is_alert).await;
    assert_eq!(alert["payload"]["reached"], "refused");
    assert!(!client.events().iter().any(is_alert));
    let status = client.ok("status", json!({})).await;
    let brief = &status["router"];
    assert_eq!(brief["spentTodayUsd"], json!(1.14), "{brief}");
    assert_eq!(brief["alerts"][0]["name"], "steward", "{brief}");
}

#[tokio::test]
async fn spending_is_summed_up_and_told_call_by_call() {
    let (world, tokens) = metered(priced()).await;
    let mut client = Native::open(&world).await;
    for (key, read) in [("k1", 100_000), ("k2", 50_000)] {
        tokens.store(read, Ordering::SeqCst);
        assert_eq!(run(&mut client, key).await["status"], "ok");
    }
    let spend = client
        .ok("router.spend", json!({"by": ["agent", "provider"]}))
        .await;
    let sums = json!({"costUsd": 0.15, "requests": 2, "failures": 0, "unpriced": 0, "unsettled": 0,
        "inputTokens": 150_000, "outputTokens": 0, "cachedTokens": 0});
    assert_eq!(spend["total"], sums);
    let mut row = sums;
    row["agent"] = json!("steward");
    row["provider"] = json!("scripted");
    assert_eq!(spend["rows"], json!([row]));
    let logs = client.ok("router.spend.logs", json!({"limit": 1})).await;
    assert_eq!(logs["calls"][0]["inputTokens"], 50_000, "{logs}");
    assert_eq!(logs["nextOffset"], 1, "{logs}");
    let none = client.ok("router.spend", json!({"agent": "alpha"})).await;
    assert_eq!(none["total"]["requests"], 0);
    for (params, said) in [
        (json!({"by": ["weather"]}), "`by` names \"weather\""),
        (json!({"key": "nobody"}), "no such key"),
    ] {
        let error = client.call("router.spend", params).await.unwrap_err();
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_lives_as_long_as_it_is_wanted() {
    let (world, _tokens) = metered(priced()).await;
    let mut reader = Native::with(&world, 4, &["operator.write"]).await;
    let error = reader
        .call("router.keys.generate", json!({}))
        .await
        .unwrap_err();
    assert_eq!(error["code"], "FORBIDDEN");

    let mut client = Native::open(&world).await;
    let made = client
        .ok(
            "router.keys.generate",
            json!({"alias": "ci", "maxBudgetUsd": 2.5, "budgetDuration": "1d", "models": ["fast"]}),
        )
        .await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("sk-"), "{secret}");
    let list = client.ok("router.keys.list", json!({})).await;
    let info = client.ok("router.keys.info", json!({"key": "ci"})).await;
    assert_eq!(list["keys"], json!([made["key"]]));
    assert_eq!(info["key"], made["key"]);
    let on_disk = std::fs::read_to_string(world.state().join("router/keys.json")).unwrap();
    for shown in [
        list.to_string(),
        info.to_string(),
        made["key"].to_string(),
        on_disk,
    ] {
        assert!(!shown.contains(&secret), "{shown}");
    }

    let taken = client
        .call("router.keys.generate", json!({"alias": "ci"}))
        .await
        .unwrap_err();
    assert_eq!(taken["code"], "INVALID_REQUEST", "{taken}");
    let changed = client
        .ok(
            "router.keys.update",
            json!({"key": "ci", "set": {"rpm": 5}, "unset": ["models"]}),
        )
        .await;
    assert_eq!(changed["key"]["rpm"], 5, "{changed}");
    assert_eq!(changed["key"]["models"], Value::Null, "{changed}");
    assert_eq!(changed["key"]["maxBudgetUsd"], 2.5, "{changed}");
    for wrong in [
        json!({"key": "ci", "set": {"maxBudgetUsd": -1}}),
        json!({"key": "ci", "set": {"budgetDuration": "now and then"}}),
        json!({"key": "ci", "set": {"agent": "Not An Id"}}),
        json!({"key": "ci", "unset": ["nothing"]}),
        json!({"key": "ci", "set": {"maxBudget": 1}}),
    ] {
        let error = client
            .call("router.keys.update", wrong.clone())
            .await
            .unwrap_err();
        assert_eq!(error["code"], "INVALID_REQUEST", "{wrong}: {error}");
    }
    let blocked = client.ok("router.keys.block", json!({"key": "ci"})).await;
    assert_eq!(blocked["key"]["blocked"], true);
    let unblocked = client.ok("router.keys.unblock", json!({"key": "ci"})).await;
    assert_eq!(unblocked["key"]["blocked"], false);
    let gone = client.ok("router.keys.delete", json!({"key": "ci"})).await;
    assert_eq!(gone["key"]["id"], made["key"]["id"]);
    let error = client
        .call("router.keys.info", json!({"key": "ci"}))
        .await
        .unwrap_err();
    assert_eq!(error["code"], "NOT_FOUND", "{error}");
}

#[tokio::test]
async fn health_says_what_rests_until_when_and_why() {
    let world = Setup::two()
        .answers(|_| refusal(401, vec![], &json!({"error": {"message": "bad key"}})))
        .start()
        .await;
    let mut client = Native::open(&world).await;
    let before = client.ok("router.health", json!({})).await;
    let well = &before["groups"][0]["deployments"][0];
    assert_eq!(before["ready"], true, "{before}");
    assert_eq!(before["groups"][0]["source"], "openclaw.json", "{before}");
    assert_eq!(
        (
            &well["usable"],
            &well["lastFailure"],
            &well["requestsThisMinute"]
        ),
        (&json!(true), &Value::Null, &json!(0))
    );
    assert_eq!(run(&mut client, "k1").await["status"], "error");
    let after = client.ok("router.health", json!({})).await;
    let ill = &after["groups"][0]["deployments"][0];
    assert_eq!(ill["lastFailure"], "auth", "{ill}");
    assert_eq!(ill["reason"], "auth", "{ill}");
    assert!(
        ill["coolingUntilMs"].as_i64() > ill["lastFailureMs"].as_i64(),
        "{ill}"
    );
    assert_eq!(ill["inFlight"], 0, "{ill}");
    let status = client.ok("status", json!({})).await;
    assert_eq!(status["router"]["cooling"], 1, "{status}");
    assert_eq!(status["router"]["up"], 0, "{status}");
}

#[tokio::test]
async fn models_say_who_answers_each_agent_and_where_keys_come_from_but_never_the_keys() {
    let world = Setup::two()
        .config(json!({
            "models": {"providers": {"scripted": {"apiKey": "sk-very-secret-0001"}}},
            "model_routing": {"failover": {"scripted/echo": ["zai/glm-5"]}},
        }))
        .start()
        .await;
    let mut client = Native::open(&world).await;
    let status = client.ok("models.status", json!({})).await;
    let steward = &status["agents"][0];
    assert_eq!(steward["agentId"], "steward", "{status}");
    assert_eq!(
        steward["chain"][0],
        json!({"model": "scripted/echo", "key": "set"}),
        "{steward}"
    );
    let auth = client.ok("models.auth", json!({})).await;
    assert_eq!(
        auth["providers"][0],
        json!({"provider": "scripted", "key": "set", "from": "models.providers.scripted.apiKey",
            "usedBy": ["models.providers.scripted"]})
    );
    let list = client.ok("models.list", json!({})).await;
    assert_eq!(list["groups"][0]["name"], "scripted/echo", "{list}");
    let probed = client
        .ok("models.probe", json!({"model": "scripted/echo"}))
        .await;
    assert_eq!(
        probed["results"][0]["answer"], "you said: Say hi..",
        "{probed}"
    );
    for said in [status, auth, list, probed] {
        assert!(!said.to_string().contains("very-secret"), "{said}");
    }
}

#[tokio::test]
async fn the_status_tells_how_the_cache_is() {
    for (params, kind, is_ok) in [
        ("{}", "memory", true),
        ("{type: redis, host: 127.0.0.1, port: 1}", "redis", false),
    ] {
        let setup = Setup::two().config(json!({"router": {"port": 0}}));
        let place = setup.prepare().await;
        let address = place.model.address;
        let yaml = format!(
            "model_list:\n  - {{model_name: fast, litellm_params: {{model: openai/echo, api_base: 'http://{address}/v1', \
             api_key: sk-x}}}}\nlitellm_settings: {{cache: true, cache_params: {params}}}\n"
        );
        std::fs::write(place.state.path().join("litellm_config.yaml"), yaml).unwrap();
        let world = place.start().await;
        let mut client = Native::open(&world).await;
        let list = client.ok("models.list", json!({})).await;
        assert_eq!(list["groups"][0]["source"], "litellm_config.yaml", "{list}");
        let health = client.ok("router.health", json!({})).await;
        let router = health["listen"].as_str().unwrap().parse().unwrap();
        let body =
            r#"{"model": "fast", "messages": [{"role": "user", "content": "hi"}], "stream": true}"#;
        let length = body.len().to_string();
        let headers = [
            ("host", "localhost"),
            ("content-type", "application/json"),
            ("content-length", length.as_str()),
        ];
        let mut asked = request("POST", "/v1/chat/completions", &headers);
        asked.extend_from_slice(body.as_bytes());
        let answer = whole(router, &asked, ANSWER_DEADLINE).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let status = client.ok("status", json!({"deep": true})).await;
        let probes = status["probes"].as_array().unwrap();
        let asked = probes
            .iter()
            .find(|probe| probe["name"] == "redis of kept answers");
        assert_eq!(
            asked.map(|probe| probe["ok"] == true),
            (!is_ok).then_some(false)
        );
        let cache = &status["router"]["cache"];
        assert_eq!(
            (&cache["kind"], &cache["ok"]),
            (&json!(kind), &json!(is_ok)),
            "{cache}"
        );
    }
}
