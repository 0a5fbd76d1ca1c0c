//! Every key of `openclaw.json` and of `litellm_config.yaml`: its place, kind, default, and meaning, as data.
//!
//! The tables are `schema/keys.txt` and `litellm/keys.txt`; the checks, the suggestions, the defaults, and the
//! reference pages all come from them.

use std::{collections::BTreeMap, sync::LazyLock};

/// One file's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// `openclaw.json`.
    Openclaw,
    /// `litellm_config.yaml`.
    Litellm,
}

/// What a key accepts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// Known keys only.
    Object,
    /// Any key, all of one shape.
    Map,
    List,
    /// A list of texts; one text is a list of one.
    Texts,
    Text,
    /// A text in which a leading `~` is the home directory.
    Path,
    Secret,
    Flag,
    Integer(i64, i64),
    Number(f64, f64),
    /// Milliseconds, or a text like `30s`.
    Duration(i64, i64),
    Choice(Vec<&'static str>),
    /// A number that is shown and otherwise ignored.
    Label,
    /// Passed on as it is.
    Any,
}

/// What writing the key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Used,
    /// Kept for people.
    Note,
    /// Belongs to another gateway; writing it is a warning.
    Inert,
    /// Not supported, and what happens without it is something else.
    Unsupported,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub table: Table,
    pub path: &'static str,
    pub kinds: Vec<Kind>,
    pub like: Option<&'static str>,
    pub default: &'static str,
    pub effect: Effect,
    pub about: &'static str,
}

/// A key and what may stand below it.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub key: Option<Key>,
    children: BTreeMap<&'static str, Self>,
    /// Folded spelling to the child's name.
    names_by_spelling: BTreeMap<String, &'static str>,
    /// Every name of every child.
    spellings: Vec<&'static str>,
    any: Option<Box<Self>>,
    item: Option<Box<Self>>,
}

/// A table and the shape that it describes.
#[derive(Debug)]
struct Read {
    keys: Vec<Key>,
    root: Shape,
}

static OPENCLAW: LazyLock<Read> = LazyLock::new(|| Table::Openclaw.read());
static LITELLM: LazyLock<Read> = LazyLock::new(|| Table::Litellm.read());
static EMPTY: LazyLock<Shape> = LazyLock::new(Shape::default);

impl Table {
    const fn text(self) -> &'static str {
        match self {
            Self::Openclaw => include_str!("schema/keys.txt"),
            Self::Litellm => include_str!("litellm/keys.txt"),
        }
    }

    fn read(self) -> Read {
        let keys: Vec<Key> = self
            .text()
            .lines()
            .filter_map(|text| line(text, self))
            .collect();
        let mut root = Shape::default();
        for key in &keys {
            root.insert(key);
        }
        Read { keys, root }
    }

    fn loaded(self) -> &'static Read {
        match self {
            Self::Openclaw => &OPENCLAW,
            Self::Litellm => &LITELLM,
        }
    }

    /// The shape of the whole file.
    pub(crate) fn root(self) -> &'static Shape {
        &self.loaded().root
    }

    /// The lines of the table, in order.
    pub(crate) fn keys(self) -> &'static [Key] {
        &self.loaded().keys
    }
}

/// The shape of the whole `openclaw.json`.
pub(crate) fn root() -> &'static Shape {
    Table::Openclaw.root()
}

/// Whether a key is a comment by its spelling.
pub(crate) fn is_comment(key: &str) -> bool {
    key.starts_with(['_', '$', '#']) || key.starts_with("//")
}

impl Shape {
    fn insert(&mut self, key: &Key) {
        let mut shape = self;
        for segment in key.path.split('.') {
            let name = segment.trim_end_matches("[]");
            shape = shape.below(name);
            if name.len() < segment.len() {
                shape = shape.item.get_or_insert_default();
            }
        }
        shape.key = Some(key.clone());
    }

    fn below(&mut self, segment: &'static str) -> &mut Self {
        if segment == "*" {
            return self.any.get_or_insert_default();
        }
        let mut names = segment.split('/');
        let name = names.next().unwrap_or(segment);
        for spelling in names.chain([name]) {
            if self
                .names_by_spelling
                .insert(fold(spelling), name)
                .is_none()
            {
                self.spellings.push(spelling);
            }
        }
        self.children.entry(name).or_default()
    }

