//! Tool calls found in what the model writes, and the text that is held back until that is clear.

use serde::Serialize;
use serde_json::Value;

/// The tag some models write before a call.
pub const OPEN_TAG: &str = "<tool_call>";
const CLOSE_TAG: &str = "</tool_call>";

/// A call the model made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolCall {
    /// The tool.
    pub name: String,
    /// Its arguments as JSON text.
    pub arguments: String,
}

/// What is known after more text, or at the end.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// This much is certainly text for the reader.
    Text(String),
    /// The model called tools.
    Calls(Vec<ToolCall>),
}

/// Watches an answer for calls of known tools.
#[derive(Debug)]
pub struct Watch {
    tools: Vec<String>,
    held: String,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but blanks so far.
    Start,
    /// Text; a tag may still come.
    Text,
    /// What looks like a call, kept until the end.
    Call,
}

impl Watch {
    /// Watches for calls of these tools; with none, all text passes at once.
    #[must_use]
    pub const fn new(tools: Vec<String>) -> Self {
        Self {
            tools,
            held: String::new(),
            state: State::Start,
        }
    }

    /// Takes the next piece and gives back the text that can be shown.
    pub fn push(&mut self, piece: &str) -> String {
        if self.tools.is_empty() {
            return piece.to_owned();
        }
        self.held.push_str(piece);
        if self.state == State::Start {
            let begun = self.held.trim_start();
            if begun.starts_with('{') || begun.starts_with(OPEN_TAG) {
                self.state = State::Call;
            } else if !OPEN_TAG.starts_with(begun) {
                self.state = State::Text;
            }
        }
        if self.state == State::Text {
            self.shown()
        } else {
            String::new()
        }
    }

    /// The held text up to where a tag begins or might begin.
    fn shown(&mut self) -> String {
        let end = match self.held.find(OPEN_TAG) {
            Some(at) => {
                self.state = State::Call;
                at
            }
            None => self.held.len() - open_end(&self.held, OPEN_TAG),
        };
        let rest = self.held.split_off(end);
        std::mem::replace(&mut self.held, rest)
    }

    /// Decides what the held text was.
    #[must_use]
    pub fn finish(self) -> Found {
        if self.state == State::Call
            && let Some(calls) = parse(&self.held, &self.tools)
        {
            return Found::Calls(calls);
        }
        Found::Text(self.held)
    }
}

/// How many bytes at the end of `text` are the beginning of `mark`.
#[must_use]
pub fn open_end(text: &str, mark: &str) -> usize {
    (1..mark.len())
        .rev()
        .find(|&n| mark.is_char_boundary(n) && text.ends_with(&mark[..n]))
        .unwrap_or(0)
}

/// The calls in `text`, or nothing if any of it is something else.
fn parse(text: &str, tools: &[String]) -> Option<Vec<ToolCall>> {
    let bare = text.replace(OPEN_TAG, " ").replace(CLOSE_TAG, " ");
    let mut calls = Vec::new();
    for value in serde_json::Deserializer::from_str(&bare).into_iter::<Value>() {
        calls.push(call(&value.ok()?, tools)?);
    }
    (!calls.is_empty()).then_some(calls)
}

fn call(value: &Value, tools: &[String]) -> Option<ToolCall> {
    let name = value.get("name")?.as_str()?;
    if !tools.iter().any(|t| t == name) {
        return None;
    }
    let arguments = match value.get("arguments").or_else(|| value.get("parameters")) {
        None => "{}".to_owned(),
        Some(object @ Value::Object(_)) => object.to_string(),
        Some(_) => return None,
    };
    Some(ToolCall {
        name: name.to_owned(),
        arguments,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pieces: &[&str]) -> (String, Found) {
        let mut watch = Watch::new(vec!["get".into()]);
        let shown = pieces.iter().map(|p| watch.push(p)).collect();
        (shown, watch.finish())
    }

    fn calls(arguments: &[&str]) -> Found {
        Found::Calls(
            arguments
                .iter()
                .map(|a| ToolCall {
                    name: "get".into(),
                    arguments: (*a).to_owned(),
                })
                .collect(),
        )
    }

    #[test]
    fn calls_are_told_from_text() {
        let text = |t: &str| Found::Text(t.to_owned());
        let cases: [(&[&str], &str, Found); 9] = [
            (&["Hello", " you"], "Hello you", text("")),
            (
                &[" {\"name\":", "\"get\",\"arguments\":{\"a\":1}}"],
                "",
                calls(&["{\"a\":1}"]),
            ),
            (
                &["<tool", "_call>\n{\"name\":\"get\"}\n</tool_call>"],
                "",
                calls(&["{}"]),
            ),
            (
                &["Sure.", "<tool_", "call>{\"name\":\"get\"}"],
                "Sure.",
                calls(&["{}"]),
            ),
            (
                &["{\"name\":\"get\"}\n{\"name\":\"get\",\"parameters\":{}}"],
                "",
                calls(&["{}", "{}"]),
            ),
            (&["{\"name\":\"other\"}"], "", text("{\"name\":\"other\"}")),
            (&["{\"name\":\"get\""], "", text("{\"name\":\"get\"")),
            (&["a < b", " <to"], "a < b ", text("<to")),
            (
                &["{\"name\":\"get\",\"arguments\":3}"],
                "",
                text("{\"name\":\"get\",\"arguments\":3}"),
            ),
        ];
        for (pieces, shown, found) in cases {
            assert_eq!(run(pieces), (shown.to_owned(), found), "{pieces:?}");
        }
    }
}
