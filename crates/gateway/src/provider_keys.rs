//! Where the keys of providers come from, for people: which variable or configuration key, and whether it is set.

use std::collections::BTreeSet;

use openclaw_config::{
    Config, Origin, Secret,
    config::{Deployment, Litellm, Provider},
};
use openclaw_types::{KnownProvider, provider::KNOWN_PROVIDERS};
use openclaw_wire::methods::models::{KeyPresence, ModelsAuthResult, ProviderAuth};

/// LiteLLM's key.
const LITELLM_VARIABLE: &str = "LITELLM_MASTER_KEY";

/// All providers: those that are configured, then those whose key alone would do. Never a key itself.
#[must_use]
pub fn provider_keys(config: &Config) -> ModelsAuthResult {
    let mut providers: Vec<ProviderAuth> = config.models.providers.iter().map(configured).collect();
    if let Some(litellm) = &config.router.litellm {
        of_groups(litellm, &mut providers);
    }
    let discovery = &config.models.discovery;
    let litellm = discovery.litellm_key.is_some();
    let known = KNOWN_PROVIDERS
        .iter()
        .map(|known| (known.id, known.key_variable()));
    let others: Vec<ProviderAuth> = known
        .chain([("litellm", LITELLM_VARIABLE)])
        .filter(|(id, _)| !providers.iter().any(|row| row.provider == *id))
        .map(|(id, variable)| {
            let is_set = discovery.environment_keys.contains_key(variable)
                || (variable == LITELLM_VARIABLE && litellm);
            let users = users(config, id, is_set);
            row(id, is_set, Some(variable.to_owned()), users)
        })
        .collect();
    let (set, unset): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|row| row.key == KeyPresence::Set);
    providers.extend(set);
    providers.extend(unset);
    ModelsAuthResult { providers }
}

/// What uses a provider that is not configured.
fn users(config: &Config, id: &str, is_set: bool) -> Vec<String> {
    let passthrough = &config.routing.passthrough;
    let backends = passthrough.endpoints.values();
    let is_backend = |backend: &str| {
        let word = backend.split('/').next().unwrap_or_default();
        KnownProvider::find(word).map_or(word, |known| known.id) == id
    };
    let has_backend = backends
        .filter_map(|endpoint| endpoint.backend.as_deref())
        .any(is_backend);
    let is_looked_for = config.models.discovery.enabled
        && config.models.providers.is_empty()
        && config.router.litellm.is_none();
    let mut users = Vec::new();
    if passthrough.enabled && has_backend {
        users.push("model_routing.passthrough_endpoints".to_owned());
    }
    if is_looked_for && is_set {
        users.push("discovery".to_owned());
    }
    users
}

fn configured(provider: &Provider) -> ProviderAuth {
    let path = format!("models.providers.{}", provider.id);
    let key = provider.key.as_ref();
    let from = origin(
        key,
        &format!("{path}.apiKey"),
        provider.key_variable.as_ref(),
    );
    row(&provider.id, key.is_some(), from, vec![path])
}

/// The deployments of the LiteLLM file; one line for each provider and place of a key.
fn of_groups(litellm: &Litellm, providers: &mut Vec<ProviderAuth>) {
    let file = litellm.file.file_name().unwrap_or(litellm.file.as_os_str());
    let file = file.to_string_lossy();
    let mut rows: Vec<(ProviderAuth, BTreeSet<&str>)> = Vec::new();
    for deployment in &litellm.deployments {
        let new = of_deployment(deployment, &file);
        match rows.iter_mut().find(|(row, _)| *row == new) {
            Some((_, groups)) => drop(groups.insert(&deployment.group)),
            None => rows.push((new, BTreeSet::from([deployment.group.as_str()]))),
        }
    }
    for (mut row, groups) in rows {
        row.used_by = groups.into_iter().map(str::to_owned).collect();
        providers.push(row);
    }
}

fn of_deployment(deployment: &Deployment, file: &str) -> ProviderAuth {
    let key = deployment.key.as_ref();
    let inline = format!("{file}: api_key");
    let from = origin(key, &inline, deployment.key_variable.as_ref());
    row(&deployment.provider, key.is_some(), from, Vec::new())
}

