//! Typed reading of the normalised tree: a section knows its path and takes defaults from the table.

use crate::{
    expand,
    json5::Position,
    normal::{Item, Members, Typed},
    schema::Shape,
    secret::Secret,
    trail,
};

/// An object of the file, present or not.
#[derive(Debug, Clone)]
pub(crate) struct Section<'a> {
    shape: &'static Shape,
    path: String,
    at: Position,
    members: Option<&'a Members>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(crate) const fn root(members: &'a Members, shape: &'static Shape) -> Self {
        Self {
            shape,
            path: String::new(),
            at: Position::START,
            members: Some(members),
        }
    }

    fn item(&self, name: &str) -> Option<&'a Item> {
        let item = self.members.and_then(|members| members.get(name));
        item.filter(|item| !matches!(item.value, Typed::Unset(_)))
    }

    /// The variable that a key's value needs and that is not set.
    pub(crate) fn unset(&self, name: &str) -> Option<&'a str> {
        match &self.members?.get(name)?.value {
            Typed::Unset(variable) => Some(variable),
            _ => None,
        }
    }

    /// Whether the object itself was written.
    pub(crate) const fn is_present(&self) -> bool {
        self.members.is_some()
    }

    /// Whether the key was written with a value that fits.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.item(name).is_some()
    }

    /// Where a key stands, or the section when it is absent.
    pub(crate) fn at(&self, name: &str) -> Position {
        self.item(name).map_or(self.at, |item| item.at)
    }

    /// Where the section starts.
    pub(crate) const fn start(&self) -> Position {
        self.at
    }

    /// The section's own path.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The path of a key, for messages.
    pub(crate) fn path_of(&self, name: &str) -> String {
        trail::join(&self.path, name)
    }

    /// The object under a key; an empty one where the key is absent or holds something else.
    pub(crate) fn section(&self, name: &str) -> Self {
        let item = self.item(name);
        Self {
            shape: self.shape.at(name),
            path: self.path_of(name),
            at: item.map_or(self.at, |item| item.at),
            members: item.and_then(members),
        }
    }

    /// A map's entries, those of known names left out.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, Entry<'a>)> {
        let known: Vec<&str> = self.shape.names().collect();
        let members = self.members.into_iter().flatten();
        members
            .filter(move |(key, _)| !known.contains(&key.as_str()))
            .map(|(key, item)| {
                let entry = Entry {
                    item,
                    shape: self.shape.any(),
                    path: self.path_of(key),
                };
                (key.as_str(), entry)
            })
    }

    /// A list's items.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = Entry<'a>> {
        let items = match self.item(name).map(|item| &item.value) {
            Some(Typed::List(items)) => items.as_slice(),
            _ => &[],
        };
        let path = self.path_of(name);
        let shape = self.shape.at(name).item();
        items.iter().enumerate().map(move |(index, item)| Entry {
            item,
            shape,
            path: format!("{path}[{index}]"),
        })
    }

    /// A text, if written.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        match &self.item(name)?.value {
            Typed::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text, or the table's default.
    pub(crate) fn text_or_default(&self, name: &str) -> &'a str {
        self.text(name).unwrap_or_else(|| self.default(name))
    }

    /// A flag, if written.
    pub(crate) fn stated_flag(&self, name: &str) -> Option<bool> {
        match self.item(name)?.value {
            Typed::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    /// A flag, or the table's default.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.stated_flag(name)
            .unwrap_or_else(|| self.default(name) == "true")
    }

    /// `enabled` of an object that may also be written as a flag.
    pub(crate) fn switch(&self, name: &str) -> bool {
        self.stated_flag(name)
            .unwrap_or_else(|| self.section(name).flag("enabled"))
    }

    /// A number or milliseconds, if written.
    pub(crate) fn stated<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        match self.item(name)?.value {
            Typed::Integer(number) => T::try_from(number).ok(),
            _ => None,
        }
    }

    /// As `stated`, for a key that not every section of this use has.
    pub(crate) fn known<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        self.shape
            .names()
            .any(|known| known == name)
            .then(|| self.stated(name))?
    }

    /// A number or milliseconds, or the table's default.
    pub(crate) fn number<T: TryFrom<i64> + Default>(&self, name: &str) -> T {
        self.stated(name).unwrap_or_else(|| {
            let default = self.default(name);
            let number = default.parse().ok();
            let number = number.or_else(|| expand::duration_ms(default));
            debug_assert!(number.is_some(), "{name} has no default in the table");
            number
                .and_then(|number| T::try_from(number).ok())
                .unwrap_or_default()
        })
    }

    /// A fraction, or the table's default.
    pub(crate) fn fraction(&self, name: &str) -> f64 {
        match self.item(name).map(|item| &item.value) {
            Some(Typed::Number(number)) => *number,
            _ => self.default(name).parse().unwrap_or_default(),
        }
    }

    /// A fraction, if written.
    pub(crate) fn stated_fraction(&self, name: &str) -> Option<f64> {
        match self.item(name)?.value {
            Typed::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A value of any kind as JSON, if written; never a secret.
    pub(crate) fn json(&self, name: &str) -> Option<serde_json::Value> {
        json(&self.item(name)?.value)
    }

    /// A list of texts, if written.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let Typed::List(items) = &self.item(name)?.value else {
            return None;
        };
        let texts = items.iter().filter_map(|item| match &item.value {
            Typed::Text(text) => Some(text.clone()),
            _ => None,
        });
        Some(texts.collect())
    }

    /// A list of texts with each one's place and path, for checks of their own.
    pub(crate) fn text_items(&self, name: &str) -> Vec<(Position, String, &'a str)> {
        let path = self.path_of(name);
        let items = match self.item(name).map(|item| &item.value) {
            Some(Typed::List(items)) => items.as_slice(),
            _ => &[],
        };
        let texts = items.iter().enumerate();
        texts
            .filter_map(|(index, item)| match &item.value {
                Typed::Text(text) => Some((item.at, format!("{path}[{index}]"), text.as_str())),
                _ => None,
            })
            .collect()
    }

    /// A secret, if written.
    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        match &self.item(name)?.value {
            Typed::Secret(secret) => Some(secret.clone()),
            _ => None,
        }
    }

    /// A value passed on as it is.
    pub(crate) fn any(&self, name: &str) -> Option<&'a serde_json::Value> {
        match &self.item(name)?.value {
            Typed::Any(value) => Some(value),
            _ => None,
        }
    }

    /// The table's default of a key.
    pub(crate) fn default(&self, name: &str) -> &'static str {
        self.shape.at(name).default_text()
    }
}

