//! Lists of units, and lists of texts; a bad item is left out and the others stay.

use super::{ITEMS_MAX, Item, Normalizer, Typed};
use crate::{
    json5::{Node, Position, Value},
    problem::Severity,
    schema::{self, Effect, Kind, Shape},
    trail::Trail,
};

impl Normalizer<'_> {
    pub(super) fn list(
        &mut self,
        mut nodes: Vec<Node>,
        shape: &'static Shape,
        at: Position,
        trail: &Trail<'_>,
    ) -> Vec<Item> {
        self.shorten(&mut nodes, at, trail);
        // A dropped item keeps its place as an empty object, so that indexes in later messages stay right.
        nodes
            .into_iter()
            .enumerate()
            .map(|(index, node)| {
                let at = node.at;
                self.item(node, shape.item(), &trail.item(index))
                    .unwrap_or(Item {
                        at,
                        value: Typed::Any(serde_json::Value::Null),
                    })
            })
            .collect()
    }

    fn shorten(&mut self, nodes: &mut Vec<Node>, at: Position, trail: &Trail<'_>) {
        if nodes.len() > ITEMS_MAX {
            let message = format!("more than {ITEMS_MAX} items; the rest is left out");
            self.problems
                .at(Severity::Degraded, at, trail.to_string(), message);
            nodes.truncate(ITEMS_MAX);
        }
    }

    pub(super) fn texts(&mut self, value: Value, at: Position, trail: &Trail<'_>) -> Option<Typed> {
        let mut nodes = match value {
            Value::List(nodes) => nodes,
            Value::Text(text) => {
                let value = Typed::Text(text);
                return Some(Typed::List(vec![Item { at, value }]));
            }
            other => {
                self.mismatch(&[Kind::Texts], &other, Effect::Used, (at, trail));
                return None;
            }
        };
        self.shorten(&mut nodes, at, trail);
        let mut items = Vec::new();
        for (index, node) in nodes.into_iter().enumerate() {
            let here = trail.item(index);
            let at = node.at;
            let Some(value) = self.expanded(node.value, schema::root(), at, &here) else {
                continue;
            };
            match value {
                Value::Text(text) if text.is_empty() => {
                    self.warn(at, &here, "an empty text is left out");
                }
                Value::Text(text) => items.push(Item {
                    at,
                    value: Typed::Text(text),
                }),
                other => self.mismatch(&[Kind::Text], &other, Effect::Used, (at, &here)),
            }
        }
        Some(Typed::List(items))
    }
}
