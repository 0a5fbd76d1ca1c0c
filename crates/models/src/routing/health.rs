//! Which candidates rest and until when, how busy and how fast they are: what routing has seen, bounded in memory.

use std::{collections::BTreeMap, time::Duration};

use openclaw_types::Timestamp;

use super::{
    Candidate, Deployment, Needs, Rest, Spot, Strategy,
    record::{MINUTE_MS, Record, next_minute},
    verdict,
};
use crate::{
    error::Kind,
    limits::{HEALTH_RECORDS_MAX, RETRY_AFTER_MAX},
};

/// A candidate that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub kind: Kind,
    /// Whether it asked for that, so that it is not even tried last.
    pub is_away: bool,
}

/// How a candidate is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing is against it.
    Well,
    /// It failed lately, and is tried after all others.
    Last(Timestamp),
    /// It asked to be left alone until then, or its minute is used up.
    Away(Timestamp),
}

/// How a call that had begun to answer went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ended {
    /// From sending the request to the first byte of the answer, where it came.
    pub first_byte: Option<Duration>,
    /// From sending the request to the end.
    pub whole: Option<Duration>,
    /// Tokens of the answer, where known.
    pub output_tokens: Option<u64>,
    /// All tokens of the call, where known.
    pub tokens: Option<u64>,
}

/// Everything that was seen of candidates.
///
/// Each [`Candidate`] that a plan hands out ends exactly once: with [`super::Plan::failed`], [`Health::ended`] or
/// [`Health::broke`].
#[derive(Debug, Clone, Default)]
pub struct Health {
    records: BTreeMap<Spot, Record>,
}

impl Health {
    /// How a candidate is for a call of so many tokens.
    #[must_use]
    pub fn state(&self, deployment: &Deployment, tokens: u64, now: Timestamp) -> State {
        let Some(record) = self.records.get(&deployment.spot) else {
            return State::Well;
        };
        let minute = record.minute.seen(now);
        let is_full = deployment.rpm.is_some_and(|rpm| minute.requests >= rpm)
            // A call that no minute has room for is sent when nothing else was: its size is only an estimate.
            || deployment.tpm.is_some_and(|tpm| {
                minute.tokens > 0 && minute.tokens.saturating_add(tokens) > u64::from(tpm)
            });
        let rest = record.rest.filter(|rest| is_resting(rest, now));
        match rest {
            Some(rest) if rest.is_away => State::Away(rest.until),
            _ if is_full => State::Away(next_minute(now)),
            Some(rest) => State::Last(rest.until),
            None => State::Well,
        }
    }

    /// The candidate has begun to answer: it rests no more.
    pub fn answered(&mut self, candidate: &Candidate) {
        if let Some(record) = self.records.get_mut(&candidate.deployment.spot) {
            record.rest = None;
            record.minute.fails = 0;
        }
    }

    /// The call is over: the answer came to its end, or nobody wants it any more.
    pub fn ended(&mut self, candidate: &Candidate, ended: &Ended, now: Timestamp) {
        let Some(record) = self.records.get_mut(&candidate.deployment.spot) else {
            return;
        };
        record.in_flight = record.in_flight.saturating_sub(1);
        if let Some(used) = ended.tokens {
            let expected = candidate.tokens;
            record.minute.correct(candidate.began, expected, used);
        }
        if let Some(first_byte) = ended.first_byte {
            record.first_byte.add(first_byte, now);
        }
        if let (Some(whole), Some(tokens)) = (ended.whole, ended.output_tokens) {
            let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
            record.per_token.add(whole / tokens.max(1), now);
        }
    }

    /// The answer broke off after it had begun.
    pub fn broke(&mut self, candidate: &Candidate, kind: Kind, now: Timestamp) {
        self.ended(candidate, &Ended::default(), now);
        self.failed(&candidate.deployment, kind, now);
    }

    /// What rests now.
    pub fn resting(&self, now: Timestamp) -> impl Iterator<Item = (&Spot, &Resting)> {
        let records = self.records.iter();
        records.filter_map(move |(spot, record)| {
            let rest = record.rest.as_ref().filter(|rest| is_resting(rest, now))?;
            Some((spot, rest))
        })
    }

    /// Calls to it that have not ended.
    #[must_use]
    pub fn in_flight(&self, spot: &Spot) -> u32 {
        self.records.get(spot).map_or(0, |record| record.in_flight)
    }

    /// Requests and tokens of this minute.
    #[must_use]
    pub fn used(&self, spot: &Spot, now: Timestamp) -> (u32, u64) {
        let minute = self.records.get(spot).map(|record| record.minute.seen(now));
        minute.map_or((0, 0), |minute| (minute.requests, minute.tokens))
    }

