//! What findings are worth: a priority for each, and which are told or proposed.

use std::collections::BTreeMap;

use openclaw_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Refused, share};

/// Where it is kept what was told when.
pub const STATE_FILE: &str = "state/curiosity.json";
/// From here on a finding is critical.
pub const CRITICAL: f64 = 8.0;
/// From here on it is of high priority.
pub const HIGH: f64 = 6.0;
/// From here on it is of medium priority.
pub const MEDIUM: f64 = 4.0;
/// From here on it is proposed.
pub const PROPOSE_MIN: f64 = 10.0;
/// The same finding is not told again for so long.
pub const DEDUPE_SECONDS: i64 = 86_400;
/// The same key does not trigger a deliberation again for so long.
pub const SUPPRESS_SECONDS: i64 = 14_400;
/// Findings that are remembered; the oldest are forgotten first.
pub const TOLD_MAX: usize = 1_000;
/// How many times its average an error must occur in a day to stand out, and how often at least.
const ANOMALY: (f64, u32) = (2.0, 3);

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Safety of systems.
    Security,
    /// Getting better.
    SelfImprovement,
    /// The triad and its being in step.
    Triad,
    /// Knowing more.
    Knowledge,
    /// What would be nice.
    Optional,
}

/// How urgent a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Kept.
    Low,
    /// Kept.
    Medium,
    /// Told.
    High,
    /// Told.
    Critical,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What makes it the same finding again.
    pub key: String,
    /// What it is about.
    pub kind: Kind,
    /// Whether it blocks something, or is critical by itself.
    pub is_blocking: bool,
}

/// A finding that is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Which.
    pub key: String,
    /// What it is worth.
    pub priority: f64,
    /// How urgent that is.
    pub level: Level,
    /// Whether it is proposed to the triad as well.
    pub is_proposed: bool,
}

/// What is kept between runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// When each finding was last told, in milliseconds.
    pub told: BTreeMap<String, i64>,
}

/// What a finding is worth.
#[must_use]
pub fn priority(kind: Kind, is_blocking: bool) -> f64 {
    let (base, factor) = match kind {
        Kind::Security => (10.0, 2.0),
        Kind::SelfImprovement => (8.0, 1.5),
        Kind::Triad => (6.0, 1.3),
        Kind::Knowledge => (4.0, 1.0),
        Kind::Optional => (2.0, 0.5),
    };
    base * factor * if is_blocking { 2.0 } else { 1.0 }
}

/// How urgent a priority is.
#[must_use]
pub fn level(priority: f64) -> Level {
    match priority {
        CRITICAL.. => Level::Critical,
        HIGH.. => Level::High,
        MEDIUM.. => Level::Medium,
        _ => Level::Low,
    }
}

/// Which findings are told now; the most important first.
///
/// # Errors
/// When a finding has no key.
pub fn decide(
    state: &mut State,
    findings: &[Finding],
    now: Timestamp,
) -> Result<Vec<Told>, Refused> {
    if findings.iter().any(|finding| finding.key.trim().is_empty()) {
        return Err(Refused::new("the key of a finding", "is empty"));
    }
    let mut told = Vec::new();
    for finding in findings {
        let priority = priority(finding.kind, finding.is_blocking);
        let level = level(priority);
        if level < Level::High || is_recent(state.told.get(&finding.key), now, DEDUPE_SECONDS) {
            continue;
        }
        state.told.insert(finding.key.clone(), now.as_millis());
        told.push(Told {
            key: finding.key.clone(),
            priority,
            level,
            is_proposed: priority >= PROPOSE_MIN,
        });
    }
    while state.told.len() > TOLD_MAX {
        let oldest = state
            .told
            .iter()
            .min_by_key(|(_, at)| **at)
            .map(|(key, _)| key.clone());
        oldest.map(|key| state.told.remove(&key));
    }
    told.sort_by(|a, b| b.priority.total_cmp(&a.priority));
    Ok(told)
}

/// Whether something was told within some seconds; a time in the future is one of a clock that was wrong.
fn is_recent(last: Option<&i64>, now: Timestamp, seconds: i64) -> bool {
    last.is_some_and(|last| {
        *last <= now.as_millis() && now.since_ms(Timestamp(*last)) < seconds * 1_000
    })
}

/// Whether an error of a class stands out from the seven days before.
#[must_use]
pub fn is_anomaly(today: u32, week: [u32; 7]) -> bool {
    let average = f64::from(week.iter().sum::<u32>()) / 7.0;
    let (factor, least) = ANOMALY;
    today >= least && f64::from(today) > factor * average
}

/// How far the collective goes on its own: more is more.
///
/// # Errors
/// When there are no skills, or more installed than there are.
pub fn autonomy_score(
    installed: u32,
    available: u32,
    proposals_week: u32,
    anomalies_week: u32,
) -> Result<f64, Refused> {
    if available == 0 || installed > available {
        return Err(Refused::new(
            "the number of installed skills",
            "is between 0 and that of all, which is not 0",
        ));
    }
    let skills = 100.0 * f64::from(installed) / f64::from(available);
    Ok(skills + 10.0 * f64::from(proposals_week) - 5.0 * f64::from(anomalies_week))
}

