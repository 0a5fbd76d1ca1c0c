//! Frames without what differs from run to run, so that whole frames can be compared.

use serde_json::Value;

/// Keys whose numbers are times.
const TIMES: [&str; 14] = [
    "timestamp",
    "ts",
    "uptimeMs",
    "startedAt",
    "endedAt",
    "acceptedAt",
    "durationMs",
    "lastActivity",
    "createdAt",
    "updatedAt",
    "latencyMs",
    "untilMs",
    "rssBytes",
    "pid",
];

/// Replaces times by 0 and generated ids by their kind; `state` in paths becomes `~`.
#[must_use]
pub fn normal(frame: &Value, state: &str) -> Value {
    match frame {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| {
                let value = if value.is_number() && TIMES.contains(&key.as_str()) {
                    Value::from(0)
                } else {
                    normal(value, state)
                };
                (key.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| normal(item, state)).collect(),
        Value::String(text) => Value::String(word(text, state)),
        other => other.clone(),
    }
}

fn word(text: &str, state: &str) -> String {
    for kind in ["msg-", "evt-", "client-", "sess-", "prop-"] {
        if text.strip_prefix(kind).is_some_and(is_fresh) {
            return format!("{kind}*");
        }
    }
    if is_fresh(text) {
        return "*".to_owned();
    }
    text.replace(state, "~")
}

/// Generated ids are long and of hex digits.
fn is_fresh(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
