//! The agents that run: the built-in roster, what the file changes, and what it adds.

use std::collections::{BTreeMap, BTreeSet};

use openclaw_types::AgentId;

use super::Checker;
use crate::{
    config::{Agent, AgentModel},
    json5::Position,
    roster,
    secret::Opaque,
    section::Section,
};

/// One entry of the file, its id known.
struct Listed<'a> {
    id: AgentId,
    section: Section<'a>,
}

impl Checker<'_> {
    pub(super) fn agents(&mut self, root: &Section<'_>, removed: &BTreeSet<String>) -> Vec<Agent> {
        let listed = self.listed(root);
        let only_listed = root.text("roster") == Some("listed");
        let written: BTreeSet<AgentId> = listed.iter().map(|entry| entry.id.clone()).collect();
        let mut agents: Vec<Agent> = roster::built_in();
        agents.retain(|agent| !removed.contains(agent.id.as_str()) || written.contains(&agent.id));
        if only_listed {
            agents.retain(|agent| written.contains(&agent.id));
        }
        let defaults = root.section("agents").section("defaults");
        let mut marked = Vec::new();
        for entry in &listed {
            let place = agents.iter().position(|agent| agent.id == entry.id);
            if !entry.section.flag("enabled") {
                agents.retain(|agent| agent.id != entry.id);
                continue;
            }
            if entry.section.flag("primary") {
                marked.push((entry.id.clone(), entry.section.at("primary")));
            }
            let base = place.map_or_else(|| blank(&entry.id), |place| agents[place].clone());
            let agent = overridden(base, &entry.section);
            match place {
                Some(place) => agents[place] = agent,
                None => agents.push(agent),
            }
        }
        if agents.is_empty() {
            self.degraded(
                root.at("agents"),
                "agents",
                "no agent is left to run; the built-in `main` runs",
            )
            .hint("list at least one agent, or remove `\"roster\": \"listed\"`");
            agents.extend(roster::built_in().into_iter().take(1));
        }
        follow_leader(&mut agents);
        if let Some(model) = model(&defaults) {
            for agent in agents.iter_mut().filter(|agent| !agent.model.stated) {
                agent.model = model.clone();
            }
        }
        self.mark_primary(&mut agents, &marked);
        agents
    }

    /// The file's entries from any of the three shapes, bad ones and duplicates left out.
    fn listed<'a>(&mut self, root: &Section<'a>) -> Vec<Listed<'a>> {
        let agents = root.section("agents");
        let mut candidates: Vec<(Option<&'a str>, Section<'a>, Position)> = Vec::new();
        for entry in root.list("agents").chain(agents.list("list")) {
            if !entry.is_dropped() {
                candidates.push((entry.text(), entry.section(), entry.at()));
            }
        }
        for (key, entry) in agents.section("entries").entries() {
            candidates.push((Some(key), entry.section(), entry.at()));
        }
        let mut listed: Vec<Listed<'a>> = Vec::new();
        let mut places: BTreeMap<AgentId, u32> = BTreeMap::new();
        for (key, section, at) in candidates {
            let Some(id) = self.agent_id(key, &section, at) else {
                continue;
            };
            if let Some(line) = places.get(&id) {
                let message =
                    format!("`{id}` is listed already on line {line}; this one is left out");
                self.degraded(at, section.path(), message)
                    .hint("give it another id, or merge the two");
                continue;
            }
            places.insert(id.clone(), at.line);
            listed.push(Listed { id, section });
        }
        listed
    }

    fn agent_id(
        &mut self,
        key: Option<&str>,
        section: &Section<'_>,
        at: Position,
    ) -> Option<AgentId> {
        let (text, named_by) = match (section.text("id").or(key), section.text("name")) {
            (Some(id), _) => (id.to_owned(), "id"),
            (None, Some(name)) => (name.to_lowercase(), "name"),
            (None, None) => {
                self.degraded(
                    at,
                    section.path(),
                    "an agent without `id` or `name`; it is left out",
                )
                .hint("add `\"name\": \"steward\"`, for example");
                return None;
            }
        };
        match AgentId::parse(&text) {
            Ok(id) => Some(id),
            Err(why) => {
                let path = match section.has(named_by) {
                    true => section.path_of(named_by),
                    false => section.path().to_owned(),
                };
                let added = self.degraded(
                    section.at(named_by),
                    path,
                    format!("{why}; the agent is left out"),
                );
                let slug = slug(&text);
                if AgentId::parse(&slug).is_ok() {
                    added.hint(format!("add `\"id\": \"{slug}\"`"));
                }
                None
            }
        }
    }

    fn mark_primary(&mut self, agents: &mut [Agent], marked: &[(AgentId, Position)]) {
        for (id, at) in marked.iter().skip(1) {
            let message = format!("only one agent is primary; the first one marked is, not `{id}`");
            self.warning(*at, "agents", message);
        }
        let wanted = match marked.first() {
            Some((id, _)) => id.as_str(),
            None => roster::DEFAULT_PRIMARY,
        };
        let place = agents.iter().position(|agent| agent.id.as_str() == wanted);
        if let Some(agent) = agents.get_mut(place.unwrap_or(0)) {
            agent.primary = true;
        }
    }
}

