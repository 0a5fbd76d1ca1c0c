//! Dollars, numbers and times as people read them.

use openclaw_types::Timestamp;

/// Dollars: cents where there are dollars, more digits where there are only parts of cents.
pub(crate) fn dollars(usd: f64) -> String {
    match usd.abs() {
        0.0 => "$0".to_owned(),
        1.0.. => format!("${usd:.2}"),
        0.01.. => format!("${usd:.4}"),
        0.000_001.. => format!("${usd:.6}"),
        _ => "<$0.000001".to_owned(),
    }
}

/// A number with commas between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time to the second, in UTC.
pub(crate) fn at(ms: i64) -> String {
    let text = Timestamp(ms).to_string();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    let time = time.split('.').next().unwrap_or_default();
    format!("{day} {time}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_have_as_many_digits_as_matter() {
        for (usd, said) in [
            (0.0, "$0"),
            (1234.5, "$1234.50"),
            (0.25, "$0.2500"),
            (0.000_048, "$0.000048"),
            (0.000_000_1, "<$0.000001"),
        ] {
            assert_eq!(dollars(usd), said);
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, said) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(grouped(number), said);
        }
    }

    #[test]
    fn times_are_to_the_second() {
        assert_eq!(at(0), "1970-01-01 00:00:00Z");
    }
}
