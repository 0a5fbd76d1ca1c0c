//! The deadlines of one call: which one is next, as bytes come in. No timer of its own.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    error::Phase,
    limits::{AFTER_DONE, AFTER_STOP},
    options::Deadlines,
};

/// What the call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    FirstByte,
    NextByte,
    /// The reason to stop has been said; usage and the end mark may follow.
    EndMark,
    /// The end mark has been seen; the body's end may follow.
    End,
}

/// The deadlines of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    deadlines: Deadlines,
    total: Instant,
    since: Instant,
    waiting: Waiting,
}

impl Clock {
    pub(crate) fn start(deadlines: Deadlines, now: Instant) -> Self {
        Self {
            deadlines,
            total: now + Duration::from_millis(deadlines.total_ms),
            since: now,
            waiting: Waiting::FirstByte,
        }
    }

    /// The deadline of the first byte, counted from the start.
    pub(crate) fn first_byte(&self) -> (Phase, Instant) {
        self.earlier(
            Phase::FirstByte,
            Duration::from_millis(self.deadlines.first_byte_ms),
        )
    }

    /// Bytes came.
    pub(crate) fn byte(&mut self, now: Instant) {
        if self.waiting == Waiting::FirstByte {
            self.waiting = Waiting::NextByte;
        }
        // What follows the stop is waited for once, however it drips.
        if self.waiting == Waiting::NextByte {
            self.since = now;
        }
    }

    /// Whether the whole call has taken too long, however busy it is.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.total
    }

    /// The model said why it stopped.
    pub(crate) fn stopped(&mut self, now: Instant) {
        if matches!(self.waiting, Waiting::FirstByte | Waiting::NextByte) {
            self.waiting = Waiting::EndMark;
            self.since = now;
        }
    }

    /// The end mark came.
    pub(crate) const fn done(&mut self, now: Instant) {
        self.waiting = Waiting::End;
        self.since = now;
    }

    /// Which deadline comes next, and when.
    pub(crate) fn next(&self) -> (Phase, Instant) {
        match self.waiting {
            Waiting::FirstByte => self.first_byte(),
            Waiting::NextByte => {
                self.earlier(Phase::Idle, Duration::from_millis(self.deadlines.idle_ms))
            }
            Waiting::EndMark => self.earlier(Phase::Idle, AFTER_STOP),
            Waiting::End => self.earlier(Phase::Idle, AFTER_DONE),
        }
    }

    fn earlier(&self, phase: Phase, after: Duration) -> (Phase, Instant) {
        let until = self.since + after;
        if self.total < until {
            (Phase::Total, self.total)
        } else {
            (phase, until)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_has_its_own_deadline_and_the_total_caps_them_all() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut clock = Clock::start(
            Deadlines {
                connect_ms: 1,
                first_byte_ms: 100,
                idle_ms: 10,
                total_ms: 130,
            },
            start,
        );
        assert_eq!(clock.next(), (Phase::FirstByte, at(100)));
        clock.byte(at(50));
        assert_eq!(clock.next(), (Phase::Idle, at(60)));
        clock.byte(at(59));
        assert_eq!(clock.next(), (Phase::Idle, at(69)));
        clock.byte(at(125));
        assert_eq!(clock.next(), (Phase::Total, at(130)));
        clock.done(at(100));
        assert_eq!(clock.next(), (Phase::Idle, at(100) + AFTER_DONE));
    }

    #[test]
    fn bytes_after_the_stop_do_not_prolong_the_wait_for_the_end() {
        let start = Instant::now();
        let deadlines = Deadlines {
            connect_ms: 1,
            first_byte_ms: 9_000,
            idle_ms: 9_000,
            total_ms: 90_000,
        };
        let mut clock = Clock::start(deadlines, start);
        clock.byte(start);
        clock.stopped(start);
        clock.byte(start + Duration::from_secs(1));
        clock.stopped(start + Duration::from_secs(1));
        assert_eq!(clock.next(), (Phase::Idle, start + AFTER_STOP));
    }
}
