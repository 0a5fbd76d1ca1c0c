//! From a message to an answer.

use std::sync::Arc;

use openclaw_agents::{AgentState, Error, EventKind, FailureKind, Status};
use openclaw_models::{
    Chunk, Kind, Request,
    scripted::{Script, ScriptedProvider, Step},
};
use openclaw_sessions::{OriginKind, disk::sim};
use openclaw_tools::{Registry, files};
use openclaw_types::{Message, Part, Role, StopReason, ToolCall, Usage};
use serde_json::json;

use crate::harness::{Choices, World, advance, agent, named, run, session};

#[tokio::test(start_paused = true)]
async fn an_answer_is_on_disk_before_anyone_hears_of_its_end() {
    let provider = ScriptedProvider::answering("unused");
    provider.queue(Script::deltas(&["Hel", "lo."]));
    let world = World::new(provider);
    let accepted = world.send("steward", "r1").await;
    assert_eq!(
        (accepted.run, accepted.seq, accepted.position),
        (run("r1"), 1, 0)
    );
    let outcome = accepted.outcome.await;
    assert_eq!(outcome.status, Status::Done);
    assert_eq!(&*outcome.text, "Hello.");
    assert!(outcome.model.unwrap().starts_with("scripted/"));
    assert_eq!(outcome.usage.unwrap().input_tokens, 7);
    assert_eq!(outcome.entry.unwrap().seq, 2);

    let entries = world
        .store
        .tail(&agent("steward"), &session("main"), 10)
        .unwrap();
    assert_eq!(
        world.transcript("steward"),
        ["r1 user r1", "r1 assistant Hello."]
    );
    assert_eq!(
        entries[0].origin.as_ref().unwrap().kind,
        OriginKind::Operator
    );
    assert_eq!(
        entries[1].usage,
        Some(Usage {
            input_tokens: 7,
            output_tokens: 2,
            ..Usage::default()
        })
    );
    let words: Vec<&str> = world
        .events()
        .iter()
        .map(|event| match &event.kind {
            EventKind::EntryAppended { role, .. } => role.as_str(),
            EventKind::AgentState { now, .. } => now.as_str(),
            EventKind::RunStarted { .. } => "started",
            EventKind::Delta(_) => "delta",
            EventKind::RunEnded(_) => "ended",
            _ => "other",
        })
        .collect();
    assert_eq!(
        words,
        [
            "user",
            "busy",
            "started",
            "delta",
            "delta",
            "assistant",
            "ended",
            "idle"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_prompt_that_is_shown_is_the_prompt_that_is_sent() {
    let world = World::new(ScriptedProvider::answering("fine"));
    for text in ["one", "two"] {
        world.send("steward", text).await.outcome.await;
    }
    let view = world
        .agents
        .prompt(&agent("steward"), &session("main"), "three")
        .await
        .unwrap();
    world.send("steward", "three").await.outcome.await;
    let requests = world.provider.requests();
    assert_eq!(view.messages, requests[2].messages);
    let soul = std::fs::read_to_string(world.path("steward").join("SOUL.md")).unwrap();
    assert!(view.messages[0].plain_text().starts_with(soul.trim()));
    assert_eq!(
        view.messages[1..],
        [
            Message::text(Role::User, "one"),
            Message::text(Role::Assistant, "fine"),
            Message::text(Role::User, "two"),
            Message::text(Role::Assistant, "fine"),
            Message::text(Role::User, "three"),
        ]
    );
    let of_messages = view.parts.iter().filter(|(name, ..)| name != "tools");
    let bytes: usize = of_messages.map(|(_, bytes, _)| bytes).sum();
    let sent: usize = view.messages.iter().map(|m| m.plain_text().len()).sum();
    assert_eq!(bytes, sent);
    assert!(view.tokens > 0 && !view.exact && !view.tiny);
    assert_eq!(requests[2].tools.len(), requests[0].tools.len());
    assert_eq!(
        requests[2].conversation.as_deref(),
        Some("agent:steward:main")
    );
}

#[tokio::test(start_paused = true)]
async fn an_edited_soul_reaches_the_next_run() {
    let world = World::new(ScriptedProvider::answering("fine"));
    world.send("steward", "one").await.outcome.await;
    std::fs::write(
        world.path("steward").join("SOUL.md"),
        "# S\n\nYou are a lighthouse.",
    )
    .unwrap();
    world.send("steward", "two").await.outcome.await;
    let requests = world.provider.requests();
    let system = |at: usize| requests[at].messages[0].plain_text();
    assert!(!system(0).contains("lighthouse") && system(1).contains("lighthouse"));
}

#[tokio::test(start_paused = true)]
async fn a_model_failure_ends_the_run_on_disk_and_says_why() {
    let provider = ScriptedProvider::answering("unused");
    provider.queue(Script::new().text("par").then(Step::Fail(Kind::Overloaded)));
    let world = World::new(provider);
    let outcome = world.send("steward", "r1").await.outcome.await;
    let Status::Failed(failure) = outcome.status else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.kind, FailureKind::Model(Kind::Overloaded));
    assert_eq!(&*outcome.text, "par");
    assert!(outcome.entry.is_some());
    let lines = world.transcript("steward");
    assert_eq!(lines[0], "r1 user r1");
    assert!(
        lines[1].starts_with("r1 aborted failed: ") && lines.len() == 2,
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_long_by_itself_is_not_sent_into_a_new_session() {
    let provider = ScriptedProvider::answering("unused");
    let overflow = || Script::new().then(Step::Fail(Kind::ContextOverflow));
    provider.queue(overflow());
    provider.queue(Script::new().text("fine").end(Usage::default()));
    provider.queue(overflow());
    let world = World::new(provider);
    let mut hints = Vec::new();
    for (to, id) in [("alpha", "r1"), ("beta", "r2"), ("beta", "r3")] {
        let outcome = world.send(to, id).await.outcome.await;
        hints.push(match outcome.status {
            Status::Failed(failure) => failure.hint.unwrap_or_default(),
            status => status.as_str().to_owned(),
        });
    }
    assert_eq!(
        hints,
        [
            "the message itself is too long for this model: shorten it, or use a model with a larger window",
            "done",
            "",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_not_taken_for_whole() {
    let provider = ScriptedProvider::answering("unused");
    provider.queue(Script::new().text("half an ans"));
    let world = World::new(provider);
    let outcome = world.send("steward", "r1").await.outcome.await;
    assert!(matches!(outcome.status, Status::Failed(_)), "{outcome:?}");
    assert_eq!(&*outcome.text, "half an ans");
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_at_its_deadline() {
    let provider = ScriptedProvider::answering("unused");
    provider.queue(Script::new().text("so").then(Step::Hang));
    let world = World::with(
        provider,
        Choices {
            total_ms: 5_000,
            ..Choices::default()
        },
    );
    let accepted = world.send("steward", "r1").await;
    world.until_delta("r1").await;
    advance(5_001).await;
    let outcome = accepted.outcome.await;
    let Status::Failed(failure) = outcome.status else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.kind, FailureKind::Deadline);
    assert_eq!(&*outcome.text, "so");
    assert_eq!(
        world.transcript("steward")[1],
        "r1 aborted failed: the run took too long"
    );
}

fn called(id: &str, name: &str, arguments: serde_json::Value) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments,
    }
}

/// What a model was told of its calls: their ids, and whether they failed.
fn results(request: &Request) -> Vec<(String, bool)> {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let results = parts.filter_map(|part| match part {
        Part::ToolResult(result) => Some((result.call_id.clone(), result.is_error)),
        _ => None,
    });
    let mut results: Vec<_> = results.collect();
    results.sort();
    results
}

#[tokio::test(start_paused = true)]
async fn tools_are_offered_called_side_by_side_and_heard_in_the_next_step() {
    let mut tools = Registry::default();
    for tool in files::tools() {
        tools.register(tool).unwrap();
    }
    let provider = ScriptedProvider::answering("done");
    provider.queue(Script::calls(vec![
        called(
            "c1",
            "write",
            json!({"path": "plan.md", "content": "look first\n"}),
        ),
        called("c2", "read", json!({"path": "../alpha/SOUL.md"})),
        called("c3", "read", json!({"file": "plan.md"})),
    ]));
    provider.queue(Script::calls(vec![called(
        "c4",
        "read",
        json!({"path": "plan.md"}),
    )]));
    let mut steward = named("steward");
    steward.tools.deny = vec!["grep".to_owned()];
    let world = World::with(
        provider,
        Choices {
            agents: vec![steward],
            tools,
            ..Choices::default()
        },
    );
    let outcome = world.send("steward", "r1").await.outcome.await;
    assert_eq!((&*outcome.text, outcome.status), ("done", Status::Done));
    let requests = world.provider.requests();
    let offered: Vec<&str> = requests[0]
        .tools
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    let files = ["read", "write", "edit", "apply_patch", "list"];
    let others = [
        "agents_list",
        "message",
        "message_status",
        "sessions_list",
        "sessions_history",
    ];
    assert_eq!(offered, [files, others].concat());
    let first =
        [("c1", false), ("c2", true), ("c3", true)].map(|(id, is_error)| (id.to_owned(), is_error));
    assert_eq!(results(&requests[1]), first);
    assert_eq!(results(&requests[2])[3], ("c4".to_owned(), false));
    let path = world.path("steward").join("plan.md");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "look first\n");
    assert!(
        world
            .transcript("steward")
            .iter()
            .any(|line| line.contains("1\tlook first"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_was_made_up_is_refused_and_the_model_may_answer_without() {
    let call = ToolCall {
        id: "c1".to_owned(),
        name: "launch".to_owned(),
        arguments: serde_json::json!({}),
    };
    let provider = ScriptedProvider::answering("without");
    provider.queue(Script::calls(vec![call.clone()]));
    let world = World::new(provider);
    let outcome = world.send("steward", "r1").await.outcome.await;
    assert_eq!((&*outcome.text, outcome.status), ("without", Status::Done));
    assert_eq!(
        world.transcript("steward"),
        [
            "r1 user r1",
            "r1 assistant ",
            "r1 toolResult there is no tool `launch`",
            "r1 assistant without",
        ]
    );
    assert_eq!(world.provider.requests()[1].messages.len(), 4);

    let world = World::with(
        ScriptedProvider::new(move |_| Script::calls(vec![call.clone()])),
        Choices {
            steps_max: 3,
            ..Choices::default()
        },
    );
    let outcome = world.send("steward", "r1").await.outcome.await;
    let Status::Failed(failure) = outcome.status else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.kind, FailureKind::Steps);
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_failure() {
    let provider = ScriptedProvider::answering("unused");
    provider.queue(Script::new().say(Chunk::Stop(StopReason::Stop)));
    let world = World::new(provider);
    let outcome = world.send("steward", "r1").await.outcome.await;
    let Status::Failed(failure) = outcome.status else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.kind, FailureKind::NoAnswer);
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_one_run_and_not_its_lane() {
    let provider = ScriptedProvider::new(|request| {
        let said = request.messages.last().unwrap().plain_text();
        assert_ne!(said, "r1", "a provider with a bug");
        Script::answer("fine")
    });
    let world = World::new(provider);
    let outcome = world.send("steward", "r1").await.outcome.await;
    let Status::Failed(failure) = outcome.status else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.kind, FailureKind::Internal);
    assert!(outcome.entry.is_some());
    let outcome = world.send("steward", "r2").await.outcome.await;
    assert_eq!(outcome.status, Status::Done);
    assert_eq!(
        world.agents.status(&agent("steward")).unwrap().state,
        AgentState::Idle
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_disk_refuses_is_a_failure_and_the_lane_goes_on() {
    let gate = openclaw_models::scripted::Gate::new();
    let provider = ScriptedProvider::answering("fine");
    provider.queue(
        Script::new()
            .text("a")
            .then(Step::WaitFor(gate.clone()))
            .end(Usage::default()),
    );
    let world = World::new(provider);
    let accepted = world.send("steward", "r1").await;
    world.until_delta("r1").await;
    world.disk.fail(&[sim::Fault {
        call: sim::Call::Datasync,
        nth: 1,
        times: 1,
        failure: sim::Failure::Error(std::io::ErrorKind::Other),
    }]);
    gate.open(1);
    let outcome = accepted.outcome.await;
    let Status::Failed(failure) = outcome.status else {
        panic!("{outcome:?}");
    };
    assert_eq!((failure.kind, outcome.entry), (FailureKind::Storage, None));
    let outcome = world.send("steward", "r2").await.outcome.await;
    assert_eq!(outcome.status, Status::Done);
}

#[tokio::test(start_paused = true)]
async fn messages_that_can_have_no_run_are_refused_before_anything_is_written() {
    let world = World::new(ScriptedProvider::answering("fine"));
    let refused = world.agents.submit(world.inbound("nobody", "hi")).await;
    assert!(matches!(refused, Err(Error::UnknownAgent { .. })));
    let refused = world.agents.submit(world.inbound("steward", " \n")).await;
    assert!(matches!(refused, Err(Error::EmptyMessage)));
    let accepted = world.send("steward", "r1").await;
    let again = world
        .try_send("steward", "r1", openclaw_types::Priority::Normal)
        .await;
    assert!(matches!(again, Err(Error::DuplicateRun { .. })));
    accepted.outcome.await;
    assert_eq!(world.transcript("steward").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_leaves_takes_nothing_back() {
    let world = World::new(ScriptedProvider::answering("fine"));
    let mut message = world.inbound("steward", "hello");
    message.run = Some(run("r1"));
    drop(world.agents.submit(message));
    assert_eq!(world.outcome("r1").await.status, Status::Done);
    assert_eq!(
        world.transcript("steward"),
        ["r1 user hello", "r1 assistant fine"]
    );
}

#[tokio::test(start_paused = true)]
async fn two_agents_or_thirteen_run_side_by_side() {
    for count in [2, 13] {
        let agents: Vec<_> = (0..count).map(|n| named(&format!("agent-{n}"))).collect();
        let world = World::with(
            ScriptedProvider::answering("fine"),
            Choices {
                agents,
                ..Choices::default()
            },
        );
        let mut outcomes = Vec::new();
        for n in 0..count {
            let sent = world.send(&format!("agent-{n}"), &format!("r{n}")).await;
            outcomes.push(sent.outcome);
        }
        for outcome in outcomes {
            assert_eq!(outcome.await.status, Status::Done);
        }
        assert_eq!(world.agents.list().len(), count);
        assert!(Arc::strong_count(&world.home) > 0);
    }
}
