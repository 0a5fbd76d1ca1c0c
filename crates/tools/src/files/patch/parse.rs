//! Reads both formats of a patch into the same changes.

/// One file's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) path: String,
    pub(super) action: Action,
}

/// What happens to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Add(String),
    Delete,
    Update {
        moved: Option<String>,
        hunks: Vec<Hunk>,
    },
}

/// Lines that are kept, removed, and added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Hunk {
    /// A line before the hunk, after `@@`.
    pub(super) anchor: Option<String>,
    /// The first line in the old file, from a unified diff.
    pub(super) line: Option<usize>,
    lines: Vec<(char, String)>,
}

impl Hunk {
    pub(super) fn old(&self) -> Vec<&str> {
        self.side('+')
    }

    pub(super) fn replacement(&self) -> Vec<&str> {
        self.side('-')
    }

    fn side(&self, without: char) -> Vec<&str> {
        let lines = self.lines.iter().filter(|(mark, _)| *mark != without);
        lines.map(|(_, line)| line.as_str()).collect()
    }
}

/// Reads a patch in the format it begins with.
pub(super) fn parse(text: &str) -> Result<Vec<Change>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let begin = lines
        .iter()
        .position(|line| line.trim() == "*** Begin Patch");
    let changes = match begin {
        Some(begin) => marked(&lines[begin + 1..])?,
        None => unified(&lines)?,
    };
    if changes.is_empty() {
        return Err(
            "the patch changes no file; begin it with `*** Begin Patch` or `--- a/file`".to_owned(),
        );
    }
    Ok(changes)
}

fn marked(lines: &[&str]) -> Result<Vec<Change>, String> {
    let mut changes: Vec<Change> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let number = index + 2;
        if line.trim_end() == "*** End Patch" {
            return Ok(changes);
        }
        if let Some(path) = line.strip_prefix("*** Add File: ") {
            changes.push(change(path, Action::Add(String::new())));
        } else if let Some(path) = line.strip_prefix("*** Delete File: ") {
            changes.push(change(path, Action::Delete));
        } else if let Some(path) = line.strip_prefix("*** Update File: ") {
            changes.push(change(
                path,
                Action::Update {
                    moved: None,
                    hunks: Vec::new(),
                },
            ));
        } else if *line != "*** End of File" {
            let Some(last) = changes.last_mut() else {
                return Err(format!("line {number} belongs to no file"));
            };
            body(&mut last.action, line).map_err(|what| format!("line {number}: {what}"))?;
        }
    }
    Err("`*** End Patch` is missing".to_owned())
}

fn body(action: &mut Action, line: &str) -> Result<(), &'static str> {
    match action {
        Action::Add(content) => {
            let added = line
                .strip_prefix('+')
                .ok_or("an added file has `+` lines only")?;
            content.push_str(added);
            content.push('\n');
        }
        Action::Delete => return Err("a deleted file has no lines"),
        Action::Update { moved, hunks } => {
            if let Some(path) = line.strip_prefix("*** Move to: ") {
                *moved = Some(path.trim().to_owned());
            } else if let Some(anchor) = line.strip_prefix("@@") {
                let anchor = anchor.trim();
                hunks.push(Hunk {
                    anchor: (!anchor.is_empty()).then(|| anchor.to_owned()),
                    ..Hunk::default()
                });
            } else {
                if hunks.is_empty() {
                    hunks.push(Hunk::default());
                }
                if let Some(hunk) = hunks.last_mut() {
                    hunk.lines.push(marked_line(line)?);
                }
            }
        }
    }
    Ok(())
}

/// Splits the mark from the text; an empty line is an unchanged empty line, as editors that trim spaces leave it.
fn marked_line(line: &str) -> Result<(char, String), &'static str> {
    let mut chars = line.chars();
    match chars.next() {
        None => Ok((' ', String::new())),
        Some(mark @ (' ' | '-' | '+')) => Ok((mark, chars.as_str().to_owned())),
        Some(_) => Err("a line begins with a space, `-`, `+`, or `@@`"),
    }
}

fn unified(lines: &[&str]) -> Result<Vec<Change>, String> {
    let mut changes: Vec<Change> = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let old = lines[index].strip_prefix("--- ");
        let new = lines
            .get(index + 1)
            .and_then(|line| line.strip_prefix("+++ "));
        let (Some(old), Some(new)) = (old, new) else {
            // Headers of git and of mails stand between the files.
            index += 1;
            continue;
        };
        index += 2;
        let mut hunks = Vec::new();
        while let Some(header) = lines.get(index).filter(|line| line.starts_with("@@ ")) {
            let (hunk, next) = hunk(lines, index, header)?;
            hunks.push(hunk);
            index = next;
        }
        changes.push(between(name(old), name(new), hunks)?);
    }
    Ok(changes)
}

fn between(old: Option<&str>, new: Option<&str>, hunks: Vec<Hunk>) -> Result<Change, String> {
    match (old, new) {
        (None, Some(path)) => {
            let lines: Vec<&str> = hunks.iter().flat_map(Hunk::replacement).collect();
            let mut content = lines.join("\n");
            if !content.is_empty() {
                content.push('\n');
            }
            Ok(change(path, Action::Add(content)))
        }
        (Some(path), None) => Ok(change(path, Action::Delete)),
        (Some(old), Some(new)) => {
            let moved = (old != new).then(|| new.to_owned());
            Ok(change(old, Action::Update { moved, hunks }))
        }
        (None, None) => Err("a file is neither there before nor afterwards".to_owned()),
    }
}

/// One hunk: as many lines as its header says, so that a line of the text that looks like a header isn't one.
fn hunk(lines: &[&str], index: usize, header: &str) -> Result<(Hunk, usize), String> {
    let wrong = || format!("line {}: `{header}` is no header of a hunk", index + 1);
    let mut parts = header.split(' ').skip(1);
    let (line, mut old) = range(parts.next(), '-').ok_or_else(wrong)?;
    let (_, mut new) = range(parts.next(), '+').ok_or_else(wrong)?;
    let mut hunk = Hunk {
        line: Some(line),
        ..Hunk::default()
    };
    let mut index = index + 1;
    while old > 0 || new > 0 {
        let text = lines.get(index).ok_or("the patch ends within a hunk")?;
        index += 1;
        if text.starts_with('\\') {
            continue;
        }
        let (mark, text) = marked_line(text).map_err(|what| format!("line {index}: {what}"))?;
        let (takes_old, takes_new) = (mark != '+', mark != '-');
        let too_many = (takes_old && old == 0) || (takes_new && new == 0);
        if too_many {
            return Err(format!(
                "line {index}: the hunk has more lines than its header says"
            ));
        }
        old -= usize::from(takes_old);
        new -= usize::from(takes_new);
        hunk.lines.push((mark, text));
    }
    while lines.get(index).is_some_and(|line| line.starts_with('\\')) {
        index += 1;
    }
    Ok((hunk, index))
}

fn range(text: Option<&str>, mark: char) -> Option<(usize, usize)> {
    let text = text?.strip_prefix(mark)?;
    match text.split_once(',') {
        Some((line, count)) => Some((line.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

/// The path of a `---` or `+++` line, or `None` for no file.
fn name(text: &str) -> Option<&str> {
    let path = text.split('\t').next().unwrap_or_default().trim_end();
    if path == "/dev/null" {
        return None;
    }
    Some(
        path.strip_prefix("a/")
            .or_else(|| path.strip_prefix("b/"))
            .unwrap_or(path),
    )
}

fn change(path: &str, action: Action) -> Change {
    Change {
        path: path.trim().to_owned(),
        action,
    }
}
