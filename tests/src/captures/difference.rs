//! In what an answer differs from the captured one.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use super::{Answered, normal};

/// Longer values are cut in a report.
const SHOWN_CHARS: usize = 160;
/// What belongs to the connection and not to the answer.
const CONNECTION: [&str; 6] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "server",
    "transfer-encoding",
];
/// Headers of which the value is a matter of the moment.
const MOMENTARY: [&str; 7] = [
    "llm_provider-content-length",
    "reset_at",
    "x-litellm-callback-duration-ms",
    "x-litellm-model-id",
    "x-litellm-overhead-duration-ms",
    "x-litellm-response-duration-ms",
    "x-litellm-version",
];

/// One thing that is not as it was captured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The capture.
    pub capture: String,
    /// What differs: `status 401`, with which the rest is not compared, `header x`, `no header x`, `new header x`, `body $.x`, `no body $.x`, `new body $.x`.
    pub what: String,
    /// The two values, where there are two.
    pub values: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.capture, self.what)?;
        if !self.values.is_empty() {
            write!(f, ": {}", self.values)?;
        }
        Ok(())
    }
}

/// Compares an answer with the captured one.
#[must_use]
pub fn differences(name: &str, captured: &Answered, answered: &Answered) -> Vec<Difference> {
    let mut found = Found::default();
    if captured.status == answered.status {
        headers(captured, answered, &mut found);
        let (captured, answered) = (normal::body(captured), normal::body(answered));
        bodies("$", &captured, &answered, &mut found);
    } else {
        let what = format!("status {}", answered.status);
        found.add(&what, &captured.status, &answered.body);
    }
    let differences = found.0.into_iter();
    differences
        .map(|(what, values)| Difference {
            capture: name.to_owned(),
            what,
            values,
        })
        .collect()
}

#[derive(Default)]
struct Found(BTreeSet<(String, String)>);

impl Found {
    fn only(&mut self, what: String) {
        let _is_new = self.0.insert((what, String::new()));
    }

    fn add(&mut self, what: &str, captured: &impl ToString, answered: &impl ToString) {
        // One difference of a kind is enough, however many events have it.
        if self.0.iter().any(|(found, _)| found == what) {
            return;
        }
        let (captured, answered) = (captured.to_string(), answered.to_string());
        let same = captured
            .bytes()
            .zip(answered.bytes())
            .take_while(|(one, other)| one == other)
            .count();
        let values = format!(
            "{} was captured, {} came",
            shown(&captured, same),
            shown(&answered, same)
        );
        let _is_new = self.0.insert((what.to_owned(), values));
    }
}

/// The part of a value where it begins to differ.
fn shown(value: &str, same: usize) -> String {
    let begin = value.floor_char_boundary(same.saturating_sub(SHOWN_CHARS / 4));
    let part: String = value[begin..].chars().take(SHOWN_CHARS).collect();
    if begin == 0 {
        part
    } else {
        format!("…{part}")
    }
}

fn headers(captured: &Answered, answered: &Answered, found: &mut Found) {
    for (name, value) in &captured.headers {
        if CONNECTION.contains(&&**name) {
            continue;
        }
        match answered.headers.get(name) {
            None => found.only(format!("no header {name}")),
            Some(_) if MOMENTARY.contains(&&**name) => {}
            Some(other) if normal::text(value) != normal::text(other) => {
                found.add(&format!("header {name}"), value, other);
            }
            Some(_) => {}
        }
    }
    for name in answered.headers.keys() {
        if !captured.headers.contains_key(name) && !CONNECTION.contains(&&**name) {
            found.only(format!("new header {name}"));
        }
    }
}

fn bodies(path: &str, captured: &Value, answered: &Value, found: &mut Found) {
    match (captured, answered) {
        (Value::Object(captured), Value::Object(answered)) => {
            for (key, value) in captured {
                let path = format!("{path}.{key}");
                match answered.get(key) {
                    Some(other) => bodies(&path, value, other, found),
                    None => found.only(format!("no body {path}")),
                }
            }
            for key in answered.keys().filter(|key| !captured.contains_key(*key)) {
                found.only(format!("new body {path}.{key}"));
            }
        }
        (Value::Array(captured), Value::Array(answered)) => {
            if captured.len() != answered.len() {
                let count = |elements: &[Value]| format!("{} elements", elements.len());
                found.add(
                    &format!("body {path}[]"),
                    &count(captured),
                    &count(answered),
                );
            }
            for (one, other) in captured.iter().zip(answered) {
                bodies(&format!("{path}[]"), one, other, found);
            }
        }
        (captured, answered) if captured == answered => {}
        (captured, answered) => found.add(&format!("body {path}"), captured, answered),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered(status: u16, headers: &[(&str, &str)], body: &Value) -> Answered {
        let json = [("content-type", "application/json")];
        Answered {
            status,
            headers: headers
                .iter()
                .chain(&json)
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.to_string(),
        }
    }

    #[test]
    fn everything_that_differs_is_named_once() {
        let captured = answered(
            200,
            &[("a", "1"), ("b", "2"), ("date", "x")],
            &json!({"same": 1, "list": [{"x": 1}, {"x": 1}], "gone": 1}),
        );
        let came = answered(
            200,
            &[("a", "9"), ("c", "3")],
            &json!({"same": 1, "list": [{"x": 2}, {"x": 3}], "more": 1}),
        );
        let found = differences("name", &captured, &came);
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        let expected = [
            "name: body $.list[].x: 1 was captured, 2 came",
            "name: header a: 1 was captured, 9 came",
            "name: new body $.more",
            "name: new header c",
            "name: no body $.gone",
            "name: no header b",
        ];
        assert_eq!(said, expected);
        assert_eq!(differences("name", &captured, &captured), []);
    }

    #[test]
    fn another_status_says_it_all() {
        let captured = answered(200, &[("a", "1")], &json!({"x": 1}));
        let came = answered(401, &[], &json!({"y": 1}));
        let found = differences("name", &captured, &came);
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["name: status 401: 200 was captured, {\"y\":1} came"]);
    }
}