    /// How long the first byte of an answer takes of late, where that was seen.
    #[must_use]
    pub fn first_byte(&self, spot: &Spot, now: Timestamp) -> Option<Duration> {
        let record = self.records.get(spot)?;
        record.first_byte.known(now).map(Duration::from_micros)
    }

    /// When a call to it failed last and why; what was wrong with the request alone is no failure of it.
    #[must_use]
    pub fn last_failure(&self, spot: &Spot) -> Option<(Timestamp, Kind)> {
        self.records.get(spot)?.failed
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// A call goes out.
    pub(super) fn began(&mut self, candidate: &Candidate, is_repeat: bool) {
        let now = candidate.began;
        let record = self.record(&candidate.deployment.spot, now);
        record.in_flight = record.in_flight.saturating_add(1);
        let minute = record.minute.at(now);
        minute.requests = minute.requests.saturating_add(1);
        minute.tokens = minute.tokens.saturating_add(candidate.tokens);
        record.turns.count(is_repeat, now);
    }

    /// Remembers a failure.
    pub(super) fn failed(&mut self, deployment: &Deployment, kind: Kind, now: Timestamp) {
        let rules = &deployment.rules;
        let (rest, is_away) = match verdict(kind).rest {
            Rest::None => return,
            Rest::Last(rest) => (rules.cooldown.unwrap_or(rest), false),
            Rest::Away(rest) => (rest, true),
        };
        let record = self.record(&deployment.spot, now);
        record.failed = Some((now, kind));
        let minute = record.minute.at(now);
        minute.fails = minute.fails.saturating_add(1);
        let is_borne = rules.is_off || minute.fails <= rules.allowed(kind) || rest.is_zero();
        if is_borne && !is_away {
            return;
        }
        let ms = i64::try_from(rest.min(RETRY_AFTER_MAX).as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp(now.as_millis().saturating_add(ms));
        // A shorter rest of the weaker kind doesn't take the place of one that was asked for.
        let keeps = |rest: &Resting| rest.is_away && !is_away && is_resting(rest, now);
        if !record.rest.as_ref().is_some_and(keeps) {
            record.rest = Some(Resting {
                until,
                kind,
                is_away,
            });
        }
    }

    /// Whether a repeat is within what its calls of the last minute allow.
    pub(super) fn allows_repeat(&self, spot: &Spot, now: Timestamp) -> bool {
        let record = self.records.get(spot);
        record.is_none_or(|record| record.turns.allows_repeat(now))
    }

    /// What a strategy goes by, less is better; `None` where chance alone decides.
    pub(super) fn load(
        &self,
        spot: &Spot,
        strategy: Strategy,
        needs: Needs,
        now: Timestamp,
    ) -> Option<u64> {
        let record = self.records.get(spot);
        let load = match strategy {
            Strategy::SimpleShuffle => return None,
            Strategy::LeastBusy => record.map(|record| u64::from(record.in_flight)),
            Strategy::UsageBased => record.map(|record| record.minute.seen(now).tokens),
            Strategy::LatencyBased => record.map(|record| {
                let speed = if needs.streaming {
                    &record.first_byte
                } else {
                    &record.per_token
                };
                // One call finds out how fast it is; the others don't wait in line behind it.
                let unknown = if record.in_flight > 0 { u64::MAX } else { 0 };
                speed.known(now).unwrap_or(unknown)
            }),
        };
        Some(load.unwrap_or(0))
    }

    /// The record of a candidate; when there are too many, one that says little is forgotten.
    fn record(&mut self, spot: &Spot, now: Timestamp) -> &mut Record {
        if self.records.len() >= HEALTH_RECORDS_MAX && !self.records.contains_key(spot) {
            let value = |record: &Record| {
                let rests = record
                    .rest
                    .as_ref()
                    .is_some_and(|rest| is_resting(rest, now));
                let is_counted = now.since_ms(record.touched) < MINUTE_MS;
                (rests, record.in_flight > 0, is_counted, record.touched)
            };
            let least = self.records.iter().min_by_key(|(_, record)| value(record));
            if let Some(least) = least.map(|(spot, _)| spot.clone()) {
                self.records.remove(&least);
            }
        }
        let record = self.records.entry(spot.clone()).or_default();
        record.touched = now;
        record
    }
}

/// A rest longer than any we give means that the clock was set back.
const fn is_resting(resting: &Resting, now: Timestamp) -> bool {
    let left = resting.until.since_ms(now);
    left > 0 && left as u128 <= RETRY_AFTER_MAX.as_millis()
}
