//! The agents on disk while no gateway runs: who there is, and what is set for each.

use std::{
    io,
    path::{Path, PathBuf},
};

use openclaw_types::AgentId;
use serde_json::Value;

use crate::{
    error::Error,
    options::AgentOptions,
    outcome::chain,
    roster::{self, Roster},
    settings::{self, Traits},
    templates, workspace,
};

/// An agent that nobody runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Resting {
    /// Its id.
    pub id: AgentId,
    /// What holds for it, by its workspace and the configuration.
    pub traits: Traits,
    /// Its directory, which may not be made yet.
    pub workspace: PathBuf,
    /// A label; nothing listens there.
    pub port: Option<u16>,
    /// Whether it answers messages that name no agent.
    pub primary: bool,
    /// Why it could not run, with the causes; a workspace that is not made yet is no reason.
    pub reason: Option<String>,
}

impl Resting {
    /// One value of what holds for it, or all of it.
    ///
    /// # Errors
    /// There is no such key.
    pub fn value(&self, key: Option<&str>) -> Result<Value, Error> {
        settings::lookup(&self.id, &self.traits, key).map_err(|source| Error::Settings {
            agent: self.id.clone(),
            source,
        })
    }
}

/// The agents that a gateway would run, in its order. Nothing is written.
///
/// # Errors
/// The roster cannot be read.
pub fn look(root: &Path, agents: &[AgentOptions], discover: bool) -> Result<Vec<Resting>, Error> {
    let roster = Roster::load(root.parent().unwrap_or(root).join(roster::FILE))?;
    let configured = agents
        .iter()
        .filter(|agent| !roster.is_removed(&agent.id))
        .map(|agent| (agent.id.clone(), Some(agent)));
    let mut all: Vec<_> = configured.collect();
    if discover {
        for id in roster.discover(root) {
            if !all.iter().any(|(known, _)| *known == id) {
                all.push((id, None));
            }
        }
    }
    let resting = all.into_iter();
    Ok(resting
        .map(|(id, agent)| look_at(root, id, agent))
        .collect())
}

fn look_at(root: &Path, id: AgentId, agent: Option<&AgentOptions>) -> Resting {
    let defaults = templates::defaults(&id);
    let configured = agent.map(AgentOptions::traits);
    let (traits, reason) = match workspace::settings(root, &id) {
        Ok(settings) => (settings.traits(&defaults, configured.as_ref()), None),
        Err(error) => {
            let reason = (!is_missing(&error)).then(|| chain(&error));
            (configured.unwrap_or(defaults), reason)
        }
    };
    Resting {
        traits,
        workspace: root.join(id.as_str()),
        port: agent.and_then(|agent| agent.port),
        primary: agent.is_some_and(|agent| agent.primary),
        reason,
        id,
    }
}

fn is_missing(error: &workspace::Error) -> bool {
    matches!(error, workspace::Error::Disk { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn agent(id: &str) -> AgentOptions {
        AgentOptions {
            id: AgentId::parse(id).unwrap(),
            name: id.to_owned(),
            role: "agent".to_owned(),
            emoji: None,
            model: None,
            port: Some(8001),
            capabilities: Vec::new(),
            skills: Vec::new(),
            tools: crate::kit::ToolPolicy::default(),
            parameters: json!({}),
            primary: id == "main",
        }
    }

    #[test]
    fn looking_writes_nothing_and_sees_what_a_gateway_would_run() {
        let state = tempfile::tempdir().unwrap();
        let root = state.path().join("agents");
        let agents = [agent("main"), agent("beta"), agent("gone")];
        assert_eq!(look(&root, &agents, true).unwrap().len(), 3);
        assert!(!root.exists());

        workspace::ensure(&root, &agent("scribe")).unwrap();
        fs::create_dir_all(root.join("beta")).unwrap();
        fs::write(root.join("beta/config.json"), "{").unwrap();
        fs::write(state.path().join("roster.json"), r#"{"removed":["gone"]}"#).unwrap();
        let found = look(&root, &agents, true).unwrap();
        let ids: Vec<&str> = found.iter().map(|agent| agent.id.as_str()).collect();
        assert_eq!(ids, ["main", "beta", "scribe"]);
        assert_eq!(found[0].reason, None);
        assert!(found[1].reason.as_ref().unwrap().contains("config.json"));
        assert_eq!(found[2].value(Some("role")).unwrap(), json!("agent"));
        assert!(found[2].value(Some("nothing")).is_err());
        assert_eq!(look(&root, &agents, false).unwrap().len(), 2);
    }
}
