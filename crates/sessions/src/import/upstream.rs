//! The transcript of upstream OpenClaw: entries that name their parent, so that a conversation is a tree.
//!
//! What counts is the way from the last entry of the file to its root. Other ends are reported and left out.

use std::collections::{BTreeMap, BTreeSet};

use openclaw_types::{Role, SessionId, Timestamp};
use serde_json::{Map, Value};

use self::message::{content, draft};
use super::{
    Branch, ImportFault, Imported, Problems, importer, lines, listing::session_name, object,
};
use crate::entry::{Draft, Entry, Fault, Kind};

mod message;

/// The name of a transcript without a header, until it gets another.
const IMPORTED: &str = "imported";

/// Whether the file's first line is one of upstream's.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    lines(bytes)
        .next()
        .and_then(|(_, line)| object(line))
        .is_some_and(|map| {
            map.get("type").is_some_and(Value::is_string) && !map.contains_key("sessionId")
        })
}

/// A line of the tree.
struct Node {
    line: u64,
    id: Option<String>,
    parent: Option<String>,
    map: Map<String, Value>,
}

/// Reads one transcript.
pub(super) fn read(bytes: &[u8]) -> Result<Imported, Problems> {
    let mut problems = Problems::default();
    let mut imported = Imported::new(None);
    let mut nodes = Vec::new();
    for (line, text) in lines(bytes) {
        let Some(map) = object(text) else {
            problems.add(line, Fault::NotJson);
            continue;
        };
        let Some(kind) = word(&map, "type") else {
            problems.add(line, ImportFault::Key { key: "type" });
            continue;
        };
        if kind == "session" {
            let id = word(&map, "id");
            imported.session = imported.session.or_else(|| id.and_then(session_name));
            continue;
        }
        nodes.push(Node {
            line,
            id: word(&map, "id").map(str::to_owned),
            parent: word(&map, "parentId").map(str::to_owned),
            map,
        });
    }
    let tree = Tree::of(&nodes, &mut problems);
    let way = tree.way(&mut problems);
    let session = imported.session.clone().or_else(|| session_name(IMPORTED));
    for &at in &way {
        let node = &nodes[at];
        match session.as_ref().map(|session| said(node, session)) {
            Some(Ok(Said::Entry(entry))) => imported.entries.push(entry),
            Some(Ok(Said::Summary(entry))) => {
                let first = word(&node.map, "firstKeptEntryId");
                tree.summarise(&mut imported.entries, (entry, first), &way);
            }
            Some(Ok(Said::Nothing)) | None => imported.skipped += 1,
            Some(Err(fault)) => problems.add(node.line, fault),
        }
    }
    imported.branches = tree.branches(&way);
    problems.or(imported)
}

/// Who follows whom.
struct Tree<'a> {
    nodes: &'a [Node],
    by_id: BTreeMap<&'a str, usize>,
    /// For every node its parent.
    parents: Vec<Option<usize>>,
}

impl<'a> Tree<'a> {
    fn of(nodes: &'a [Node], problems: &mut Problems) -> Self {
        let mut by_id = BTreeMap::new();
        for (at, node) in nodes.iter().enumerate() {
            if let Some(id) = &node.id
                && by_id.insert(id.as_str(), at).is_some()
            {
                problems.add(node.line, ImportFault::TwiceUsed { id: id.clone() });
            }
        }
        let parents = nodes
            .iter()
            .enumerate()
            .map(|(at, node)| match &node.parent {
                Some(parent) => {
                    let found = by_id.get(parent.as_str()).copied();
                    if found.is_none() {
                        problems.add(node.line, ImportFault::Orphan { id: parent.clone() });
                    }
                    found
                }
                // The first version had no ids: each line followed the one before it.
                None if node.id.is_none() => at.checked_sub(1),
                None => None,
            });
        let parents = parents.collect();
        Self {
            nodes,
            by_id,
            parents,
        }
    }

