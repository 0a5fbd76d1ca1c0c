//! Which values fit which kinds, and how a near miss is converted with a warning.

use super::{Normalizer, Typed};
use crate::{
    expand,
    json5::{Position, Value},
    problem::Severity,
    schema::{Effect, Kind, Shape},
    suggest,
    trail::Trail,
};

/// Largest float below which every whole number is exact.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Whether the kind takes the value without converting it.
pub(super) fn is_exact(kind: &Kind, value: &Value) -> bool {
    match kind {
        Kind::Object | Kind::Map => matches!(value, Value::Object(_)),
        Kind::List => matches!(value, Value::List(_)),
        Kind::Texts => matches!(value, Value::List(_) | Value::Text(_)),
        Kind::Text | Kind::Path | Kind::Secret | Kind::Choice(_) => {
            matches!(value, Value::Text(_))
        }
        Kind::Flag => matches!(value, Value::Flag(_)),
        Kind::Integer(..) | Kind::Label => matches!(value, Value::Integer(_)),
        Kind::Number(..) => matches!(value, Value::Integer(_) | Value::Number(_)),
        Kind::Duration(..) => matches!(value, Value::Integer(_) | Value::Text(_)),
        Kind::Any => true,
    }
}

/// Whether a value that fits none of a key's kinds may be converted to this one.
///
/// Nearly everything can become a text, so a key that also takes objects does not convert to one.
pub(super) fn may_convert(kind: &Kind, kinds: &[Kind]) -> bool {
    let is_container = |kind: &Kind| matches!(kind, Kind::Object | Kind::Map | Kind::List);
    !is_container(kind) && (*kind != Kind::Text || !kinds.iter().any(is_container))
}

/// What was found, without its value.
pub(super) const fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Flag(_) => "true or false",
        Value::Integer(_) => "a number",
        Value::Number(number) if number.is_nan() => "NaN",
        Value::Number(number) if number.is_infinite() => "Infinity",
        Value::Number(_) => "a number",
        Value::Text(_) => "a text",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// What would have fitted.
pub(super) fn expected(kinds: &[Kind]) -> String {
    let words: Vec<String> = kinds.iter().map(word).collect();
    words.join(" or ")
}

fn word(kind: &Kind) -> String {
    match kind {
        Kind::Object | Kind::Map => "an object".to_owned(),
        Kind::List => "a list".to_owned(),
        Kind::Texts => "a list of texts".to_owned(),
        Kind::Text => "a text".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::Secret => "a text".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Integer(min, max) => format!("a whole number from {min} to {max}"),
        Kind::Number(min, max) => format!("a number from {min} to {max}"),
        Kind::Duration(min, max) => {
            format!("milliseconds from {min} to {max}, or a text like \"30s\"")
        }
        Kind::Choice(words) => format!("one of \"{}\"", words.join("\", \"")),
        Kind::Label => "a number".to_owned(),
        Kind::Any => "anything".to_owned(),
    }
}

/// A number a text or float stands for.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < WHOLE_MAX => {
            Some(*number as i64)
        }
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Flag(flag) => Some(*flag),
        Value::Integer(0) => Some(false),
        Value::Integer(1) => Some(true),
        Value::Text(text) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Number(number) if number.is_finite() => Some(number.to_string()),
        Value::Flag(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The value as the kind wants it, if there is a way.
fn convert(kind: &Kind, value: &Value) -> Option<Typed> {
    match kind {
        Kind::Flag => flag(value).map(Typed::Flag),
        Kind::Integer(min, max) => whole(value)
            .filter(|number| (min..=max).contains(&number))
            .map(Typed::Integer),
        Kind::Label => whole(value)
            .filter(|number| (0..=i64::from(u16::MAX)).contains(number))
            .map(Typed::Integer),
        Kind::Number(min, max) => real(value)
            .filter(|number| (min..=max).contains(&number))
            .map(Typed::Number),
        Kind::Duration(min, max) => match value {
            Value::Text(text) => expand::duration_ms(text.trim()).or_else(|| whole(value)),
            _ => whole(value),
        }
        .filter(|ms| (min..=max).contains(&ms))
        .map(Typed::Integer),
        Kind::Text | Kind::Path => plain_text(value).map(Typed::Text),
        Kind::Choice(words) => {
            let text = plain_text(value)?;
            let found = words.iter().find(|word| word.eq_ignore_ascii_case(&text));
            found.map(|word| Typed::Text((*word).to_owned()))
        }
        Kind::Object | Kind::Map | Kind::List | Kind::Texts | Kind::Secret | Kind::Any => None,
    }
}

impl Normalizer<'_> {
    /// A value of one of the scalar kinds, converted where that is safe.
    pub(super) fn scalar(
        &mut self,
        kind: &Kind,
        value: &Value,
        shape: &'static Shape,
        (at, trail): (Position, &Trail<'_>),
    ) -> Option<Typed> {
        let Some(typed) = convert(kind, value) else {
            self.misfit(kind, value, shape, (at, trail));
            return None;
        };
        let spelled_duration = matches!((kind, value), (Kind::Duration(..), Value::Text(text))
            if text.parse::<i64>().is_err());
        // `1e3` is a whole number, if an unusual way to write one.
        let whole_number = matches!((&typed, value), (Typed::Integer(_), Value::Number(_)));
        if !is_exact(kind, value) && !whole_number && !spelled_duration {
            let found = describe(value);
            let wanted = expected(std::slice::from_ref(kind));
            let message = format!("expected {wanted}, found {found}; it is understood");
            self.warn(at, trail, &message);
        }
        Some(typed)
    }

    fn misfit(
        &mut self,
        kind: &Kind,
        value: &Value,
        shape: &'static Shape,
        (at, trail): (Position, &Trail<'_>),
    ) {
        if *kind == Kind::Label {
            self.warn(at, trail, "expected a port number; the label is ignored");
            return;
        }
        if let (Kind::Choice(words), Value::Text(text)) = (kind, value) {
            let wanted = expected(std::slice::from_ref(kind));
            let default = shape.default_text();
            let added = self.problems.at(
                Severity::Degraded,
                at,
                trail.to_string(),
                format!("expected {wanted}; \"{default}\" is used"),
            );
            added.hint_with(|| {
                let word = suggest::nearest(text, words.iter().copied())?;
                Some(format!("did you mean \"{word}\"?"))
            });
            return;
        }
        let in_kind = matches!(
            (kind, value),
            (
                Kind::Integer(..) | Kind::Number(..) | Kind::Duration(..),
                Value::Integer(_) | Value::Number(_)
            )
        );
        if in_kind && shape.effect() == Effect::Used {
            let wanted = expected(std::slice::from_ref(kind));
            let instead = trail.instead(shape.default_text());
            let message = format!("expected {wanted}; {instead}");
            self.problems
                .at(Severity::Degraded, at, trail.to_string(), message);
            return;
        }
        self.mismatch(shape.kinds(), value, shape.effect(), (at, trail));
    }
}
