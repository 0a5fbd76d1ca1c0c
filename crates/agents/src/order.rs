//! The order in which a model sees a session: by run, in the order the runs ran, not as the lines lie in
//! the file.
//!
//! A message is written when it is accepted, so the file interleaves: two messages may stand before the
//! first answer, and a queued message may stand between a tool call and its result. Runs of one session
//! never overlap, so the first thing a run wrote after its message says when it ran.

use std::borrow::Borrow;

use openclaw_sessions::{Entry, Kind};
use openclaw_types::{Part, Role, RunId};

/// Entries of one run, or one entry that belongs to none.
#[derive(Debug)]
struct Group<'a> {
    run: Option<&'a RunId>,
    entries: Vec<&'a Entry>,
    /// Where in the file the run began to work; its place in the order.
    began: usize,
}

/// The entries that a model may see, run after run.
///
/// Ended runs come in the order they ran, and `current_run` last. Left out are runs that wait or were cut
/// off, runs whose message lies outside `entries`, records that are not chat, and tool calls and results
/// that lack their other half.
pub fn run_order<'a, E: Borrow<Entry>>(
    entries: &'a [E],
    current_run: Option<&RunId>,
) -> Vec<&'a Entry> {
    let mut groups = group(entries);
    groups.retain_mut(|group| keep(group, current_run));
    groups.sort_by_key(|group| (is_current(group, current_run), group.began));
    groups.into_iter().flat_map(|g| g.entries).collect()
}

/// Splits what [`run_order`] gave back into runs, each a slice that is shown whole or not at all.
pub(crate) fn runs<'s, 'a>(
    ordered: &'s [&'a Entry],
) -> impl DoubleEndedIterator<Item = &'s [&'a Entry]> {
    ordered.chunk_by(|a, b| a.run.is_some() && a.run == b.run)
}

fn group<E: Borrow<Entry>>(entries: &[E]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (at, entry) in entries.iter().map(Borrow::borrow).enumerate() {
        if !is_chat(entry) {
            continue;
        }
        let run = entry.run.as_ref();
        // A window holds some dozens of entries: looking back from the end is cheaper than a map.
        match groups
            .iter_mut()
            .rev()
            .find(|g| run.is_some() && g.run == run)
        {
            Some(group) => {
                if group.entries.len() == 1 {
                    group.began = at;
                }
                group.entries.push(entry);
            }
            None => groups.push(Group {
                run,
                entries: vec![entry],
                began: at,
            }),
        }
    }
    groups
}

const fn is_chat(entry: &Entry) -> bool {
    match entry.kind {
        Kind::Message | Kind::ToolResult | Kind::Aborted => true,
        Kind::Compaction | Kind::Commit | Kind::Tombstone | Kind::Other => false,
    }
}

fn is_current(group: &Group<'_>, current_run: Option<&RunId>) -> bool {
    group.run.is_some() && group.run == current_run
}

/// Whether the group is shown; drops the halves of tool pairs from it.
fn keep(group: &mut Group<'_>, current_run: Option<&RunId>) -> bool {
    if group.run.is_none() {
        return group
            .entries
            .iter()
            .all(|entry| entry.kind != Kind::ToolResult && calls(entry).next().is_none());
    }
    let begins = group
        .entries
        .first()
        .is_some_and(|entry| entry.kind == Kind::Message && entry.role == Role::User);
    let ended = group.entries.iter().any(|entry| ends_run(entry));
    if !begins || !(ended || is_current(group, current_run)) {
        return false;
    }
    pair(&mut group.entries);
    true
}

fn ends_run(entry: &Entry) -> bool {
    match entry.kind {
        Kind::Aborted => true,
        Kind::Message => entry.role == Role::Assistant && calls(entry).next().is_none(),
        Kind::ToolResult | Kind::Compaction | Kind::Commit | Kind::Tombstone | Kind::Other => false,
    }
}

fn calls(entry: &Entry) -> impl Iterator<Item = &str> {
    entry.parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(call.id.as_str()),
        Part::Text(_) | Part::Reasoning(_) | Part::ToolResult(_) => None,
    })
}

fn results(entry: &Entry) -> impl Iterator<Item = &str> {
    entry.parts.iter().filter_map(|part| match part {
        Part::ToolResult(result) => Some(result.call_id.as_str()),
        Part::Text(_) | Part::Reasoning(_) | Part::ToolCall(_) => None,
    })
}

/// Keeps calls that have all their results, and the results of kept calls, each directly after its call.
fn pair(entries: &mut Vec<&Entry>) {
    let calling = |entry: &Entry| calls(entry).next().is_some();
    if !entries
        .iter()
        .any(|e| calling(e) || e.kind == Kind::ToolResult)
    {
        return;
    }
    let mut kept = Vec::with_capacity(entries.len());
    for (at, &entry) in entries.iter().enumerate() {
        if entry.kind == Kind::ToolResult {
            continue;
        }
        if !calling(entry) {
            kept.push(entry);
            continue;
        }
        let later = || entries[at + 1..].iter().take_while(|e| !calling(e));
        let mut answers: Vec<&Entry> = Vec::new();
        for call in calls(entry) {
            // One result answers one call, even where a model gave two calls the same id.
            let answer = later().find(|e| {
                results(e).eq([call]) && !answers.iter().any(|taken| std::ptr::eq(*taken, **e))
            });
            answers.extend(answer.copied());
        }
        if answers.len() == calls(entry).count() {
            kept.push(entry);
            kept.extend(answers);
        }
    }
    *entries = kept;
}

#[cfg(test)]
mod tests;
