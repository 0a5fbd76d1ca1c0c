//! Agents that speak to each other with tools.

use openclaw_agents::{AgentState, Status};
use openclaw_models::{
    Request,
    scripted::{Script, ScriptedProvider, Step},
};
use openclaw_types::{Part, ToolCall};
use serde_json::{Value, json};

use crate::harness::{Choices, World, agent, named, run, session};

fn called(name: &str, arguments: Value) -> Script {
    Script::calls(vec![ToolCall {
        id: "c".to_owned(),
        name: name.to_owned(),
        arguments,
    }])
}

/// The last thing that a model was told: a message, or what a tool said.
fn heard(request: &Request) -> String {
    let last = request.messages.last().unwrap();
    last.parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::ToolResult(result) if result.is_error => format!("error: {}", result.content),
            Part::ToolResult(result) => format!("tool: {}", result.content),
            other => format!("{other:?}"),
        })
        .collect()
}

/// A world in which each agent's answer depends on what it hears.
fn world(answer: impl Fn(&str) -> Script + Send + Sync + 'static) -> World {
    World::new(ScriptedProvider::new(move |request| {
        answer(&heard(request))
    }))
}

fn said(world: &World, of: &str, in_session: &str) -> Vec<String> {
    let entries = world
        .store
        .tail(&agent(of), &session(in_session), 100)
        .unwrap();
    entries.iter().map(|entry| entry.content.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_agent_asks_another_and_uses_its_answer() {
    let world = world(|heard| match heard {
        "ask" => called("message", json!({"to": "alpha", "text": "how many?"})),
        "Message from the agent `steward`:\nhow many?" => Script::answer("three"),
        "tool: three" => Script::answer("alpha says three"),
        other => Script::answer(other),
    });
    let outcome = world.send("steward", "ask").await.outcome.await;
    assert_eq!(
        (&*outcome.text, outcome.status),
        ("alpha says three", Status::Done)
    );
    assert_eq!(
        said(&world, "alpha", "from-steward"),
        ["Message from the agent `steward`:\nhow many?", "three"]
    );
    // Who asked is kept with the message.
    let entries = world
        .store
        .tail(&agent("alpha"), &session("from-steward"), 1_00)
        .unwrap();
    assert_eq!(
        entries[0].origin.as_ref().unwrap().id.as_deref(),
        Some("steward")
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_for_ever() {
    // Each one asks the next; the one that is asked last would ask the first.
    let world = world(|heard| match heard {
        "ask" => called("message", json!({"to": "alpha", "text": "1"})),
        heard if heard.ends_with("`steward`:\n1") => {
            called("message", json!({"to": "beta", "text": "2"}))
        }
        heard if heard.ends_with("`alpha`:\n2") => {
            called("message", json!({"to": "steward", "text": "3"}))
        }
        heard => Script::answer(heard),
    });
    let outcome = world.send("steward", "ask").await.outcome.await;
    assert_eq!(
        &*outcome.text,
        "tool: tool: error: denied: what you say now is for `steward`, or for somebody it asked; put it into your answer"
    );
}

#[tokio::test(start_paused = true)]
async fn a_row_of_messages_has_an_end() {
    let names = ["a0", "a1", "a2", "a3", "a4", "a5", "a6"];
    let provider = ScriptedProvider::new(|request: &Request| {
        let heard = heard(request);
        if heard.starts_with("error") || heard.starts_with("tool") {
            return Script::answer(&heard);
        }
        let depth: usize = heard.rsplit('\n').next().unwrap().parse().unwrap();
        let next = depth + 1;
        called(
            "message",
            json!({"to": format!("a{next}"), "text": next.to_string()}),
        )
    });
    let world = World::with(
        provider,
        Choices {
            agents: names.map(named).to_vec(),
            ..Choices::default()
        },
    );
    let outcome = world.send("a0", "0").await.outcome.await;
    assert!(
        outcome.text.ends_with(
            "error: denied: this is said for the sake of 5 messages in a row already; answer what you were asked, \
             with what you know"
        ),
        "{}",
        outcome.text
    );
    assert_eq!(said(&world, "a5", "from-a4").len(), 4);
    assert!(said(&world, "a6", "from-a5").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_waited_for_is_durable_and_can_be_asked_about() {
    let world = world(|heard| match heard {
        "tell" => called(
            "message",
            json!({"to": "alpha", "text": "note this", "wait": false}),
        ),
        heard if heard.starts_with("tool: `alpha` has it, as ") => {
            let run = heard["tool: `alpha` has it, as ".len()..]
                .split(';')
                .next()
                .unwrap();
            Script::answer(run)
        }
        heard if heard.starts_with("Message from") => Script::answer("noted"),
        heard if heard.starts_with("look ") => {
            called("message_status", json!({"run": &heard["look ".len()..]}))
        }
        heard => Script::answer(heard),
    });
    let outcome = world.send("steward", "tell").await.outcome.await;
    let message = outcome.text.to_string();
    assert_eq!(&*world.outcome(&message).await.text, "noted");
    let inbound = world.inbound("steward", &format!("look {message}"));
    let asked = world.agents.submit(inbound).await.unwrap().outcome.await;
    assert_eq!(&*asked.text, "tool: noted");
    let inbound = world.inbound("steward", "look nobody");
    let asked = world.agents.submit(inbound).await.unwrap().outcome.await;
    assert!(
        asked
            .text
            .starts_with("error: the run `nobody` does not exist"),
        "{}",
        asked.text
    );
}

#[tokio::test(start_paused = true)]
async fn everybody_else_is_told_at_once() {
    let world = world(|heard| match heard {
        "all" => called("message", json!({"to": "all", "text": "stop"})),
        heard => Script::answer(heard),
    });
    let outcome = world.send("steward", "all").await.outcome.await;
    let lines: Vec<&str> = outcome.text.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, id) in lines.iter().zip(["tool: alpha", "beta", "charlie"]) {
        assert!(line.starts_with(&format!("{id}: accepted as ")), "{line}");
    }
    for id in ["alpha", "beta", "charlie"] {
        assert_eq!(
            said(&world, id, "from-steward")[0],
            "Message from the agent `steward`:\nstop"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_sent_says_why() {
    let world = world(|heard| {
        let to = heard.strip_prefix("to ");
        to.map_or_else(
            || Script::answer(heard),
            |to| called("message", json!({"to": to, "text": "hi"})),
        )
    });
    for (id, said) in [
        (
            "to nobody",
            "error: the agent `nobody` does not exist; there are `steward`, `alpha`, `beta`, `charlie`",
        ),
        (
            "to steward",
            "error: the arguments are wrong at `/to`: that is you",
        ),
    ] {
        let inbound = world.inbound("steward", id);
        let outcome = world.agents.submit(inbound).await.unwrap().outcome.await;
        assert_eq!(&*outcome.text, said);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_stopped_takes_those_along_whom_it_waits_for() {
    let world = world(|heard| match heard {
        "ask" => called("message", json!({"to": "alpha", "text": "think"})),
        heard if heard.starts_with("Message from") => Script::new().then(Step::Hang),
        heard => Script::answer(heard),
    });
    let accepted = world.send("steward", "ask").await;
    world
        .until(|events| {
            events.iter().any(|event| {
                event.agent == agent("alpha")
                    && matches!(event.kind, openclaw_agents::EventKind::RunStarted { .. })
            })
        })
        .await;
    let stopped = world
        .agents
        .abort(&agent("steward"), &session("main"), Some(&run("ask")));
    assert_eq!(stopped, [run("ask")]);
    assert_eq!(accepted.outcome.await.status, Status::Aborted);
    world
        .until(|events| {
            events.iter().any(|event| {
                event.agent == agent("alpha")
                    && matches!(&event.kind, openclaw_agents::EventKind::AgentState { now, .. } if *now == AgentState::Idle)
            })
        })
        .await;
    assert_eq!(
        said(&world, "alpha", "from-steward").last().unwrap(),
        "stopped on request"
    );
}

#[tokio::test(start_paused = true)]
async fn an_agent_sees_who_is_here_and_its_own_conversations_only() {
    let world = world(|heard| {
        let call = heard.split_once(' ').filter(|(verb, _)| *verb == "call");
        match call {
            Some((_, "history")) => {
                called("sessions_history", json!({"session": "main", "limit": 2}))
            }
            Some((_, "other")) => called("sessions_history", json!({"session": "from-beta"})),
            Some((_, name)) => called(name, json!({})),
            None => Script::answer(heard),
        }
    });
    let asked = async |text: &str| {
        let inbound = world.inbound("steward", text);
        world
            .agents
            .submit(inbound)
            .await
            .unwrap()
            .outcome
            .await
            .text
            .to_string()
    };
    let who = asked("call agents_list").await;
    assert!(
        who.starts_with("tool: steward (you): agent, busy\nalpha: agent, idle\n"),
        "{who}"
    );
    let list = asked("call sessions_list").await;
    assert!(
        list.starts_with("tool: main: ") && list.lines().count() == 1,
        "{list}"
    );
    let history = asked("call history").await;
    assert!(history.contains("user: call history"), "{history}");
    let other = asked("call other").await;
    assert!(
        other.starts_with("error: your conversation `from-beta` does not exist"),
        "{other}"
    );
}
