//! The fields of a JSON object, found without reading what is in them, so that one can be changed and the rest stays.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The fields of an object in their order, each value as it is written.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    text: &'a str,
    fields: Vec<(Cow<'a, str>, &'a str)>,
}

/// A field and what it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// This JSON instead, or in addition where there is no such field.
    Set(&'a str),
    /// This JSON where there is no such field.
    Default(&'a str),
    /// Not there.
    Remove,
}

struct Found<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'de: 'a, 'a> Deserialize<'de> for Found<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Finder;
        impl<'de> Visitor<'de> for Finder {
            type Value = Found<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
                let mut found = Vec::with_capacity(8);
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    found.push((name.0, map.next_value::<&'de RawValue>()?.get()));
                }
                Ok(Found(found))
            }
        }
        deserializer.deserialize_map(Finder)
    }
}

/// A name, borrowed where it is written without escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Fields<'a> {
    /// Finds the fields of an object.
    ///
    /// # Errors
    /// When the text is no JSON object.
    pub fn read(text: &'a [u8]) -> Result<Self, serde_json::Error> {
        let Found(fields) = serde_json::from_slice(text)?;
        // What serde_json has read as a whole is UTF-8 where it matters; outside strings everything is ASCII.
        let text = std::str::from_utf8(text).map_err(serde::de::Error::custom)?;
        Ok(Self { text, fields })
    }

    /// A field's value as it is written; of several with one name the last, as parsers have it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let mut found = self.fields.iter().rev();
        found
            .find(|(field, _)| field == name)
            .map(|(_, value)| *value)
    }

    /// A field's value if it is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// Whether a field is there and says `true`.
    #[must_use]
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_ref())
    }

    /// The object with some fields changed, and every other byte as it was.
    ///
    /// Only where a field is removed is the space between fields written anew.
    #[must_use]
    pub fn with(&self, changes: &[(&str, Change<'_>)]) -> Vec<u8> {
        let change = |name: &str| changes.iter().find(|(changed, _)| *changed == name);
        let is_removed = |name: &str| matches!(change(name), Some((_, Change::Remove)));
        if self.names().any(is_removed) {
            let kept = self.fields.iter().filter(|(name, _)| !is_removed(name));
            let kept: Vec<String> = kept.map(|(name, value)| pair(name, value)).collect();
            let text = format!("{{{}}}", kept.join(","));
            // What was just written is an object.
            return Fields::read(text.as_bytes())
                .map_or_else(|_| text.clone().into_bytes(), |fields| fields.with(changes));
        }
        let mut out = Vec::with_capacity(self.text.len() + 64);
        let mut copied = 0;
        for (name, value) in &self.fields {
            if let Some((_, Change::Set(new))) = change(name) {
                // Every value is a piece of the text.
                let start = value.as_ptr().addr() - self.text.as_ptr().addr();
                out.extend_from_slice(&self.text.as_bytes()[copied..start]);
                out.extend_from_slice(new.as_bytes());
                copied = start + value.len();
            }
        }
        let end = self.text.rfind('}').unwrap_or(self.text.len());
        out.extend_from_slice(&self.text.as_bytes()[copied..end]);
        let mut is_first = self.fields.is_empty();
        for (name, change) in changes {
            if let Change::Set(value) | Change::Default(value) = change
                && self.get(name).is_none()
            {
                if !std::mem::take(&mut is_first) {
                    out.push(b',');
                }
                out.extend_from_slice(pair(name, value).as_bytes());
            }
        }
        out.extend_from_slice(&self.text.as_bytes()[end..]);
        out
    }
}

fn pair(name: &str, value: &str) -> String {
    format!("{}:{value}", quoted(name))
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
