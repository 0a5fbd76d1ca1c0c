//! Calls and events on a connection that stands.

use std::time::Duration;

use openclaw_client::{Client, Error, Received};
use openclaw_types::RunId;
use openclaw_wire::{
    ErrorCode,
    event::{ChatEvent, ChatState, Tick},
    methods::{
        Empty,
        agent::{Agent, AgentParams, RunStatus},
        gateway::{GatewayStop, GatewayStopParams, Health},
        sessions::SessionsSubscribe,
    },
};
use serde_json::{Value, json};

use crate::gateway::{Peer, SOON, finished, serve};

fn message(key: &str) -> AgentParams {
    AgentParams {
        message: "hi".to_owned(),
        idempotency_key: RunId::parse(key).unwrap(),
        agent_id: None,
        session_key: None,
        priority: None,
        timeout: None,
    }
}

fn done(run: &Value) -> Value {
    json!({
        "runId": run, "status": "ok", "summary": "completed",
        "result": {"payloads": [{"text": "hello ", "mediaUrl": null}, {"text": "you"}], "meta": {"durationMs": 3}}
    })
}

async fn accept_run(peer: &mut Peer) -> Value {
    let request = peer.hear().await.unwrap();
    let run = &request["params"]["idempotencyKey"];
    let accepted = json!({"runId": run, "status": "accepted", "acceptedAt": 5, "position": 1});
    peer.answer(&request, accepted).await;
    request
}

#[tokio::test]
async fn answers_find_their_callers_in_any_order() {
    let (options, tasks) = serve(|mut peer| async move {
        peer.welcome().await;
        let first = peer.hear().await.unwrap();
        let second = peer.hear().await.unwrap();
        peer.answer(&json!({"id": "nobody's"}), json!({})).await;
        peer.answer(&second, json!({"ok": true, "pid": 7})).await;
        peer.answer(&first, json!({"subscribed": true})).await;
        peer.hear().await;
    })
    .await;
    let (client, _events) = Client::connect(&options).await.unwrap();
    let stop = GatewayStopParams::default();
    let (subscribed, stopped) = tokio::join!(
        client.call::<SessionsSubscribe>(&Empty {}, SOON),
        client.call::<GatewayStop>(&stop, SOON)
    );
    assert!(subscribed.unwrap().subscribed);
    assert_eq!(stopped.unwrap().pid, 7);
    client.close().await;
    finished(tasks).await;
}

#[tokio::test]
async fn a_method_with_two_answers_can_be_followed_or_awaited() {
    let (options, tasks) = serve(|mut peer| async move {
        peer.welcome().await;
        for _ in 0..2 {
            let request = accept_run(&mut peer).await;
            peer.answer(&request, done(&request["params"]["idempotencyKey"]))
                .await;
        }
        // A repeated request is answered with its end at once.
        let request = peer.hear().await.unwrap();
        peer.answer(&request, done(&json!("k3"))).await;
        peer.hear().await;
    })
    .await;
    let (client, _events) = Client::connect(&options).await.unwrap();
    let (accepted, mut started) = client.start::<Agent>(&message("k1"), SOON).await.unwrap();
    assert_eq!((accepted.run_id.as_str(), accepted.position), ("k1", 1));
    let result = started.finish(SOON).await.unwrap();
    assert_eq!(
        (result.status, result.text()),
        (RunStatus::Ok, "hello you".to_owned())
    );
    for key in ["k2", "k3"] {
        let result = client.call::<Agent>(&message(key), SOON).await.unwrap();
        assert_eq!(result.run_id, key);
    }
    client.close().await;
    finished(tasks).await;
}

#[tokio::test]
async fn a_refused_call_carries_code_and_hint_and_the_connection_goes_on() {
    let (options, tasks) = serve(|mut peer| async move {
        peer.welcome().await;
        let request = peer.hear().await.unwrap();
        let details = json!({"code": "MISSING_SCOPE", "missingScope": "operator.admin"});
        let error = json!({"code": "FORBIDDEN", "message": "missing scope: operator.admin", "details": details});
        peer.refuse(&request, error).await;
        let request = peer.hear().await.unwrap();
        peer.answer(&request, json!({"subscribed": true})).await;
        let request = peer.hear().await.unwrap();
        peer.answer(&request, json!({"unexpected": 1})).await;
        peer.hear().await;
    })
    .await;
    let (client, _events) = Client::connect(&options).await.unwrap();
    let stop = GatewayStopParams::default();
    let error = client.call::<GatewayStop>(&stop, SOON).await.unwrap_err();
    assert_eq!(error.code(), Some(&ErrorCode::Forbidden));
    assert!(error.hint().unwrap().contains("operator.admin"));
    assert!(
        client
            .call::<SessionsSubscribe>(&Empty {}, SOON)
            .await
            .is_ok()
    );
    let error = client.call::<Health>(&Empty {}, SOON).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Shape {
                method: "health",
                ..
            }
        ),
        "{error:?}"
    );
    client.close().await;
    finished(tasks).await;
}

