//! The tools over an agent's notes: plain Markdown, `MEMORY.md` for what lasts and `memory/YYYY-MM-DD.md` for a day.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use openclaw_types::{Env, ToolSpec};
use serde_json::{Value, json};

use crate::{
    arguments::{Arguments, object},
    blocking::off_thread,
    error::Error,
    files::{FileTool, shown_line, text_of},
    limits::{MEMORY_FILES_MAX, MEMORY_HITS, MEMORY_HITS_MAX, NOTE_BYTES_MAX},
    root::{Kind, Relative, Root},
    tool::{Caller, Output, Tool},
};

const LASTING: &str = "MEMORY.md";
const DAYS: &str = "memory";

/// All of them; `env` says which day it is.
#[must_use]
pub fn tools(env: Arc<dyn Env>) -> Vec<Arc<dyn Tool>> {
    vec![
        FileTool::make(search_spec(), search),
        FileTool::make(get_spec(), get),
        Arc::new(Write {
            spec: write_spec(),
            env,
        }),
        FileTool::make(forget_spec(), forget),
    ]
}

fn search_spec() -> (&'static str, &'static str, Value) {
    let properties = json!({
        "query": {"type": "string", "minLength": 1, "maxLength": 1000},
        "limit": {"type": "integer", "minimum": 1, "maximum": MEMORY_HITS_MAX},
    });
    (
        "memory_search",
        "Finds notes by their words; answers with file and line.",
        object(&properties, &["query"]),
    )
}

fn search(root: &Root, arguments: &Arguments) -> Result<Output, Error> {
    let words: Vec<String> = words(arguments.text("query")?);
    if words.is_empty() {
        return Err(Error::argument("/query", "at least one word is expected"));
    }
    let limit = arguments
        .number("limit")
        .and_then(|n| usize::try_from(n).ok());
    let mut hits = Vec::new();
    for path in notes(root)? {
        // A note that can't be read, such as one behind a link, is not searched.
        let Ok(text) = root.read(&path).and_then(|bytes| text_of(bytes, &path)) else {
            continue;
        };
        for (index, line) in text.lines().enumerate() {
            let there = self::words(line);
            let found = words.iter().filter(|word| there.contains(word)).count();
            if found > 0 {
                hits.push((found, path.clone(), index + 1, shown_line(line, 400)));
            }
        }
    }
    // Most words first; among equals the latest day, which sorts last by its name.
    hits.sort_by(|one, other| (other.0, &other.1, one.2).cmp(&(one.0, &one.1, other.2)));
    hits.truncate(limit.unwrap_or(MEMORY_HITS));
    if hits.is_empty() {
        return Ok(Output::text("[no note has any of these words]"));
    }
    let lines: Vec<String> = hits
        .iter()
        .map(|(_, path, line, text)| format!("{path}:{line}: {text}"))
        .collect();
    Ok(Output::text(lines.join("\n")).with(json!({"hits": hits.len()})))
}

fn get_spec() -> (&'static str, &'static str, Value) {
    let properties = json!({
        "path": {"type": "string", "description": "`MEMORY.md` or a file in `memory/`."},
        "offset": {"type": "integer", "minimum": 1, "description": "First line, from 1."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 500},
    });
    (
        "memory_get",
        "Reads a note, or some lines of it.",
        object(&properties, &["path"]),
    )
}

fn get(root: &Root, arguments: &Arguments) -> Result<Output, Error> {
    let path = note(root, arguments.text("path")?)?;
    let text = text_of(root.read(&path)?, &path)?;
    let first = arguments.number("offset").unwrap_or(1).max(1);
    let limit = arguments.number("limit").unwrap_or(200);
    let lines: Vec<&str> = text
        .lines()
        .skip(usize::try_from(first - 1).unwrap_or(usize::MAX))
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
        .collect();
    Ok(Output::text(lines.join("\n")).with(json!({"path": path.to_string(), "first": first})))
}

fn write_spec() -> ToolSpec {
    let properties = json!({
        "text": {"type": "string", "minLength": 1},
        "lasting": {"type": "boolean", "description": "Into `MEMORY.md` instead of today's file."},
    });
    ToolSpec {
        name: "memory_write".to_owned(),
        description: "Appends a note to today's file, or to `MEMORY.md`.".to_owned(),
        parameters: object(&properties, &["text"]),
    }
}

