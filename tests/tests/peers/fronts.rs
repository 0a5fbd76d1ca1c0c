//! Every fault of a backend through every door of the router: who asked is told in their own protocol and in time, the
//! ledger has one line a request, and nothing stays held.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use openclaw_tests::{
    backend::Backend,
    http::{self, End, Whole},
    peer::{MASTER_KEY, Peer},
};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use crate::faults::{
    Class, FAULTS,
    Outcome::{self, Answer, Broken, Refused},
    is_as_expected,
};

/// Seconds that every backend here is given for a whole answer, and for each wait within a stream.
const SECONDS: f64 = 1.5;
/// What a caller gives a server that sends nothing but signs of life.
const PATIENCE_SECONDS: f64 = 4.0;
/// A fault and its fallback together have no business past this; the rest is for a loaded machine.
const DEADLINE: Duration = Duration::from_secs(12);
/// Requests under way at a time, and all that the key may have: a place that is not given back is missed.
const CONCURRENT: usize = 16;
/// Dollars of the key: enough for what is answered, and far too little should what failed stay held.
const BUDGET: u32 = 300;
/// Output tokens that are asked for, a cent each.
const OUTPUT_TOKENS: u32 = 100;

/// What clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Front {
    Chat,
    Completions,
    Embeddings,
    Responses,
    Messages,
    Agent,
}

use Front::{Agent, Chat, Completions, Embeddings, Messages, Responses};

const FRONTS: [Front; 6] = [Chat, Completions, Embeddings, Responses, Messages, Agent];

impl Front {
    const fn name(self) -> &'static str {
        match self {
            Chat => "chat",
            Completions => "completions",
            Embeddings => "embeddings",
            Responses => "responses",
            Messages => "messages",
            Agent => "agent",
        }
    }

    /// The path, and the request without its model.
    fn request(self, group: &str, is_streaming: bool) -> (String, Value) {
        let says = json!([{"role": "user", "content": "hi"}]);
        let (path, mut body) = match self {
            Chat => ("/v1/chat/completions".to_owned(), json!({"messages": says})),
            Agent => (format!("/{group}"), json!({"messages": says})),
            Completions => ("/v1/completions".to_owned(), json!({"prompt": "hi"})),
            Embeddings => ("/v1/embeddings".to_owned(), json!({"input": "hi"})),
            Responses => ("/v1/responses".to_owned(), json!({"input": "hi"})),
            Messages => ("/v1/messages".to_owned(), json!({"messages": says})),
        };
        body["model"] = json!(group);
        match self {
            Embeddings => {}
            Responses => body["max_output_tokens"] = json!(OUTPUT_TOKENS),
            _ => body["max_tokens"] = json!(OUTPUT_TOKENS),
        }
        if is_streaming {
            body["stream"] = json!(true);
        }
        if group.ends_with("drip") {
            // Any byte keeps a stream alive, so it is the caller who says how long they wait.
            body["timeout"] = json!(PATIENCE_SECONDS);
        }
        (path, body)
    }

    /// Whether an error is told as this protocol tells it.
    fn is_error(self, body: &Value, status: u16) -> bool {
        let error = &body["error"];
        let has_message = error["message"]
            .as_str()
            .is_some_and(|said| !said.is_empty());
        let is_named = match self {
            Messages => body["type"] == "error" && error["type"].is_string(),
            _ => error["code"].as_str() == Some(status.to_string().as_str()),
        };
        has_message && is_named
    }

    /// The last thing of a stream that is whole.
    const fn end_mark(self) -> &'static str {
        match self {
            Messages => "event: message_stop",
            Responses => "event: response.completed",
            _ => "data: [DONE]",
        }
    }

    /// What came of an answer, or what is wrong with it.
    fn outcome(self, answer: &Whole, is_streaming: bool) -> Result<Outcome, String> {
        let text = answer.text();
        let wrong = |what: &str| {
            let tail: String = text.chars().rev().take(300).collect();
            let tail: String = tail.chars().rev().collect();
            Err(format!("{what}: {} …{tail}", answer.status))
        };
        if answer.end != End::Whole {
            return wrong(&format!("the answer is {:?}", answer.end));
        }
        if answer.status != 200 {
            let body: Value = serde_json::from_str(&text).unwrap_or_default();
            if !self.is_error(&body, answer.status) {
                return wrong("an error that is none");
            }
            return Ok(Refused(match answer.status {
                408 | 504 => Class::Late,
                500..=599 => Class::Backend,
                other => Class::Is(other),
            }));
        }
        if !is_streaming {
            let body: Value = serde_json::from_str(&text).unwrap_or_default();
            let said = match self {
                Embeddings => body["data"][0]["embedding"].is_array(),
                Completions => body["choices"][0]["text"].is_string(),
                Messages => body["content"][0]["text"].is_string(),
                Responses => text.contains("output_text"),
                Chat | Agent => body["choices"][0]["message"]["content"].is_string(),
            };
            return if said {
                Ok(Answer)
            } else {
                wrong("nothing is said")
            };
        }
        let has_error = text.contains("\"error\":{") || text.contains("event: error");
        match (text.contains(self.end_mark()), has_error) {
            (true, false) => Ok(Answer),
            (false, true) => Ok(Broken),
            _ => wrong("neither whole nor broken"),
        }
    }
}

