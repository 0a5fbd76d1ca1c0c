//! Every fault of a backend in every dialect: each request ends within its deadline, with the outcome it should have.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt as _;
use openclaw_accounts::Caller;
use openclaw_models::{
    Api, Deadlines, DeploymentOptions, Models, Options, RoutingOptions, Secret,
    dialect::Front,
    exchange::{Answer as Answered, Ask, Body, Failure},
};
use openclaw_tests::{
    backend::Backend,
    http::{End, Whole},
};
use openclaw_types::SystemEnv;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// The deadlines of every backend here.
const DEADLINES: Deadlines = Deadlines {
    connect_ms: 2_000,
    first_byte_ms: 1_000,
    idle_ms: 700,
    total_ms: 2_500,
};
/// Past the longest of them a request has no business; the rest is for a loaded machine.
const DEADLINE: Duration = Duration::from_secs(8);
/// Requests under way at a time.
const CONCURRENT: usize = 24;
/// A client that is told more than this leaves.
const FLOOD_BYTES: usize = 16 * 1024 * 1024;
/// What is held while backends flood us, over what was held before.
const FLOOD_KIB: u64 = 128 * 1024;

/// The dialects of backends, and what comes after the mode in their addresses.
pub(crate) const DIALECTS: [(&str, Api, &str); 5] = [
    ("chat", Api::OpenAiCompletions, "/v1"),
    ("messages", Api::AnthropicMessages, "/v1"),
    ("responses", Api::OpenAiResponses, "/v1"),
    ("gemini", Api::Gemini, "/v1beta"),
    ("ollama", Api::Ollama, ""),
];

/// How a request may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// The whole answer.
    Answer,
    /// An error of this class before anything was said.
    Refused(Class),
    /// Something was said, then an error, and no end mark.
    Broken,
}

/// Statuses that say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// This one.
    Is(u16),
    /// The backend is at fault: any 5xx.
    Backend,
    /// It took too long: 408 or 504.
    Late,
}

use Class::{Backend as AtFault, Is, Late};
use Outcome::{Answer, Broken, Refused};

/// Each mode, what is made of a whole answer, and of a stream.
pub(crate) const FAULTS: [(&str, Outcome, Outcome); 40] = [
    ("reply", Answer, Answer),
    ("400", Refused(Is(400)), Refused(Is(400))),
    ("401", Refused(Is(401)), Refused(Is(401))),
    ("402", Refused(Is(402)), Refused(Is(402))),
    ("403", Refused(Is(403)), Refused(Is(403))),
    ("404", Refused(Is(404)), Refused(Is(404))),
    ("408", Refused(Late), Refused(Late)),
    ("409", Refused(Is(409)), Refused(Is(409))),
    ("413", Refused(Is(413)), Refused(Is(413))),
    ("418", Refused(Is(418)), Refused(Is(418))),
    ("422", Refused(Is(422)), Refused(Is(422))),
    ("429", Refused(Is(429)), Refused(Is(429))),
    ("storm", Refused(Is(429)), Refused(Is(429))),
    ("500", Refused(AtFault), Refused(AtFault)),
    ("502", Refused(AtFault), Refused(AtFault)),
    ("503", Refused(AtFault), Refused(AtFault)),
    ("504", Refused(AtFault), Refused(AtFault)),
    ("529", Refused(AtFault), Refused(AtFault)),
    ("ctx", Refused(Is(400)), Refused(Is(400))),
    ("moved", Refused(AtFault), Refused(AtFault)),
    ("error200", Refused(AtFault), Refused(AtFault)),
    ("html", Refused(AtFault), Refused(AtFault)),
    ("malformed", Refused(AtFault), Refused(AtFault)),
    ("empty", Refused(AtFault), Refused(AtFault)),
    ("drop", Refused(AtFault), Refused(AtFault)),
    ("reset", Refused(AtFault), Refused(AtFault)),
    ("garbage", Refused(AtFault), Refused(AtFault)),
    ("hang", Refused(Late), Refused(Late)),
    ("silence", Refused(Late), Refused(Late)),
    ("drip", Refused(Late), Refused(Late)),
    ("close0", Answer, Refused(AtFault)),
    ("err0", Answer, Refused(AtFault)),
    ("badsse", Answer, Refused(AtFault)),
    ("badjson", Answer, Refused(AtFault)),
    ("midclose", Answer, Broken),
    ("midreset", Answer, Broken),
    ("miderr", Answer, Broken),
    ("midhang", Answer, Broken),
    ("split", Answer, Answer),
    ("crlf", Answer, Answer),
];

