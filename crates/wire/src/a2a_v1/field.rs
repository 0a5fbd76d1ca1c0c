//! Readers of loosely typed fields, each with the error that names its path.

use openclaw_types::{AgentId, Role};
use serde_json::{Map, Value};

use super::Error;
use crate::limits::{REQUEST_ID_BYTES_MAX, quote};

pub(super) type Fields = Map<String, Value>;

/// The value of a key, where null counts as absent.
pub(super) fn present<'a>(fields: &'a Fields, key: &str) -> Option<&'a Value> {
    fields.get(key).filter(|value| !value.is_null())
}

pub(super) fn text_value<'a>(value: &'a Value, field: &'static str) -> Result<&'a str, Error> {
    value.as_str().ok_or(Error::Type {
        field,
        expected: "a string",
    })
}

pub(super) fn object<'a>(value: &'a Value, field: &'static str) -> Result<&'a Fields, Error> {
    value.as_object().ok_or(Error::Type {
        field,
        expected: "an object",
    })
}

/// An id that answers repeat: a string, or a number taken as its digits, and short, because it is repeated.
pub(super) fn id_value(value: &Value, field: &'static str) -> Result<String, Error> {
    let text = match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    text.filter(|text| text.len() <= REQUEST_ID_BYTES_MAX)
        .ok_or(Error::Type {
            field,
            expected: "a string of at most 256 bytes",
        })
}

pub(super) fn agent_value(value: &Value, field: &'static str) -> Result<AgentId, Error> {
    let text = text_value(value, field)?;
    AgentId::parse(text).map_err(|source| Error::Agent {
        agent: quote(text),
        source,
    })
}

/// A list of agent ids; one id alone is a list of one.
pub(super) fn agents_value(value: &Value, field: &'static str) -> Result<Vec<AgentId>, Error> {
    match value {
        Value::String(_) => Ok(vec![agent_value(value, field)?]),
        Value::Array(items) => items.iter().map(|item| agent_value(item, field)).collect(),
        _ => Err(Error::Type {
            field,
            expected: "an array of agent names",
        }),
    }
}

pub(super) fn strings_value(value: &Value, field: &'static str) -> Result<Vec<String>, Error> {
    let wrong = Error::Type {
        field,
        expected: "an array of strings",
    };
    let Value::Array(items) = value else {
        return Err(wrong);
    };
    let texts: Option<Vec<String>> = items
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect();
    texts.ok_or(wrong)
}

/// Who speaks. `agent` is the dialect's word for an agent that talks to another: a user to the one addressed.
pub(super) fn role_value(value: &Value) -> Result<Role, Error> {
    match text_value(value, "content.role")? {
        "agent" => Ok(Role::User),
        word => Role::parse(word).ok_or(Error::Content {
            field: "content.role",
            reason: "must be user, assistant, system or agent",
        }),
    }
}

/// Any JSON as the text an agent reads: strings as they are, text parts joined, the rest as JSON.
pub(super) fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .map(part_text)
            .collect::<Option<Vec<&str>>>()
            .filter(|texts| !texts.is_empty())
            .map_or_else(|| value.to_string(), |texts| texts.concat()),
        other => part_text(other).map_or_else(|| other.to_string(), str::to_owned),
    }
}

fn part_text(part: &Value) -> Option<&str> {
    let is_text = part.get("type").is_some_and(|kind| kind == "text");
    is_text
        .then(|| part.get("text").and_then(Value::as_str))
        .flatten()
}
