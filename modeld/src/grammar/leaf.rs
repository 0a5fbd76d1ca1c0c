//! Strings, lists and literals: what has a length or is written as it stands.

use serde_json::{Map, Value};

use super::{Builder, Error, MAX_REPEAT, keyword};

impl Builder<'_> {
    pub(super) fn string(&mut self, map: &Map<String, Value>) -> Result<String, Error> {
        let Some(count) = repeat(map, "minLength", "maxLength")? else {
            return Ok("string".to_owned());
        };
        let rule = self.fresh()?;
        self.define(&rule, &format!(r#""\"" char{count} "\"""#));
        Ok(rule)
    }

    pub(super) fn array(
        &mut self,
        map: &Map<String, Value>,
        depth: usize,
    ) -> Result<String, Error> {
        let item = match map.get("items") {
            None => "value".to_owned(),
            Some(schema) => self.visit(schema, depth + 1)?,
        };
        let rule = self.fresh()?;
        let low = bound(map, "minItems")?.unwrap_or(0);
        let high = bound(map, "maxItems")?;
        let more = |least: u64| match high {
            Some(high) if high <= MAX_REPEAT => {
                format!(r#"("," ws {item}){{{least},{}}}"#, high.saturating_sub(1))
            }
            _ => format!(r#"("," ws {item}){{{least},}}"#),
        };
        let inside = match (low, high) {
            (low, Some(high)) if low > high => return Err(Error::Impossible),
            (_, Some(0)) => String::new(),
            (0, _) => format!("({item} {})? ws", more(0)),
            (low, _) => format!("{item} {} ws", more(low - 1)),
        };
        self.define(&rule, &format!(r#""[" ws {inside} "]""#));
        Ok(rule)
    }
}

/// The `{m,n}` of a bounded string, or nothing where it has no usable bound.
fn repeat(
    map: &Map<String, Value>,
    low: &'static str,
    high: &'static str,
) -> Result<Option<String>, Error> {
    match (bound(map, low)?.unwrap_or(0), bound(map, high)?) {
        (low, Some(high)) if low > high => Err(Error::Impossible),
        (low, Some(high)) if high <= MAX_REPEAT => Ok(Some(format!("{{{low},{high}}}"))),
        (0, _) => Ok(None),
        (low, _) => Ok(Some(format!("{{{low},}}"))),
    }
}

/// A bound; lower bounds beyond what can be counted are refused, upper ones mean no bound.
fn bound(map: &Map<String, Value>, name: &'static str) -> Result<Option<u64>, Error> {
    match map.get(name) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(n) if name.starts_with("min") && n > MAX_REPEAT => Err(Error::TooLarge),
            Some(n) => Ok(Some(n)),
            None => Err(keyword(name, "a whole number")),
        },
    }
}

/// `text` as a grammar literal.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

pub(super) fn json_text(value: &Value) -> String {
    value.to_string()
}
