use openclaw_types::Timestamp;

use super::{
    goal_arbitration::{Goal, Rule, Status, arbitrate, assess},
    *,
};
use crate::{Library, Skill};

/// What the code uses, by the skill and the key that state it.
const USED: &[(&str, &str, f64)] = &[
    (
        "goal-arbitration",
        "concurrent_max",
        goal_arbitration::CONCURRENT_MAX as f64,
    ),
    (
        "goal-arbitration",
        "effort_max",
        goal_arbitration::EFFORT_MAX as f64,
    ),
    (
        "goal-arbitration",
        "reconsider_seconds",
        goal_arbitration::RECONSIDER_SECONDS as f64,
    ),
    (
        "goal-arbitration",
        "timeout_seconds",
        goal_arbitration::TIMEOUT_SECONDS as f64,
    ),
    (
        "goal-arbitration",
        "feasible_min",
        goal_arbitration::FEASIBLE_MIN,
    ),
    ("curiosity-engine", "critical", curiosity_engine::CRITICAL),
    ("curiosity-engine", "high", curiosity_engine::HIGH),
    ("curiosity-engine", "medium", curiosity_engine::MEDIUM),
    (
        "curiosity-engine",
        "propose_min",
        curiosity_engine::PROPOSE_MIN,
    ),
    (
        "curiosity-engine",
        "dedupe_seconds",
        curiosity_engine::DEDUPE_SECONDS as f64,
    ),
    (
        "auto-deliberation-trigger",
        "suppress_seconds",
        curiosity_engine::SUPPRESS_SECONDS as f64,
    ),
    (
        "opportunity-scanner",
        "tell_min",
        opportunity_scanner::TELL_MIN,
    ),
    (
        "opportunity-scanner",
        "scan_seconds",
        opportunity_scanner::SCAN_SECONDS as f64,
    ),
    (
        "quorum-enforcement",
        "quorum",
        quorum_enforcement::QUORUM as f64,
    ),
    ("quorum-enforcement", "members", TRIAD.len() as f64),
    (
        "quorum-enforcement",
        "ping_seconds",
        quorum_enforcement::PING_SECONDS as f64,
    ),
    (
        "failover-vote",
        "failed_checks",
        failover_vote::FAILED_CHECKS as f64,
    ),
    (
        "failover-vote",
        "present_min",
        failover_vote::PRESENT_MIN as f64,
    ),
    (
        "triad-deliberation-protocol",
        "failed_checks",
        degraded_mode::FAILED_CHECKS as f64,
    ),
    (
        "triad-deliberation-protocol",
        "span_seconds",
        degraded_mode::SPAN_SECONDS as f64,
    ),
    (
        "triad-deliberation-protocol",
        "unverified_seconds",
        degraded_mode::UNVERIFIED_SECONDS as f64,
    ),
    (
        "triad-deliberation-protocol",
        "post_seconds",
        degraded_mode::POST_SECONDS as f64,
    ),
    (
        "triad-deliberation-protocol",
        "review_seconds",
        degraded_mode::REVIEW_SECONDS as f64,
    ),
    ("self-model", "initial", self_model::INITIAL),
    ("self-model", "success", self_model::SUCCESS),
    ("self-model", "failure", self_model::FAILURE),
    ("self-model", "trend_max", self_model::TREND_MAX as f64),
    ("self-model", "doubt_below", self_model::DOUBT_BELOW),
    (
        "autonomous-pulse",
        "tick_seconds",
        autonomous_pulse::TICK_SECONDS as f64,
    ),
    (
        "autonomous-pulse",
        "commit_seconds",
        autonomous_pulse::COMMIT_SECONDS as f64,
    ),
    (
        "autonomous-pulse",
        "push_seconds",
        autonomous_pulse::PUSH_SECONDS as f64,
    ),
    (
        "autonomous-pulse",
        "idle_seconds",
        autonomous_pulse::IDLE_SECONDS as f64,
    ),
    ("day-dream", "idle_seconds", day_dream::IDLE_SECONDS as f64),
    (
        "day-dream",
        "again_seconds",
        day_dream::AGAIN_SECONDS as f64,
    ),
    ("day-dream", "insight_min", day_dream::INSIGHT_MIN),
    ("day-dream", "pattern_min", day_dream::PATTERN_MIN as f64),
    (
        "day-dream",
        "micro_seconds",
        day_dream::Mode::Micro.seconds_max() as f64,
    ),
    (
        "day-dream",
        "day_seconds",
        day_dream::Mode::Day.seconds_max() as f64,
    ),
    (
        "day-dream",
        "night_seconds",
        day_dream::Mode::Night.seconds_max() as f64,
    ),
    ("knowledge-ingest", "tell_above", knowledge::TELL_ABOVE),
    (
        "knowledge-retrieval",
        "answers_max",
        knowledge::ANSWERS_MAX as f64,
    ),
    (
        "memory-consolidation",
        "promote_reads",
        memory_consolidation::PROMOTE_READS as f64,
    ),
    (
        "memory-consolidation",
        "promote_importance",
        memory_consolidation::PROMOTE_IMPORTANCE,
    ),
    (
        "memory-consolidation",
        "archive_days",
        memory_consolidation::ARCHIVE_DAYS,
    ),
    (
        "memory-consolidation",
        "archive_importance",
        memory_consolidation::ARCHIVE_IMPORTANCE,
    ),
    ("memory-consolidation", "decay", memory_consolidation::DECAY),
    (
        "triad-signal-filter",
        "window",
        signal_filter::WINDOW as f64,
    ),
    (
        "triad-signal-filter",
        "same_max",
        signal_filter::SAME_MAX as f64,
    ),
    (
        "triad-signal-filter",
        "alike_max",
        signal_filter::ALIKE_MAX as f64,
    ),
    (
        "triad-signal-filter",
        "cooldown_seconds",
        signal_filter::COOLDOWN_SECONDS as f64,
    ),
    (
        "steward-orchestrator",
        "round_seconds",
        steward_orchestrator::ROUND_SECONDS as f64,
    ),
    (
        "steward-orchestrator",
        "silent_seconds",
        steward_orchestrator::SILENT_SECONDS as f64,
    ),
    (
        "steward-orchestrator",
        "silent_rounds_max",
        steward_orchestrator::SILENT_ROUNDS_MAX as f64,
    ),
    (
        "steward-orchestrator",
        "undecided_cycles",
        steward_orchestrator::UNDECIDED_CYCLES as f64,
    ),
    (
        "steward-orchestrator",
        "cycles_max",
        steward_orchestrator::CYCLES_MAX as f64,
    ),
];

