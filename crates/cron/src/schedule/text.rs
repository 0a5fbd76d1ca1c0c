//! How schedules look as text and on disk.

use std::fmt;

use openclaw_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::Schedule;
use crate::{
    error::Error,
    limits::{EVERY_MS_MAX, EVERY_MS_MIN},
};

const UNITS: [(&str, i64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads `1h30m` and the like, largest unit first; `None` for anything else, and for nothing at all.
pub(super) fn interval(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut sum = 0_i64;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = rest.get(..end)?;
        let (_, ms) = units.find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.checked_mul(*ms)?)?;
        rest = rest.get(end..)?;
    }
    (sum > 0).then_some(sum)
}

/// Prints an interval as it is read.
pub(super) struct Interval(pub(super) i64);

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (name, ms) in UNITS {
            if rest >= ms {
                write!(f, "{}{name}", rest / ms)?;
                rest %= ms;
            }
        }
        Ok(())
    }
}

/// Reads what a schedule prints.
pub(super) fn read(text: &str) -> Result<Schedule, Error> {
    let wrong = || Error::Schedule {
        text: text.chars().take(64).collect(),
    };
    let (kind, rest) = text.trim().split_once(' ').ok_or_else(wrong)?;
    match kind {
        "at" => {
            let at = Timestamp::parse(rest.trim()).ok_or_else(wrong)?;
            Ok(Schedule::At { at })
        }
        "every" => {
            let (length, from) = rest.split_once(" from ").ok_or_else(wrong)?;
            let from = Timestamp::parse(from.trim()).ok_or_else(wrong)?;
            Schedule::every(length, from)
        }
        "cron" => {
            let last = rest.rsplit(' ').next().unwrap_or_default();
            // A field begins with a digit, a sign or a name of three letters; a zone has a longer name, or is UTC.
            let is_zone = last == "UTC"
                || last.contains(char::is_alphabetic) && last.len() > 3 && {
                    last.starts_with(char::is_uppercase) && !last.contains([',', '#'])
                };
            match rest.rsplit_once(' ') {
                Some((expression, zone)) if is_zone && Expression::parse(rest).is_err() => {
                    Schedule::cron(expression, Some(zone))
                }
                _ => Schedule::cron(rest, None),
            }
        }
        _ => Err(wrong()),
    }
}

use crate::expression::Expression;

/// A schedule in the file of jobs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Stored {
    At {
        at: String,
    },
    #[serde(rename_all = "camelCase")]
    Every {
        every_ms: i64,
        anchor_ms: i64,
    },
    Cron {
        expr: String,
        tz: String,
    },
}

impl From<Schedule> for Stored {
    fn from(schedule: Schedule) -> Self {
        match schedule {
            Schedule::At { at } => Self::At { at: at.to_string() },
            Schedule::Every { ms, from } => Self::Every {
                every_ms: ms,
                anchor_ms: from.0,
            },
            Schedule::Cron { expression, zone } => Self::Cron {
                expr: expression.to_string(),
                tz: zone.name().to_owned(),
            },
        }
    }
}

impl TryFrom<Stored> for Schedule {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        match stored {
            Stored::At { at } => Timestamp::parse(&at)
                .map(|at| Self::At { at })
                .ok_or(Error::Time { text: at }),
            Stored::Every {
                every_ms,
                anchor_ms,
            } if (EVERY_MS_MIN..=EVERY_MS_MAX).contains(&every_ms) => Ok(Self::Every {
                ms: every_ms,
                from: Timestamp(anchor_ms),
            }),
            Stored::Every { every_ms, .. } => Err(Error::Interval {
                text: format!("{every_ms}ms"),
            }),
            Stored::Cron { expr, tz } => Self::cron(&expr, Some(&tz)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_largest_unit_first() {
        for (text, ms) in [
            ("90s", Some(90_000)),
            ("1h30m", Some(5_400_000)),
            ("2d", Some(172_800_000)),
            ("30m1h", None),
            ("5", None),
            ("", None),
            ("-5m", None),
            ("0s", None),
            ("99999999999999999d", None),
        ] {
            assert_eq!(interval(text), ms, "{text:?}");
        }
        assert_eq!(Interval(5_400_500).to_string(), "1h30m500ms");
    }

    #[test]
    fn a_schedule_reads_what_it_prints_and_what_it_stored() {
        let now = Timestamp(1_774_745_400_000);
        for schedule in [
            Schedule::at("20m", now).unwrap(),
            Schedule::every("1h30m", now).unwrap(),
            Schedule::cron("0 9 * * 1-5", Some("Europe/Berlin")).unwrap(),
            Schedule::cron("*/10 0 9 * * MON-FRI", None).unwrap(),
            Schedule::cron("0 9 * * FRI", Some("America/New_York")).unwrap(),
        ] {
            assert_eq!(schedule.to_string().parse::<Schedule>().unwrap(), schedule);
            let json = serde_json::to_string(&schedule).unwrap();
            assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
        }
        assert_eq!(
            "cron 0 9 * * MON-FRI".parse::<Schedule>().unwrap(),
            Schedule::cron("0 9 * * MON-FRI", None).unwrap()
        );
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "daily",
            "every 5m",
            "every 1ms from 2026-01-01T00:00:00Z",
            "at noon",
            "cron x",
        ] {
            assert!(text.parse::<Schedule>().is_err(), "{text:?}");
        }
        for json in [
            r#"{"kind":"every","everyMs":0,"anchorMs":0}"#,
            r#"{"kind":"cron","expr":"0 0 30 2 *","tz":"UTC"}"#,
            r#"{"kind":"cron","expr":"0 0 1 2 *","tz":"Mars"}"#,
        ] {
            assert!(serde_json::from_str::<Schedule>(json).is_err(), "{json}");
        }
    }
}
