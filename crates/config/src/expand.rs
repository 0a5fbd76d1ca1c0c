//! `${NAME}` and `~` in texts, and durations like `30s`.

use std::path::{Path, PathBuf};

use crate::environment::Environment;

/// Longest `${…}`; a bound keeps the search for its end from being quadratic.
const REFERENCE_BYTES_MAX: usize = 1_024;

/// Puts the values of variables in place of `${NAME}` and `${NAME:-default}`; `$${` stands for `${`.
///
/// # Errors
/// The first variable that is not set and has no default.
pub(crate) fn variables(text: &str, environment: &Environment) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = &after[2..];
            continue;
        }
        expanded.push_str(before);
        let Some((name, default, length)) = reference(after) else {
            expanded.push_str("${");
            rest = &after[2..];
            continue;
        };
        match environment.value(name).or(default) {
            Some(value) => expanded.push_str(value),
            None => return Err(name.to_owned()),
        }
        rest = &after[length..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// How LiteLLM's files name a variable.
pub(crate) const LITELLM_VARIABLE: &str = "os.environ/";

/// Puts the values of variables in place of `os.environ/NAME`.
///
/// # Errors
/// The first variable that is not set.
pub(crate) fn litellm_variables(text: &str, environment: &Environment) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(LITELLM_VARIABLE) {
        let (before, after) = rest.split_at(at);
        expanded.push_str(before);
        let after = &after[LITELLM_VARIABLE.len()..];
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = after.find(|c| !is_letter(c)).unwrap_or(after.len());
        let (name, after) = after.split_at(length);
        match environment.value(name) {
            Some(value) => expanded.push_str(value),
            None if is_name(name) => return Err(name.to_owned()),
            None => {
                expanded.push_str(LITELLM_VARIABLE);
                expanded.push_str(name);
            }
        }
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The name, the default, and the length of the `${…}` that `text` starts with.
fn reference(text: &str) -> Option<(&str, Option<&str>, usize)> {
    let end = text
        .bytes()
        .take(REFERENCE_BYTES_MAX)
        .position(|b| b == b'}')?;
    let inner = &text[2..end];
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    is_name(name).then_some((name, default, inner.len() + 3))
}

/// The variable's name, if the text is exactly one `${NAME}`.
pub(crate) fn sole_variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    is_name(name).then_some(name)
}

/// Whether a variable can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(first) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A path in which a leading `~` is the home directory.
pub(crate) fn path(text: &str, home: Option<&Path>) -> PathBuf {
    let below_home = match text {
        "~" => Some(""),
        _ => text.strip_prefix("~/"),
    };
    match (below_home, home) {
        (Some(""), Some(home)) => home.to_path_buf(),
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

/// Milliseconds of a text like `250ms`, `30s`, `5m`, `1h`, `7d`, `2w`.
pub(crate) fn duration_ms(text: &str) -> Option<i64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

/// `500mb` in bytes; units go by 1,024.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_place() {
        let environment = Environment::of([("A", "1"), ("B_2", "${A}"), ("EMPTY", "")]);
        for (text, expanded) in [
            ("plain", Ok("plain")),
            ("${A}", Ok("1")),
            ("x${A}y${A}", Ok("x1y1")),
            ("${B_2}", Ok("${A}")),
            ("$${A}", Ok("${A}")),
            ("${A", Ok("${A")),
            ("${}", Ok("${}")),
            ("${1A}", Ok("${1A}")),
            ("$A $ {A}", Ok("$A $ {A}")),
            ("${NO:-d}", Ok("d")),
            ("${NO:-}", Ok("")),
            ("${A:-d}", Ok("1")),
            ("${EMPTY}", Err("EMPTY")),
            ("a${NO}", Err("NO")),
            ("é${A}é", Ok("é1é")),
        ] {
            let found = variables(text, &environment);
            assert_eq!(found.as_deref().map_err(String::as_str), expanded, "{text}");
        }
    }

    #[test]
    fn durations_have_units() {
        for (text, ms) in [
            ("30s", Some(30_000)),
            ("250 ms", Some(250)),
            ("7d", Some(604_800_000)),
            ("30", None),
            ("s", None),
            ("-5s", None),
            ("99999999999999999w", None),
        ] {
            assert_eq!(duration_ms(text), ms, "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, size) in [
            ("0", Some(0)),
            ("10b", Some(10)),
            ("3 KB", Some(3_072)),
            ("500mb", Some(500 << 20)),
            ("10GiB", Some(10 << 30)),
            ("1t", Some(1 << 40)),
            ("", None),
            ("mb", None),
            ("-1mb", None),
            ("1.5gb", None),
            ("99999999999t", None),
        ] {
            assert_eq!(bytes(text), size, "{text}");
        }
    }

    #[test]
    fn only_a_leading_tilde_is_home() {
        let home = Path::new("/home/a");
        for (text, expanded) in [
            ("~", "/home/a"),
            ("~/x", "/home/a/x"),
            ("~b/x", "~b/x"),
            ("/x/~", "/x/~"),
        ] {
            assert_eq!(path(text, Some(home)), Path::new(expanded));
        }
        assert_eq!(path("~/x", None), Path::new("~/x"));
    }
}
