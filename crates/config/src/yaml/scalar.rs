//! What a word without quotes means, as `PyYAML` reads it: LiteLLM's files are written for that.

use std::borrow::Cow;

use granit_parser::{ScalarStyle, Tag};

use crate::json5::Value;

/// The value of a scalar; `None` for a tag that is not known.
pub(super) fn resolve(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Option<Value> {
    let plain = |text: Cow<'_, str>| word(&text).unwrap_or_else(|| Value::Text(text.into_owned()));
    match tag.map(Tag::core_suffix) {
        None if style == ScalarStyle::Plain => Some(plain(text)),
        None | Some(Some("str")) => Some(Value::Text(text.into_owned())),
        Some(Some("null" | "bool" | "int" | "float")) => Some(plain(text)),
        Some(_) => None,
    }
}

/// What a word means that is not just a text.
fn word(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Some(Value::Flag(true));
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Some(Value::Flag(false));
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" => return Some(Value::Number(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Value::Number(f64::NEG_INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Some(Value::Number(f64::NAN)),
        _ => {}
    }
    number(text)
}

/// A number: digits first, or a sign or a point before them.
fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !unsigned.contains(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    if let Some(hexadecimal) = unsigned.strip_prefix("0x") {
        let number = i64::from_str_radix(hexadecimal, 16).ok()?;
        return Some(Value::Integer(if text.starts_with('-') {
            -number
        } else {
            number
        }));
    }
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-' | '_');
    if !unsigned.chars().all(allowed) {
        return None;
    }
    // `1_000` is a thousand in YAML 1.1.
    let digits: String = text.chars().filter(|&c| c != '_').collect();
    if let Ok(integer) = digits.parse() {
        return Some(Value::Integer(integer));
    }
    digits.parse().ok().map(Value::Number)
}

/// A key is a text, whatever it looks like.
pub(super) fn name(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Flag(flag) => Some(flag.to_string()),
        Value::Null => Some("null".to_owned()),
        Value::List(_) | Value::Object(_) => None,
    }
}
