//! `openclaw chat`, through pipes and in a terminal.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::Child,
    time::timeout,
};

use crate::{
    model::{Step, last_user, pieces},
    run::{DEADLINE, finish},
    terminal::Terminal,
    world::World,
};

/// What Ctrl-C sends.
pub(crate) fn interrupt(child: &Child) {
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

#[tokio::test]
async fn every_line_of_a_pipe_is_a_message_and_a_gateway_is_started() {
    let world = World::two().await;
    let ran = world
        .run_with(
            &["chat", "steward"],
            "hello\n\n/session\n/switch alpha\nthere",
        )
        .await;
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "you said: hello\nagent:steward:main\nyou said: there\n"),
        "{ran:#?}"
    );
    let remarks = world.redact(&ran.err);
    insta::assert_snapshot!(remarks, @r"
    gateway started (pid PID); it goes on running after this chat, `openclaw gateway stop` stops it
    model: scripted/echo (it is configured)
    ");
    assert!(world.holder().is_some(), "the gateway goes on running");
    let entries = world.run(&["session", "get", "alpha", "main"]).await.ok();
    assert!(
        entries.starts_with("agent:alpha:main · 2 entries\n"),
        "{entries}"
    );
}

#[tokio::test]
async fn the_model_that_is_named_is_the_one_of_the_agent_talked_to() {
    let world = World::two().await;
    world.start().await;
    let set = ["agent", "config", "alpha", "set", "model", "scripted/other"];
    drop(world.run(&set).await.ok());
    let input = "/switch steward\n/switch alpha\n/switch alpha\n";
    let ran = world.run_with(&["chat", "alpha"], input).await;
    insta::assert_snapshot!(ran.err, @r"
    model: scripted/other (the one of alpha)
    model: scripted/echo (it is configured)
    model: scripted/other (the one of alpha)
    ");
    let row = world.run(&["agent", "status", "alpha"]).await.ok();
    assert!(row.contains("\nModel: scripted/other\n"), "{row}");
}

#[tokio::test]
async fn every_line_of_a_conversation_in_json_is_a_document() {
    let world = World::two().await;
    world.start().await;
    let input = "/agents\n/session\n/session b\n/switch alpha\n/abort\n/help\n/nonsense\nhi\n";
    let ran = world.run_with(&["chat", "steward", "--json"], input).await;
    assert_eq!(ran.code, 1, "{ran:#?}");
    let documents: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(documents.len(), 8, "{ran:#?}");
    assert_eq!(documents[0]["agents"][1]["id"], "alpha");
    assert_eq!(documents[1], json!({"agent": "steward", "session": "main"}));
    assert_eq!(documents[2], json!({"agent": "steward", "session": "b"}));
    assert_eq!(documents[3], json!({"agent": "alpha", "session": "b"}));
    assert_eq!(documents[4], json!({"stopped": false}));
    assert!(documents[5]["help"].as_str().unwrap().contains("/agents"));
    assert_eq!(documents[6]["error"]["exitCode"], 2);
    assert_eq!(documents[7]["text"], "you said: hi");
}

#[tokio::test]
async fn a_line_that_fails_is_named_and_the_rest_goes_on() {
    let world = World::with(json!({}), |request| match last_user(request).as_str() {
        "bad" => vec![Step::Refuse(
            400,
            json!({"error": {"message": "I will not"}}),
        )],
        text => pieces(&[text]),
    })
    .await;
    let ran = world
        .run_with(&["chat"], "one\nbad\n/nonsense\ntwo\n")
        .await;
    assert_eq!((ran.code, ran.out.as_str()), (1, "one\ntwo\n"), "{ran:#?}");
    assert!(ran.err.contains("I will not"), "{ran:#?}");
    assert!(ran.err.contains("no command /nonsense"), "{ran:#?}");
    assert!(ran.err.contains("error: 2 lines failed"), "{ran:#?}");
    let ran = world.run_with(&["chat", "--json"], "one\nbad\n").await;
    let lines: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(ran.code, 1);
    assert_eq!(
        (&lines[0]["text"], &lines[0]["model"]),
        (&json!("one"), &json!("scripted/echo"))
    );
    assert!(
        lines[1]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("I will not")
    );
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn an_unknown_agent_is_exit_code_4() {
    let world = World::two().await;
    let said = world.run(&["chat", "nobody"]).await.failed(4);
    assert!(said.contains("no agent `nobody`"), "{said}");
    drop(world.run(&["chat", "No body"]).await.failed(2));
}

#[tokio::test]
async fn pieces_are_printed_as_they_come() {
    let world = World::with(json!({}), |_request| {
        vec![
            Step::Piece("now".to_owned()),
            Step::Wait,
            Step::Piece(" and then".to_owned()),
        ]
    })
    .await;
    let mut child = world.spawn(&["chat"]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"go\n").await.unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0; 3];
    timeout(DEADLINE, out.read_exact(&mut first))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&first, b"now");
    world.model.open();
    drop(stdin);
    let mut rest = String::new();
    timeout(DEADLINE, out.read_to_string(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(rest, " and then\n");
}

#[tokio::test]
async fn ctrl_c_in_a_pipe_stops_the_answer_and_leaves() {
    let world = World::with(json!({}), |_request| {
        vec![Step::Piece("so".to_owned()), Step::Wait]
    })
    .await;
    let mut child = world.spawn(&["chat"]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"go\n").await.unwrap();
    let mut first = [0; 2];
    let out = child.stdout.as_mut().unwrap();
    timeout(DEADLINE, out.read_exact(&mut first))
        .await
        .unwrap()
        .unwrap();
    interrupt(&child);
    let output = timeout(DEADLINE, child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let entries = world
        .run(&["session", "get", "main", "main", "--json"])
        .await
        .json();
    let last = entries["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(last["kind"], "aborted");
    drop(stdin);
}

#[tokio::test]
async fn a_conversation_goes_on_after_the_gateway_was_started_anew() {
    let world = World::two().await;
    let mut child = world.spawn(&["chat", "steward"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut out = child.stdout.take().unwrap();
    stdin.write_all(b"one\n").await.unwrap();
    let mut first = vec![0; "you said: one\n".len()];
    timeout(DEADLINE, out.read_exact(&mut first))
        .await
        .unwrap()
        .unwrap();
    drop(world.run(&["gateway", "restart"]).await.ok());
    stdin.write_all(b"two\n").await.unwrap();
    drop(stdin);
    let mut rest = String::new();
    timeout(DEADLINE, out.read_to_string(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(rest, "you said: two\n");
    assert_eq!(
        timeout(DEADLINE, child.wait())
            .await
            .unwrap()
            .unwrap()
            .code(),
        Some(0)
    );
}

#[tokio::test]
async fn a_conversation_in_a_terminal() {
    let world = World::two().await;
    let mut terminal = Terminal::open(&world.command(&["chat", "steward"]));
    drop(terminal.see("gateway started").await);
    drop(terminal.see("steward> ").await);
    terminal.press("hello\r").await;
    drop(terminal.see("you said: hello").await);
    drop(terminal.see("steward> ").await);
    terminal.press("/agents\r").await;
    drop(terminal.see("alpha ").await);
    drop(terminal.see("steward> ").await);
    terminal.press("/switch alpha\r").await;
    drop(terminal.see("alpha> ").await);
    terminal.press("/session other\r").await;
    drop(terminal.see("alpha> ").await);
    terminal.press("/session\r").await;
    drop(terminal.see("agent:alpha:other").await);
    drop(terminal.see("alpha> ").await);
    terminal.press("/switch nobody\r").await;
    drop(terminal.see("no agent `nobody`").await);
    drop(terminal.see("alpha> ").await);
    terminal.press("/abort\r").await;
    drop(terminal.see("nothing was running").await);
    drop(terminal.see("alpha> ").await);
    terminal.press("\x04").await;
    assert_eq!(terminal.end().await, 0);

    let history = world.state().join("chat-history");
    assert_eq!(
        std::fs::metadata(&history).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // The next conversation, with the primary agent because none is named, knows what was typed in this one.
    let mut terminal = Terminal::open(&world.command(&["chat"]));
    drop(terminal.see("steward> ").await);
    terminal.press("\x1b[A").await;
    drop(terminal.see("/abort").await);
    terminal.press("\x03").await;
    drop(terminal.see("leaves").await);
    drop(terminal.see("steward> ").await);
    terminal.press("\x03").await;
    assert_eq!(terminal.end().await, 0);
}

#[tokio::test]
async fn lines_that_come_at_once_are_all_read_and_in_order() {
    let world = World::two().await;
    let mut terminal = Terminal::open(&world.command(&["chat", "steward"]));
    drop(terminal.see("steward> ").await);
    terminal
        .press("/session a\r/switch alpha\rhello\r/session\r/quit\r")
        .await;
    drop(terminal.see("you said: hello").await);
    drop(terminal.see("agent:alpha:a").await);
    assert_eq!(terminal.end().await, 0);
}

#[tokio::test]
async fn ctrl_c_in_a_terminal_stops_the_answer_and_not_the_program() {
    let world = World::with(json!({}), |request| match last_user(request).as_str() {
        "long" => vec![Step::Piece("once".to_owned()), Step::Wait],
        text => pieces(&["heard ", text]),
    })
    .await;
    let mut terminal = Terminal::open(&world.command(&["chat"]));
    drop(terminal.see("main> ").await);
    terminal.press("long\r").await;
    drop(terminal.see("once").await);
    terminal.press("\x03").await;
    drop(terminal.see("stopped").await);
    drop(terminal.see("main> ").await);
    terminal.press("again\r").await;
    drop(terminal.see("heard again").await);
    drop(terminal.see("main> ").await);
    terminal.press("/quit\r").await;
    assert_eq!(terminal.end().await, 0);
}

#[tokio::test]
async fn what_a_model_says_cannot_steer_the_terminal() {
    let world = World::with(json!({}), |_request| pieces(&["a\x1b]0;owned\x07", "b"])).await;
    let mut terminal = Terminal::open(&world.command(&["chat"]));
    drop(terminal.see("main> ").await);
    terminal.press("go\r").await;
    drop(terminal.see("a\u{fffd}]0;owned\u{fffd}b").await);
    drop(terminal.see("main> ").await);
    terminal.press("\x04").await;
    assert_eq!(terminal.end().await, 0);
}

#[tokio::test]
async fn whoever_waits_without_a_terminal_is_told_so() {
    let world = World::with(json!({}), |_request| {
        vec![Step::Wait, Step::Piece("at last".to_owned())]
    })
    .await;
    world.start().await;
    let mut child = world.spawn(&["agent", "send", "steward", "hi"]);
    let mut remarks = BufReader::new(child.stderr.take().unwrap()).lines();
    let remark = timeout(DEADLINE, remarks.next_line()).await.unwrap();
    let remark = remark.unwrap().unwrap();
    assert!(remark.starts_with("waiting for the model: "), "{remark}");
    world.model.open();
    let ran = finish(child, b"").await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "at last\n"));
}
