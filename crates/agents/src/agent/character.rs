//! What a workspace said when it was last read, and the system prompts made of that.

use std::sync::{Arc, Mutex, PoisonError};

use openclaw_models::Tier;
use openclaw_types::AgentId;

use crate::{
    options::AgentOptions,
    prompt::{self, Persona, System},
    settings::Traits,
    templates,
    workspace::{self, Files, SETTINGS, Stamp, Workspace},
};

/// System prompts kept per agent: one per tier and size that its models have, and a day's change.
const SYSTEMS_MAX: usize = 4;

/// What the workspace said when it was last read.
#[derive(Debug)]
pub(crate) struct Character {
    pub stamp: Stamp,
    pub traits: Traits,
    /// The model that requests name; empty where the gateway's own choice for the agent holds.
    pub model: String,
    texts: Files,
    systems: Mutex<Vec<(SystemKey, Arc<System>)>>,
}

/// What a system prompt depends on, besides the workspace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SystemKey {
    pub tier: Tier,
    pub bytes_max: usize,
    /// The UTC day.
    pub day: String,
    /// All agents, as one line.
    pub roster: Arc<str>,
}

impl Character {
    /// Reads the settings and the texts. `stamp` was taken before, so that a change meanwhile is seen later.
    ///
    /// # Errors
    /// The settings are broken.
    pub(crate) fn read(
        agent: &AgentId,
        configured: Option<&AgentOptions>,
        workspace: &Workspace,
        stamp: Stamp,
    ) -> Result<Self, workspace::Error> {
        let settings = workspace.read_settings()?;
        let defaults = templates::defaults(agent);
        let configured = configured.map(AgentOptions::traits);
        let traits = settings.traits(&defaults, configured.as_ref());
        let is_gateways_choice = traits.model == defaults.model
            || configured.is_some_and(|configured| traits.model == configured.model);
        Ok(Self {
            stamp,
            model: if is_gateways_choice {
                String::new()
            } else {
                traits.model.clone().unwrap_or_default()
            },
            traits,
            texts: workspace.read_texts(),
            systems: Mutex::default(),
        })
    }

    /// Where the model of the agent was chosen, if that is in its own settings, and how to take it back.
    pub(crate) fn model_hint(&self, agent: &AgentId) -> Option<String> {
        let model = &self.model;
        (!model.is_empty()).then(|| {
            format!(
                "the model `{model}` is set in agents/{agent}/{SETTINGS}; `openclaw agent config {agent} set model null` takes it back"
            )
        })
    }

    /// The system prompt; rendered once for every combination that is in use.
    pub(crate) fn system(&self, agent: &AgentId, key: SystemKey) -> Arc<System> {
        let mut systems = self.systems.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, system)) = systems.iter().find(|(known, _)| *known == key) {
            return Arc::clone(system);
        }
        let persona = Persona {
            agent,
            name: &self.traits.name,
            role: &self.traits.role,
            files: &self.texts,
            day: &key.day,
            roster: &key.roster,
        };
        let system = Arc::new(prompt::system(&persona, key.tier, key.bytes_max));
        if systems.len() >= SYSTEMS_MAX {
            systems.clear();
        }
        systems.push((key, Arc::clone(&system)));
        system
    }
}
