//! `read`: some lines of a text file, numbered.

use serde_json::{Value, json};

use super::{shown_line, text_of};
use crate::{
    arguments::{Arguments, object},
    error::Error,
    limits::{LINE_BYTES_MAX, OUTPUT_BYTES_MAX, READ_LINES},
    root::Root,
    tool::Output,
};

pub(super) fn spec() -> (&'static str, &'static str, Value) {
    let properties = json!({
        "path": {"type": "string", "description": "Relative to the workspace."},
        "offset": {"type": "integer", "minimum": 1, "description": "First line, from 1."},
        "limit": {"type": "integer", "minimum": 1, "description": "How many lines."},
    });
    (
        "read",
        "Reads lines of a text file, each with its number.",
        object(&properties, &["path"]),
    )
}

pub(super) fn run(root: &Root, arguments: &Arguments) -> Result<Output, Error> {
    let path = root.relative(arguments.text("path")?)?;
    let text = text_of(root.read(&path)?, &path)?;
    let first = arguments.number("offset").unwrap_or(1).max(1);
    let limit = arguments.number("limit").unwrap_or(READ_LINES);
    let total = text.lines().count() as u64;
    if first > total.max(1) {
        let what = format!("`{path}` has {total} lines only");
        return Err(Error::argument("/offset", what));
    }
    let mut content = String::new();
    let mut next = first;
    let skipped = usize::try_from(first - 1).unwrap_or(usize::MAX);
    for line in text.lines().skip(skipped) {
        let shown = format!("{next}\t{}\n", shown_line(line, LINE_BYTES_MAX));
        // Room is left for the last sentence.
        if next - first >= limit || content.len() + shown.len() > OUTPUT_BYTES_MAX - 256 {
            break;
        }
        content.push_str(&shown);
        next += 1;
    }
    let is_truncated = next <= total;
    if is_truncated {
        content.push_str(&format!(
            "[{total} lines in all; go on with offset {next}]\n"
        ));
    } else if total == 0 {
        content.push_str("[the file is empty]\n");
    }
    Ok(Output {
        content,
        is_truncated,
        details: json!({"path": path.to_string(), "lines": total, "first": first}),
    })
}
