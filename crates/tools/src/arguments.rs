//! Reads arguments that passed their schema; what is missing all the same is an error, never a panic.

use serde_json::{Map, Value, json};

use crate::error::Error;

/// The arguments of one call.
pub(crate) struct Arguments(Map<String, Value>);

impl Arguments {
    pub(crate) fn new(value: Value) -> Result<Self, Error> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(Error::argument("/", "an object is expected")),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, Error> {
        self.optional_text(name)
            .ok_or_else(|| Error::argument(format!("/{name}"), "a text is expected"))
    }

    pub(crate) fn optional_text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn list(&self, name: &str) -> &[Value] {
        self.0
            .get(name)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

/// The schema of an object with these properties, and no others.
pub(crate) fn object(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
