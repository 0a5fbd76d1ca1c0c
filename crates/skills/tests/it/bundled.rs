//! The skills that come with the binary.

use std::{collections::BTreeSet, path::Path};

use openclaw_skills::{Library, bundled, listing};
use openclaw_types::AgentId;

#[test]
fn every_bundled_skill_is_in_order_and_every_directory_is_bundled() {
    assert_eq!(bundled::problems(), []);
    let names: Vec<_> = bundled::all()
        .iter()
        .map(|skill| skill.name.clone())
        .collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../skills");
    let dirs: BTreeSet<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(dirs, names.into_iter().collect());
}

#[test]
fn the_names_that_people_know_are_there() {
    let library = Library::of_binary();
    for name in [
        "triad-consensus",
        "thought-loop",
        "goal-arbitration",
        "steward-orchestrator",
        "curiosity-engine",
        "gap-detector",
        "opportunity-scanner",
        "day-dream",
        "memory-consolidation",
        "self-model",
        "quorum-enforcement",
        "failover-vote",
        "autonomous-pulse",
        "knowledge-ingest",
        "knowledge-retrieval",
        "governance-modules",
        "healthcheck",
        "triad-sync-protocol",
        "user-rolodex",
    ] {
        assert!(!library.get(name).unwrap().body.is_empty(), "{name}");
    }
    let error = library.get("triad-consensu").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no skill `triad-consensu`; did you mean `triad-consensus`?"
    );
}

#[test]
fn the_listing_of_all_skills_fits_a_prompt() {
    let library = Library::of_binary();
    let (skills, problems) = library.for_agent(&AgentId::parse("steward").unwrap(), None, None);
    assert_eq!(problems, []);
    let all = listing(&skills, 4_000);
    assert_eq!((all.shown, all.left_out), (skills.len(), 0));
    assert!(all.tokens < 2_400, "{}", all.tokens);
    let short = listing(&skills, 1_300);
    assert!(short.tokens <= 1_300 && short.left_out == 0, "{short:?}");
    assert!(
        short
            .text
            .contains("- thought-loop: Compares the workspace with what")
    );
    let tiny = listing(&skills, 100);
    assert!(tiny.tokens <= 100 && tiny.shown + tiny.left_out == skills.len());
    assert!(
        tiny.text
            .ends_with(&format!("- and {} more\n", tiny.left_out)),
        "{}",
        tiny.text
    );
    assert_eq!(listing(&skills, 0).text, "");
}

#[test]
fn every_agent_of_the_roster_finds_the_skills_it_is_configured_with() {
    let roster = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agents/roster.json");
    let roster: serde_json::Value =
        serde_json::from_slice(&std::fs::read(roster).unwrap()).unwrap();
    let library = Library::of_binary();
    let mut found = 0;
    for agent in roster["agents"].as_array().unwrap() {
        let only: Vec<String> = agent["skills"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect();
        let id = AgentId::parse(agent["id"].as_str().unwrap()).unwrap();
        let (skills, _) = library.for_agent(&id, None, Some(&only));
        assert_eq!(skills.len(), only.len(), "{id}: {only:?}");
        found += skills.len();
    }
    assert!(found > 20);
}
