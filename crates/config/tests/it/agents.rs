//! Which agents run, and as what.

use openclaw_config::config::{Agent, AgentModel};

use crate::fixture::Home;

fn agents(text: &str) -> Vec<Agent> {
    Home::with(text).loaded().0.agents
}

fn ids(agents: &[Agent]) -> String {
    let ids: Vec<&str> = agents.iter().map(|agent| agent.id.as_str()).collect();
    ids.join(" ")
}

fn agent<'a>(agents: &'a [Agent], id: &str) -> &'a Agent {
    agents.iter().find(|agent| agent.id.as_str() == id).unwrap()
}

fn model(reference: &str, stated: bool) -> AgentModel {
    AgentModel {
        reference: reference.to_owned(),
        fallbacks: Vec::new(),
        stated,
    }
}

#[test]
fn an_entry_changes_what_it_says_and_nothing_else() {
    let before = agents("{}");
    let after = agents(
        "{ agents: [{ name: 'coder', role: 'smith', parameters: { review_depth: 'brief', extra: 1 } }] }",
    );
    assert_eq!(ids(&before), ids(&after));
    let (was, is) = (agent(&before, "coder"), agent(&after, "coder"));
    assert_eq!(is.role, "smith");
    assert_eq!(
        (&is.name, &is.skills, &is.port, &is.model),
        (&was.name, &was.skills, &was.port, &was.model)
    );
    assert_eq!(
        is.parameters.0,
        serde_json::json!({ "max_file_size": 100_000, "review_depth": "brief", "extra": 1 })
    );
}

#[test]
fn a_thirteenth_is_added_after_the_twelve() {
    let agents =
        agents("{ agents: [{ id: 'nova', name: 'Nova', role: 'scout', port: 8012 }, 'plain'] }");
    assert_eq!(agents.len(), 14);
    let nova = agent(&agents, "nova");
    assert_eq!(
        (nova.name.as_str(), nova.role.as_str(), nova.port),
        ("Nova", "scout", Some(8012))
    );
    assert_eq!(nova.model, model("agent/nova", false));
    assert!(!nova.built_in && agent(&agents, "steward").built_in);
    assert_eq!(agent(&agents, "plain").name, "plain");
}

#[test]
fn listed_runs_only_those_listed() {
    let text = "{ roster: 'listed', agents: [{ name: 'steward' }, { name: 'alpha' }] }";
    let two = agents(text);
    assert_eq!(ids(&two), "steward alpha");
    assert!(
        two[0].primary,
        "the first one answers where `main` does not run"
    );
    let home = Home::with("{ roster: 'listed', agents: [{ name: '..' }] }");
    let (config, problems) = home.loaded();
    assert_eq!(ids(&config.agents), "main");
    assert_eq!(problems.len(), 2);
}

#[test]
fn an_agent_can_be_switched_off() {
    let eleven = agents("{ agents: [{ name: 'dreamer', enabled: false }] }");
    assert_eq!(eleven.len(), 11);
    assert!(!ids(&eleven).contains("dreamer"));
}

#[test]
fn a_deleted_agent_stays_away_until_it_is_listed_again() {
    let home = Home::with("{ agents: [{ name: 'empath' }] }");
    home.write(
        ".openclaw/roster.json",
        r#"{"removed":["dreamer","empath"]}"#,
    );
    let (config, problems) = home.loaded();
    assert_eq!(config.agents.len(), 11);
    assert!(ids(&config.agents).contains("empath"));
    assert_eq!(problems, []);
    home.write(".openclaw/roster.json", "broken");
    let (config, problems) = home.loaded();
    assert_eq!(config.agents.len(), 12);
    assert_eq!(problems.len(), 1);
}

#[test]
fn main_follows_stewards_model_unless_it_has_its_own() {
    for (text, main, steward) in [
        (
            "{}",
            model("agent/steward", false),
            model("agent/steward", false),
        ),
        (
            "{ agents: [{ name: 'steward', model: 'openai/x' }] }",
            model("openai/x", true),
            model("openai/x", true),
        ),
        (
            "{ agents: [{ name: 'steward', model: 'openai/x' }, { name: 'main', model: 'y' }] }",
            model("y", true),
            model("openai/x", true),
        ),
        (
            "{ agents: { defaults: { model: 'z' } } }",
            model("z", true),
            model("z", true),
        ),
        (
            "{ agents: { defaults: { model: 'z' }, list: [{ id: 'steward', model: 'x' }] } }",
            model("x", true),
            model("x", true),
        ),
    ] {
        let agents = agents(text);
        assert_eq!(agent(&agents, "main").model, main, "{text}");
        assert_eq!(agent(&agents, "steward").model, steward, "{text}");
    }
}

#[test]
fn exactly_one_agent_is_primary() {
    for (text, primary) in [
        ("{}", "main"),
        (
            "{ agents: [{ name: 'steward', primary: true }] }",
            "steward",
        ),
        (
            "{ agents: [{ name: 'steward', default: true }] }",
            "steward",
        ),
        (
            "{ agents: [{ name: 'alpha', primary: true }, { name: 'beta', primary: true }] }",
            "alpha",
        ),
        ("{ agents: [{ name: 'main', enabled: false }] }", "steward"),
        (
            "{ agents: [{ name: 'beta', primary: true, enabled: false }] }",
            "main",
        ),
    ] {
        let agents = agents(text);
        let marked: Vec<&str> = agents
            .iter()
            .filter(|agent| agent.primary)
            .map(|agent| agent.id.as_str())
            .collect();
        assert_eq!(marked, [primary], "{text}");
    }
}
