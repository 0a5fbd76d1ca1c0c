//! Schedules: once, at an interval, or by a cron expression in a time zone, and the next slot of each.
//!
//! Where a clock is changed, an expression with fixed times of day is handed out once for each of them: a time that
//! is skipped counts as the instant of the skip, a time that comes twice counts the first time, and times that meet
//! in one instant are one slot.
//! An expression whose minute or hour begins with `*` is handed out whenever the clock on the wall shows what it
//! names: never for times that are skipped, twice for times that come twice.

use std::{fmt, str::FromStr};

use openclaw_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    expression::Expression,
    limits::{EVERY_MS_MAX, EVERY_MS_MIN, MISSED_MAX},
    zone::Zone,
};

mod text;

/// When something is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "text::Stored", into = "text::Stored")]
pub enum Schedule {
    /// Once.
    At {
        /// When.
        at: Timestamp,
    },
    /// At an interval, counted from a point in time.
    Every {
        /// The interval.
        ms: i64,
        /// The first slot.
        from: Timestamp,
    },
    /// Whenever an expression says.
    Cron {
        /// The expression.
        expression: Expression,
        /// Whose clock it means.
        zone: Zone,
    },
}

impl Schedule {
    /// Once: at an RFC 3339 time, or an interval like `20m` from now.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn at(text: &str, now: Timestamp) -> Result<Self, Error> {
        let text = text.trim();
        let parsed = Timestamp::parse(text);
        let at = parsed.or_else(|| Some(Timestamp(now.0.checked_add(text::interval(text)?)?)));
        at.map(|at| Self::At { at }).ok_or_else(|| Error::Time {
            text: text.chars().take(64).collect(),
        })
    }

    /// At an interval like `90s` or `1h30m`, the first time one interval after `now`.
    ///
    /// # Errors
    /// When the text is no interval, or one that is too short or too long.
    pub fn every(text: &str, now: Timestamp) -> Result<Self, Error> {
        let ms = text::interval(text.trim());
        let ms = ms.filter(|ms| (EVERY_MS_MIN..=EVERY_MS_MAX).contains(ms));
        ms.map(|ms| Self::Every { ms, from: now })
            .ok_or_else(|| Error::Interval {
                text: text.chars().take(64).collect(),
            })
    }

    /// By a cron expression in a time zone; universal time when none is named.
    ///
    /// # Errors
    /// When the expression or the zone can't be read.
    pub fn cron(expression: &str, zone: Option<&str>) -> Result<Self, Error> {
        Ok(Self::Cron {
            expression: Expression::parse(expression)?,
            zone: zone.map_or_else(|| Ok(Zone::utc()), Zone::named)?,
        })
    }

    /// The first slot after this point in time.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::At { at } => (*at > after).then_some(*at),
            Self::Every { ms, from } => {
                let passed = after.0.checked_sub(from.0)?;
                let slots = if passed < 0 { 0 } else { passed / ms + 1 };
                Some(Timestamp(from.0.checked_add(slots.checked_mul(*ms)?)?))
            }
            Self::Cron { expression, zone } => {
                let found = if expression.follows_wall() {
                    next_on_the_wall(expression, zone, after.0)
                } else {
                    next_fixed(expression, zone, after.0)
                };
                found.map(Timestamp)
            }
        }
    }

    /// Whether it is the same but for where an interval is counted from.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Every { ms, .. }, Self::Every { ms: other, .. }) => ms == other,
            _ => self == other,
        }
    }

    /// Of the slots from `first` until `now`, the latest, and how many come before it (counted up to
    /// [`MISSED_MAX`]).
    pub(crate) fn latest(&self, first: Timestamp, now: Timestamp) -> (Timestamp, u32) {
        let mut slot = first;
        if let Self::Every { ms, .. } = self {
            let slots = now.0.saturating_sub(first.0).max(0) / ms;
            slot.0 += slots * ms;
            return (
                slot,
                u32::try_from(slots).map_or(MISSED_MAX, |slots| slots.min(MISSED_MAX)),
            );
        }
        let mut missed = 0;
        while let Some(next) = self.next_after(slot).filter(|next| *next <= now) {
            if missed == MISSED_MAX {
                return (self.last_until(slot, now), MISSED_MAX);
            }
            (slot, missed) = (next, missed + 1);
        }
        (slot, missed)
    }

    /// The latest slot until `now`, found from behind; `known` is one that is not later.
    fn last_until(&self, known: Timestamp, now: Timestamp) -> Timestamp {
        let mut width = 1_000_i64;
        let mut slot = known;
        while now.0.saturating_sub(width) > known.0 {
            let from = Timestamp(now.0 - width);
            if let Some(found) = self.next_after(from).filter(|found| *found <= now) {
                slot = found;
                break;
            }
            width = width.saturating_mul(2);
        }
        while let Some(next) = self.next_after(slot).filter(|next| *next <= now) {
            slot = next;
        }
        slot
    }
}

/// Times in the order of the wall clock are instants in order, so that the walk may start at what it shows.
fn next_fixed(expression: &Expression, zone: &Zone, after: i64) -> Option<i64> {
    let mut wall = zone.wall(after)?;
    loop {
        wall = expression.next_wall(wall)?;
        let instant = zone.first_instant(wall)?;
        if instant > after {
            return Some(instant);
        }
    }
}

/// Stretch by stretch: within one, the wall clock is a clock that is never changed.
fn next_on_the_wall(expression: &Expression, zone: &Zone, after: i64) -> Option<i64> {
    let utc = Zone::utc();
    let (mut within, mut lower) = (after, after);
    loop {
        let stretch = zone.stretch(within)?;
        let from = utc.wall(lower.checked_add(stretch.offset_ms)?)?;
        let found = expression.next_wall(from)?;
        let instant = utc.first_instant(found)?.checked_sub(stretch.offset_ms)?;
        match stretch.end_ms {
            // The first second of the next stretch may itself be named, so the search starts before it.
            Some(end) if instant >= end => (within, lower) = (end, end - 1),
            _ => return Some(instant),
        }
    }
}

impl FromStr for Schedule {
    type Err = Error;

    /// Reads what [`Display`](fmt::Display) prints.
    fn from_str(text: &str) -> Result<Self, Error> {
        text::read(text)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { at } => write!(f, "at {at}"),
            Self::Every { ms, from } => write!(f, "every {} from {from}", text::Interval(*ms)),
            Self::Cron { expression, zone } => write!(f, "cron {expression} {zone}"),
        }
    }
}
