//! Archives: who reads them, what a client is told when one can't be made, and what a message to one does.

use openclaw_tests::{
    client::Socket,
    gateway::{Setup, TOKEN, World},
    native::Native,
    scripted_model::{Gate, Step, echo},
};
use serde_json::{Value, json};

async fn said(client: &mut Native, session: &str, key: &str) {
    let message =
        json!({"agentId": "steward", "message": key, "idempotencyKey": key, "sessionKey": session});
    let id = client.send("agent", message).await;
    assert_eq!(client.answer(&id).await.unwrap()["status"], "accepted");
    assert_eq!(client.answer(&id).await.unwrap()["status"], "ok");
}

/// The ids of the listed sessions, and of the archived ones.
async fn listed(client: &mut Native) -> [Vec<String>; 2] {
    let mut found = [Vec::new(), Vec::new()];
    for (names, archived) in found.iter_mut().zip([false, true]) {
        let list = client
            .ok("sessions.list", json!({"archived": archived}))
            .await;
        let sessions = list["sessions"].as_array().unwrap().iter();
        names.extend(sessions.map(|row| {
            assert_eq!(
                row["archived"].as_bool().unwrap_or_default(),
                archived,
                "{row}"
            );
            row["sessionId"].as_str().unwrap().to_owned()
        }));
        names.sort();
    }
    found
}

fn of(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn world() -> World {
    // Markers are written whenever they like, and count as entries.
    Setup::two()
        .config(json!({"session": {"keeper": false}}))
        .start()
        .await
}

#[tokio::test]
async fn an_archived_session_is_read_as_before_and_a_message_brings_it_back() {
    let world = world().await;
    let mut client = Native::open(&world).await;
    said(&mut client, "old", "k1").await;
    said(&mut client, "new", "k2").await;
    let archive = json!({"agentId": "steward", "key": "old"});
    let done = client.ok("sessions.archive", archive.clone()).await;
    assert_eq!(done["archived"][0]["key"], "agent:steward:old");
    assert_eq!(listed(&mut client).await, [of(&["new"]), of(&["old"])]);
    // It is there already.
    let again = client.ok("sessions.archive", archive).await;
    assert_eq!(again["archived"], json!([]));

    let history = json!({"sessionKey": "agent:steward:old"});
    let texts = |history: &Value| -> Vec<String> {
        let messages = history["messages"].as_array().unwrap().iter();
        messages
            .map(|message| message["content"][0]["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let before = client.ok("chat.history", history.clone()).await;
    assert_eq!(texts(&before), ["k1", "you said: k1."]);
    said(&mut client, "old", "k3").await;
    assert_eq!(listed(&mut client).await, [of(&["new", "old"]), of(&[])]);
    let after = client.ok("chat.history", history).await;
    assert_eq!(
        texts(&after),
        ["k1", "you said: k1.", "k3", "you said: k3."]
    );
    let asked = world.model().asked();
    assert!(
        format!("{:?}", asked.last().unwrap()).contains("you said: k1."),
        "the model is shown what went to the archive"
    );
}

#[tokio::test]
async fn archives_of_operators_are_closed_to_tokenless_programs() {
    let world = world().await;
    let mut operator = Native::open(&world).await;
    said(&mut operator, "plans", "secret").await;
    let mut local = Socket::open(world.address).await;
    let message = |session: &str| json!({"type": "message", "agent": "steward", "content": "let me read", "sessionId": session});
    assert_eq!(local.ask(&message("own")).await["sessionId"], "own");
    for session in ["plans", "own"] {
        let archive = json!({"agentId": "steward", "key": session});
        let _done = operator.ok("sessions.archive", archive).await;
    }
    let ask = json!({"type": "request", "content": {"service": "sessions"}});
    let heard = local.ask(&ask).await;
    assert_eq!(heard["content"]["result"]["sessions"], json!([]), "{heard}");
    let refused = local.ask(&message("plans")).await;
    assert_eq!(refused["content"]["code"], 5004, "{refused}");
    assert_eq!(
        listed(&mut operator).await,
        [of(&[]), of(&["own", "plans"])]
    );
    assert_eq!(local.ask(&message("own")).await["sessionId"], "own");
    assert_eq!(listed(&mut operator).await, [of(&["own"]), of(&["plans"])]);

    let mut promoted = Socket::open(world.address).await;
    let auth = json!({"type": "auth", "content": {"token": TOKEN}});
    let _accepted = promoted.ask(&auth).await;
    assert_eq!(promoted.ask(&message("plans")).await["sessionId"], "plans");
}

#[tokio::test]
async fn a_session_that_is_being_answered_is_not_archived_and_the_others_are() {
    let gate = Gate::default();
    let inner = gate.clone();
    let world = Setup::two()
        .config(json!({"session": {"keeper": false}}))
        .answers(move |asked| {
            let mut script = Vec::new();
            if asked.last_user().starts_with("wait") {
                script.push(Step::Wait(inner.clone()));
            }
            script.extend(echo(asked));
            script
        })
        .start()
        .await;
    let mut client = Native::open(&world).await;
    said(&mut client, "done", "k1").await;
    let wait = json!({"agentId": "steward", "message": "wait", "idempotencyKey": "k2", "sessionKey": "busy"});
    let id = client.send("agent", wait).await;
    assert_eq!(client.answer(&id).await.unwrap()["status"], "accepted");
    let archive = json!({"agentId": "steward", "key": "busy"});
    let refused = client.call("sessions.archive", archive.clone()).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused["code"], "INVALID_REQUEST", "{refused}");
    assert!(refused["details"]["hint"].is_string(), "{refused}");
    let week = json!({"agentId": "steward", "olderThan": "1w"});
    let young = client.ok("sessions.archive", week).await;
    assert_eq!(young["archived"], json!([]));
    // All are idle, but one runs.
    let idle = json!({"agentId": "steward", "olderThan": "0s"});
    let _done = client.ok("sessions.archive", idle).await;
    assert_eq!(listed(&mut client).await, [of(&["busy"]), of(&["done"])]);
    gate.open();
    assert_eq!(client.answer(&id).await.unwrap()["status"], "ok");
    let _done = client.ok("sessions.archive", archive).await;
    assert_eq!(listed(&mut client).await, [of(&[]), of(&["busy", "done"])]);
}
