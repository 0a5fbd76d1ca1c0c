//! The tools over files: `read`, `write`, `edit`, `apply_patch`, `list`, `grep`.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use openclaw_types::ToolSpec;
use serde_json::Value;

use crate::{
    arguments::Arguments,
    blocking::off_thread,
    error::Error,
    root::Root,
    tool::{Caller, Output, Tool},
};

mod edit;
mod grep;
mod list;
mod patch;
mod read;
mod write;

pub use self::edit::Edit;

/// All of them.
#[must_use]
pub fn tools() -> Vec<Arc<dyn Tool>> {
    vec![
        FileTool::make(read::spec(), read::run),
        FileTool::make(write::spec(), write::run),
        FileTool::make(edit::spec(), edit::run),
        FileTool::make(patch::spec(), patch::run),
        FileTool::make(list::spec(), list::run),
        FileTool::make(grep::spec(), grep::run),
    ]
}

/// Work on one workspace, without waiting for anything but the disk.
type Work = fn(&Root, &Arguments) -> Result<Output, Error>;

/// A tool whose whole work is on the disk of its caller's workspace.
pub(crate) struct FileTool {
    spec: ToolSpec,
    name: &'static str,
    work: Work,
}

impl FileTool {
    pub(crate) fn make(
        (name, description, parameters): (&'static str, &str, Value),
        work: Work,
    ) -> Arc<dyn Tool> {
        Arc::new(Self {
            spec: ToolSpec {
                name: name.to_owned(),
                description: description.to_owned(),
                parameters,
            },
            name,
            work,
        })
    }
}

impl std::fmt::Debug for FileTool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Tool for FileTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn call<'a>(
        &'a self,
        caller: &'a Caller,
        arguments: Value,
    ) -> BoxFuture<'a, Result<Output, Error>> {
        let (workspace, grants, work) =
            (caller.workspace.clone(), caller.grants.clone(), self.work);
        Box::pin(off_thread(self.name, move || {
            let root = Root::open(&workspace, grants)?;
            work(&root, &Arguments::new(arguments)?)
        }))
    }
}

/// The text of a file, or why it isn't one.
pub(crate) fn text_of(bytes: Vec<u8>, path: &dyn std::fmt::Display) -> Result<String, Error> {
    let is_binary = bytes.iter().take(8_192).any(|byte| *byte == 0);
    let text = if is_binary {
        None
    } else {
        String::from_utf8(bytes).ok()
    };
    text.ok_or_else(|| {
        Error::denied(
            format!("`{path}` is not text"),
            "binary files are not shown or changed",
        )
    })
}

/// A line as it is shown: cut where it is too long.
pub(crate) fn shown_line(line: &str, bytes_max: usize) -> String {
    if line.len() <= bytes_max {
        return line.to_owned();
    }
    let mut end = bytes_max;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    format!("{} [{} bytes more]", &line[..end], line.len() - end)
}
