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
      hint: another program may use the port; see it with `ss -ltnp 'sport = :PORT'`, or choose one with --port
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
    // Nobody reads any more, so it ends by itself as soon as there is more to print.
    drop(lines);
    let ended = async {
        loop {
            drop(world.run(&["gateway", "restart"]).await.ok());
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
        }
    };
    assert_eq!(timeout(DEADLINE, ended).await.unwrap().code(), Some(0));
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
    assert!(ran.err.contains("nothing was changed"), "{ran:#?}");
    assert!(ran.err.contains("hint: "), "{ran:#?}");
    assert!(unit.contains("Type=notify\n"), "{unit}");
    assert!(unit.contains("RestartPreventExitStatus=78\n"), "{unit}");
    assert!(
        unit.contains(&format!("--state-dir \"{}\"", world.state().display())),
        "{unit}"
    );
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
