//! `agent_model_mappings`: what agents' virtual models stand for.

use std::collections::BTreeMap;

use openclaw_types::AgentId;
use serde_json::{Map, Value};

use super::{Reader, shares};
use crate::{
    config::{AgentMapping, Deployment, Mode, PerKind},
    expand,
    json5::Position,
    secret::{Opaque, Origin, Secret},
    section::Section,
};

/// What virtual models of agents start with.
const VIRTUAL: &str = "agent/";

impl Reader<'_> {
    /// The mappings. A `provider/model` that no group is called, with a key of its own, becomes a deployment.
    pub(super) fn agents(
        &mut self,
        root: &Section<'_>,
        deployments: &mut Vec<Deployment>,
    ) -> BTreeMap<AgentId, AgentMapping> {
        let mut agents = BTreeMap::new();
        for (name, entry) in root.section("agent_model_mappings").entries() {
            let section = entry.section();
            let Some(id) = self.agent_id(entry.at(), section.path(), name) else {
                continue;
            };
            if let Some(primary) = section.text("primary")
                && section.has("api_key_env")
            {
                self.keyed(&section, primary, deployments);
            }
            let fallbacks = section.text("fallback").map(str::to_owned);
            let chain = section.texts("fallback_chain").unwrap_or_default();
            let mut tried: Vec<String> = Vec::new();
            for reference in fallbacks.into_iter().chain(chain) {
                if !tried.contains(&reference) {
                    tried.push(reference);
                }
            }
            let mut defaults = Map::new();
            for key in ["max_tokens", "temperature"] {
                if let Some(value) = section.json(key) {
                    defaults.insert(key.to_owned(), value);
                }
            }
            let mapping = AgentMapping {
                primary: section.text("primary").map(str::to_owned),
                fallbacks: tried,
                defaults: Opaque(Value::Object(defaults)),
            };
            agents.insert(id, mapping);
        }
        agents
    }

    /// `steward`, or its virtual model `agent/steward`.
    pub(super) fn agent_id(&mut self, at: Position, path: &str, name: &str) -> Option<AgentId> {
        let bare = name.strip_prefix(VIRTUAL).unwrap_or(name);
        let id = AgentId::parse(bare).ok();
        if id.is_none() {
            self.degraded(at, path, "not an agent's id; it is left out")
                .hint("write `steward`, for example");
        }
        id
    }

    /// A deployment for a primary that is called with a key of its own.
    fn keyed(&mut self, section: &Section<'_>, primary: &str, deployments: &mut Vec<Deployment>) {
        let is_group = deployments.iter().any(|known| known.group == primary);
        let (at, path) = (section.at("api_key_env"), section.path_of("api_key_env"));
        let variable = section.text("api_key_env").unwrap_or_default();
        if is_group {
            // The group has keys of its own; another variable would be left without effect in silence.
            let same = |known: &Deployment| {
                known.group == primary && known.key_variable.as_deref() == Some(variable)
            };
            if !deployments.iter().any(same) {
                self.warning(
                    at,
                    path,
                    "the group of this name has keys of its own; they are used",
                );
            }
            return;
        }
        if !expand::is_name(variable) {
            self.degraded(at, path, "not a variable's name; the key is ignored");
            return;
        }
        let Some(value) = self.environment.value(variable) else {
            let message = format!("the environment variable {variable} is not set");
            self.degraded(at, path, message);
            return;
        };
        let key = Secret::new(value, Origin::Environment(variable.to_owned()));
        let Some(mut target) = self.target_of(section, "primary", primary) else {
            return;
        };
        target.key = Some(key);
        target.key_variable = Some(variable.to_owned());
        deployments.push(Deployment {
            line: section.start().line,
            id: None,
            group: primary.to_owned(),
            provider: target.provider,
            model: target.model,
            api: target.api,
            base_url: target.base_url,
            key: target.key,
            key_variable: target.key_variable,
            headers: indexmap::IndexMap::new(),
            order: 0,
            weight: None,
            rpm: None,
            tpm: None,
            price: None,
            context_window: 0,
            max_output: 0,
            reads_images: true,
            calls_tools: None,
            reasoning: false,
            mode: Mode::Chat,
            description: String::new(),
            deadlines: self.deadlines,
            stream_deadlines: self.deadlines,
            num_retries: None,
            cooldown_ms: None,
            allowed_fails: None,
            allowed_fails_policy: PerKind::default(),
            drop_params: false,
            extra: Opaque(Value::Object(Map::new())),
        });
        shares::fill_in(deployments);
    }
}
