//! Native frames: the handshake, scopes, and the daemon's own methods.

use std::collections::BTreeMap;

use openclaw_tests::{
    client::{Heard, Socket},
    gateway::{Setup, TOKEN, World},
    native::{Native, connect},
};
use openclaw_wire::method::METHODS;
use serde_json::{Value, json};

/// What each method needs, written down once more: a method that is not here fails the test.
const NEEDS: [(&str, &str); 49] = [
    ("connect", "none"),
    ("health", "none"),
    ("status", "operator.read"),
    ("gateway.stop", "operator.admin"),
    ("agents.list", "operator.read"),
    ("agents.status", "operator.read"),
    ("agents.create", "operator.admin"),
    ("agents.delete", "operator.admin"),
    ("agents.restart", "operator.admin"),
    ("agents.config.get", "operator.admin"),
    ("agents.config.set", "operator.admin"),
    ("agents.prompt", "operator.read"),
    ("agent.identity.get", "operator.read"),
    ("agent", "operator.write"),
    ("agent.wait", "operator.write"),
    ("sessions.list", "operator.read"),
    ("sessions.get", "operator.read"),
    ("sessions.create", "operator.write"),
    ("sessions.delete", "operator.admin"),
    ("sessions.archive", "operator.admin"),
    ("sessions.compact", "operator.admin"),
    ("sessions.commit", "operator.write"),
    ("sessions.verify", "operator.read"),
    ("sessions.search", "operator.read"),
    ("sessions.export", "operator.read"),
    ("sessions.import", "operator.admin"),
    ("sessions.subscribe", "operator.read"),
    ("sessions.unsubscribe", "operator.read"),
    ("sessions.messages.subscribe", "operator.read"),
    ("sessions.messages.unsubscribe", "operator.read"),
    ("chat.send", "operator.write"),
    ("chat.history", "operator.read"),
    ("chat.abort", "operator.write"),
    ("models.list", "operator.read"),
    ("models.status", "operator.read"),
    ("models.probe", "operator.admin"),
    ("models.auth", "operator.read"),
    ("router.keys.generate", "operator.admin"),
    ("router.keys.list", "operator.admin"),
    ("router.keys.info", "operator.admin"),
    ("router.keys.update", "operator.admin"),
    ("router.keys.delete", "operator.admin"),
    ("router.keys.block", "operator.admin"),
    ("router.keys.unblock", "operator.admin"),
    ("router.spend", "operator.read"),
    ("router.spend.logs", "operator.read"),
    ("router.budgets", "operator.read"),
    ("router.health", "operator.read"),
    ("triad.propose", "operator.write"),
];

fn permits(held: &[&str], needed: &str) -> bool {
    needed == "none"
        || held.contains(&"operator.admin")
        || held.contains(&needed)
        || (needed == "operator.read" && held.contains(&"operator.write"))
}

