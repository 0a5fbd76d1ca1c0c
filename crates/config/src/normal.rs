//! The parsed tree in, a typed tree out: canonical names, converted values, and a problem for all that does not fit.

mod coerce;
mod lists;
mod opaque;
mod secrets;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use openclaw_types::KnownProvider;

use crate::{
    environment::Environment,
    expand,
    json5::{Member, Node, Position, Value},
    problem::{Problems, Severity},
    schema::{self, Effect, Kind, Shape, Table},
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
    /// A value that needs this variable, which is not set; only where that matters to the reader of the file.
    Unset(String),
}

/// Items by canonical name, in file order.
pub(crate) type Members = IndexMap<String, Item>;

/// Walks the tree once.
pub(crate) struct Normalizer<'a> {
    pub table: Table,
    pub environment: &'a Environment,
    pub problems: &'a mut Problems,
    /// The variable that the value just read needs and that is not set.
    pub unset: Option<String>,
    /// Variables that were said to be absent where that does little harm; once is enough.
    pub told: BTreeSet<String>,
}

impl Normalizer<'_> {
    /// The root object; anything else at the top of the file is as good as an empty one.
    pub(crate) fn root(&mut self, node: Node) -> Members {
        match node.value {
            Value::Object(members) => self.members(members, self.table.root(), &Trail::Root),
            other => {
                let found = coerce::describe(&other);
                self.problems
                    .at(
                        Severity::Fatal,
                        node.at,
                        "",
                        format!("expected an object, found {found}"),
                    )
                    .hint(match self.table {
                        Table::Openclaw => "start the file with `{` and end it with `}`",
                        Table::Litellm => "start the file with a key like `model_list:`",
                    });
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
            if self.table == Table::Openclaw && schema::is_comment(&key) {
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
            self.without_effect(child, at, here);
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

    /// Says that a key has no effect, where that is so.
    fn without_effect(&mut self, shape: &'static Shape, at: Position, here: &Trail<'_>) {
        let (severity, message) = match shape.effect() {
            Effect::Used | Effect::Note => return,
            Effect::Inert => (Severity::Warning, "this key has no effect in this gateway"),
            Effect::Unsupported => (
                Severity::Degraded,
                "this is not supported; the key is ignored",
            ),
        };
        let about = shape.key.as_ref().map_or("", |key| key.about);
        self.problems
            .at(severity, at, here.to_string(), message)
            .hint(match about {
                "" | "Of another gateway." | "Of another router." => "remove it",
                about => about,
            });
    }

    fn item(&mut self, node: Node, shape: &'static Shape, trail: &Trail<'_>) -> Option<Item> {
        let at = node.at;
        if node.value == Value::Null && !shape.kinds().contains(&Kind::Any) {
            // A key without a value is an ordinary thing in YAML.
            if self.table == Table::Litellm {
                return None;
            }
            self.warn(at, trail, "`null` is the same as leaving the key out");
            return None;
        }
        self.unset = None;
        let Some(value) = self.expanded(node.value, shape, at, trail) else {
            return self.unset_item(at);
        };
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
            (Kind::Secret, value) => match self.secret(value, at, trail) {
                Some(secret) => Typed::Secret(secret),
                None => return self.unset_item(at),
            },
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
        match self.put_in(&text) {
            Ok(text) => Some(Value::Text(text)),
            Err(name) => {
                self.unset(&name, at, trail);
                None
            }
        }
    }

    /// The text with variables put in, as the file spells them.
    pub(super) fn put_in(&self, text: &str) -> Result<String, String> {
        match self.table {
            Table::Openclaw => expand::variables(text, self.environment),
            Table::Litellm => expand::litellm_variables(text, self.environment),
        }
    }

    /// What stands in place of a value whose variable is not set.
    fn unset_item(&mut self, at: Position) -> Option<Item> {
        let name = self.unset.take().filter(|_| self.table == Table::Litellm)?;
        let value = Typed::Unset(name);
        Some(Item { at, value })
    }

    fn unset(&mut self, name: &str, at: Position, trail: &Trail<'_>) {
        self.unset = Some(name.to_owned());
        if self.table == Table::Litellm && KnownProvider::of_base_variable(name).is_some() {
            if self.told.insert(name.to_owned()) {
                let message = format!("{name} is not set; the provider's own address is used");
                self.warn(at, trail, &message);
            }
            return;
        }
        self.problems
            .at(
                Severity::Degraded,
                at,
                trail.to_string(),
                format!("the environment variable {name} is not set; the key is ignored"),
            )
            .hint(match self.table {
                Table::Openclaw => format!(
                    "set {name} where the gateway is started, or write `${{{name}:-default}}`"
                ),
                Table::Litellm => format!(
                    "set {name} where the gateway is started, or under `environment_variables`"
                ),
            });
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
            Effect::Note | Effect::Inert | Effect::Unsupported => Severity::Warning,
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