/// `main` uses the model of `steward` unless the file gives it one of its own.
fn follow_leader(agents: &mut [Agent]) {
    let leader = agents
        .iter()
        .find(|agent| agent.id.as_str() == roster::DEFAULT_LEADER)
        .map(|agent| agent.model.clone());
    let follower = agents
        .iter_mut()
        .find(|agent| agent.id.as_str() == roster::DEFAULT_PRIMARY);
    if let (Some(leader), Some(follower)) = (leader, follower)
        && !follower.model.stated
    {
        follower.model = leader;
    }
}

/// A new agent before its entry is read.
fn blank(id: &AgentId) -> Agent {
    Agent {
        id: id.clone(),
        name: id.to_string(),
        role: "agent".to_owned(),
        emoji: String::new(),
        purpose: String::new(),
        model: AgentModel {
            reference: format!("agent/{id}"),
            fallbacks: Vec::new(),
            stated: false,
        },
        port: None,
        capabilities: Vec::new(),
        skills: Vec::new(),
        parameters: Opaque(serde_json::Map::new().into()),
        primary: false,
        built_in: false,
    }
}

fn overridden(mut agent: Agent, entry: &Section<'_>) -> Agent {
    let identity = entry.section("identity");
    let set = |place: &mut String, text: Option<&str>| {
        if let Some(text) = text {
            text.clone_into(place);
        }
    };
    // The name `steward` in an entry is how the file points at the agent, not a new name for it.
    let name = entry.text("name").or_else(|| identity.text("name"));
    set(
        &mut agent.name,
        name.filter(|&name| !agent.built_in || name != agent.id.as_str()),
    );
    set(&mut agent.role, entry.text("role"));
    let emoji = entry.text("emoji").or_else(|| identity.text("emoji"));
    set(&mut agent.emoji, emoji);
    set(&mut agent.purpose, entry.text("description"));
    if let Some(model) = model(entry) {
        agent.model = model;
    }
    agent.port = entry.stated("port").or(agent.port);
    agent.capabilities = entry.texts("capabilities").unwrap_or(agent.capabilities);
    agent.skills = entry.texts("skills").unwrap_or(agent.skills);
    if let Some(serde_json::Value::Object(stated)) = entry.any("parameters")
        && let Some(parameters) = agent.parameters.0.as_object_mut()
    {
        parameters.extend(stated.clone());
    }
    agent
}

/// The model of an entry, from a text or an object.
fn model(entry: &Section<'_>) -> Option<AgentModel> {
    let object = entry.section("model");
    let reference = entry.text("model").or_else(|| object.text("primary"))?;
    Some(AgentModel {
        reference: reference.to_owned(),
        fallbacks: object.texts("fallbacks").unwrap_or_default(),
        stated: true,
    })
}

/// The id that a name could have.
fn slug(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    let joined: Vec<&str> = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect();
    joined.join("-")
}
