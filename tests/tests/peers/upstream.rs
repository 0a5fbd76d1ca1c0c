//! A gateway whose agents are served by a real LiteLLM, and what becomes of them when it fails.

use std::time::Duration;

use openclaw_tests::{
    backend::Backend,
    gateway::{Setup, World},
    native::Native,
    peer::{MASTER_KEY, Peer, configuration},
    within,
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// LiteLLM repeats what failed for five seconds before it says so.
const END_DEADLINE: Duration = Duration::from_secs(60);
/// A decision to ask somebody else, with everything around it, on a loaded machine.
const FAILOVER_DEADLINE: Duration = Duration::from_secs(3);

/// A gateway with this model of LiteLLM in front and a scripted one behind.
async fn gateway(litellm: &Peer, model: &str) -> World {
    let reference = format!("litellm/{model}");
    Setup::two()
        .config(json!({
            "models": {"providers": {"litellm": {
                "baseUrl": format!("http://{}", litellm.address),
                "apiKey": MASTER_KEY,
                "models": [{"id": model, "name": model, "contextWindow": 128_000, "maxTokens": 8192}],
            }}},
            "model_routing": {"default": reference, "failover": {reference: ["scripted/echo"]}},
        }))
        .start()
        .await
}

/// What an agent answers.
async fn answer(world: &World, key: &str) -> String {
    let mut client = Native::with(world, 4, &["operator.write"]).await;
    let ask =
        json!({"sessionKey": "agent:steward:main", "message": "hello", "idempotencyKey": key});
    let _started = client.ok("chat.send", ask).await;
    let is_last = |event: &Value| {
        event["event"] == "chat"
            && event["payload"]["runId"] == *key
            && event["payload"]["state"] != "delta"
    };
    let end = within("the end of the run", END_DEADLINE, async {
        loop {
            // Events come within a deadline of their own, shorter than LiteLLM's patience.
            if let Some(end) = client.events().into_iter().find(|event| is_last(event)) {
                return end;
            }
            let _pong = client.call("health", json!({})).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let payload = &end["payload"];
    assert_eq!(payload["state"], "final", "{end}");
    let text = &payload["message"]["content"][0]["text"];
    text.as_str().unwrap_or_else(|| panic!("{end}")).to_owned()
}

/// The pieces that the backend streams, with their label in front.
fn streamed(label: &str) -> String {
    let pieces: String = (0..20).map(|piece| format!("tok{piece} ")).collect();
    format!("{label}{pieces}")
}

#[tokio::test]
async fn agents_are_served_by_a_real_litellm_and_by_others_when_it_fails() {
    let backend = Backend::start().await;
    let mut litellm = Peer::litellm(&configuration("captures.yaml", backend.address)).await;

    let world = gateway(&litellm, "agent/alpha").await;
    assert_eq!(answer(&world, "served").await, streamed("ALPHA"));
    assert_eq!(world.model().asked().len(), 0);
    let asked = backend.last().unwrap();
    assert_eq!(
        asked.header("authorization"),
        Some("Bearer sk-upstream-secret")
    );

    let failing = gateway(&litellm, "e-500").await;
    assert_eq!(answer(&failing, "refused").await, "you said: hello.");
    assert!(backend.hits("500,g=solo") > 0, "LiteLLM was asked first");

    let inner = gateway(&litellm, "agent/steward").await;
    assert_eq!(answer(&inner, "inner").await, streamed("GLM"));
    assert_eq!(
        inner.model().asked().len(),
        0,
        "LiteLLM's own fallback answered"
    );

    litellm.kill().await;
    let began = Instant::now();
    assert_eq!(answer(&world, "dead").await, "you said: hello.");
    assert!(began.elapsed() < FAILOVER_DEADLINE, "{:?}", began.elapsed());
}
