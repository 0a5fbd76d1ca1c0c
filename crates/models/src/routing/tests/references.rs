//! What references mean: the providers' models, and the groups of the configuration.

use super::*;

fn table() -> Arc<Table> {
    let mut builder = Builder::new(Settings {
        aliases: pairs(&[
            ("fast", "openai/gpt-5-mini"),
            ("quick", "fast"),
            ("a", "b"),
            ("b", "a"),
        ]),
        fallbacks: lists(&[
            ("agent/alpha", &["fast", "nobody", "qwen3:4b"]),
            ("openai/gpt-5-mini", &["agent/steward"]),
        ]),
        ..Settings::default()
    });
    builder.provider(listing(
        "litellm",
        &[
            "agent/steward",
            "agent/steward-failover",
            "agent/alpha",
            "default",
            "gpt-5",
        ],
    ));
    builder.provider(listing("openai", &["gpt-5", "gpt-5-mini"]));
    builder.provider(listing("ollama", &["qwen3:4b"]));
    builder.otherwise("nobody/has-this".to_owned());
    builder.otherwise("litellm/default".to_owned());
    Arc::new(builder.build())
}

#[test]
fn references_lead_to_candidates() {
    let mini: &[&str] = &[
        "openai/gpt-5-mini",
        "litellm/agent/steward",
        "litellm/agent/steward-failover",
    ];
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
        ("fast", mini),
        ("quick", mini),
        ("qwen3:4b", &["ollama/qwen3:4b"]),
        ("openai/not-listed", &["openai/not-listed"]),
        (" gpt-5-mini ", mini),
    ];
    for (reference, expected) in cases {
        let planned = planned(&table(), &ask(reference)).unwrap();
        assert_eq!(planned, expected, "{reference}");
    }
}

#[test]
fn a_reference_that_leads_nowhere_says_why() {
    let unknown = Unserved::Unknown {
        providers: strings(&["litellm", "openai", "ollama"]),
    };
    let ambiguous = Unserved::Ambiguous {
        references: strings(&["litellm/gpt-5", "openai/gpt-5"]),
    };
    for (reference, why) in [
        ("agent/nobody", unknown.clone()),
        ("nobody", unknown.clone()),
        ("", unknown.clone()),
        ("openai/", unknown),
        ("gpt-5", ambiguous),
        ("a", Unserved::EndlessAlias),
    ] {
        assert_eq!(planned(&table(), &ask(reference)), Err(why), "{reference}");
    }
    let nothing = planned(&Arc::default(), &ask("x"));
    assert_eq!(
        nothing,
        Err(Unserved::NoProvider {
            looked_at: Vec::new()
        })
    );
}

#[test]
fn the_default_stands_in_only_where_nobody_asked_for_the_reference() {
    let unstated = |reference| Ask {
        is_stated: false,
        ..ask(reference)
    };
    for reference in ["agent/nobody", "", "gpt-5", "a"] {
        let planned = planned(&table(), &unstated(reference));
        assert_eq!(planned.unwrap(), ["litellm/default"], "{reference}");
    }
    let served = planned(&table(), &unstated("qwen3:4b"));
    assert_eq!(served.unwrap(), ["ollama/qwen3:4b"]);
}

#[test]
fn one_provider_that_has_not_said_what_it_has_is_asked() {
    let mut builder = Builder::new(Settings::default());
    builder.provider(listing("openai", &["gpt-5"]));
    builder.provider(listing("ollama", &[]));
    let table = Arc::new(builder.clone().build());
    let asked = planned(&table, &ask("agent/new")).unwrap();
    assert_eq!(asked, ["ollama/agent/new", "ollama/agent/new-failover"]);
    let plan = plan(&table, &ask("agent/new"), &Health::default(), NOW, 1).unwrap();
    assert!(plan.is_guess());
    builder.provider(listing("other", &[]));
    assert!(planned(&Arc::new(builder.build()), &ask("agent/new")).is_err());
}

#[test]
fn an_agents_own_fallbacks_come_before_giving_up() {
    let own = strings(&["nobody", "openai/gpt-5"]);
    let asked = |reference| Ask {
        fallbacks: &own,
        ..ask(reference)
    };
    let table = table();
    let planned = |reference| planned(&table, &asked(reference)).unwrap();
    assert_eq!(planned("qwen3:4b"), ["ollama/qwen3:4b", "openai/gpt-5"]);
    assert_eq!(planned("nobody"), ["openai/gpt-5"]);
}

