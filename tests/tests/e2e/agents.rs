//! Who there is: listed, made, set up, restarted, taken out.

use openclaw_tests::{gateway::Setup, native::Native};
use serde_json::{Value, json};

#[tokio::test]
async fn the_roster_is_listed_with_everything_a_person_asks() {
    let world = Setup::two()
        .config(json!({"agents": [{"id": "steward", "primary": true, "port": 8001}, {"id": "alpha", "model": "scripted/echo"}]}))
        .start()
        .await;
    let mut client = Native::open(&world).await;
    let list = world.normal(&client.ok("agents.list", json!({})).await);
    assert_eq!(
        (&list["defaultId"], &list["mainKey"]),
        (&json!("steward"), &json!("main"))
    );
    let row = &list["agents"][0];
    assert_eq!(
        (
            &row["id"],
            &row["name"],
            &row["status"],
            &row["primary"],
            &row["port"],
            &row["workspace"]
        ),
        (
            &json!("steward"),
            &json!("Steward"),
            &json!("idle"),
            &json!(true),
            &json!(8001),
            &json!("~/agents/steward")
        )
    );
    assert_eq!(
        list["agents"][1]["model"],
        json!({"primary": "scripted/echo"})
    );
    let identity = client
        .ok("agent.identity.get", json!({"agentId": "steward"}))
        .await;
    assert_eq!(
        (&identity["agentId"], &identity["name"]),
        (&json!("steward"), &json!("Steward"))
    );
    for file in [
        "SOUL.md",
        "IDENTITY.md",
        "AGENTS.md",
        "USER.md",
        "TOOLS.md",
        "MEMORY.md",
        "session.jsonl",
        "config.json",
    ] {
        let path = world.state().join("agents/steward").join(file);
        assert!(path.is_file(), "{}", path.display());
    }
}

#[tokio::test]
async fn a_thirteenth_agent_can_be_made_used_and_taken_out() {
    let world = Setup::two().start().await;
    let mut client = Native::open(&world).await;
    let made = client
        .ok(
            "agents.create",
            json!({"name": "Nova Prime", "role": "scout", "brief": "to find the way"}),
        )
        .await;
    assert_eq!(
        world.normal(&made),
        json!({"ok": true, "agentId": "nova-prime", "name": "Nova Prime", "workspace": "~/agents/nova-prime"})
    );
    let event = client
        .event(|event| {
            event["event"] == "agent:status" && event["payload"]["agentId"] == "nova-prime"
        })
        .await;
    assert_eq!(
        (&event["payload"]["status"], &event["payload"]["previous"]),
        (&json!("idle"), &json!("offline"))
    );
    let id = client
        .send(
            "agent",
            json!({"agentId": "nova-prime", "message": "hi", "idempotencyKey": "k1"}),
        )
        .await;
    let _accepted = client.answer(&id).await.unwrap();
    assert_eq!(client.answer(&id).await.unwrap()["status"], "ok");
    assert!(world.model().asked()[0].system().contains("find the way"));
    assert_eq!(
        client
            .call("agents.create", json!({"name": "Nova Prime"}))
            .await
            .unwrap_err()["code"],
        "INVALID_REQUEST"
    );

    let set = client
        .ok(
            "agents.config.set",
            json!({"agentId": "nova-prime", "key": "model", "value": "scripted/echo"}),
        )
        .await;
    assert_eq!(
        (&set["ok"], &set["value"]),
        (&json!(true), &json!("scripted/echo"))
    );
    let get = client
        .ok(
            "agents.config.get",
            json!({"agentId": "nova-prime", "key": "model"}),
        )
        .await;
    assert_eq!(get["value"], "scripted/echo");
    let all = client
        .ok("agents.config.get", json!({"agentId": "nova-prime"}))
        .await;
    assert_eq!(all["value"]["model"], "scripted/echo");
    let restarted = client
        .ok("agents.restart", json!({"agentId": "nova-prime"}))
        .await;
    assert_eq!(
        restarted,
        json!({"ok": true, "agentId": "nova-prime", "status": "idle"})
    );

    let deleted = client
        .ok("agents.delete", json!({"agentId": "nova-prime"}))
        .await;
    assert_eq!(
        (&deleted["ok"], &deleted["agentId"]),
        (&json!(true), &json!("nova-prime"))
    );
    assert_eq!(
        client
            .call("agents.status", json!({"agentId": "nova-prime"}))
            .await
            .unwrap_err()["code"],
        "NOT_FOUND"
    );
    assert!(!world.state().join("agents/nova-prime").exists());
    let ids: Vec<Value> = client.ok("agents.list", json!({})).await["agents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|agent| agent["id"].clone())
        .collect();
    assert_eq!(ids, ["steward", "alpha"]);
}

#[tokio::test]
async fn a_changed_identity_changes_the_next_prompt_without_a_restart() {
    let world = Setup::two().start().await;
    let mut client = Native::open(&world).await;
    let soul = world.state().join("agents/steward/SOUL.md");
    std::fs::write(&soul, "# Steward\n\nYou answer in rhyme, always.\n").unwrap();
    let id = client
        .send(
            "agent",
            json!({"agentId": "steward", "message": "hi", "idempotencyKey": "k1"}),
        )
        .await;
    let _accepted = client.answer(&id).await.unwrap();
    let _end = client.answer(&id).await.unwrap();
    assert!(
        world.model().asked()[0]
            .system()
            .contains("You answer in rhyme, always.")
    );
    let place = world.stop().await;
    let again = place.start().await;
    assert_eq!(
        std::fs::read_to_string(again.state().join("agents/steward/SOUL.md")).unwrap(),
        "# Steward\n\nYou answer in rhyme, always.\n"
    );
}

#[tokio::test]
async fn a_broken_workspace_takes_one_agent_out_and_no_other() {
    let place = Setup::two().prepare().await;
    let agents = place.state.path().join("agents");
    std::fs::create_dir_all(&agents).unwrap();
    std::fs::write(agents.join("alpha"), "a file where a directory should be").unwrap();
    let world = place.start().await;
    let mut client = Native::open(&world).await;
    let alpha = client
        .ok("agents.status", json!({"agentId": "alpha"}))
        .await;
    assert_eq!(alpha["status"], "error");
    assert!(
        alpha["reason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty())
    );
    let restarted = client
        .ok("agents.restart", json!({"agentId": "alpha"}))
        .await;
    assert_eq!(
        restarted,
        json!({"ok": false, "agentId": "alpha", "status": "error", "reason": alpha["reason"]})
    );
    let health = client.ok("health", json!({})).await;
    assert_eq!(
        (&health["ok"], health["problems"].as_array().unwrap().len()),
        (&json!(false), 1)
    );
    let error = client
        .call(
            "agent",
            json!({"agentId": "alpha", "message": "x", "idempotencyKey": "k"}),
        )
        .await
        .unwrap_err();
    assert_eq!(error["code"], "UNAVAILABLE");
    let id = client
        .send(
            "agent",
            json!({"agentId": "steward", "message": "hi", "idempotencyKey": "k1"}),
        )
        .await;
    let _accepted = client.answer(&id).await.unwrap();
    assert_eq!(client.answer(&id).await.unwrap()["status"], "ok");
}
