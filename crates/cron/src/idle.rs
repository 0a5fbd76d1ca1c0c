//! What is done when nothing else is: a cycle that begins some time after the last activity.

use openclaw_types::Timestamp;

/// When idle work begins, and how often it is repeated while nothing happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleCycle {
    /// How long nothing must have happened.
    pub after_ms: i64,
    /// How long after one cycle the next begins, if still nothing happened.
    pub again_ms: i64,
}

impl IdleCycle {
    /// When the next cycle begins, should nothing happen until then.
    #[must_use]
    pub fn next(&self, last_activity: Timestamp, last_cycle: Option<Timestamp>) -> Timestamp {
        let idle = Timestamp(last_activity.0.saturating_add(self.after_ms));
        let again = last_cycle.map(|last| Timestamp(last.0.saturating_add(self.again_ms)));
        again.map_or(idle, |again| again.max(idle))
    }

    /// Whether a cycle begins now.
    ///
    /// A last cycle in the future is one of a clock that was wrong, and does not count.
    #[must_use]
    pub fn is_due(
        &self,
        last_activity: Timestamp,
        last_cycle: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        self.next(last_activity, last_cycle.filter(|last| *last <= now)) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CYCLE: IdleCycle = IdleCycle {
        after_ms: 300,
        again_ms: 1_000,
    };

    #[test]
    fn a_cycle_begins_after_the_idle_time_and_again_after_a_while() {
        let due = |activity, cycle: Option<i64>, now| {
            CYCLE.is_due(Timestamp(activity), cycle.map(Timestamp), Timestamp(now))
        };
        assert!(!due(0, None, 299));
        assert!(due(0, None, 300));
        assert!(!due(0, Some(300), 1_299));
        assert!(due(0, Some(300), 1_300));
        // Activity puts it off, however long the last cycle is over.
        assert!(!due(5_000, Some(300), 5_299));
        assert!(due(5_000, Some(300), 5_300));
        // The clock was ahead during the last cycle.
        assert!(due(0, Some(9_000_000), 300));
    }
}
