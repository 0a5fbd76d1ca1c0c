//! Everything a hostile or broken peer can send: the gateway lives, answers, and others notice nothing.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use openclaw_tests::{
    client::{Heard, Socket, connect_from},
    frame,
    gateway::{Setup, TOKEN, World},
    http::{self, UPGRADE, exchange, request},
    native::{Native, connect},
    random::Random,
    scripted_model::{Script, Step, pieces},
    within,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::Instant,
};

const HOST: (&str, &str) = ("Host", "localhost");

/// That the gateway still does its work.
async fn works(world: &World) {
    let mut socket = Socket::open(world.address).await;
    let answer = socket
        .ask(&json!({"type": "message", "agent": "steward", "content": "still there?"}))
        .await;
    assert_eq!(answer["content"]["content"], "you said: still there?.");
}

#[tokio::test]
async fn the_requests_that_kill_another_gateway_get_an_error_status() {
    let world = Setup::two().start().await;
    for (sent, status) in [
        (request("GET", "/", &[("Host", "[")]), 400),
        (
            request("GET", "/", &[&[("Host", "[")], UPGRADE.as_slice()].concat()),
            400,
        ),
        (request("GET", "//", &[HOST]), 404),
        (
            request("GET", "//", &[&[HOST], UPGRADE.as_slice()].concat()),
            404,
        ),
        (
            request(
                "GET",
                "/",
                &[
                    &[HOST, ("Authorization", "Bearer short")],
                    UPGRADE.as_slice(),
                ]
                .concat(),
            ),
            401,
        ),
        (request("GET", "/?token=short", &[HOST]), 200),
    ] {
        let answer = exchange(world.address, &sent).await;
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&sent));
    }
    let mut socket = Socket::open(world.address).await;
    let heard = socket.ask(&connect("short", 4, &[])).await;
    assert_eq!(heard["error"]["details"]["code"], "AUTH_TOKEN_MISMATCH");
    works(&world).await;
}