/// Where a key was read, or would be.
fn origin(key: Option<&Secret>, inline: &str, variable: Option<&String>) -> Option<String> {
    match key.map(Secret::origin) {
        Some(Origin::Inline) => Some(inline.to_owned()),
        Some(Origin::Environment(name)) => Some(name.clone()),
        Some(Origin::File(path)) => Some(path.display().to_string()),
        None => variable.cloned(),
    }
}

fn row(provider: &str, is_set: bool, from: Option<String>, used_by: Vec<String>) -> ProviderAuth {
    ProviderAuth {
        provider: provider.to_owned(),
        key: match (is_set, &from) {
            (true, _) => KeyPresence::Set,
            (false, Some(_)) => KeyPresence::Unset,
            (false, None) => KeyPresence::None,
        },
        from,
        used_by,
    }
}

#[cfg(test)]
mod tests {
    use openclaw_config::{Environment, Overrides};

    use super::*;

    /// The rows for these files and variables, as far as a key is set or something uses it.
    fn rows(json: &str, yaml: &str, keys: &[&str]) -> Vec<String> {
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
        let keys = keys.iter().map(|key| (*key, "sk-secret"));
        let variables = keys.chain([("HOME", directory.as_str())]);
        let config = openclaw_config::load(&overrides, &Environment::of(variables)).unwrap();
        let found = provider_keys(&config.config);
        let shown = serde_json::to_string(&found).unwrap();
        assert!(!shown.contains("secret"), "{shown}");
        found
            .providers
            .into_iter()
            .filter(|row| row.key == KeyPresence::Set || !row.used_by.is_empty())
            .map(|row| {
                let (from, users) = (row.from.unwrap_or_default(), row.used_by.join("+"));
                format!("{} {:?} {from} {users}", row.provider, row.key)
            })
            .collect()
    }

    #[test]
    fn a_key_of_the_environment_alone_makes_its_provider_found() {
        assert_eq!(rows("{}", "", &[]), [""; 0]);
        assert_eq!(
            rows("{}", "", &["ZAI_API_KEY", "LITELLM_MASTER_KEY"]),
            [
                "zai Set ZAI_API_KEY discovery",
                "litellm Set LITELLM_MASTER_KEY discovery"
            ]
        );
        let off = r#"{"models": {"discovery": false}}"#;
        assert_eq!(rows(off, "", &["ZAI_API_KEY"]), ["zai Set ZAI_API_KEY "]);
    }

    #[test]
    fn what_is_configured_names_the_place_of_its_key() {
        let json = r#"{"models": {"providers": {
            "here": {"baseUrl": "http://127.0.0.1:1/v1"},
            "inline": {"baseUrl": "http://127.0.0.1:1/v1", "apiKey": "sk-secret-inline"},
            "zai": {"baseUrl": "http://127.0.0.1:1/v1"}
        }}}"#;
        assert_eq!(
            rows(json, "", &["ZAI_API_KEY"]),
            [
                "here None  models.providers.here",
                "inline Set models.providers.inline.apiKey models.providers.inline",
                "zai Set ZAI_API_KEY models.providers.zai"
            ]
        );
    }

    #[test]
    fn groups_with_the_same_key_share_a_line() {
        let yaml = "
model_list:
  - {model_name: fast, litellm_params: {model: openai/a, api_key: os.environ/MY_KEY}}
  - {model_name: slow, litellm_params: {model: openai/b, api_key: os.environ/MY_KEY}}
  - {model_name: own, litellm_params: {model: openai/c, api_key: sk-secret-own}}
  - {model_name: unset, litellm_params: {model: openai/d, api_base: 'http://127.0.0.1:1/v1', api_key: os.environ/NOT_SET}}
";
        assert_eq!(
            rows("{}", yaml, &["MY_KEY"]),
            [
                "openai Set MY_KEY fast+slow",
                "openai Set litellm_config.yaml: api_key own",
                "openai Unset NOT_SET unset"
            ]
        );
    }
}
