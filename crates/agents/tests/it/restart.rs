//! What a process leaves behind, the next one finds.

use std::sync::Arc;

use openclaw_agents::{AgentOptions, Status};
use openclaw_models::{
    Kind,
    scripted::{Script, ScriptedProvider, Step},
};
use openclaw_types::{Message, Role};

use crate::harness::{Choices, World, agent, named};

#[tokio::test(start_paused = true)]
async fn runs_that_died_with_the_process_are_marked_on_the_next_start() {
    let provider = ScriptedProvider::answering("fine");
    provider.queue(Script::answer("kept"));
    provider.queue(Script::new().text("half").then(Step::Hang));
    let world = World::new(provider);
    world.send("steward", "r1").await.outcome.await;
    let _running = world.send("steward", "r2").await;
    world.until_delta("r2").await;
    let _waiting = world.send("steward", "r3").await;

    let disk = world.disk.crash();
    let again = World::on(
        ScriptedProvider::answering("fine"),
        Choices::default(),
        Arc::clone(&world.home),
        disk,
        2,
    );
    let outcome = again.send("steward", "r4").await.outcome.await;
    assert_eq!(outcome.status, Status::Done);
    assert_eq!(
        again.transcript("steward"),
        [
            "r1 user r1",
            "r1 assistant kept",
            "r2 user r2",
            "r3 user r3",
            "r2 aborted interrupted by a stop of the gateway",
            "r3 aborted interrupted by a stop of the gateway",
            "r4 user r4",
            "r4 assistant fine",
        ]
    );
    let interrupted = "[left unanswered]";
    assert_eq!(
        again.provider.requests()[0].messages[1..],
        [
            Message::text(Role::User, "r1"),
            Message::text(Role::Assistant, "kept"),
            Message::text(Role::User, "r2"),
            Message::text(Role::Assistant, interrupted),
            Message::text(Role::User, "r3"),
            Message::text(Role::Assistant, interrupted),
            Message::text(Role::User, "r4"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn workspaces_are_made_once_and_kept_as_they_are() {
    let world = World::new(ScriptedProvider::answering("fine"));
    let soul = world.path("steward").join("SOUL.md");
    let template = std::fs::read_to_string(&soul).unwrap();
    assert!(template.starts_with("# Steward"));
    std::fs::write(&soul, "mine").unwrap();
    std::fs::remove_file(world.path("alpha").join("SOUL.md")).unwrap();
    world.store.shutdown().await.unwrap();
    let again = World::on(
        ScriptedProvider::answering("fine"),
        Choices::default(),
        Arc::clone(&world.home),
        world.disk.clone(),
        2,
    );
    assert_eq!(std::fs::read_to_string(&soul).unwrap(), "mine");
    let alpha = std::fs::read_to_string(again.path("alpha").join("SOUL.md")).unwrap();
    assert!(alpha.starts_with("# Alpha"));
}

#[tokio::test(start_paused = true)]
async fn one_bad_workspace_stops_one_agent() {
    let home = Arc::new(tempfile::tempdir().unwrap());
    let root = home.path().join("agents");
    std::fs::create_dir_all(root.join("beta")).unwrap();
    std::fs::write(root.join("beta").join("config.json"), "{ not json").unwrap();
    std::os::unix::fs::symlink("/tmp", root.join("alpha")).unwrap();
    let disk = openclaw_sessions::SimDisk::new(7, &root);
    let world = World::on(
        ScriptedProvider::answering("fine"),
        Choices {
            agents: ["steward", "alpha", "beta"].map(named).to_vec(),
            ..Choices::default()
        },
        home,
        disk,
        1,
    );
    let states: Vec<_> = world
        .agents
        .list()
        .into_iter()
        .map(|status| (status.id.to_string(), status.state.as_str()))
        .collect();
    assert_eq!(
        states,
        [
            ("steward".to_owned(), "idle"),
            ("alpha".to_owned(), "error"),
            ("beta".to_owned(), "error"),
        ]
    );
    for broken in ["alpha", "beta"] {
        let refused = world.agents.submit(world.inbound(broken, "hi")).await;
        let error = refused.unwrap_err().to_string();
        assert!(
            error.contains(broken) && error.contains("cannot run"),
            "{error}"
        );
    }
    world.send("steward", "r1").await.outcome.await;
    // Settings that were put right are found without a restart.
    std::fs::write(world.path("beta").join("config.json"), "{}").unwrap();
    let outcome = world.send("beta", "r2").await.outcome.await;
    assert_eq!(outcome.status, Status::Done);
}

#[tokio::test(start_paused = true)]
async fn what_the_configuration_says_is_not_copied_into_a_workspace() {
    let stated = AgentOptions {
        role: "guide".to_owned(),
        model: Some("gone/large".to_owned()),
        ..named("steward")
    };
    let choices = |agent: AgentOptions| Choices {
        agents: vec![agent],
        ..Choices::default()
    };
    let provider = || ScriptedProvider::answering("fine");
    let world = World::with(provider(), choices(stated.clone()));
    let status = world.agents.status(&agent("steward")).unwrap();
    assert_eq!(
        (status.role.as_str(), status.model.as_deref()),
        ("guide", Some("gone/large"))
    );
    let text = std::fs::read(world.path("steward").join("config.json")).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(
        (&file["role"], &file["model"]),
        (&serde_json::json!("orchestrator"), &serde_json::Value::Null)
    );
    world.store.shutdown().await.unwrap();

    let (home, disk) = (Arc::clone(&world.home), world.disk.clone());
    let plain = AgentOptions {
        role: "orchestrator".to_owned(),
        ..named("steward")
    };
    let again = World::on(provider(), choices(plain), home, disk, 2);
    let status = again.agents.status(&agent("steward")).unwrap();
    assert_eq!((status.role.as_str(), status.model), ("orchestrator", None));

    // What `openclaw init` makes says the same.
    let init = tempfile::tempdir().unwrap();
    openclaw_agents::workspace::ensure(&init.path().join("agents"), &stated).unwrap();
    let made = std::fs::read(init.path().join("agents/steward/config.json")).unwrap();
    assert_eq!(made, text);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_cannot_be_had_is_told_with_the_place_that_names_it() {
    let provider = ScriptedProvider::answering("unused");
    for kind in [Kind::Transport, Kind::Overloaded] {
        provider.queue(Script::new().then(Step::Fail(kind)));
    }
    let world = World::new(provider);
    let config = world.path("steward").join("config.json");
    std::fs::write(config, r#"{"model": "scripted/scripted"}"#).unwrap();
    for (id, hint) in [
        (
            "r1",
            Some(
                "the model `scripted/scripted` is set in agents/steward/config.json; \
                 `openclaw agent config steward set model null` takes it back",
            ),
        ),
        ("r2", None),
    ] {
        let outcome = world.send("steward", id).await.outcome.await;
        let Status::Failed(failure) = outcome.status else {
            panic!("{outcome:?}");
        };
        assert_eq!(failure.hint.as_deref(), hint, "{id}");
    }
}
