//! The shapes that files of the same name had over time: all of them mean the same here.

use openclaw_config::{
    Config, Problem,
    config::{AgentModel, Keeper, MaintenanceMode, PassthroughEndpoint},
};

use crate::fixture::Home;

fn shape(text: &str) -> (Config, Vec<Problem>) {
    let mut home = Home::new();
    home.overrides.config_file = Some(home.write("config.json", text));
    home.loaded()
}

#[test]
fn the_monorepos_shape_is_understood() {
    let (config, problems) = shape(include_str!("../fixtures/shapes/monorepo.json"));
    assert_eq!(problems, []);
    assert_eq!(config.agents.len(), 12);
    assert!(config.agents[1].primary);
    assert_eq!(
        config.models.providers[0].base_url,
        "http://localhost:4000/v1"
    );
    assert_eq!(config.routing.default.as_deref(), Some("balanced"));
    assert_eq!(config.routing.aliases["steward"], "agent/steward");
    assert_eq!(config.routing.failover["balanced"], ["zai/glm-5-1"]);
    assert!(config.routing.passthrough.enabled);
    assert_eq!(
        config.routing.passthrough.endpoints["agent/steward"],
        PassthroughEndpoint { backend: None }
    );
    assert_eq!(config.embedding.dimensions, 768);
    let ollama = config.memory.ollama.unwrap();
    assert_eq!((ollama.host.as_str(), ollama.port), ("ollama", 11_434));
    assert_eq!(config.memory.pgvector, None);
    let plugins = config.plugins;
    assert!(plugins.enabled && plugins.entries["consciousness"].enabled);
    assert_eq!(plugins.entries["liberation"].config.0["mode"], "x");
    assert_eq!(plugins.allow.unwrap().len(), 2);
    assert!(plugins.deny.contains("bad"));
}

#[test]
fn the_later_shape_is_understood() {
    let (config, problems) = shape(include_str!("../fixtures/shapes/core.json"));
    assert_eq!(problems, []);
    let find = |id: &str| {
        config
            .agents
            .iter()
            .find(|agent| agent.id.as_str() == id)
            .unwrap()
    };
    assert!(find("steward").primary);
    assert_eq!(find("steward").model.reference, "litellm/agent/steward");
    assert_eq!(
        find("arbiter").model,
        AgentModel {
            reference: "litellm/agent/main".to_owned(),
            fallbacks: vec!["litellm/agent/backup".to_owned()],
            stated: true,
        }
    );
    assert_eq!(config.limits.runs, 4);
    assert_eq!(config.gateway.port, 18_790);
    assert!(config.gateway.bind.is_unspecified());
    assert!(config.gateway.trusted_proxies[0].contains([127, 0, 0, 1].into()));
    assert_eq!(config.gateway.allowed_origins, ["http://localhost:3000"]);
    assert!(!config.session.keeper.auto_commit);
    assert_eq!(config.session.maintenance.sessions_max, 20);
    assert_eq!(config.plugins.memory_slot.as_deref(), Some("a"));
    assert!(!config.plugins.entries["b"].enabled);
}

#[test]
fn the_shape_by_id_is_understood() {
    let (config, problems) = shape(include_str!("../fixtures/shapes/entries.json5"));
    assert_eq!(problems, []);
    assert_eq!(config.agents[0].model.reference, "openai/x");
    let nova = config.agents.last().unwrap();
    assert_eq!(
        (nova.id.as_str(), nova.name.as_str(), nova.emoji.as_str()),
        ("nova", "Nova", "*")
    );
    let postgres = config.memory.pgvector.unwrap();
    assert_eq!((postgres.host.as_str(), postgres.port), ("db", 5_433));
    assert!(!config.routing.passthrough.enabled);
    assert_eq!(config.routing.failover["openai/x"], ["openai/y"]);
}

#[test]
fn an_address_without_a_version_gets_one() {
    for (written, used) in [
        ("http://h:4000", "http://h:4000/v1"),
        ("http://h:4000/", "http://h:4000/v1"),
        ("http://h:4000/v1", "http://h:4000/v1"),
        ("http://h:4000/v1/", "http://h:4000/v1"),
        ("http://h/proxy", "http://h/proxy/v1"),
        ("https://h/api/paas/v4", "https://h/api/paas/v4"),
        ("https://h/v1beta/openai", "https://h/v1beta/openai"),
        ("http://h/v1/chat/completions", "http://h/v1"),
        ("http://h/agent/steward", "http://h/agent/steward/v1"),
        ("http://[::1]:4000", "http://[::1]:4000/v1"),
    ] {
        let text = format!("{{ models: {{ providers: {{ p: {{ baseUrl: '{written}' }} }} }} }}");
        assert_eq!(shape(&text).0.models.providers[0].base_url, used);
    }
}

