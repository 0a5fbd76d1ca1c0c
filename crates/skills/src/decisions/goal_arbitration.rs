//! Which goals to work on: rules first, then a score, then a rank among all that are not finished.

use std::collections::BTreeSet;

use openclaw_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::Refused;

/// Where goals are kept.
pub const STATE_FILE: &str = "state/goals.json";
/// Goals that are worked on at a time.
pub const CONCURRENT_MAX: usize = 3;
/// The efforts of all goals that are worked on, together.
pub const EFFORT_MAX: u32 = 30;
/// A goal without progress for so long is given up.
pub const TIMEOUT_SECONDS: i64 = 86_400;
/// How often all are ranked again.
pub const RECONSIDER_SECONDS: i64 = 900;
/// The confidence from which a goal is feasible.
pub const FEASIBLE_MIN: f64 = 4.0;
/// A risk above this is for the triad.
pub const RISK_MEDIUM_MAX: i32 = 6;

const ALIGNED: [&str; 7] = [
    "growth",
    "safety",
    "autonomy",
    "collaboration",
    "learning",
    "improvement",
    "help",
];

/// Rules that no goal may break, and the words that show a breach.
const RULES: [(Rule, &[&str]); 5] = [
    (
        Rule::NoHarm,
        &["harm", "hurt", "attack", "sabotage", "destroy"],
    ),
    (
        Rule::NoExfiltration,
        &[
            "exfiltrate",
            "leak",
            "steal",
            "publish credentials",
            "send credentials",
            "upload secrets",
        ],
    ),
    (
        Rule::NoSelfModification,
        &[
            "change own rules",
            "modify own rules",
            "rewrite own rules",
            "remove safeguards",
            "disable safeguards",
        ],
    ),
    (
        Rule::UserAuthority,
        &[
            "override the user",
            "ignore the user",
            "bypass approval",
            "without approval",
            "against the user",
        ],
    ),
    (
        Rule::Transparency,
        &["hide", "conceal", "covertly", "secretly", "without a trace"],
    ),
];

/// A rule that holds whatever is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Nobody is harmed.
    NoHarm,
    /// Nothing is taken out.
    NoExfiltration,
    /// Nobody changes the rules for itself.
    NoSelfModification,
    /// People decide.
    UserAuthority,
    /// Nothing is hidden.
    Transparency,
}

/// Where a goal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not looked at yet.
    PendingEvaluation,
    /// Worked on.
    Active,
    /// Ranked, and not among the first.
    Waiting,
    /// Done.
    Completed,
    /// Given up, or against the rules.
    Failed,
}

/// Something to be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Goal {
    /// Its id.
    pub id: String,
    /// In a line.
    pub title: String,
    /// In some more.
    pub description: String,
    /// `user`, `system`, or `agent:<id>`.
    pub source: String,
    /// 1 to 10.
    pub priority: u8,
    /// 1 to 10.
    pub estimated_effort: u8,
    /// 1 to 10.
    pub expected_value: u8,
    /// Goals that must be done before.
    pub prerequisites: Vec<String>,
    /// Whether its submitter asked for it not to be checked; it is checked, and counts as riskier.
    pub asks_to_skip_checks: bool,
    /// Where it stands.
    pub status: Status,
    /// When it was filed.
    pub created_ms: i64,
    /// When it last got further.
    pub progress_ms: i64,
}

/// What a goal is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Rules it breaks.
    pub breaches: Vec<Rule>,
    /// 5 to 10.
    pub alignment: u8,
    /// 0 to 10.
    pub confidence: f64,
    /// Whether it can be reached, as far as is known.
    pub is_feasible: bool,
    /// 1 to 10.
    pub risk: i32,
    /// Whether there is room for it beside what is worked on.
    pub has_capacity: bool,
    /// 0 to 100.
    pub score: u8,
}

/// What to do with all goals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arbitration {
    /// To work on, the best first.
    pub active: Vec<String>,
    /// To wait, the best first.
    pub waiting: Vec<String>,
    /// Against the rules.
    pub refused: Vec<(String, Vec<Rule>)>,
    /// Given up.
    pub timed_out: Vec<String>,
    /// Of the active ones, those that the triad should agree to.
    pub for_triad: Vec<String>,
}

impl Goal {
    /// Checks the numbers and texts.
    ///
    /// # Errors
    /// Says which is wrong.
    pub fn check(&self) -> Result<(), Refused> {
        if self.title.trim().is_empty() {
            return Err(Refused::new("the title", "is empty"));
        }
        for (field, value) in [
            ("the priority", self.priority),
            ("the effort", self.estimated_effort),
            ("the value", self.expected_value),
        ] {
            if !(1..=10).contains(&value) {
                return Err(Refused::new(field, "is a number from 1 to 10"));
            }
        }
        Ok(())
    }

