//! Limits on requests and tokens: pure counters that are told the time.
//!
//! Minutes are windows of sixty seconds that begin with the first request in them, as LiteLLM counts them. Every
//! check comes before any counting, so that a request that one limit refuses costs nothing at another.

use openclaw_types::Timestamp;

use crate::{allowance::Allowance, ask::Gauge, denied::LimitKind};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// What is advised when requests at the same time are too many: they end when they end.
const PARALLEL_RETRY_MS: u64 = 1_000;

/// The limits of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    rpm: Option<u64>,
    tpm: Option<u64>,
    parallel: Option<u64>,
    burst: Option<u64>,
    tokens_per_day: Option<u64>,
}

impl From<&Allowance> for Limits {
    fn from(allowance: &Allowance) -> Self {
        Self {
            rpm: allowance.rpm,
            tpm: allowance.tpm,
            parallel: allowance.max_parallel,
            burst: allowance.burst,
            tokens_per_day: allowance.tokens_per_day,
        }
    }
}

/// A limit that a request would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excess {
    /// What there is too much of.
    pub kind: LimitKind,
    /// The limit.
    pub limit: u64,
    /// What is left of it.
    pub remaining: u64,
    /// When it is whole again.
    pub resets_at: Option<Timestamp>,
    /// How long to wait, in milliseconds.
    pub retry_after_ms: u64,
}

/// A count that starts anew when its time is over.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    start: i64,
    used: u64,
}

impl Window {
    /// Starts a minute anew when it is over. A clock that was set back stretches it by a minute at most.
    fn turn(&mut self, now: i64) {
        if self.used == 0 || now.saturating_sub(self.start) >= MINUTE_MS {
            *self = Self {
                start: now,
                used: 0,
            };
        }
        self.start = self.start.min(now);
    }

    /// The same for calendar days; a clock that was set back keeps the count.
    fn turn_day(&mut self, now: i64) {
        let start = now.div_euclid(DAY_MS).saturating_mul(DAY_MS);
        if start > self.start {
            *self = Self { start, used: 0 };
        }
        self.start = start;
    }

    /// Puts a real count in the place of a reserved one, if the window is the one it was reserved in.
    fn correct(&mut self, reserved: u64, real: u64, at: i64, length: i64) {
        let is_same = at >= self.start && at.saturating_sub(self.start) < length;
        if is_same {
            self.used = self.used.saturating_sub(reserved).saturating_add(real);
        }
    }
}

/// The counters of one scope.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    requests: Window,
    tokens: Window,
    day: Window,
    parallel: u64,
    /// When the bucket is full again, in microseconds: the virtual scheduling form of a token bucket.
    full_at_us: i64,
}

impl Meter {
    /// Whether one more request with so many tokens fits.
    ///
    /// # Errors
    /// The first limit that it would break.
    pub fn check(&mut self, limits: &Limits, tokens: u64, now: Timestamp) -> Result<(), Excess> {
        let now = now.as_millis();
        self.requests.turn(now);
        self.tokens.turn(now);
        self.day.turn_day(now);
        if let Some((limit, each)) = pace(limits) {
            // What lies further ahead than an empty bucket takes was left by a clock that has been set back since.
            let latest = now
                .saturating_mul(1_000)
                .saturating_add(span_us(limit, each));
            self.full_at_us = self.full_at_us.min(latest);
        }
        let minute = |window: Window| window.start.saturating_add(MINUTE_MS);
        let windows = [
            (
                LimitKind::Requests,
                limits.rpm,
                self.requests.used,
                1,
                minute(self.requests),
            ),
            (
                LimitKind::Tokens,
                limits.tpm,
                self.tokens.used,
                tokens.max(1),
                minute(self.tokens),
            ),
            (
                LimitKind::TokensPerDay,
                limits.tokens_per_day,
                self.day.used,
                tokens.max(1),
                self.day.start.saturating_add(DAY_MS),
            ),
        ];
        for (kind, limit, used, more, end) in windows {
            let Some(limit) = limit else { continue };
            if used.saturating_add(more) > limit {
                return Err(Excess {
                    kind,
                    limit,
                    remaining: limit.saturating_sub(used),
                    resets_at: Some(Timestamp(end)),
                    retry_after_ms: u64::try_from(end.saturating_sub(now)).unwrap_or(0),
                });
            }
        }
        self.check_parallel(limits)?;
        self.check_burst(limits, now)
    }

