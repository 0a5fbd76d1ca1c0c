//! Recognises the state of upstream OpenClaw, so that it is never touched.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::json5::{Node, Value};

/// Most agent directories looked into.
const AGENTS_MAX: usize = 256;

/// Files that only upstream writes, below the state directory.
const UPSTREAM_FILES: [&str; 6] = [
    "identity/device.json",
    "identity/device-auth.json",
    "devices/paired.json",
    "devices/pending.json",
    "state/openclaw.sqlite",
    "update-check.json",
];

/// Files that only upstream writes, below an agent's directory.
const UPSTREAM_AGENT_FILES: [&str; 4] = [
    "sessions/sessions.json",
    "agent/models.json",
    "agent/auth-profiles.json",
    "agent/openclaw-agent.sqlite",
];

/// Files that only we write, below the state directory.
const OUR_FILES: [&str; 3] = ["token", "gateway.lock", "roster.json"];

/// A file that only we write, below an agent's directory.
const OUR_AGENT_FILE: &str = "session.jsonl";

/// Whose state a directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    Nobody,
    Ours,
    Upstream { evidence: PathBuf },
    Both { evidence: PathBuf },
}

/// Looks for files that only one of the two writes.
pub(crate) fn owner(state: &Path) -> Owner {
    let agents = agent_directories(state);
    let ours = OUR_FILES.iter().any(|file| state.join(file).exists())
        || agents
            .iter()
            .any(|agent| agent.join(OUR_AGENT_FILE).exists());
    let below_state = UPSTREAM_FILES.iter().map(|file| state.join(file));
    let below_agents = agents.iter().flat_map(|agent| {
        let files = UPSTREAM_AGENT_FILES.iter().map(|file| agent.join(file));
        files.chain(database(&agent.join("agent")))
    });
    match (
        ours,
        below_state.chain(below_agents).find(|file| file.exists()),
    ) {
        (false, None) => Owner::Nobody,
        (true, None) => Owner::Ours,
        (false, Some(evidence)) => Owner::Upstream { evidence },
        (true, Some(evidence)) => Owner::Both { evidence },
    }
}

fn agent_directories(state: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(state.join("agents")) else {
        return Vec::new();
    };
    let entries = entries.flatten().take(AGENTS_MAX);
    entries.map(|entry| entry.path()).collect()
}

/// A database of any name in an agent's own directory.
fn database(directory: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?.flatten().take(AGENTS_MAX);
    let mut paths = entries.map(|entry| entry.path());
    paths.find(|path| path.extension().is_some_and(|name| name == "sqlite"))
}

/// Whether upstream's own writer made the file: it stamps what it writes, and no key of ours is in it.
pub(crate) fn wrote(node: &Node) -> bool {
    const OURS: [&str; 8] = [
        "workspace",
        "model_routing",
        "collective",
        "a2a_protocol",
        "embedding",
        "roster",
        "limits",
        "skills_repository",
    ];
    let Value::Object(members) = &node.value else {
        return false;
    };
    let stamps = |key: &str| match key {
        "meta" => &["lastTouchedVersion", "lastTouchedAt"][..],
        "wizard" => &["lastRunVersion", "lastRunAt"],
        _ => &[],
    };
    let stamped = members.iter().any(|member| match &member.node.value {
        Value::Object(below) => below
            .iter()
            .any(|inner| stamps(&member.key).contains(&inner.key.as_str())),
        _ => false,
    });
    let ours = members.iter().any(|member| {
        let is_list = member.key == "agents" && matches!(member.node.value, Value::List(_));
        OURS.contains(&member.key.as_str()) || is_list
    });
    stamped && !ours
}