    fn words(&self) -> String {
        let text = format!("{} {}", self.title, self.description).to_lowercase();
        let words = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty());
        // With a space on both sides of each, so that a phrase is found as whole words.
        words.fold(" ".to_owned(), |all, word| all + word + " ")
    }

    fn breaches(&self) -> Vec<Rule> {
        let words = self.words();
        let is_broken = |phrases: &&[&str]| {
            phrases
                .iter()
                .any(|phrase| words.contains(&format!(" {phrase} ")))
        };
        RULES
            .iter()
            .filter(|(_, phrases)| is_broken(phrases))
            .map(|(rule, _)| *rule)
            .collect()
    }

    fn risk(&self) -> i32 {
        let between_agents = if self.source.starts_with("agent") {
            2
        } else {
            0
        };
        let unchecked = if self.asks_to_skip_checks { 2 } else { 0 };
        let of_system = i32::from(self.source == "system");
        (3 + between_agents + unchecked - of_system).clamp(1, 10)
    }
}

/// Judges one goal beside those that are worked on.
///
/// # Errors
/// When the goal is not in order.
pub fn assess(
    goal: &Goal,
    active: &[Goal],
    done: &BTreeSet<String>,
) -> Result<Assessment, Refused> {
    goal.check()?;
    let breaches = goal.breaches();
    let words = goal.words();
    let hits = ALIGNED
        .iter()
        .filter(|word| words.contains(&format!(" {word} ")))
        .count();
    let alignment = 5 + u8::try_from(hits.min(5)).unwrap_or(5);
    let confidence = f64::from(10 - goal.estimated_effort + goal.expected_value) / 2.0;
    let is_feasible =
        confidence >= FEASIBLE_MIN && goal.prerequisites.iter().all(|id| done.contains(id));
    let risk = goal.risk();
    let others = active.iter().filter(|other| other.id != goal.id);
    let effort: u32 = others.map(|other| u32::from(other.estimated_effort)).sum();
    let has_capacity = effort + u32::from(goal.estimated_effort) <= EFFORT_MAX;
    let sum = 50.0
        + if breaches.is_empty() { 30.0 } else { -50.0 }
        + if has_capacity { 10.0 } else { -20.0 }
        + 2.0 * f64::from(alignment)
        + if is_feasible {
            2.0 * confidence
        } else {
            -confidence
        }
        + f64::from(10 - risk);
    Ok(Assessment {
        breaches,
        alignment,
        confidence,
        is_feasible,
        risk,
        has_capacity,
        score: whole(sum),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and 100"
)]
fn whole(sum: f64) -> u8 {
    sum.round().clamp(0.0, 100.0) as u8
}

/// Where a goal stands among others; higher is earlier.
fn rank(goal: &Goal, assessed: &Assessment, now: Timestamp) -> f64 {
    let compliant = if assessed.breaches.is_empty() {
        50.0
    } else {
        -30.0
    };
    let confidence = assessed.confidence * if assessed.is_feasible { 3.0 } else { -2.0 };
    let age_seconds = now.since_ms(Timestamp(goal.created_ms)) / 1_000;
    #[expect(clippy::cast_precision_loss, reason = "ages are small numbers")]
    let age = (10.0 * age_seconds as f64 / 86_400.0).min(10.0);
    let risk = f64::from(2 * (10 - assessed.risk));
    compliant
        + f64::from(2 * assessed.alignment)
        + confidence
        + risk
        + f64::from(goal.priority)
        + age
}

/// Ranks all goals that are not finished, those that wait among them, and says which to work on.
///
/// # Errors
/// When a goal is not in order.
pub fn arbitrate(goals: &[Goal], now: Timestamp) -> Result<Arbitration, Refused> {
    let ids = |status: Status| goals.iter().filter(move |goal| goal.status == status);
    let done: BTreeSet<String> = ids(Status::Completed).map(|goal| goal.id.clone()).collect();
    let active: Vec<Goal> = ids(Status::Active).cloned().collect();
    let mut found = Arbitration::default();
    let mut ranked = Vec::new();
    for goal in goals {
        if matches!(goal.status, Status::Completed | Status::Failed) {
            continue;
        }
        let assessed = assess(goal, &active, &done)?;
        let idle = now.since_ms(Timestamp(goal.progress_ms)) / 1_000;
        if !assessed.breaches.is_empty() {
            found.refused.push((goal.id.clone(), assessed.breaches));
        } else if goal.status == Status::Active && idle > TIMEOUT_SECONDS {
            found.timed_out.push(goal.id.clone());
        } else {
            ranked.push((rank(goal, &assessed, now), assessed, goal));
        }
    }
    ranked.sort_by(|(a, _, first), (b, _, second)| {
        b.total_cmp(a).then_with(|| first.id.cmp(&second.id))
    });
    let mut effort = 0;
    for (_, assessed, goal) in ranked {
        let with = effort + u32::from(goal.estimated_effort);
        if found.active.len() < CONCURRENT_MAX && with <= EFFORT_MAX && assessed.is_feasible {
            effort = with;
            found.active.push(goal.id.clone());
            if assessed.risk > RISK_MEDIUM_MAX {
                found.for_triad.push(goal.id.clone());
            }
        } else {
            found.waiting.push(goal.id.clone());
        }
    }
    Ok(found)
}