#[test]
fn thresholds_are_those_that_the_skills_state() {
    let library = Library::of_binary();
    for (skill, key, value) in USED {
        let stated: &Skill = library.get(skill).unwrap();
        assert_eq!(stated.thresholds.get(*key), Some(value), "{skill} {key}");
    }
}

#[test]
fn state_files_are_those_that_the_skills_state() {
    let library = Library::of_binary();
    for (skill, file) in [
        ("thought-loop", thought_loop::STATE_FILE),
        ("goal-arbitration", goal_arbitration::STATE_FILE),
        ("curiosity-engine", curiosity_engine::STATE_FILE),
        ("gap-detector", gap_detector::STATE_FILE),
        ("opportunity-scanner", opportunity_scanner::STATE_FILE),
        ("day-dream", day_dream::STATE_FILE),
        ("memory-consolidation", memory_consolidation::STATE_FILE),
        ("self-model", self_model::STATE_FILE),
        ("quorum-enforcement", quorum_enforcement::STATE_FILE),
        ("failover-vote", failover_vote::STATE_FILE),
        ("autonomous-pulse", autonomous_pulse::STATE_FILE),
        ("knowledge-ingest", knowledge::STATE_FILE),
    ] {
        assert_eq!(library.get(skill).unwrap().state_files, [file], "{skill}");
    }
}

