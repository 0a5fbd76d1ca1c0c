//! One field of a cron expression: numbers, names, ranges, steps and lists become a set of bits.

use jiff::civil::Date;

use crate::error::Error;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// The bit that stands for the last day of a month, whichever it is; no month has a day 0.
pub(super) const LAST_DAY: u64 = 1;
/// The bit that stands for the last such weekday of a month.
const LAST: u8 = 1 << 6;

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    name: &'static str,
    low: u8,
    high: u8,
    names: &'static [&'static str],
    /// The number of the first name.
    names_from: u8,
}

impl Field {
    pub(super) const SECOND: Self = Self::numbers("second", 0, 59);
    pub(super) const MINUTE: Self = Self::numbers("minute", 0, 59);
    pub(super) const HOUR: Self = Self::numbers("hour", 0, 23);
    pub(super) const DAY: Self = Self::numbers("day of the month", 1, 31);
    pub(super) const MONTH: Self = Self {
        names: &MONTHS,
        names_from: 1,
        ..Self::numbers("month", 1, 12)
    };
    /// Both 0 and 7 are Sunday.
    pub(super) const WEEKDAY: Self = Self {
        names: &WEEKDAYS,
        ..Self::numbers("day of the week", 0, 7)
    };

    const fn numbers(name: &'static str, low: u8, high: u8) -> Self {
        Self {
            name,
            low,
            high,
            names: &[],
            names_from: 0,
        }
    }

    fn wrong(&self, part: &str, what: &'static str) -> Error {
        Error::Field {
            field: self.name,
            part: part.to_owned(),
            what,
        }
    }

    /// Reads a list.
    pub(super) fn set(&self, text: &str) -> Result<u64, Error> {
        text.split(',')
            .try_fold(0, |set, part| Ok(set | self.part(part)?))
    }

    /// Reads a number, a range, or either with a step.
    fn part(&self, part: &str) -> Result<u64, Error> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(part, step)?)),
            None => (part, None),
        };
        let (low, high) = if range == "*" || range == "?" {
            (self.low, self.high)
        } else if let Some((low, high)) = range.split_once('-') {
            let (low, high) = (self.value(part, low)?, self.value(part, high)?);
            // A range to Sunday ends with the week.
            let high = if self.names_from == 0 && !self.names.is_empty() && high == 0 && low > 0 {
                7
            } else {
                high
            };
            if low > high {
                return Err(self.wrong(part, "runs backwards; write two ranges with a comma"));
            }
            (low, high)
        } else {
            let value = self.value(part, range)?;
            (value, if step.is_some() { self.high } else { value })
        };
        let values = (low..=high).step_by(usize::from(step.unwrap_or(1)));
        Ok(values.fold(0, |set, value| set | 1 << value))
    }

    fn step(&self, part: &str, step: &str) -> Result<u8, Error> {
        let steps = 1..=self.high - self.low + 1;
        step.parse()
            .ok()
            .filter(|value| !step.starts_with('+') && steps.contains(value))
            .ok_or_else(|| {
                self.wrong(
                    part,
                    "has a step that is no number or larger than the field",
                )
            })
    }

    fn value(&self, part: &str, text: &str) -> Result<u8, Error> {
        let named = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        if let Some(at) = named {
            return Ok(u8::try_from(at).unwrap_or(0) + self.names_from);
        }
        if text.is_empty() {
            return Err(self.wrong(part, "has nothing where a number should be"));
        }
        if text.ends_with(['W', 'w']) {
            return Err(self.wrong(part, "asks for the nearest weekday, which is not supported"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) || text.len() > 2 {
            return Err(self.wrong(part, "is neither a number nor a name that belongs there"));
        }
        text.parse()
            .ok()
            .filter(|value| (self.low..=self.high).contains(value))
            .ok_or_else(|| self.wrong(part, "is outside what the field may be"))
    }
}

/// The first member of a set that is not below `from`.
pub(super) fn at_or_after(set: u64, from: u32) -> Option<u32> {
    let rest = set.checked_shr(from)?;
    (rest != 0).then(|| from + rest.trailing_zeros())
}

/// Whether a field says nothing.
pub(super) fn is_any(text: &str) -> bool {
    text == "*" || text == "?"
}

/// Reads the days of the month; `L` is the last one.
pub(super) fn days(text: &str) -> Result<u64, Error> {
    text.split(',').try_fold(0, |set, part| {
        let is_last = part.eq_ignore_ascii_case("l");
        Ok(set
            | if is_last {
                LAST_DAY
            } else {
                Field::DAY.part(part)?
            })
    })
}

/// Days of the week: any, the nth of a month, or the last of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Weekdays {
    every: u64,
    /// By weekday from Sunday: bit n for the nth, and one for the last.
    within_month: [u8; 7],
}

impl Weekdays {
    /// Reads a list whose parts may be `5#3`, `5#L` or `5L` as well.
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let field = Field::WEEKDAY;
        let mut read = Self {
            every: 0,
            within_month: [0; 7],
        };
        for part in text.split(',') {
            let (day, bit) = if let Some((day, nth)) = part.split_once('#') {
                let bit = match nth {
                    "1" | "2" | "3" | "4" | "5" => 1 << (nth.as_bytes()[0] - b'0'),
                    "L" | "l" => LAST,
                    _ => return Err(field.wrong(part, "counts from 1 to 5, or has L for the last")),
                };
                (day, bit)
            } else if let Some(day) = part.strip_suffix(['L', 'l']).filter(|day| !day.is_empty()) {
                (day, LAST)
            } else {
                read.every |= field.part(part)?;
                continue;
            };
            let day = field.value(part, day)? % 7;
            if let Some(bits) = read.within_month.get_mut(usize::from(day)) {
                *bits |= bit;
            }
        }
        read.every |= read.every >> 7 & 1;
        Ok(read)
    }

    pub(super) fn names(&self, date: Date) -> bool {
        let day = date.weekday().to_sunday_zero_offset().unsigned_abs();
        let bits = self
            .within_month
            .get(usize::from(day))
            .copied()
            .unwrap_or(0);
        let nth = (date.day() - 1) / 7 + 1;
        let is_last = date.day() + 7 > date.days_in_month();
        self.every >> day & 1 == 1 || bits >> nth & 1 == 1 || is_last && bits & LAST != 0
    }
}
