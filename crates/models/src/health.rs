//! Which candidates rest after a failure, and until when. Pure.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use openclaw_types::Timestamp;

use crate::{
    error::{Kind, Phase},
    limits::{COOLDOWNS_MAX, RETRY_AFTER_MAX},
    router::Target,
};

/// What rests: a model at a provider under one key. Another key has limits of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// Which model.
    pub target: Target,
    /// The key's fingerprint; empty without a key.
    pub key: Arc<str>,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the next candidate is tried.
    pub moves_on: bool,
    /// Whether the candidate rests.
    pub rest: Rest,
}

/// How a candidate rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Not at all.
    None,
    /// It is tried after all others.
    Last(Duration),
    /// It is not tried: it asked for that.
    Away(Duration),
}

/// The failover table.
#[must_use]
pub fn verdict(kind: Kind) -> Verdict {
    const SHORT: Duration = Duration::from_secs(5);
    const MEDIUM: Duration = Duration::from_secs(10);
    const LONG: Duration = Duration::from_secs(60);
    let (moves_on, rest) = match kind {
        Kind::Overloaded | Kind::Transport => (true, Rest::Last(SHORT)),
        Kind::RateLimited { retry_after: None } => (true, Rest::Last(MEDIUM)),
        Kind::RateLimited {
            retry_after: Some(asked),
        } => (true, Rest::Away(asked.min(RETRY_AFTER_MAX))),
        // Only a person can mend these, so there is no hurry to ask again.
        Kind::Auth | Kind::NotFound => (true, Rest::Last(LONG)),
        Kind::Timeout(Phase::Connect | Phase::FirstByte | Phase::Idle) | Kind::Malformed => {
            (true, Rest::Last(MEDIUM))
        }
        // Another model may have a larger window, and this one is fine.
        Kind::ContextOverflow | Kind::NoModel => (true, Rest::None),
        // The request is at fault, the time is up, or nobody wants an answer any more.
        Kind::BadRequest | Kind::Refused | Kind::Timeout(Phase::Total) | Kind::Cancelled => {
            (false, Rest::None)
        }
    };
    Verdict { moves_on, rest }
}

/// A candidate that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub kind: Kind,
    is_away: bool,
}

/// Everything that rests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    resting: BTreeMap<Spot, Resting>,
}

/// What is left of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Try these, in this order; never empty.
    Try(Vec<Spot>),
    /// All asked to be left alone for at least so long.
    Wait(Duration),
}

impl Health {
    /// Remembers a failure.
    pub fn failed(&mut self, spot: &Spot, kind: Kind, now: Timestamp) {
        let (rest, is_away) = match verdict(kind).rest {
            Rest::None => return,
            Rest::Last(rest) => (rest, false),
            Rest::Away(rest) => (rest, true),
        };
        self.resting.retain(|_, resting| is_resting(resting, now));
        if self.resting.len() >= COOLDOWNS_MAX && !self.resting.contains_key(spot) {
            let first = self.resting.iter().min_by_key(|(_, resting)| resting.until);
            if let Some(first) = first.map(|(spot, _)| spot.clone()) {
                self.resting.remove(&first);
            }
        }
        let ms = i64::try_from(rest.as_millis()).unwrap_or(i64::MAX);
        let resting = Resting {
            until: Timestamp(now.as_millis().saturating_add(ms)),
            kind,
            is_away,
        };
        self.resting.insert(spot.clone(), resting);
    }

    /// Remembers an answer.
    pub fn answered(&mut self, spot: &Spot) {
        if !self.resting.is_empty() {
            self.resting.remove(spot);
        }
    }

    /// Orders a plan: what is well first, what failed lately last, what asked to be left alone not at all.
    #[must_use]
    pub fn order(&self, plan: Vec<Spot>, now: Timestamp) -> Order {
        if self.resting.is_empty() {
            return Order::Try(plan);
        }
        let mut well = Vec::with_capacity(plan.len());
        let mut last = Vec::new();
        let mut soonest: Option<i64> = None;
        for spot in plan {
            match self.resting.get(&spot).filter(|rest| is_resting(rest, now)) {
                None => well.push(spot),
                Some(resting) if resting.is_away => {
                    let ms = resting.until.since_ms(now);
                    soonest = Some(soonest.map_or(ms, |soonest| soonest.min(ms)));
                }
                Some(resting) => last.push((resting.until, spot)),
            }
        }
        // What recovers first is the likeliest to be well again.
        last.sort_by_key(|(until, _)| *until);
        well.extend(last.into_iter().map(|(_, spot)| spot));
        if well.is_empty() {
            let ms = u64::try_from(soonest.unwrap_or(0)).unwrap_or(0);
            return Order::Wait(Duration::from_millis(ms));
        }
        Order::Try(well)
    }

    /// What rests now.
    pub fn resting(&self, now: Timestamp) -> impl Iterator<Item = (&Spot, &Resting)> {
        self.resting
            .iter()
            .filter(move |(_, resting)| is_resting(resting, now))
    }
}

/// A rest longer than any we give means that the clock was set back.
const fn is_resting(resting: &Resting, now: Timestamp) -> bool {
    let left = resting.until.since_ms(now);
    left > 0 && left as u128 <= RETRY_AFTER_MAX.as_millis()
}

#[cfg(test)]
mod tests;