/// One deployment a fault and dialect, and the same with a well-behaved fallback.
fn routing(backend: &Backend) -> RoutingOptions {
    let mut routing = RoutingOptions::default();
    routing.settings.num_retries = 0;
    routing.settings.disable_cooldowns = true;
    let mut add = |group: &str, api: Api, base: String| {
        let mut deployment = DeploymentOptions::named(group, group, "mock", DEADLINES);
        deployment.api = Some(api);
        deployment.base_url = Some(base);
        deployment.key = Some(Secret::new("sk-upstream-secret"));
        routing.deployments.push(deployment);
    };
    let more = ["endless", "bigline", "odd", "nodone"];
    let modes: Vec<&str> = FAULTS.iter().map(|(mode, ..)| *mode).chain(more).collect();
    for (dialect, api, version) in DIALECTS {
        for mode in &modes {
            let base = |group: &str| {
                format!(
                    "{}{version}",
                    backend.base(&format!("{mode},g={dialect}-{group}"))
                )
            };
            add(&format!("{dialect}-{mode}"), api, base("alone"));
            add(&format!("safe-{dialect}-{mode}"), api, base("safe"));
        }
    }
    let spare = format!("{}/v1", backend.base("reply,l=spare"));
    add("spare", Api::OpenAiCompletions, spare);
    for (name, base) in ELSEWHERE {
        let base = base.replace("BACKEND", &backend.address.to_string());
        add(name, Api::OpenAiCompletions, base.clone());
        add(&format!("safe-{name}"), Api::OpenAiCompletions, base);
    }
    for deployment in &routing.deployments {
        let group = deployment.group.to_string();
        if group.starts_with("safe-") {
            let _before = routing
                .settings
                .fallbacks
                .insert(group, vec!["spare".to_owned()]);
        }
    }
    routing
}

/// Backends that can't be talked to at all: no such host, no TLS where it is wanted, nobody there.
const ELSEWHERE: [(&str, &str); 3] = [
    ("nowhere", "http://nobody.invalid/v1"),
    ("plain", "https://BACKEND/m/reply/v1"),
    ("refused", "http://127.0.0.1:9/v1"),
];

pub(crate) fn models(backend: &Backend) -> Models {
    let options = Options {
        routing: routing(backend),
        ..openclaw_tests::models::options()
    };
    Models::start(options, Arc::new(SystemEnv), CancellationToken::new()).unwrap()
}

async fn ask(models: &Models, model: &str, is_streaming: bool) -> (Whole, Duration) {
    let body = json!({"model": model, "stream": is_streaming, "messages": [{"role": "user", "content": "hi"}]});
    let mut ask = Ask::new(
        Caller::Open,
        Front::Chat,
        model,
        Bytes::from(body.to_string()),
    );
    ask.is_streaming = is_streaming;
    let began = Instant::now();
    let told = async {
        match models.exchange(ask).await {
            Ok(answer) => read(answer).await,
            Err(failure) => refusal(&failure),
        }
    };
    let whole = tokio::time::timeout(DEADLINE, told).await;
    let late = || told_as(0, Vec::new(), End::Late);
    (whole.unwrap_or_else(|_elapsed| late()), began.elapsed())
}

fn told_as(status: u16, body: Vec<u8>, end: End) -> Whole {
    Whole {
        status,
        head: String::new(),
        body,
        end,
    }
}