/// One group a front and fault, and the same with a well-behaved fallback; agents' paths for the last front.
fn configuration(backend: &Backend) -> String {
    let member = |group: &str, mode: &str| {
        let base = backend.base(mode);
        format!(
            "  - model_name: {group}\n    litellm_params: {{model: openai/mock, api_base: '{base}/v1', api_key: sk-upstream-secret, timeout: {SECONDS}, stream_timeout: {SECONDS}, input_cost_per_token: 0.001, output_cost_per_token: 0.01}}\n"
        )
    };
    let mut text = "model_list:\n".to_owned() + &member("spare", "reply,l=spare");
    let mut fallbacks = String::new();
    for front in FRONTS {
        for (mode, ..) in FAULTS {
            let (alone, safe) = (group(front, mode, ""), group(front, mode, "safe-"));
            let (counted, safely) = (
                format!("{mode},g={front:?}"),
                format!("{mode},g=safe{front:?}"),
            );
            text.push_str(&member(&alone, &counted));
            text.push_str(&member(&safe, &safely));
            fallbacks.push_str(&format!("    - {safe}: [spare]\n"));
        }
    }
    format!(
        "{text}router_settings:\n  num_retries: 0\n  disable_cooldowns: true\n  fallbacks:\n{fallbacks}general_settings:\n  master_key: {MASTER_KEY}\n"
    )
}

fn group(front: Front, mode: &str, prefix: &str) -> String {
    // An agent's group is called so, and its path after it.
    let name = format!("{prefix}{}-{mode}", front.name());
    if front == Agent {
        format!("agent/{name}")
    } else {
        name
    }
}

async fn ask(peer: &Peer, (method, path): (&str, &str), key: &str, body: &Value) -> Whole {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let (length, key) = (body.len().to_string(), format!("Bearer {key}"));
    let headers = [
        ("Host", "localhost"),
        ("Authorization", key.as_str()),
        ("Content-Type", "application/json"),
        ("Content-Length", length.as_str()),
    ];
    let mut request = http::request(method, path, &headers);
    request.extend_from_slice(body.as_bytes());
    http::whole(peer.address, &request, DEADLINE).await
}

async fn answered(peer: &Peer, asked: (&str, &str), key: &str, body: &Value) -> Value {
    let answer = ask(peer, asked, key, body).await;
    assert_eq!(answer.status, 200, "{asked:?}: {}", answer.text());
    serde_json::from_str(&answer.text()).unwrap()
}

/// What a request came to; `Err` says what is wrong with it.
async fn one(peer: &Peer, key: &str, case: &Case) -> Result<u16, String> {
    let (path, body) = case.front.request(&case.group, case.is_streaming);
    let began = Instant::now();
    let answer = ask(peer, ("POST", &path), key, &body).await;
    let took = began.elapsed();
    let said = |what: String| {
        let kind = if case.is_streaming { "stream" } else { "whole" };
        format!(
            "{} {kind}: wanted {:?} in {took:?}: {what}",
            case.group, case.expected
        )
    };
    match case.front.outcome(&answer, case.is_streaming) {
        Ok(found) if is_as_expected(case.expected, found) && took < DEADLINE => Ok(answer.status),
        Ok(found) => Err(said(format!("{found:?} {:.200}", answer.text()))),
        Err(wrong) => Err(said(wrong)),
    }
}

