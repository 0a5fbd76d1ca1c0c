//! What is recorded is heard again, byte for byte, with nobody left to ask; and nothing else is in the files.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use openclaw_accounts::Caller;
use openclaw_models::{
    Chunk, DeploymentOptions, Error, Models, Options, ProviderOptions, Request, Secret,
    dialect::Front,
    error::Kind,
    exchange::{Answer, Ask, Body, Failure},
    recording::{self, Counts},
};
use openclaw_types::{Message, Role, RunId};
use serde_json::{Value, json};

use crate::{
    DEADLINE, collect, hello, options, provider,
    server::{Act, Asked, Server, answer, delta, end, piece, stream_head, whole},
    start, steward,
};

const KEY: &str = "sk-provider-secret-0123456789";
const MASTER_KEY: &str = "sk-master-secret-0123456789";
const DOCUMENT: &str = r#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"all"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

struct World {
    home: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().expect("a directory"),
        }
    }

    fn agents(&self) -> PathBuf {
        self.home.path().join("agents")
    }

    fn callers(&self) -> PathBuf {
        self.home.path().join("router/recordings")
    }

    fn record(&self, bytes_max: u64) -> Option<recording::Options> {
        Some(recording::Options {
            agents: self.agents(),
            callers: self.callers(),
            bytes_max,
            secrets: vec![Secret::new(MASTER_KEY)],
        })
    }

    /// Models that ask this server and take everything down.
    fn recording(&self, server: &Server, bytes_max: u64) -> Models {
        let mut options = options(Vec::new());
        options.record = self.record(bytes_max);
        options.routing.deployments = vec![DeploymentOptions {
            base_url: Some(server.url.clone()),
            key: Some(Secret::new(KEY)),
            ..DeploymentOptions::named("agent/steward", "somebody", "m", crate::DEADLINES)
        }];
        start(options)
    }

    /// Models that have nobody to ask.
    fn replaying(&self, dir: &Path) -> Models {
        start(replaying(dir))
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut dirs = vec![self.home.path().to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    dirs.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files.sort();
        files
    }
}

fn replaying(dir: &Path) -> Options {
    let replay = ProviderOptions {
        recordings: Some(dir.to_owned()),
        ..provider("replay", "")
    };
    Options {
        default_model: Some("replay/recorded".to_owned()),
        ..options(vec![replay])
    }
}

/// Waits until so many recordings have been dealt with.
async fn counted(models: &Models, wanted: impl Fn(&Counts) -> bool) -> Counts {
    let waiting = async {
        loop {
            let counts = models.recordings().expect("it records");
            if wanted(&counts) {
                return counts;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, waiting).await;
    waited.expect("they are written")
}

fn said(text: &str) -> Request {
    Request {
        messages: vec![
            Message::text(Role::System, "Today is 2026-01-02."),
            Message::text(Role::User, text),
        ],
        run: Some(RunId::parse("run-7").expect("an id")),
        ..Request::default()
    }
}

fn ask(front: Front, body: &Value) -> Ask {
    let body = Bytes::from(body.to_string());
    Ask {
        is_streaming: body.windows(13).any(|part| part == b"\"stream\":true"),
        ..Ask::new(Caller::Open, front, "agent/steward", body)
    }
}

fn chat(text: &str, is_streaming: bool) -> Ask {
    let body = json!({"stream": is_streaming, "messages": [{"role": "user", "content": text}]});
    ask(Front::Chat, &body)
}

async fn read(answer: Answer) -> (u16, Vec<u8>, bool) {
    let bytes = match answer.body {
        Body::Whole(bytes) => bytes.to_vec(),
        Body::Events(events) => events.collect::<Vec<_>>().await.concat(),
        Body::Raw(raw) => {
            let pieces: Result<Vec<_>, _> = raw.collect::<Vec<_>>().await.into_iter().collect();
            pieces.expect("it does not break").concat()
        }
    };
    (answer.status, bytes, answer.meter.read().is_whole)
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("a recording");
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("lines of JSON")
}

#[tokio::test]
async fn an_agents_turn_is_heard_again_without_its_server() {
    let world = World::new();
    let server = Server::start(|_| answer(&["Hel", "lo"])).await;
    let models = world.recording(&server, 1 << 20);
    let (recorded, error) = collect(models.stream(&steward(), said("Hello"))).await;
    assert!(error.is_none(), "{error:?}");
    models.shutdown().await;
    drop(server);

    let replay = world.replaying(&world.agents());
    // Another day, and another agent.
    let mut request = said("Hello");
    request.messages[0] = Message::text(Role::System, "Today is 2026-05-06.");
    let main = openclaw_types::AgentId::parse("main").expect("an id");
    let (heard, error) = collect(replay.stream(&main, request)).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(heard, recorded);
    assert!(heard.iter().any(|chunk| matches!(chunk, Chunk::Usage(_))));

    let files = world.files();
    let [file] = files.as_slice() else {
        panic!("one recording: {files:?}")
    };
    assert!(file.starts_with(world.agents().join("steward/recordings")));
    let name = file.file_name().expect("a name").to_string_lossy();
    assert!(name.ends_with(".run-7.jsonl"), "{name}");
    let lines = lines(file);
    let kinds: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["kind"].as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "request", "answer", "piece", "piece", "piece", "piece", "end"
        ]
    );
    let (first, head, last) = (&lines[0], &lines[1], &lines[6]);
    assert_eq!(first["agent"], "steward");
    assert_eq!(first["runId"], "run-7");
    assert!(name.starts_with(first["key"].as_str().expect("a key")));
    assert_eq!(head["model"], "m");
    assert_eq!(head["status"], 200);
    assert_eq!(head["headers"]["content-type"], "text/event-stream");
    assert_eq!(last["outcome"], "whole");
    assert_eq!(last["usage"]["input"], 11);
}

