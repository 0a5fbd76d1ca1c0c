//! `openclaw agent …`.

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    model::{Step, last_user, pieces},
    run::{DEADLINE, finish},
    world::World,
};

#[tokio::test]
async fn the_list_is_the_same_with_a_gateway_and_without_but_for_the_state() {
    let world = World::twelve().await;
    let offline = world.run(&["agent", "list"]).await.ok();
    insta::assert_snapshot!("agents-offline", offline);
    world.start().await;
    drop(world.run(&["models", "list"]).await.ok());
    let online = world.run(&["agent", "list"]).await.ok();
    insta::assert_snapshot!("agents-online", online);
    let ids = |rows: &Value| -> Vec<String> {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let online = world.run(&["agent", "list", "--json"]).await.json();
    drop(world.run(&["gateway", "stop"]).await.ok());
    let offline = world.run(&["agent", "list", "--json"]).await.json();
    assert_eq!(ids(&online), ids(&offline));
    assert_eq!(online.as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn a_message_is_sent_from_words_and_from_standard_input() {
    let world = World::two().await;
    world.start().await;
    let said = world
        .run(&["agent", "send", "steward", "two", "words"])
        .await
        .ok();
    assert_eq!(said, "you said: two words\n");
    let said = world
        .run_with(&["agent", "send", "alpha"], "a\nb\n")
        .await
        .ok();
    assert_eq!(said, "you said: a\nb\n");
    assert_eq!(last_user(world.model.asked().last().unwrap()), "a\nb");
    let said = world.run(&["agent", "send", "steward", "-7"]).await.ok();
    assert_eq!(said, "you said: -7\n");
    let ran = world
        .run(&["agent", "send", "steward", "x", "--json"])
        .await;
    let shown = ran.json();
    assert_eq!(shown["status"], "ok");
    assert_eq!(shown["result"]["payloads"][0]["text"], "you said: x");
    let meta = &shown["result"]["meta"]["agentMeta"];
    assert_eq!(
        (&meta["provider"], &meta["model"]),
        (&json!("scripted"), &json!("echo"))
    );
    let said = world
        .run_with(&["agent", "send", "steward"], " \n")
        .await
        .failed(2);
    assert!(said.contains("the message is empty"), "{said}");
    let child = world.spawn(&["agent", "send", "steward"]);
    let ran = finish(child, &[0xff; 10]).await;
    assert!(ran.failed(1).contains("not UTF-8"));
}

#[tokio::test]
async fn an_answer_that_fails_says_why_and_what_to_do() {
    let world = World::with(json!({}), |_request| {
        vec![Step::Refuse(
            401,
            json!({"error": {"message": "no such key"}}),
        )]
    })
    .await;
    let said = world
        .run(&["agent", "send", "steward", "hi"])
        .await
        .failed(3);
    assert!(said.contains("openclaw gateway start"), "{said}");
    world.start().await;
    let ran = world.run(&["agent", "send", "steward", "hi"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:#?}");
    assert!(ran.err.contains("no such key"), "{ran:#?}");
    assert!(ran.err.contains("\nhint: "), "{ran:#?}");
    let ran = world
        .run(&["agent", "send", "steward", "hi", "--json"])
        .await;
    assert_eq!((ran.code, &ran.json()["status"]), (1, &json!("error")));
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let world = World::with(json!({}), |_request| vec![Step::Wait]).await;
    world.start().await;
    let ran = world
        .run(&["agent", "send", "steward", "hi", "--timeout", "1"])
        .await;
    assert!(ran.failed(1).contains("no answer within 1 s"));
}

#[tokio::test]
async fn ctrl_c_stops_the_run_and_not_only_the_wait() {
    let world = World::with(json!({}), |_request| vec![Step::Wait]).await;
    world.start().await;
    let child = world.spawn(&["agent", "send", "steward", "hi"]);
    let asked = async {
        while world.model.asked().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, asked).await.unwrap();
    crate::chat::interrupt(&child);
    let ran = finish(child, b"").await;
    assert_eq!(ran.code, 130, "{ran:#?}");
    let row = world
        .run(&["agent", "status", "steward", "--json"])
        .await
        .json();
    assert_eq!((&row["runs"], &row["status"]), (&json!(0), &json!("idle")));
}

#[tokio::test]
async fn settings_are_read_and_changed_in_either_order() {
    let world = World::two().await;
    let offline = world
        .run(&["agent", "config", "steward", "get", "role"])
        .await
        .ok();
    assert_eq!(offline, "orchestrator\n");
    world.start().await;
    assert_eq!(
        world
            .run(&["agent", "config", "get", "steward", "role"])
            .await
            .ok(),
        offline
    );
    let set = world
        .run(&[
            "agent",
            "config",
            "steward",
            "set",
            "parameters.patience",
            "-7",
        ])
        .await;
    assert_eq!(set.ok(), "parameters.patience = -7\n");
    let set = world
        .run(&["agent", "config", "set", "steward", "name", "Stew"])
        .await;
    assert_eq!(set.ok(), "name = \"Stew\"\n");
    for running in [true, false] {
        if !running {
            drop(world.run(&["gateway", "stop"]).await.ok());
        }
        let name = world
            .run(&["agent", "config", "steward", "get", "name"])
            .await
            .ok();
        assert_eq!(name, "Stew\n");
        let all = world
            .run(&["agent", "config", "steward", "get", "--json"])
            .await
            .json();
        assert_eq!(all["parameters"]["patience"], -7);
        let ran = world
            .run(&["agent", "config", "steward", "get", "colour"])
            .await;
        assert!(ran.failed(1).contains("no key `colour`"));
        let ran = world.run(&["agent", "config", "nobody", "get"]).await;
        assert!(ran.failed(4).contains("openclaw agent list"));
    }
}

#[tokio::test]
async fn an_agent_is_created_used_restarted_and_deleted() {
    let world = World::twelve().await;
    world.start().await;
    let said = world
        .run(&[
            "agent",
            "create",
            "scribe",
            "chronicler",
            "--purpose",
            "Writes.",
        ])
        .await;
    assert_eq!(
        world.redact(&said.ok()),
        "created scribe: ~/.openclaw/agents/scribe\n"
    );
    let row = world
        .run(&["agent", "status", "scribe", "--json"])
        .await
        .json();
    assert_eq!(row["role"], "chronicler");
    assert!(
        world
            .run(&["agent", "create", "scribe"])
            .await
            .failed(1)
            .contains("exists")
    );
    assert_eq!(
        world.run(&["agent", "send", "scribe", "hi"]).await.ok(),
        "you said: hi\n"
    );
    assert_eq!(
        world.run(&["agent", "restart", "scribe"]).await.ok(),
        "restarted scribe: idle\n"
    );
    drop(world.run(&["gateway", "restart"]).await.ok());
    assert!(
        world
            .run(&["agent", "list"])
            .await
            .ok()
            .contains("\nscribe ")
    );
    assert!(
        world
            .run(&["agent", "delete", "scribe"])
            .await
            .failed(1)
            .contains("--yes")
    );
    let said = world
        .run(&["agent", "delete", "scribe", "--yes"])
        .await
        .ok();
    assert!(said.contains(".openclaw/trash"), "{said}");
    drop(world.run(&["agent", "status", "scribe"]).await.failed(4));
    drop(world.run(&["gateway", "stop"]).await.ok());
    assert!(!world.run(&["agent", "list"]).await.ok().contains("scribe"));
    drop(
        world
            .run(&["agent", "delete", "alpha", "--yes"])
            .await
            .failed(3),
    );
}

#[tokio::test]
async fn the_prompt_that_is_shown_is_the_prompt_that_is_sent() {
    let world = World::with(json!({}), |_request| pieces(&["fine"])).await;
    world.start().await;
    drop(world.run(&["agent", "send", "alpha", "first"]).await.ok());
    let shown = world
        .run(&["agent", "prompt", "alpha", "--message", "second", "--json"])
        .await
        .json();
    let printed = world
        .run(&["agent", "prompt", "alpha", "--message", "second"])
        .await
        .ok();
    drop(world.run(&["agent", "send", "alpha", "second"]).await.ok());
    let sent = world.model.asked().pop().unwrap();
    let plain = |message: &Value| -> (String, String) {
        let content = match &message["content"] {
            Value::String(text) => text.clone(),
            parts => parts
                .as_array()
                .unwrap()
                .iter()
                .map(|part| part["text"].as_str().unwrap())
                .collect(),
        };
        (message["role"].as_str().unwrap().to_owned(), content)
    };
    let all = |view: &Value| -> Vec<(String, String)> {
        view["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(plain)
            .collect()
    };
    assert_eq!(all(&shown), all(&sent));
    assert!(printed.contains("--- system ---\n"), "{printed}");
    assert!(printed.contains("\nSOUL.md "), "{printed}");
    assert!(
        printed.contains("\nModel: scripted/echo\nTokens: "),
        "{printed}"
    );
}

#[tokio::test]
async fn an_agent_that_cannot_run_says_why_and_what_to_do() {
    let world = World::two().await;
    world.start().await;
    let settings = world.state().join("agents/alpha/config.json");
    let whole = std::fs::read(&settings).unwrap();
    std::fs::write(&settings, "{").unwrap();
    let said = world.run(&["agent", "restart", "alpha"]).await.failed(1);
    assert!(
        said.starts_with("error: agent `alpha` cannot run: "),
        "{said}"
    );
    let hint = "hint: mend what is named, or remove it and let `openclaw init` make it anew";
    assert!(said.contains(hint), "{said}");
    let ran = world.run(&["agent", "restart", "alpha", "--json"]).await;
    assert_eq!(
        (ran.code, &ran.json()["ok"]),
        (1, &serde_json::json!(false))
    );
    let said = world.run(&["agent", "send", "alpha", "hi"]).await.failed(1);
    assert!(said.contains(hint), "{said}");
    let list = world.run(&["agent", "list"]).await.ok();
    assert!(list.contains("\n\nalpha: "), "{list}");
    std::fs::remove_file(&settings).unwrap();
    let said = world.run(&["agent", "send", "alpha", "hi"]).await.failed(1);
    assert!(said.contains(hint), "{said}");
    drop(world.run(&["init"]).await.ok());
    assert_eq!(
        world.run(&["agent", "send", "alpha", "hi"]).await.ok(),
        "you said: hi\n"
    );
    std::fs::write(&settings, whole).unwrap();
    drop(world.run(&["agent", "restart", "alpha"]).await.ok());
}

#[tokio::test]
async fn ids_that_are_wrong_or_taken_are_answered_with_a_way_out() {
    let world = World::two().await;
    let list = world.run(&["agent", "list"]).await.ok();
    assert_eq!(list.matches(" scripted/echo\n").count(), 2, "{list}");
    world.start().await;
    let said = world.run(&["agent", "create", "Nova"]).await.failed(2);
    assert!(said.contains("hint: write `nova`; "), "{said}");
    let said = world.run(&["agent", "create", "alpha"]).await.failed(1);
    assert!(said.contains("hint: choose another id; "), "{said}");
    let said = world.run(&["agent", "delete", "alpha", "--yes"]).await.ok();
    assert!(said.contains("`openclaw agent create alpha`"), "{said}");
    assert!(!said.contains("primary"), "{said}");
    let said = world
        .run(&["agent", "delete", "steward", "--yes"])
        .await
        .ok();
    assert!(said.contains("it was the primary agent"), "{said}");
}

#[tokio::test]
async fn what_is_no_text_is_no_message() {
    let world = World::two().await;
    world.start().await;
    for line in [&["agent", "send", "steward"][..], &["chat", "steward"]] {
        let ran = finish(world.spawn(line), b"caf\xe9\n").await;
        assert_ne!(ran.code, 0, "{ran:#?}");
        assert!(
            ran.err
                .contains("error: the message is not UTF-8\nhint: convert it first"),
            "{ran:#?}"
        );
    }
}