#[derive(Debug, Clone)]
struct Case {
    front: Front,
    group: String,
    is_streaming: bool,
    expected: Outcome,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for front in FRONTS {
        for (mode, whole, stream) in FAULTS {
            for (is_streaming, expected) in [(false, whole), (true, stream)] {
                if is_streaming && front == Embeddings {
                    continue;
                }
                for prefix in ["", "safe-"] {
                    cases.push(Case {
                        front,
                        group: group(front, mode, prefix),
                        is_streaming,
                        expected: match expected {
                            // What was said can't be taken back; all else the fallback makes good.
                            Refused(_) if !prefix.is_empty() => Answer,
                            expected => expected,
                        },
                    });
                }
            }
        }
    }
    cases
}

#[tokio::test]
async fn every_fault_is_told_at_every_door_charged_once_and_holds_nothing() {
    let backend = Backend::start().await;
    let peer = Arc::new(Peer::ours(&configuration(&backend)).await);
    let fields = json!({"max_parallel_requests": CONCURRENT, "max_budget": BUDGET});
    let made = answered(&peer, ("POST", "/key/generate"), MASTER_KEY, &fields).await;
    let key = made["key"].as_str().unwrap().to_owned();
    let permits = Arc::new(Semaphore::new(CONCURRENT));
    let cases = cases();
    let mut running = JoinSet::new();
    for case in &cases {
        let (peer, permits) = (Arc::clone(&peer), Arc::clone(&permits));
        let (key, case) = (key.clone(), case.clone());
        let _one = running.spawn(async move {
            let _permit = permits.acquire_owned().await;
            (case.group.clone(), one(&peer, &key, &case).await)
        });
    }
    let told = running.join_all().await;
    let mut wrong: Vec<&String> = told
        .iter()
        .filter_map(|(_, told)| told.as_ref().err())
        .collect();
    wrong.sort();
    let list: Vec<&str> = wrong.iter().map(|line| line.as_str()).collect();
    assert!(
        list.is_empty(),
        "{} of {} are wrong:\n{}",
        list.len(),
        cases.len(),
        list.join("\n")
    );
    ledger_has_one_line_each(&peer, &key, &cases).await;
    everything_may_be_asked_at_once(&peer, &key).await;
}

/// The ledger has a line for every request under the group that was asked for, and one more for an attempt that had
/// cost something when it failed; the key has spent what they say together.
async fn ledger_has_one_line_each(peer: &Peer, key: &str, cases: &[Case]) {
    let path = format!("/spend/logs?limit={}", cases.len() * 2);
    let logs = answered(peer, ("GET", &path), MASTER_KEY, &Value::Null).await;
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for line in logs.as_array().unwrap() {
        let group = line["model_group"].as_str().unwrap_or_default().to_owned();
        *lines.entry(group).or_default() += 1;
    }
    let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases {
        *wanted.entry(case.group.clone()).or_default() += 1;
    }
    for (group, count) in &mut wanted {
        // The body of a whole answer begins to come; a stream only shows signs of life.
        *count += usize::from(group.ends_with("drip"));
    }
    let differ: Vec<_> = wanted
        .iter()
        .map(|(group, count)| (group, lines.remove(group), Some(*count)))
        .filter(|(_, found, count)| found != count)
        .collect();
    assert!(
        differ.is_empty() && lines.is_empty(),
        "{differ:?}, and unasked: {lines:?}"
    );
    let each = logs.as_array().unwrap().iter();
    let sum: f64 = each.filter_map(|line| line["spend"].as_f64()).sum();
    let path = format!("/key/info?key={key}");
    let key = answered(peer, ("GET", &path), MASTER_KEY, &Value::Null).await;
    let spent = key["info"]["spend"].as_f64().unwrap();
    assert!(
        (spent - sum).abs() < 1e-6 && spent > 1.0,
        "{spent} is not {sum}"
    );
}

/// Neither a place nor a dollar is held by what is over.
async fn everything_may_be_asked_at_once(peer: &Arc<Peer>, key: &str) {
    let mut running = JoinSet::new();
    for _ in 0..CONCURRENT {
        let (peer, key) = (Arc::clone(peer), key.to_owned());
        let _one = running.spawn(async move {
            let (path, body) = Chat.request("spare", false);
            ask(&peer, ("POST", &path), &key, &body).await.status
        });
    }
    assert_eq!(running.join_all().await, [200; CONCURRENT]);
}
