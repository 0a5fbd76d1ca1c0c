//! Counts restarts in a sliding window: how long to pause, and when to give up. No IO.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::Options;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Restart { pause: Duration },
    GiveUp,
}

#[derive(Debug)]
pub(super) struct Intensity {
    restarts_max: usize,
    window: Duration,
    pause_first: Duration,
    pause_max: Duration,
    recent: VecDeque<Instant>,
}

impl Intensity {
    pub(super) const fn new(options: &Options) -> Self {
        Self {
            restarts_max: options.restarts_max,
            window: options.window,
            pause_first: options.pause_first,
            pause_max: options.pause_max,
            recent: VecDeque::new(),
        }
    }

    /// Decides about a child that ended at `now`.
    pub(super) fn record(&mut self, now: Instant) -> Verdict {
        while self
            .recent
            .front()
            .is_some_and(|first| now.saturating_duration_since(*first) >= self.window)
        {
            self.recent.pop_front();
        }
        if self.recent.len() >= self.restarts_max {
            return Verdict::GiveUp;
        }
        let doublings = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        let factor = 2_u32.saturating_pow(doublings);
        let pause = self.pause_first.saturating_mul(factor).min(self.pause_max);
        self.recent.push_back(now);
        Verdict::Restart { pause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(at_seconds: &[u64]) -> Vec<Option<u64>> {
        let seconds = Duration::from_secs;
        let mut intensity = Intensity::new(&Options {
            restarts_max: 3,
            window: seconds(60),
            pause_first: seconds(1),
            pause_max: seconds(3),
            grace: Duration::ZERO,
        });
        let start = Instant::now();
        at_seconds
            .iter()
            .map(|at| match intensity.record(start + seconds(*at)) {
                Verdict::Restart { pause } => Some(pause.as_secs()),
                Verdict::GiveUp => None,
            })
            .collect()
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_one_restart_too_many_ends_it() {
        assert_eq!(verdicts(&[0, 1, 2, 3]), [Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn restarts_outside_the_window_are_forgotten() {
        assert_eq!(
            verdicts(&[0, 1, 2, 60, 61, 200]),
            [Some(1), Some(2), Some(3), Some(3), Some(3), Some(1)]
        );
        assert_eq!(verdicts(&[0, 1, 2, 59]), [Some(1), Some(2), Some(3), None]);
    }
}
