//! JSON schemas turned into the grammar text that holds the sampler to them.
//!
//! The conversion is ours rather than the native one so that keys keep the schema's order, every limit
//! is checked before native code sees anything, and text from a client never becomes grammar syntax.
//! Keywords that only narrow a value further (`pattern`, `format`, `minimum` …) are not enforced.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Map, Value};

use crate::chat::Tool;

mod leaf;
mod object;

use leaf::{json_text, literal};

/// Rules one grammar may have: far above any sensible tool, far below what makes sampling slow.
const MAX_RULES: usize = 1_500;
/// Schemas nested in schemas; keeps the conversion's own recursion small.
const MAX_DEPTH: usize = 24;
/// Bytes of literal text (keys, constants) in one grammar.
const MAX_LITERAL: usize = 64 * 1024;
/// Largest bounded repetition the native parser is asked for; above it there is no bound.
const MAX_REPEAT: u64 = 256;

/// The rules every grammar starts from.
/// White space is at most one blank and numbers have few digits, because small models loop in both.
const PRELUDE: &str = r#"ws ::= " "?
hex ::= [0-9a-fA-F]
escape ::= "\\" (["\\/bfnrt] | "u" ([0-9a-cA-CefEF] hex hex hex | [dD] [0-7] hex hex))
char ::= [^"\\\x00-\x1F\x7F] | escape
string ::= "\"" char* "\""
integer ::= "-"? ("0" | [1-9] [0-9]{0,14})
number ::= integer ("." [0-9]{1,12})? ([eE] [-+]? [0-9]{1,2})?
boolean ::= "true" | "false"
pair ::= string ":" ws value
object ::= "{" ws (pair ("," ws pair)*)? ws "}"
array ::= "[" ws (value ("," ws value)*)? ws "]"
value ::= object | array | string | number | boolean | "null"
"#;

/// Why a schema can't be followed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// A keyword has a value of the wrong kind.
    #[error("the schema's {keyword} must be {expected}")]
    Keyword {
        /// The keyword.
        keyword: &'static str,
        /// What would have been right.
        expected: &'static str,
    },
    /// A `$ref` that leads nowhere, or out of the document.
    #[error("the schema has a $ref that is not a place in it")]
    Reference,
    /// Larger than the limits.
    #[error("the schema is too large: at most 1500 parts, 24 levels and 64 KiB of names")]
    TooLarge,
    /// No value fits.
    #[error("the schema allows no value")]
    Impossible,
}

const fn keyword(keyword: &'static str, expected: &'static str) -> Error {
    Error::Keyword { keyword, expected }
}

/// A grammar for exactly one JSON value that fits `schema`.
///
/// # Errors
///
/// When the schema is malformed, impossible or too large.
pub fn for_schema(schema: &Value) -> Result<String, Error> {
    let mut builder = Builder::new(schema);
    let rule = builder.visit(schema, 0)?;
    builder.finish(&format!("root ::= {rule}"))
}

/// A grammar for one call of one of `tools`, as a bare object or between `<tool_call>` tags.
///
/// `lead` allows the blanks some models put first; without it the object must begin at once.
///
/// # Errors
///
/// When a tool's parameters are malformed, impossible or too large.
pub fn for_calls(tools: &[Tool], lead: bool) -> Result<String, Error> {
    let mut rules = String::new();
    let mut calls = Vec::new();
    let mut next = 0;
    for tool in tools {
        let mut builder = Builder::new(&tool.parameters);
        builder.next = next;
        let arguments = builder.arguments(&tool.parameters)?;
        let name = literal(&json_text(&Value::String(tool.name.clone())));
        calls.push(format!(
            r#""{{" ws "\"name\":" ws {name} "," ws "\"arguments\":" ws {arguments} ws "}}""#
        ));
        next = builder.next;
        builder.spill(&mut rules)?;
    }
    if next > MAX_RULES || rules.len() > MAX_RULES * 256 {
        return Err(Error::TooLarge);
    }
    let call = calls.join(" | ");
    let root = if lead {
        r#"root ::= [ \n]{0,4} (call | "<tool_call>" [ \n]{0,2} call [ \n]{0,2} "</tool_call>")"#
    } else {
        "root ::= call"
    };
    Ok(format!("{root}\ncall ::= {call}\n{rules}{PRELUDE}"))
}

/// Grows the rules of one schema document.
struct Builder<'a> {
    document: &'a Value,
    rules: Vec<String>,
    references: BTreeMap<String, String>,
    next: usize,
    literal: usize,
}

impl<'a> Builder<'a> {
    const fn new(document: &'a Value) -> Self {
        Self {
            document,
            rules: Vec::new(),
            references: BTreeMap::new(),
            next: 0,
            literal: 0,
        }
    }

    fn finish(self, root: &str) -> Result<String, Error> {
        let mut text = format!("{root}\n");
        self.spill(&mut text)?;
        text.push_str(PRELUDE);
        Ok(text)
    }

    fn spill(self, text: &mut String) -> Result<(), Error> {
        for rule in &self.rules {
            writeln!(text, "{rule}").map_err(|std::fmt::Error| Error::TooLarge)?;
        }
        Ok(())
    }

    fn fresh(&mut self) -> Result<String, Error> {
        self.next += 1;
        if self.next > MAX_RULES {
            return Err(Error::TooLarge);
        }
        Ok(format!("r{}", self.next))
    }

    fn define(&mut self, name: &str, body: &str) {
        self.rules.push(format!("{name} ::= {body}"));
    }

    /// The arguments of a call are an object even where the schema does not say so.
    fn arguments(&mut self, schema: &Value) -> Result<String, Error> {
        match schema.as_object() {
            Some(map) if map.is_empty() => Ok("object".to_owned()),
            Some(map) if !map.contains_key("type") && map.contains_key("properties") => {
                self.object(map, 0)
            }
            _ => self.visit(schema, 0),
        }
    }

    /// The name of a rule that matches `schema`.
    fn visit(&mut self, schema: &Value, depth: usize) -> Result<String, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooLarge);
        }
        let map = match schema {
            Value::Bool(true) => return Ok("value".to_owned()),
            Value::Bool(false) => return Err(Error::Impossible),
            Value::Object(map) => map,
            _ => return Err(keyword("parts", "objects or booleans")),
        };
        if let Some(target) = map.get("$ref") {
            return self.reference(target, depth);
        }
        if let Some(constant) = map.get("const") {
            return self.one_of(std::slice::from_ref(constant));
        }
        if let Some(values) = map.get("enum") {
            let list = values.as_array().ok_or(keyword("enum", "a list"))?;
            return self.one_of(list);
        }
        for name in ["anyOf", "oneOf"] {
            if let Some(options) = map.get(name) {
                return self.any_of(options, depth);
            }
        }
        if let Some(parts) = map.get("allOf") {
            let merged = object::merged(map, parts)?;
            return self.visit(&Value::Object(merged), depth + 1);
        }
        self.typed(map, depth)
    }

    fn typed(&mut self, map: &Map<String, Value>, depth: usize) -> Result<String, Error> {
        match map.get("type") {
            None if map.contains_key("properties") => self.object(map, depth),
            None if map.contains_key("items") => self.array(map, depth),
            None => Ok("value".to_owned()),
            Some(Value::String(name)) => self.named_type(name, map, depth),
            Some(Value::Array(names)) if !names.is_empty() => {
                let mut options = Vec::new();
                for name in names {
                    let name = name
                        .as_str()
                        .ok_or(keyword("type", "a name or a list of names"))?;
                    options.push(self.named_type(name, map, depth)?);
                }
                self.alternatives(&options)
            }
            Some(_) => Err(keyword("type", "a name or a list of names")),
        }
    }

    fn named_type(
        &mut self,
        name: &str,
        map: &Map<String, Value>,
        depth: usize,
    ) -> Result<String, Error> {
        match name {
            "object" => self.object(map, depth),
            "array" => self.array(map, depth),
            "string" => self.string(map),
            "integer" | "number" | "boolean" => Ok(name.to_owned()),
            "null" => self.one_of(&[Value::Null]),
            _ => Err(keyword(
                "type",
                "object, array, string, integer, number, boolean or null",
            )),
        }
    }

    fn reference(&mut self, target: &Value, depth: usize) -> Result<String, Error> {
        let path = target
            .as_str()
            .and_then(|t| t.strip_prefix('#'))
            .ok_or(Error::Reference)?;
        if let Some(rule) = self.references.get(path) {
            return Ok(rule.clone());
        }
        let document = self.document;
        let schema = document.pointer(path).ok_or(Error::Reference)?;
        let rule = self.fresh()?;
        self.references.insert(path.to_owned(), rule.clone());
        let inner = self.visit(schema, depth + 1)?;
        self.define(&rule, &inner);
        Ok(rule)
    }

    fn one_of(&mut self, values: &[Value]) -> Result<String, Error> {
        if values.is_empty() {
            return Err(Error::Impossible);
        }
        let mut options = Vec::new();
        for value in values {
            options.push(self.counted(&json_text(value))?);
        }
        self.alternatives(&options)
    }

    fn any_of(&mut self, options: &Value, depth: usize) -> Result<String, Error> {
        let list = options
            .as_array()
            .filter(|l| !l.is_empty())
            .ok_or(keyword("anyOf", "a list with entries"))?;
        let mut rules = Vec::new();
        for option in list {
            rules.push(self.visit(option, depth + 1)?);
        }
        self.alternatives(&rules)
    }

    fn alternatives(&mut self, options: &[String]) -> Result<String, Error> {
        let rule = self.fresh()?;
        self.define(&rule, &options.join(" | "));
        Ok(rule)
    }

    /// A literal, counted against the limit.
    fn counted(&mut self, text: &str) -> Result<String, Error> {
        self.literal += text.len();
        if self.literal > MAX_LITERAL {
            return Err(Error::TooLarge);
        }
        Ok(literal(text))
    }
}

#[cfg(test)]
mod tests;
