use proptest::prelude::*;

use super::*;

fn served(provider: &str, models: &[&str]) -> Served {
    Served {
        provider: provider.to_owned(),
        models: models.iter().map(|&model| model.to_owned()).collect(),
        is_open: models.is_empty(),
    }
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |&(a, b): &(&str, &str)| (a.to_owned(), b.to_owned());
    pairs.iter().map(owned).collect()
}

fn table() -> Table {
    Table {
        providers: vec![
            served(
                "litellm",
                &[
                    "agent/steward",
                    "agent/steward-failover",
                    "agent/alpha",
                    "default",
                    "gpt-5",
                ],
            ),
            served("openai", &["gpt-5", "gpt-5-mini"]),
            served("ollama", &["qwen3:4b"]),
        ],
        aliases: pairs(&[
            ("fast", "openai/gpt-5-mini"),
            ("quick", "fast"),
            ("a", "b"),
            ("b", "a"),
        ]),
        failover: BTreeMap::from([
            (
                "agent/alpha".to_owned(),
                vec![
                    "fast".to_owned(),
                    "nobody".to_owned(),
                    "qwen3:4b".to_owned(),
                ],
            ),
            (
                "openai/gpt-5-mini".to_owned(),
                vec!["agent/steward".to_owned()],
            ),
        ]),
        defaults: vec!["nobody/has-this".to_owned(), "litellm/default".to_owned()],
    }
}

fn planned(table: &Table, reference: &str, is_stated: bool) -> Result<Vec<String>, Unserved> {
    let wanted = Wanted {
        reference,
        fallbacks: &[],
        is_stated,
    };
    plan(table, &wanted).map(|targets| targets.iter().map(Target::to_string).collect())
}

#[test]
fn references_lead_to_candidates() {
    let cases: [(&str, &[&str]); 9] = [
        (
            "litellm/agent/steward",
            &["litellm/agent/steward", "litellm/agent/steward-failover"],
        ),
        (
            "agent/steward",
            &["litellm/agent/steward", "litellm/agent/steward-failover"],
        ),
        (
            "agent/steward-failover",
            &["litellm/agent/steward-failover"],
        ),
        (
            "agent/alpha",
            &[
                "litellm/agent/alpha",
                "openai/gpt-5-mini",
                "ollama/qwen3:4b",
            ],
        ),
        (
            "fast",
            &[
                "openai/gpt-5-mini",
                "litellm/agent/steward",
                "litellm/agent/steward-failover",
            ],
        ),
        (
            "quick",
            &[
                "openai/gpt-5-mini",
                "litellm/agent/steward",
                "litellm/agent/steward-failover",
            ],
        ),
        ("qwen3:4b", &["ollama/qwen3:4b"]),
        ("openai/not-listed", &["openai/not-listed"]),
        (
            " gpt-5-mini ",
            &[
                "openai/gpt-5-mini",
                "litellm/agent/steward",
                "litellm/agent/steward-failover",
            ],
        ),
    ];
    for (reference, expected) in cases {
        let planned = planned(&table(), reference, true).unwrap();
        assert_eq!(planned, expected, "{reference}");
    }
}

#[test]
fn a_reference_that_leads_nowhere_says_why() {
    let unknown = Unserved::Unknown {
        providers: ["litellm", "openai", "ollama"].map(str::to_owned).to_vec(),
    };
    let ambiguous = Unserved::Ambiguous {
        references: ["litellm/gpt-5", "openai/gpt-5"]
            .map(str::to_owned)
            .to_vec(),
    };
    for (reference, why) in [
        ("agent/nobody", unknown.clone()),
        ("nobody", unknown.clone()),
        ("", unknown.clone()),
        ("openai/", unknown),
        ("gpt-5", ambiguous),
        ("a", Unserved::EndlessAlias),
    ] {
        assert_eq!(planned(&table(), reference, true), Err(why), "{reference}");
    }
    let nothing = planned(&Table::default(), "x", false);
    assert_eq!(
        nothing,
        Err(Unserved::NoProvider {
            looked_at: Vec::new()
        })
    );
}

#[test]
fn the_default_stands_in_only_where_nobody_asked_for_the_reference() {
    for reference in ["agent/nobody", "", "gpt-5", "a"] {
        let planned = planned(&table(), reference, false);
        assert_eq!(planned.unwrap(), ["litellm/default"], "{reference}");
    }
    let served = planned(&table(), "qwen3:4b", false);
    assert_eq!(served.unwrap(), ["ollama/qwen3:4b"]);
}

#[test]
fn one_provider_that_has_not_said_what_it_has_is_asked() {
    let mut table = table();
    table.providers[2] = served("ollama", &[]);
    let asked = planned(&table, "agent/new", true).unwrap();
    assert_eq!(asked, ["ollama/agent/new", "ollama/agent/new-failover"]);
    table.providers.push(served("other", &[]));
    assert!(planned(&table, "agent/new", true).is_err());
}

#[test]
fn an_agents_own_fallbacks_come_before_giving_up() {
    let wanted = |reference| {
        let wanted = Wanted {
            reference,
            fallbacks: &["nobody".to_owned(), "openai/gpt-5".to_owned()],
            is_stated: true,
        };
        let targets = plan(&table(), &wanted).unwrap();
        targets.iter().map(Target::to_string).collect::<Vec<_>>()
    };
    assert_eq!(wanted("qwen3:4b"), ["ollama/qwen3:4b", "openai/gpt-5"]);
    assert_eq!(wanted("nobody"), ["openai/gpt-5"]);
}

proptest! {
    #[test]
    fn a_plan_names_each_candidate_once_and_is_bounded(
        models in prop::collection::vec("[ab]/?[ab]{0,2}(-failover)?", 0..6),
        aliases in prop::collection::btree_map("[abx]{1,2}", "[abx/]{1,4}", 0..6),
        failover in prop::collection::btree_map("[abx/]{1,4}", prop::collection::vec("[abx/]{1,4}", 0..40), 0..6),
        reference in "(agent/)?[abx/]{0,4}",
        is_stated in any::<bool>(),
    ) {
        let table = Table {
            providers: vec![
                Served { provider: "a".to_owned(), models, is_open: true },
                served("b", &["x"]),
            ],
            aliases,
            failover,
            defaults: vec!["x".to_owned()],
        };
        if let Ok(targets) = plan(&table, &Wanted { reference: &reference, fallbacks: &[], is_stated }) {
            let mut once = targets.clone();
            once.sort();
            once.dedup();
            prop_assert!(!targets.is_empty() && targets.len() <= CANDIDATES_MAX);
            prop_assert_eq!(once.len(), targets.len());
            prop_assert!(targets.iter().all(|target| table.provider(&target.provider).is_some()));
        }
    }
}
