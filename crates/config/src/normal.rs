//! The parsed tree in, a typed tree out: canonical names, converted values, and a problem for all that does not fit.

mod coerce;
mod lists;
mod opaque;
mod secrets;

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::{
    environment::Environment,
    expand,
    json5::{Member, Node, Position, Value},
    problem::{Problems, Severity},
    schema::{self, Effect, Kind, Shape},
    secret::Secret,
    suggest,
    trail::Trail,
};

/// Most items of a list or keys of a map; the rest is left out, which bounds memory.
pub(crate) const ITEMS_MAX: usize = 4_096;

/// Longest text; nothing in the table needs more.
pub(crate) const TEXT_BYTES_MAX: usize = 65_536;

/// A typed value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub at: Position,
    pub value: Typed,
}

/// A value that fits its key.
#[derive(Debug, Clone)]
pub(crate) enum Typed {
    Flag(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    Secret(Secret),
    List(Vec<Item>),
    Object(Members),
    Any(serde_json::Value),
}

/// Items by canonical name, in file order.
pub(crate) type Members = IndexMap<String, Item>;

/// Walks the tree once.
pub(crate) struct Normalizer<'a> {
    pub environment: &'a Environment,
    pub problems: &'a mut Problems,
}

impl Normalizer<'_> {
    /// The root object; anything else at the top of the file is as good as an empty one.
    pub(crate) fn root(&mut self, node: Node) -> Members {
        match node.value {
            Value::Object(members) => self.members(members, schema::root(), &Trail::Root),
            other => {
                let found = coerce::describe(&other);
                self.problems
                    .at(
                        Severity::Fatal,
                        node.at,
                        "",
                        format!("expected an object, found {found}"),
                    )
                    .hint("start the file with `{` and end it with `}`");
                Members::new()
            }
        }
    }

    fn members(
        &mut self,
        members: Vec<Member>,
        shape: &'static Shape,
        trail: &Trail<'_>,
    ) -> Members {
        let mut typed = Members::new();
        let mut seen = BTreeSet::new();
        for Member { at, key, node } in members {
            if schema::is_comment(&key) {
                continue;
            }
            let here = trail.key(&key);
            let Some((name, child)) = self.known(&key, &node, shape, (at, &here)) else {
                continue;
            };
            if !seen.insert(name.to_owned()) {
                self.problems
                    .at(
                        Severity::Warning,
                        at,
                        here.to_string(),
                        "the key is written twice; the last one counts",
                    )
                    .hint("remove one of them");
                typed.shift_remove(name);
            }
            if seen.len() > ITEMS_MAX {
                let message = format!("more than {ITEMS_MAX} keys; the rest is left out");
                self.problems
                    .at(Severity::Degraded, at, trail.to_string(), message);
                break;
            }
            if let Some(item) = self.item(node, child, &here) {
                typed.insert(name.to_owned(), item);
            }
        }
        typed
    }

    /// The key's canonical name and shape, or a problem when the table has no such key.
    fn known<'k>(
        &mut self,
        key: &'k str,
        node: &Node,
        shape: &'static Shape,
        (at, here): (Position, &Trail<'_>),
    ) -> Option<(&'k str, &'static Shape)> {
        let found = shape.child(key);
        // An object under a strange key of `plugins` is a plugin; anything else there is a mistyped key.
        let stray = matches!(found, Some((name, child)) if !shape.names().any(|known| known == name)
            && shape.names().next().is_some()
            && child.kinds() == [Kind::Object]
            && !matches!(node.value, Value::Object(_)));
        if let Some((name, child)) = found
            && !stray
        {
            if child.effect() == Effect::Inert {
                let about = child.key.as_ref().map_or("", |key| key.about);
                self.problems
                    .at(
                        Severity::Warning,
                        at,
                        here.to_string(),
                        "this key has no effect in this gateway",
                    )
                    .hint(match about {
                        "" | "Of another gateway." => "remove it",
                        about => about,
                    });
            }
            return Some((name, child));
        }
        let added = self.problems.at(
            Severity::Warning,
            at,
            here.to_string(),
            "unknown key; it is ignored",
        );
        added.hint_with(|| {
            let name = suggest::nearest(key, shape.spellings())?;
            Some(format!("did you mean `{name}`?"))
        });
        None
    }

    fn item(&mut self, node: Node, shape: &'static Shape, trail: &Trail<'_>) -> Option<Item> {
        let at = node.at;
        if node.value == Value::Null && !shape.kinds().contains(&Kind::Any) {
            self.warn(at, trail, "`null` is the same as leaving the key out");
            return None;
        }
        let value = self.expanded(node.value, shape, at, trail)?;
        if matches!(&value, Value::Text(text) if text.is_empty()) {
            self.warn(
                at,
                trail,
                "an empty text is the same as leaving the key out",
            );
            return None;
        }
        let kinds = shape.kinds();
        let kind = kinds
            .iter()
            .find(|kind| coerce::is_exact(kind, &value))
            .or_else(|| kinds.iter().find(|kind| coerce::may_convert(kind, kinds)))
            .or_else(|| kinds.first())?;
        let value = match (kind, value) {
            (Kind::Object | Kind::Map, Value::Object(members)) => {
                Typed::Object(self.members(members, shape, trail))
            }
            (Kind::List, Value::List(nodes)) => Typed::List(self.list(nodes, shape, at, trail)),
            (Kind::Texts, value) => self.texts(value, at, trail)?,
            (Kind::Any, value) => Typed::Any(self.any(value, at, trail)),
            (Kind::Secret, value) => Typed::Secret(self.secret(value, at, trail)?),
            (kind, value) => self.scalar(kind, &value, shape, (at, trail))?,
        };
        Some(Item { at, value })
    }

    /// Puts variables into a text; secrets look after their own.
    fn expanded(
        &mut self,
        value: Value,
        shape: &'static Shape,
        at: Position,
        trail: &Trail<'_>,
    ) -> Option<Value> {
        let Value::Text(text) = value else {
            return Some(value);
        };
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("a text longer than {TEXT_BYTES_MAX} bytes; it is ignored");
            self.problems
                .at(Severity::Degraded, at, trail.to_string(), message);
            return None;
        }
        if shape.kinds() == [Kind::Secret] || shape.kinds().contains(&Kind::Any) {
            return Some(Value::Text(text));
        }
        match expand::variables(&text, self.environment) {
            Ok(text) => Some(Value::Text(text)),
            Err(name) => {
                self.unset(&name, at, trail);
                None
            }
        }
    }

    fn unset(&mut self, name: &str, at: Position, trail: &Trail<'_>) {
        self.problems
            .at(
                Severity::Degraded,
                at,
                trail.to_string(),
                format!("the environment variable {name} is not set; the key is ignored"),
            )
            .hint(format!(
                "set {name} where the gateway is started, or write `${{{name}:-default}}`"
            ));
    }

    pub(super) fn warn(&mut self, at: Position, trail: &Trail<'_>, message: &str) {
        self.problems
            .at(Severity::Warning, at, trail.to_string(), message);
    }

    /// Says what was expected and found; never the value itself, which may be a secret in the wrong place.
    pub(super) fn mismatch(
        &mut self,
        kinds: &[Kind],
        found: &Value,
        effect: Effect,
        (at, trail): (Position, &Trail<'_>),
    ) {
        let severity = match effect {
            Effect::Used => Severity::Degraded,
            Effect::Note | Effect::Inert => Severity::Warning,
        };
        let expected = coerce::expected(kinds);
        let found = coerce::describe(found);
        let instead = trail.instead("");
        self.problems.at(
            severity,
            at,
            trail.to_string(),
            format!("expected {expected}, found {found}; {instead}"),
        );
    }
}
