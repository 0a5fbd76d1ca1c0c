//! The twelve built-in agents, and which of them were deleted.

use std::{collections::BTreeSet, fs, io, path::Path, sync::LazyLock};

use openclaw_types::AgentId;
use serde_json::Value;

use crate::{
    config::{Agent, AgentModel},
    secret::Opaque,
};

const BUILT_IN: &str = include_str!("../../../agents/roster.json");

/// The agent that answers when none is named and none is marked.
pub(crate) const DEFAULT_PRIMARY: &str = "main";

/// The agent whose model `main` uses.
pub(crate) const DEFAULT_LEADER: &str = "steward";

/// The data is ours; a test checks that all of it is read.
static AGENTS: LazyLock<Vec<Agent>> = LazyLock::new(|| {
    let roster: Value = serde_json::from_str(BUILT_IN).unwrap_or_default();
    let agents = roster["agents"].as_array().map_or(&[][..], Vec::as_slice);
    agents.iter().filter_map(agent).collect()
});

/// The built-in agents in order.
pub(crate) fn built_in() -> Vec<Agent> {
    AGENTS.clone()
}

fn agent(entry: &Value) -> Option<Agent> {
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let texts = |name: &str| {
        let items = entry[name].as_array().map_or(&[][..], Vec::as_slice);
        let texts = items.iter().filter_map(|item| item.as_str());
        texts.map(str::to_owned).collect()
    };
    Some(Agent {
        id: AgentId::parse(entry["id"].as_str()?).ok()?,
        name: text("name"),
        role: text("role"),
        emoji: text("emoji"),
        purpose: text("purpose"),
        model: AgentModel {
            reference: text("model"),
            fallbacks: Vec::new(),
            stated: false,
        },
        port: entry["port"]
            .as_u64()
            .and_then(|port| u16::try_from(port).ok()),
        capabilities: texts("capabilities"),
        skills: texts("skills"),
        parameters: Opaque(entry["parameters"].clone()),
        primary: false,
        built_in: true,
    })
}

/// The agents that `agent delete` took out of the roster, from `<state>/roster.json`.
///
/// # Errors
/// The file is there but can't be read, or is not `{"removed": [ids]}`.
pub(crate) fn removed(path: &Path) -> Result<BTreeSet<String>, io::Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(BTreeSet::new());
        }
        Err(error) => return Err(error),
    };
    let roster: Value = serde_json::from_str(&text)?;
    let removed = roster["removed"].as_array().map_or(&[][..], Vec::as_slice);
    let ids = removed.iter().filter_map(|id| id.as_str());
    Ok(ids.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twelve_are_all_there_in_order() {
        let ids: Vec<String> = built_in()
            .iter()
            .map(|agent| agent.id.to_string())
            .collect();
        assert_eq!(
            ids.join(" "),
            "main steward alpha beta charlie examiner explorer sentinel coder dreamer empath historian"
        );
        for (index, agent) in built_in().iter().enumerate() {
            assert!(
                !agent.name.is_empty() && !agent.role.is_empty(),
                "{agent:?}"
            );
            assert!(agent.parameters.0.is_object(), "{agent:?}");
            let port = u16::try_from(index).ok().filter(|&index| index > 0);
            assert_eq!(agent.port, port.map(|index| 8_000 + index));
            let leader = if index == 0 {
                "steward"
            } else {
                agent.id.as_str()
            };
            assert_eq!(agent.model.reference, format!("agent/{leader}"));
        }
    }
}
