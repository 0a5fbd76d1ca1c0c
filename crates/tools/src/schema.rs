//! Checks arguments against the part of JSON Schema that tools use; a schema with more than that is refused at once.
//!
//! Known: `type` (one or several), `properties`, `required`, `additionalProperties` (a boolean or a schema), `items`,
//! `enum`, `const`, `minimum`, `maximum`, `minLength`, `maxLength`, `minItems`, `maxItems`, `anyOf`, and the texts
//! `title`, `description`, `default`, `examples`, `$schema`.

use serde_json::{Map, Value};

use crate::error::Error;

const KEYWORDS: [&str; 20] = [
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "default",
    "description",
    "enum",
    "examples",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "oneOf",
    "properties",
    "required",
    "title",
    "type",
];

/// Why a schema can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A keyword that isn't checked here, so it would promise more than is kept.
    #[error("the schema uses `{keyword}` at `{path}`, which is not checked here")]
    Keyword {
        /// Where in the schema.
        path: String,
        /// Which one.
        keyword: String,
    },
    /// A keyword whose value makes no sense.
    #[error("the schema's `{path}` is not a schema")]
    Shape {
        /// Where in the schema.
        path: String,
    },
}

/// Says whether every keyword of a schema is checked by [`check`].
///
/// # Errors
/// Names the first that isn't.
pub fn inspect(schema: &Value) -> Result<(), Problem> {
    inspect_at(schema, "")
}

