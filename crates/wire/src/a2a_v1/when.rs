//! Timestamps on the way in: milliseconds, or ISO 8601 as older clients send it.

use openclaw_types::Timestamp;
use serde_json::Value;

/// Reads a timestamp of either form.
pub(super) fn read(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a fraction of a millisecond is dropped, and out of range saturates"
            )]
            let from_float = || number.as_f64().map(|ms| ms as i64);
            number.as_i64().or_else(from_float).map(Timestamp)
        }
        Value::String(text) => Timestamp::parse(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_of_a_timestamp_are_read() {
        let at = |ms| Some(Timestamp(ms));
        for (value, want) in [
            (json!(1_711_843_200_000_i64), at(1_711_843_200_000)),
            (json!(1_711_843_200_000.7), at(1_711_843_200_000)),
            (json!("2024-03-31T00:00:00.000Z"), at(1_711_843_200_000)),
            (json!("2024-03-31T02:00:00+02:00"), at(1_711_843_200_000)),
            (json!("2024-03-30T19:00:00.5-0500"), at(1_711_843_200_500)),
            (json!("2024-03-31T00:00:00"), at(1_711_843_200_000)),
            (json!("2000-02-29 00:00:00.123456Z"), at(951_782_400_123)),
            (json!("1969-12-31T23:59:59.999Z"), at(-1)),
            (json!("2023-02-29T00:00:00Z"), None),
            (json!("2024-13-01T00:00:00Z"), None),
            (json!("2024-00-01T00:00:00Z"), None),
            (json!("2024-01-01T24:00:00Z"), None),
            (json!("2024-01-01T00:00:00.Z"), None),
            (json!("yesterday"), None),
            (json!("T"), None),
            (json!(""), None),
            (json!(true), None),
        ] {
            assert_eq!(read(&value), want, "{value}");
        }
    }
}
