//! `apply_patch`: several files at once, in the `*** Begin Patch` format or as a unified diff; all or nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{edit::nearest_line, text_of, write};
use crate::{
    arguments::{Arguments, object},
    error::Error,
    files::shown_line,
    limits::CHANGES_MAX,
    root::{Protection, Relative, Root, protection},
    tool::Output,
};

mod parse;

use parse::{Action, Change, Hunk};

pub(super) fn spec() -> (&'static str, &'static str, Value) {
    let properties = json!({"patch": {
        "type": "string",
        "minLength": 1,
        "description": "`*** Begin Patch`, then `*** Add File: p`, `*** Update File: p` (`@@`, ` `, `-`, `+` lines), \
            `*** Delete File: p`, then `*** End Patch`; or a unified diff.",
    }});
    (
        "apply_patch",
        "Changes several files at once, or none of them.",
        object(&properties, &["patch"]),
    )
}

/// What every touched path held before, and holds afterwards; `None` is no file.
type Plan = BTreeMap<Relative, (Option<Vec<u8>>, Option<String>)>;

pub(super) fn run(root: &Root, arguments: &Arguments) -> Result<Output, Error> {
    let changes =
        parse::parse(arguments.text("patch")?).map_err(|what| Error::Mismatch { what })?;
    if changes.len() > CHANGES_MAX {
        return Err(Error::argument(
            "/patch",
            format!("at most {CHANGES_MAX} files are expected"),
        ));
    }
    let plan = plan(root, &changes)?;
    let changed = commit(root, &plan)?;
    let names: Vec<String> = plan.keys().map(|path| format!("`{path}`")).collect();
    Ok(Output::text(format!("changed {}", names.join(", "))).with(json!({"changed": changed})))
}

/// Works everything out before anything is written.
fn plan(root: &Root, changes: &[Change]) -> Result<Plan, Error> {
    let mut plan = Plan::new();
    for change in changes {
        let path = root.relative(&change.path)?;
        let before = current(root, &mut plan, &path)?;
        match &change.action {
            Action::Add(_) if before.is_some() => {
                let what = format!("`{path}` is there already; update it, or delete it first");
                return Err(Error::Mismatch { what });
            }
            Action::Add(content) => after(&mut plan, &path, Some(content.clone())),
            Action::Delete | Action::Update { .. } if before.is_none() => {
                return Err(Error::NotFound {
                    what: format!("`{path}`"),
                    hint: Some("nothing was changed".to_owned()),
                });
            }
            Action::Delete => after(&mut plan, &path, None),
            Action::Update { moved, hunks } => {
                let text = changed(&before.unwrap_or_default(), hunks, &path)?;
                let Some(moved) = moved else {
                    after(&mut plan, &path, Some(text));
                    continue;
                };
                let target = root.relative(moved)?;
                if current(root, &mut plan, &target)?.is_some() {
                    let what = format!("`{target}` is there already");
                    return Err(Error::Mismatch { what });
                }
                after(&mut plan, &path, None);
                after(&mut plan, &target, Some(text));
            }
        }
    }
    Ok(plan)
}

/// What the path holds at this point of the patch.
fn current(root: &Root, plan: &mut Plan, path: &Relative) -> Result<Option<String>, Error> {
    if let Some((_, after)) = plan.get(path) {
        return Ok(after.clone());
    }
    // The record is refused before the first file is written, not in the middle.
    if protection(path) == Protection::Record {
        return Err(Error::denied(
            format!("`{path}` belongs to the gateway's own record"),
            "nothing was changed",
        ));
    }
    let before = match root.read(path) {
        Ok(bytes) => Some(bytes),
        Err(Error::NotFound { .. }) => None,
        Err(error) => return Err(error),
    };
    let text = before
        .clone()
        .map(|bytes| text_of(bytes, path))
        .transpose()?;
    plan.insert(path.clone(), (before, text.clone()));
    Ok(text)
}

fn after(plan: &mut Plan, path: &Relative, text: Option<String>) {
    if let Some((_, after)) = plan.get_mut(path) {
        *after = text;
    }
}

/// Writes everything; when something is refused, what was written before is put back.
fn commit(root: &Root, plan: &Plan) -> Result<Vec<Value>, Error> {
    let mut done: Vec<(&Relative, &Option<Vec<u8>>)> = Vec::new();
    let mut changed = Vec::new();
    for (path, (before, after)) in plan {
        let result = match after {
            Some(text) => {
                write::store(root, path, text).map(|written| write::change(path, written))
            }
            None if before.is_none() => continue,
            None => root
                .remove(path)
                .map(|()| json!({"path": path.to_string(), "removed": true})),
        };
        match result {
            Ok(change) => {
                done.push((path, before));
                changed.push(change);
            }
            Err(error) => {
                undo(root, &done);
                return Err(error);
            }
        }
    }
    Ok(changed)
}

fn undo(root: &Root, done: &[(&Relative, &Option<Vec<u8>>)]) {
    for (path, before) in done.iter().rev() {
        let result = match before {
            Some(bytes) => root.write(path, bytes).map(|_| ()),
            None => root.remove(path),
        };
        if let Err(error) = result {
            tracing::error!(%path, %error, "a half-applied patch could not be taken back");
        }
    }
}

/// The text after its hunks; each is searched from the end of the one before.
fn changed(text: &str, hunks: &[Hunk], path: &Relative) -> Result<String, Error> {
    let mut lines: Vec<&str> = text.split('\n').collect();
    // A last line end makes an empty last piece, which is no line.
    let ends_with_newline = lines.last() == Some(&"");
    if ends_with_newline {
        lines.pop();
    }
    let mut from = 0;
    for (index, hunk) in hunks.iter().enumerate() {
        let old: Vec<&str> = hunk.old();
        if let Some(anchor) = &hunk.anchor {
            let at = lines[from..]
                .iter()
                .position(|line| line.trim() == anchor.trim());
            from += at.map_or(0, |at| at + 1);
        }
        let Some(at) = place(&lines, &old, from, hunk.line) else {
            let sought = old.first().copied().unwrap_or_default();
            let near = nearest_line(text, sought).map_or_else(String::new, |(number, line)| {
                format!(
                    "; the nearest is line {number}: {:?}",
                    shown_line(line, 200)
                )
            });
            let what = format!("hunk {} of `{path}` does not fit{near}", index + 1);
            return Err(Error::Mismatch { what });
        };
        let new = hunk.replacement();
        from = at + new.len();
        lines.splice(at..at + old.len(), new);
    }
    let mut text = lines.join("\n");
    if (ends_with_newline || !text.contains('\n')) && !text.is_empty() {
        text.push('\n');
    }
    Ok(text)
}

/// Where the old lines are: at the line the diff names if they are there, else the only place after `from`.
fn place(lines: &[&str], old: &[&str], from: usize, line: Option<usize>) -> Option<usize> {
    if old.is_empty() {
        return Some(line.map_or(lines.len(), |line| line.min(lines.len())));
    }
    let fits = |at: usize| {
        lines
            .get(at..at + old.len())
            .is_some_and(|there| there == old)
    };
    if let Some(line) = line.filter(|line| *line >= 1 && fits(line - 1)) {
        return Some(line - 1);
    }
    let mut places = (from..lines.len()).filter(|at| fits(*at));
    let first = places.next()?;
    // With a line number or an anchor the nearest is meant; without, two places are one too many.
    (from > 0 || line.is_some() || places.next().is_none()).then_some(first)
}