#[tokio::test]
async fn requests_that_are_none_are_answered_or_closed() {
    let world = Setup::two().start().await;
    let many: Vec<(String, String)> = (0..200)
        .map(|n| (format!("X-{n}"), "v".to_owned()))
        .collect();
    let many: Vec<(&str, &str)> = many
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let huge = "x".repeat(70_000);
    let cases = [
        (b"\r\n\r\n".to_vec(), [400, 0]),
        (b"GET\r\n\r\n".to_vec(), [400, 0]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), [400, 0]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), [400, 0]),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_vec(), [400, 0]),
        (b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n".to_vec(), [400, 0]),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n".to_vec(), [400, 0]),
        (b"GET / HTTP/1.1\r\nHost: user@localhost\r\n\r\n".to_vec(), [400, 400]),
        (b"GET / HTTP/1.1\r\nHost: localhost:99999\r\n\r\n".to_vec(), [400, 200]),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n".to_vec(), [400, 400]),
        (b"GET / HTTP/1.0\r\n\r\n".to_vec(), [400, 400]),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_vec(), [403, 403]),
        // Only the Host header counts, and no browser sends this form.
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), [403, 200]),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), [404, 405]),
        (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), [404, 405]),
        (b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n".to_vec(), [405, 405]),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(), [400, 405]),
        (request("GET", "/%2e%2e/%2e%2e/etc/passwd", &[HOST]), [404, 404]),
        (request("GET", "/health/../agents", &[HOST]), [404, 404]),
        (request("GET", "/HEALTH", &[HOST]), [404, 404]),
        (request("GET", "/%252f", &[HOST]), [404, 404]),
        (request("GET", "/health%00", &[HOST]), [404, 400]),
        (request("GET", "/", &[&[HOST], many.as_slice()].concat()), [431, 400]),
        (request("GET", &format!("/{huge}"), &[HOST]), [414, 431]),
        (request("GET", "/", &[HOST, ("X", &huge)]), [431, 400]),
        (request("GET", "/", &[HOST, ("Connection", "Upgrade"), ("Upgrade", "websocket")]), [426, 400]),
        (request("GET", "/", &[HOST, ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "short")]), [400, 400]),
    ];
    let mut running = JoinSet::new();
    for (sent, statuses) in cases {
        let address = world.address;
        let _case = running.spawn(async move {
            let answer = exchange(address, &sent).await;
            let shown = String::from_utf8_lossy(&sent[..sent.len().min(80)]).into_owned();
            assert!(
                statuses.contains(&answer.status),
                "{shown:?}: {}",
                answer.status
            );
            assert!(!answer.text().contains(TOKEN), "{shown}");
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    works(&world).await;
}

#[tokio::test]
async fn a_frame_too_large_is_refused_by_its_head_alone() {
    let world = Setup::two().start().await;
    // Somebody unknown may send 64 KiB; nothing of what follows the head is waited for.
    let browser = [("Origin", "http://localhost"), ("Host", "localhost")];
    for length in [64 * 1024 + 1, 1 << 20, 1 << 40, usize::MAX >> 1] {
        let mut socket = Socket::try_open(world.address, "/", &browser)
            .await
            .unwrap();
        socket.raw(&frame::head(0x81, length)).await;
        let (code, _reason) = socket.until_closed().await.unwrap();
        assert!(matches!(code, 1009 | 1002), "{length}: {code}");
    }
    let mut socket = Socket::try_open(world.address, "/", &browser)
        .await
        .unwrap();
    let just_fits = json!({"type": "ping", "padding": "x".repeat(64 * 1024 - 30)}).to_string();
    assert!(just_fits.len() <= 64 * 1024);
    socket.send(frame::TEXT, just_fits.as_bytes()).await;
    assert_eq!(socket.hear().await["type"], "pong");
    // Pieces count together.
    socket.raw(&frame::part(0x01, &vec![b'x'; 40_000])).await;
    socket.raw(&frame::part(0x80, &vec![b'x'; 40_000])).await;
    assert_eq!(socket.until_closed().await.unwrap().0, 1009);
    // Who showed the token may send more, and a program of our own user somewhat more.
    let mut operator = Native::open(&world).await;
    let big = "y".repeat(2 << 20);
    assert_eq!(
        operator.ok("health", json!({"padding": big})).await["ok"],
        true
    );
    let mut local = Socket::open(world.address).await;
    let text = "z".repeat(500_000);
    let answer = local
        .ask(&json!({"type": "message", "agent": "steward", "content": text}))
        .await;
    assert_eq!(
        answer["content"]["content"].as_str().unwrap().len(),
        text.len() + "you said: .".len()
    );
    local.raw(&frame::head(0x81, (1 << 20) + 1)).await;
    assert_eq!(local.until_closed().await.unwrap().0, 1009);
    works(&world).await;
}

#[tokio::test]
async fn what_the_websocket_protocol_forbids_closes_that_socket_with_its_code() {
    let world = Setup::two().start().await;
    let unmasked = [&[0x81, 4][..], b"ping"].concat();
    for (what, sent, codes) in [
        (
            "text that is not UTF-8",
            frame::masked(frame::TEXT, b"{\"type\":\"\xff\"}"),
            [1007, 1007],
        ),
        ("an unmasked frame", unmasked, [1002, 1002]),
        ("reserved bits", frame::part(0xf1, b"{}"), [1002, 1002]),
        ("a reserved opcode", frame::part(0x83, b"{}"), [1002, 1002]),
        ("a fragmented ping", frame::part(0x09, b"x"), [1002, 1002]),
        ("a long ping", frame::part(0x89, &[b'x'; 126]), [1002, 1002]),
        (
            "a continuation of nothing",
            frame::part(0x80, b"x"),
            [1002, 1002],
        ),
        (
            "a text inside a fragmented text",
            [frame::part(0x01, b"{"), frame::masked(frame::TEXT, b"{}")].concat(),
            [1002, 1002],
        ),
        (
            "a close frame with one byte",
            frame::masked(frame::CLOSE, b"x"),
            [1002, 1002],
        ),
        (
            "a close frame with a bad code",
            frame::masked(frame::CLOSE, &5_u16.to_be_bytes()),
            [1002, 1002],
        ),
        (
            "a good close",
            frame::masked(frame::CLOSE, &1000_u16.to_be_bytes()),
            [1000, 1000],
        ),
        (
            "a close without a code",
            frame::masked(frame::CLOSE, b""),
            [1005, 1000],
        ),
    ] {
        let mut socket = Socket::open(world.address).await;
        socket.raw(&sent).await;
        let closed = socket.until_closed().await;
        assert!(
            closed
                .as_ref()
                .is_some_and(|(code, _)| codes.contains(code)),
            "{what}: {closed:?}"
        );
    }
    // Fragments, pings between them and empty ones are fine.
    let mut socket = Socket::open(world.address).await;
    let pieces: [&[u8]; 5] = [b"{\"ty", b"", b"pe\":\"p", b"ing\"", b"}"];
    for (at, piece) in pieces.iter().enumerate() {
        let first = if at == 0 {
            0x01
        } else if at == pieces.len() - 1 {
            0x80
        } else {
            0x00
        };
        socket.raw(&frame::part(first, piece)).await;
        socket
            .raw(&frame::masked(frame::PING, b"are you there"))
            .await;
    }
    assert_eq!(socket.hear().await["type"], "pong");
    works(&world).await;
}

const SEEDS: [&str; 14] = [
    r#"{"type":"message","agent":"alpha","content":{"role":"user","content":"x"},"metadata":{"priority":"high","requiresResponse":false}}"#,
    r#"{"type":"status"}"#,
    r#"{"type":"handshake","content":{"action":"advertise","capabilities":{"supportedMessageTypes":["message"]}}}"#,
    r#"{"type":"subscribe","content":{"channel":"agent:status","agents":["steward"]}}"#,
    r#"{"type":"ping","id":"1","timestamp":1711843200000,"metadata":{"correlationId":"c","ttl":5}}"#,
    r#"{"type":"auth","content":{"token":"0000"}}"#,
    r#"{"type":"disconnect","content":{"reason":"manual"}}"#,
    r#"{"type":"vote","content":{"vote":"approve","proposalId":"p","confidence":0.5}}"#,
    r#"{"type":"request","content":{"service":"sessions"}}"#,
    r#"{"type":"register","agentId":"visitor","timestamp":"2024-03-31T00:00:00.000Z"}"#,
    r#"{"type":"req","id":"1","method":"agents.list","params":{}}"#,
    r#"{"type":"req","id":"2","method":"chat.history","params":{"sessionKey":"agent:steward:main","limit":5}}"#,
    r#"{"type":"req","id":"3","method":"connect","params":{"minProtocol":3,"maxProtocol":4,"client":{"id":"x"},"auth":{"token":"no"}}}"#,
    r#"{"type":"event","event":"x","payload":{},"seq":1,"stateVersion":{"presence":1,"health":2}}"#,
];

const ODD: [&[u8]; 14] = [
    b"\0",
    b"\xff\xfe",
    b"{",
    b"}",
    b"[",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"1e999",
    b"-0",
    b"null",
    b"\xed\xa0\x80",
    b"\x7f",
    b",",
];

fn mutated(random: &mut Random, seeds: &[&str]) -> Vec<u8> {
    let mut bytes = random.pick(seeds).as_bytes().to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] = random.byte(),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            3 => drop(bytes.splice(at..at, random.pick(&ODD).iter().copied())),
            4 => {
                let other = random.pick(seeds).as_bytes();
                let from = random.below(other.len());
                drop(bytes.splice(at..at, other[from..].iter().copied()));
            }
            5 => {
                let end = (at + random.below(20)).min(bytes.len());
                let again: Vec<u8> = bytes[at..end].repeat(random.below(40));
                drop(bytes.splice(at..at, again));
            }
            _ => bytes.insert(at, random.byte()),
        }
    }
    bytes.truncate(60_000);
    bytes
}

