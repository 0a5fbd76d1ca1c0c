//! `openclaw gateway status`, with a gateway and without, and what other reading commands print as JSON.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Duration,
};

use rustix::process::Signal;
use serde_json::json;
use tokio::{net::TcpListener, process::Command, time::timeout};

use crate::{
    run::{DEADLINE, finish, spawn},
    world::World,
};

#[tokio::test]
async fn the_status_of_a_running_gateway_has_the_known_lines() {
    let world = World::twelve().await;
    world.start().await;
    drop(world.run(&["models", "probe"]).await.ok());
    let said = world.run(&["gateway", "status"]).await.ok();
    insta::assert_snapshot!("status", world.redact(&said));
    assert_eq!(
        world.redact(&world.run(&["status"]).await.ok()),
        world.redact(&said)
    );
    let shown = world.run(&["gateway", "status", "--json"]).await.json();
    assert_eq!(shown["agents"]["configured"], 12);
    assert_eq!(shown["gateway"]["pid"], world.holder().unwrap().pid);
    let deep = world.run(&["gateway", "status", "--deep"]).await.ok();
    assert!(deep.contains("\nCheck provider scripted ("), "{deep}");
    assert_eq!(deep.matches("\nCheck workspace ").count(), 12, "{deep}");
}

#[tokio::test]
async fn a_neighbour_that_is_not_there_fails_the_deep_status_only() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let redis = json!({"redis": {"url": format!("redis://127.0.0.1:{port}")}});
    let world = World::with(json!({"memory": redis}), |_request| Vec::new()).await;
    let offline = world.run(&["gateway", "status", "--deep"]).await;
    assert_eq!(offline.code, 3, "{offline:#?}");
    assert!(offline.out.contains("Check redis"), "{offline:#?}");
    assert!(offline.out.contains("FAILED"), "{offline:#?}");
    world.start().await;
    drop(world.run(&["gateway", "status"]).await.ok());
    let deep = world.run(&["gateway", "status", "--deep", "--json"]).await;
    assert_eq!(deep.code, 1, "{deep:#?}");
    let probes = deep.json()["probes"].as_array().unwrap().clone();
    let redis = probes.iter().find(|probe| probe["name"] == "redis");
    assert_eq!(redis.unwrap()["ok"], false);
}

