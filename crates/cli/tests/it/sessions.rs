//! `openclaw session …`, with a gateway and without.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn sessions_read_the_same_with_a_gateway_and_without() {
    let world = World::two().await;
    world.start().await;
    for (agent, session, text) in [
        ("steward", "main", "one"),
        ("steward", "other", "two"),
        ("alpha", "main", "three"),
        ("steward", "main", "four"),
    ] {
        let ran = world
            .run(&["agent", "send", agent, text, "--session", session])
            .await;
        assert_eq!(ran.ok(), format!("you said: {text}\n"));
    }
    let reading = [
        vec!["session", "list"],
        vec!["session", "list", "steward"],
        vec!["session", "get", "steward", "main"],
        vec!["session", "get", "steward", "main", "-n", "1"],
        vec!["session", "get", "steward", "main", "--before", "3"],
        vec!["session", "get", "alpha", "agent:alpha:main"],
    ];
    let mut online = Vec::new();
    for arguments in &reading {
        online.push(world.run(arguments).await.ok());
    }
    drop(world.run(&["gateway", "stop"]).await.ok());
    for (arguments, online) in reading.iter().zip(&online) {
        assert_eq!(&world.run(arguments).await.ok(), online, "{arguments:?}");
    }
    let order: Vec<Vec<&str>> = online[0]
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().take(3).collect())
        .collect();
    assert_eq!(
        order,
        [
            ["steward", "main", "4"],
            ["alpha", "main", "2"],
            ["steward", "other", "2"]
        ]
    );
    assert!(online[2].contains("] "), "{}", online[2]);
    assert!(
        online[3].ends_with("older entries: --before 4\n"),
        "{}",
        online[3]
    );
}

#[tokio::test]
async fn a_session_is_created_used_and_hidden() {
    let world = World::two().await;
    world.start().await;
    let id = world.run(&["session", "create", "steward"]).await.ok();
    let id = id.trim();
    drop(
        world
            .run(&["agent", "send", "steward", "hi", "--session", id])
            .await
            .ok(),
    );
    let said = world
        .run(&["session", "delete", "steward", id])
        .await
        .failed(1);
    assert!(said.contains("--yes"), "{said}");
    let deleted = world
        .run(&["session", "delete", "steward", id, "--yes"])
        .await
        .ok();
    assert_eq!(deleted, format!("deleted agent:steward:{id}\n"));
    assert_eq!(
        world.run(&["session", "list", "--json"]).await.json(),
        json!([])
    );
    drop(
        world
            .run(&["session", "get", "steward", id])
            .await
            .failed(4),
    );
    drop(world.run(&["gateway", "stop"]).await.ok());
    drop(
        world
            .run(&["session", "get", "steward", id])
            .await
            .failed(4),
    );
    assert_eq!(
        world.run(&["session", "list", "--json"]).await.json(),
        json!([])
    );
}

#[tokio::test]
async fn a_session_that_is_not_there_is_exit_code_4_with_the_next_command() {
    let world = World::two().await;
    for running in [false, true] {
        if running {
            world.start().await;
        }
        let ran = world
            .run(&["session", "get", "steward", "none", "--json"])
            .await;
        assert_eq!(ran.code, 4, "{ran:#?}");
        let error: Value = ran.json()["error"].clone();
        assert!(
            error["hint"]
                .as_str()
                .unwrap()
                .contains("openclaw session list"),
            "{error}"
        );
    }
}