/// Frames sent before it is asked whether all of them were dealt with.
const BATCH: usize = 5;

/// Sends mutated frames over as few sockets as the gateway leaves open. After every batch comes a question with a number
/// of its own: whatever the frames were, its answer or a close must come.
async fn frames(address: SocketAddr, lane: u8, count: usize) {
    let mut random = Random::new(u64::from(lane) + 1);
    let is_native = lane % 2 == 1;
    let mut socket = opened(address, lane, is_native).await;
    for number in 0..count / BATCH {
        let mut sent = Vec::new();
        for _ in 0..BATCH {
            let payload = mutated(&mut random, &SEEDS);
            // Valid text mostly, so that more than the check for it is reached.
            let is_text = random.below(20) > 0;
            let payload = if is_text {
                String::from_utf8_lossy(&payload).into_owned().into_bytes()
            } else {
                payload
            };
            let first = if random.below(60) == 0 {
                random.byte()
            } else {
                0x81
            };
            sent.extend(frame::part(first, &payload));
            // A fragment that the mutation began is ended, so that what follows stands alone.
            if matches!(first & 0x8f, 0x01 | 0x02) {
                sent.extend(frame::part(0x80, b""));
            }
        }
        let wanted = format!("probe-{number}");
        let probe = if is_native {
            json!({"type": "req", "id": wanted, "method": "probe"})
        } else {
            json!({"type": "ping", "id": wanted})
        };
        sent.extend(frame::masked(frame::TEXT, probe.to_string().as_bytes()));
        socket.raw(&sent).await;
        loop {
            match socket.next().await {
                Heard::Text(text) if text.contains(&wanted) => break,
                Heard::Text(_) => {}
                Heard::Close(..) | Heard::End => {
                    socket = opened(address, lane, is_native).await;
                    break;
                }
            }
        }
    }
}

