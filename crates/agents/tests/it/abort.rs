//! Stopping runs wherever they are.

use std::time::Duration;

use openclaw_agents::{Drained, EventKind, Status};
use openclaw_models::scripted::{Gate, Script, ScriptedProvider, Step};
use openclaw_types::{Message, Role, Usage};

use crate::harness::{Choices, World, advance, agent, run, session};

fn hanging() -> ScriptedProvider {
    let provider = ScriptedProvider::answering("fine");
    provider.queue(Script::new().text("half").then(Step::Hang));
    provider
}

#[tokio::test(start_paused = true)]
async fn a_streaming_run_stops_at_once_and_keeps_what_was_said() {
    let world = World::new(hanging());
    let accepted = world.send("steward", "r1").await;
    world.until_delta("r1").await;
    let stopped = world
        .agents
        .abort(&agent("steward"), &session("main"), Some(&run("r1")));
    assert_eq!(stopped, [run("r1")]);
    let outcome = accepted.outcome.await;
    assert_eq!((outcome.status, &*outcome.text), (Status::Aborted, "half"));
    assert_eq!(
        world.transcript("steward"),
        ["r1 user r1", "r1 aborted stopped on request"]
    );
    world.send("steward", "r2").await.outcome.await;
    assert_eq!(
        world.provider.requests()[1].messages[1..],
        [
            Message::text(Role::User, "r1"),
            Message::text(Role::Assistant, "half\n[broken off here]"),
            Message::text(Role::User, "r2"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_waiting_run_ends_at_once_and_never_begins() {
    let world = World::new(hanging());
    let first = world.send("steward", "r1").await;
    world.until_delta("r1").await;
    let second = world.send("steward", "r2").await;
    let third = world.send("steward", "r3").await;
    let stopped = world
        .agents
        .abort(&agent("steward"), &session("main"), Some(&run("r2")));
    assert_eq!(stopped, [run("r2")]);
    assert_eq!(second.outcome.await.status, Status::Aborted);
    assert_eq!(world.began(), ["r1"]);
    let stopped = world
        .agents
        .abort(&agent("steward"), &session("main"), None);
    assert_eq!(stopped, [run("r1"), run("r3")]);
    assert_eq!(first.outcome.await.status, Status::Aborted);
    assert_eq!(third.outcome.await.status, Status::Aborted);
    assert_eq!(
        world
            .agents
            .abort(&agent("steward"), &session("main"), None),
        []
    );
    let aborted = world
        .transcript("steward")
        .iter()
        .filter(|line| line.contains(" aborted "))
        .count();
    assert_eq!(aborted, 3);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_a_permit_can_be_stopped() {
    let world = World::with(
        hanging(),
        Choices {
            runs_max: 1,
            ..Choices::default()
        },
    );
    let first = world.send("steward", "r1").await;
    world.until_delta("r1").await;
    let second = world.send("alpha", "r2").await;
    world.agents.abort(&agent("alpha"), &session("main"), None);
    assert_eq!(second.outcome.await.status, Status::Aborted);
    assert_eq!(world.began(), ["r1"]);
    world
        .agents
        .abort(&agent("steward"), &session("main"), None);
    assert_eq!(first.outcome.await.status, Status::Aborted);
}

#[tokio::test(start_paused = true)]
async fn a_message_on_its_way_to_the_disk_can_be_stopped() {
    let world = World::new(ScriptedProvider::answering("fine"));
    let mut message = world.inbound("steward", "hi");
    message.run = Some(run("r1"));
    let submission = world.agents.submit(message);
    let stopped = world
        .agents
        .abort(&agent("steward"), &session("main"), None);
    assert_eq!(stopped, [run("r1")]);
    let outcome = submission.await.unwrap().outcome.await;
    assert_eq!(outcome.status, Status::Aborted);
    assert_eq!(world.provider.requests().len(), 0);
    assert_eq!(
        world.transcript("steward"),
        ["r1 user hi", "r1 aborted stopped on request"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_runs_end_and_takes_nothing_new() {
    let gate = Gate::new();
    let provider = ScriptedProvider::answering("unused");
    provider.queue(
        Script::new()
            .text("a")
            .then(Step::WaitFor(gate.clone()))
            .end(Usage::default()),
    );
    let world = World::new(provider);
    let accepted = world.send("steward", "r1").await;
    world.until_delta("r1").await;
    let agents = world.agents.clone();
    let stop = agents.shutdown(Duration::from_secs(60));
    let (drained, ()) = tokio::join!(stop, async { gate.open(1) });
    let one = Drained {
        ended: 1,
        stopped: 0,
    };
    assert_eq!(drained, one);
    let outcome = accepted.outcome.await;
    assert_eq!((&outcome.status, outcome.trouble()), (&Status::Done, None));
    let refused = world.agents.submit(world.inbound("steward", "hi")).await;
    assert!(matches!(refused, Err(openclaw_agents::Error::Stopping)));
}

#[tokio::test(start_paused = true)]
async fn a_stop_cuts_off_what_outlasts_its_deadline() {
    let world = World::new(hanging());
    let first = world.send("steward", "r1").await;
    world.until_delta("r1").await;
    let second = world.send("steward", "r2").await;
    let agents = world.agents.clone();
    let stop = agents.shutdown(Duration::from_secs(60));
    let clock = async {
        tokio::task::yield_now().await;
        advance(60_001).await;
    };
    let (drained, ()) = tokio::join!(stop, clock);
    let both = Drained {
        ended: 0,
        stopped: 2,
    };
    assert_eq!(drained, both);
    for outcome in [first.outcome.await, second.outcome.await] {
        assert_eq!(outcome.status, Status::Aborted);
        let (reason, hint) = outcome.trouble().unwrap();
        assert_eq!(reason, "stopped because the gateway stops");
        assert!(hint.unwrap().contains("openclaw gateway start"));
    }
    assert_eq!(
        world.transcript("steward")[2..],
        [
            "r1 aborted stopped because the gateway stops",
            "r2 aborted stopped because the gateway stops",
        ]
    );
    let ended = world
        .events()
        .iter()
        .filter(|event| matches!(event.kind, EventKind::RunEnded(_)))
        .count();
    assert_eq!(ended, 2);
}
