//! What a tick of the pulse does: rest, commit, push, or nothing.

use openclaw_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::Refused;

/// Where the pulse is kept.
pub const STATE_FILE: &str = "state/pulse.json";
/// Between two ticks.
pub const TICK_SECONDS: i64 = 300;
/// Between two commits.
pub const COMMIT_SECONDS: i64 = 1_800;
/// Between two pushes.
pub const PUSH_SECONDS: i64 = 3_600;
/// Without activity for so long an agent is idle.
pub const IDLE_SECONDS: i64 = 600;

/// What is kept between ticks, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pulse {
    /// The last tick.
    pub last_tick_ms: Option<i64>,
    /// The last commit.
    pub last_commit_ms: Option<i64>,
    /// The last push.
    pub last_push_ms: Option<i64>,
    /// How many ticks there were.
    pub ticks: u64,
}

/// What a tick sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// When something last happened.
    pub last_activity: Timestamp,
    /// Whether the workspace differs from its last commit.
    pub is_changed: bool,
    /// Commits that were not pushed.
    pub unpushed: u32,
    /// Whether a person set a remote up.
    pub has_remote: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beat {
    /// Whether nothing is going on, so that idle work may begin.
    pub is_idle: bool,
    /// Whether to commit the workspace.
    pub commits: bool,
    /// Whether to push it.
    pub pushes: bool,
}

impl Pulse {
    /// Decides, and remembers what it decided; nothing when it is not time yet. A tick that comes late counts once.
    ///
    /// # Errors
    /// When the last activity is in the future: then idleness can't be told.
    pub fn tick(&mut self, seen: Seen, now: Timestamp) -> Result<Option<Beat>, Refused> {
        if seen.last_activity > now {
            return Err(Refused::new("the last activity", "is in the future"));
        }
        if !is_over(self.last_tick_ms, TICK_SECONDS, now) {
            return Ok(None);
        }
        self.last_tick_ms = Some(now.0);
        self.ticks += 1;
        let commits = seen.is_changed && is_over(self.last_commit_ms, COMMIT_SECONDS, now);
        if commits {
            self.last_commit_ms = Some(now.0);
        }
        let has_commits = seen.unpushed > 0 || commits;
        let pushes =
            seen.has_remote && has_commits && is_over(self.last_push_ms, PUSH_SECONDS, now);
        if pushes {
            self.last_push_ms = Some(now.0);
        }
        Ok(Some(Beat {
            is_idle: now.since_ms(seen.last_activity) >= IDLE_SECONDS * 1_000,
            commits,
            pushes,
        }))
    }
}

/// Whether a time is so long ago; one in the future is of a clock that was wrong.
fn is_over(last: Option<i64>, seconds: i64, now: Timestamp) -> bool {
    last.is_none_or(|last| last > now.0 || now.0 - last >= seconds * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Seen = Seen {
        last_activity: Timestamp(0),
        is_changed: false,
        unpushed: 0,
        has_remote: false,
    };

    #[test]
    fn a_day_of_ticks_commits_and_pushes_as_often_as_it_may() {
        let mut pulse = Pulse::default();
        let mut counts = (0, 0, 0, 0);
        let seen = Seen {
            is_changed: true,
            has_remote: true,
            ..QUIET
        };
        for second in (1..=86_400).step_by(10) {
            let Some(beat) = pulse.tick(seen, Timestamp(second * 1_000)).unwrap() else {
                continue;
            };
            counts.0 += 1;
            counts.1 += u32::from(beat.is_idle);
            counts.2 += u32::from(beat.commits);
            counts.3 += u32::from(beat.pushes);
        }
        assert_eq!(counts, (288, 286, 48, 24));
        assert_eq!(pulse.ticks, 288);
    }

    #[test]
    fn nothing_is_committed_or_pushed_without_a_reason() {
        let hour = Timestamp(3_600_000);
        for (seen, commits, pushes) in [
            (QUIET, false, false),
            (
                Seen {
                    is_changed: true,
                    ..QUIET
                },
                true,
                false,
            ),
            (
                Seen {
                    unpushed: 1,
                    ..QUIET
                },
                false,
                false,
            ),
            (
                Seen {
                    unpushed: 1,
                    has_remote: true,
                    ..QUIET
                },
                false,
                true,
            ),
        ] {
            let beat = Pulse::default().tick(seen, hour).unwrap().unwrap();
            assert_eq!((beat.commits, beat.pushes), (commits, pushes), "{seen:?}");
        }
    }

    #[test]
    fn a_late_tick_counts_once_and_a_clock_set_back_does_not_stop_it() {
        let mut pulse = Pulse::default();
        let mut is_tick = |seconds: i64| {
            pulse
                .tick(QUIET, Timestamp(seconds * 1_000))
                .unwrap()
                .is_some()
        };
        assert!(is_tick(1_000));
        assert!(!is_tick(1_299));
        assert!(is_tick(9_000));
        assert!(!is_tick(9_001));
        assert!(is_tick(500));
        let future = Seen {
            last_activity: Timestamp(10),
            ..QUIET
        };
        assert!(pulse.tick(future, Timestamp(9)).is_err());
    }
}