fn inspect_at(schema: &Value, path: &str) -> Result<(), Problem> {
    let shape = |path: &str| Problem::Shape {
        path: path.to_owned(),
    };
    let object = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Object(object) => object,
        _ => return Err(shape(path)),
    };
    for (keyword, value) in object {
        let at = format!("{path}/{keyword}");
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, schema) in properties {
                    inspect_at(schema, &format!("{at}/{name}"))?;
                }
            }
            ("anyOf" | "oneOf", Value::Array(schemas)) => {
                for schema in schemas {
                    inspect_at(schema, &at)?;
                }
            }
            ("items" | "additionalProperties", schema) => inspect_at(schema, &at)?,
            ("properties" | "anyOf" | "oneOf", _) => return Err(shape(&at)),
            (keyword, _) if KEYWORDS.contains(&keyword) => {}
            (keyword, _) => {
                return Err(Problem::Keyword {
                    path: path.to_owned(),
                    keyword: keyword.to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// Checks a value.
///
/// # Errors
/// [`Error::Arguments`] names the first place that doesn't fit and what is expected there.
pub fn check(schema: &Value, value: &Value) -> Result<(), Error> {
    check_at(schema, value, "").map_err(|(path, what)| Error::Arguments {
        path: if path.is_empty() {
            "/".to_owned()
        } else {
            path
        },
        what,
    })
}

type Finding = Result<(), (String, String)>;

fn check_at(schema: &Value, value: &Value, path: &str) -> Finding {
    let at = |what: String| Err((path.to_owned(), what));
    let schema = match schema {
        Value::Bool(false) => return at("nothing is expected here".to_owned()),
        Value::Object(schema) => schema,
        _ => return Ok(()),
    };
    if let Some(types) = schema.get("type") {
        let names: Vec<&str> = match types {
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            name => name.as_str().into_iter().collect(),
        };
        if !names.iter().any(|name| is_type(name, value)) {
            return at(format!("{} is expected", names.join(" or ")));
        }
    }
    if let Some(Value::Array(values)) = schema.get("enum")
        && !values.contains(value)
    {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        return at(format!("one of {} is expected", values.join(", ")));
    }
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        return at(format!("{constant} is expected"));
    }
    alternatives(schema, value, path)?;
    match value {
        Value::Object(object) => check_object(schema, object, path),
        Value::Array(items) => check_array(schema, items, path),
        Value::String(text) => {
            let length = text.chars().count();
            bounds(
                schema,
                ["minLength", "maxLength"],
                length as f64,
                "characters",
                path,
            )
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            bounds(schema, ["minimum", "maximum"], number, "as a number", path)
        }
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

fn alternatives(schema: &Map<String, Value>, value: &Value, path: &str) -> Finding {
    for (keyword, exactly_one) in [("anyOf", false), ("oneOf", true)] {
        let Some(Value::Array(schemas)) = schema.get(keyword) else {
            continue;
        };
        let results: Vec<Finding> = schemas
            .iter()
            .map(|schema| check_at(schema, value, path))
            .collect();
        let fitting = results.iter().filter(|result| result.is_ok()).count();
        if fitting > 1 && exactly_one {
            return Err((path.to_owned(), "it fits more than one form".to_owned()));
        }
        if fitting == 0 {
            // The alternative that came furthest is the one that was meant.
            let furthest = results
                .into_iter()
                .filter_map(Result::err)
                .max_by_key(|(path, _)| path.len());
            return furthest.map_or(Ok(()), Err);
        }
    }
    Ok(())
}

fn check_object(schema: &Map<String, Value>, object: &Map<String, Value>, path: &str) -> Finding {
    let none = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    for name in strings(schema.get("required")) {
        if !object.contains_key(name) {
            return Err((format!("{path}/{name}"), "it is missing".to_owned()));
        }
    }
    for (name, value) in object {
        let path = format!("{path}/{name}");
        if let Some(schema) = properties.get(name) {
            check_at(schema, value, &path)?;
            continue;
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => {
                let names: Vec<&str> = properties.keys().map(String::as_str).collect();
                let what = format!("there is no such argument; known are {}", names.join(", "));
                return Err((path, what));
            }
            Some(schema) => check_at(schema, value, &path)?,
            None => {}
        }
    }
    Ok(())
}

fn check_array(schema: &Map<String, Value>, items: &[Value], path: &str) -> Finding {
    bounds(
        schema,
        ["minItems", "maxItems"],
        items.len() as f64,
        "items",
        path,
    )?;
    if let Some(schema) = schema.get("items") {
        for (index, item) in items.iter().enumerate() {
            check_at(schema, item, &format!("{path}/{index}"))?;
        }
    }
    Ok(())
}

fn bounds(
    schema: &Map<String, Value>,
    [least, most]: [&str; 2],
    actual: f64,
    unit: &str,
    path: &str,
) -> Finding {
    let bound = |name| schema.get(name).and_then(Value::as_f64);
    if let Some(least) = bound(least)
        && actual < least
    {
        return Err((path.to_owned(), format!("at least {least} {unit} expected")));
    }
    if let Some(most) = bound(most)
        && actual > most
    {
        return Err((path.to_owned(), format!("at most {most} {unit} expected")));
    }
    Ok(())
}

fn strings(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_place_that_does_not_fit_is_named() {
        let schema = json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "minLength": 1, "maxLength": 4},
                "line": {"type": "integer", "minimum": 1},
                "mode": {"enum": ["a", "b"]},
                "edits": {"type": "array", "maxItems": 1, "items": {"type": "object", "required": ["old"]}},
                "either": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
                "env": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "required": ["path"],
            "additionalProperties": false,
        });
        assert_eq!(inspect(&schema), Ok(()));
        for (arguments, expected) in [
            (json!([]), "at `/`: object is expected"),
            (json!({}), "at `/path`: it is missing"),
            (json!({"path": 1}), "at `/path`: string is expected"),
            (
                json!({"path": ""}),
                "at `/path`: at least 1 characters expected",
            ),
            (
                json!({"path": "äöüßx"}),
                "at `/path`: at most 4 characters expected",
            ),
            (
                json!({"path": "a", "line": 0}),
                "at `/line`: at least 1 as a number expected",
            ),
            (
                json!({"path": "a", "line": 1.5}),
                "at `/line`: integer is expected",
            ),
            (
                json!({"path": "a", "mode": "c"}),
                "at `/mode`: one of \"a\", \"b\" is expected",
            ),
            (
                json!({"path": "a", "edits": [{}]}),
                "at `/edits/0/old`: it is missing",
            ),
            (
                json!({"path": "a", "edits": [{"old": 1}, {"old": 1}]}),
                "at `/edits`: at most 1 items expected",
            ),
            (
                json!({"path": "a", "either": [1]}),
                "at `/either/0`: string is expected",
            ),
            (
                json!({"path": "a", "env": {"A": 1}}),
                "at `/env/A`: string is expected",
            ),
            (
                json!({"path": "a", "pth": 1}),
                "at `/pth`: there is no such argument; known are path, line, mode, edits, either, env",
            ),
        ] {
            let error = check(&schema, &arguments).unwrap_err().to_string();
            assert_eq!(error, format!("the arguments are wrong {expected}"));
        }
        for arguments in [
            json!({"path": "a", "line": 2, "mode": "b", "edits": [{"old": "x"}]}),
            json!({"path": "äöüß", "either": "x", "env": {"A": "1"}, "line": 3.0}),
        ] {
            assert!(check(&schema, &arguments).is_ok(), "{arguments}");
        }
    }

    #[test]
    fn a_schema_that_promises_more_than_is_checked_is_refused() {
        let schema = json!({"type": "object", "properties": {"a": {"pattern": "^x$"}}});
        let problem = inspect(&schema).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "the schema uses `pattern` at `/properties/a`, which is not checked here"
        );
        assert!(inspect(&json!({"properties": 1})).is_err());
        assert!(inspect(&json!(1)).is_err());
    }
}