    /// From the root to the last entry.
    fn way(&self, problems: &mut Problems) -> Vec<usize> {
        let mut way = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = self.nodes.len().checked_sub(1);
        while let Some(at) = next {
            if !seen.insert(at) {
                problems.add(self.nodes[at].line, ImportFault::Circle);
                break;
            }
            way.push(at);
            next = self.parents[at];
        }
        way.reverse();
        way
    }

    /// The other ends, and how much of each is not on the way.
    fn branches(&self, way: &[usize]) -> Vec<Branch> {
        let mut counted: BTreeSet<usize> = way.iter().copied().collect();
        let parents: BTreeSet<usize> = self.parents.iter().flatten().copied().collect();
        let mut branches = Vec::new();
        for leaf in (0..self.nodes.len()).rev() {
            if parents.contains(&leaf) || counted.contains(&leaf) {
                continue;
            }
            let mut entries = 0;
            let mut next = Some(leaf);
            while let Some(at) = next.filter(|&at| counted.insert(at)) {
                entries += 1;
                next = self.parents[at];
            }
            branches.push(Branch {
                leaf: self.nodes[leaf].id.clone().unwrap_or_default(),
                entries,
            });
        }
        branches.reverse();
        branches
    }

    /// Puts a summary before the first entry it leaves standing, because here it stands for all before it.
    fn summarise(
        &self,
        entries: &mut Vec<Entry>,
        (summary, first_kept): (Entry, Option<&str>),
        way: &[usize],
    ) {
        let order: BTreeMap<usize, usize> = way.iter().copied().zip(0..).collect();
        let order_of = |id: &str| order.get(self.by_id.get(id)?).copied();
        let place = first_kept.and_then(order_of).and_then(|kept| {
            let stays = |entry: &Entry| order_of(&entry.id).is_some_and(|order| order >= kept);
            entries.iter().position(stays)
        });
        entries.insert(place.unwrap_or(entries.len()), summary);
    }
}

/// What a line says here.
enum Said {
    Entry(Entry),
    Summary(Entry),
    Nothing,
}

fn said(node: &Node, session: &SessionId) -> Result<Said, ImportFault> {
    let map = &node.map;
    let entry = |draft: Draft, time: &Value| -> Result<Entry, ImportFault> {
        let time = timestamp(time).or_else(|| map.get("timestamp").and_then(timestamp));
        let time = time.ok_or(ImportFault::Key { key: "timestamp" })?;
        let id = node.id.clone().unwrap_or_default();
        Ok(Entry::from_draft(draft, id, time, 0))
    };
    let from_elsewhere = |role: Role, text: String| Draft {
        origin: Some(importer()),
        ..Draft::message(role, session.clone(), text)
    };
    match word(map, "type").unwrap_or_default() {
        "message" => {
            let message = map.get("message").and_then(Value::as_object);
            let message = message.ok_or(ImportFault::Key { key: "message" })?;
            match draft(message, session)? {
                Some(draft) => {
                    let time = message.get("timestamp").unwrap_or(&Value::Null);
                    Ok(Said::Entry(entry(draft, time)?))
                }
                None => Ok(Said::Nothing),
            }
        }
        "compaction" => {
            let text = word(map, "summary").ok_or(ImportFault::Key { key: "summary" })?;
            let draft = Draft {
                content: text.to_owned(),
                origin: Some(importer()),
                ..Draft::record(Kind::Compaction, session.clone())
            };
            Ok(Said::Summary(entry(draft, &Value::Null)?))
        }
        "branch_summary" => {
            let text = word(map, "summary").ok_or(ImportFault::Key { key: "summary" })?;
            let draft = from_elsewhere(Role::User, text.to_owned());
            Ok(Said::Entry(entry(draft, &Value::Null)?))
        }
        "custom_message" => {
            let (text, _) = content(map.get("content"))?;
            let draft = from_elsewhere(Role::User, text);
            Ok(Said::Entry(entry(draft, &Value::Null)?))
        }
        _ => Ok(Said::Nothing),
    }
}

fn timestamp(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => Timestamp::parse(text),
        value => value.as_i64().map(Timestamp),
    }
}

fn word<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    map.get(key)?.as_str()
}
