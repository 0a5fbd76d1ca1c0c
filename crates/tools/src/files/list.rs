//! `list`: what a directory holds, or a tree of it.

use serde_json::{Value, json};

use crate::{
    arguments::{Arguments, object},
    error::Error,
    limits::LIST_ENTRIES_MAX,
    root::{Kind, Relative, Root},
    tool::Output,
};

pub(super) fn spec() -> (&'static str, &'static str, Value) {
    let properties = json!({
        "path": {"type": "string", "description": "A directory; the workspace if left out."},
        "depth": {"type": "integer", "minimum": 1, "maximum": 16, "description": "1 if left out."},
    });
    (
        "list",
        "Lists a directory: `name/` is a directory, `name@` a link, files with their bytes.",
        object(&properties, &[]),
    )
}

pub(super) fn run(root: &Root, arguments: &Arguments) -> Result<Output, Error> {
    let path = root.relative(arguments.optional_text("path").unwrap_or("."))?;
    let depth = arguments.number("depth").unwrap_or(1);
    let mut listing = Vec::new();
    let is_truncated = !fill(root, &path, depth, &mut listing)?;
    let mut content = listing.join("\n");
    if is_truncated {
        content.push_str(&format!(
            "\n[more than {LIST_ENTRIES_MAX} entries; list a directory below]"
        ));
    } else if listing.is_empty() {
        content.push_str("[nothing]");
    }
    let details = json!({"path": path.to_string(), "entries": listing.len()});
    Ok(Output {
        content,
        is_truncated,
        details,
    })
}

/// Says whether everything had room.
fn fill(
    root: &Root,
    path: &Relative,
    depth: u64,
    listing: &mut Vec<String>,
) -> Result<bool, Error> {
    for entry in root.entries(path)? {
        if listing.len() >= LIST_ENTRIES_MAX {
            return Ok(false);
        }
        let below = path.join(&entry.name);
        match entry.kind {
            Kind::File => listing.push(format!("{below}\t{}", entry.bytes)),
            Kind::Link => listing.push(format!("{below}@")),
            Kind::Special => listing.push(format!("{below}?")),
            Kind::Directory => {
                listing.push(format!("{below}/"));
                // A directory that is gone or exchanged meanwhile is shown, without what it held.
                let is_whole = depth <= 1 || fill(root, &below, depth - 1, listing).unwrap_or(true);
                if !is_whole {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}