async fn read(answer: Answered) -> Whole {
    let mut body = Vec::new();
    match answer.body {
        Body::Whole(bytes) => body.extend_from_slice(&bytes),
        Body::Events(mut events) => {
            while let Some(bytes) = events.next().await {
                if body.len() < FLOOD_BYTES {
                    body.extend_from_slice(&bytes);
                } else {
                    return told_as(200, body, End::Flood);
                }
            }
        }
        Body::Raw(_) => panic!("nothing is passed through here"),
    }
    told_as(answer.status, body, End::Whole)
}

fn refusal(failure: &Failure) -> Whole {
    let status = match failure {
        Failure::Upstream(upstream) => upstream.shown_status(),
        // Who asked to be left alone for a day is not asked again by the next request.
        Failure::Resting { .. } => 429,
        other => panic!("{other:?}"),
    };
    let body = json!({"error": {"message": failure.to_string(), "code": status.to_string()}});
    told_as(status, body.to_string().into_bytes(), End::Whole)
}

/// What came of a request, or what is wrong with it.
fn outcome(answer: &Whole, is_streaming: bool) -> Result<Outcome, String> {
    let text = answer.text();
    if answer.end != End::Whole {
        return Err(format!(
            "the answer is {:?}: {} {text:.200}",
            answer.end, answer.status
        ));
    }
    if answer.status != 200 {
        let body: Value = serde_json::from_str(&text)
            .map_err(|error| format!("{} {error}: {text:.200}", answer.status))?;
        let error = &body["error"];
        let is_complete = error["message"]
            .as_str()
            .is_some_and(|message| !message.is_empty())
            && error["code"].as_str() == Some(answer.status.to_string().as_str());
        if !is_complete {
            return Err(format!(
                "an error that is none: {} {text:.300}",
                answer.status
            ));
        }
        return Ok(Refused(match answer.status {
            408 | 504 => Late,
            500..=599 => AtFault,
            other => Is(other),
        }));
    }
    if !is_streaming {
        let body: Value =
            serde_json::from_str(&text).map_err(|error| format!("{error}: {text:.200}"))?;
        let said = body["choices"][0]["message"]["content"]
            .as_str()
            .unwrap_or_default();
        return if said.is_empty() {
            Err(format!("nothing is said: {text:.300}"))
        } else {
            Ok(Answer)
        };
    }
    let has_error = text.contains("\"error\"");
    match (
        text.trim_end().ends_with("data: [DONE]"),
        has_error,
        said(&text).is_empty(),
    ) {
        (true, false, false) => Ok(Answer),
        (false, true, false) => Ok(Broken),
        _ => Err(format!(
            "neither whole nor broken: …{}",
            text.chars()
                .rev()
                .take(300)
                .collect::<Vec<_>>()
                .iter()
                .rev()
                .collect::<String>()
        )),
    }
}