#[tokio::test]
async fn every_method_is_closed_to_every_scope_that_does_not_permit_it() {
    let world = Setup::two().start().await;
    let table: BTreeMap<&str, &str> = NEEDS.into_iter().collect();
    let named: Vec<&str> = METHODS.iter().map(|row| row.name).collect();
    assert_eq!(named.len(), table.len());
    let sets: [&[&str]; 12] = [
        &["operator.read"],
        &["operator.write"],
        &["operator.admin"],
        &["operator.approvals"],
        &["operator.pairing"],
        &["operator.questions"],
        &["operator.talk"],
        &["operator.read", "operator.write"],
        &[
            "operator.approvals",
            "operator.pairing",
            "operator.questions",
            "operator.talk",
        ],
        &[
            "root",
            "*",
            "operator",
            "operator.*",
            "OPERATOR.ADMIN",
            "none",
        ],
        &["operator.read\u{0}"],
        &[""],
    ];
    for protocol in [3, 4] {
        for held in sets {
            let mut client = Native::with(&world, protocol, held).await;
            let known: Vec<&str> = [
                "operator.read",
                "operator.write",
                "operator.admin",
                "operator.approvals",
                "operator.pairing",
                "operator.questions",
                "operator.talk",
            ]
            .into_iter()
            .filter(|scope| held.contains(scope))
            .collect();
            assert_eq!(
                client.hello["auth"],
                json!({"role": "operator", "scopes": known})
            );
            let offered: Vec<&str> = named
                .iter()
                .copied()
                .filter(|name| permits(held, table[name]))
                .collect();
            assert_eq!(
                client.hello["features"]["methods"],
                json!(offered),
                "{held:?}"
            );
            for name in &named {
                let needed = table[name];
                if permits(held, needed)
                    && matches!(*name, "gateway.stop" | "connect" | "models.probe")
                {
                    continue;
                }
                let got = client.call(name, json!({})).await;
                if *name == "connect" || permits(held, needed) {
                    let refused = got.as_ref().is_err_and(|error| {
                        error["code"] == "FORBIDDEN"
                            || error["message"]
                                .as_str()
                                .unwrap()
                                .starts_with("missing scope")
                    });
                    assert!(!refused, "{held:?} {name}: {got:?}");
                } else if protocol == 4 {
                    let error = json!({"code": "FORBIDDEN", "message": format!("missing scope: {needed}"),
                        "details": {"code": "MISSING_SCOPE", "missingScope": needed, "requiredScopes": [needed]}});
                    assert_eq!(got, Err(error), "{held:?} {name}");
                } else {
                    let error = json!({"code": "INVALID_REQUEST", "message": format!("missing scope: {needed}")});
                    assert_eq!(got, Err(error), "{held:?} {name}");
                }
            }
            for unknown in [
                "",
                "config.apply",
                "agents.List",
                "agents.list ",
                "Health",
                "tools.invoke",
                "__proto__",
            ] {
                let got = client.call(unknown, json!({})).await.unwrap_err();
                assert_eq!(got["code"], "INVALID_REQUEST", "{unknown}");
            }
        }
    }
}

#[tokio::test]
async fn the_handshake_says_hello_in_both_versions() {
    let world = Setup::two().start().await;
    for protocol in [3, 4] {
        let client = Native::with(
            &world,
            protocol,
            &["operator.read", "operator.write", "operator.admin"],
        )
        .await;
        let mut hello = world.normal(&client.hello);
        let methods = hello["features"]["methods"].take();
        assert_eq!(methods.as_array().unwrap().len(), METHODS.len());
        let events = hello["features"]["events"].take();
        assert!(events.as_array().unwrap().contains(&json!("chat")));
        assert_eq!(
            hello,
            json!({
                "type": "hello-ok", "protocol": protocol,
                "server": {"version": openclaw_gateway::VERSION, "connId": "client-*", "bootId": "*"},
                "features": {"methods": null, "events": null, "capabilities": []},
                "snapshot": {
                    "presence": [], "health": {"ok": true, "ts": 0, "agents": 2},
                    "stateVersion": {"presence": 0, "health": 0}, "uptimeMs": 0,
                    "configPath": "~/openclaw.json", "stateDir": "~",
                    "sessionDefaults": {"defaultAgentId": "steward", "mainKey": "main",
                        "mainSessionKey": "agent:steward:main", "scope": "per-sender"},
                    "authMode": "token",
                },
                "auth": {"role": "operator", "scopes": ["operator.read", "operator.write", "operator.admin"]},
                "policy": {"maxPayload": 26_214_400, "maxBufferedBytes": 33_554_432, "tickIntervalMs": 30_000},
            })
        );
    }
    let reader = Native::with(&world, 4, &["operator.read"]).await;
    assert_eq!(
        reader.hello["snapshot"]["stateDir"],
        Value::Null,
        "paths are for administrators"
    );
    let everything = Native::open(&world).await;
    assert_eq!(
        everything.hello["auth"]["scopes"].as_array().unwrap().len(),
        7
    );
}