    /// The shape this one borrows, or itself.
    pub(crate) fn resolved(&'static self) -> &'static Self {
        let found = self.key.as_ref().and_then(|key| {
            let like = key.like?;
            key.table.root().find(like)
        });
        found.unwrap_or(self)
    }

    fn find(&'static self, path: &str) -> Option<&'static Self> {
        let mut shape = self;
        for segment in path.split('.') {
            let name = segment.trim_end_matches("[]");
            let canonical = name.split('/').next().unwrap_or(name);
            shape = match canonical {
                "*" => shape.any.as_deref()?,
                _ => shape.children.get(canonical)?,
            };
            if name.len() < segment.len() {
                shape = shape.item.as_deref()?;
            }
        }
        Some(shape)
    }

    /// The child of a key in any accepted spelling, with its canonical name.
    pub(crate) fn child<'k>(&'static self, key: &'k str) -> Option<(&'k str, &'static Self)> {
        if let Some(&name) = self.names_by_spelling.get(&fold(key)) {
            return Some((name, self.children.get(name)?.resolved()));
        }
        Some((key, self.any.as_deref()?.resolved()))
    }

    /// The shape below a canonical name; an empty shape where the table has none, which a test forbids.
    pub(crate) fn at(&'static self, name: &str) -> &'static Self {
        debug_assert!(
            self.children.contains_key(name),
            "{name} is not in the table"
        );
        self.children
            .get(name)
            .map_or(&EMPTY, |shape| shape.resolved())
    }

    /// The shape of a map's values.
    pub(crate) fn any(&'static self) -> &'static Self {
        self.any.as_deref().map_or(&EMPTY, |shape| shape.resolved())
    }

    /// The shape of a list's items.
    pub(crate) fn item(&'static self) -> &'static Self {
        self.item
            .as_deref()
            .map_or(&EMPTY, |shape| shape.resolved())
    }

    /// The names a person may have meant.
    pub(crate) fn spellings(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.spellings.iter().copied()
    }

    /// The children's names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.children.keys().copied()
    }

    /// What the key accepts; the root accepts an object.
    pub(crate) fn kinds(&self) -> &[Kind] {
        self.key.as_ref().map_or(&[Kind::Object], |key| &key.kinds)
    }

    pub(crate) fn effect(&self) -> Effect {
        self.key.as_ref().map_or(Effect::Used, |key| key.effect)
    }

    /// The value used where the key is absent, as text.
    pub(crate) fn default_text(&self) -> &'static str {
        self.key.as_ref().map_or("", |key| key.default)
    }
}

/// `baseUrl`, `base_url`, and `baseURL` are one key.
fn fold(key: &str) -> String {
    key.chars()
        .filter(|&c| c != '_')
        .flat_map(char::to_lowercase)
        .collect()
}

fn line(text: &'static str, table: Table) -> Option<Key> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let mut columns = text.splitn(4, '|').map(str::trim);
    let (path, kinds) = (columns.next()?, columns.next()?);
    let (default, about) = (columns.next()?, columns.next()?);
    let (path, effect) = match path.split_at(1) {
        ("-", path) => (path, Effect::Note),
        ("~", path) => (path, Effect::Inert),
        ("!", path) => (path, Effect::Unsupported),
        _ => (path, Effect::Used),
    };
    let like = kinds.strip_prefix("like ");
    let kinds = match like {
        Some(_) => Vec::new(),
        None => kinds.split(" or ").map(kind).collect::<Option<_>>()?,
    };
    Some(Key {
        table,
        path,
        kinds,
        like,
        default,
        effect,
        about,
    })
}

fn kind(text: &'static str) -> Option<Kind> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some(match word {
        "object" => Kind::Object,
        "map" => Kind::Map,
        "list" => Kind::List,
        "texts" => Kind::Texts,
        "text" => Kind::Text,
        "path" => Kind::Path,
        "secret" => Kind::Secret,
        "flag" => Kind::Flag,
        "label" => Kind::Label,
        "any" => Kind::Any,
        "choice" => Kind::Choice(rest.split(' ').collect()),
        "integer" => bounds(rest).map(|(min, max)| Kind::Integer(min, max))?,
        "number" => bounds(rest).map(|(min, max)| Kind::Number(min, max))?,
        "duration" => bounds(rest).map(|(min, max)| Kind::Duration(min, max))?,
        _ => return None,
    })
}

fn bounds<T: std::str::FromStr>(text: &str) -> Option<(T, T)> {
    let (min, max) = text.split_once("..")?;
    Some((min.parse().ok()?, max.parse().ok()?))
}

#[cfg(test)]
mod tests;