fn goal(id: &str, title: &str) -> Goal {
    Goal {
        id: id.to_owned(),
        title: title.to_owned(),
        description: String::new(),
        source: "user".to_owned(),
        priority: 5,
        estimated_effort: 5,
        expected_value: 5,
        prerequisites: Vec::new(),
        asks_to_skip_checks: false,
        status: Status::PendingEvaluation,
        created_ms: 0,
        progress_ms: 0,
    }
}

#[test]
fn a_goal_is_scored_by_rules_capacity_alignment_confidence_and_risk() {
    let score = |goal: &Goal, active: &[Goal]| {
        assess(goal, active, &std::collections::BTreeSet::new()).unwrap()
    };
    let plain = score(&goal("a", "Sort the notes"), &[]);
    // 50 + 30 + 10 + 2*5 + 2*5 + 7 is more than a hundred.
    assert_eq!((plain.score, plain.risk, plain.alignment), (100, 3, 5));
    let mut hard = goal("a", "Sort the notes");
    (hard.estimated_effort, hard.expected_value) = (10, 1);
    let hard = score(&hard, &[]);
    // 50 + 30 + 10 + 10 - 0.5 + 7, rounded.
    assert_eq!((hard.score, hard.is_feasible), (100, false));
    let mut bad = goal("a", "Secretly hurt the others");
    bad.asks_to_skip_checks = true;
    let assessed = score(&bad, &[]);
    // 50 - 50 + 10 + 10 + 10 + 5: asking for no check does not spare it one.
    assert_eq!(
        (assessed.score, assessed.breaches),
        (35, vec![Rule::NoHarm, Rule::Transparency])
    );
    let busy: Vec<Goal> = (0..3)
        .map(|number| Goal {
            estimated_effort: 9,
            ..goal(&number.to_string(), "x")
        })
        .collect();
    assert!(!score(&goal("a", "Sort"), &busy).has_capacity);
    // A word that only contains another is not it.
    assert_eq!(
        score(&goal("a", "Live in harmony, unhurt"), &[]).breaches,
        []
    );
    assert_eq!(
        score(&goal("a", "Learning, safety and help"), &[]).alignment,
        8
    );
}

#[test]
fn waiting_goals_are_ranked_again_with_all_others() {
    let now = Timestamp(1_000);
    let mut goals: Vec<Goal> = ["a", "b", "c", "d"].map(|id| goal(id, "Sort")).into();
    let first = arbitrate(&goals, now).unwrap();
    assert_eq!(
        (first.active, first.waiting),
        (
            vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
            vec!["d".to_owned()]
        )
    );
    for goal in &mut goals {
        goal.status = Status::Active;
    }
    goals[3].status = Status::Waiting;
    goals[3].priority = 9;
    let second = arbitrate(&goals, now).unwrap();
    assert_eq!(second.active, ["d", "a", "b"]);
    assert_eq!(second.waiting, ["c"]);
}

#[test]
fn goals_are_refused_given_up_or_put_to_the_triad() {
    let now = Timestamp(90_000_000);
    let mut stuck = goal("stuck", "Sort");
    stuck.status = Status::Active;
    let mut risky = goal("risky", "Sort");
    risky.source = "agent:coder".to_owned();
    risky.asks_to_skip_checks = true;
    risky.progress_ms = now.0;
    let harm = goal("harm", "Sabotage the triad");
    let mut early = goal("early", "Sort");
    early.prerequisites = vec!["nothing-yet".to_owned()];
    let found = arbitrate(&[stuck, risky, harm, early], now).unwrap();
    assert_eq!(found.timed_out, ["stuck"]);
    assert_eq!(
        (found.active, found.for_triad),
        (vec!["risky".to_owned()], vec!["risky".to_owned()])
    );
    assert_eq!(found.refused, [("harm".to_owned(), vec![Rule::NoHarm])]);
    assert_eq!(found.waiting, ["early"]);
    let mut wrong = goal("wrong", "Sort");
    wrong.priority = 11;
    assert_eq!(
        arbitrate(&[wrong], now).unwrap_err().to_string(),
        "the priority is a number from 1 to 10"
    );
}
