//! Agents come, go and change while others run.

use std::sync::Arc;

use futures_util::FutureExt as _;
use openclaw_agents::{AgentState, Error, Event, EventKind, NewAgent, Status};
use openclaw_models::scripted::{Script, ScriptedProvider, Step};
use serde_json::{Value, json};

use crate::{
    harness::{Choices, World, agent, named},
    slow,
};

fn scribe() -> NewAgent {
    NewAgent {
        id: agent("scribe"),
        name: Some("Scribe".to_owned()),
        role: Some("secretary".to_owned()),
        purpose: Some("Write down what was decided.".to_owned()),
        emoji: None,
        model: None,
    }
}

fn ids(world: &World) -> Vec<String> {
    let listed = world.agents.list();
    listed
        .into_iter()
        .map(|status| status.id.to_string())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_created_agent_answers_at_once_and_after_a_restart() {
    let world = World::new(ScriptedProvider::answering("fine"));
    let status = world.agents.create(scribe()).await.unwrap();
    assert_eq!(
        (status.name.as_str(), status.role.as_str(), status.state),
        ("Scribe", "secretary", AgentState::Idle)
    );
    let outcome = world.send("scribe", "r1").await.outcome.await;
    assert_eq!(outcome.status, Status::Done);
    let requests = world.provider.requests();
    let system = requests[0].messages[0].plain_text();
    assert!(system.contains("Scribe") && system.contains("secretary"));
    assert!(system.contains("Write down what was decided."));
    assert!(system.contains("charlie, scribe"));
    let again = world.agents.create(scribe()).await;
    assert!(matches!(again, Err(Error::AgentExists { .. })));

    world.store.shutdown().await.unwrap();
    let next = World::on(
        ScriptedProvider::answering("fine"),
        Choices::default(),
        Arc::clone(&world.home),
        world.disk.clone(),
        2,
    );
    assert_eq!(
        ids(&next),
        ["steward", "alpha", "beta", "charlie", "scribe"]
    );
    assert_eq!(
        next.agents.status(&agent("scribe")).unwrap().role,
        "secretary"
    );
    next.store.shutdown().await.unwrap();
    let fewer = World::on(
        ScriptedProvider::answering("fine"),
        Choices {
            agents: vec![named("alpha")],
            discover: false,
            ..Choices::default()
        },
        Arc::clone(&world.home),
        world.disk.clone(),
        3,
    );
    assert_eq!(ids(&fewer), ["alpha"]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_agent_stops_and_every_byte_of_it_stays() {
    let provider = ScriptedProvider::answering("fine");
    provider.queue(Script::new().text("half").then(Step::Hang));
    let world = World::new(provider);
    let accepted = world.send("beta", "r1").await;
    world.until_delta("r1").await;
    let soul = std::fs::read_to_string(world.path("beta").join("SOUL.md")).unwrap();
    let trash = world.agents.delete(&agent("beta")).await.unwrap().unwrap();
    assert_eq!(accepted.outcome.await.status, Status::Aborted);
    assert_eq!(trash.parent().unwrap(), world.home.path().join("trash"));
    assert_eq!(
        std::fs::read_to_string(trash.join("SOUL.md")).unwrap(),
        soul
    );
    assert!(!world.path("beta").exists());
    assert_eq!(ids(&world), ["steward", "alpha", "charlie"]);
    let refused = world.agents.submit(world.inbound("beta", "hi")).await;
    assert!(matches!(refused, Err(Error::UnknownAgent { .. })));
    let gone = world.agents.delete(&agent("beta")).await;
    assert!(matches!(gone, Err(Error::UnknownAgent { .. })));

    world.store.shutdown().await.unwrap();
    let next = World::on(
        ScriptedProvider::answering("fine"),
        Choices::default(),
        Arc::clone(&world.home),
        world.disk.clone(),
        2,
    );
    assert_eq!(ids(&next), ["steward", "alpha", "charlie"]);
    let back = NewAgent {
        id: agent("beta"),
        name: None,
        role: None,
        purpose: None,
        emoji: None,
        model: None,
    };
    next.agents.create(back).await.unwrap();
    assert!(next.path("beta").join("SOUL.md").exists());
}

#[tokio::test(start_paused = true)]
async fn settings_change_by_dotted_key_and_hold_from_the_next_run() {
    let world = World::new(ScriptedProvider::answering("fine"));
    let steward = agent("steward");
    let set = |key, value| world.agents.config_set(&steward, key, value);
    assert_eq!(
        set("parameters.temperature", json!(0.5)).await.unwrap(),
        json!(0.5)
    );
    assert_eq!(
        set("model", json!("local/small")).await.unwrap(),
        json!("local/small")
    );
    assert_eq!(
        set("role", json!("captain")).await.unwrap(),
        json!("captain")
    );
    let refused = set("id", json!("other")).await;
    assert!(matches!(refused, Err(Error::Settings { .. })));
    let all = world.agents.config_get(&steward, None).await.unwrap();
    assert_eq!(
        (&all["role"], &all["id"]),
        (&json!("captain"), &json!("steward"))
    );
    assert_eq!(world.agents.status(&steward).unwrap().role, "captain");
    assert_eq!(set("model", Value::Null).await.unwrap(), json!(null));
    world.send("steward", "r1").await.outcome.await;
    let request = &world.provider.requests()[0];
    assert_eq!(request.temperature, Some(0.5));
    assert!(request.messages[0].plain_text().contains("captain"));
}

#[tokio::test(start_paused = true)]
async fn a_restart_stops_runs_and_takes_new_ones() {
    let provider = ScriptedProvider::answering("fine");
    provider.queue(Script::new().text("half").then(Step::Hang));
    let world = World::new(provider);
    let accepted = world.send("steward", "r1").await;
    world.until_delta("r1").await;
    let status = world.agents.restart(&agent("steward")).await.unwrap();
    assert_eq!(status.state, AgentState::Idle);
    assert_eq!(accepted.outcome.await.status, Status::Aborted);
    assert_eq!(ids(&world), ["steward", "alpha", "beta", "charlie"]);
    let outcome = world.send("steward", "r2").await.outcome.await;
    assert_eq!(outcome.status, Status::Done);
    let states: Vec<String> = world
        .events()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::AgentState { previous, now } => {
                Some(format!("{}>{}", previous.as_str(), now.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        states,
        [
            "idle>busy",
            "busy>offline",
            "offline>idle",
            "idle>busy",
            "busy>idle"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_on_its_way_when_its_agent_restarts_is_ended_once() {
    let (world, hold) = slow::world(ScriptedProvider::answering("fine"));
    let mut message = world.inbound("steward", "hi");
    message.run = Some(crate::harness::run("r1"));
    hold.close();
    let submission = world.agents.submit(message);
    hold.until_waiting().await;
    let steward = agent("steward");
    let restarted = world.agents.restart(&steward);
    let offline = async {
        let is_offline = |event: &Event| matches!(&event.kind, EventKind::AgentState { now, .. } if *now == AgentState::Offline);
        world.until(|events| events.iter().any(is_offline)).await;
        hold.open();
    };
    let (accepted, restarted, ()) = tokio::join!(submission, restarted, offline);
    assert_eq!(restarted.unwrap().state, AgentState::Idle);
    let outcome = accepted.unwrap().outcome.await;
    assert_eq!(outcome.status, Status::Aborted);
    assert_eq!(
        world.transcript("steward"),
        [
            "r1 user hi",
            "r1 aborted stopped because the agent was restarted or deleted"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_goes_on_when_its_caller_leaves() {
    let provider = ScriptedProvider::answering("fine");
    for _ in 0..2 {
        provider.queue(Script::new().text("half").then(Step::Hang));
    }
    let world = World::new(provider);
    let (steward, alpha, beta) = (agent("steward"), agent("alpha"), agent("beta"));
    let _run = world.send("steward", "r1").await;
    let _run = world.send("beta", "r2").await;
    world.until_delta("r1").await;
    world.until_delta("r2").await;
    assert!(world.agents.restart(&steward).now_or_never().is_none());
    assert!(world.agents.delete(&beta).now_or_never().is_none());
    let set = world.agents.config_set(&alpha, "role", json!("captain"));
    assert!(set.now_or_never().is_none());
    assert!(world.agents.create(scribe()).now_or_never().is_none());
    // Changes come one after another, so all of them are done before this one.
    world.agents.restart(&agent("charlie")).await.unwrap();
    assert_eq!(ids(&world), ["steward", "alpha", "charlie", "scribe"]);
    let state = world.agents.status(&steward).unwrap().state;
    assert_eq!(state, AgentState::Idle);
    let role = world.agents.status(&alpha).unwrap().role;
    assert_eq!(role, "captain");
    assert!(!world.path("beta").exists());
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_cannot_be_moved_away_goes_on() {
    let world = World::new(ScriptedProvider::answering("fine"));
    let beta = agent("beta");
    let trash = world.home.path().join("trash");
    std::fs::write(&trash, "in the way").unwrap();
    let refused = world.agents.delete(&beta).await;
    assert!(
        matches!(refused, Err(Error::Workspace { .. })),
        "{refused:?}"
    );
    assert_eq!(ids(&world), ["steward", "alpha", "beta", "charlie"]);
    let outcome = world.send("beta", "r1").await.outcome.await;
    assert_eq!(outcome.status, Status::Done);

    // The move succeeds and the roster refuses: it is a directory now.
    std::fs::remove_file(&trash).unwrap();
    std::fs::create_dir_all(world.home.path().join("roster.json").join("x")).unwrap();
    let refused = world.agents.delete(&beta).await;
    assert!(matches!(refused, Err(Error::Roster { .. })), "{refused:?}");
    assert!(world.path("beta").join("SOUL.md").exists());
    let outcome = world.send("beta", "r2").await.outcome.await;
    assert_eq!(outcome.status, Status::Done);
}
