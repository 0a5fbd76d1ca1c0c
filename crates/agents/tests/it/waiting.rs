//! Lanes: who waits for whom, and who is turned away.

use openclaw_agents::{AgentState, Error, Status};
use openclaw_models::scripted::{Gate, Script, ScriptedProvider, Step};
use openclaw_types::{Message, Priority, Role, Usage};

use crate::harness::{Choices, World, agent, run, session};

/// Every answer waits for the gate.
fn gated(gate: &Gate) -> ScriptedProvider {
    let gate = gate.clone();
    ScriptedProvider::new(move |_| {
        Script::new()
            .text("a")
            .then(Step::WaitFor(gate.clone()))
            .text("b")
            .end(Usage::default())
    })
}

#[tokio::test(start_paused = true)]
async fn a_second_message_waits_for_the_first_run() {
    let gate = Gate::new();
    let world = World::new(gated(&gate));
    let first = world.send("steward", "one").await;
    world.until_delta("one").await;
    let second = world.send("steward", "two").await;
    assert_eq!((first.position, second.position), (0, 1));
    let status = world.agents.status(&agent("steward")).unwrap();
    assert_eq!(
        (status.state, status.running, status.waiting),
        (AgentState::Busy, 1, 1)
    );
    assert_eq!(world.began(), ["one"]);
    gate.open(2);
    assert_eq!(first.outcome.await.status, Status::Done);
    assert_eq!(second.outcome.await.status, Status::Done);
    assert_eq!(
        world.transcript("steward"),
        [
            "one user one",
            "two user two",
            "one assistant ab",
            "two assistant ab"
        ]
    );
    // The file interleaves, the prompt does not.
    assert_eq!(
        world.provider.requests()[1].messages[1..],
        [
            Message::text(Role::User, "one"),
            Message::text(Role::Assistant, "ab"),
            Message::text(Role::User, "two"),
        ]
    );
    let status = world.agents.status(&agent("steward")).unwrap();
    assert_eq!(
        (status.state, status.running, status.waiting),
        (AgentState::Idle, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn what_waits_runs_by_priority_and_then_by_arrival() {
    let gate = Gate::new();
    let world = World::new(gated(&gate));
    let mut outcomes = vec![world.send("steward", "first").await.outcome];
    world.until_delta("first").await;
    for (id, priority) in [
        ("low", Priority::Low),
        ("normal-1", Priority::Normal),
        ("high", Priority::High),
        ("normal-2", Priority::Normal),
        ("critical", Priority::Critical),
    ] {
        let accepted = world.try_send("steward", id, priority).await.unwrap();
        outcomes.push(accepted.outcome);
    }
    gate.open(6);
    for outcome in outcomes {
        outcome.await;
    }
    assert_eq!(
        world.began(),
        ["first", "critical", "high", "normal-1", "normal-2", "low"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_lane_refuses_before_anything_is_written() {
    let gate = Gate::new();
    let world = World::with(
        gated(&gate),
        Choices {
            lane_depth: 2,
            ..Choices::default()
        },
    );
    let mut outcomes = vec![world.send("steward", "r0").await.outcome];
    world.until_delta("r0").await;
    for id in ["r1", "r2"] {
        outcomes.push(world.send("steward", id).await.outcome);
    }
    let refused = world.try_send("steward", "r3", Priority::Critical).await;
    assert!(matches!(refused, Err(Error::Busy { depth_max: 2, .. })));
    assert_eq!(world.transcript("steward").len(), 3);
    // Another session of the same agent is another lane.
    let mut elsewhere = world.inbound("steward", "hi");
    elsewhere.session = session("other");
    outcomes.push(world.agents.submit(elsewhere).await.unwrap().outcome);
    gate.open(4);
    for outcome in outcomes {
        assert_eq!(outcome.await.status, Status::Done);
    }
    // The refused run is not known, so it can be sent again.
    let again = world.send("steward", "r3").await;
    gate.open(1);
    assert_eq!(again.outcome.await.status, Status::Done);
}

#[tokio::test(start_paused = true)]
async fn places_are_taken_before_the_disk_is_asked() {
    let gate = Gate::new();
    let world = World::with(
        gated(&gate),
        Choices {
            lane_depth: 2,
            ..Choices::default()
        },
    );
    let submissions: Vec<_> = ["r0", "r1", "r2"]
        .into_iter()
        .map(|id| {
            let mut message = world.inbound("steward", id);
            message.run = Some(run(id));
            world.agents.submit(message)
        })
        .collect();
    let mut accepted = Vec::new();
    let mut refused = 0;
    for submission in submissions {
        match submission.await {
            Ok(one) => accepted.push(one),
            Err(Error::Busy { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((accepted.len(), refused), (2, 1));
    gate.open(2);
    for one in accepted {
        assert_eq!(one.outcome.await.status, Status::Done);
    }
    assert_eq!(world.transcript("steward").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn runs_in_flight_are_bounded_over_all_agents() {
    let gate = Gate::new();
    let world = World::with(
        gated(&gate),
        Choices {
            runs_max: 1,
            ..Choices::default()
        },
    );
    let first = world.send("steward", "one").await;
    world.until_delta("one").await;
    let second = world.send("alpha", "two").await;
    assert_eq!(second.position, 0);
    gate.open(1);
    first.outcome.await;
    world.until_delta("two").await;
    gate.open(1);
    second.outcome.await;
    assert_eq!(world.began(), ["one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_overtaken_by_many_still_stands_in_its_own_prompt() {
    let gate = Gate::new();
    let world = World::new(gated(&gate));
    let mut outcomes = vec![world.send("steward", "first").await.outcome];
    world.until_delta("first").await;
    let slow = world
        .try_send("steward", "slow", Priority::Low)
        .await
        .unwrap();
    for n in 0..40 {
        let id = format!("fast-{n}");
        let accepted = world
            .try_send("steward", &id, Priority::High)
            .await
            .unwrap();
        gate.open(1);
        outcomes.push(accepted.outcome);
        if outcomes.len() == 10 {
            for outcome in outcomes.drain(..9) {
                outcome.await;
            }
        }
    }
    gate.open(2);
    for outcome in outcomes {
        outcome.await;
    }
    assert_eq!(slow.outcome.await.status, Status::Done);
    let requests = world.provider.requests();
    let prompt = requests
        .iter()
        .find(|request| request.messages.last().unwrap().plain_text() == "slow")
        .unwrap();
    // Enough of the end of the file is read that waiting messages don't crowd out history.
    assert!(prompt.messages.len() >= 12, "{}", prompt.messages.len());
}
