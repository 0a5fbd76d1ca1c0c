use openclaw_config::{Environment, Overrides};
use serde_json::json;

use super::*;

/// The configuration of two files and the variables of a person with keys for both of the sample's providers.
fn config(json: &str, yaml: &str, keys: &[&str]) -> Config {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("openclaw.json"), json).unwrap();
    if !yaml.is_empty() {
        std::fs::write(home.path().join("litellm_config.yaml"), yaml).unwrap();
    }
    let overrides = Overrides {
        state_dir: Some(home.path().to_owned()),
        ..Overrides::default()
    };
    let directory = home.path().display().to_string();
    let keys = keys.iter().map(|key| (*key, "k"));
    let variables = keys.chain([("HOME", directory.as_str())]);
    openclaw_config::load(&overrides, &Environment::of(variables))
        .unwrap()
        .config
}

const BOTH: [&str; 2] = ["MINIMAX_API_KEY", "ZAI_API_KEY"];
const BACKEND: &str = r#"{ "model_routing": { "passthrough_endpoints": { "enabled": true,
    "endpoints": { "agent/steward": { "backend": "minimax/MiniMax-M2.7" }, "coder": "agent/coder" } } } }"#;

fn groups(options: &models::RoutingOptions) -> Vec<(&str, &str, &str)> {
    options
        .deployments
        .iter()
        .map(|deployment| {
            (
                deployment.group.as_str(),
                deployment.provider.as_str(),
                deployment.model.as_str(),
            )
        })
        .collect()
}

#[test]
fn a_backend_is_a_group_where_there_is_a_key_for_it() {
    let found = options(&config(BACKEND, "", &BOTH));
    assert_eq!(
        groups(&found),
        [("agent/steward", "minimax", "MiniMax-M2.7")]
    );
    assert_eq!(groups(&options(&config(BACKEND, "", &[]))), []);
    let off = BACKEND.replace("true", "false");
    assert_eq!(groups(&options(&config(&off, "", &BOTH))), []);
    // The LiteLLM file says more, and counts.
    let yaml =
        "model_list: [{ model_name: agent/steward, litellm_params: { model: zai/glm-5-1 } }]";
    let found = options(&config(BACKEND, yaml, &BOTH));
    assert_eq!(groups(&found), [("agent/steward", "zai", "glm-5-1")]);
}

#[test]
fn a_deployment_without_an_id_has_one_that_is_its_own_and_stays() {
    let yaml = "model_list:\n\
        - { model_name: a, litellm_params: { model: zai/x }, model_info: { id: mine } }\n\
        - { model_name: a, litellm_params: { model: zai/x } }\n\
        - { model_name: a, litellm_params: { model: zai/x } }\n\
        - { model_name: a, litellm_params: { model: zai/x, api_key: other } }\n";
    let ids = || -> Vec<String> {
        let options = options(&config("{}", yaml, &BOTH));
        options
            .deployments
            .into_iter()
            .map(|deployment| deployment.id)
            .collect()
    };
    let found = ids();
    assert_eq!(found, ids());
    assert_eq!(found[0], "mine");
    for (index, id) in found.iter().enumerate() {
        assert_eq!(found.iter().position(|known| known == id), Some(index));
    }
    assert!(found[1..].iter().all(|id| id.len() == 64));
}

#[test]
fn what_the_file_says_of_routing_arrives() {
    let yaml = "model_list:\n\
        - { model_name: a, litellm_params: { model: anthropic/x, api_key: k, order: 2, top_p: 0.5, timeout: 3 } }\n\
        - { model_name: a, litellm_params: { model: zai/x, order: 1 } }\n\
        router_settings: { routing_strategy: least-busy, cooldown_time: 1, model_group_alias: { q: a } }\n\
        litellm_settings: { default_model: a }\n\
        agent_model_mappings: { steward: { primary: a, fallback: zai/y, temperature: 0.7, budget_daily_usd: 1 }, \
        alpha: { budget_daily_usd: 15 } }\n";
    let config = config("{}", yaml, &BOTH);
    let options = options(&config);
    let first = &options.deployments[0];
    assert_eq!(
        (first.api, first.order),
        (Some(models::Api::AnthropicMessages), 2)
    );
    assert_eq!(first.deadlines.total_ms, 3_000);
    assert_eq!(Value::Object(first.extra.clone()), json!({ "top_p": 0.5 }));
    let settings = &options.settings;
    assert_eq!(settings.strategy, models::Strategy::LeastBusy);
    assert_eq!((settings.num_retries, settings.max_fallbacks), (2, Some(5)));
    assert_eq!(settings.cooldown, Some(Duration::from_secs(1)));
    assert_eq!(settings.aliases["q"], "a");
    assert_eq!(default_model(&config).as_deref(), Some("a"));
    let agents: Vec<_> = options.agents.iter().collect();
    let [(id, mapping)] = agents.as_slice() else {
        panic!("alpha has a budget and nothing else");
    };
    assert_eq!(id.as_str(), "steward");
    assert_eq!(
        (mapping.primary.as_str(), &mapping.fallbacks[0]),
        ("a", &"zai/y".to_owned())
    );
    assert_eq!(
        Value::Object(mapping.defaults.clone()),
        json!({ "temperature": 0.7 })
    );
    // Without a file nothing of LiteLLM's holds.
    let none = super::options(&self::config("{}", "", &BOTH));
    assert_eq!(none, models::RoutingOptions::default());
}
