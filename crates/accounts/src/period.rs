//! How long a budget lasts before it starts anew.

use std::fmt;

use openclaw_types::Timestamp;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;
/// The epoch was a Thursday; weeks start on Monday.
const MONDAY_MS: i64 = 4 * DAY_MS;
/// Longer than this is no period but a slip of the pen: a hundred years.
const LENGTH_MS_MAX: i64 = 36_525 * DAY_MS;

/// How long a budget lasts.
///
/// Periods follow from the clock and an anchor alone; nothing has to be written down when one ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// So many milliseconds, counted from the anchor: a key's creation, or the epoch.
    Rolling(i64),
    /// The clock hour.
    Hour,
    /// The calendar day in UTC.
    Day,
    /// Monday to Sunday in UTC.
    Week,
    /// The calendar month in UTC.
    Month,
}

/// One period: from its start to before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

impl Period {
    /// Reads `30s`, `10m`, `2h`, `1d`, `1w` (from the anchor), `1mo`, `hourly`, `daily`, `weekly`, `monthly` (of
    /// the calendar).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "hourly" => Some(Self::Hour),
            "daily" => Some(Self::Day),
            "weekly" => Some(Self::Week),
            "monthly" | "1mo" => Some(Self::Month),
            _ => length_ms(text).map(Self::Rolling),
        }
    }

    /// The period around a moment.
    #[must_use]
    pub fn span(self, now: Timestamp, anchor: Timestamp) -> Span {
        match self {
            Self::Rolling(ms) => aligned(now, anchor.as_millis(), ms.max(1)),
            Self::Hour => aligned(now, 0, HOUR_MS),
            Self::Day => aligned(now, 0, DAY_MS),
            Self::Week => aligned(now, MONDAY_MS, WEEK_MS),
            Self::Month => month(now),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Hour => f.write_str("hourly"),
            Self::Day => f.write_str("daily"),
            Self::Week => f.write_str("weekly"),
            Self::Month => f.write_str("monthly"),
            Self::Rolling(ms) => {
                let units = [(DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "m")];
                let fitting = units.into_iter().find(|(unit, _)| ms % unit == 0);
                let (unit, name) = fitting.unwrap_or((SECOND_MS, "s"));
                write!(f, "{}{name}", ms / unit)
            }
        }
    }
}

/// Reads a length such as `30s`, `10m`, `2h`, `1d` or `1w` as milliseconds.
#[must_use]
pub fn length_ms(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let unit = match &text[digits.len()..] {
        "s" => SECOND_MS,
        "m" => MINUTE_MS,
        "h" => HOUR_MS,
        "d" => DAY_MS,
        "w" => WEEK_MS,
        _ => return None,
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: i64 = digits.parse().ok().filter(|_| is_number)?;
    let ms = count.checked_mul(unit)?;
    (ms > 0 && ms <= LENGTH_MS_MAX).then_some(ms)
}

fn aligned(now: Timestamp, anchor: i64, ms: i64) -> Span {
    let since = now.as_millis().saturating_sub(anchor);
    let start = anchor.saturating_add(since.div_euclid(ms).saturating_mul(ms));
    Span {
        start: Timestamp(start),
        end: Timestamp(start.saturating_add(ms)),
    }
}

/// The calendar month, found by its date: days before the first of it, and the first of the next.
fn month(now: Timestamp) -> Span {
    let midnight = now.as_millis().div_euclid(DAY_MS).saturating_mul(DAY_MS);
    let day_of_month = |at: i64| -> i64 {
        let date = Timestamp(at).utc_date();
        date.rsplit('-')
            .next()
            .and_then(|day| day.parse().ok())
            .unwrap_or(1)
    };
    let start = midnight.saturating_sub((day_of_month(midnight) - 1).saturating_mul(DAY_MS));
    // A month has 28 days at least and 31 at most: the 32nd day lies in the next one.
    let beyond = start.saturating_add(31 * DAY_MS);
    let end = beyond.saturating_sub((day_of_month(beyond) - 1).saturating_mul(DAY_MS));
    Span {
        start: Timestamp(start),
        end: Timestamp(end),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn periods_are_read_as_litellm_writes_them() {
        for (text, period) in [
            ("30s", Some(Period::Rolling(30_000))),
            ("10m", Some(Period::Rolling(600_000))),
            ("2h", Some(Period::Rolling(7_200_000))),
            ("1d", Some(Period::Rolling(86_400_000))),
            ("1w", Some(Period::Rolling(604_800_000))),
            ("1mo", Some(Period::Month)),
            ("hourly", Some(Period::Hour)),
            ("daily", Some(Period::Day)),
            ("weekly", Some(Period::Week)),
            ("monthly", Some(Period::Month)),
            ("", None),
            ("d", None),
            ("0d", None),
            ("-1d", None),
            ("+1d", None),
            ("1.5h", None),
            ("2mo", None),
            ("1y", None),
            ("99999999999999999999d", None),
            ("9999999999d", None),
        ] {
            assert_eq!(Period::parse(text), period, "{text}");
        }
    }

    #[test]
    fn a_period_begins_and_ends_where_the_calendar_or_its_anchor_says() {
        let now = at("2024-02-29T13:14:15.678Z");
        let anchor = at("2024-02-01T10:00:00Z");
        for (period, start, end) in [
            (Period::Hour, "2024-02-29T13:00:00Z", "2024-02-29T14:00:00Z"),
            (Period::Day, "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
            (Period::Week, "2024-02-26T00:00:00Z", "2024-03-04T00:00:00Z"),
            (
                Period::Month,
                "2024-02-01T00:00:00Z",
                "2024-03-01T00:00:00Z",
            ),
            (
                Period::Rolling(DAY_MS),
                "2024-02-29T10:00:00Z",
                "2024-03-01T10:00:00Z",
            ),
            (
                Period::Rolling(30_000),
                "2024-02-29T13:14:00Z",
                "2024-02-29T13:14:30Z",
            ),
        ] {
            let span = Span {
                start: at(start),
                end: at(end),
            };
            assert_eq!(period.span(now, anchor), span, "{period}");
        }
        let december = Period::Month.span(at("2023-12-31T23:59:59.999Z"), anchor);
        assert_eq!(december.end, at("2024-01-01T00:00:00Z"));
    }

    proptest! {
        #[test]
        fn every_moment_is_in_its_period(now in any::<i64>(), anchor in -1_000_000_i64..1_000_000_000_000, ms in 1..LENGTH_MS_MAX) {
            let now = Timestamp(now / 1_000);
            for period in [Period::Rolling(ms), Period::Hour, Period::Day, Period::Week, Period::Month] {
                let span = period.span(now, Timestamp(anchor));
                prop_assert!(span.start <= now && now < span.end, "{period:?} {span:?} {now:?}");
                prop_assert_eq!(period.span(Timestamp(span.end.as_millis() - 1), Timestamp(anchor)), span);
            }
        }

        #[test]
        fn what_is_printed_reads_back(seconds in 1..1_000_000_000_i64) {
            let period = Period::Rolling(seconds * SECOND_MS);
            prop_assert_eq!(Period::parse(&period.to_string()), Some(period));
        }
    }
}