/// A map's value or a list's item.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    item: &'a Item,
    shape: &'static Shape,
    path: String,
}

impl<'a> Entry<'a> {
    /// Whether normalising dropped it, which was reported there.
    pub(crate) const fn is_dropped(&self) -> bool {
        matches!(self.item.value, Typed::Any(serde_json::Value::Null))
    }

    /// Its place.
    pub(crate) const fn at(&self) -> Position {
        self.item.at
    }

    /// The entry as an object.
    pub(crate) fn section(&self) -> Section<'a> {
        Section {
            shape: self.shape,
            path: self.path.clone(),
            at: self.item.at,
            members: members(self.item),
        }
    }

    /// The entry as a text.
    pub(crate) fn text(&self) -> Option<&'a str> {
        match &self.item.value {
            Typed::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entry as a number.
    pub(crate) fn number<T: TryFrom<i64>>(&self) -> Option<T> {
        match self.item.value {
            Typed::Integer(number) => T::try_from(number).ok(),
            _ => None,
        }
    }

    /// The entry as a list of texts.
    pub(crate) fn texts(&self) -> Vec<String> {
        let Typed::List(items) = &self.item.value else {
            return Vec::new();
        };
        let texts = items.iter().filter_map(|item| match &item.value {
            Typed::Text(text) => Some(text.clone()),
            _ => None,
        });
        texts.collect()
    }

    /// The texts of a list with each one's place.
    pub(crate) fn text_items(&self) -> impl Iterator<Item = (Position, &'a str)> {
        let items = match &self.item.value {
            Typed::List(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().filter_map(|item| match &item.value {
            Typed::Text(text) => Some((item.at, text.as_str())),
            _ => None,
        })
    }

    /// The entry as a secret.
    pub(crate) fn secret(&self) -> Option<Secret> {
        match &self.item.value {
            Typed::Secret(secret) => Some(secret.clone()),
            _ => None,
        }
    }
}

fn json(value: &Typed) -> Option<serde_json::Value> {
    Some(match value {
        Typed::Flag(flag) => (*flag).into(),
        Typed::Integer(number) => (*number).into(),
        Typed::Number(number) => (*number).into(),
        Typed::Text(text) => text.as_str().into(),
        Typed::Any(value) => value.clone(),
        Typed::List(items) => items.iter().filter_map(|item| json(&item.value)).collect(),
        Typed::Object(members) => {
            let members = members.iter();
            let members = members.filter_map(|(key, item)| Some((key.clone(), json(&item.value)?)));
            serde_json::Value::Object(members.collect())
        }
        Typed::Secret(_) | Typed::Unset(_) => return None,
    })
}

const fn members(item: &Item) -> Option<&Members> {
    match &item.value {
        Typed::Object(members) => Some(members),
        _ => None,
    }
}