#[tokio::test]
async fn versions_are_agreed_on_or_the_socket_is_closed() {
    let world = Setup::two().start().await;
    for (min, max, agreed) in [
        (1, 3, Some(3)),
        (3, 4, Some(4)),
        (4, 99, Some(4)),
        (3, 3, Some(3)),
        (1, 2, None),
        (5, 9, None),
        (4, 3, None),
        (0, 0, None),
    ] {
        let mut socket = Socket::open(world.address).await;
        let mut frame = connect(TOKEN, 4, &[]);
        frame["params"]["minProtocol"] = json!(min);
        frame["params"]["maxProtocol"] = json!(max);
        let heard = socket.ask(&frame).await;
        match agreed {
            Some(version) => assert_eq!(heard["payload"]["protocol"], version, "{min}-{max}"),
            None => {
                let error = json!({"code": "INVALID_REQUEST", "message": "protocol mismatch", "details": {"expectedProtocol": 4}});
                assert_eq!(heard["error"], error, "{min}-{max}");
                assert_eq!(
                    socket.next().await,
                    Heard::Close(1002, "protocol mismatch".to_owned())
                );
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_connect_ends_the_handshake() {
    let world = Setup::two().start().await;
    for (frame, reason) in [
        (
            json!({"type": "req", "id": "1", "method": "health"}),
            "the first request must be connect",
        ),
        (
            json!({"type": "req", "id": "1", "method": "agents.list", "params": {}}),
            "the first request must be connect",
        ),
        (
            json!({"type": "req", "id": "1", "method": "connect"}),
            "must have required property",
        ),
        (
            json!({"type": "req", "id": "1", "method": "connect", "params": [1]}),
            "must be object",
        ),
        (
            json!({"type": "req", "id": "1", "method": "connect", "params": {"minProtocol": "日本".repeat(100),
                "maxProtocol": 4, "client": {"id": "x"}}}),
            "invalid connect params",
        ),
        (
            json!({"type": "req", "id": "1", "method": "connect", "params": {"minProtocol": 4, "maxProtocol": 4,
                "client": {"id": "x"}, "role": "node", "auth": {"token": TOKEN}}}),
            "only the role",
        ),
    ] {
        let mut socket = Socket::open(world.address).await;
        let heard = socket.ask(&frame).await;
        assert_eq!(
            (&heard["type"], &heard["ok"], &heard["id"]),
            (&json!("res"), &json!(false), &json!("1")),
            "{frame}"
        );
        assert!(
            heard["error"]["message"].as_str().unwrap().contains(reason),
            "{heard}"
        );
        assert!(
            matches!(socket.next().await, Heard::Close(1008, _)),
            "{frame}"
        );
    }
    // What is no request at all is refused, and may be followed by a better one.
    let mut socket = Socket::offering(world.address, "openclaw").await;
    let _challenge = socket.hear().await;
    for bad in [
        r#"{"type":"req"}"#,
        r#"{"type":"req","id":"","method":"connect"}"#,
        r#"{"type":"res","id":"1","ok":true}"#,
        r#"{"type":"event","event":"x"}"#,
        r#"{"type":"req","id":7,"method":"connect"}"#,
        "{",
        "[]",
        "\u{0}",
    ] {
        socket.send(1, bad.as_bytes()).await;
        let heard = socket.hear().await;
        assert_eq!(
            (&heard["ok"], &heard["error"]["code"]),
            (&json!(false), &json!("INVALID_REQUEST")),
            "{bad}"
        );
    }
    socket.send(2, b"binary").await;
    assert_eq!(socket.hear().await["error"]["code"], "INVALID_REQUEST");
    assert_eq!(
        socket.ask(&connect(TOKEN, 4, &[])).await["payload"]["type"],
        "hello-ok"
    );
    let again = socket.ask(&connect(TOKEN, 4, &[])).await;
    assert_eq!(again["error"]["message"], "already connected");
}

#[tokio::test]
async fn a_token_in_the_upgrade_request_is_as_good_as_one_in_connect() {
    let world = Setup::two().start().await;
    let bearer = format!("Bearer {TOKEN}");
    let mut socket = Socket::try_open(world.address, "/", &[("Authorization", &bearer)])
        .await
        .unwrap();
    let mut frame = connect("", 4, &[]);
    let _auth = frame["params"].as_object_mut().unwrap().remove("auth");
    assert_eq!(socket.ask(&frame).await["ok"], true);
}

#[tokio::test]
async fn states_of_agents_reach_those_who_may_read_and_ticks_of_time_nobody_else() {
    let world = Setup::two().start().await;
    let mut reader = Native::with(&world, 4, &["operator.read"]).await;
    let mut pairing = Native::with(&world, 4, &["operator.pairing"]).await;
    let mut worker = Socket::open(world.address).await;
    let _answer = worker
        .ask(&json!({"type": "message", "agent": "alpha", "content": "x"}))
        .await;
    for (status, previous) in [("busy", "idle"), ("idle", "busy")] {
        let event = reader.event(|event| event["event"] == "agent:status").await;
        assert_eq!(
            world.normal(&event["payload"]),
            json!({"agentId": "alpha", "status": status, "previous": previous, "ts": 0})
        );
    }
    let _health = pairing.ok("health", json!({})).await;
    assert_eq!(pairing.events(), Vec::<Value>::new());
}

async fn deep(world: &World) -> Value {
    let mut client = Native::open(world).await;
    client.ok("status", json!({"deep": true})).await
}

#[tokio::test]
async fn the_deep_status_asks_every_neighbour_that_is_configured() {
    let redis = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = redis.local_addr().unwrap().port();
    let mut serving = tokio::task::JoinSet::new();
    let _redis = serving.spawn(async move {
        while let Ok((mut stream, _)) = redis.accept().await {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let mut asked = [0; 64];
            let _length = stream.read(&mut asked).await;
            let _written = stream.write_all(b"+PONG\r\n").await;
        }
    });
    let world = Setup::two()
        .config(json!({"memory": {
            "redis": {"url": format!("redis://127.0.0.1:{port}")},
            "pgvector": {"connectionString": "postgresql://u:hunter2@127.0.0.1:1/db"},
        }}))
        .start()
        .await;
    let status = deep(&world).await;
    let probes: BTreeMap<String, (bool, String)> = status["probes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|probe| {
            let name = probe["name"].as_str().unwrap().to_owned();
            (
                name,
                (
                    probe["ok"].as_bool().unwrap(),
                    probe["detail"].as_str().unwrap().to_owned(),
                ),
            )
        })
        .collect();
    assert_eq!(probes["redis"], (true, "answers".to_owned()));
    assert!(!probes["postgresql"].0, "{probes:?}");
    for agent in ["steward", "alpha"] {
        assert!(probes[&format!("workspace {agent}")].0, "{probes:?}");
    }
    assert!(!status.to_string().contains("hunter2"), "{status}");
    let gateway = world.normal(&status["gateway"]);
    assert_eq!(
        (&gateway["phase"], &gateway["stateDir"], &gateway["bind"]),
        (&json!("running"), &json!("~"), &json!("127.0.0.1"))
    );
    assert_eq!(gateway["port"], world.address.port());
    assert_eq!(
        status["agents"],
        json!({"configured": 2, "online": 2, "busy": 0})
    );
    let connections = status["limits"]
        .as_array()
        .unwrap()
        .iter()
        .find(|limit| limit["name"] == "connections")
        .unwrap();
    assert_eq!(connections["value"], 1024);
}

#[tokio::test]
async fn parameters_are_checked_before_anything_is_done() {
    let world = Setup::two().start().await;
    let mut client = Native::open(&world).await;
    for (method, params, code) in [
        ("agent", json!({}), "INVALID_REQUEST"),
        ("agent", json!({"message": "x"}), "INVALID_REQUEST"),
        (
            "agent",
            json!({"message": "x", "idempotencyKey": ""}),
            "INVALID_REQUEST",
        ),
        (
            "agent",
            json!({"message": "x", "idempotencyKey": "../x"}),
            "INVALID_REQUEST",
        ),
        (
            "agent",
            json!({"message": "", "idempotencyKey": "k"}),
            "INVALID_REQUEST",
        ),
        (
            "agent",
            json!({"message": "x", "idempotencyKey": "k", "agentId": "nobody"}),
            "NOT_FOUND",
        ),
        (
            "agent",
            json!({"message": "x", "idempotencyKey": "k", "agentId": "../../etc"}),
            "INVALID_REQUEST",
        ),
        (
            "agent",
            json!({"message": "x", "idempotencyKey": "k", "sessionKey": "agent:../x:y"}),
            "INVALID_REQUEST",
        ),
        (
            "agent",
            json!({"message": "x", "idempotencyKey": "k", "sessionKey": "a/b"}),
            "INVALID_REQUEST",
        ),
        (
            "agent",
            json!({"message": "x", "idempotencyKey": "k", "priority": "urgent"}),
            "INVALID_REQUEST",
        ),
        (
            "chat.send",
            json!({"sessionKey": "agent:nobody:main", "message": "x", "idempotencyKey": "k"}),
            "NOT_FOUND",
        ),
        (
            "chat.history",
            json!({"sessionKey": "agent:nobody:main"}),
            "NOT_FOUND",
        ),
        (
            "sessions.get",
            json!({"key": "agent:steward:never"}),
            "NOT_FOUND",
        ),
        (
            "sessions.delete",
            json!({"key": "agent:steward:never"}),
            "NOT_FOUND",
        ),
        (
            "sessions.delete",
            json!({"key": "agent:steward:never", "purge": true}),
            "NOT_FOUND",
        ),
        (
            "sessions.archive",
            json!({"agentId": "steward", "key": "never"}),
            "NOT_FOUND",
        ),
        (
            "sessions.archive",
            json!({"agentId": "steward"}),
            "INVALID_REQUEST",
        ),
        (
            "sessions.archive",
            json!({"agentId": "steward", "key": "agent:alpha:main"}),
            "INVALID_REQUEST",
        ),
        (
            "sessions.archive",
            json!({"agentId": "steward", "olderThan": "7"}),
            "INVALID_REQUEST",
        ),
        (
            "sessions.archive",
            json!({"agentId": "steward", "olderThan": "7d", "olderThanMs": 1}),
            "INVALID_REQUEST",
        ),
        (
            "sessions.archive",
            json!({"agentId": "nobody", "olderThanMs": 1}),
            "NOT_FOUND",
        ),
        (
            "sessions.compact",
            json!({"agentId": "nobody"}),
            "NOT_FOUND",
        ),
        ("sessions.create", json!({"agentId": "nobody"}), "NOT_FOUND"),
        ("agents.status", json!({"agentId": "nobody"}), "NOT_FOUND"),
        ("agents.delete", json!({"agentId": "nobody"}), "NOT_FOUND"),
        ("agents.restart", json!({"agentId": "nobody"}), "NOT_FOUND"),
        ("agents.create", json!({"name": "../x"}), "INVALID_REQUEST"),
        (
            "agents.create",
            json!({"name": "steward"}),
            "INVALID_REQUEST",
        ),
        (
            "agents.config.get",
            json!({"agentId": "nobody"}),
            "NOT_FOUND",
        ),
        ("agents.prompt", json!({"agentId": "nobody"}), "NOT_FOUND"),
        ("agent.wait", json!({}), "INVALID_REQUEST"),
        ("triad.propose", json!({"proposal": " "}), "INVALID_REQUEST"),
    ] {
        let error = client.call(method, params.clone()).await.unwrap_err();
        assert_eq!(error["code"], code, "{method} {params}: {error}");
    }
    assert_eq!(world.model().asked().len(), 0);
    assert_eq!(world.entries("steward"), Vec::<Value>::new());
}