#[test]
fn deadlines_are_the_providers_own_or_those_of_all() {
    let text = "{ models: { timeouts: { idle: '90s', totalMs: 5000 },
        providers: { p: { baseUrl: 'http://h', timeouts: { idleMs: 10 } } } } }";
    let models = shape(text).0.models;
    let (all, own) = (models.deadlines, models.providers[0].deadlines);
    assert_eq!(
        (all.connect_ms, all.first_byte_ms, all.idle_ms, all.total_ms),
        (10_000, 120_000, 90_000, 5_000)
    );
    assert_eq!(
        (own.connect_ms, own.idle_ms, own.total_ms),
        (10_000, 10, 5_000)
    );
}

#[test]
fn keys_for_people_and_tools_say_nothing() {
    let text = "{ $schema: 'x', _comment: 'y', '//': 'z', '# note': 1, agents: [{ name: 'alpha', _why: 'w' }] }";
    assert_eq!(shape(text).1, []);
}

#[test]
fn the_keeper_is_set_where_any_of_the_known_files_sets_it() {
    const DAY_MS: u64 = 86_400_000;
    for (written, auto_commit, archive_after_ms, archive_bytes_max) in [
        ("", true, Some(30 * DAY_MS), 10 << 30),
        (
            "keeper: { auto_commit: false }",
            false,
            Some(30 * DAY_MS),
            10 << 30,
        ),
        (
            "keeper: { enabled: false, archiveAfter: '7d' }",
            false,
            None,
            10 << 30,
        ),
        ("keeper: false", false, None, 10 << 30),
        ("keeper: { archive: false }", true, None, 10 << 30),
        (
            "keeper: { archive_after: '7d' }",
            true,
            Some(7 * DAY_MS),
            10 << 30,
        ),
        (
            "maintenance: { pruneAfter: '2w' }",
            true,
            Some(14 * DAY_MS),
            10 << 30,
        ),
        (
            "keeper: { archiveAfter: '1d' }, maintenance: { archiveAfter: '2w', maxDiskBytes: '500mb' }",
            true,
            Some(DAY_MS),
            500 << 20,
        ),
        (
            "maintenance: { maxDiskBytes: 7 }",
            true,
            Some(30 * DAY_MS),
            7,
        ),
    ] {
        let (config, problems) = shape(&format!("{{ session: {{ {written} }} }}"));
        assert_eq!(problems, [], "{written}");
        assert_eq!(
            config.session.keeper,
            Keeper {
                auto_commit,
                archive_after_ms
            },
            "{written}"
        );
        let maintenance = config.session.maintenance;
        assert_eq!(
            maintenance.archive_bytes_max, archive_bytes_max,
            "{written}"
        );
    }
    let (config, problems) = shape("{ session: { maintenance: { maxDiskBytes: 'much' } } }");
    assert_eq!(config.session.maintenance.archive_bytes_max, 10 << 30);
    assert_eq!(problems.len(), 1);
}

#[test]
fn without_a_keeper_nothing_is_enforced_and_all_is_told() {
    for (keeper, mode) in [
        ("true", MaintenanceMode::Enforce),
        ("{ archive: false }", MaintenanceMode::Enforce),
        ("false", MaintenanceMode::Warn),
        ("{ enabled: false }", MaintenanceMode::Warn),
    ] {
        let written =
            format!("{{ session: {{ keeper: {keeper}, maintenance: {{ mode: 'enforce' }} }} }}");
        let (config, problems) = shape(&written);
        assert_eq!(problems, [], "{written}");
        assert_eq!(config.session.maintenance.mode, mode, "{written}");
    }
}

#[test]
fn a_replay_needs_recordings_and_no_address() {
    for more in ["api: 'replay', ", ""] {
        let text = format!("{{ models: {{ providers: {{ p: {{ {more}recordings: '/r' }} }} }} }}");
        let provider = shape(&text).0.models.providers.remove(0);
        assert_eq!(provider.recordings, Some("/r".into()));
        assert_eq!(provider.base_url, "");
    }
    let (config, problems) = shape("{ models: { providers: { p: { api: 'replay' } } } }");
    assert!(config.models.providers.is_empty());
    assert_eq!(problems.len(), 1, "{problems:?}");
}
