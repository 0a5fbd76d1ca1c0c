//! Canonical JSON: one text for one value, so that a hash means the value.
//!
//! Keys are sorted, there is no space, and strings are escaped as little as JSON allows, as in RFC 8785.
//! Numbers are whole: how a fraction is printed is where implementations differ, so none is written, and none is
//! accepted.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What stands before the first entry.
pub const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The key that holds an entry's own hash.
pub(crate) const HASH: &str = "hash";

/// The canonical text; `None` when a number in it is not whole.
#[must_use]
pub fn text(value: &Value) -> Option<String> {
    let mut out = String::new();
    write(value, &mut out)?;
    Some(out)
}

fn write(value: &Value, out: &mut String) -> Option<()> {
    match value {
        Value::Number(number) if !(number.is_i64() || number.is_u64()) => return None,
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::String(_) => out.push_str(&value.to_string()),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(&Value::String(key.clone()), out)?;
                out.push(':');
                write(member, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}

/// The hash of an entry: SHA-256 over its canonical text without the hash itself, in hex.
#[must_use]
pub fn hash(entry: &Value) -> Option<String> {
    let mut entry = entry.clone();
    entry.as_object_mut()?.shift_remove(HASH);
    let digest = Sha256::digest(text(&entry)?.as_bytes());
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_value_has_one_text() {
        let value = json!({"b": [1, -2, true, null], "a": {"z": "\u{e9}\n\u{1}\"", "y": ""}, "aa": 18_446_744_073_709_551_615_u64});
        let expected = "{\"a\":{\"y\":\"\",\"z\":\"\u{e9}\\n\\u0001\\\"\"},\"aa\":18446744073709551615,\"b\":[1,-2,true,null]}";
        assert_eq!(text(&value).as_deref(), Some(expected));
        let other: Value = serde_json::from_str(" { \"b\":[1,-2,true,null],\"aa\":18446744073709551615, \"a\":{\"z\":\"\\u00e9\\u000a\\u0001\\u0022\",\"y\":\"\"}}").unwrap();
        assert_eq!(text(&other).as_deref(), Some(expected));
        assert_eq!(text(&json!({"confidence": 0.5})), None);
    }

    #[test]
    fn a_hash_leaves_itself_out() {
        // printf '{"a":1}' | sha256sum
        let known = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
        assert_eq!(hash(&json!({"a": 1})).as_deref(), Some(known));
        assert_eq!(hash(&json!({"hash": "x", "a": 1})).as_deref(), Some(known));
    }
}
