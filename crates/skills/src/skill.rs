//! A skill: what a model reads, what it needs, and where it is from.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use openclaw_types::AgentId;

/// Where a skill is from; later ones win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// In the binary.
    Bundled,
    /// Installed for all agents.
    State,
    /// In an agent's workspace.
    Workspace,
}

impl Source {
    /// The source in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bundled => "bundled",
            Self::State => "state",
            Self::Workspace => "workspace",
        }
    }
}

/// What a skill needs to be of use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requires {
    /// Programs, all of them.
    pub bins: Vec<String>,
    /// Programs, any of them.
    pub any_bins: Vec<String>,
    /// Variables of the environment.
    pub env: Vec<String>,
    /// Tools of the agent.
    pub tools: Vec<String>,
    /// Systems, any of them; all when there are none.
    pub os: Vec<String>,
}

/// A skill that can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Skill {
    /// Its name, which is that of its directory.
    pub name: String,
    /// What it is for and when it is of use.
    pub description: String,
    /// Its version, in its own words.
    pub version: Option<String>,
    /// What it needs.
    pub requires: Requires,
    /// The only agents that see it; all when there are none.
    pub agents: BTreeSet<AgentId>,
    /// Whether it is left out of the prompt's listing, and only run when somebody names it.
    pub is_hidden: bool,
    /// Numbers that its decisions use.
    pub thresholds: BTreeMap<String, f64>,
    /// Files it keeps its state in, below the agent's workspace.
    pub state_files: Vec<String>,
    /// The instructions.
    pub body: String,
    /// Where it is from.
    pub source: Source,
    /// Its directory; none for one in the binary.
    pub dir: Option<PathBuf>,
    /// SHA-256 of its files.
    pub digest: String,
}

/// What there is around an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Directories of programs.
    pub path: Vec<PathBuf>,
    /// Names of the variables that are set.
    pub env: BTreeSet<String>,
    /// Names of the agent's tools.
    pub tools: BTreeSet<String>,
}

/// Something a skill needs and does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// A program.
    #[error("the program {0}")]
    Bin(String),
    /// Any of some programs.
    #[error("one of the programs {}", .0.join(", "))]
    AnyBin(Vec<String>),
    /// A variable.
    #[error("the variable {0}")]
    Env(String),
    /// A tool.
    #[error("the tool {0}")]
    Tool(String),
    /// The system.
    #[error("one of the systems {}", .0.join(", "))]
    Os(Vec<String>),
}

impl Skill {
    /// Whether an agent may see it.
    #[must_use]
    pub fn is_for(&self, agent: &AgentId) -> bool {
        self.agents.is_empty() || self.agents.contains(agent)
    }

    /// What it needs and does not have; looks for programs, and runs none.
    #[must_use]
    pub fn missing(&self, around: &Surroundings) -> Vec<Missing> {
        let Requires {
            bins,
            any_bins,
            env,
            tools,
            os,
        } = &self.requires;
        let has_bin = |name: &String| around.path.iter().any(|dir| is_program(&dir.join(name)));
        let mut missing = Vec::new();
        if !os.is_empty() && !os.iter().any(|name| is_this_system(name)) {
            missing.push(Missing::Os(os.clone()));
        }
        missing.extend(
            bins.iter()
                .filter(|name| !has_bin(name))
                .cloned()
                .map(Missing::Bin),
        );
        if !any_bins.is_empty() && !any_bins.iter().any(has_bin) {
            missing.push(Missing::AnyBin(any_bins.clone()));
        }
        missing.extend(
            env.iter()
                .filter(|name| !around.env.contains(*name))
                .cloned()
                .map(Missing::Env),
        );
        missing.extend(
            tools
                .iter()
                .filter(|name| !around.tools.contains(*name))
                .cloned()
                .map(Missing::Tool),
        );
        missing
    }
}

fn is_this_system(name: &str) -> bool {
    let name = if name == "darwin" { "macos" } else { name };
    name == std::env::consts::OS
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