#[tokio::test]
async fn the_status_without_a_gateway_says_why_and_what_next() {
    let world = World::two().await;
    let never = world.run(&["gateway", "status"]).await;
    assert_eq!(never.code, 3);
    insta::assert_snapshot!(world.redact(&format!("{}{}", never.out, never.err)), @r"
    Gateway: Stopped
    Workspace: ~/.openclaw
    Cause: no gateway was ever started here
    error: no gateway is running for ~/.openclaw
    hint: start one with `openclaw gateway start`
    ");

    world.start().await;
    drop(world.run(&["gateway", "stop"]).await.ok());
    let stopped = world.run(&["gateway", "status"]).await.out;
    assert!(stopped.trim_end().ends_with("was stopped"), "{stopped}");

    world.start().await;
    world.signal(Signal::KILL);
    let gone = async {
        while world.holder().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, gone).await.unwrap();
    let killed = world.run(&["gateway", "status", "--json"]).await;
    assert_eq!(killed.code, 3);
    let shown = killed.json();
    assert_eq!(shown["running"], false);
    let cause = shown["cause"].as_array().unwrap();
    assert!(
        cause[0]
            .as_str()
            .unwrap()
            .contains("without stopping in order")
    );
    assert!(cause.len() > 1, "the log's end follows: {cause:?}");
}

#[tokio::test]
async fn the_status_has_the_same_keys_whether_a_gateway_runs_or_not() {
    let world = World::two().await;
    let stopped = world.run(&["status", "--json"]).await.json();
    world.start().await;
    let running = world.run(&["status", "--json"]).await.json();
    world.configure("{");
    drop(world.run(&["gateway", "stop"]).await.ok());
    let broken = world.run(&["status", "--json"]).await.json();
    let keys = |shown: &serde_json::Value| -> Vec<String> {
        shown.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&stopped), keys(&running));
    assert_eq!(keys(&stopped), keys(&broken));
    assert_eq!(
        (&stopped["running"], &running["running"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(stopped["stateDir"], running["stateDir"]);
    assert_eq!(
        stopped["agents"]["configured"],
        running["agents"]["configured"]
    );
}

#[tokio::test]
async fn every_reading_command_prints_one_json_document_where_that_is_asked_for() {
    let world = World::two().await;
    drop(world.run(&["init"]).await.ok());
    let lines = [
        ("gateway status", 3),
        ("gateway status --deep", 3),
        ("status", 3),
        ("gateway validate", 0),
        ("gateway token", 0),
        ("gateway reinstall", 1),
        ("agent list", 0),
        ("agent status steward", 0),
        ("agent config steward get", 0),
        ("agent config get steward role", 0),
        ("agent prompt steward", 3),
        ("session list", 0),
        ("session list steward", 0),
        ("session get steward main", 4),
        ("models list", 0),
        ("models probe", 3),
        ("models status", 3),
        ("models auth", 0),
        ("router keys list", 0),
        ("router spend", 0),
        ("router budgets", 0),
        ("router health", 3),
    ];
    for running in [false, true] {
        if running {
            world.start().await;
            drop(world.run(&["agent", "send", "steward", "hi"]).await.ok());
        }
        for (line, stopped_code) in lines {
            let mut arguments: Vec<&str> = line.split(' ').collect();
            arguments.push("--json");
            let ran = world.run(&arguments).await;
            let code = match (running, line) {
                (false, _) => stopped_code,
                (true, "gateway reinstall") => 1,
                (true, _) => 0,
            };
            assert_eq!(ran.code, code, "{line}: {ran:#?}");
            assert!(!ran.json().is_null(), "{line}: {ran:#?}");
        }
    }
}

/// Lets everybody read what is below, and nobody write it.
fn read_only(path: &Path) {
    let is_dir = path.is_dir();
    if is_dir {
        for entry in fs::read_dir(path).unwrap() {
            read_only(&entry.unwrap().path());
        }
    }
    let mode = if is_dir { 0o555 } else { 0o444 };
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_written_can_be_looked_at() {
    let world = World::two().await;
    world.start().await;
    drop(world.run(&["agent", "send", "steward", "hi"]).await.ok());
    drop(world.run(&["gateway", "stop"]).await.ok());
    fs::remove_file(world.state().join("gateway.lock")).unwrap();
    for part in ["models", "run"] {
        drop(fs::remove_dir_all(world.state().join(part)));
    }
    read_only(world.home());
    let run = async |line: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let called = world.command(&arguments);
        let called = called.as_std();
        // Root may write everywhere.
        let nobody = "exec setpriv --reuid=65534 --regid=65534 --clear-groups -- \"$@\"";
        let shell = format!("if [ $(id -u) = 0 ]; then {nobody}; else exec \"$@\"; fi");
        let mut command = Command::new("sh");
        command.args(["-c", &shell, "sh"]).arg(called.get_program());
        command.args(called.get_args()).env_clear();
        let variables = called.get_envs();
        command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(world.home());
        finish(spawn(command), b"").await
    };
    let read = [
        "agent list",
        "agent status steward",
        "agent config steward get",
        "session list",
        "session get steward main",
        "session export steward",
        "session search hi",
        "models list",
        "gateway logs",
    ];
    for line in read {
        let ran = run(line).await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}: {ran:#?}");
        assert!(!ran.out.is_empty(), "{line}");
    }
    for line in ["gateway start", "init", "gateway validate"] {
        let ran = run(line).await;
        assert_eq!(ran.code, 78, "{line}: {ran:#?}");
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("read and written by this user"), "{said}");
        assert!(
            said.contains("error: the state directory can't be used\n"),
            "{said}"
        );
    }
    fs::set_permissions(world.home(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(world.state(), Permissions::from_mode(0o755)).unwrap();
}
