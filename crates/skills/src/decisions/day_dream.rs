//! When to dream, and what of a dream is kept.

use openclaw_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Refused, share};

/// Where it is kept when there was a dream, and what came of it.
pub const STATE_FILE: &str = "state/day-dream.json";
/// Without activity for so long a dream may begin.
pub const IDLE_SECONDS: i64 = 300;
/// From one dream to the next.
pub const AGAIN_SECONDS: i64 = 3_600;
/// Idle for less than so long there is time for a short one only.
pub const DAY_IDLE_SECONDS: i64 = 900;
/// An insight below this confidence is dropped.
pub const INSIGHT_MIN: f64 = 0.7;
/// What occurs less often is no pattern.
pub const PATTERN_MIN: usize = 3;
/// The hours of the night, on the agent's clock.
pub const NIGHT: std::ops::Range<u8> = 2..4;

/// How long a dream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Half a minute.
    Micro,
    /// Up to five minutes.
    Day,
    /// Up to an hour, at night.
    Night,
}

impl Mode {
    /// How long it lasts at most.
    #[must_use]
    pub const fn seconds_max(self) -> i64 {
        match self {
            Self::Micro => 30,
            Self::Day => 300,
            Self::Night => 3_600,
        }
    }
}

/// Something a dream found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// What.
    pub text: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// Where it was seen.
    pub evidence: Vec<String>,
    /// Whether it is something that comes back.
    pub is_pattern: bool,
}

/// Whether a dream begins now, and which; `hour` is that of the agent's clock.
///
/// # Errors
/// When the hour is none.
pub fn begins(
    last_activity: Timestamp,
    last_dream: Option<Timestamp>,
    now: Timestamp,
    hour: u8,
) -> Result<Option<Mode>, Refused> {
    if hour > 23 {
        return Err(Refused::new("the hour", "is a number from 0 to 23"));
    }
    let idle = now.since_ms(last_activity) / 1_000;
    let is_rested =
        last_dream.is_none_or(|last| last > now || now.since_ms(last) >= AGAIN_SECONDS * 1_000);
    if idle < IDLE_SECONDS || !is_rested {
        return Ok(None);
    }
    Ok(Some(if NIGHT.contains(&hour) {
        Mode::Night
    } else if idle < DAY_IDLE_SECONDS {
        Mode::Micro
    } else {
        Mode::Day
    }))
}

/// What is kept: insights one would stand for, and patterns that occurred often enough; each with evidence.
///
/// # Errors
/// When a confidence is not from 0 to 1.
pub fn kept(found: Vec<Found>) -> Result<Vec<Found>, Refused> {
    for one in &found {
        share("the confidence", one.confidence)?;
    }
    let is_kept = |one: &Found| {
        let places: std::collections::BTreeSet<_> = one.evidence.iter().collect();
        let least = if one.is_pattern { PATTERN_MIN } else { 1 };
        places.len() >= least && (one.is_pattern || one.confidence >= INSIGHT_MIN)
    };
    Ok(found.into_iter().filter(is_kept).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dream_begins_after_five_quiet_minutes_and_is_long_at_night() {
        let begins = |idle: i64, last: Option<i64>, hour| {
            let now = Timestamp(100_000_000);
            let ago = |seconds: i64| Timestamp(now.0 - seconds * 1_000);
            begins(ago(idle), last.map(ago), now, hour).unwrap()
        };
        assert_eq!(begins(299, None, 12), None);
        assert_eq!(begins(300, None, 12), Some(Mode::Micro));
        assert_eq!(begins(900, None, 12), Some(Mode::Day));
        assert_eq!(begins(300, None, 2), Some(Mode::Night));
        assert_eq!(begins(300, None, 4), Some(Mode::Micro));
        assert_eq!(begins(9_999, Some(3_599), 12), None);
        assert_eq!(begins(9_999, Some(3_600), 12), Some(Mode::Day));
        // A dream of a clock that was ahead does not count.
        assert_eq!(begins(9_999, Some(-5), 12), Some(Mode::Day));
        assert!(super::begins(Timestamp(0), None, Timestamp(0), 24).is_err());
    }

    #[test]
    fn only_what_has_evidence_is_kept() {
        let found = |confidence, evidence: &[&str], is_pattern| Found {
            text: "x".to_owned(),
            confidence,
            evidence: evidence.iter().map(|place| (*place).to_owned()).collect(),
            is_pattern,
        };
        for (one, is_kept) in [
            (found(0.7, &["a"], false), true),
            (found(0.69, &["a"], false), false),
            (found(1.0, &[], false), false),
            (found(0.1, &["a", "b", "c"], true), true),
            (found(1.0, &["a", "b"], true), false),
            (found(1.0, &["a", "a", "a"], true), false),
        ] {
            assert_eq!(
                kept(vec![one.clone()]).unwrap().len(),
                usize::from(is_kept),
                "{one:?}"
            );
        }
        assert!(kept(vec![found(1.1, &["a"], false)]).is_err());
    }
}
