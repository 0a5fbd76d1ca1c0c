//! An agent's own `config.json`: read, checked, changed by dotted key, and merged with what the gateway
//! was configured with.
//!
//! Of three voices the first that speaks wins: a value set by command (its key is listed under
//! `overrides`), the gateway's configuration, the rest of the file.

use openclaw_types::{AgentId, SessionId};
use serde_json::{Map, Value, json};

/// Largest `config.json`, in bytes; it holds some words and numbers.
pub(crate) const SETTINGS_BYTES_MAX: usize = 256 * 1024;
/// Longest dotted key, in parts; parameters are small trees.
const KEY_PARTS_MAX: usize = 8;
/// Longest name, role or model, in bytes; they stand in prompts and tables.
const WORD_BYTES_MAX: usize = 200;

/// The keys of the file, in the order in which they are written.
const KEYS: [&str; 10] = [
    "id",
    "name",
    "role",
    "emoji",
    "model",
    "session",
    "capabilities",
    "skills",
    "parameters",
    OVERRIDES,
];
const OVERRIDES: &str = "overrides";

/// What is wrong with the file, or with a change of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a JSON object.
    #[error("not a JSON object: line {line}, column {column}")]
    Syntax {
        /// Where reading stopped.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// Larger than it may be.
    #[error("larger than {SETTINGS_BYTES_MAX} bytes")]
    TooLarge,
    /// The file of another agent.
    #[error("`id` says `{found}`")]
    OtherAgent {
        /// Whose it says it is.
        found: String,
    },
    /// A value of the wrong kind.
    #[error("`{key}` must be {expected}")]
    Value {
        /// The key.
        key: String,
        /// What would be right.
        expected: &'static str,
    },
    /// No such key.
    #[error(
        "no key `{key}`; keys are name, role, emoji, model, session, capabilities, skills and parameters.*"
    )]
    UnknownKey {
        /// What was asked for.
        key: String,
    },
    /// A key that only the gateway writes.
    #[error("`{key}` cannot be changed")]
    Fixed {
        /// The key.
        key: String,
    },
}

/// What the gateway knows of an agent, whoever said it.
#[derive(Debug, Clone, PartialEq)]
pub struct Traits {
    /// What it is called.
    pub name: String,
    /// What it is for, in a word.
    pub role: String,
    /// How it is shown in lists.
    pub emoji: Option<String>,
    /// Its model reference; `None` leaves the choice to the gateway.
    pub model: Option<String>,
    /// The session of messages that name none.
    pub session: SessionId,
    /// What it can do, in words.
    pub capabilities: Vec<String>,
    /// Skills it has.
    pub skills: Vec<String>,
    /// Numbers and switches of its own.
    pub parameters: Value,
}

impl Traits {
    /// An agent of which only the id is known.
    pub(crate) fn unknown(agent: &AgentId) -> Self {
        Self {
            name: agent.to_string(),
            role: "agent".to_owned(),
            emoji: None,
            model: None,
            session: default_session(),
            capabilities: Vec::new(),
            skills: Vec::new(),
            parameters: Value::Object(Map::new()),
        }
    }

    fn to_map(&self, agent: &AgentId) -> Map<String, Value> {
        let mut map = Map::new();
        for key in KEYS {
            if let Some(value) = self.value(agent, key) {
                map.insert(key.to_owned(), value);
            }
        }
        map
    }

    fn value(&self, agent: &AgentId, key: &str) -> Option<Value> {
        Some(match key {
            "id" => json!(agent.as_str()),
            "name" => json!(self.name),
            "role" => json!(self.role),
            "emoji" => json!(self.emoji.as_deref()?),
            "model" => json!(self.model),
            "session" => json!(self.session.as_str()),
            "capabilities" => json!(self.capabilities),
            "skills" => json!(self.skills),
            "parameters" => self.parameters.clone(),
            _ => return None,
        })
    }
}

/// The session of messages that name none, where the agent's settings name none either.
pub(crate) fn default_session() -> SessionId {
    #[expect(clippy::expect_used, reason = "a constant that a test parses")]
    SessionId::parse("main").expect("a valid id")
}

/// The file, checked: every key it has holds what it must.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    agent: AgentId,
    map: Map<String, Value>,
}