async fn opened(address: SocketAddr, lane: u8, is_native: bool) -> Socket {
    let stream = connect_from([127, 1, 1, lane + 1], address).await;
    let offer = if is_native { "openclaw" } else { "a2a-v1" };
    let mut socket = Socket::upgrade(stream, "/", &[("Sec-WebSocket-Protocol", offer)])
        .await
        .unwrap();
    if is_native {
        let _challenge = socket.hear().await;
        assert_eq!(
            socket.ask(&connect(TOKEN, 4, &["operator.read"])).await["ok"],
            true
        );
    }
    socket
}

const REQUESTS: [&str; 6] = [
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost: 127.0.0.1:18789\r\nAccept: */*\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a2a-v1\r\n\r\n",
    "POST /a2a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
    "GET /ready?x=%00 HTTP/1.1\r\nHost: [::1]:1\r\nOrigin: http://localhost\r\nSec-Fetch-Site: none\r\nCookie: a=b\r\n\r\n",
    "HEAD /healthz HTTP/1.0\r\nHost: localhost\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer x\r\n\r\n",
];

/// Sends mutated requests, each on a connection of its own with its end shut, so that an answer or the end must come.
async fn requests(address: SocketAddr, lane: u8, count: usize) {
    let mut random = Random::new(u64::from(lane) + 101);
    for number in 0..count {
        let sent = mutated(&mut random, &REQUESTS);
        // Wrong tokens are counted by address, and this many addresses are never locked out.
        let octet = |n: usize| u8::try_from(n % 250).unwrap() + 1;
        let mut stream = connect_from(
            [127, lane + 10, octet(number / 250), octet(number)],
            address,
        )
        .await;
        // Without lingering, so that thousands of short connections leave no ports behind.
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        drop(stream.write_all(&sent).await);
        drop(stream.shutdown().await);
        let mut answer = Vec::new();
        let reading = async {
            let mut chunk = vec![0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut chunk).await {
                answer.extend_from_slice(&chunk[..length]);
            }
        };
        within(
            "the answer to a mutated request",
            Duration::from_secs(14),
            reading,
        )
        .await;
        let begins_well = answer.is_empty() || answer.starts_with(b"HTTP/1.");
        assert!(
            begins_well,
            "{:?} -> {:?}",
            String::from_utf8_lossy(&sent),
            String::from_utf8_lossy(&answer)
        );
    }
}

/// Frames and requests together; a tenth of them are requests, which cost a connection each.
const FRAMES: usize = 90_000;
const REQUESTS_SENT: usize = 10_000;
/// Connections side by side, of each kind.
const SIDE_BY_SIDE: u8 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_mutated_frames_and_requests_are_each_answered_or_closed() {
    let world = Setup::two()
        .config(json!({"session": {"durability": "os"}}))
        .start()
        .await;
    let mut running = JoinSet::new();
    for lane in 0..SIDE_BY_SIDE {
        let (address, lanes) = (world.address, usize::from(SIDE_BY_SIDE));
        let _frames = running.spawn(frames(address, lane, FRAMES / lanes));
        let _requests = running.spawn(requests(address, lane, REQUESTS_SENT / lanes));
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    let mut client = Native::open(&world).await;
    assert_eq!(client.ok("health", json!({})).await["ok"], true);
    works(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_half_open_and_slow_connections_keep_nobody_from_working() {
    let world = Setup::two()
        .config(json!({"session": {"durability": "os"}}))
        .start()
        .await;
    let mut operator = Native::open(&world).await;
    let mut local = Socket::open(world.address).await;
    assert_eq!(local.ask(&json!({"type": "ping"})).await["type"], "pong");
    let mut silent = Vec::new();
    for n in 0..2_000_usize {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        // Some say nothing, some half a head, some half a frame after an upgrade that shows a browser.
        match n % 3 {
            0 => {}
            1 => stream
                .write_all(b"GET / HTTP/1.1\r\nHost: loc")
                .await
                .unwrap(),
            _ => {
                let all = [&[HOST, ("Origin", "http://localhost")], UPGRADE.as_slice()].concat();
                let mut sent = request("GET", "/", &all);
                sent.extend(frame::head(0x81, 5_000));
                stream.write_all(&sent).await.unwrap();
            }
        }
        silent.push(stream);
        if n % 200 == 0 {
            let id = operator
                .send(
                    "agent",
                    json!({"message": "busy?", "idempotencyKey": format!("k{n}")}),
                )
                .await;
            assert_eq!(operator.answer(&id).await.unwrap()["status"], "accepted");
            assert_eq!(operator.answer(&id).await.unwrap()["status"], "ok");
            let answer = local
                .ask(&json!({"type": "message", "agent": "alpha", "content": "and you?"}))
                .await;
            assert_eq!(answer["type"], "message");
        }
    }
    // Newcomers get in as well.
    works(&world).await;
    // The flood is let go of by itself: nobody of it is left after the handshake's deadline.
    let begun = Instant::now();
    for stream in &mut silent {
        let mut rest = Vec::new();
        let ended = within(
            "a silent connection to be closed",
            Duration::from_secs(14),
            stream.read_to_end(&mut rest),
        )
        .await;
        drop(ended);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(14),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(operator.ok("health", json!({})).await["ok"], true);
    assert_eq!(local.ask(&json!({"type": "ping"})).await["type"], "pong");
}

#[tokio::test]
async fn a_request_that_drips_in_is_cut_off_at_the_deadline() {
    let world = Setup::two().start().await;
    let begun = Instant::now();
    let mut slow = TcpStream::connect(world.address).await.unwrap();
    let mut unmoved = TcpStream::connect(world.address).await.unwrap();
    let mut kept_alive = TcpStream::connect(world.address).await.unwrap();
    kept_alive
        .write_all(&request("GET", "/health", &[HOST]))
        .await
        .unwrap();
    let mut buffer = Vec::new();
    assert_eq!(
        http::read_answer(&mut kept_alive, &mut buffer).await.status,
        200
    );
    let dripping = async {
        for byte in request("GET", "/", &[HOST, ("X-Slow", &"x".repeat(400))]) {
            if slow.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        slow.read_to_end(&mut Vec::new()).await
    };
    let _cut = within("the drip to be cut off", Duration::from_secs(14), dripping).await;
    for stream in [&mut unmoved, &mut kept_alive] {
        let _closed = within(
            "an idle connection to be closed",
            Duration::from_secs(14),
            stream.read_to_end(&mut Vec::new()),
        )
        .await;
    }
    assert!(
        begun.elapsed() >= Duration::from_secs(9),
        "{:?}",
        begun.elapsed()
    );
    works(&world).await;
}

#[tokio::test]
async fn a_silent_stranger_is_let_go_and_a_silent_program_of_our_own_user_is_not() {
    let world = Setup::two().start().await;
    let browser = [("Origin", "http://localhost"), ("Host", "localhost")];
    let mut stranger = Socket::try_open(world.address, "/", &browser)
        .await
        .unwrap();
    let mut talker = Socket::try_open(world.address, "/", &browser)
        .await
        .unwrap();
    assert_eq!(talker.ask(&json!({"type": "ping"})).await["type"], "pong");
    let native = [
        browser.as_slice(),
        &[("Sec-WebSocket-Protocol", "openclaw")],
    ]
    .concat();
    let mut native = Socket::try_open(world.address, "/", &native).await.unwrap();
    let mut own = Socket::offering(world.address, "a2a-v1").await;
    let begun = Instant::now();
    for socket in [&mut stranger, &mut talker, &mut native] {
        let closed = socket.until_closed().await;
        assert_eq!(closed, Some((1008, "handshake timeout".to_owned())));
    }
    assert!(
        begun.elapsed() >= Duration::from_secs(9),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(own.ask(&json!({"type": "ping"})).await["type"], "pong");
}

/// Pieces of 64 KiB in an answer, twice in all of which come over every socket: piece by piece, and whole.
const FLOOD_PIECES: usize = 40;

/// An answer long enough to fill every buffer between the gateway and a client that does not read.
fn flood() -> Script {
    let piece = "x".repeat(64 * 1024);
    let said = (0..FLOOD_PIECES).map(|_| Step::Piece(piece.clone()));
    said.chain([Step::Stop("stop"), Step::Done]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_stop_reading_are_cut_off_and_healthy_ones_go_on() {
    let world = Setup::two()
        .config(json!({"session": {"durability": "os"}}))
        .answers(|asked| {
            if asked.last_user() == "flood" {
                flood()
            } else {
                pieces(&["short"])
            }
        })
        .start()
        .await;
    let mut stuck = Vec::new();
    for _ in 0..50 {
        let socket = TcpSocket::new_v4().unwrap();
        // A small window, so that it is full soon.
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(world.address).await.unwrap();
        let mut socket = Socket::upgrade(stream, "/", &[]).await.unwrap();
        let subscribed = socket
            .ask(&json!({"type": "subscribe", "content": {"channel": "agent:message"}}))
            .await;
        assert_eq!(subscribed["type"], "subscribe");
        stuck.push(socket);
    }
    let mut healthy = Socket::open(world.address).await;
    let answer = healthy
        .ask(&json!({"type": "message", "agent": "steward", "content": "flood"}))
        .await;
    assert_eq!(
        answer["content"]["content"].as_str().map(str::len),
        Some(FLOOD_PIECES * 64 * 1024),
        "{}",
        answer["content"]["message"]
    );
    let mut operator = Native::open(&world).await;
    // Everyone who does not read is gone within the write deadline; status counts listeners.
    within(
        "the stuck clients to be cut off",
        Duration::from_secs(20),
        async {
            loop {
                let status = operator.ok("status", json!({})).await;
                if status["gateway"]["connections"] == 1 {
                    return;
                }
                let answer = healthy
                    .ask(&json!({"type": "message", "agent": "alpha", "content": "hi"}))
                    .await;
                assert_eq!(answer["content"]["content"], "short");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        },
    )
    .await;
    drop(stuck);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_come_and_go_leave_nothing_behind() {
    let world = Arc::new(
        Setup::two()
            .config(json!({"session": {"durability": "os"}}))
            .start()
            .await,
    );
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    let mut running = JoinSet::new();
    for lane in 0..8_u64 {
        let world = Arc::clone(&world);
        let _lane = running.spawn(async move {
            let mut random = Random::new(lane + 1);
            for n in 0..100 {
                let mut socket = Socket::open(world.address).await;
                let subscribe = json!({"type": "subscribe", "content": {"channel": "agent:message"}});
                socket.say(&subscribe).await;
                // Others are talking already, and this may be heard before the answer.
                while socket.hear().await["type"] != "subscribe" {}
                if random.below(3) == 0 {
                    let frame = json!({"type": "message", "agent": "alpha", "content": "x", "sessionId": format!("s{lane}-{n}")});
                    socket.say(&frame).await;
                }
                match random.below(3) {
                    0 => socket.close().await,
                    1 => drop(socket),
                    _ => {
                        let stream = socket.into_stream();
                        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
                    }
                }
            }
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    let mut operator = Native::open(&world).await;
    within(
        "every connection to be forgotten",
        Duration::from_secs(20),
        async {
            loop {
                let status = operator.ok("status", json!({})).await;
                let idle = status["agents"]["busy"] == 0;
                if status["gateway"]["connections"] == 1 && idle && descriptors() <= before + 24 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_told_so_and_gets_in_when_another_leaves() {
    let world = Setup::two()
        .config(json!({"limits": {"connections": 8}}))
        .start()
        .await;
    let mut open = Vec::new();
    for _ in 0..8 {
        let mut socket = Socket::open(world.address).await;
        assert_eq!(socket.ask(&json!({"type": "ping"})).await["type"], "pong");
        open.push(socket);
    }
    let mut refused = TcpStream::connect(world.address).await.unwrap();
    let mut buffer = Vec::new();
    let answer = within(
        "the refusal",
        Duration::from_secs(5),
        http::read_answer(&mut refused, &mut buffer),
    )
    .await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("1"))
    );
    open.pop().unwrap().close().await;
    openclaw_tests::soon("a place", async {
        loop {
            let stream = TcpStream::connect(world.address).await.unwrap();
            if let Ok(mut socket) = Socket::upgrade(stream, "/", &[]).await {
                assert_eq!(socket.ask(&json!({"type": "ping"})).await["type"], "pong");
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_socket_with_many_questions_at_once_gets_every_answer() {
    let world = Setup::two()
        .config(json!({"limits": {"laneDepth": 1000}, "session": {"durability": "os"}}))
        .start()
        .await;
    let mut client = Native::open(&world).await;
    let mut ids = Vec::new();
    for n in 0..600 {
        ids.push(
            client
                .send(
                    "agent",
                    json!({"message": "x", "idempotencyKey": format!("k{n}"),
            "sessionKey": format!("agent:alpha:s{}", n % 40)}),
                )
                .await,
        );
    }
    for id in &ids {
        assert_eq!(client.answer(id).await.unwrap()["status"], "accepted");
        assert_eq!(client.answer(id).await.unwrap()["status"], "ok");
    }
    assert_eq!(world.model().asked().len(), 600);
    let _events: Vec<Value> = client.events();
}
