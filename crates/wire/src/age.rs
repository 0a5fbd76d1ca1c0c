//! Ages as people write them: a number and one of s, m, h, d, w.

/// `7d` in milliseconds; `None` when it is no age, or none that fits.
#[must_use]
pub fn age_ms(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_a_number_and_a_unit() {
        for (text, ms) in [
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("2h", Some(7_200_000)),
            ("7d", Some(604_800_000)),
            ("0d", Some(0)),
            ("4w", Some(2_419_200_000)),
            ("7", None),
            ("d", None),
            ("-1d", None),
            ("1.5h", None),
            ("7 d", None),
            ("99999999999999999w", None),
        ] {
            assert_eq!(age_ms(text), ms, "{text}");
        }
    }
}
