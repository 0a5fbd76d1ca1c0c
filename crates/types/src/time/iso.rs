//! ISO 8601 on the way in: what people and other programs write for a moment.

use super::Timestamp;

/// `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`; without a zone it is taken as UTC.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let (clock, zone) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, "Z"),
    };
    let days = days(date)?;
    let ms = clock_ms(clock)?;
    Some(Timestamp(days * 86_400_000 + ms - zone_ms(zone)?))
}

/// Days since the epoch of a calendar day.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-');
    let year = number(parts.next()?, 4)?;
    let month = number(parts.next()?, 2)?;
    let day = number(parts.next()?, 2)?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [
        31,
        28 + i64::from(is_leap),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let index = usize::try_from(month - 1).ok()?;
    if day < 1 || day > *lengths.get(index)? {
        return None;
    }
    let before = year - 1;
    let whole_years = before * 365 + before / 4 - before / 100 + before / 400;
    let in_year: i64 = lengths.iter().take(index).sum();
    // 719,162 days lie between 0001-01-01 and 1970-01-01.
    Some(whole_years + in_year + day - 1 - 719_162)
}

fn clock_ms(clock: &str) -> Option<i64> {
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':');
    let hour = number(parts.next()?, 2)?;
    let minute = number(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |text| number(text, 2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(*b"000").take(3);
    let ms = digits.fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
    Some(((hour * 60 + minute) * 60 + second) * 1_000 + ms)
}

fn zone_ms(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.get(1..)?.chars().filter(|c| *c != ':').collect();
    let hour = number(digits.get(..2)?, 2)?;
    let minute = number(digits.get(2..)?, 2)?;
    (hour < 24 && minute < 60).then_some(sign * (hour * 60 + minute) * 60_000)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let is_plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_print_we_read() {
        for ms in [
            0,
            1,
            1_711_843_200_123,
            4_107_542_400_000,
            -62_135_596_800_000,
        ] {
            assert_eq!(parse(&Timestamp(ms).to_string()), Some(Timestamp(ms)));
        }
    }

    #[test]
    fn zones_and_fractions_are_heeded_and_days_that_are_none_refused() {
        for (text, ms) in [
            ("2024-03-31T02:00:00+02:00", Some(1_711_843_200_000)),
            ("2024-03-30T19:00:00.5-0500", Some(1_711_843_200_500)),
            ("2024-03-31", None),
            ("2023-02-29T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(parse(text), ms.map(Timestamp), "{text}");
        }
    }
}