/// `memory_write`, which has to know the day.
struct Write {
    spec: ToolSpec,
    env: Arc<dyn Env>,
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory_write")
    }
}

impl Tool for Write {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn call<'a>(
        &'a self,
        caller: &'a Caller,
        arguments: Value,
    ) -> BoxFuture<'a, Result<Output, Error>> {
        let (workspace, grants) = (caller.workspace.clone(), caller.grants.clone());
        let day = self.env.now().utc_date();
        Box::pin(off_thread("memory_write", move || {
            let root = Root::open(&workspace, grants)?;
            append(&root, &Arguments::new(arguments)?, &day)
        }))
    }
}

fn append(root: &Root, arguments: &Arguments, day: &str) -> Result<Output, Error> {
    let text = arguments.text("text")?.trim();
    if text.len() > NOTE_BYTES_MAX {
        return Err(Error::TooLarge {
            what: "the note".to_owned(),
            bytes: text.len() as u64,
            bytes_max: NOTE_BYTES_MAX as u64,
            hint: "put it into a file with `write` and note where it is".to_owned(),
        });
    }
    let path = if arguments.flag("lasting") {
        root.relative(LASTING)?
    } else {
        root.relative(&format!("{DAYS}/{day}.md"))?
    };
    // One item of a list for each note, so that `memory_forget` can name it by its line.
    let item = format!("- {}\n", text.replace('\n', "\n  "));
    let written = root.append(&path, item.as_bytes())?;
    let details = json!({"path": path.to_string(), "new": written.is_new});
    Ok(Output::text(format!("noted in `{path}`")).with(details))
}

fn forget_spec() -> (&'static str, &'static str, Value) {
    let properties = json!({
        "path": {"type": "string", "description": "`MEMORY.md` or a file in `memory/`."},
        "line": {"type": "integer", "minimum": 1},
        "text": {"type": "string", "minLength": 1, "description": "The line as it is there, to be sure."},
    });
    (
        "memory_forget",
        "Removes one line of a note, with the lines indented below it.",
        object(&properties, &["path", "line", "text"]),
    )
}

fn forget(root: &Root, arguments: &Arguments) -> Result<Output, Error> {
    let path = note(root, arguments.text("path")?)?;
    let text = text_of(root.read(&path)?, &path)?;
    let mut lines: Vec<&str> = text.lines().collect();
    let number = arguments.number("line").unwrap_or(0);
    let at = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let wanted = arguments.text("text")?;
    let there = lines.get(at).copied().unwrap_or_default();
    if there.is_empty() || there.trim() != wanted.trim() {
        return Err(Error::Mismatch {
            what: format!("line {number} of `{path}` is {:?}", shown_line(there, 200)),
        });
    }
    let below = lines[at + 1..]
        .iter()
        .take_while(|line| line.starts_with("  "))
        .count();
    lines.drain(at..=at + below);
    let mut rest = lines.join("\n");
    if !rest.is_empty() {
        rest.push('\n');
    }
    root.write(&path, rest.as_bytes())?;
    let details = json!({"path": path.to_string(), "removed": below + 1});
    Ok(Output::text(format!("removed {} lines of `{path}`", below + 1)).with(details))
}

/// The path of a note, and of nothing else.
fn note(root: &Root, text: &str) -> Result<Relative, Error> {
    let path = root.relative(text)?;
    let is_note = match path.names() {
        [name] => name == LASTING,
        [dir, name] => dir == DAYS && name.ends_with(".md"),
        _ => false,
    };
    if is_note {
        return Ok(path);
    }
    Err(Error::denied(
        format!("`{path}` is not a note"),
        "notes are `MEMORY.md` and `memory/*.md`; use `read` for others",
    ))
}

fn notes(root: &Root) -> Result<Vec<Relative>, Error> {
    let days = root.relative(DAYS)?;
    let mut notes = vec![root.relative(LASTING)?];
    let entries = match root.entries(&days) {
        Ok(entries) => entries,
        Err(Error::NotFound { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let files = entries
        .into_iter()
        .rev()
        .filter(|entry| entry.kind == Kind::File && entry.name.ends_with(".md"));
    notes.extend(
        files
            .take(MEMORY_FILES_MAX)
            .map(|entry| days.join(&entry.name)),
    );
    Ok(notes)
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}
