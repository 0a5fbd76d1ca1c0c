//! Which finds outside are worth telling.

use std::collections::BTreeMap;

use openclaw_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Refused, curiosity_engine::Level, knowledge, share};

/// Where it is kept which addresses were told.
pub const STATE_FILE: &str = "state/opportunities.json";
/// From this score on a find is told.
pub const TELL_MIN: f64 = 0.7;
/// How often sources are looked at.
pub const SCAN_SECONDS: i64 = 21_600;
/// Addresses that are remembered; the oldest are forgotten first.
pub const TOLD_MAX: usize = 2_000;
/// Something is new for a month, and a little less so each day.
const NEW_DAYS: f64 = 30.0;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A vulnerability.
    Advisory,
    /// A version of something.
    Release,
    /// Something that was not known.
    Package,
}

/// Something outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Opportunity {
    /// What.
    pub kind: Kind,
    /// Where.
    pub address: String,
    /// Whether it is about something in use.
    pub is_in_use: bool,
    /// How near it is to a goal, 0 to 1.
    pub nearness: f64,
    /// How well its source is known, 0 to 1.
    pub trust: f64,
    /// When it appeared.
    pub published: Timestamp,
}

/// What is kept between runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// When each address was told, in milliseconds.
    pub told: BTreeMap<String, i64>,
}

/// What a find is worth: half its nearness, three tenths its novelty, two tenths its source.
///
/// # Errors
/// When a number is not from 0 to 1.
pub fn score(found: &Opportunity, now: Timestamp) -> Result<f64, Refused> {
    let nearness = share("the nearness", found.nearness)?;
    let trust = share("the trust", found.trust)?;
    #[expect(clippy::cast_precision_loss, reason = "ages are small numbers")]
    let days = now.since_ms(found.published) as f64 / 86_400_000.0;
    let novelty = (1.0 - days / NEW_DAYS).max(0.0);
    Ok(0.5 * nearness + 0.3 * novelty + 0.2 * trust)
}

/// Whether a find is told, and how urgently; remembers it when it is.
///
/// # Errors
/// When its address is none of the web, or a number is wrong.
pub fn decide(
    state: &mut State,
    found: &Opportunity,
    now: Timestamp,
) -> Result<Option<Level>, Refused> {
    let address = knowledge::plain_address(&found.address)?;
    let score = score(found, now)?;
    let level = match found.kind {
        Kind::Advisory if found.is_in_use => Some(Level::Critical),
        Kind::Release if found.is_in_use => Some(Level::High),
        _ => (score >= TELL_MIN).then_some(Level::Medium),
    };
    if level.is_none() || state.told.contains_key(&address) {
        return Ok(None);
    }
    state.told.insert(address, now.as_millis());
    if state.told.len() > TOLD_MAX {
        let oldest = state
            .told
            .iter()
            .min_by_key(|(_, at)| **at)
            .map(|(key, _)| key.clone());
        oldest.map(|key| state.told.remove(&key));
    }
    Ok(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_774_742_400_000);

    fn found(kind: Kind, is_in_use: bool, nearness: f64) -> Opportunity {
        Opportunity {
            kind,
            address: "https://example.org/a?utm_source=x#top".to_owned(),
            is_in_use,
            nearness,
            trust: 0.5,
            published: NOW,
        }
    }

    #[test]
    fn what_is_in_use_counts_whatever_its_score() {
        for (kind, is_in_use, nearness, expected) in [
            (Kind::Advisory, true, 0.0, Some(Level::Critical)),
            (Kind::Release, true, 0.0, Some(Level::High)),
            (Kind::Advisory, false, 0.0, None),
            (Kind::Package, false, 0.59, None),
            (Kind::Package, false, 0.61, Some(Level::Medium)),
        ] {
            let decided = decide(
                &mut State::default(),
                &found(kind, is_in_use, nearness),
                NOW,
            );
            assert_eq!(decided, Ok(expected), "{kind:?} {is_in_use} {nearness}");
        }
    }

    #[test]
    fn an_address_is_told_once_and_a_bad_one_never() {
        let mut state = State::default();
        let mut find = found(Kind::Advisory, true, 1.0);
        assert_eq!(decide(&mut state, &find, NOW), Ok(Some(Level::Critical)));
        find.address = "https://EXAMPLE.org/a".to_owned();
        assert_eq!(decide(&mut state, &find, NOW), Ok(None));
        find.address = "file:///etc/passwd".to_owned();
        assert!(decide(&mut state, &find, NOW).is_err());
        find.nearness = 2.0;
        assert!(score(&find, NOW).is_err());
    }

    #[test]
    fn novelty_fades_in_a_month() {
        let find = found(Kind::Package, false, 0.0);
        assert!((score(&find, NOW).unwrap() - 0.4).abs() < 1e-9);
        let later = Timestamp(NOW.0 + 15 * 86_400_000);
        assert!((score(&find, later).unwrap() - 0.25).abs() < 1e-9);
        let much_later = Timestamp(NOW.0 + 90 * 86_400_000);
        assert!((score(&find, much_later).unwrap() - 0.1).abs() < 1e-9);
    }
}
