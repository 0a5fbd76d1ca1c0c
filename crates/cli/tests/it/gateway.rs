//! `openclaw gateway run|start|stop|restart|logs|token|reinstall`.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use rustix::process::Signal;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    time::timeout,
};

use crate::{
    run::{DEADLINE, finish},
    world::World,
};

#[tokio::test]
async fn a_gateway_starts_once_in_the_background_and_stops() {
    let world = World::two().await;
    let said = world.run(&["gateway", "start"]).await.ok();
    insta::assert_snapshot!(world.redact(&said), @r"
    gateway started on 127.0.0.1:PORT (pid PID); log: ~/.openclaw/logs/gateway.log
    ");
    let pid = world.holder().unwrap().pid;
    let again = world.run(&["gateway", "start"]).await.ok();
    insta::assert_snapshot!(world.redact(&again), @r"
    a gateway runs already on 127.0.0.1:PORT (pid PID)
    ");
    let again = world.run(&["gateway", "start", "--json"]).await.json();
    assert_eq!(
        (&again["started"], &again["pid"]),
        (&json!(false), &json!(pid))
    );
    let stopped = world.run(&["gateway", "stop"]).await.ok();
    insta::assert_snapshot!(world.redact(&stopped), @r"
    gateway stopped (pid PID)
    ");
    assert!(world.holder().is_none());
    let said = world.run(&["gateway", "stop"]).await.failed(3);
    insta::assert_snapshot!(world.redact(&said), @r"
    error: no gateway is running for ~/.openclaw
    hint: start one with `openclaw gateway start`
    ");
}

#[tokio::test]
async fn a_gateway_in_the_background_has_left_the_terminals_session() {
    let world = World::two().await;
    world.start().await;
    let pid = world.holder().unwrap().pid;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    assert_eq!(fields[3], pid.to_string(), "its session is its own");
    assert_eq!(fields[4], "0", "it has no terminal");
    let log = world.state().join("logs/gateway.log");
    assert_eq!(
        fs::metadata(log).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[tokio::test]
async fn starts_at_once_make_one_gateway() {
    let world = World::two().await;
    let starts = [(); 4].map(|()| world.run(&["gateway", "start", "--json"]));
    let ran = futures_util::future::join_all(starts).await;
    let pid = world.holder().unwrap().pid;
    for ran in ran {
        assert_eq!(ran.code, 0, "{ran:#?}");
        assert_eq!(ran.json()["pid"], pid, "{ran:#?}");
    }
    // One that came too late does not wait for its turn.
    let home = format!("HOME={}\0", world.home().display());
    let here = fs::read_dir("/proc").unwrap().filter(|entry| {
        let environment = fs::read(entry.as_ref().unwrap().path().join("environ"));
        environment.is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(&home))
    });
    assert_eq!(here.count(), 1);
}

#[tokio::test]
async fn a_restart_is_another_process() {
    let world = World::two().await;
    world.start().await;
    let before = world.holder().unwrap();
    let restarted = world.run(&["gateway", "restart"]).await;
    assert_eq!(restarted.code, 0, "{restarted:#?}");
    assert_ne!(world.holder().unwrap().instance, before.instance);
    // One that does not run is simply started.
    drop(world.run(&["gateway", "stop"]).await.ok());
    drop(world.run(&["gateway", "restart"]).await.ok());
    assert!(world.holder().is_some());
}

#[tokio::test]
async fn what_cannot_start_again_is_not_stopped() {
    let world = World::two().await;
    world.start().await;
    let before = world.holder().unwrap();
    world.configure("{");
    drop(world.run(&["gateway", "restart"]).await.failed(78));
    assert_eq!(world.holder(), Some(before));
}

/// A port that was free a moment ago.
async fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[tokio::test]
async fn a_restart_keeps_the_flags_of_the_start_and_reads_the_file_anew() {
    let world = World::two().await;
    let other = world.home().join("other.json");
    let text = fs::read_to_string(world.state().join("openclaw.json")).unwrap();
    fs::write(&other, &text).unwrap();
    // Whoever passes the flag over would come to one that forbids a start.
    world.configure("{");
    let (first, second) = (free_port().await, free_port().await);
    let arguments = [
        "gateway",
        "start",
        "--config",
        "other.json",
        "--port",
        &first,
    ];
    drop(world.run(&arguments).await.ok());
    let before = world.holder().unwrap();
    fs::write(&other, text.replace("alpha", "beta")).unwrap();

    let ran = world.run(&["gateway", "restart"]).await;
    assert_eq!(ran.code, 0, "{ran:#?}");
    let said = world.redact(&ran.err).replace(&first, "FIRST");
    insta::assert_snapshot!(said, @r"
    as before: --config ~/other.json --port FIRST
    gateway stopped (pid PID)
    ");
    let after = world.holder().unwrap();
    assert_ne!(after.instance, before.instance);
    assert_eq!(
        (&after.address, &after.flags),
        (&before.address, &before.flags)
    );
    let agents = world.run(&["agent", "list"]).await.ok();
    assert!(agents.contains("\nbeta "), "{agents}");

    let ran = world.run(&["gateway", "restart", "--port", &second]).await;
    assert_eq!(ran.code, 0, "{ran:#?}");
    let said = ran.err.replace(&first, "FIRST").replace(&second, "SECOND");
    insta::assert_snapshot!(world.redact(&said), @r"
    --port was FIRST, is now SECOND
    as before: --config ~/other.json
    gateway stopped (pid PID)
    ");
    let address = world.holder().unwrap().address.unwrap();
    assert_eq!(address, format!("127.0.0.1:{second}"));
}

#[tokio::test]
async fn what_could_not_listen_is_no_reason_to_stop() {
    let world = World::two().await;
    world.start().await;
    let before = world.holder();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = world.run(&["gateway", "restart", "--port", &port]).await;
    let said = world.redact(&refused.failed(1)).replace(&port, "PORT");
    insta::assert_snapshot!(said, @r"
    error: the gateway was not stopped, because the new one could not listen on 127.0.0.1:PORT: Address already in use (os error 98)
    hint: choose another with --port or --bind
    ");
    // An address of a network made for documentation is not ours.
    let refused = world
        .run(&["gateway", "restart", "--bind", "192.0.2.1"])
        .await;
    assert_ne!(refused.code, 0, "{refused:#?}");
    assert_eq!(world.holder(), before);
}

#[tokio::test]
async fn whoever_is_left_without_a_gateway_after_all_is_told_so() {
    let world = World::two().await;
    world.start().await;
    let agents = world.state().join("agents");
    fs::rename(&agents, world.state().join("elsewhere")).unwrap();
    fs::write(&agents, "no directory").unwrap();
    let said = world.run(&["gateway", "restart"]).await.failed(1);
    let told = "; the gateway that ran before is stopped\n";
    assert!(said.ends_with(told), "{said}");
    assert!(world.holder().is_none());
}

#[tokio::test]
async fn a_start_that_asks_for_another_gateway_than_the_running_one_fails() {
    let world = World::two().await;
    world.start().await;
    let before = world.holder();
    let port = before.clone().unwrap().address.unwrap();
    let port = port.rsplit_once(':').unwrap().1;
    let file = world.state().join("openclaw.json").display().to_string();
    for same in [
        ["--port", "0"],
        ["--port", port],
        ["--bind", "127.0.0.1"],
        ["--config", &file],
    ] {
        let arguments = [&["gateway", "start"][..], &same[..]].concat();
        drop(world.run(&arguments).await.ok());
    }
    fs::write(world.home().join("other.json"), "{}").unwrap();
    let arguments = [
        "gateway",
        "start",
        "--port",
        "9",
        "--bind",
        "::1",
        "--config",
        "other.json",
    ];
    let said = world.run(&arguments).await.failed(1);
    insta::assert_snapshot!(world.redact(&said), @r"
    error: a gateway runs already on 127.0.0.1:PORT with ~/.openclaw/openclaw.json (pid PID), so this was not done: --config ~/other.json --port 9 --bind ::1
    hint: `openclaw --config other.json gateway restart --port 9 --bind ::1` stops it and starts it so
    ");
    assert_eq!(world.holder(), before);
}

#[tokio::test]
async fn the_commands_of_hints_mean_the_same_place() {
    let world = World::two().await;
    fs::write(world.home().join("odd name.json"), "{").unwrap();
    let arguments = [
        "gateway",
        "start",
        "--config",
        "odd name.json",
        "--state-dir",
        "s",
    ];
    let said = world.run(&arguments).await.failed(78);
    assert!(
        said.contains(
            "`openclaw --state-dir s --config 'odd name.json' gateway validate` checks again"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn a_broken_configuration_keeps_nobody_from_looking_and_stopping() {
    let world = World::two().await;
    world.start().await;
    world.configure("{");
    let looked = world.run(&["gateway", "status"]).await;
    assert_eq!(looked.code, 0, "{looked:#?}");
    assert!(looked.out.starts_with("Gateway: Running\n"), "{looked:#?}");
    assert!(looked.err.contains("the file ends here"), "{looked:#?}");
    drop(world.run(&["gateway", "logs"]).await.ok());
    drop(world.run(&["gateway", "stop"]).await.ok());
    let looked = world.run(&["gateway", "status"]).await;
    assert_eq!(looked.code, 78, "{looked:#?}");
    assert!(
        looked
            .out
            .contains("Cause: the configuration forbids a start")
    );
}

#[tokio::test]
async fn a_gateway_in_the_foreground_runs_until_it_gets_a_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let world = World::two().await;
        let mut child = world.spawn(&["gateway", "run"]);
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.starts_with("listening on 127.0.0.1:") {
                    return;
                }
            }
            panic!("it ended");
        };
        timeout(DEADLINE, listening).await.unwrap();
        world.signal(signal);
        assert_eq!(
            timeout(DEADLINE, child.wait())
                .await
                .unwrap()
                .unwrap()
                .code(),
            Some(0)
        );
        assert!(world.holder().is_none());
    }
}

#[tokio::test]
async fn a_gateway_that_does_not_listen_gets_a_signal() {
    let world = World::two().await;
    world.start().await;
    // With another token the request is refused; the lock says whom to signal.
    fs::write(world.state().join("token"), "0".repeat(64)).unwrap();
    let ran = world.run(&["gateway", "stop"]).await;
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.err.contains("sending SIGTERM"), "{ran:#?}");
    assert!(world.holder().is_none());
}

#[tokio::test]
async fn a_second_gateway_is_refused_and_told_who_runs() {
    let world = World::two().await;
    world.start().await;
    let said = world.run(&["gateway", "run"]).await.failed(1);
    insta::assert_snapshot!(world.redact(&said), @r"
    error: take the lock of the state directory: another gateway holds ~/.openclaw/gateway.lock (pid PID)
    hint: `openclaw gateway status` shows it, `openclaw gateway stop` stops it
    ");
}

#[tokio::test]
async fn a_start_that_fails_shows_the_cause_and_nothing_older() {
    let world = World::two().await;
    world.start().await;
    drop(world.run(&["gateway", "stop"]).await.ok());
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = world
        .run(&["gateway", "start", "--port", &port])
        .await
        .failed(1);
    let said = world.redact(&said).replace(&port, "PORT");
    insta::assert_snapshot!(said, @r"
      error: listen on 127.0.0.1:PORT: Address already in use (os error 98)
      hint: another program may use the port; see it with `ss -ltnp 'sport = :PORT'`, or choose another with `openclaw gateway start --port PORT`, or OPENCLAW_GATEWAY_PORT
    error: the gateway did not start, it ended with code 1: listen on 127.0.0.1:PORT: Address already in use (os error 98)
    hint: the lines above are the end of ~/.openclaw/logs/gateway.log
    ");
}

#[tokio::test]
async fn logs_are_printed_from_the_end_and_followed() {
    let world = World::two().await;
    let said = world.run(&["gateway", "logs"]).await.failed(4);
    assert!(said.contains("journalctl"), "{said}");
    world.start().await;
    let one = world.run(&["gateway", "logs", "-n", "1"]).await.ok();
    assert_eq!(one.lines().count(), 1);
    let mut child = world.spawn(&["gateway", "logs", "-n", "0", "-f"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // What was there before the follower looked is not added, so it is asked to write until something is seen.
    let followed = async {
        loop {
            drop(world.run(&["gateway", "restart"]).await.ok());
            if let Ok(line) = timeout(Duration::from_millis(600), lines.next_line()).await {
                return line.unwrap();
            }
        }
    };
    assert!(timeout(DEADLINE, followed).await.unwrap().is_some());
    // Nobody reads any more, so it ends by itself, whether there is more to print or not.
    drop(lines);
    let ended = timeout(DEADLINE, child.wait()).await.unwrap();
    assert_eq!(ended.unwrap().code(), Some(0));
}

#[tokio::test]
async fn logs_in_json_are_one_document_or_one_a_line_where_there_is_no_end() {
    let world = World::two().await;
    world.start().await;
    let whole = world.run(&["gateway", "logs", "--json"]).await.json();
    assert!(!whole["lines"].as_array().unwrap().is_empty(), "{whole}");
    let mut child = world.spawn(&["gateway", "logs", "--json", "-f"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(DEADLINE, lines.next_line()).await.unwrap();
    let line: serde_json::Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
    assert_eq!(line["line"], whole["lines"][0]);
}

#[tokio::test]
async fn a_failure_in_json_is_printed_once_with_the_problems_that_caused_it() {
    let world = World::two().await;
    world.configure("{");
    for line in ["gateway start", "agent list", "init", "chat"] {
        let arguments: Vec<&str> = line.split(' ').chain(["--json"]).collect();
        let ran = world.run(&arguments).await;
        assert_eq!((ran.code, ran.err.as_str()), (78, ""), "{line}: {ran:#?}");
        let error = &ran.json()["error"];
        assert_eq!(error["exitCode"], 78, "{line}");
        assert_eq!(error["problems"][0]["severity"], "fatal", "{line}");
    }
}

#[tokio::test]
async fn the_token_is_made_once_and_is_the_gateways() {
    let world = World::two().await;
    let token = world.run(&["gateway", "token"]).await.ok();
    assert_eq!(token.trim().len(), 64);
    assert_eq!(world.run(&["gateway", "token"]).await.ok(), token);
    let shown = world.run(&["gateway", "token", "--json"]).await.json();
    assert_eq!(shown["token"], token.trim());
    world.start().await;
    assert_eq!(
        fs::read_to_string(world.state().join("token"))
            .unwrap()
            .trim(),
        token.trim()
    );
}

#[tokio::test]
async fn reinstall_shows_the_unit_and_changes_nothing() {
    let world = World::two().await;
    let ran = world.run(&["gateway", "reinstall", "--json"]).await;
    assert_eq!(ran.code, 1, "{ran:#?}");
    let unit = ran.json()["unit"].as_str().unwrap().to_owned();
    assert_eq!(ran.err, "");
    let error = ran.json()["error"].to_string();
    assert!(error.contains("nothing was changed"), "{error}");
    assert!(ran.json()["hint"].is_string());
    assert!(unit.contains("Type=notify\n"), "{unit}");
    assert!(unit.contains("RestartPreventExitStatus=78\n"), "{unit}");
    let place = format!("--state-dir {} gateway run\n", world.state().display());
    assert!(unit.contains(&place), "{unit}");
    let arguments = [
        "gateway",
        "reinstall",
        "--json",
        "--config",
        "c.json",
        "--port",
        "7",
    ];
    fs::write(world.home().join("c.json"), "{}").unwrap();
    let unit = world.run(&arguments).await.json()["unit"].to_string();
    let config = world.home().join("c.json");
    let told = format!("--config {} gateway run --port 7\\n", config.display());
    assert!(unit.contains(&told), "{unit}");
}

#[tokio::test]
async fn a_reader_that_leaves_is_no_error() {
    let world = World::two().await;
    world.start().await;
    for line in [
        "--help",
        "agent list",
        "agent list --json",
        "agent send steward hi",
        "gateway status",
        "models list",
        "session get steward main",
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let mut child = world.spawn(&arguments);
        drop(child.stdout.take());
        let ran = finish(child, b"").await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}");
    }
}
