//! Objects: keys in the schema's order, optional ones left out freely.

use serde_json::{Map, Value};

use super::{Builder, Error, keyword, leaf::json_text};

impl Builder<'_> {
    pub(super) fn object(
        &mut self,
        map: &Map<String, Value>,
        depth: usize,
    ) -> Result<String, Error> {
        let required = names(map)?;
        let mut pairs = Vec::new();
        if let Some(properties) = map.get("properties") {
            let properties = properties
                .as_object()
                .ok_or(keyword("properties", "an object"))?;
            for (name, schema) in properties {
                let value = self.visit(schema, depth + 1)?;
                pairs.push((self.pair(name, &value)?, required.contains(&name.as_str())));
            }
        }
        for name in required {
            if map.get("properties").and_then(|p| p.get(name)).is_none() {
                pairs.push((self.pair(name, "value")?, true));
            }
        }
        if pairs.is_empty() {
            return self.open_object(map, depth);
        }
        let body = self.tail(&pairs)?;
        let rule = self.fresh()?;
        self.define(&rule, &format!(r#""{{" ws {body} ws "}}""#));
        Ok(rule)
    }

    /// An object of which only the values are described.
    fn open_object(&mut self, map: &Map<String, Value>, depth: usize) -> Result<String, Error> {
        let value = match map.get("additionalProperties") {
            None | Some(Value::Bool(true)) => return Ok("object".to_owned()),
            Some(Value::Bool(false)) => None,
            Some(schema) => Some(self.visit(schema, depth + 1)?),
        };
        let rule = self.fresh()?;
        match value {
            None => self.define(&rule, r#""{" ws "}""#),
            Some(value) => {
                let pair = format!(r#"string ":" ws {value}"#);
                self.define(
                    &rule,
                    &format!(r#""{{" ws ({pair} ("," ws {pair})*)? ws "}}""#),
                );
            }
        }
        Ok(rule)
    }

    fn pair(&mut self, name: &str, value: &str) -> Result<String, Error> {
        let key = self.counted(&format!("{}:", json_text(&Value::String(name.to_owned()))))?;
        let rule = self.fresh()?;
        self.define(&rule, &format!("{key} ws {value}"));
        Ok(rule)
    }

    /// A rule for all pairs in order.
    ///
    /// Built from the last pair backwards, with two rules per pair: one for when a pair stands before
    /// it, which needs a comma, and one for when none does.
    fn tail(&mut self, pairs: &[(String, bool)]) -> Result<String, Error> {
        let mut first = String::new();
        let mut later = String::new();
        for (pair, required) in pairs.iter().rev() {
            let begun = format!("{pair} {later}");
            let joined = format!(r#""," ws {pair} {later}"#);
            let (first_rule, later_rule) = (self.fresh()?, self.fresh()?);
            if *required {
                self.define(&first_rule, &begun);
                self.define(&later_rule, &joined);
            } else {
                self.define(&first_rule, &format!("{begun} | {}", or_empty(&first)));
                self.define(&later_rule, &format!("{joined} | {}", or_empty(&later)));
            }
            (first, later) = (first_rule, later_rule);
        }
        Ok(first)
    }
}

fn or_empty(rule: &str) -> &str {
    if rule.is_empty() { r#""""# } else { rule }
}

fn names(map: &Map<String, Value>) -> Result<Vec<&str>, Error> {
    const WRONG: Error = keyword("required", "a list of names");
    match map.get("required") {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(|v| v.as_str().ok_or(WRONG)).collect(),
        Some(_) => Err(WRONG),
    }
}

/// The parts of an `allOf` laid over the schema that holds them.
pub(super) fn merged(map: &Map<String, Value>, parts: &Value) -> Result<Map<String, Value>, Error> {
    let list = parts
        .as_array()
        .filter(|l| !l.is_empty())
        .ok_or(keyword("allOf", "a list with entries"))?;
    let mut whole = map.clone();
    whole.remove("allOf");
    for part in list {
        let part = part
            .as_object()
            .ok_or(keyword("allOf", "a list of objects"))?;
        for (key, value) in part {
            match (whole.get_mut(key), value) {
                (Some(Value::Object(old)), Value::Object(new)) => old.extend(new.clone()),
                (Some(Value::Array(old)), Value::Array(new)) if key == "required" => {
                    old.extend(new.clone());
                }
                _ => drop(whole.insert(key.clone(), value.clone())),
            }
        }
    }
    Ok(whole)
}
