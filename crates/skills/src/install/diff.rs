//! What differs between two sets of files, for people to read before they agree.

use std::{collections::BTreeSet, fmt::Write as _};

use similar::{ChangeTag, TextDiff};

use crate::{
    digest::Files,
    limits::{DIFF_LINE_CHARS_MAX, DIFF_LINES_MAX},
};

/// Lines around a change that are shown.
const AROUND: usize = 2;

/// The difference; empty when there is none.
pub(super) fn between(before: &Files, after: &Files) -> String {
    let mut lines = Vec::new();
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for path in paths {
        match (before.get(path), after.get(path)) {
            (Some(old), Some(new)) if old == new => {}
            (old, new) => file(&mut lines, path, old, new),
        }
    }
    let hidden = lines.len().saturating_sub(DIFF_LINES_MAX);
    lines.truncate(DIFF_LINES_MAX);
    let mut text = String::new();
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    if hidden > 0 {
        // Writing to a string doesn't fail.
        writeln!(text, "... and {hidden} more lines").unwrap_or_default();
    }
    text
}

fn file(lines: &mut Vec<String>, path: &str, old: Option<&Vec<u8>>, new: Option<&Vec<u8>>) {
    let sign = match (old, new) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    lines.push(format!("== {path} ({sign})"));
    let text = |bytes: Option<&Vec<u8>>| {
        str::from_utf8(bytes.map_or(&[], Vec::as_slice))
            .ok()
            .map(str::to_owned)
    };
    let (Some(before), Some(after)) = (text(old), text(new)) else {
        let bytes = |bytes: Option<&Vec<u8>>| bytes.map_or(0, Vec::len);
        lines.push(format!(
            "   not text: {} bytes, {} before",
            bytes(new),
            bytes(old)
        ));
        return;
    };
    let diff = TextDiff::from_lines(&before, &after);
    for (index, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if index > 0 {
            lines.push("   ...".to_owned());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("{sign} {}", shown(change.value())));
        }
    }
}

/// A line that a terminal can show: nothing in it moves the cursor or turns the direction of writing.
fn shown(line: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = line
        .trim_end_matches(['\n', '\r'])
        .chars()
        .take(DIFF_LINE_CHARS_MAX);
    plain
        .map(|c| {
            if c != '\t' && c.is_control() || turns(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}
