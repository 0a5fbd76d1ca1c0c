//! Answers without what differs from run to run: ids, times, ports, the noise of floating point.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::Answered;

/// A `created` later than this is the time of the answer, not one that was scripted.
const SCRIPTED_TIMES_END: f64 = 1_750_000_000.0;

/// What is replaced in every text, first to last.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let patterns = [
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "<uuid>",
        ),
        (r"(?-u:\b)[0-9a-f]{64}(?-u:\b)", "<hash>"),
        (r"resp_[A-Za-z0-9_=+-]{20,}", "<response>"),
        (r"127\.0\.0\.1:[0-9]+", "<address>"),
        (r"0x[0-9a-f]+", "<pointer>"),
        (
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]{8}(\.[0-9]+)?(Z|\+00:00)?( UTC)?",
            "<time>",
        ),
        (r"time taken=[0-9.]+", "time taken=<time>"),
    ];
    patterns
        .into_iter()
        .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
        .collect()
});

/// A text without what differs from run to run.
pub(super) fn text(text: &str) -> String {
    PATTERNS
        .iter()
        .fold(text.to_owned(), |text, (pattern, name)| {
            pattern.replace_all(&text, *name).into_owned()
        })
}

/// A body as one value, whatever its form: JSON, events, metrics, or text.
pub(super) fn body(answered: &Answered) -> Value {
    let kind = answered.headers.get("content-type").map_or("", |kind| kind);
    if kind.starts_with("text/event-stream") {
        return value(None, events(&answered.body));
    }
    if kind.starts_with("text/plain") && answered.body.contains("# TYPE") {
        return families(&answered.body);
    }
    if kind.starts_with("text/html") {
        return json!("<page>");
    }
    match serde_json::from_str(&answered.body) {
        Ok(body) => value(None, body),
        Err(_) => json!(text(&answered.body)),
    }
}

fn events(body: &str) -> Value {
    let body = body.replace("\r\n", "\n");
    let events = body.split("\n\n").filter(|event| !event.trim().is_empty());
    events
        .map(|event| {
            let fields = event.lines().filter_map(|line| line.split_once(':'));
            let fields: Map<String, Value> = fields
                .map(|(name, said)| {
                    let said = said.trim_start();
                    let read = serde_json::from_str(said).unwrap_or_else(|_| json!(said));
                    (name.to_owned(), read)
                })
                .collect();
            Value::Object(fields)
        })
        .collect()
}

/// The families of metrics and their types; the values are a matter of the moment.
fn families(body: &str) -> Value {
    let types = body.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let types = types.filter_map(|line| line.split_once(' '));
    Value::Object(
        types
            .map(|(name, kind)| (name.to_owned(), json!(kind)))
            .collect(),
    )
}

fn value(key: Option<&str>, found: Value) -> Value {
    match found {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, field)| {
                let field = value(Some(&key), field);
                (key, field)
            })
            .collect(),
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements
                .into_iter()
                .map(|element| value(None, element))
                .collect();
            if elements.iter().all(is_of_a_set) {
                elements.sort_by_cached_key(rank);
            }
            Value::Array(elements)
        }
        Value::String(said) => json!(text(&said)),
        Value::Number(number) => {
            let float = number.as_f64().unwrap_or_default();
            let is_time = key.is_some_and(|key| key.starts_with("created"));
            if is_time && float > SCRIPTED_TIMES_END {
                json!("<now>")
            } else if number.is_f64() {
                json!(format!("{float:.9e}"))
            } else {
                Value::Number(number)
            }
        }
        other => other,
    }
}

/// Whether something stands in a list of which the order says nothing: models, backends, names.
fn is_of_a_set(element: &Value) -> bool {
    element.is_string() || !rank(element).starts_with('{')
}

fn rank(element: &Value) -> String {
    let names = ["model_name", "api_base", "id", "path"];
    let mut found = names.iter().filter_map(|name| element[*name].as_str());
    let model = element["litellm_params"]["model"]
        .as_str()
        .unwrap_or_default();
    found
        .next()
        .map_or_else(|| element.to_string(), |name| format!("{name} {model}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_from_run_to_run_is_replaced() {
        let cases = [
            (
                "chatcmpl-225ca3d2-e2b3-4042-8161-bc6c522f4500",
                "chatcmpl-<uuid>",
            ),
            ("http://127.0.0.1:9101/m/ok/v1", "http://<address>/m/ok/v1"),
            ("resets at: 2026-11-22 20:47:18 UTC", "resets at: <time>"),
            ("chatcmpl-mock", "chatcmpl-mock"),
            ("127.0.0.1", "127.0.0.1"),
        ];
        for (said, expected) in cases {
            assert_eq!(text(said), expected);
        }
        let created = |at: u64| value(None, json!({"created": at}));
        assert_eq!(created(1_795_380_108), json!({"created": "<now>"}));
        assert_eq!(created(1_700_000_000), json!({"created": 1_700_000_000}));
    }

    #[test]
    fn events_are_told_apart_and_read() {
        let answered = Answered {
            headers: [("content-type".to_owned(), "text/event-stream".to_owned())].into(),
            body: "event: a\ndata: {\"x\":1}\r\n\r\ndata: [DONE]\n\n".to_owned(),
            ..Answered::default()
        };
        let expected = json!([{"event": "a", "data": {"x": 1}}, {"data": "[DONE]"}]);
        assert_eq!(body(&answered), expected);
    }
}
