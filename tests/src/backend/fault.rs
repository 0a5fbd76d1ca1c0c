//! The fault language: what each mode does to an answer.
//!
//! | mode | what happens |
//! |---|---|
//! | `ok` | the captured answers |
//! | `reply` | what a well-behaved provider says, tools included |
//! | a status, `429ra`, `ctx`, `content_filter` | a refusal |
//! | `storm` | 429 with a Retry-After of a day, or of `n` seconds |
//! | `error200` | 200 with an error in the body |
//! | `moved` | a redirect to another origin |
//! | `malformed`, `empty`, `html` | 200 with half a JSON, nothing, a page |
//! | `drop`, `reset`, `hang`, `garbage` | no answer: closed, reset, silence, something that is no HTTP |
//! | `close0`, `err0`, `silence` | a head, and then: closed, an error event, nothing more |
//! | `midclose`, `midreset`, `miderr`, `midhang` | the same in the middle of a stream |
//! | `badsse`, `badjson` | a stream of what are no events; of what is no JSON |
//! | `nodone` | a stream without its end mark |
//! | `drip` | one byte at a time, `n` milliseconds between two |
//! | `split`, `crlf`, `odd` | every byte its own chunk; other line ends; comments, empty lines, and fields nobody asked for |
//! | `endless`, `bigline` | ten gigabytes, or `n` bytes, of good events, or of one line |

use std::time::Duration;

use serde_json::json;

use super::{
    captured,
    dialect::{self, Dialect, Said},
    events, refusal,
    spec::Spec,
};
use crate::scripted_model::{Asked, Script, Step};

/// What a stream without end amounts to.
const ENDLESS_BYTES: u64 = 10_000_000_000;
/// A Retry-After that nobody waits for.
const DAY_SECONDS: u64 = 86_400;
/// Before a stream breaks in its middle: clients forget what they have not read by then.
const BREAK_AFTER: Duration = Duration::from_millis(150);
/// Between two bytes of a drip.
const DRIP_MS: u64 = 1_000;

/// The answer where there is nothing.
pub(super) fn nothing_here(target: &str) -> Script {
    let body = json!({"error": {"message": format!("nothing at {target}"), "type": "invalid_request_error",
        "param": null, "code": null}});
    refusal::script(404, &[], "application/json", body.to_string().into_bytes())
}

/// What is done for a request.
pub(super) fn script(spec: &Spec, path: &str, asked: &Asked) -> Script {
    let mut script = Vec::new();
    if !spec.delay.is_zero() {
        script.push(Step::Pause(spec.delay));
    }
    let Some(dialect) = Dialect::of(path) else {
        script.extend(echo(spec, path));
        return script;
    };
    let is_streaming = dialect.is_streaming(path, asked);
    script.extend(
        refused(spec, dialect)
            .or_else(|| silent(spec))
            .or_else(|| is_streaming.then(|| streamed(spec, dialect, asked)))
            .unwrap_or_else(|| whole(spec, dialect, asked)),
    );
    script
}

/// Paths nobody scripted are told back, which shows what a pass-through asked for.
fn echo(spec: &Spec, path: &str) -> Script {
    let body = json!({"path": path, "tag": spec.label}).to_string();
    let kind = "application/json";
    refusal::script(200, &[("x-mock-path", "1")], kind, body.into_bytes())
}

fn refused(spec: &Spec, dialect: Dialect) -> Option<Script> {
    let json = "application/json";
    let body = |status| refusal::body(dialect, status).to_string().into_bytes();
    let script = match &*spec.mode {
        "429ra" => {
            let headers = [
                ("retry-after", "2"),
                ("x-ratelimit-remaining-requests", "0"),
            ];
            refusal::script(429, &headers, json, body(429))
        }
        "storm" => {
            let seconds = spec.number.unwrap_or(DAY_SECONDS).to_string();
            refusal::script(429, &[("retry-after", &seconds)], json, body(429))
        }
        "ctx" => {
            let body = refusal::too_long(dialect).to_string();
            refusal::script(400, &[], json, body.into_bytes())
        }
        "content_filter" => {
            refusal::script(400, &[], json, refusal::filtered().to_string().into_bytes())
        }
        "moved" => {
            let elsewhere = [("location", "http://127.0.0.2:9/v1/chat/completions")];
            refusal::script(307, &elsewhere, json, Vec::new())
        }
        "502" => refusal::script(502, &[], "text/html", b"<html>bad gateway</html>".to_vec()),
        "error200" => refusal::script(200, &[], json, body(500)),
        "html" => refusal::script(200, &[], "text/html", b"<html>welcome</html>".to_vec()),
        // Whitespace before the end, so that the end is where it was in the captures.
        "malformed" => {
            let half = br#"{"id":"chatcmpl-mock", "choices":[{"#;
            refusal::script(200, &[], json, half.to_vec())
        }
        "empty" => refusal::script(200, &[], json, Vec::new()),
        mode => {
            let status = mode.parse().ok().filter(|status| *status >= 300)?;
            refusal::script(status, &[], json, body(status))
        }
    };
    Some(script)
}

fn silent(spec: &Spec) -> Option<Script> {
    match &*spec.mode {
        "drop" => Some(vec![Step::Cut]),
        "reset" => Some(vec![Step::Reset]),
        "hang" => Some(vec![Step::Hang]),
        "garbage" => Some(vec![
            Step::Raw(b"\x16\x03\x01 this is no HTTP\r\n\r\n".to_vec()),
            Step::Cut,
        ]),
        "silence" => {
            let headers = vec![("content-type", "text/event-stream".to_owned())];
            Some(vec![Step::Head(200, headers), Step::Hang])
        }
        _ => None,
    }
}

