//! What an agent thinks of itself, from how its tasks went.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::{Refused, share};

/// Where the model is kept.
pub const STATE_FILE: &str = "state/self-model.json";
/// The confidence of a domain that nothing is known of.
pub const INITIAL: f64 = 0.5;
/// What a task that went well adds.
pub const SUCCESS: f64 = 0.05;
/// What one that failed takes away.
pub const FAILURE: f64 = 0.10;
/// Values of the overall confidence that are kept.
pub const TREND_MAX: usize = 20;
/// Below this an agent should say that it is not sure.
pub const DOUBT_BELOW: f64 = 0.4;
/// Domains that are kept.
pub const DOMAINS_MAX: usize = 200;
/// Of the last so many tasks of a domain, so many failures make a blind spot.
const BLIND: (usize, usize) = (5, 3);

/// One domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// 0 to 1.
    pub confidence: f64,
    /// How the last tasks went, the latest last.
    pub recent: VecDeque<bool>,
    /// How many went well.
    pub successes: u64,
    /// How many failed.
    pub failures: u64,
}

/// How sure an agent is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confidence {
    /// The mean of all domains.
    pub overall: f64,
    /// By domain.
    pub by_domain: BTreeMap<String, Domain>,
    /// The last values of the mean.
    pub recent_trend: VecDeque<f64>,
}

/// What an agent does not see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlindSpots {
    /// Somebody else confirmed them.
    pub identified: BTreeSet<String>,
    /// Tasks say so.
    pub suspected: BTreeSet<String>,
    /// They were looked at, and are none.
    pub ignored: BTreeSet<String>,
}

/// What an agent is busy with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CognitiveState {
    /// In a word.
    pub status: String,
    /// On what.
    pub focus: String,
    /// How deep, from 0.
    pub depth: u32,
    /// What it thought last.
    pub last_thought: String,
}

/// The model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// What it can do.
    pub capabilities: BTreeSet<String>,
    /// What it knows.
    pub knowledge: BTreeSet<String>,
    /// What it works on.
    pub working_on: Vec<String>,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it is busy with.
    pub cognitive_state: CognitiveState,
    /// What it does not see.
    pub blind_spots: BlindSpots,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            capabilities: BTreeSet::new(),
            knowledge: BTreeSet::new(),
            working_on: Vec::new(),
            confidence: Confidence {
                overall: INITIAL,
                by_domain: BTreeMap::new(),
                recent_trend: VecDeque::new(),
            },
            cognitive_state: CognitiveState::default(),
            blind_spots: BlindSpots::default(),
        }
    }
}

/// What to say before promising something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// It is known to go well, or not known not to.
    Go,
    /// Say that it may fail, and ask for help.
    Doubt,
}

impl Model {
    /// Takes in how a task went.
    ///
    /// # Errors
    /// When the domain has no name, or there are too many.
    pub fn record(&mut self, domain: &str, is_success: bool) -> Result<(), Refused> {
        let domain = domain.trim();
        if domain.is_empty() {
            return Err(Refused::new("the domain", "is empty"));
        }
        let domains = &mut self.confidence.by_domain;
        if !domains.contains_key(domain) && domains.len() >= DOMAINS_MAX {
            return Err(Refused::new("the domain", "is one more than are kept"));
        }
        let known = domains.entry(domain.to_owned()).or_insert_with(|| Domain {
            confidence: INITIAL,
            recent: VecDeque::new(),
            successes: 0,
            failures: 0,
        });
        let change = if is_success { SUCCESS } else { -FAILURE };
        known.confidence = (known.confidence + change).clamp(0.0, 1.0);
        if is_success {
            known.successes += 1;
        } else {
            known.failures += 1;
        }
        known.recent.push_back(is_success);
        if known.recent.len() > BLIND.0 {
            known.recent.pop_front();
        }
        let is_blind = known.recent.iter().filter(|went_well| !**went_well).count() >= BLIND.1;
        self.suspect(domain, is_blind);
        self.average();
        Ok(())
    }

    fn suspect(&mut self, domain: &str, is_blind: bool) {
        let spots = &mut self.blind_spots;
        if !is_blind {
            spots.suspected.remove(domain);
        } else if !spots.identified.contains(domain) && !spots.ignored.contains(domain) {
            spots.suspected.insert(domain.to_owned());
        }
    }

    fn average(&mut self) {
        let confidence = &mut self.confidence;
        #[expect(clippy::cast_precision_loss, reason = "there are two hundred at most")]
        let count = confidence.by_domain.len() as f64;
        let sum: f64 = confidence
            .by_domain
            .values()
            .map(|domain| domain.confidence)
            .sum();
        confidence.overall = sum / count;
        confidence.recent_trend.push_back(confidence.overall);
        if confidence.recent_trend.len() > TREND_MAX {
            confidence.recent_trend.pop_front();
        }
    }

    /// Sets the confidence of a domain by hand.
    ///
    /// # Errors
    /// When it is not from 0 to 1, or the domain is not known.
    pub fn set_confidence(&mut self, domain: &str, confidence: f64) -> Result<(), Refused> {
        let confidence = share("the confidence", confidence)?;
        let known = self.confidence.by_domain.get_mut(domain);
        known
            .ok_or(Refused::new("the domain", "is not known"))?
            .confidence = confidence;
        self.average();
        Ok(())
    }

    /// What to say before a task of this domain.
    #[must_use]
    pub fn stance(&self, domain: &str) -> Stance {
        let known = self.confidence.by_domain.get(domain);
        let confidence = known.map_or(INITIAL, |domain| domain.confidence);
        if confidence < DOUBT_BELOW || self.blind_spots.identified.contains(domain) {
            Stance::Doubt
        } else {
            Stance::Go
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_move_the_confidence_of_their_domain() {
        let mut model = Model::default();
        model.record("rust", true).unwrap();
        model.record("poetry", false).unwrap();
        let of = |model: &Model, domain: &str| {
            (model.confidence.by_domain[domain].confidence * 100.0).round()
        };
        assert_eq!((of(&model, "rust"), of(&model, "poetry")), (55.0, 40.0));
        assert!((model.confidence.overall - 0.475).abs() < 1e-9);
        assert_eq!(model.stance("poetry"), Stance::Go);
        model.record("poetry", false).unwrap();
        assert_eq!(model.stance("poetry"), Stance::Doubt);
        assert_eq!(model.stance("unknown"), Stance::Go);
        for _ in 0..40 {
            model.record("rust", true).unwrap();
        }
        assert_eq!(of(&model, "rust"), 100.0);
        assert_eq!(model.confidence.recent_trend.len(), TREND_MAX);
    }

    #[test]
    fn failures_that_come_back_are_a_blind_spot_until_they_stop() {
        let mut model = Model::default();
        for went_well in [false, true, false, true, false] {
            model.record("dates", went_well).unwrap();
        }
        assert!(model.blind_spots.suspected.contains("dates"));
        for _ in 0..2 {
            model.record("dates", true).unwrap();
        }
        assert!(model.blind_spots.suspected.is_empty());
    }

    #[test]
    fn what_is_out_of_order_is_refused_and_the_model_survives_its_file() {
        let mut model = Model::default();
        assert!(model.record(" ", true).is_err());
        model.record("rust", true).unwrap();
        assert!(model.set_confidence("rust", 1.5).is_err());
        assert!(model.set_confidence("go", 0.5).is_err());
        model.set_confidence("rust", 0.25).unwrap();
        let json = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<Model>(&json).unwrap(), model);
    }
}
