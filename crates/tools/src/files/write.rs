//! `write`: a whole file at once.

use serde_json::{Value, json};

use crate::{
    arguments::{Arguments, object},
    error::Error,
    limits::FILE_BYTES_MAX,
    root::{Relative, Root, Written},
    tool::Output,
};

pub(super) fn spec() -> (&'static str, &'static str, Value) {
    let properties = json!({
        "path": {"type": "string", "description": "Relative to the workspace."},
        "content": {"type": "string", "description": "The whole new content."},
    });
    (
        "write",
        "Creates a file or replaces all of it; directories are made.",
        object(&properties, &["path", "content"]),
    )
}

pub(super) fn run(root: &Root, arguments: &Arguments) -> Result<Output, Error> {
    let path = root.relative(arguments.text("path")?)?;
    let content = arguments.text("content")?;
    let written = store(root, &path, content)?;
    let verb = if written.is_new {
        "created"
    } else {
        "replaced"
    };
    let text = format!("{verb} `{path}`, {} bytes", content.len());
    Ok(Output::text(text).with(json!({"changed": [change(&path, written)]})))
}

/// Writes a text within the bound.
pub(super) fn store(root: &Root, path: &Relative, content: &str) -> Result<Written, Error> {
    if content.len() as u64 > FILE_BYTES_MAX {
        return Err(Error::TooLarge {
            what: format!("the content for `{path}`"),
            bytes: content.len() as u64,
            bytes_max: FILE_BYTES_MAX,
            hint: "write several files".to_owned(),
        });
    }
    root.write(path, content.as_bytes())
}

/// One changed file for events: a change of identity is one that people are told of.
pub(super) fn change(path: &Relative, written: Written) -> Value {
    json!({"path": path.to_string(), "new": written.is_new, "identity": written.is_identity})
}
