//! Values passed on as they are.

use super::Normalizer;
use crate::{
    json5::{Member, Position, Value},
    trail::Trail,
};

impl Normalizer<'_> {
    /// A value passed on as it is, variables put in; one that is not set stays as it is written.
    pub(super) fn any(
        &mut self,
        value: Value,
        at: Position,
        trail: &Trail<'_>,
    ) -> serde_json::Value {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Flag(flag) => flag.into(),
            Value::Integer(number) => number.into(),
            Value::Number(number) => number.into(),
            Value::Text(text) => match self.put_in(&text) {
                Ok(text) => text.into(),
                Err(name) => {
                    let message = format!("the environment variable {name} is not set");
                    self.warn(at, trail, &message);
                    text.into()
                }
            },
            Value::List(nodes) => nodes
                .into_iter()
                .enumerate()
                .map(|(index, node)| self.any(node.value, node.at, &trail.item(index)))
                .collect(),
            Value::Object(members) => {
                let mut object = serde_json::Map::new();
                for Member { at, key, node } in members {
                    let here = trail.key(&key);
                    if object.contains_key(&key) {
                        self.warn(at, &here, "the key is written twice; the last one counts");
                    }
                    let value = self.any(node.value, node.at, &here);
                    object.insert(key, value);
                }
                object.into()
            }
        }
    }
}
