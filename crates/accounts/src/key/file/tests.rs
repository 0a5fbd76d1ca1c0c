use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _};

use openclaw_types::{AgentId, Money, Timestamp};

use super::*;
use crate::{
    allowance::Allowance,
    caller::{KeyId, TeamId},
    period::Period,
    secret::Digest,
};

fn full() -> Loaded {
    let allowance = Allowance {
        max_budget: Money::from_usd(20.0),
        soft_budget: Money::from_usd(0.000_3),
        budget_duration: Some(Period::Month),
        tpm: Some(40),
        rpm: Some(2),
        max_parallel: Some(1),
        burst: Some(3),
        tokens_per_day: Some(1_000_000),
        model_max_budget: BTreeMap::from([("fast".to_owned(), Money(1))]),
        model_rpm: BTreeMap::from([("fast".to_owned(), 1)]),
        model_tpm: BTreeMap::from([("slow".to_owned(), 9)]),
        alert_at: vec![10, 90],
        models: vec!["agent/*".to_owned()],
    };
    let extra = Map::from_iter([("color".to_owned(), json!({"deep": [1, null]}))]);
    let key = KeyRecord {
        id: KeyId::new("k1"),
        digest: Digest::of("sk-1"),
        name: "sk-...abcd".to_owned(),
        alias: Some("mine".to_owned()),
        team: Some(TeamId::new("blue")),
        user: Some("bea".to_owned()),
        agent: Some(AgentId::parse("coder").unwrap()),
        allowance: allowance.clone(),
        metadata: Map::from_iter([("note".to_owned(), json!("\"\n"))]),
        expires: Some(Timestamp(1_900_000_000_123)),
        is_blocked: true,
        created: Timestamp(1_700_000_000_000),
        updated: Timestamp(1_700_000_000_001),
        budget_anchor: Timestamp(1_700_000_000_002),
        extra: extra.clone(),
    };
    let bare = KeyRecord {
        id: KeyId::new("k2"),
        digest: Digest::of("sk-2"),
        alias: None,
        team: None,
        user: None,
        agent: None,
        allowance: Allowance::default(),
        metadata: Map::new(),
        expires: None,
        is_blocked: false,
        extra: Map::new(),
        ..key.clone()
    };
    let team = TeamRecord {
        id: TeamId::new("blue"),
        alias: Some("Blue".to_owned()),
        allowance,
        is_blocked: true,
        metadata: Map::new(),
        created: Timestamp(1_700_000_000_003),
        extra: extra.clone(),
    };
    Loaded {
        keys: vec![key, bare],
        teams: vec![team],
        extra,
    }
}

#[test]
fn what_is_saved_is_loaded_with_the_fields_nobody_here_knows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    assert_eq!(load(&path).unwrap(), Loaded::default());
    save(&path, &full()).unwrap();
    assert_eq!(load(&path).unwrap(), full());
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("sk-1"), "{text}");
    save(&path, &full()).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn a_damaged_file_is_named_with_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    save(&path, &full()).unwrap();
    let good = std::fs::read_to_string(&path).unwrap();
    let twice = {
        let mut twice = full();
        twice.keys[1].digest = twice.keys[0].digest;
        save(&path, &twice).unwrap();
        std::fs::read_to_string(&path).unwrap()
    };
    for (text, what) in [
        (String::new(), "not JSON"),
        (good[..good.len() / 2].to_owned(), "not JSON"),
        ("[]".to_owned(), "not JSON"),
        ("{}".to_owned(), "version is null"),
        (
            good.replace("\"version\": 1", "\"version\": 2"),
            "version is 2",
        ),
        (
            good.replace("\"max_budget\": 20.0", "\"max_budget\": -1"),
            "`max_budget`",
        ),
        (
            good.replace("\"rpm_limit\": 2", "\"rpm_limit\": \"2\""),
            "`rpm_limit`",
        ),
        (good.replace("\"token\": \"", "\"token\": \"0"), "`token`"),
        (good.replace("\"1mo\"", "\"1 month\""), "a key"),
        (twice, "twice"),
    ] {
        if text == good {
            continue;
        }
        std::fs::write(&path, &text).unwrap();
        let error = load(&path).unwrap_err();
        assert!(matches!(error, Error::KeysDamaged { .. }), "{error:?}");
        assert!(error.to_string().contains(what), "{error}, not {what}");
    }
}

#[test]
fn every_cut_of_the_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    save(&path, &full()).unwrap();
    let good = std::fs::read(&path).unwrap();
    // The last byte is a line break after the whole.
    for cut in 0..good.len() - 1 {
        assert!(parse(&good[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn a_replacement_cut_short_does_not_stand_in_the_way_of_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    std::fs::write(dir.path().join("keys.json.new"), "half").unwrap();
    save(&path, &full()).unwrap();
    assert_eq!(load(&path).unwrap(), full());
}