#[tokio::test]
async fn what_clients_got_is_heard_again_byte_for_byte() {
    let world = World::new();
    let server = Server::start(|asked| {
        if asked.body.contains("\"stream\":true") {
            answer(&["Hel", "lo"])
        } else if asked.path().contains("embeddings") {
            let body = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":2,"total_tokens":2}}"#;
            vec![whole(200, "x-request-id: r1\r\nset-cookie: c=secret\r\n", body)]
        } else {
            vec![whole(200, "", DOCUMENT)]
        }
    })
    .await;
    let messages =
        json!({"stream": true, "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]});
    let asks = || {
        [
            chat("Hello", true),
            chat("Hello", false),
            ask(Front::Messages, &messages),
            ask(Front::Embeddings, &json!({"input": "Hello"})),
        ]
    };
    let models = world.recording(&server, 1 << 20);
    let mut recorded = Vec::new();
    for ask in asks() {
        recorded.push(read(models.exchange(ask).await.expect("an answer")).await);
    }
    models.shutdown().await;
    drop(server);
    assert!(
        world
            .files()
            .iter()
            .all(|file| file.starts_with(world.callers()))
    );

    let replay = world.replaying(&world.callers());
    for (ask, recorded) in asks().into_iter().zip(recorded) {
        let ask = Ask {
            reference: "replay/m".to_owned(),
            ..ask
        };
        let answer = replay.exchange(ask).await.expect("an answer");
        assert_eq!(read(answer).await, recorded);
        assert!(recorded.2, "it was whole");
    }
}

#[tokio::test]
async fn one_question_is_answered_in_the_order_it_was_asked() {
    let world = World::new();
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |_| {
        let count = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        answer(&[["first", "second"][count.min(1)]])
    })
    .await;
    let models = world.recording(&server, 1 << 20);
    for _ in 0..2 {
        collect(models.stream(&steward(), hello())).await;
    }
    models.shutdown().await;
    let replay = world.replaying(&world.agents());
    for wanted in ["first", "second", "second"] {
        let (chunks, _) = collect(replay.stream(&steward(), hello())).await;
        assert_eq!(chunks[1], Chunk::Text(wanted.to_owned()));
    }
}

#[tokio::test]
async fn what_was_never_asked_is_refused_with_the_nearest_that_was() {
    let world = World::new();
    let server = Server::start(|asked| {
        if asked.body.contains("\"stream\":true") {
            return answer(&["Hello"]);
        }
        vec![whole(200, "", DOCUMENT)]
    })
    .await;
    let models = world.recording(&server, 1 << 20);
    collect(models.stream(&steward(), said("How are you?"))).await;
    collect(models.stream(&steward(), hello())).await;
    read(models.exchange(chat("Hello", false)).await.expect("one")).await;
    models.shutdown().await;

    let replay = world.replaying(&world.agents());
    let (chunks, error) = collect(replay.stream(&steward(), said("How were you?"))).await;
    assert_eq!(chunks, []);
    let error = error.expect("a refusal");
    let Error::Unrecorded { nearest, .. } = &error else {
        panic!("typed: {error:?}")
    };
    let (file, at) = nearest.as_ref().expect("the nearest");
    assert_eq!(at, "messages[1].content");
    assert!(file.contains(".run-7."), "{file}");
    assert_eq!(error.kind(), Kind::BadRequest);
    assert!(
        error.to_string().contains("no recording of this request"),
        "{error}"
    );

    // What a client asked is a question of its own.
    let failure = replay.exchange(chat("Hello", false)).await;
    assert!(
        matches!(
            failure,
            Err(Failure::Unserved { .. } | Failure::Upstream(_))
        ),
        "{failure:?}"
    );
    let replay = world.replaying(&world.callers());
    let ask = Ask {
        reference: "replay/m".to_owned(),
        ..chat("Goodbye", false)
    };
    let failure = replay.exchange(ask).await.expect_err("a refusal");
    let Failure::Upstream(upstream) = failure else {
        panic!("typed: {failure:?}")
    };
    assert_eq!(upstream.shown_status(), 400);
    assert!(
        upstream.message.contains("messages[0].content"),
        "{}",
        upstream.message
    );
}

#[tokio::test]
async fn failed_attempts_and_broken_answers_are_kept_and_heard_again() {
    let world = World::new();
    let broken = |asked: &Asked| {
        if asked.model() == "first" {
            vec![whole(
                429,
                "retry-after: 1\r\n",
                r#"{"error":{"message":"slow down"}}"#,
            )]
        } else {
            vec![stream_head(), delta("Hel"), Act::Reset]
        }
    };
    let server = Server::start(broken).await;
    let deployment = |group: &str, model: &str| DeploymentOptions {
        base_url: Some(server.url.clone()),
        ..DeploymentOptions::named(group, "somebody", model, crate::DEADLINES)
    };
    let recording = || {
        let mut options = options(Vec::new());
        options.record = world.record(1 << 20);
        options.routing.deployments = vec![
            deployment("agent/steward", "first"),
            deployment("agent/steward-failover", "second"),
        ];
        start(options)
    };
    let models = recording();
    let (recorded, error) = collect(models.stream(&steward(), hello())).await;
    let kind = error.expect("it breaks").kind();
    models.shutdown().await;
    // Others, for whom the first one does not rest.
    let models = recording();
    let answer = models.exchange(chat("Hello", true)).await;
    read(answer.expect("it begins")).await;
    models.shutdown().await;
    drop(server);

    for file in world.files() {
        let lines = lines(&file);
        assert_eq!(lines[1]["kind"], "attempt", "{file:?}");
        assert_eq!(lines[1]["status"], 429);
        assert_eq!(lines[1]["error"], "rate-limited");
        assert_eq!(lines[1]["reference"], "somebody/first");
        assert_eq!(lines[2]["model"], "second");
        assert_eq!(lines.last().expect("an end")["outcome"], "failed");
    }
    let replay = world.replaying(&world.agents());
    let (heard, error) = collect(replay.stream(&steward(), hello())).await;
    assert_eq!(heard, recorded);
    assert_eq!(error.expect("it breaks again").kind(), kind);
}

#[tokio::test]
async fn the_oldest_go_when_there_are_too_many_bytes() {
    const BYTES_MAX: u64 = 64 << 10;
    let world = World::new();
    let text = "x".repeat(4_000);
    let server = Server::start(move |_| answer(&[&text])).await;
    let models = world.recording(&server, BYTES_MAX);
    for n in 0..40 {
        collect(models.stream(&steward(), said(&n.to_string()))).await;
        counted(&models, |counts| counts.written == n + 1).await;
        let bytes: u64 = world
            .files()
            .iter()
            .map(|file| fs::metadata(file).expect("a file").len())
            .sum();
        let counts = models.recordings().expect("it records");
        assert!(bytes <= BYTES_MAX, "{bytes}");
        assert_eq!(counts.bytes, bytes);
    }
    let counts = models.recordings().expect("it records");
    assert!(counts.removed > 20, "{counts:?}");
    let kept: Vec<String> = world
        .files()
        .iter()
        .map(|file| lines(file)[0]["request"]["messages"][1]["content"].to_string())
        .collect();
    assert_eq!(kept.len() as u64, 40 - counts.removed);
    assert!(kept.contains(&"\"39\"".to_owned()) && !kept.contains(&"\"0\"".to_owned()));
    models.shutdown().await;

    // What is there at the next start counts too.
    let models = world.recording(&server, BYTES_MAX / 2);
    collect(models.stream(&steward(), said("again"))).await;
    let counts = counted(&models, |counts| counts.written == 1).await;
    assert!(
        counts.bytes <= BYTES_MAX / 2 && counts.removed > 0,
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_long_answer_is_cut_and_says_so() {
    let world = World::new();
    let text = "y".repeat(6_000);
    let server = Server::start(move |_| answer(&[&text, &text, &text, &text])).await;
    let models = world.recording(&server, 64 << 10);
    let (chunks, error) = collect(models.stream(&steward(), hello())).await;
    assert!(
        error.is_none() && chunks.len() == 7,
        "the agent gets all of it"
    );
    counted(&models, |counts| counts.cut == 1).await;
    models.shutdown().await;
    let lines = lines(&world.files()[0]);
    assert_eq!(lines.last().expect("an end")["isTruncated"], true);
    let replay = world.replaying(&world.agents());
    let (_, error) = collect(replay.stream(&steward(), hello())).await;
    assert!(matches!(error, Some(Error::CutOff { .. })), "{error:?}");
}

#[tokio::test]
async fn no_key_is_in_any_file_and_nobody_else_may_read_them() {
    let world = World::new();
    // A server that repeats its key, cut in two, and a request that holds the master key.
    let (one, other) = KEY.split_at(9);
    let server = Server::start(move |asked| {
        if asked.body.contains("refuse") {
            let body = json!({"error": {"message": format!("your key {KEY} is wrong")}});
            return vec![whole(401, &format!("x-echo: {KEY}\r\n"), &body.to_string())];
        }
        let mut acts = vec![stream_head(), delta(one), delta(other), delta(KEY)];
        acts.push(piece(&format!(": {KEY}\n\n")));
        acts.extend([
            piece(
                "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
            ),
            piece("data: [DONE]\n\n"),
            end(),
        ]);
        acts
    })
    .await;
    let models = world.recording(&server, 1 << 20);
    collect(models.stream(&steward(), said(&format!("My key is {MASTER_KEY}")))).await;
    collect(models.stream(&steward(), said("refuse"))).await;
    let body = json!({"stream": true, "api_key": "sk-of-the-client-123", "messages": [{"role": "user", "content": MASTER_KEY}]});
    read(
        models
            .exchange(ask(Front::Chat, &body))
            .await
            .expect("an answer"),
    )
    .await;
    models.shutdown().await;

    let files = world.files();
    assert_eq!(files.len(), 3);
    for file in &files {
        let text = fs::read_to_string(file).expect("a recording");
        for key in [KEY, MASTER_KEY, "sk-of-the-client-123", "Bearer"] {
            assert!(!text.contains(key), "{file:?}: {text}");
        }
        let joined: String = lines(file)
            .iter()
            .filter_map(|line| line["said"]["text"].as_str().map(str::to_owned))
            .collect();
        assert!(!joined.contains(KEY), "{joined}");
        let mode = |path: &Path| {
            fs::metadata(path)
                .expect("it is there")
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(mode(file), 0o600);
        let part = file.parent().expect("its part");
        assert_eq!(mode(part), 0o700);
        assert_eq!(mode(part.parent().expect("recordings")), 0o700);
    }
}

#[tokio::test]
async fn what_a_killed_writer_left_is_no_recording_and_goes_at_the_next_start() {
    let world = World::new();
    let server = Server::start(|_| answer(&["Hello"])).await;
    let models = world.recording(&server, 1 << 20);
    collect(models.stream(&steward(), hello())).await;
    counted(&models, |counts| counts.written == 1).await;
    models.shutdown().await;
    let whole = world.files().remove(0);
    let text = fs::read(&whole).expect("a recording");
    let torn = PathBuf::from(format!("{}.part", whole.display()));
    fs::write(&torn, &text[..text.len() / 2]).expect("a file");

    let replay = world.replaying(&world.agents());
    let (_, error) = collect(replay.stream(&steward(), hello())).await;
    assert!(error.is_none(), "{error:?}");
    let models = world.recording(&server, 1 << 20);
    counted(&models, |counts| counts.bytes > 0).await;
    assert_eq!(world.files(), std::slice::from_ref(&whole));

    // Half a file under a whole one's name, as a broken disk leaves it, is told and not believed.
    fs::write(&whole, &text[..text.len() / 2]).expect("a file");
    let replay = world.replaying(&world.agents());
    let (_, error) = collect(replay.stream(&steward(), hello())).await;
    assert!(matches!(error, Some(Error::Recording { .. })), "{error:?}");
    models.shutdown().await;
}

#[tokio::test]
async fn who_goes_away_leaves_a_recording_that_is_only_heard_when_there_is_no_other() {
    let world = World::new();
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |_| {
        if count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            return vec![stream_head(), delta("one"), Act::Hang];
        }
        answer(&["two"])
    })
    .await;
    let models = world.recording(&server, 1 << 20);
    let mut stream = models.stream(&steward(), hello());
    while let Some(Ok(chunk)) = stream.next().await {
        if matches!(chunk, Chunk::Text(_)) {
            break;
        }
    }
    drop(stream);
    counted(&models, |counts| counts.written == 1).await;
    let replay = world.replaying(&world.agents());
    let (chunks, error) = collect(replay.stream(&steward(), hello())).await;
    assert_eq!(chunks[1], Chunk::Text("one".to_owned()));
    assert!(matches!(error, Some(Error::CutOff { .. })), "{error:?}");

    collect(models.stream(&steward(), hello())).await;
    models.shutdown().await;
    let replay = world.replaying(&world.agents());
    for _ in 0..2 {
        let (chunks, error) = collect(replay.stream(&steward(), hello())).await;
        assert_eq!(chunks[1], Chunk::Text("two".to_owned()));
        assert!(error.is_none(), "{error:?}");
    }
}

/// Requests that a disk which stands still has no room for.
const TOO_MANY: u64 = 40;
/// Recordings that may wait for the disk.
const WAITING: u64 = 1_024;

#[test]
fn a_disk_that_stands_still_slows_no_request_and_what_is_given_up_is_counted() {
    // The only thread for slow work is the disk's, and it stands still until it is told to go on.
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(2)
        .max_blocking_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let (go_on, stands_still) = std::sync::mpsc::channel::<()>();
    runtime.block_on(async {
        let disk = tokio::task::spawn_blocking(move || stands_still.recv());
        let world = World::new();
        let server = Server::start(|_| vec![whole(200, "", DOCUMENT)]).await;
        let models = world.recording(&server, 64 << 20);
        let mut slowest = Duration::ZERO;
        for number in 0..WAITING + TOO_MANY {
            let began = tokio::time::Instant::now();
            let answered = models.exchange(chat(&number.to_string(), false));
            let answered = tokio::time::timeout(DEADLINE, answered).await;
            let answer = answered.expect("in time").expect("an answer");
            assert_eq!(read(answer).await.0, 200);
            slowest = slowest.max(began.elapsed());
        }
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
        let counts = counted(&models, |counts| counts.dropped == TOO_MANY).await;
        assert_eq!((counts.written, counts.failed), (0, 0), "{counts:?}");
        go_on.send(()).expect("it waits");
        disk.await.expect("it ends").expect("it was told");
        let counts = counted(&models, |counts| counts.written == WAITING).await;
        assert_eq!((counts.dropped, counts.failed), (TOO_MANY, 0), "{counts:?}");
        models.shutdown().await;
        assert_eq!(world.files().len() as u64, WAITING);
    });
}

/// Cargo puts examples beside the directory of the tests.
fn recorder() -> PathBuf {
    let deps = std::env::current_exe().expect("a test");
    let target = deps.parent().and_then(Path::parent).expect("a directory");
    let path = target.join("examples/recorder");
    assert!(path.exists(), "{} is not built", path.display());
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_killed_leaves_whole_recordings_and_nothing_torn() {
    let world = World::new();
    let long = DOCUMENT.replace("all", &"all of it ".repeat(40_000));
    let server = Server::start(move |_| vec![whole(200, "", &long)]).await;
    let mut kept = 0;
    for round in 1..=8 {
        let mut child = std::process::Command::new(recorder())
            .args([
                server.url.as_str(),
                &world.home.path().display().to_string(),
            ])
            .spawn()
            .expect("it starts");
        let is_part = |path: &PathBuf| path.extension().is_some_and(|end| end == "part");
        let written = async {
            let wholes = || world.files().into_iter().filter(|path| !is_part(path));
            while wholes().count() < kept + round {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(DEADLINE, written)
            .await
            .expect("it records");
        child.kill().expect("it is ours");
        child.wait().expect("it has ended");
        let (parts, wholes): (Vec<_>, Vec<_>) = world.files().into_iter().partition(is_part);
        assert!(parts.len() <= 1, "one is written at a time: {parts:?}");
        assert!(wholes.len() > kept, "round {round} left none");
        kept = wholes.len();
        for path in &wholes {
            let lines = lines(path);
            let text = fs::read_to_string(path).expect("a recording");
            assert!(
                lines.len() > 1 && text.ends_with('\n'),
                "{}",
                path.display()
            );
        }
    }
    // The next start keeps what is whole and lets the rest go.
    let models = world.recording(&server, 1 << 32);
    counted(&models, |counts| counts.bytes > 0).await;
    assert_eq!(world.files().len(), kept);
    models.shutdown().await;
}
