//! `edit`: replaces texts that occur exactly once, several at once or none.

use serde_json::{Value, json};

use super::{text_of, write};
use crate::{
    arguments::{Arguments, object},
    error::Error,
    files::shown_line,
    limits::CHANGES_MAX,
    root::Root,
    tool::Output,
};

/// One replacement.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// What is there exactly once.
    pub old: &'a str,
    /// What is there afterwards.
    pub new: &'a str,
    /// Every occurrence instead of exactly one.
    pub is_all: bool,
}

pub(super) fn spec() -> (&'static str, &'static str, Value) {
    let properties = json!({
        "path": {"type": "string", "description": "Relative to the workspace."},
        "edits": {
            "type": "array",
            "minItems": 1,
            "maxItems": CHANGES_MAX,
            "items": object(
                &json!({
                    "old": {"type": "string", "minLength": 1, "description": "Exact text that occurs once."},
                    "new": {"type": "string"},
                    "all": {"type": "boolean", "description": "Replace every occurrence."},
                }),
                &["old", "new"],
            ),
        },
    });
    (
        "edit",
        "Replaces exact texts in a file, in order; all of them or none.",
        object(&properties, &["path", "edits"]),
    )
}

pub(super) fn run(root: &Root, arguments: &Arguments) -> Result<Output, Error> {
    let path = root.relative(arguments.text("path")?)?;
    let mut text = text_of(root.read(&path)?, &path)?;
    let mut replaced = 0;
    for (index, edit) in arguments.list("edits").iter().enumerate() {
        let part = |name| edit.get(name).and_then(Value::as_str).unwrap_or_default();
        let edit = Edit {
            old: part("old"),
            new: part("new"),
            is_all: edit.get("all").and_then(Value::as_bool).unwrap_or(false),
        };
        let count = edit.apply(&mut text).map_err(|what| Error::Mismatch {
            what: format!("edit {} of `{path}`: {what}", index + 1),
        })?;
        replaced += count;
    }
    let written = write::store(root, &path, &text)?;
    let details = json!({"changed": [write::change(&path, written)], "replaced": replaced});
    Ok(Output::text(format!("replaced {replaced} in `{path}`")).with(details))
}

impl Edit<'_> {
    /// Does it, or says what is in the way.
    ///
    /// # Errors
    /// When the text isn't there, or more than once.
    pub fn apply(self, text: &mut String) -> Result<usize, String> {
        if self.old == self.new {
            return Err("old and new are the same".to_owned());
        }
        let count = text.matches(self.old).count();
        match count {
            0 => Err(absent(text, self.old)),
            1 => {
                *text = text.replacen(self.old, self.new, 1);
                Ok(1)
            }
            _ if self.is_all => {
                *text = text.replace(self.old, self.new);
                Ok(count)
            }
            _ => {
                let lines: Vec<String> = text
                    .match_indices(self.old)
                    .take(8)
                    .map(|(at, _)| (text[..at].matches('\n').count() + 1).to_string())
                    .collect();
                Err(format!(
                    "the text occurs {count} times, at lines {}; give more of its surroundings, or set `all`",
                    lines.join(", ")
                ))
            }
        }
    }
}

fn absent(text: &str, old: &str) -> String {
    let Some((number, line)) = nearest_line(text, old) else {
        return "the text is not there".to_owned();
    };
    format!(
        "the text is not there; the nearest is line {number}: {:?}",
        shown_line(line, 200)
    )
}

/// The line most like the first line of what was sought; spaces at the ends count little.
pub(super) fn nearest_line<'a>(text: &'a str, old: &str) -> Option<(usize, &'a str)> {
    let wanted: Vec<&str> = words(old.lines().find(|line| !line.trim().is_empty())?);
    let mut best = None;
    for (index, line) in text.lines().enumerate() {
        let words = words(line);
        let common = wanted.iter().filter(|word| words.contains(word)).count();
        // Common words in hundredths of all words, so that a long line doesn't win by its length.
        let score = common * 200 / (wanted.len() + words.len()).max(1);
        if score >= 40 && best.is_none_or(|(known, _, _)| score > known) {
            best = Some((score, index + 1, line));
        }
    }
    best.map(|(_, number, line)| (number, line))
}

fn words(line: &str) -> Vec<&str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect()
}