#[tokio::test]
async fn events_arrive_in_order_with_their_numbers() {
    let (options, tasks) = serve(|mut peer| async move {
        peer.welcome().await;
        for (seq, text) in ["he", "llo"].into_iter().enumerate() {
            let payload = json!({
                "runId": "r", "sessionKey": "agent:main:main", "seq": seq, "state": "delta", "deltaText": text
            });
            peer.say(json!({"type": "event", "event": "chat", "payload": payload, "seq": seq}))
                .await;
        }
        peer.say(json!({"type": "event", "event": "tick", "payload": {"ts": 9}}))
            .await;
        peer.close(1012, "service restart").await;
    })
    .await;
    let (client, mut events) = Client::connect(&options).await.unwrap();
    let mut text = String::new();
    while let Some(Received::Event(event)) = events.next().await {
        if event.name == "tick" {
            assert_eq!(event.read::<Tick>().unwrap(), Tick { ts: 9 });
            continue;
        }
        let chat: ChatEvent<'_> = event.read().unwrap();
        assert_eq!(Some(chat.seq), event.seq);
        let ChatState::Delta { delta_text, .. } = chat.state else {
            panic!("{event:?}");
        };
        text.push_str(&delta_text);
    }
    assert_eq!(text, "hello");
    let error = client.call::<Health>(&Empty {}, SOON).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "gateway closed the connection with code 1012: service restart"
    );
    assert!(error.is_transient());
    finished(tasks).await;
}

#[tokio::test]
async fn a_call_without_an_answer_ends_at_its_deadline() {
    let (options, tasks) = serve(|mut peer| async move {
        peer.welcome().await;
        accept_run(&mut peer).await;
        peer.hear().await;
    })
    .await;
    let (client, _events) = Client::connect(&options).await.unwrap();
    let short = Duration::from_millis(50);
    let error = client
        .call::<Agent>(&message("k"), short)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "agent took longer than 50 ms");
    client.close().await;
    finished(tasks).await;
}

#[tokio::test]
async fn calls_that_wait_when_the_connection_breaks_are_told() {
    let (options, tasks) = serve(|mut peer| async move {
        peer.welcome().await;
        peer.hear().await;
        drop(peer);
    })
    .await;
    let (client, mut events) = Client::connect(&options).await.unwrap();
    let error = client.call::<Health>(&Empty {}, SOON).await.unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error:?}");
    assert!(events.next().await.is_none());
    finished(tasks).await;
}

#[tokio::test]
async fn a_request_larger_than_the_gateway_takes_is_not_sent() {
    let (options, tasks) = serve(|mut peer| async move {
        peer.welcome().await;
        assert_eq!(peer.hear().await, None);
    })
    .await;
    let (client, _events) = Client::connect(&options).await.unwrap();
    let mut params = message("k");
    params.message = "x".repeat(1_000_000);
    let error = client.call::<Agent>(&params, SOON).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::TooLarge {
                bytes_max: 1_000_000,
                ..
            }
        ),
        "{error:?}"
    );
    client.close().await;
    finished(tasks).await;
}

#[tokio::test]
async fn a_gateway_that_talks_nonsense_is_left() {
    for bad in ["{}{}", "[1]", r#"{"type":"res"}"#] {
        let (options, tasks) = serve(move |mut peer| async move {
            peer.welcome().await;
            peer.say_text(bad).await;
            peer.hear().await;
        })
        .await;
        let (client, mut events) = Client::connect(&options).await.unwrap();
        assert!(events.next().await.is_none());
        let error = client.call::<Health>(&Empty {}, SOON).await.unwrap_err();
        assert!(error.to_string().contains("frame"), "{error}");
        finished(tasks).await;
    }
}
