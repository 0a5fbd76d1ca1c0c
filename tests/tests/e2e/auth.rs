//! Who may speak, and who may do what: tokens, the tokenless rule, browsers, proxies.

use std::{collections::BTreeMap, net::SocketAddr};

use openclaw_tests::{
    client::{Heard, Socket, connect_from},
    gateway::{Setup, TOKEN, World},
    http::{self, UPGRADE},
    native::{Native, connect},
    user,
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, task::JoinSet};

fn message(session: Option<&str>, text: &str) -> Value {
    let mut frame = json!({"type": "message", "agent": "steward", "content": text});
    if let Some(session) = session {
        frame["sessionId"] = json!(session);
    }
    frame
}

/// A source address of its own for every case, because wrong tokens are counted by address.
fn loopback(case: usize) -> [u8; 4] {
    let byte = |shift: usize| {
        u8::try_from(case / 250_usize.pow(u32::try_from(shift).unwrap()) % 250).unwrap() + 1
    };
    [127, byte(2), byte(1), byte(0)]
}

#[tokio::test]
async fn another_user_of_the_machine_needs_the_token() {
    let world = Setup::two().start().await;
    if !user::is_root() {
        // Without the right to become somebody else there is no other user to connect as.
        assert!(user::connect_as(user::NOBODY, world.address).is_err());
        return;
    }
    let stranger = || {
        let stream = user::connect_as(user::NOBODY, world.address).unwrap();
        stream.set_nonblocking(true).unwrap();
        Socket::upgrade(TcpStream::from_std(stream).unwrap(), "/", &[])
    };
    let mut socket = stranger().await.unwrap();
    for frame in [
        message(None, "let me in"),
        json!({"type": "status"}),
        json!({"type": "status", "agent": "steward"}),
        json!({"type": "discovery", "content": {"action": "list"}}),
        json!({"type": "workspace", "content": {"action": "list"}}),
        json!({"type": "subscribe", "content": {"channel": "agent:message"}}),
        json!({"type": "broadcast", "content": {"message": "x"}}),
        json!({"type": "proposal", "content": {"proposal": "x"}}),
        json!({"type": "request", "content": {"service": "sessions"}}),
        json!({"type": "register", "agentId": "x"}),
        json!({"type": "discover"}),
        json!({"type": "health"}),
    ] {
        let heard = socket.ask(&frame).await;
        assert_eq!(
            (&heard["type"], &heard["content"]["code"]),
            (&json!("error"), &json!(5001)),
            "{frame}"
        );
    }
    assert_eq!(socket.ask(&json!({"type": "ping"})).await["type"], "pong");
    let hello = socket
        .ask(&json!({"type": "handshake", "content": {"action": "advertise"}}))
        .await;
    assert_eq!(hello["content"]["availableAgents"], json!([]));
    let refused = socket
        .ask(&json!({"type": "auth", "content": {"token": "wrong"}}))
        .await;
    assert_eq!(refused["content"]["code"], 5002);
    let accepted = socket
        .ask(&json!({"type": "auth", "content": {"token": TOKEN}}))
        .await;
    assert_eq!(accepted["content"]["status"], "authenticated");
    assert_eq!(
        socket.ask(&message(None, "now")).await["content"]["content"],
        "you said: now."
    );

    let mut native = stranger().await.unwrap();
    let mut without = connect(TOKEN, 4, &[]);
    let _token = without["params"].as_object_mut().unwrap().remove("auth");
    let refused = native.ask(&without).await;
    assert_eq!(refused["error"]["details"]["code"], "AUTH_TOKEN_MISSING");
    assert_eq!(world.model().asked().len(), 1);
}