impl Settings {
    /// The file of a new agent.
    pub(crate) fn new(agent: &AgentId, traits: &Traits) -> Self {
        Self {
            agent: agent.clone(),
            map: traits.to_map(agent),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// Says which key is wrong, and how.
    pub(crate) fn parse(agent: &AgentId, bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > SETTINGS_BYTES_MAX {
            return Err(Error::TooLarge);
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let map: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|error| Error::Syntax {
                line: error.line(),
                column: error.column(),
            })?;
        for (key, value) in &map {
            check(key, value)?;
        }
        match map.get("id").and_then(Value::as_str) {
            Some(found) if found != agent.as_str() => Err(Error::OtherAgent {
                found: found.to_owned(),
            }),
            _ => Ok(Self {
                agent: agent.clone(),
                map,
            }),
        }
    }

    /// The file's text.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{:#}", Value::Object(self.map.clone()));
        text.push('\n');
        text
    }

    /// Changes one value; `null` takes it back. The key then wins over the gateway's configuration.
    ///
    /// # Errors
    /// Says why the key or the value is refused; nothing is changed then.
    pub(crate) fn set(&mut self, key: &str, value: Value) -> Result<(), Error> {
        let unknown = || Error::UnknownKey {
            key: key.to_owned(),
        };
        let parts: Vec<&str> = key.split('.').collect();
        let (&top, inner) = parts.split_first().ok_or_else(unknown)?;
        if matches!(top, "id" | OVERRIDES) {
            return Err(Error::Fixed {
                key: top.to_owned(),
            });
        }
        let is_path = parts.len() <= KEY_PARTS_MAX && parts.iter().all(|part| !part.is_empty());
        if !KEYS.contains(&top) || !is_path || (!inner.is_empty() && top != "parameters") {
            return Err(unknown());
        }
        let mut map = self.map.clone();
        let is_taken_back = value.is_null() && inner.is_empty();
        put(&mut map, &parts, value).map_err(|()| Error::Value {
            key: key.to_owned(),
            expected: "a key below an object",
        })?;
        if let Some(value) = map.get(top) {
            check(top, value)?;
        }
        let overrides = map.entry(OVERRIDES).or_insert_with(|| json!([]));
        if let Value::Array(keys) = overrides {
            keys.retain(|listed| listed != top);
            if !is_taken_back {
                keys.push(json!(top));
            }
            if keys.is_empty() {
                map.shift_remove(OVERRIDES);
            }
        }
        self.map = map;
        Ok(())
    }

    /// What holds for the agent: see the module's first paragraph for who wins.
    pub(crate) fn traits(&self, defaults: &Traits, configured: Option<&Traits>) -> Traits {
        let configured = configured.map(|traits| traits.to_map(&self.agent));
        let defaults = defaults.to_map(&self.agent);
        let pick = |key: &str| -> Option<&Value> {
            let own = self.map.get(key).filter(|value| !value.is_null());
            let theirs = configured
                .as_ref()
                .and_then(|map| map.get(key))
                .filter(|value| !value.is_null() && defaults.get(key) != Some(*value));
            if self.is_override(key) {
                own.or(theirs)
            } else {
                theirs.or(own)
            }
            .or_else(|| configured.as_ref()?.get(key))
            .or_else(|| defaults.get(key))
        };
        let text = |key: &str| pick(key).and_then(Value::as_str).map(str::to_owned);
        let words = |key: &str| pick(key).map(words).unwrap_or_default();
        Traits {
            name: text("name").unwrap_or_else(|| self.agent.to_string()),
            role: text("role").unwrap_or_default(),
            emoji: text("emoji"),
            model: text("model"),
            session: text("session")
                .and_then(|text| SessionId::parse(&text).ok())
                .unwrap_or_else(default_session),
            capabilities: words("capabilities"),
            skills: words("skills"),
            parameters: pick("parameters").cloned().unwrap_or(Value::Null),
        }
    }

    /// Whether the key's value was set by command.
    pub(crate) fn is_override(&self, key: &str) -> bool {
        self.map
            .get(OVERRIDES)
            .and_then(Value::as_array)
            .is_some_and(|keys| keys.iter().any(|listed| listed == key))
    }
}

/// One value of what holds for an agent, or all of it.
///
/// # Errors
/// There is no such key.
pub(crate) fn lookup(agent: &AgentId, traits: &Traits, key: Option<&str>) -> Result<Value, Error> {
    let all = Value::Object(traits.to_map(agent));
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        return Ok(all);
    };
    let mut value = &all;
    for (depth, part) in key.split('.').enumerate() {
        match value.get(part) {
            Some(inner) => value = inner,
            // A known key that is not set, or anything below `parameters`, has the value null.
            None if (depth == 0 && KEYS.contains(&part)) || (depth > 0 && value.is_object()) => {
                return Ok(Value::Null);
            }
            None => {
                return Err(Error::UnknownKey {
                    key: key.to_owned(),
                });
            }
        }
    }
    Ok(value.clone())
}

fn put(map: &mut Map<String, Value>, parts: &[&str], value: Value) -> Result<(), ()> {
    match parts {
        [] => Err(()),
        [last] => {
            if value.is_null() {
                map.shift_remove(*last);
            } else {
                map.insert((*last).to_owned(), value);
            }
            Ok(())
        }
        [first, rest @ ..] => {
            let inner = map.entry(*first).or_insert_with(|| json!({}));
            put(inner.as_object_mut().ok_or(())?, rest, value)
        }
    }
}

fn check(key: &str, value: &Value) -> Result<(), Error> {
    let is_word = |value: &Value, empty: bool| {
        value.as_str().is_some_and(|text| {
            text.len() <= WORD_BYTES_MAX
                && (empty || !text.trim().is_empty())
                && !text.chars().any(char::is_control)
        })
    };
    let (ok, expected) = match key {
        "name" | "role" | "id" => (is_word(value, false), "a short text of one line"),
        "emoji" | "model" => (
            value.is_null() || is_word(value, false),
            "a short text of one line, or null",
        ),
        "session" => (
            value
                .as_str()
                .is_some_and(|text| SessionId::parse(text).is_ok()),
            "a session id",
        ),
        "capabilities" | "skills" | OVERRIDES => (
            value
                .as_array()
                .is_some_and(|list| list.iter().all(|word| is_word(word, false))),
            "a list of words",
        ),
        "parameters" => (value.is_object(), "an object"),
        // A key of somebody else's is kept and not looked at.
        _ => (true, ""),
    };
    if ok {
        Ok(())
    } else {
        Err(Error::Value {
            key: key.to_owned(),
            expected,
        })
    }
}

fn words(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests;
