//! The texts and traits that new workspaces begin with, carried in the binary.

use std::{path::Path, sync::LazyLock};

use indexmap::IndexMap;
use openclaw_types::AgentId;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    settings::{Settings, Traits, default_session},
    workspace::{self, Seed, Workspace},
};

/// The six texts of one directory, in the order of [`crate::workspace::TEXTS`].
macro_rules! texts {
    ($id:literal) => {
        [
            include_str!(concat!("../../../agents/", $id, "/SOUL.md")),
            include_str!(concat!("../../../agents/", $id, "/IDENTITY.md")),
            include_str!(concat!("../../../agents/", $id, "/AGENTS.md")),
            include_str!(concat!("../../../agents/", $id, "/TOOLS.md")),
            include_str!(concat!("../../../agents/", $id, "/USER.md")),
            include_str!(concat!("../../../agents/", $id, "/MEMORY.md")),
        ]
    };
}

/// The texts of the twelve.
static FOUNDERS: [(&str, [&str; 6]); 12] = [
    ("main", texts!("main")),
    ("steward", texts!("steward")),
    ("alpha", texts!("alpha")),
    ("beta", texts!("beta")),
    ("charlie", texts!("charlie")),
    ("examiner", texts!("examiner")),
    ("explorer", texts!("explorer")),
    ("sentinel", texts!("sentinel")),
    ("coder", texts!("coder")),
    ("dreamer", texts!("dreamer")),
    ("empath", texts!("empath")),
    ("historian", texts!("historian")),
];
/// The texts of everyone else, with placeholders.
static OTHERS: [&str; 6] = texts!("template");

#[derive(Debug, Deserialize)]
struct Roster {
    agents: Vec<Founder>,
}

#[derive(Debug, Deserialize)]
struct Founder {
    id: String,
    name: String,
    role: String,
    emoji: Option<String>,
    model: Option<String>,
    capabilities: Vec<String>,
    skills: Vec<String>,
    parameters: Value,
}

static ROSTER: LazyLock<IndexMap<String, Traits>> = LazyLock::new(|| {
    // A roster that cannot be read has no founders; a test holds that this one can.
    let roster: Roster = serde_json::from_str(include_str!("../../../agents/roster.json"))
        .unwrap_or(Roster { agents: Vec::new() });
    let traits = |founder: Founder| {
        let traits = Traits {
            name: founder.name,
            role: founder.role,
            emoji: founder.emoji,
            model: founder.model,
            session: default_session(),
            capabilities: founder.capabilities,
            skills: founder.skills,
            parameters: founder.parameters,
        };
        (founder.id, traits)
    };
    roster.agents.into_iter().map(traits).collect()
});

/// Whether the agent is one of the twelve.
pub(crate) fn is_founder(agent: &AgentId) -> bool {
    FOUNDERS.iter().any(|(id, _)| *id == agent.as_str())
}

/// What holds for an agent of which nobody said anything.
pub(crate) fn defaults(agent: &AgentId) -> Traits {
    ROSTER
        .get(agent.as_str())
        .cloned()
        .unwrap_or_else(|| Traits::unknown(agent))
}

/// What a new `config.json` says of an agent: its defaults but for the model, whose choice is the gateway's.
pub(crate) fn own(agent: &AgentId) -> Traits {
    Traits {
        model: None,
        ..defaults(agent)
    }
}

/// Opens an agent's workspace; what is missing begins with the agent's texts.
///
/// The texts speak of the agent as `traits` do. Its `config.json` begins with `own`, which leaves out what the
/// gateway's configuration says: a copy of that would hold on when the configuration has changed.
///
/// # Errors
/// The directory is not ours or cannot be used.
pub(crate) fn open(
    root: &Path,
    agent: &AgentId,
    (traits, own): (&Traits, &Traits),
    purpose: Option<&str>,
) -> Result<Workspace, workspace::Error> {
    let fallback = format!("to serve as {} of the collective.", traits.role);
    let settings = Settings::new(agent, own);
    let seed = Seed {
        text: &|file| text(agent, traits, purpose.unwrap_or(&fallback), file),
        settings: &settings,
    };
    Workspace::open(root, agent, &seed)
}

/// The text of a new workspace's file.
fn text(agent: &AgentId, traits: &Traits, purpose: &str, file: &str) -> String {
    let Some(at) = workspace::TEXTS.iter().position(|name| *name == file) else {
        return String::new();
    };
    match FOUNDERS.iter().find(|(id, _)| *id == agent.as_str()) {
        Some((_, texts)) => texts[at].to_owned(),
        None => fill(OTHERS[at], agent, traits, purpose),
    }
}

/// Replaces the placeholders in one pass, so that a value that looks like one stays as it is.
fn fill(template: &str, agent: &AgentId, traits: &Traits, purpose: &str) -> String {
    let values = [
        ("{{AGENT_ID}}", agent.as_str()),
        ("{{AGENT_NAME}}", traits.name.as_str()),
        ("{{AGENT_ROLE}}", traits.role.as_str()),
        ("{{AGENT_PURPOSE}}", purpose),
    ];
    let mut text = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let value = values.iter().find(|(name, _)| rest.starts_with(name));
        let (shown, taken) = value.map_or(("{{", 2), |(name, value)| (*value, name.len()));
        text.push_str(shown);
        rest = &rest[taken..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AgentId {
        AgentId::parse(text).unwrap()
    }

    #[test]
    fn the_roster_and_the_texts_name_the_same_twelve() {
        let listed: Vec<&str> = ROSTER.keys().map(String::as_str).collect();
        let written: Vec<&str> = FOUNDERS.iter().map(|(id, _)| *id).collect();
        assert_eq!(listed, written);
        for (id, traits) in ROSTER.iter() {
            assert!(AgentId::parse(id).is_ok());
            assert!(!traits.name.is_empty() && !traits.role.is_empty());
        }
    }

    #[test]
    fn every_text_begins_with_a_title_and_holds_no_placeholder() {
        for (name, texts) in &FOUNDERS {
            for text in texts {
                assert!(text.starts_with("# ") && !text.contains("{{"), "{name}");
            }
        }
        for file in workspace::TEXTS {
            let text = text(&id("scribe"), &defaults(&id("scribe")), "Writes.", file);
            assert!(text.starts_with("# ") && text.contains("scribe"), "{file}");
            assert!(!text.contains("{{"), "{file}");
        }
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_stays_as_it_is() {
        let traits = Traits {
            name: "{{AGENT_ROLE}}".to_owned(),
            role: "r".to_owned(),
            ..Traits::unknown(&id("x"))
        };
        assert_eq!(
            fill(
                "a {{AGENT_NAME}} {{AGENT_ROLE}} {{OTHER}} {{",
                &id("x"),
                &traits,
                "p"
            ),
            "a {{AGENT_ROLE}} r {{OTHER}} {{"
        );
    }
}