#[tokio::test]
async fn a_message_sent_by_a_peer_that_is_gone_already_gains_nothing_from_its_going() {
    let world = Setup::two().start().await;
    if !user::is_root() {
        assert!(user::connect_as(user::NOBODY, world.address).is_err());
        return;
    }
    // Everything in one write and then the end: the gateway looks when nobody owns the socket any more.
    let mut all = http::request(
        "GET",
        "/",
        &[&[("Host", "localhost")], UPGRADE.as_slice()].concat(),
    );
    all.extend(openclaw_tests::frame::masked(
        1,
        message(None, "sneaked in").to_string().as_bytes(),
    ));
    for _ in 0..50 {
        let mut stream = user::connect_as(user::NOBODY, world.address).unwrap();
        std::io::Write::write_all(&mut stream, &all).unwrap();
        drop(stream);
    }
    let mut socket = Socket::open(world.address).await;
    assert_eq!(
        socket.ask(&message(None, "honest")).await["type"],
        "message"
    );
    let asked: Vec<String> = world
        .model()
        .asked()
        .iter()
        .map(openclaw_tests::scripted_model::Asked::last_user)
        .collect();
    assert_eq!(asked, ["honest"]);
}

#[tokio::test]
async fn sessions_of_operators_are_closed_to_tokenless_programs() {
    let world = Setup::two().start().await;
    let mut operator = Native::open(&world).await;
    let id = operator
        .send("agent", json!({"agentId": "steward", "message": "secret", "idempotencyKey": "k1", "sessionKey": "plans"}))
        .await;
    assert_eq!(operator.answer(&id).await.unwrap()["status"], "accepted");
    assert_eq!(operator.answer(&id).await.unwrap()["status"], "ok");

    let mut local = Socket::open(world.address).await;
    for session in ["plans", "main"] {
        let heard = local.ask(&message(Some(session), "let me read")).await;
        assert_eq!(heard["content"]["code"], 5004, "{session}: {heard}");
    }
    assert_eq!(
        local.ask(&message(None, "mine")).await["sessionId"],
        "local"
    );
    assert_eq!(
        local.ask(&message(Some("own-1"), "mine")).await["sessionId"],
        "own-1"
    );
    let seen = |frame: &Value| {
        let mut names: Vec<String> = frame["content"]["result"]["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|session| session["sessionId"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let ask = json!({"type": "request", "content": {"service": "sessions"}});
    assert_eq!(seen(&local.ask(&ask).await), ["local", "own-1"]);

    // What operators say is not overheard either.
    let _ok = local
        .ask(&json!({"type": "subscribe", "content": {"channel": "agent:message"}}))
        .await;
    let done = operator
        .call(
            "chat.send",
            json!({"sessionKey": "agent:steward:plans", "message": "x", "idempotencyKey": "k2"}),
        )
        .await;
    assert_eq!(done.unwrap()["status"], "started");
    let _final = operator
        .event(|event| event["event"] == "chat" && event["payload"]["state"] == "final")
        .await;
    assert_eq!(local.ask(&json!({"type": "ping"})).await["type"], "pong");

    let mut promoted = Socket::open(world.address).await;
    let _accepted = promoted
        .ask(&json!({"type": "auth", "content": {"token": TOKEN}}))
        .await;
    assert_eq!(seen(&promoted.ask(&ask).await), ["local", "own-1", "plans"]);
    assert_eq!(
        promoted.ask(&message(None, "as operator")).await["sessionId"],
        "main"
    );
}

#[tokio::test]
async fn only_the_exact_token_connects_a_native_client() {
    let world = Setup::two().start().await;
    let cases = [
        (json!({}), "AUTH_TOKEN_MISSING"),
        (json!({"token": null}), "AUTH_TOKEN_MISSING"),
        (json!({"deviceToken": TOKEN}), "AUTH_TOKEN_MISSING"),
        (json!({"bootstrapToken": TOKEN}), "AUTH_TOKEN_MISSING"),
        (json!({"token": ""}), "AUTH_TOKEN_MISMATCH"),
        (json!({"token": "x"}), "AUTH_TOKEN_MISMATCH"),
        (json!({"token": &TOKEN[1..]}), "AUTH_TOKEN_MISMATCH"),
        (json!({"token": format!("{TOKEN}0")}), "AUTH_TOKEN_MISMATCH"),
        (
            json!({"token": TOKEN.to_uppercase()}),
            "AUTH_TOKEN_MISMATCH",
        ),
        (
            json!({"token": format!("{TOKEN}\u{0}")}),
            "AUTH_TOKEN_MISMATCH",
        ),
        (json!({"token": "\u{0}".repeat(64)}), "AUTH_TOKEN_MISMATCH"),
        (json!({"token": "é".repeat(32)}), "AUTH_TOKEN_MISMATCH"),
        (json!({"token": "x".repeat(60_000)}), "AUTH_TOKEN_MISMATCH"),
        (
            json!({"token": "wrong", "password": TOKEN}),
            "AUTH_TOKEN_MISMATCH",
        ),
        (json!({"token": [TOKEN]}), ""),
        (json!({"token": {"length": 64}}), ""),
        (json!({"token": true}), ""),
        (json!([TOKEN]), ""),
    ];
    for (case, (auth, code)) in cases.into_iter().enumerate() {
        let stream = connect_from(loopback(case), world.address).await;
        let mut socket = Socket::upgrade(stream, "/", &[]).await.unwrap();
        let mut frame = connect("", 4, &[]);
        frame["params"]["auth"] = auth.clone();
        let heard = socket.ask(&frame).await;
        assert_eq!(
            (&heard["ok"], &heard["error"]["code"]),
            (&json!(false), &json!("INVALID_REQUEST")),
            "{auth}"
        );
        assert_eq!(
            heard["error"]["details"]["code"]
                .as_str()
                .unwrap_or_default(),
            code,
            "{auth}"
        );
        assert!(!heard.to_string().contains(TOKEN), "{heard}");
        assert!(
            matches!(socket.next().await, Heard::Close(1008, _)),
            "{auth}"
        );
    }
    let _right = Native::open(&world).await;
}

#[tokio::test]
async fn ten_wrong_tokens_by_any_way_lock_an_address_out_and_nobody_else() {
    let world = Setup::two().start().await;
    let (from, address) = ([127, 9, 9, 9], world.address);
    let open = |headers: Vec<(&'static str, String)>| async move {
        let stream = connect_from(from, address).await;
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Socket::upgrade(stream, "/", &headers).await
    };
    let mut dialect = open(Vec::new()).await.unwrap();
    for guess in 0..4 {
        let heard = dialect
            .ask(&json!({"type": "auth", "content": {"token": format!("{guess}")}}))
            .await;
        assert_eq!(heard["content"]["code"], 5002);
    }
    for guess in 4..7 {
        let mut native = open(Vec::new()).await.unwrap();
        let heard = native.ask(&connect(&format!("{guess}"), 4, &[])).await;
        assert_eq!(heard["error"]["details"]["code"], "AUTH_TOKEN_MISMATCH");
    }
    for guess in 7..10 {
        let refused = open(vec![("Authorization", format!("Bearer {guess}"))])
            .await
            .unwrap_err();
        assert_eq!(refused.status, 401);
    }
    // From here on not even the right one helps.
    let refused = open(vec![("Authorization", format!("Bearer {TOKEN}"))])
        .await
        .unwrap_err();
    assert_eq!(refused.status, 401);
    let mut native = open(Vec::new()).await.unwrap();
    let heard = native.ask(&connect(TOKEN, 4, &[])).await;
    assert_eq!(heard["error"]["details"]["code"], "AUTH_RATE_LIMITED");
    let heard = dialect
        .ask(&json!({"type": "auth", "content": {"token": TOKEN}}))
        .await;
    assert_eq!(heard["content"]["code"], 5002);
    assert_eq!(dialect.until_closed().await.unwrap().0, 1008);
    let _others_go_on = Native::open(&world).await;
}

/// What a request is expected to end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Status(u16),
    /// Upgraded, and may ask for the status.
    Known,
    /// Upgraded, and must show a token first.
    Unknown,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    origin: &'static str,
    host: &'static str,
    route: &'static str,
    fetch: &'static str,
    credential: &'static str,
}

const ORIGINS: [&str; 8] = [
    "none",
    "own",
    "null",
    "evil",
    "listed",
    "listed-upper",
    "other-port",
    "two",
];
const HOSTS: [&str; 8] = [
    "address",
    "localhost",
    "v6",
    "listed",
    "rebound",
    "missing",
    "bracket",
    "two",
];
const ROUTES: [&str; 6] = [
    "GET /",
    "GET /a2a",
    "GET /health",
    "GET /ready",
    "GET /nothing",
    "POST /",
];
const FETCHES: [&str; 6] = [
    "none",
    "mode-only",
    "same-origin",
    "direct",
    "cross",
    "link",
];
const CREDENTIALS: [&str; 5] = ["none", "right", "wrong", "query", "cookie"];

/// The rules written down once more, from the point of view of who asks, and not of the code that answers.
fn expected(case: Case) -> Verdict {
    let Case {
        origin,
        host,
        route,
        fetch,
        credential,
    } = case;
    let is_browser_of_another_site =
        !matches!(fetch, "none" | "mode-only" | "same-origin" | "direct");
    let has_friendly_origin = matches!(origin, "own" | "listed");
    let follows_a_link = fetch == "link" && route.starts_with("GET");
    match (host, origin) {
        ("missing" | "bracket" | "two", _) => return Verdict::Status(400),
        ("rebound", _) => return Verdict::Status(403),
        (_, "two") => return Verdict::Status(400),
        (_, "null" | "evil" | "listed-upper" | "other-port") => return Verdict::Status(403),
        _ => {}
    }
    if is_browser_of_another_site && !has_friendly_origin && !follows_a_link {
        return Verdict::Status(403);
    }
    match route {
        "GET /health" | "GET /ready" => return Verdict::Status(200),
        "GET /nothing" => return Verdict::Status(404),
        "POST /" => return Verdict::Status(405),
        _ => {}
    }
    let looks_like_a_program =
        origin == "none" && matches!(fetch, "none" | "mode-only") && host != "listed";
    match credential {
        "right" => Verdict::Known,
        "wrong" => Verdict::Status(401),
        "none" | "query" if looks_like_a_program => Verdict::Known,
        _ => Verdict::Unknown,
    }
}

fn bytes(case: Case, port: u16) -> Vec<u8> {
    let host = match case.host {
        "address" => format!("127.0.0.1:{port}"),
        "localhost" => format!("LOCALHOST:{port}"),
        "v6" => format!("[::1]:{port}"),
        "listed" => "gate.example".to_owned(),
        "rebound" => format!("rebind.attacker.example:{port}"),
        "bracket" => "[".to_owned(),
        _ => "localhost".to_owned(),
    };
    let mut lines: Vec<(&str, String)> = Vec::new();
    match case.host {
        "missing" => {}
        "two" => lines.extend([("Host", host.clone()), ("Host", host.clone())]),
        _ => lines.push(("Host", host.clone())),
    }
    match case.origin {
        "own" => lines.push(("Origin", format!("http://{host}"))),
        "null" => lines.push(("Origin", "null".to_owned())),
        "evil" => lines.push(("Origin", "https://evil.example".to_owned())),
        "listed" => lines.push(("Origin", "https://dash.example".to_owned())),
        "listed-upper" => lines.push(("Origin", "https://dash.example.evil.example".to_owned())),
        "other-port" => lines.push(("Origin", format!("http://127.0.0.1:{}", port ^ 1))),
        "two" => lines.extend([
            ("Origin", "https://dash.example".to_owned()),
            ("Origin", "https://evil.example".to_owned()),
        ]),
        _ => {}
    }
    let fetch: &[(&str, &str)] = match case.fetch {
        "mode-only" => &[("Sec-Fetch-Mode", "websocket")],
        "same-origin" => &[
            ("Sec-Fetch-Site", "same-origin"),
            ("Sec-Fetch-Mode", "websocket"),
        ],
        "direct" => &[("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate")],
        "cross" => &[
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Mode", "no-cors"),
        ],
        "link" => &[
            ("Sec-Fetch-Site", "same-site"),
            ("Sec-Fetch-Mode", "navigate"),
        ],
        _ => &[],
    };
    lines.extend(
        fetch
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    let (method, path) = case.route.split_once(' ').unwrap();
    let mut path = path.to_owned();
    match case.credential {
        "right" => lines.push(("Authorization", format!("Bearer {TOKEN}"))),
        "wrong" => lines.push(("Authorization", "Bearer 00".to_owned())),
        "query" => path.push_str(&format!("?token={TOKEN}&access_token={TOKEN}")),
        "cookie" => lines.push(("Cookie", format!("token={TOKEN}"))),
        _ => {}
    }
    if matches!(case.route, "GET /" | "GET /a2a" | "POST /") {
        lines.extend(UPGRADE.map(|(name, value)| (name, value.to_owned())));
    }
    if case.route == "POST /" {
        lines.push(("Content-Type", "text/plain".to_owned()));
        lines.push(("Content-Length", "0".to_owned()));
    }
    let lines: Vec<(&str, &str)> = lines
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    http::request(method, &path, &lines)
}

async fn verdict(case: Case, number: usize, address: SocketAddr) -> Verdict {
    let mut stream = connect_from(loopback(number), address).await;
    stream
        .write_all(&bytes(case, address.port()))
        .await
        .unwrap();
    let mut buffer = Vec::new();
    let answer =
        openclaw_tests::soon("an answer", http::read_answer(&mut stream, &mut buffer)).await;
    if answer.status != 101 {
        assert_ne!(answer.status, 0, "{case:?}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            None,
            "{case:?}"
        );
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{case:?}");
        assert!(!answer.text().contains(TOKEN), "{case:?}");
        return Verdict::Status(answer.status);
    }
    let mut socket = Socket::upgraded(stream, buffer);
    let heard = socket.ask(&json!({"type": "status"})).await;
    match (heard["type"].as_str(), heard["content"]["code"].as_u64()) {
        (Some("status"), _) => Verdict::Known,
        (Some("error"), Some(5001)) => Verdict::Unknown,
        _ => panic!("{case:?}: {heard}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mix_of_origin_host_route_fetch_metadata_and_credentials_ends_as_the_rules_say() {
    let world = Setup::two()
        .config(json!({"gateway": {"allowedHosts": ["gate.example"], "allowedOrigins": ["https://dash.example"]}}))
        .start()
        .await;
    let mut cases = Vec::new();
    for origin in ORIGINS {
        for host in HOSTS {
            for route in ROUTES {
                for fetch in FETCHES {
                    for credential in CREDENTIALS {
                        cases.push(Case {
                            origin,
                            host,
                            route,
                            fetch,
                            credential,
                        });
                    }
                }
            }
        }
    }
    assert_eq!(cases.len(), 11_520);
    let mut seen: BTreeMap<Verdict, usize> = BTreeMap::new();
    let mut running = JoinSet::new();
    let mut cases = cases.into_iter().enumerate();
    loop {
        while running.len() < 32
            && let Some((number, case)) = cases.next()
        {
            let address = world.address;
            let _case = running.spawn(async move { (case, verdict(case, number, address).await) });
        }
        let Some(done) = running.join_next().await else {
            break;
        };
        let (case, got) = done.unwrap();
        assert_eq!(got, expected(case), "{case:?}");
        *seen.entry(got).or_default() += 1;
    }
    // Every outcome occurs, so the table tests them all.
    for outcome in [200, 400, 401, 403, 404, 405]
        .map(Verdict::Status)
        .into_iter()
        .chain([Verdict::Known, Verdict::Unknown])
    {
        assert!(seen.contains_key(&outcome), "{outcome:?}: {seen:?}");
    }
}

const FORWARDING: [(&str, &str); 9] = [
    ("Forwarded", "for=1.2.3.4"),
    ("X-Forwarded-For", "1.2.3.4"),
    ("X-Forwarded-Host", "localhost"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Port", "443"),
    ("X-Real-IP", "1.2.3.4"),
    ("X-Client-IP", "1.2.3.4"),
    ("True-Client-IP", "1.2.3.4"),
    ("CF-Connecting-IP", "1.2.3.4"),
];

#[tokio::test]
async fn forwarding_headers_are_believed_from_listed_proxies_only() {
    let world: World = Setup::two()
        .config(json!({"gateway": {"trustedProxies": ["127.7.0.0/16"], "allowedHosts": ["gate.example"]}}))
        .start()
        .await;
    let bearer = format!("Bearer {TOKEN}");
    for (name, value) in FORWARDING {
        for headers in [
            vec![(name, value)],
            vec![(name, value), ("Authorization", bearer.as_str())],
        ] {
            for path in ["/", "/health", "/nothing"] {
                let mut all = vec![("Host", "localhost")];
                all.extend_from_slice(&headers);
                let answer = http::exchange(world.address, &http::request("GET", path, &all)).await;
                assert_eq!(answer.status, 403, "{name} {path}");
            }
            let refused = Socket::try_open(world.address, "/", &headers)
                .await
                .unwrap_err();
            assert_eq!(refused.status, 403, "{name}");
        }
        // A page under another name may set such a header as well.
        let stream = connect_from([127, 7, 1, 1], world.address).await;
        let headers = [("Host", "evil.example"), (name, value)];
        let refused = Socket::upgrade(stream, "/", &headers).await.unwrap_err();
        assert_eq!(refused.status, 403, "{name}");
        // Through the proxy a listed Host works, and a token is always needed.
        for (headers, kind) in [
            (vec![("Host", "gate.example"), (name, value)], "error"),
            (vec![("Host", "localhost"), (name, value)], "error"),
            (
                vec![
                    ("Host", "gate.example"),
                    (name, value),
                    ("Authorization", bearer.as_str()),
                ],
                "status",
            ),
        ] {
            let stream = connect_from([127, 7, 1, 1], world.address).await;
            let mut socket = Socket::upgrade(stream, "/", &headers).await.unwrap();
            assert_eq!(
                socket.ask(&json!({"type": "status"})).await["type"],
                kind,
                "{name}"
            );
        }
    }
    // A listed proxy that names nobody is still no local program.
    let stream = connect_from([127, 7, 1, 2], world.address).await;
    let mut socket = Socket::upgrade(stream, "/", &[("Host", "localhost")])
        .await
        .unwrap();
    assert_eq!(
        socket.ask(&json!({"type": "status"})).await["content"]["code"],
        5001
    );
    let mut socket = Socket::open(world.address).await;
    assert_eq!(
        socket.ask(&json!({"type": "status"})).await["type"],
        "status"
    );
}

#[tokio::test]
async fn another_version_of_the_websocket_protocol_is_told_the_right_one() {
    let world = Setup::two().start().await;
    let mut headers = vec![("Host", "localhost")];
    headers.extend(UPGRADE.map(|(name, value)| match name {
        "Sec-WebSocket-Version" => (name, "8"),
        _ => (name, value),
    }));
    let answer = http::exchange(world.address, &http::request("GET", "/", &headers)).await;
    assert_eq!(answer.status, 426);
    assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}
