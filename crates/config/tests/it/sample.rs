//! The specification's own sample.

use openclaw_config::config::Api;

use crate::fixture::{Home, SAMPLE};

#[test]
fn the_sample_verbatim_runs_the_twelve() {
    let mut home = Home::new();
    // The sample names a directory that only some machines have.
    home.overrides.config_file = Some(home.write("openclaw.json", SAMPLE));
    home.overrides.state_dir = Some(home.path("state"));
    let (config, problems) = home.loaded();
    assert_eq!(problems, []);
    let ids: Vec<&str> = config
        .agents
        .iter()
        .map(|agent| agent.id.as_str())
        .collect();
    assert_eq!(
        ids.join(" "),
        "main steward alpha beta charlie examiner explorer sentinel coder dreamer empath historian"
    );
    let steward = &config.agents[1];
    assert_eq!(steward.capabilities, ["orchestration", "coordination"]);
    assert_eq!(steward.skills, ["triad-consensus", "goal-arbitration"]);
    assert_eq!(steward.model.reference, "litellm/agent/steward");
    assert_eq!(config.agents[0].model, steward.model);
    assert!(config.agents[0].primary && !steward.primary);
    assert_eq!(steward.port, Some(8001));
    let [provider] = config.models.providers.as_slice() else {
        panic!("{:?}", config.models.providers);
    };
    assert_eq!(provider.base_url, "http://localhost:4000/v1");
    assert_eq!(provider.api, Api::OpenAiCompletions);
    assert_eq!(provider.key_variable.as_deref(), Some("LITELLM_MASTER_KEY"));
    let [model] = provider.models.as_slice() else {
        panic!("{:?}", provider.models);
    };
    assert!(model.reasoning && model.reads_images);
    assert_eq!((model.context_window, model.max_output), (128_000, 8_192));
    assert_eq!(config.routing.aliases["steward"], "agent/steward");
    let endpoint = &config.routing.passthrough.endpoints["agent/steward"];
    assert_eq!(endpoint.backend.as_deref(), Some("minimax/MiniMax-M2.7"));
    let postgres = config.memory.pgvector.unwrap();
    assert_eq!((postgres.host.as_str(), postgres.port), ("postgres", 5_432));
    let redis = config.memory.redis.unwrap();
    assert_eq!((redis.host.as_str(), redis.port), ("redis", 6_379));
    assert_eq!(config.gateway.port, 18_789);
    assert!(config.gateway.bind.is_loopback());
}

#[test]
fn a_machine_without_a_file_runs_the_twelve_too() {
    let home = Home::new();
    let (config, problems) = home.loaded();
    assert_eq!(config.agents.len(), 12);
    assert_eq!(problems, []);
    assert_eq!(config.paths.state, home.path(".openclaw"));
    assert_eq!(
        config.paths.config_file,
        home.path(".openclaw/openclaw.json")
    );
    assert!(!config.paths.state.exists(), "loading writes nothing");
}