/// Something that may call for a deliberation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trigger {
    /// A skill is missing, of this relevance.
    SkillGap(f64),
    /// So many anomalies in two hours.
    Anomalies(u32),
    /// Something in use is vulnerable.
    Advisory,
    /// Something in use has a new release.
    Release,
    /// There has been no quorum for so many seconds.
    QuorumLost(i64),
    /// Settings have differed for so many seconds.
    Drift(i64),
    /// Messages go round in circles.
    Loop,
}

/// Whether it calls for one, and how urgently; `last` is when its key last did.
///
/// # Errors
/// When a relevance is not from 0 to 1.
pub fn triggers(
    trigger: Trigger,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Level>, Refused> {
    let level = match trigger {
        Trigger::SkillGap(relevance) => {
            (share("the relevance", relevance)? > 0.7).then_some(Level::Medium)
        }
        Trigger::Anomalies(6..) => Some(Level::High),
        Trigger::Anomalies(count) => (count > 3).then_some(Level::Medium),
        Trigger::Advisory => Some(Level::Critical),
        Trigger::Release => Some(Level::Low),
        Trigger::QuorumLost(seconds) => (seconds >= 14_400).then_some(Level::High),
        Trigger::Drift(seconds) => (seconds >= 21_600).then_some(Level::Medium),
        Trigger::Loop => Some(Level::High),
    };
    let is_suppressed = is_recent(
        last.map(Timestamp::as_millis).as_ref(),
        now,
        SUPPRESS_SECONDS,
    );
    Ok(level.filter(|_| !is_suppressed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(key: &str, kind: Kind, is_blocking: bool) -> Finding {
        Finding {
            key: key.to_owned(),
            kind,
            is_blocking,
        }
    }

    #[test]
    fn important_findings_are_told_once_a_day() {
        let mut state = State::default();
        let findings = [
            finding("idea", Kind::Optional, true),
            finding("knowledge", Kind::Knowledge, false),
            finding("blocked", Kind::Knowledge, true),
            finding("hole", Kind::Security, false),
        ];
        let mut keys = |now| -> Vec<(String, bool)> {
            let told = decide(&mut state, &findings, Timestamp(now)).unwrap();
            told.into_iter()
                .map(|told| (told.key, told.is_proposed))
                .collect()
        };
        let both = vec![("hole".to_owned(), true), ("blocked".to_owned(), false)];
        assert_eq!(keys(0), both);
        assert_eq!(keys(DEDUPE_SECONDS * 1_000 - 1), []);
        assert_eq!(keys(DEDUPE_SECONDS * 1_000), both);
        assert!(
            decide(
                &mut State::default(),
                &[finding(" ", Kind::Triad, true)],
                Timestamp(0)
            )
            .is_err()
        );
    }

    #[test]
    fn a_day_stands_out_from_its_week() {
        assert!(is_anomaly(5, [2, 2, 2, 2, 2, 2, 2]));
        assert!(!is_anomaly(4, [2, 2, 2, 2, 2, 2, 2]));
        assert!(!is_anomaly(2, [0; 7]));
        assert!(is_anomaly(3, [0; 7]));
    }

    #[test]
    fn autonomy_counts_skills_proposals_and_anomalies() {
        assert_eq!(autonomy_score(27, 54, 3, 2), Ok(70.0));
        assert!(autonomy_score(2, 1, 0, 0).is_err());
        assert!(autonomy_score(0, 0, 0, 0).is_err());
    }

    #[test]
    fn triggers_have_their_thresholds_and_are_suppressed_for_four_hours() {
        let now = Timestamp(100_000_000);
        for (trigger, expected) in [
            (Trigger::SkillGap(0.7), None),
            (Trigger::SkillGap(0.71), Some(Level::Medium)),
            (Trigger::Anomalies(3), None),
            (Trigger::Anomalies(4), Some(Level::Medium)),
            (Trigger::Anomalies(6), Some(Level::High)),
            (Trigger::Advisory, Some(Level::Critical)),
            (Trigger::Release, Some(Level::Low)),
            (Trigger::QuorumLost(14_399), None),
            (Trigger::QuorumLost(14_400), Some(Level::High)),
            (Trigger::Drift(21_599), None),
            (Trigger::Drift(21_600), Some(Level::Medium)),
            (Trigger::Loop, Some(Level::High)),
        ] {
            assert_eq!(triggers(trigger, None, now), Ok(expected), "{trigger:?}");
            let recent = Timestamp(now.0 - SUPPRESS_SECONDS * 1_000 + 1);
            assert_eq!(
                triggers(trigger, Some(recent), now),
                Ok(None),
                "{trigger:?}"
            );
            let old = Timestamp(now.0 - SUPPRESS_SECONDS * 1_000);
            assert_eq!(
                triggers(trigger, Some(old), now),
                Ok(expected),
                "{trigger:?}"
            );
        }
        assert!(triggers(Trigger::SkillGap(7.0), None, now).is_err());
    }
}
