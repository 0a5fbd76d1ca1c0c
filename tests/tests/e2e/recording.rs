//! A run that was recorded is lived through again in another state directory, with nobody to ask.

use std::path::Path;

use openclaw_tests::{
    gateway::{Setup, World},
    native::Native,
};
use serde_json::{Value, json};

/// The conversation, and what the transcript holds of it but for times and ids.
async fn conversation(world: &World, run: &str) -> Vec<Value> {
    let mut client = Native::with(world, 4, &["operator.write"]).await;
    for (n, message) in ["hi", "and you?"].into_iter().enumerate() {
        let key = format!("{run}-{n}");
        let send =
            json!({"sessionKey": "agent:steward:main", "message": message, "idempotencyKey": key});
        client.ok("chat.send", send).await;
        client
            .event(|event| {
                let payload = &event["payload"];
                event["event"] == "chat" && payload["runId"] == key && payload["state"] != "delta"
            })
            .await;
    }
    let entries = world.entries("steward").into_iter();
    entries
        .map(|entry| {
            json!([
                entry["role"],
                entry["kind"],
                entry["content"],
                entry["model"],
                entry["usage"]
            ])
        })
        .collect()
}

fn recordings(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for part in std::fs::read_dir(dir).unwrap() {
        for file in std::fs::read_dir(part.unwrap().path()).unwrap() {
            names.push(file.unwrap().file_name().into_string().unwrap());
        }
    }
    names.sort();
    names
}

#[tokio::test]
async fn a_conversation_is_replayed_byte_for_byte_with_nobody_to_ask() {
    let world = Setup::two()
        .config(json!({"models": {"record": true}}))
        .start()
        .await;
    let recorded = conversation(&world, "run").await;
    assert_eq!(recorded.len(), 4, "{recorded:?}");
    let place = world.stop().await;
    let dir = place.state.path().join("agents/steward/recordings");
    let names = recordings(&dir);
    assert_eq!(names.len(), 2, "{names:?}");
    for run in ["run-0", "run-1"] {
        let is_of_run = |name: &&String| name.ends_with(&format!(".{run}.jsonl"));
        assert_eq!(
            names.iter().filter(is_of_run).count(),
            1,
            "{run}: {names:?}"
        );
    }

    let replay = json!({"api": "replay", "recordings": dir.display().to_string(),
        "models": [{"id": "recorded", "contextWindow": 128_000, "maxTokens": 8192}]});
    let world = Setup::two()
        .config(json!({
            "models": {"providers": {"replay": replay}, "discovery": {"enabled": false}},
            "model_routing": {"default": "replay/recorded"},
        }))
        .start()
        .await;
    assert_eq!(conversation(&world, "again").await, recorded);
    assert!(world.model().asked().is_empty(), "nobody was asked");
    world.stop().await;
}
