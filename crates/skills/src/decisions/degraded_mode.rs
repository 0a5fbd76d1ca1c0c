//! When one member of the triad may go on alone, and with what.

use openclaw_types::Timestamp;

use super::Refused;

/// Checks of each other member that failed in a row.
pub const FAILED_CHECKS: u32 = 3;
/// The time that these checks span.
pub const SPAN_SECONDS: i64 = 600;
/// How long nobody must have verified anything.
pub const UNVERIFIED_SECONDS: i64 = 7_200;
/// How long after one post the next may follow.
pub const POST_SECONDS: i64 = 14_400;
/// How long the others have to ratify, once they are back.
pub const REVIEW_SECONDS: i64 = 86_400;

/// What is known of another member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Checks that failed in a row.
    pub failed_checks: u32,
    /// When the first of them was.
    pub since: Timestamp,
}

/// What a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It can't be undone, or breaks much.
    Critical,
    /// It is done every day.
    Routine,
    /// It would need a vote.
    ConsensusBound,
    /// It can't wait.
    Emergency,
}

/// What to do with it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Wait for the others.
    Defer,
    /// Do it.
    Proceed,
    /// Do it, so that it can be undone, and have it ratified.
    Provisional,
}

/// What becomes of a provisional decision once the others are back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is waited for.
    Pending,
    /// It stands.
    Ratified,
    /// It is undone.
    RolledBack,
}

/// Whether the mode may be entered.
///
/// # Errors
/// When the others are not two.
pub fn may_enter(
    is_healthy: bool,
    others: &[Silence],
    last_verified: Timestamp,
    now: Timestamp,
) -> Result<bool, Refused> {
    if others.len() != 2 {
        return Err(Refused::new("the other members", "are two"));
    }
    let is_gone = |silence: &Silence| {
        silence.failed_checks >= FAILED_CHECKS
            && now.since_ms(silence.since) >= SPAN_SECONDS * 1_000
    };
    let is_stale = now.since_ms(last_verified) >= UNVERIFIED_SECONDS * 1_000;
    Ok(is_healthy && is_stale && others.iter().all(is_gone))
}

/// What to do with a decision while the mode holds.
#[must_use]
pub const fn course(class: Class) -> Course {
    match class {
        Class::Critical => Course::Defer,
        Class::Routine | Class::Emergency => Course::Proceed,
        Class::ConsensusBound => Course::Provisional,
    }
}

/// What becomes of a provisional decision: two of three ratify it; silence keeps only what is routine.
#[must_use]
pub const fn settle(class: Class, approvals: u32, rejections: u32, waited_seconds: i64) -> Settled {
    if approvals >= 2 {
        return Settled::Ratified;
    }
    if rejections >= 2 {
        return Settled::RolledBack;
    }
    if waited_seconds < REVIEW_SECONDS {
        return Settled::Pending;
    }
    match class {
        Class::Routine => Settled::Ratified,
        Class::Critical | Class::ConsensusBound | Class::Emergency => Settled::RolledBack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_both_others_and_two_hours() {
        let now = Timestamp(100_000_000);
        let ago = |seconds: i64| Timestamp(now.0 - seconds * 1_000);
        let gone = Silence {
            failed_checks: 3,
            since: ago(600),
        };
        let enters = |healthy, others: [Silence; 2], verified| {
            may_enter(healthy, &others, ago(verified), now).unwrap()
        };
        assert!(enters(true, [gone, gone], 7_200));
        assert!(!enters(false, [gone, gone], 7_200));
        assert!(!enters(true, [gone, gone], 7_199));
        assert!(!enters(
            true,
            [
                gone,
                Silence {
                    failed_checks: 2,
                    ..gone
                }
            ],
            7_200
        ));
        assert!(!enters(
            true,
            [
                gone,
                Silence {
                    since: ago(599),
                    ..gone
                }
            ],
            7_200
        ));
        assert!(may_enter(true, &[gone], ago(9_999), now).is_err());
    }

    #[test]
    fn silence_undoes_what_is_not_routine() {
        assert_eq!(course(Class::ConsensusBound), Course::Provisional);
        assert_eq!(course(Class::Critical), Course::Defer);
        let settled = |class, waited| settle(class, 1, 1, waited);
        assert_eq!(settled(Class::ConsensusBound, 86_399), Settled::Pending);
        assert_eq!(settled(Class::ConsensusBound, 86_400), Settled::RolledBack);
        assert_eq!(settled(Class::Routine, 86_400), Settled::Ratified);
        assert_eq!(settle(Class::Emergency, 2, 0, 0), Settled::Ratified);
        assert_eq!(settle(Class::Routine, 0, 2, 0), Settled::RolledBack);
    }
}
