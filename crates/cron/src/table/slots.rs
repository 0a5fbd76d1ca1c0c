//! Which slots of one job were handed out, and which were skipped.

use openclaw_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    job::{ms, timestamp},
    limits::SKIPPED_MAX,
    schedule::Schedule,
};

/// The slots of one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Slots {
    /// Slots count from here on.
    #[serde(
        rename = "sinceMs",
        serialize_with = "ms",
        deserialize_with = "timestamp"
    )]
    since: Timestamp,
    /// The latest slot that was handed out.
    #[serde(rename = "lastMs")]
    last: Option<i64>,
    /// Ranges whose inner slots were not handed out, in order of time.
    #[serde(rename = "skippedMs")]
    skipped: Vec<(i64, i64)>,
    /// How many slots were skipped.
    missed: u64,
}

/// The slot that comes next, and the range it lies in, if that was skipped before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next {
    pub(super) slot: Timestamp,
    range: Option<usize>,
}

impl Slots {
    pub(super) const fn since(now: Timestamp) -> Self {
        Self {
            since: now,
            last: None,
            skipped: Vec::new(),
            missed: 0,
        }
    }

    /// Begins anew; what was missed stays counted.
    pub(super) fn begin(&mut self, now: Timestamp) {
        *self = Self {
            missed: self.missed,
            ..Self::since(now)
        };
    }

    pub(super) fn last(&self) -> Option<Timestamp> {
        self.last.map(Timestamp)
    }

    pub(super) const fn missed(&self) -> u64 {
        self.missed
    }

    /// The slot that comes next on a clock that shows `now`.
    pub(super) fn next(&self, schedule: &Schedule, now: Timestamp) -> Option<Next> {
        // The clock came back to a time whose slots were skipped.
        for (at, (from, to)) in self.skipped.iter().enumerate() {
            if now.0 >= *to {
                continue;
            }
            let next = schedule.next_after(Timestamp(*from));
            if let Some(slot) = next.filter(|slot| slot.0 < *to) {
                let range = Some(at);
                return Some(Next { slot, range });
            }
        }
        // A job made on a clock that was ahead begins on the one there is.
        let base = self.last().unwrap_or_else(|| self.since.min(now));
        let slot = schedule.next_after(base)?;
        Some(Next { slot, range: None })
    }

    /// Takes the latest slot that is due, and says how many were skipped for it.
    pub(super) fn take(&mut self, schedule: &Schedule, now: Timestamp) -> Option<(Timestamp, u32)> {
        let Next { slot: first, range } = self.next(schedule, now)?;
        if first > now {
            return None;
        }
        let (slot, missed) = schedule.latest(first, now);
        if let Some((from, _)) = range.and_then(|at| self.skipped.get_mut(at)) {
            // These were counted when they were skipped.
            *from = slot.0;
            return Some((slot, missed));
        }
        if missed > 0 {
            self.missed += u64::from(missed);
            let from = self.last.unwrap_or_else(|| self.since.0.min(first.0 - 1));
            self.skipped.push((from, slot.0));
            if self.skipped.len() > SKIPPED_MAX {
                self.skipped.remove(0);
            }
        }
        self.last = Some(slot.0);
        Some((slot, missed))
    }
}