/// What a stream says.
fn said(text: &str) -> String {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let frames = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    frames
        .filter_map(|frame| {
            frame["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}

pub(crate) fn is_as_expected(expected: Outcome, found: Outcome) -> bool {
    match (expected, found) {
        // A backend's own timeout may be told as one, or as its fault.
        (Refused(AtFault), Refused(Late)) => true,
        _ => expected == found,
    }
}

#[tokio::test]
async fn every_fault_ends_in_time_as_it_should() {
    let backend = Backend::start().await;
    let models = models(&backend);
    let permits = Arc::new(Semaphore::new(CONCURRENT));
    let mut running = JoinSet::new();
    for (dialect, ..) in DIALECTS {
        for (mode, whole, stream) in FAULTS {
            for (is_streaming, expected) in [(false, whole), (true, stream)] {
                for group in ["", "safe-"] {
                    let (models, permits) = (models.clone(), Arc::clone(&permits));
                    // What was said can't be taken back; all else the fallback makes good.
                    let expected = match expected {
                        Refused(_) if !group.is_empty() => Answer,
                        expected => expected,
                    };
                    let model = format!("{group}{dialect}-{mode}");
                    let _one = running.spawn(async move {
                        let _permit = permits.acquire_owned().await;
                        let (answer, took) = ask(&models, &model, is_streaming).await;
                        let kind = if is_streaming { "stream" } else { "whole" };
                        match outcome(&answer, is_streaming) {
                            Ok(found) if is_as_expected(expected, found) && took < DEADLINE => None,
                            Ok(found) => Some(format!(
                                "{model} {kind}: wanted {expected:?}, got {found:?} in {took:?}: {} {:.160}",
                                answer.status, answer.text()
                            )),
                            Err(wrong) => Some(format!("{model} {kind}: wanted {expected:?} in {took:?}: {wrong}")),
                        }
                    });
                }
            }
        }
    }
    let count = running.len();
    let mut wrong: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} of {count} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    // Nothing is asked twice, refused or not, when no repeats are configured.
    let hits = backend.all_hits();
    let repeated: Vec<_> = hits
        .iter()
        .filter(|(mode, hits)| mode.contains("g=") && **hits > 2)
        .collect();
    assert!(repeated.is_empty(), "{repeated:?}");
}

#[tokio::test]
async fn a_flood_is_cut_in_bounded_memory_and_its_backend_let_go() {
    let backend = Backend::start().await;
    let models = models(&backend);
    let before = resident_kib();
    let mut ended = 0;
    for (dialect, ..) in DIALECTS {
        for mode in ["endless", "bigline"] {
            for is_streaming in [false, true] {
                let model = format!("{dialect}-{mode}");
                let (answer, took) = ask(&models, &model, is_streaming).await;
                // The client leaves a stream that says too much; all else ends by itself.
                if answer.end != End::Flood {
                    let found = outcome(&answer, is_streaming);
                    assert!(
                        matches!(found, Ok(Refused(_) | Broken)),
                        "{model}: {found:?}"
                    );
                }
                assert!(took < DEADLINE, "{model}: {took:?}");
                ended += 1;
            }
        }
    }
    assert_eq!(ended, 4 * DIALECTS.len());
    backend.left_times(ended).await;
    let held = resident_kib().saturating_sub(before);
    assert!(held < FLOOD_KIB, "{held} KiB");
}

#[tokio::test]
async fn a_stream_without_its_end_mark_is_never_taken_for_whole_unless_it_said_why_it_stopped() {
    let backend = Backend::start().await;
    let models = models(&backend);
    for (dialect, ..) in DIALECTS {
        let (answer, _) = ask(&models, &format!("{dialect}-nodone"), true).await;
        let found = outcome(&answer, true);
        // Chat and messages say why they stop before their end mark; the others with it.
        let has_reason = matches!(dialect, "chat" | "messages");
        match found {
            Ok(Broken) => {}
            Ok(Answer) if has_reason => {
                assert!(answer.text().contains("\"finish_reason\":\"stop\""));
            }
            other => panic!("{dialect}: {other:?}: {}", answer.text()),
        }
    }
}

#[tokio::test]
async fn odd_but_lawful_streams_say_what_they_say() {
    let backend = Backend::start().await;
    let models = models(&backend);
    for (dialect, ..) in DIALECTS {
        for mode in ["reply", "split", "crlf", "odd"] {
            let (answer, _) = ask(&models, &format!("{dialect}-{mode}"), true).await;
            assert_eq!(outcome(&answer, true), Ok(Answer), "{dialect}-{mode}");
            assert_eq!(
                said(&answer.text()),
                "Grüße vom Modell: !",
                "{dialect}-{mode}"
            );
        }
    }
}

/// The memory this process holds.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_or_made_good() {
    let backend = Backend::start().await;
    let models = models(&backend);
    for (name, _) in ELSEWHERE {
        for is_streaming in [false, true] {
            let (answer, took) = ask(&models, name, is_streaming).await;
            let found = outcome(&answer, is_streaming).unwrap();
            assert!(
                is_as_expected(Refused(AtFault), found),
                "{name}: {found:?} in {took:?}"
            );
            let (answer, _) = ask(&models, &format!("safe-{name}"), is_streaming).await;
            assert_eq!(outcome(&answer, is_streaming), Ok(Answer), "{name}");
        }
    }
}
