//! `grep`: lines that match an expression, with their files and numbers.

use regex::{Regex, RegexBuilder};
use serde_json::{Value, json};

use super::{shown_line, text_of};
use crate::{
    arguments::{Arguments, object},
    error::Error,
    limits::{GREP_BYTES_MAX, GREP_MATCHES_MAX, PATH_DEPTH_MAX, REGEX_BYTES_MAX, WALK_ENTRIES_MAX},
    root::{Kind, Relative, Root},
    tool::Output,
};

/// Nobody reads these, and they would fill the answer.
const SKIPPED: [&str; 3] = [".git", "node_modules", "target"];
/// A matching line as it is shown.
const SHOWN_BYTES: usize = 300;

pub(super) fn spec() -> (&'static str, &'static str, Value) {
    let properties = json!({
        "pattern": {"type": "string", "minLength": 1, "maxLength": 2000, "description": "A regular expression."},
        "path": {"type": "string", "description": "File or directory; the workspace if left out."},
        "glob": {"type": "string", "description": "Only names like this, for example `*.rs`."},
        "ignore_case": {"type": "boolean"},
        "files_only": {"type": "boolean", "description": "Names of files instead of lines."},
    });
    (
        "grep",
        "Searches text files below a directory for a regular expression.",
        object(&properties, &["pattern"]),
    )
}

struct Search<'a> {
    root: &'a Root,
    expression: Regex,
    glob: Option<Regex>,
    is_files_only: bool,
    found: Vec<String>,
    bytes: u64,
    entries: usize,
    is_cut: bool,
}

pub(super) fn run(root: &Root, arguments: &Arguments) -> Result<Output, Error> {
    let expression = RegexBuilder::new(arguments.text("pattern")?)
        .case_insensitive(arguments.flag("ignore_case"))
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| Error::argument("/pattern", error.to_string()))?;
    let mut search = Search {
        root,
        expression,
        glob: arguments.optional_text("glob").map(glob).transpose()?,
        is_files_only: arguments.flag("files_only"),
        found: Vec::new(),
        bytes: 0,
        entries: 0,
        is_cut: false,
    };
    let path = root.relative(arguments.optional_text("path").unwrap_or("."))?;
    match root.entries(&path) {
        Ok(_) => search.directory(&path),
        Err(error) => match root.open_file(&path) {
            Ok(_) => search.file(&path),
            Err(_same) => return Err(error),
        },
    }
    let Search { found, is_cut, .. } = search;
    let mut content = found.join("\n");
    if found.is_empty() {
        content.push_str("[nothing matches]");
    }
    if is_cut {
        content.push_str("\n[there may be more: narrow the pattern, the path, or the glob]");
    }
    Ok(Output {
        content,
        is_truncated: is_cut,
        details: json!({"matches": found.len()}),
    })
}

impl Search<'_> {
    fn directory(&mut self, path: &Relative) {
        // What can't be read, because it is gone or nobody may, is not searched.
        let Ok(entries) = self.root.entries(path) else {
            return;
        };
        for entry in entries {
            self.entries += 1;
            if self.entries > WALK_ENTRIES_MAX || path.depth() >= PATH_DEPTH_MAX {
                self.is_cut = true;
            }
            if self.is_cut {
                return;
            }
            let below = path.join(&entry.name);
            let is_wanted =
                |glob: &Option<Regex>| glob.as_ref().is_none_or(|glob| glob.is_match(&entry.name));
            match entry.kind {
                Kind::Directory if !SKIPPED.contains(&entry.name.as_str()) => {
                    self.directory(&below);
                }
                Kind::File if is_wanted(&self.glob) => self.file(&below),
                Kind::Directory | Kind::File | Kind::Link | Kind::Special => {}
            }
        }
    }

    fn file(&mut self, path: &Relative) {
        let Ok(bytes) = self.root.read(path) else {
            return;
        };
        self.bytes += bytes.len() as u64;
        if self.bytes > GREP_BYTES_MAX {
            self.is_cut = true;
            return;
        }
        let Ok(text) = text_of(bytes, path) else {
            return;
        };
        for (index, line) in text.lines().enumerate() {
            if !self.expression.is_match(line) {
                continue;
            }
            if self.found.len() >= GREP_MATCHES_MAX {
                self.is_cut = true;
                return;
            }
            if self.is_files_only {
                self.found.push(path.to_string());
                return;
            }
            let line = shown_line(line, SHOWN_BYTES);
            self.found.push(format!("{path}:{}:{line}", index + 1));
        }
    }
}

/// `*`, `?`, and `{a,b}` over one name.
fn glob(pattern: &str) -> Result<Regex, Error> {
    let mut expression = String::from("^");
    let mut is_choice = false;
    for c in pattern.trim_start_matches("**/").chars() {
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '{' => {
                is_choice = true;
                expression.push_str("(?:");
            }
            '}' if is_choice => {
                is_choice = false;
                expression.push(')');
            }
            ',' if is_choice => expression.push('|'),
            c => expression.push_str(&regex::escape(&c.to_string())),
        }
    }
    expression.push('$');
    RegexBuilder::new(&expression)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| Error::argument("/glob", error.to_string()))
}
