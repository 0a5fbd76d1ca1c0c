//! Starting, stopping, dying: what a gateway leaves behind and takes up again.

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use openclaw_tests::{
    client::{Heard, Socket},
    gateway::{Place, Process, Setup, entries, start},
    http,
    native::{Native, connect},
    random::Random,
    scripted_model::{Gate, Step, echo},
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::net::TcpStream;

const PROGRAM: &str = env!("CARGO_BIN_EXE_openclaw-test-gateway");

/// A native connection to a gateway in a process of its own.
async fn operator(process: &Process) -> Socket {
    let mut socket = Socket::offering(process.address, "openclaw").await;
    let _challenge = socket.hear().await;
    let hello = socket.ask(&connect(&process.token, 4, &[])).await;
    assert_eq!(hello["ok"], true, "{hello}");
    socket
}

fn run(id: &str, message: &str) -> Value {
    json!({"type": "req", "id": id, "method": "agent",
        "params": {"agentId": "steward", "message": message, "idempotencyKey": id}})
}

async fn response(socket: &mut Socket, id: &str) -> Value {
    loop {
        let frame = socket.hear().await;
        if frame["type"] == "res" && frame["id"] == id {
            return frame;
        }
    }
}

/// A place whose model answers `wait` only when the gate is open.
async fn gated() -> (Place, Gate) {
    let gate = Gate::default();
    let inner = gate.clone();
    let place = Setup::two()
        .answers(move |asked| {
            if asked.last_user() == "wait" {
                return [
                    vec![Step::Piece("half ".to_owned()), Step::Wait(inner.clone())],
                    echo(asked),
                ]
                .concat();
            }
            echo(asked)
        })
        .prepare()
        .await;
    (place, gate)
}

#[tokio::test]
async fn a_run_that_dies_with_the_process_is_marked_on_the_next_start() {
    let (place, _gate) = gated().await;
    let state = place.state.path();
    let mut process = Process::start(PROGRAM, state).await.unwrap();
    let mut client = operator(&process).await;
    client.say(&run("k1", "wait")).await;
    assert_eq!(
        response(&mut client, "k1").await["payload"]["status"],
        "accepted"
    );
    client.say(&run("k2", "behind it")).await;
    assert_eq!(response(&mut client, "k2").await["payload"]["position"], 1);
    let _asked = place.model.asked_times(1).await;
    process.signal(Signal::KILL);
    assert_eq!(process.ended().await, None);

    let process = Process::start(PROGRAM, state).await.unwrap();
    let mut client = operator(&process).await;
    client.say(&run("k3", "and now?")).await;
    assert_eq!(
        response(&mut client, "k3").await["payload"]["status"],
        "accepted"
    );
    assert_eq!(response(&mut client, "k3").await["payload"]["status"], "ok");
    let told: Vec<(Value, Value, Value)> = entries(state, "steward")
        .iter()
        .map(|entry| {
            (
                entry["runId"].clone(),
                entry["kind"].clone(),
                entry["content"].clone(),
            )
        })
        .collect();
    let interrupted = "interrupted by a stop of the gateway";
    assert_eq!(
        told,
        [
            ("k1", "message", "wait"),
            ("k2", "message", "behind it"),
            ("k1", "aborted", interrupted),
            ("k2", "aborted", interrupted),
            ("k3", "message", "and now?"),
            ("k3", "message", "you said: and now?."),
        ]
        .map(|(run, kind, content)| (json!(run), json!(kind), json!(content)))
    );
    // The model is told of no conversation that it did not have.
    assert_eq!(place.model.asked().last().unwrap().last_user(), "and now?");
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    let place = Setup::two().prepare().await;
    let state = place.state.path();
    let mut random = Random::new(7);
    let mut acknowledged = BTreeSet::new();
    for round in 0..4 {
        let mut process = Process::start(PROGRAM, state).await.unwrap();
        let mut client = operator(&process).await;
        let enough = 20 + random.below(40);
        for n in 0..enough + 20 {
            let mut frame = run(&format!("r{round}-{n}"), "x");
            frame["params"]["sessionKey"] = json!(format!("agent:steward:s{}", n % 7));
            client.say(&frame).await;
        }
        let mut accepted = 0;
        while accepted < enough {
            let frame = client.hear().await;
            if frame["payload"]["status"] == "accepted" {
                accepted += 1;
                let _new = acknowledged.insert(frame["id"].as_str().unwrap().to_owned());
            }
        }
        process.signal(Signal::KILL);
        assert_eq!(process.ended().await, None);
    }
    let mut process = Process::start(PROGRAM, state).await.unwrap();
    process.signal(Signal::TERM);
    assert_eq!(process.ended().await, Some(0));
    let all = entries(state, "steward");
    let asked: BTreeSet<String> = all
        .iter()
        .filter(|entry| entry["role"] == "user")
        .map(|entry| entry["runId"].as_str().unwrap().to_owned())
        .collect();
    let lost: Vec<&String> = acknowledged.difference(&asked).collect();
    assert_eq!(lost, Vec::<&String>::new());
    // Every run that began has its end on disk.
    let ended: BTreeSet<String> = all
        .iter()
        .filter(|entry| entry["role"] != "user")
        .filter_map(|entry| entry["runId"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(
        asked.difference(&ended).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

#[tokio::test]
async fn a_second_gateway_on_the_same_state_is_refused_and_told_who_has_it() {
    let world = Setup::two().start().await;
    let refused = start(world.state()).await.unwrap_err();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(
        cause.contains(&format!("(pid {})", std::process::id())),
        "{cause}"
    );
    let said = Process::start(PROGRAM, world.state()).await.unwrap_err();
    assert!(
        said.contains("lock") && said.contains(&std::process::id().to_string()),
        "{said}"
    );
    let mut client = Native::open(&world).await;
    assert_eq!(client.ok("health", json!({})).await["ok"], true);
    drop(client);
    let place = world.stop().await;
    let again = place.start().await;
    assert_ne!(again.address.port(), 0);
}

#[tokio::test]
async fn a_term_signal_lets_the_run_end_and_takes_nothing_new() {
    let (place, gate) = gated().await;
    let mut process = Process::start(PROGRAM, place.state.path()).await.unwrap();
    let mut native = operator(&process).await;
    let mut dialect = Socket::open(process.address).await;
    dialect
        .say(&json!({"type": "message", "agent": "steward", "content": "wait"}))
        .await;
    let _asked = place.model.asked_times(1).await;
    process.signal(Signal::TERM);
    // The port closes first; from then on everything new is refused.
    openclaw_tests::soon("the port to close", async {
        while TcpStream::connect(process.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    native.say(&run("k1", "too late")).await;
    let refused = response(&mut native, "k1").await;
    assert_eq!(
        (&refused["error"]["code"], &refused["error"]["retryable"]),
        (&json!("UNAVAILABLE"), &json!(true)),
        "{refused}"
    );
    let late = dialect
        .ask(&json!({"type": "message", "agent": "alpha", "content": "too late"}))
        .await;
    assert_eq!(
        (&late["type"], &late["content"]["code"]),
        (&json!("error"), &json!(3002)),
        "{late}"
    );
    gate.open();
    let answer = dialect.hear().await;
    assert_eq!(answer["content"]["content"], "half you said: wait.");
    let goodbye = dialect.hear().await;
    assert_eq!(
        (&goodbye["type"], &goodbye["content"]["reason"]),
        (&json!("disconnect"), &json!("shutdown"))
    );
    assert_eq!(
        dialect.next().await,
        Heard::Close(1012, "service restart".to_owned())
    );
    let mut last = Value::Null;
    let closed = loop {
        match native.next().await {
            Heard::Text(text) => last = serde_json::from_str(&text).unwrap(),
            other => break other,
        }
    };
    assert_eq!(last["event"], "shutdown", "{last}");
    assert_eq!(closed, Heard::Close(1012, "service restart".to_owned()));
    assert_eq!(process.ended().await, Some(0));
    let kinds: Vec<Value> = entries(place.state.path(), "steward")
        .iter()
        .map(|entry| entry["role"].clone())
        .collect();
    assert_eq!(kinds, ["user", "assistant"]);
}

#[tokio::test]
async fn a_run_that_does_not_end_is_stopped_and_says_so() {
    let (place, _gate) = gated().await;
    let mut process = Process::start(PROGRAM, place.state.path()).await.unwrap();
    let mut dialect = Socket::open(process.address).await;
    dialect
        .say(&json!({"type": "message", "agent": "steward", "content": "wait"}))
        .await;
    let _asked = place.model.asked_times(1).await;
    process.signal(Signal::TERM);
    let answer = dialect.hear().await;
    assert_eq!(
        (&answer["type"], &answer["content"]["code"]),
        (&json!("error"), &json!(3004)),
        "{answer}"
    );
    assert_eq!(process.ended().await, Some(0));
    let last = entries(place.state.path(), "steward").pop().unwrap();
    assert_eq!(last["kind"], "aborted");
}

#[tokio::test]
async fn a_stop_request_stops_the_gateway_after_its_answer() {
    let mut world = Setup::two().start().await;
    let gateway = world.take();
    let mut client = Native::open(&world).await;
    let address = world.address;
    let mut running = tokio::task::JoinSet::new();
    let _running = running.spawn(async move { gateway.run_until_stopped().await.unwrap() });
    // Let it install its signal handlers first; it answers requests all the time.
    assert_eq!(client.ok("health", json!({})).await["ok"], true);
    let stopped = client
        .ok("gateway.stop", json!({"reason": "test\r\n\u{1b}[31m"}))
        .await;
    assert_eq!(stopped, json!({"ok": true, "pid": std::process::id()}));
    let event = client.event(|event| event["event"] == "shutdown").await;
    assert_eq!(event["payload"]["reason"], "the gateway stops");
    assert_eq!(
        client.socket.next().await,
        Heard::Close(1012, "service restart".to_owned())
    );
    openclaw_tests::soon("the stop", running.join_next())
        .await
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    assert!(openclaw_gateway::lock::holder(world.state()).is_none());
}

/// Ports that a process listens on, by the inodes of its descriptors.
fn listening(pid: u32) -> BTreeSet<u16> {
    let inodes: BTreeSet<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            Some(
                link.to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    ["tcp", "tcp6", "udp", "udp6"]
        .iter()
        .flat_map(|table| {
            let text = std::fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
            let lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
            let is_udp = table.starts_with("udp");
            lines.into_iter().map(move |line| (is_udp, line))
        })
        .filter_map(|(is_udp, line)| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_mine = inodes.contains(*words.get(9)?);
            let is_open = is_udp || words[3] == "0A";
            let port = u16::from_str_radix(words[1].split(':').nth(1)?, 16).ok()?;
            (is_mine && is_open).then_some(port)
        })
        .collect()
}

#[tokio::test]
async fn one_port_is_open_whatever_ports_the_agents_are_labelled_with() {
    let ids = [
        "main", "steward", "alpha", "beta", "charlie", "examiner", "explorer", "sentinel", "coder",
        "dreamer", "empath",
    ];
    let agents: Vec<Value> = ids
        .iter()
        .zip(8001..)
        .map(|(id, port)| json!({"id": id, "port": port}))
        .collect();
    let place = Setup::default()
        .config(json!({"agents": agents}))
        .prepare()
        .await;
    let process = Process::start(PROGRAM, place.state.path()).await.unwrap();
    let mut client = operator(&process).await;
    client
        .say(&json!({"type": "req", "id": "1", "method": "agents.list"}))
        .await;
    let list = response(&mut client, "1").await;
    let rows = list["payload"]["agents"].as_array().unwrap();
    let labels: BTreeSet<u64> = rows
        .iter()
        .filter_map(|agent| agent["port"].as_u64())
        .collect();
    assert_eq!(labels, (8001..=8011).collect::<BTreeSet<u64>>());
    assert_eq!(
        listening(process.child.id().unwrap()),
        BTreeSet::from([process.address.port()])
    );
}

fn modes(path: &Path, wrong: &mut Vec<String>) {
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        if mode != wanted {
            wrong.push(format!("{} {mode:o}", path.display()));
        }
        if path.is_dir() {
            modes(&path, wrong);
        }
    }
}

#[tokio::test]
async fn everything_in_the_state_directory_is_for_its_owner_only() {
    let place = Setup::two().prepare().await;
    let state = place.state.path().to_owned();
    // What others could read before is closed at the start.
    std::fs::set_permissions(
        state.join("openclaw.json"),
        std::fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    std::fs::create_dir(state.join("agents")).unwrap();
    std::fs::set_permissions(state.join("agents"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let process = Process::start(PROGRAM, &state).await.unwrap();
    let mut client = operator(&process).await;
    client.say(&run("k1", "x")).await;
    assert_eq!(
        response(&mut client, "k1").await["payload"]["status"],
        "accepted"
    );
    assert_eq!(response(&mut client, "k1").await["payload"]["status"], "ok");
    let mut wrong = Vec::new();
    modes(&state, &mut wrong);
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(process.token.len(), 64);
}

#[tokio::test]
async fn probes_say_live_and_ready() {
    let world = Setup::two().start().await;
    for (path, body) in [
        ("/health", json!({"ok": true, "status": "live"})),
        ("/healthz", json!({"ok": true, "status": "live"})),
        (
            "/ready",
            json!({"ready": true, "failing": [], "uptimeMs": 0}),
        ),
        (
            "/readyz",
            json!({"ready": true, "failing": [], "uptimeMs": 0}),
        ),
    ] {
        let answer = http::exchange(
            world.address,
            &http::request("GET", path, &[("Host", "localhost")]),
        )
        .await;
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, world.normal(&said)), (200, body), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}