    fn check_parallel(&self, limits: &Limits) -> Result<(), Excess> {
        match limits.parallel {
            Some(limit) if self.parallel >= limit => Err(Excess {
                kind: LimitKind::Parallel,
                limit,
                remaining: 0,
                resets_at: None,
                retry_after_ms: PARALLEL_RETRY_MS,
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn check_burst(&self, limits: &Limits, now: i64) -> Result<(), Excess> {
        let Some((limit, each)) = pace(limits) else {
            return Ok(());
        };
        let (now_us, most) = (now.saturating_mul(1_000), span_us(limit, each));
        let wait = self.after_one(now_us, each) - now_us - most;
        if wait <= 0 {
            return Ok(());
        }
        let wait_ms = u64::try_from(wait).unwrap_or(0).div_ceil(1_000);
        let wait_back = i64::try_from(wait_ms).unwrap_or(i64::MAX);
        Err(Excess {
            kind: LimitKind::Burst,
            limit,
            remaining: 0,
            resets_at: Some(Timestamp(now.saturating_add(wait_back))),
            retry_after_ms: wait_ms,
        })
    }

    /// When the bucket would be full again after one more request.
    fn after_one(&self, now_us: i64, each: i64) -> i64 {
        self.full_at_us.max(now_us).saturating_add(each)
    }

    /// Counts a request that was checked.
    pub fn take(&mut self, limits: &Limits, tokens: u64, now: Timestamp) {
        self.requests.used = self.requests.used.saturating_add(1);
        self.tokens.used = self.tokens.used.saturating_add(tokens);
        self.day.used = self.day.used.saturating_add(tokens);
        self.parallel = self.parallel.saturating_add(1);
        if let Some((_, each)) = pace(limits) {
            let now_us = now.as_millis().saturating_mul(1_000);
            self.full_at_us = self.after_one(now_us, each);
        }
    }

    /// Puts the tokens that a request used in the place of those reserved for it when it was admitted.
    pub fn correct(&mut self, reserved: u64, used: u64, admitted: Timestamp) {
        let at = admitted.as_millis();
        self.tokens.correct(reserved, used, at, MINUTE_MS);
        self.day.correct(reserved, used, at, DAY_MS);
    }

    /// A request has ended.
    pub fn end(&mut self) {
        self.parallel = self.parallel.saturating_sub(1);
    }

    /// Takes a request back that never happened.
    pub fn undo(&mut self, tokens: u64, admitted: Timestamp) {
        let at = admitted.as_millis();
        self.requests.correct(1, 0, at, MINUTE_MS);
        self.correct(tokens, 0, admitted);
        self.end();
    }

    /// Counts tokens of a day before the program started.
    pub fn restore_day(&mut self, tokens: u64, now: Timestamp) {
        self.day.turn_day(now.as_millis());
        self.day.used = self.day.used.saturating_add(tokens);
    }

    /// What is left of the minute's requests and tokens of a holder.
    #[must_use]
    pub fn gauges(&self, limits: &Limits, holder: &'static str) -> (Option<Gauge>, Option<Gauge>) {
        let gauge = |limit: Option<u64>, window: Window| {
            limit.map(|limit| Gauge {
                limit,
                remaining: limit.saturating_sub(window.used),
                resets_at: Timestamp(window.start.saturating_add(MINUTE_MS)),
                holder,
            })
        };
        (
            gauge(limits.rpm, self.requests),
            gauge(limits.tpm, self.tokens),
        )
    }
}

/// How many requests at once, and the microseconds in which the bucket gains one.
fn pace(limits: &Limits) -> Option<(u64, i64)> {
    let burst = limits.burst?;
    let (requests, in_us) = match limits.rpm {
        Some(rpm) => (rpm, 60_000_000),
        None => (burst, 1_000_000),
    };
    let each = in_us / i64::try_from(requests.max(1)).unwrap_or(i64::MAX);
    Some((burst, each.max(1)))
}

fn span_us(limit: u64, each: i64) -> i64 {
    i64::try_from(limit)
        .unwrap_or(i64::MAX)
        .saturating_mul(each)
        .min(DAY_MS * 1_000)
}

#[cfg(test)]
mod tests;
