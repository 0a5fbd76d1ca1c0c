//! What bounds an answer: limits of requests, of deployments, and of what is affordable; and what a model can't read.

use std::sync::Arc;

use bytes::Bytes;
use openclaw_accounts::{Accounts, Allowance, Caller};
use openclaw_models::{
    DeploymentOptions, Models,
    dialect::Front,
    exchange::{Ask, Failure},
    scripted::{Script, ScriptedProvider},
};
use openclaw_types::{Money, Price, SystemEnv};
use serde_json::{Map, Value, json};

use crate::{
    DEADLINES, options,
    server::{Server, whole},
    start, steward,
};

const DOCUMENT: &str = r#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"all"},"finish_reason":"stop"}]}"#;

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

/// The limits that a server is told, of a request with these fields to a deployment with those.
async fn told(request: Value, deployment: Value, budget: Option<f64>) -> Value {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(|_| vec![whole(200, "", DOCUMENT)]).await;
    let mut accounts = openclaw_accounts::Options::new(dir.path());
    let allowance = Allowance {
        max_budget: budget.and_then(Money::from_usd),
        ..Allowance::default()
    };
    accounts.allowances.agents.insert(steward(), allowance);
    let mut options = options(Vec::new());
    options.accounts = Some(Accounts::open(accounts, Arc::new(SystemEnv)).expect("accounts"));
    options.routing.deployments = vec![DeploymentOptions {
        base_url: Some(server.url.clone()),
        price: Price::per_token_usd(0.0, 1.0, None, None),
        extra: object(&deployment),
        ..DeploymentOptions::named("group", "somebody", "m", DEADLINES)
    }];
    let models = start(options);
    let mut body = object(&request);
    body.insert("model".to_owned(), json!("group"));
    body.insert(
        "messages".to_owned(),
        json!([{"role": "user", "content": "hi"}]),
    );
    let asked = Ask {
        agent: Some(steward()),
        ..Ask::new(
            Caller::Agent(steward()),
            Front::Chat,
            "group",
            Bytes::from(Value::Object(body).to_string()),
        )
    };
    models.exchange(asked).await.expect("an answer");
    let asked = server.asked();
    let sent: Value = serde_json::from_str(&asked[0].body).expect("JSON");
    json!([sent["max_tokens"], sent["max_completion_tokens"]])
}

#[tokio::test]
async fn one_limit_bounds_an_answer_whatever_it_is_called() {
    for (request, deployment, budget, expected) in [
        // The request's own stands, under its own name, and alone.
        (json!({"max_tokens": 9}), json!({}), None, json!([9, null])),
        (
            json!({"max_completion_tokens": 9}),
            json!({"max_tokens": 5000}),
            None,
            json!([null, 9]),
        ),
        (
            json!({"max_tokens": 9}),
            json!({"max_completion_tokens": 5000}),
            Some(1000.0),
            json!([9, null]),
        ),
        (
            json!({"max_completion_tokens": 9}),
            json!({}),
            Some(1000.0),
            json!([null, 9]),
        ),
        // The deployment's is lowered to what is affordable, under its own name.
        (
            json!({}),
            json!({"max_tokens": 5000}),
            Some(1000.0),
            json!([1000, null]),
        ),
        (
            json!({}),
            json!({"max_completion_tokens": 5000}),
            Some(1000.0),
            json!([null, 1000]),
        ),
        (
            json!({}),
            json!({"max_completion_tokens": 5}),
            Some(1000.0),
            json!([null, 5]),
        ),
        (json!({}), json!({}), Some(1000.0), json!([1000, null])),
        // Who says null says nothing.
        (
            json!({"max_completion_tokens": null}),
            json!({"max_completion_tokens": 5000}),
            Some(1000.0),
            json!([null, 1000]),
        ),
        (
            json!({"max_tokens": null}),
            json!({}),
            Some(1000.0),
            json!([1000, null]),
        ),
    ] {
        let what = format!("{request} {deployment} {budget:?}");
        assert_eq!(told(request, deployment, budget).await, expected, "{what}");
    }
}

#[tokio::test]
async fn an_image_is_refused_by_a_model_of_this_process_instead_of_being_lost() {
    let provider = ScriptedProvider::new(|_| Script::answer("never"));
    let models = Models::scripted(provider.clone(), Arc::new(SystemEnv));
    let chat = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"what is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]}"#;
    let messages = r#"{"max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}]}]}"#;
    for (front, body) in [(Front::Chat, chat), (Front::Messages, messages)] {
        let asked = Ask::new(
            Caller::Open,
            front,
            "scripted/scripted",
            Bytes::from_static(body.as_bytes()),
        );
        match models.exchange(asked).await {
            Err(Failure::BadRequest { message, .. }) => {
                assert!(message.contains("`image_url`"), "{front:?}: {message}");
            }
            other => panic!("{front:?}: {other:?}"),
        }
    }
    assert_eq!(provider.requests().len(), 0);
}