/// The seed's groups, with wildcards, and a LiteLLM that may or may not be there.
fn groups(litellm: Option<Listing>) -> Arc<Table> {
    let mut builder = Builder::new(Settings {
        fallbacks: lists(&[("plain", &["backup"]), ("wild/*", &["backup"])]),
        default_fallbacks: strings(&["last"]),
        ..Settings::default()
    });
    for (group, provider, model) in [
        ("agent/steward", "minimax", "MiniMax-M2.7"),
        ("agent/steward-failover", "zai", "glm-5-1"),
        ("agent/alpha", "minimax", "MiniMax-M2.7"),
        ("plain", "minimax", "one"),
        ("backup", "zai", "two"),
        ("last", "zai", "three"),
        ("wild/*", "openai", "*"),
        ("wild/gpt-*", "azure", "the-*"),
        ("found/*", "own", "*"),
    ] {
        builder.deployment(deployment(group, provider, model), 0, None);
    }
    if let Some(litellm) = litellm {
        builder.provider(litellm);
    }
    let found = Listing {
        is_configured: false,
        ..listing("found", &["x"])
    };
    builder.provider(found);
    builder.provider(listing("plain", &["stated"]));
    Arc::new(builder.build())
}

#[test]
fn groups_are_named_as_in_a_litellm_configuration() {
    let table = groups(None);
    let cases: [(&str, &[&str]); 9] = [
        (
            "agent/steward",
            &["minimax/MiniMax-M2.7", "zai/glm-5-1", "zai/three"],
        ),
        (
            "litellm/agent/steward",
            &["minimax/MiniMax-M2.7", "zai/glm-5-1", "zai/three"],
        ),
        ("agent/alpha", &["minimax/MiniMax-M2.7", "zai/three"]),
        ("litellm/plain", &["minimax/one", "zai/two"]),
        ("plain", &["minimax/one", "zai/two"]),
        ("wild/x", &["openai/x", "zai/two"]),
        ("wild/gpt-5", &["azure/the-5", "zai/three"]),
        ("found/x", &["own/x", "zai/three"]),
        ("plain/stated", &["plain/stated", "zai/three"]),
    ];
    for (reference, expected) in cases {
        let planned = planned(&table, &ask(reference)).unwrap();
        assert_eq!(planned, expected, "{reference}");
    }
    assert!(planned(&table, &ask("nobody")).is_err());
}

#[test]
fn a_real_litellm_goes_before_our_own_groups_only_while_it_is_there() {
    let real = listing("litellm", &["agent/steward", "agent/steward-failover"]);
    let absent = Listing {
        presence: Presence::Absent,
        ..real.clone()
    };
    for reference in ["agent/steward", "litellm/agent/steward"] {
        let planned_with = |litellm: &Listing| {
            let table = groups(Some(litellm.clone()));
            planned(&table, &ask(reference)).unwrap()
        };
        assert_eq!(
            planned_with(&real),
            [
                "litellm/agent/steward",
                "litellm/agent/steward-failover",
                "minimax/MiniMax-M2.7",
                "zai/glm-5-1",
                "zai/three"
            ]
        );
        assert_eq!(
            planned_with(&absent),
            ["minimax/MiniMax-M2.7", "zai/glm-5-1", "zai/three"]
        );
    }
    let table = groups(Some(real));
    let alpha = planned(&table, &ask("agent/alpha")).unwrap();
    assert_eq!(alpha, ["minimax/MiniMax-M2.7", "zai/three"]);
}

#[test]
fn a_request_may_name_its_own_fallbacks_or_refuse_all() {
    let table = groups(None);
    let own = strings(&["last"]);
    let replaced = Ask {
        fallbacks: &own,
        replaces_fallbacks: true,
        ..ask("plain")
    };
    assert_eq!(
        planned(&table, &replaced).unwrap(),
        ["minimax/one", "zai/three"]
    );
    let refused = Ask {
        disable_fallbacks: true,
        ..replaced
    };
    assert_eq!(planned(&table, &refused).unwrap(), ["minimax/one"]);
}

#[test]
fn an_agent_mapping_gives_its_virtual_model_a_meaning() {
    let mut builder = Builder::new(Settings::default());
    builder.deployment(deployment("agent/steward", "minimax", "own"), 0, None);
    builder.deployment(deployment("m", "minimax", "m"), 0, None);
    builder.deployment(deployment("z", "zai", "z"), 0, None);
    for agent in ["steward", "dreamer"] {
        let mut defaults = serde_json::Map::new();
        defaults.insert("temperature".to_owned(), 0.9.into());
        let mapping = AgentMapping {
            primary: "m".to_owned(),
            fallbacks: strings(&["nobody", "z"]),
            defaults,
        };
        let agent = openclaw_types::AgentId::parse(agent).unwrap();
        builder.mapping(&agent, mapping);
    }
    let table = Arc::new(builder.build());
    let steward = planned(&table, &ask("agent/steward")).unwrap();
    assert_eq!(steward, ["minimax/own", "minimax/m", "zai/z"]);
    for reference in ["agent/dreamer", "litellm/agent/dreamer"] {
        let mut health = Health::default();
        let mut plan = plan(&table, &ask(reference), &health, NOW, 1).unwrap();
        let Next::Try(candidate) = plan.next(&mut health, NOW) else {
            panic!("somebody is asked");
        };
        assert_eq!(candidate.deployment.spot.to_string(), "minimax/m");
        assert_eq!(candidate.defaults().unwrap()["temperature"], 0.9);
    }
}
