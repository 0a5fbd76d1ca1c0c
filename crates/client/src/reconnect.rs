//! Connecting again: how long to wait between attempts, and when to give up.

use std::time::Duration;

use openclaw_types::Env;
use tokio::time::{Instant, sleep};

use crate::{Client, Error, Events, Options};

/// How long to wait between attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

impl Backoff {
    /// The wait after the given failure, counted from 0: doubled each time, and shortened by up to half by
    /// `chance` so that many clients do not come back at once.
    #[must_use]
    pub fn wait(&self, failures: u32, chance: u8) -> Duration {
        let doubled = self.first.saturating_mul(1_u32 << failures.min(20));
        let wait = doubled.min(self.longest);
        wait - wait / 2 * u32::from(chance) / 255
    }
}

/// Connects, trying again after failures that may pass, for as long as `patience` lasts.
///
/// # Errors
/// The first failure that will not pass by waiting, or the last one before patience ran out.
pub async fn connect(
    options: &Options,
    backoff: Backoff,
    patience: Duration,
    env: &dyn Env,
) -> Result<(Client, Events), Error> {
    let began = Instant::now();
    let mut failures = 0;
    loop {
        let error = match Client::connect(options).await {
            Ok(connected) => return Ok(connected),
            Err(error) => error,
        };
        let [chance, ..] = env.random();
        let wait = backoff.wait(failures, chance);
        if !error.is_transient() || began.elapsed().saturating_add(wait) > patience {
            return Err(error);
        }
        failures += 1;
        sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_chance_only_shortens() {
        let backoff = Backoff {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(5),
        };
        let ms = |failures, chance| backoff.wait(failures, chance).as_millis();
        assert_eq!(
            [ms(0, 0), ms(1, 0), ms(2, 0), ms(6, 0), ms(500, 0)],
            [100, 200, 400, 5_000, 5_000]
        );
        assert_eq!([ms(0, 255), ms(6, 255)], [50, 2_500]);
    }
}
