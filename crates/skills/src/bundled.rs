//! The skills in the binary.

use std::sync::{Arc, LazyLock};

use crate::{
    problem::Problem,
    skill::{Skill, Source},
    validate,
};

macro_rules! table {
    ($($name:literal),* $(,)?) => {
        /// The texts of the skills, by name.
        pub const TEXTS: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../../skills/", $name, "/SKILL.md")))),*
        ];
    };
}

table!(
    "a2a-agent-register",
    "a2a-message-send",
    "agemem-governance",
    "archivist",
    "audit-cleanup",
    "audit-triad-files",
    "auto-deliberation-trigger",
    "autonomous-pulse",
    "autonomy-audit",
    "backup-ledger",
    "browser-access",
    "config-validator",
    "constitutional-deliberation",
    "cross-tier-correlator",
    "curiosity-auto-trigger",
    "curiosity-engine",
    "day-dream",
    "deployment-health-check",
    "deployment-smoke-test",
    "detect-corruption",
    "dreamer-agent",
    "failover-vote",
    "fleet-backup",
    "gap-detector",
    "goal-arbitration",
    "governance-modules",
    "healthcheck",
    "heretek-theme",
    "importance-scorer",
    "knowledge-ingest",
    "knowledge-retrieval",
    "litellm-ops",
    "matrix-triad",
    "memory-consolidation",
    "opportunity-scanner",
    "pgvector-optimizer",
    "quorum-enforcement",
    "redis-ttl-manager",
    "self-model",
    "session-wrap-up",
    "steward-orchestrator",
    "tabula-backup",
    "thought-loop",
    "triad-consensus",
    "triad-cron-manager",
    "triad-deliberation-protocol",
    "triad-heartbeat",
    "triad-resilience",
    "triad-signal-filter",
    "triad-sync-protocol",
    "triad-unity-monitor",
    "user-context-resolve",
    "user-rolodex",
    "workspace-consolidation",
);

static ALL: LazyLock<Vec<Arc<Skill>>> = LazyLock::new(|| {
    let skills = TEXTS.iter().filter_map(|(name, text)| {
        validate::of_bytes(name, text.as_bytes(), Some(name), Source::Bundled).skill
    });
    skills.map(Arc::new).collect()
});

/// All of them, by name.
#[must_use]
pub fn all() -> &'static [Arc<Skill>] {
    &ALL
}

/// What is wrong with them: nothing, which a test sees to.
#[must_use]
pub fn problems() -> Vec<Problem> {
    let read = |(name, text): &(&str, &str)| {
        validate::of_bytes(name, text.as_bytes(), Some(name), Source::Bundled).problems
    };
    TEXTS.iter().flat_map(read).collect()
}
