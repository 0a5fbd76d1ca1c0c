//! Time zones: what the clock on the wall shows at an instant, and when a wall clock shows something.

use std::fmt;

use jiff::{
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

use crate::{error::Error, limits::ZONE_BYTES_MAX};

/// A time zone of the database: the system's, or the one in the binary where the system has none.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: TimeZone::UTC,
        }
    }

    /// Looks a name like `Europe/Berlin` up.
    ///
    /// # Errors
    /// When the database has no zone of that name.
    pub fn named(name: &str) -> Result<Self, Error> {
        if name.eq_ignore_ascii_case("utc") || name == "Z" {
            return Ok(Self::utc());
        }
        let unknown = || Error::Zone {
            name: name.chars().take(ZONE_BYTES_MAX).collect(),
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
        if name.is_empty() || name.len() > ZONE_BYTES_MAX || !name.bytes().all(is_plain) {
            return Err(unknown());
        }
        // The cause would be a list of the directories that were searched, which helps nobody.
        let Ok(rules) = TimeZone::get(name) else {
            return Err(unknown());
        };
        let name = rules.iana_name().unwrap_or(name).to_owned();
        Ok(Self { name, rules })
    }

    /// The zone's name, spelled as in the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the wall clock shows, in whole seconds.
    pub(crate) fn wall(&self, ms: i64) -> Option<DateTime> {
        let instant = jiff::Timestamp::from_second(ms.div_euclid(1_000)).ok()?;
        Some(self.rules.to_datetime(instant))
    }

    /// When a wall clock shows this for the first time; where it is skipped, the instant of the skip.
    pub(crate) fn first_instant(&self, wall: DateTime) -> Option<i64> {
        let ambiguous = self.rules.to_ambiguous_timestamp(wall);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset }
            | AmbiguousOffset::Fold { before: offset, .. } => {
                Some(offset.to_timestamp(wall).ok()?.as_millisecond())
            }
            AmbiguousOffset::Gap { before, .. } => {
                // With the old offset the time lies behind the change, so the change is the last one before it.
                let behind = before.to_timestamp(wall).ok()?;
                let next = behind
                    .checked_add(jiff::SignedDuration::from_nanos(1))
                    .ok()?;
                let change = self.rules.preceding(next).next()?;
                Some(change.timestamp().as_millisecond())
            }
        }
    }

    /// The stretch of time around an instant in which the offset stays: the offset, and when it ends.
    pub(crate) fn stretch(&self, ms: i64) -> Option<Stretch> {
        let instant = jiff::Timestamp::from_millisecond(ms).ok()?;
        let offset = self.rules.to_offset(instant);
        let end = self
            .rules
            .following(instant)
            .find(|change| change.offset() != offset);
        Some(Stretch {
            offset_ms: i64::from(offset.seconds()) * 1_000,
            end_ms: end.map(|change| change.timestamp().as_millisecond()),
        })
    }
}

/// A stretch of time with one offset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    pub(crate) offset_ms: i64,
    pub(crate) end_ms: Option<i64>,
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_whatever_the_case_and_named_as_in_the_database() {
        assert_eq!(
            Zone::named("europe/berlin").unwrap().name(),
            "Europe/Berlin"
        );
        assert_eq!(Zone::named("utc").unwrap(), Zone::utc());
    }

    #[test]
    fn what_is_no_zone_is_refused() {
        for name in [
            "",
            "Mars/Olympus",
            "../etc/passwd",
            "/etc/localtime",
            "Europe/Berlin\0",
            &"a".repeat(65),
        ] {
            assert!(Zone::named(name).is_err(), "{name:?}");
        }
    }
}