fn whole(spec: &Spec, dialect: Dialect, asked: &Asked) -> Script {
    let said = Said::to(spec, asked);
    let has_captured = !matches!(
        spec.mode.as_str(),
        "reply" | "split" | "drip" | "endless" | "bigline"
    );
    let body = match dialect {
        Dialect::Chat if has_captured => captured::chat(&spec.label),
        Dialect::Responses if has_captured => captured::response(),
        Dialect::Messages if has_captured => captured::message(&said.model),
        _ => dialect::whole(dialect, &said),
    };
    let bytes = body.to_string().into_bytes();
    let head = Step::Head(200, vec![("content-type", "application/json".to_owned())]);
    match &*spec.mode {
        "split" => vec![head, Step::Drip(bytes, Duration::ZERO)],
        "drip" => vec![head, Step::Drip(bytes, drip(spec))],
        "endless" | "bigline" => {
            let begin = br#"{"id":"chatcmpl-mock","junk":""#.to_vec();
            vec![
                head,
                Step::Bytes(begin),
                Step::Endless(vec![b'x'; 4096], endless(spec)),
            ]
        }
        _ => {
            // Only chat had these headers.
            let headers = if dialect == Dialect::Chat {
                captured::headers()
            } else {
                vec![("content-type", "application/json".to_owned())]
            };
            vec![Step::Whole(200, headers, bytes)]
        }
    }
}

fn streamed(spec: &Spec, dialect: Dialect, asked: &Asked) -> Script {
    let said = Said::to(spec, asked);
    let is_plain = matches!(
        spec.mode.as_str(),
        "reply" | "split" | "drip" | "crlf" | "odd" | "nodone" | "endless"
    );
    let events = match dialect {
        // A stream of responses was answered with a whole one when the captures were made.
        Dialect::Responses if spec.mode == "ok" => return whole(spec, dialect, asked),
        Dialect::Chat if !is_plain => captured::chat_stream(&spec.label, said.has_usage),
        _ => events::events(dialect, &said),
    };
    let middle = match dialect {
        Dialect::Chat if !is_plain => 1 + captured::PIECES_BEFORE_BREAK,
        // Behind the first piece of text in every dialect.
        _ => events.len() - 1 - events.len() / 3,
    };
    let mut headers = vec![("content-type", dialect.stream_type().to_owned())];
    if spec.mode != "close0" {
        headers.push(("cache-control", "no-cache".to_owned()));
    }
    let mut script = vec![Step::Head(200, headers)];
    script.extend(broken(spec, dialect, &events, middle));
    script
}

fn broken(spec: &Spec, dialect: Dialect, events: &[Vec<u8>], middle: usize) -> Script {
    let all = || events.concat();
    let begun = |last: Step| {
        let mut script: Script = events[..middle].iter().cloned().map(Step::Bytes).collect();
        script.extend([Step::Pause(BREAK_AFTER), last]);
        script
    };
    match &*spec.mode {
        "close0" => vec![Step::Cut],
        "err0" => vec![Step::Bytes(refusal::event(dialect))],
        "midclose" => begun(Step::Cut),
        "midreset" => begun(Step::Reset),
        "miderr" => begun(Step::Bytes(refusal::event(dialect))),
        "midhang" => begun(Step::Hang),
        "badsse" => vec![Step::Bytes(b"this is no event\n\nnor is this\n\n".to_vec())],
        "badjson" => vec![Step::Bytes(b"data: {not json\n\ndata: [DONE]\n\n".to_vec())],
        "nodone" => {
            let kept = &events[..events.len() - 1];
            kept.iter().cloned().map(Step::Bytes).collect()
        }
        "drip" => vec![Step::Drip(all(), drip(spec))],
        "split" => vec![Step::Drip(all(), Duration::ZERO)],
        "crlf" => {
            let text = String::from_utf8_lossy(&all()).replace('\n', "\r\n");
            vec![Step::Bytes(text.into_bytes())]
        }
        "odd" if dialect != Dialect::Ollama => odd(events),
        "endless" => {
            let first = Step::Bytes(events[..middle].concat());
            vec![
                first,
                Step::Endless(events[middle - 1].clone(), endless(spec)),
            ]
        }
        "bigline" => vec![
            Step::Bytes(b"data: {\"choices\":[{\"delta\":{\"content\":\"".to_vec()),
            Step::Endless(vec![b'x'; 4096], endless(spec)),
        ],
        _ => events.iter().cloned().map(Step::Bytes).collect(),
    }
}

/// Everything the format of event streams allows and few send.
fn odd(events: &[Vec<u8>]) -> Script {
    let mut script = vec![Step::Bytes(b": welcome\n\nretry: 10\nid: 1\n\n".to_vec())];
    for event in events {
        let text = String::from_utf8_lossy(event).replace("data: ", "data:");
        script.push(Step::Bytes(format!(": still here\n{text}\n").into_bytes()));
    }
    script
}

fn drip(spec: &Spec) -> Duration {
    Duration::from_millis(spec.number.unwrap_or(DRIP_MS))
}

fn endless(spec: &Spec) -> u64 {
    spec.number.unwrap_or(ENDLESS_BYTES)
}
