//! What is remembered of one candidate: its rest, its minute, its speed, and how often it was asked again.

use std::time::Duration;

use openclaw_types::Timestamp;

use super::health::Resting;
use crate::{
    error::Kind,
    limits::{REPEATS_FLOOR, REPEATS_PER_CALLS},
};

/// The window of `rpm`, `tpm` and `allowed_fails`.
pub(super) const MINUTE_MS: i64 = 60_000;
/// After this long without an answer a speed says nothing any more, so that a slow one gets another chance.
const SPEED_MS: i64 = 300_000;
/// The part of a new measurement in the average, as one in so many.
const SPEED_WEIGHT: u64 = 4;

/// One candidate.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    pub(super) rest: Option<Resting>,
    pub(super) failed: Option<(Timestamp, Kind)>,
    pub(super) in_flight: u32,
    pub(super) minute: Minute,
    pub(super) first_byte: Speed,
    pub(super) per_token: Speed,
    pub(super) turns: Turns,
    pub(super) touched: Timestamp,
}

/// What happened in one minute of the clock.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Minute {
    number: i64,
    pub(super) requests: u32,
    pub(super) tokens: u64,
    pub(super) fails: u32,
}

impl Minute {
    /// This minute; whatever was in another is gone.
    pub(super) fn at(&mut self, now: Timestamp) -> &mut Self {
        if self.number != number(now) {
            *self = Self {
                number: number(now),
                ..Self::default()
            };
        }
        self
    }

    /// The same without changing anything.
    pub(super) fn seen(&self, now: Timestamp) -> Self {
        let mut minute = *self;
        *minute.at(now)
    }

    /// Puts what a call really used in place of what was expected of it, if it began in this minute.
    pub(super) const fn correct(&mut self, began: Timestamp, expected: u64, used: u64) {
        if self.number == number(began) {
            self.tokens = self.tokens.saturating_sub(expected).saturating_add(used);
        }
    }
}

const fn number(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(MINUTE_MS)
}

/// When the next minute begins.
pub(super) const fn next_minute(now: Timestamp) -> Timestamp {
    Timestamp((number(now) + 1).saturating_mul(MINUTE_MS))
}

/// A moving average of microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Speed {
    micros: u64,
    at: Option<Timestamp>,
}

impl Speed {
    pub(super) fn add(&mut self, took: Duration, now: Timestamp) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros = match self.known(now) {
            None => took,
            Some(micros) => {
                let kept = micros / SPEED_WEIGHT * (SPEED_WEIGHT - 1);
                kept.saturating_add(took / SPEED_WEIGHT)
            }
        };
        self.at = Some(now);
    }

    /// The average, if it is fresh enough to say something.
    pub(super) fn known(&self, now: Timestamp) -> Option<u64> {
        let at = self.at?;
        (now.since_ms(at) < SPEED_MS).then_some(self.micros)
    }
}

/// Length of one of the pieces that a minute is counted in.
const PIECE_MS: i64 = 10_000;
/// So many pieces, the begun one included, never reach further back than a minute.
const FIRSTS: usize = 6;
/// So many always do.
const PIECES: usize = FIRSTS + 1;

/// How often it was asked, and asked again in the same call, within the last minute.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Turns {
    piece: i64,
    // By age, the newest first.
    firsts: [u32; PIECES],
    repeats: [u32; PIECES],
}

impl Turns {
    pub(super) fn count(&mut self, is_repeat: bool, now: Timestamp) {
        self.shift(now);
        let counts = if is_repeat {
            &mut self.repeats
        } else {
            &mut self.firsts
        };
        counts[0] = counts[0].saturating_add(1);
    }

    /// Whether one more repeat keeps all repeats of any minute within their share of the calls.
    ///
    /// Repeats are counted over a little more than a minute and calls over a little less.
    pub(super) fn allows_repeat(&self, now: Timestamp) -> bool {
        let mut turns = *self;
        turns.shift(now);
        let sum = |counts: &[u32]| counts.iter().map(|&count| u64::from(count)).sum::<u64>();
        let share = sum(&turns.firsts[..FIRSTS]) / REPEATS_PER_CALLS;
        sum(&turns.repeats) < share + REPEATS_FLOOR
    }

    fn shift(&mut self, now: Timestamp) {
        let piece = now.as_millis().div_euclid(PIECE_MS);
        let passed = piece.saturating_sub(self.piece);
        // A clock that was set back a little stands still until it has caught up.
        if (-(PIECES as i64)..=0).contains(&passed) {
            return;
        }
        let passed = usize::try_from(passed).unwrap_or(PIECES).min(PIECES);
        for counts in [&mut self.firsts, &mut self.repeats] {
            counts.rotate_right(passed % PIECES);
            counts[..passed].fill(0);
        }
        self.piece = piece;
    }
}
