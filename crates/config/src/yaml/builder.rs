//! Events in, a tree out, with everything counted that an alias repeats.

use std::collections::BTreeMap;

use granit_parser::Event;
use indexmap::IndexMap;

use super::{BYTES_MAX, Fault, scalar};
use crate::json5::{DEPTH_MAX, Member, Node, Position, VALUES_MAX, Value};

/// The key whose value is put into the object around it.
const MERGE: &str = "<<";

/// How much a tree holds.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    values: usize,
    bytes: usize,
    depth: usize,
}

/// What an anchor stands for, and how much that is.
#[derive(Debug)]
struct Anchored {
    node: Node,
    size: Size,
}

/// A list or object that has not ended.
#[derive(Debug)]
struct Open {
    at: Position,
    anchor: usize,
    before: Size,
    deepest: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    List(Vec<Node>),
    Object {
        members: Vec<Member>,
        merged: IndexMap<String, Member>,
        key: Option<(Position, Key)>,
    },
}

#[derive(Debug)]
enum Key {
    Named(String),
    Merge,
}

/// Puts a document together.
#[derive(Debug, Default)]
pub(super) struct Builder {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
    total: Size,
    root: Option<Node>,
}

impl Builder {
    pub(super) fn take(&mut self, event: Event<'_>, at: Position) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_key = self.awaits_key();
                if is_key && text == MERGE && style == granit_parser::ScalarStyle::Plain {
                    return self.key(at, Key::Merge);
                }
                self.count(1, text.len())?;
                let bytes = text.len();
                let value = scalar::resolve(text, style, tag.as_deref()).ok_or(Fault::Tag)?;
                let size = Size {
                    values: 1,
                    bytes,
                    depth: 0,
                };
                self.place(Node { at, value }, anchor, size)
            }
            Event::SequenceStart(_, anchor, tag) => {
                known(tag.as_deref(), "seq")?;
                self.start(at, anchor, Kind::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                known(tag.as_deref(), "map")?;
                let kind = Kind::Object {
                    members: Vec::new(),
                    merged: IndexMap::new(),
                    key: None,
                };
                self.start(at, anchor, kind)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor),
            _ => Ok(()),
        }
    }

    /// The document, if there was one.
    pub(super) fn finish(self) -> Option<Node> {
        self.root
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                kind: Kind::Object { key: None, .. },
                ..
            })
        )
    }

    /// Counts what is added to the tree.
    const fn count(&mut self, values: usize, bytes: usize) -> Result<(), Fault> {
        self.total.values = self.total.values.saturating_add(values);
        self.total.bytes = self.total.bytes.saturating_add(bytes);
        if self.total.values > VALUES_MAX {
            return Err(Fault::Values);
        }
        if self.total.bytes > BYTES_MAX {
            return Err(Fault::Bytes);
        }
        Ok(())
    }

    fn start(&mut self, at: Position, anchor: usize, kind: Kind) -> Result<(), Fault> {
        if self.awaits_key() {
            return Err(Fault::Key);
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(Fault::Depth);
        }
        let before = self.total;
        self.count(1, 0)?;
        self.open.push(Open {
            at,
            anchor,
            before,
            deepest: 0,
            kind,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.kind {
            Kind::List(items) => Value::List(items),
            Kind::Object {
                members, merged, ..
            } => Value::Object(overlaid(merged, members)),
        };
        let size = Size {
            values: self.total.values - open.before.values,
            bytes: self.total.bytes - open.before.bytes,
            depth: open.deepest + 1,
        };
        let node = Node { at: open.at, value };
        self.place(node, open.anchor, size)
    }

    fn alias(&mut self, anchor: usize) -> Result<(), Fault> {
        let Some(Anchored { node, size }) = self.anchors.get(&anchor) else {
            // The parser knows the anchor, but what it stands for has not ended.
            return Err(Fault::Cycle);
        };
        if self.open.len() + size.depth > DEPTH_MAX {
            return Err(Fault::Depth);
        }
        let size = *size;
        // Counted before it is copied.
        let (values, bytes) = (size.values, size.bytes);
        let node = node.clone();
        self.count(values, bytes)?;
        self.place(node, 0, size)
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, node: Node, anchor: usize, size: Size) -> Result<(), Fault> {
        if anchor != 0 {
            // The copy that is kept counts too.
            self.count(size.values, size.bytes)?;
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, size });
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.deepest = open.deepest.max(size.depth);
        match &mut open.kind {
            Kind::List(items) => items.push(node),
            Kind::Object {
                members,
                merged,
                key,
            } => match key.take() {
                None => {
                    let at = node.at;
                    let name = scalar::name(node.value).ok_or(Fault::Key)?;
                    *key = Some((at, Key::Named(name)));
                }
                Some((at, Key::Named(key))) => members.push(Member { at, key, node }),
                Some((_, Key::Merge)) => merge(merged, node)?,
            },
        }
        Ok(())
    }

    fn key(&mut self, at: Position, named: Key) -> Result<(), Fault> {
        self.count(1, 0)?;
        if let Some(Open {
            kind: Kind::Object { key, .. },
            ..
        }) = self.open.last_mut()
        {
            *key = Some((at, named));
        }
        Ok(())
    }
}

/// Whether a list or object has no tag, or the one that says what it is.
fn known(tag: Option<&granit_parser::Tag>, kind: &str) -> Result<(), Fault> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(kind) => Err(Fault::Tag),
        _ => Ok(()),
    }
}

/// Adds what `<<` stands for; what is there already stays.
fn merge(merged: &mut IndexMap<String, Member>, node: Node) -> Result<(), Fault> {
    match node.value {
        Value::Object(members) => {
            for member in members {
                merged.entry(member.key.clone()).or_insert(member);
            }
            Ok(())
        }
        Value::List(nodes) => {
            for node in nodes {
                if !matches!(node.value, Value::Object(_)) {
                    return Err(Fault::Merge);
                }
                merge(merged, node)?;
            }
            Ok(())
        }
        _ => Err(Fault::Merge),
    }
}

/// What was merged, without what the object says itself, and then that.
fn overlaid(mut merged: IndexMap<String, Member>, members: Vec<Member>) -> Vec<Member> {
    if merged.is_empty() {
        return members;
    }
    for member in &members {
        merged.swap_remove(&member.key);
    }
    merged.into_values().chain(members).collect()
}
