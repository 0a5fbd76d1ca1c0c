//! Which agents there are besides the configured ones, and which of those were deleted: `roster.json`.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use openclaw_types::AgentId;
use serde_json::{Value, json};

use crate::{error::Error, templates, workspace};

/// The file, beside the directory of the workspaces.
pub(crate) const FILE: &str = "roster.json";
/// Largest roster, in bytes: ten thousand agents with long names.
const ROSTER_BYTES_MAX: u64 = 4 << 20;

/// Changes of the set of agents that were made by command.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Roster {
    path: PathBuf,
    removed: BTreeSet<AgentId>,
    added: BTreeSet<AgentId>,
}

impl Roster {
    /// Reads the file; where there is none, nothing was changed.
    ///
    /// # Errors
    /// It cannot be read. Going on without it would bring deleted agents back.
    pub(crate) fn load(path: PathBuf) -> Result<Self, Error> {
        match read(&path) {
            Ok(value) => {
                let ids = |key: &str| {
                    let listed = value.get(key).and_then(Value::as_array);
                    listed
                        .into_iter()
                        .flatten()
                        .filter_map(|id| AgentId::parse(id.as_str()?).ok())
                        .collect()
                };
                Ok(Self {
                    removed: ids("removed"),
                    added: ids("added"),
                    path,
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self {
                path,
                ..Self::default()
            }),
            Err(source) => Err(Error::Roster { path, source }),
        }
    }

    pub(crate) fn is_removed(&self, agent: &AgentId) -> bool {
        self.removed.contains(agent)
    }

    /// Notes that an agent was created by command.
    pub(crate) fn add(&mut self, agent: &AgentId) -> Result<(), Error> {
        self.change(|next| {
            next.removed.remove(agent);
            next.added.insert(agent.clone());
        })
    }

    /// Notes that an agent was deleted.
    pub(crate) fn remove(&mut self, agent: &AgentId) -> Result<(), Error> {
        self.change(|next| {
            next.added.remove(agent);
            next.removed.insert(agent.clone());
        })
    }

    fn change(&mut self, change: impl FnOnce(&mut Self)) -> Result<(), Error> {
        let mut next = self.clone();
        change(&mut next);
        let ids = |set: &BTreeSet<AgentId>| Value::from_iter(set.iter().map(AgentId::as_str));
        let value = json!({"removed": ids(&next.removed), "added": ids(&next.added)});
        workspace::replace(&self.path, format!("{value:#}\n").as_bytes()).map_err(|source| {
            Error::Roster {
                path: self.path.clone(),
                source,
            }
        })?;
        *self = next;
        Ok(())
    }

    /// Agents that have a workspace with settings and were not removed: all but those of the twelve that
    /// nobody created by command, because those run when they are configured.
    pub(crate) fn discover(&self, root: &Path) -> Vec<AgentId> {
        let Ok(entries) = fs::read_dir(root) else {
            return Vec::new();
        };
        let mut found: Vec<AgentId> = entries
            .flatten()
            .filter_map(|entry| AgentId::parse(entry.file_name().to_str()?).ok())
            .filter(|agent| {
                let is_wanted = self.added.contains(agent) || !templates::is_founder(agent);
                let settings = root.join(agent.as_str()).join(workspace::SETTINGS);
                is_wanted && !self.is_removed(agent) && settings.is_file()
            })
            .collect();
        found.sort();
        found
    }
}

fn read(path: &Path) -> io::Result<Value> {
    if fs::metadata(path)?.len() > ROSTER_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large"));
    }
    let text = fs::read(path)?;
    let value: Value = serde_json::from_slice(&text)?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "not a JSON object",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AgentId {
        AgentId::parse(text).unwrap()
    }

    #[test]
    fn changes_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.json");
        let mut roster = Roster::load(path.clone()).unwrap();
        roster.add(&id("scribe")).unwrap();
        roster.remove(&id("dreamer")).unwrap();
        let again = Roster::load(path.clone()).unwrap();
        assert_eq!(again, roster);
        assert!(again.is_removed(&id("dreamer")) && !again.is_removed(&id("scribe")));
        roster.remove(&id("scribe")).unwrap();
        roster.add(&id("dreamer")).unwrap();
        assert_eq!(
            fs::read_to_string(path).unwrap(),
            "{\n  \"removed\": [\n    \"scribe\"\n  ],\n  \"added\": [\n    \"dreamer\"\n  ]\n}\n"
        );
    }

    #[test]
    fn a_broken_roster_is_an_error_and_not_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.json");
        for text in ["{", "[]", ""] {
            fs::write(&path, text).unwrap();
            assert!(
                matches!(Roster::load(path.clone()), Err(Error::Roster { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn only_workspaces_with_settings_are_found_and_founders_only_when_created() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["scribe", "gone", "beta", "coder", "Odd Name"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("config.json"), "{}").unwrap();
        }
        fs::create_dir(dir.path().join("empty")).unwrap();
        let mut roster = Roster::load(dir.path().join("roster.json")).unwrap();
        roster.remove(&id("gone")).unwrap();
        roster.add(&id("coder")).unwrap();
        assert_eq!(roster.discover(dir.path()), [id("coder"), id("scribe")]);
        assert_eq!(roster.discover(&dir.path().join("none")), []);
    }
}
