//! Cron expressions: five or six fields, and the dates and times they name.
//!
//! The day of the month and the day of the week are alternatives when both are given, as in every cron.
//! An expression whose minute or hour begins with `*` follows the clock on the wall; any other names fixed times
//! of day. The difference shows only where a clock is changed, and [`crate::schedule`] says how.

use std::fmt;

use jiff::civil::{Date, DateTime};

use self::field::{Field, Weekdays};
use crate::{
    error::Error,
    limits::{EXPRESSION_BYTES_MAX, YEARS_AHEAD},
};

mod field;

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A checked cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    text: String,
    seconds: u64,
    minutes: u64,
    hours: u64,
    /// By day of the month, and [`field::LAST_DAY`].
    days: u64,
    months: u64,
    weekdays: Weekdays,
    is_any_day: bool,
    is_any_weekday: bool,
    follows_wall: bool,
}

impl Expression {
    /// Reads an expression of five fields, of six with the seconds first, or a nickname like `@daily`.
    ///
    /// # Errors
    /// Says which field is wrong and why, and when no day is ever named.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let shown: String = text.trim().chars().take(EXPRESSION_BYTES_MAX).collect();
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(Error::Fields {
                text: shown,
                fields: text.split_whitespace().count(),
            });
        }
        let mut meant = shown.as_str();
        if meant.starts_with('@') {
            let known = NICKNAMES
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(meant));
            let Some((_, fields)) = known else {
                return Err(Error::Nickname { text: shown });
            };
            meant = fields;
        }
        let fields: Vec<&str> = meant.split_whitespace().collect();
        let (second, rest) = match *fields.as_slice() {
            [minute, hour, day, month, weekday] => ("0", [minute, hour, day, month, weekday]),
            [second, minute, hour, day, month, weekday] => {
                (second, [minute, hour, day, month, weekday])
            }
            _ => {
                let fields = fields.len();
                return Err(Error::Fields {
                    text: shown,
                    fields,
                });
            }
        };
        let read = Self::read(fields.join(" "), second, rest)?;
        if read
            .next_wall(DateTime::constant(2000, 1, 1, 0, 0, 0, 0))
            .is_none()
        {
            return Err(Error::Never { text: shown });
        }
        Ok(read)
    }

    fn read(text: String, second: &str, rest: [&str; 5]) -> Result<Self, Error> {
        let [minute, hour, day, month, weekday] = rest;
        Ok(Self {
            text,
            seconds: Field::SECOND.set(second)?,
            minutes: Field::MINUTE.set(minute)?,
            hours: Field::HOUR.set(hour)?,
            days: field::days(day)?,
            months: Field::MONTH.set(month)?,
            weekdays: Weekdays::read(weekday)?,
            is_any_day: field::is_any(day),
            is_any_weekday: field::is_any(weekday),
            follows_wall: minute.starts_with('*') || hour.starts_with('*'),
        })
    }

    /// Whether it follows the clock on the wall through a change of that clock.
    #[must_use]
    pub const fn follows_wall(&self) -> bool {
        self.follows_wall
    }

    /// The first time after this one that is named, on a clock that is never changed.
    pub(crate) fn next_wall(&self, after: DateTime) -> Option<DateTime> {
        let mut date = after.date();
        let time = after.time();
        let second = |hour: i8, minute: i8, second: i8| {
            u32::from(hour.unsigned_abs()) * 3_600
                + u32::from(minute.unsigned_abs()) * 60
                + u32::from(second.unsigned_abs())
        };
        let mut from = second(time.hour(), time.minute(), time.second()) + 1;
        let last = date.year().checked_add(YEARS_AHEAD)?;
        while date.year() <= last {
            if self.names(date)
                && let Some(found) = self.time_from(from)
            {
                let part = |value: u32| i8::try_from(value).unwrap_or(0);
                let (hour, minute, second) = (found / 3_600, found / 60 % 60, found % 60);
                return Some(date.at(part(hour), part(minute), part(second), 0));
            }
            from = 0;
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// Whether a day is named.
    fn names(&self, date: Date) -> bool {
        if self.months >> date.month() & 1 == 0 {
            return false;
        }
        let is_day = self.days >> date.day() & 1 == 1
            || self.days & field::LAST_DAY != 0 && date.day() == date.days_in_month();
        let is_weekday = self.weekdays.names(date);
        match (self.is_any_day, self.is_any_weekday) {
            (true, true) => true,
            (true, false) => is_weekday,
            (false, true) => is_day,
            (false, false) => is_day || is_weekday,
        }
    }

    /// The first time of day, in seconds, that is named and not before this one.
    fn time_from(&self, from: u32) -> Option<u32> {
        let (hour, minute, second) = (from / 3_600, from / 60 % 60, from % 60);
        let first_minute = field::at_or_after(self.minutes, 0)?;
        let first_second = field::at_or_after(self.seconds, 0)?;
        if hour < 24 && self.hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1
                && let Some(second) = field::at_or_after(self.seconds, second)
            {
                return Some(hour * 3_600 + minute * 60 + second);
            }
            if let Some(minute) = field::at_or_after(self.minutes, minute + 1) {
                return Some(hour * 3_600 + minute * 60 + first_second);
            }
        }
        let hour = field::at_or_after(self.hours, hour + 1)?;
        Some(hour * 3_600 + first_minute * 60 + first_second)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
