//! Sessions on their way out: the lines exactly as they stand in the files, or as Markdown for people.

use std::sync::Arc;

use openclaw_types::{AgentId, Part, SessionId};

use crate::{
    agent::{EntryReader, View},
    archive::{ArchiveFile, older_lines},
    disk::Disk,
    entry::{Entry, Kind, decode},
    error::Error,
    index::Place,
    limits::PAGE_ENTRIES_MAX,
    segment::Layout,
};

/// Some lines of a session, and how to ask for those behind them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines {
    /// In file order, byte for byte, without newlines.
    pub lines: Vec<Vec<u8>>,
    /// What to pass for the lines behind these; `None` at the end.
    pub after_seq: Option<u64>,
}

/// Where the next lines of a session are.
#[derive(Debug)]
pub(crate) struct LinePlaces {
    /// Archives that hold some, which come first.
    archives: Vec<Arc<ArchiveFile>>,
    /// Those in segments: about as many as have the bytes that are wanted, and at least one.
    places: Vec<Place>,
    after_seq: u64,
    bytes_max: usize,
}

/// Finds the next lines; `None` when there is no such session.
pub(crate) fn line_places(
    view: &View,
    session: &SessionId,
    after_seq: u64,
    bytes_max: usize,
) -> Option<LinePlaces> {
    let (archives, places) = view.index.whereabouts(session)?;
    let mut bytes = 0_usize;
    let mut found = places.after(after_seq, PAGE_ENTRIES_MAX);
    let fits = found.iter().take_while(|place| {
        let before = bytes;
        bytes = bytes.saturating_add(place.len as usize);
        before == 0 || bytes <= bytes_max
    });
    let count = fits.count();
    found.truncate(count);
    let behind = archives
        .iter()
        .filter(|archive| archive.last_seq > after_seq);
    Some(LinePlaces {
        archives: behind.cloned().collect(),
        places: found,
        after_seq,
        bytes_max,
    })
}

/// Reads lines; one that is damaged since it was indexed is left out.
pub(crate) fn read_lines(
    disk: &dyn Disk,
    wanted: &LinePlaces,
    reader: &mut EntryReader,
) -> Result<Lines, Error> {
    let from = (wanted.after_seq, wanted.bytes_max);
    let older = older_lines(disk, reader.layout(), &wanted.archives, from)?;
    if let Some(&(after_seq, _)) = older.last() {
        return Ok(Lines {
            lines: older.into_iter().map(|(_, line)| line).collect(),
            after_seq: Some(after_seq),
        });
    }
    let mut lines = Vec::with_capacity(wanted.places.len());
    for &place in &wanted.places {
        let bytes = reader.read_bytes(disk, place)?;
        match decode(&bytes) {
            Ok(_) => lines.push(bytes),
            Err(fault) => {
                tracing::warn!(offset = place.offset, segment = place.segment, %fault, "an entry can no longer be read");
            }
        }
    }
    Ok(Lines {
        lines,
        after_seq: wanted.places.last().map(|place| place.seq),
    })
}

/// The lines of a view, page by page.
pub(crate) fn lines_of(
    disk: &dyn Disk,
    (view, layout): (&View, &Layout),
    session: &SessionId,
    (after_seq, bytes_max): (u64, usize),
) -> Option<Result<Lines, Error>> {
    let places = line_places(view, session, after_seq, bytes_max)?;
    Some(read_lines(disk, &places, &mut view.reader(layout)))
}

/// The heading of a session's Markdown.
#[must_use]
pub fn markdown_heading(agent: &AgentId, session: &SessionId) -> String {
    format!("# {agent} / {session}\n")
}

/// One entry as Markdown. Records that say nothing have none.
#[must_use]
pub fn markdown(entry: &Entry) -> String {
    let who = match entry.kind {
        Kind::Message => entry.role.as_str(),
        Kind::ToolResult => "tool",
        Kind::Aborted => "aborted",
        Kind::Compaction => "summary",
        Kind::Commit | Kind::Tombstone | Kind::Other => return String::new(),
    };
    let mut out = format!("\n## {who} · {}", entry.timestamp);
    if let Some(model) = &entry.model {
        out.push_str(&format!(" · {model}"));
    }
    out.push('\n');
    if entry.parts.is_empty() && !entry.content.is_empty() {
        out.push_str(&format!("\n{}\n", entry.content.trim_end()));
    }
    for part in &entry.parts {
        match part {
            Part::Text(text) => out.push_str(&format!("\n{}\n", text.trim_end())),
            Part::Reasoning(text) => {
                let quoted: Vec<_> = text.lines().map(|line| format!("> {line}")).collect();
                out.push_str(&format!("\n{}\n", quoted.join("\n")));
            }
            Part::ToolCall(call) => {
                let arguments = call.arguments.to_string();
                out.push_str(&format!(
                    "\n`{}`\n{}",
                    call.name,
                    fenced("json", &arguments)
                ));
            }
            Part::ToolResult(result) => {
                let failed = if result.is_error { " failed" } else { "" };
                out.push_str(&format!(
                    "\n`{}`{failed}\n{}",
                    result.name,
                    fenced("", &result.content)
                ));
            }
        }
    }
    out
}

/// Text in a fence that nothing inside it can close.
fn fenced(language: &str, text: &str) -> String {
    let mut longest = 2;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    format!(
        "\n{fence}{language}\n{}\n{fence}\n",
        text.trim_end_matches('\n')
    )
}

#[cfg(test)]
mod tests {
    use openclaw_types::{Role, Timestamp, ToolResult};

    use super::*;
    use crate::entry::Draft;

    fn entry(draft: Draft) -> Entry {
        Entry::from_draft(draft, String::new(), Timestamp(0), 1)
    }

    #[test]
    fn an_entry_is_a_section_and_nothing_breaks_out_of_its_fence() {
        let session = SessionId::parse("s").unwrap();
        let said = Draft::message(Role::User, session.clone(), "hello\n");
        assert_eq!(
            markdown(&entry(said)),
            "\n## user · 1970-01-01T00:00:00.000Z\n\nhello\n"
        );
        let result = ToolResult {
            call_id: "c".to_owned(),
            name: "cat".to_owned(),
            content: "```\n````x".to_owned(),
            is_error: true,
        };
        let answered = Draft {
            parts: vec![Part::Reasoning("a\nb".to_owned()), Part::ToolResult(result)],
            ..Draft::record(Kind::ToolResult, session.clone())
        };
        assert_eq!(
            markdown(&entry(answered)),
            "\n## tool · 1970-01-01T00:00:00.000Z\n\n> a\n> b\n\n`cat` failed\n\n`````\n```\n````x\n`````\n"
        );
        assert_eq!(markdown(&entry(Draft::record(Kind::Commit, session))), "");
    }
}
