//! Which skills are disabled, and for which agents some are kept; `state.json` beside the installed skills.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use openclaw_types::AgentId;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    files::{self, Found},
    front_matter::is_name,
    limits::STATE_BYTES_MAX,
};

const VERSION: u64 = 1;
const FILE: &str = "state.json";

/// What was decided about skills, whatever they say of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    version: u64,
    /// Skills that no agent sees.
    #[serde(default)]
    disabled: BTreeSet<String>,
    /// Skills that only these agents see.
    #[serde(default)]
    agents: BTreeMap<String, BTreeSet<String>>,
}

impl Settings {
    /// Reads the settings of a directory of skills; without a file everything is enabled.
    ///
    /// # Errors
    /// When the file is not ours, or the disk refuses.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let settings: Self = match read_json(&path)? {
            Some(settings) => settings,
            None => return Ok(Self::default()),
        };
        if settings.version != VERSION {
            return Err(Error::Foreign { path, source: None });
        }
        Ok(settings)
    }

    /// Enables or disables a skill, durably.
    ///
    /// # Errors
    /// When the name is none, the file is not ours, or the disk refuses.
    pub fn set_enabled(dir: &Path, name: &str, is_enabled: bool) -> Result<Self, Error> {
        Self::change(dir, name, |settings| {
            if is_enabled {
                settings.disabled.remove(name);
            } else {
                settings.disabled.insert(name.to_owned());
            }
        })
    }

    /// Keeps a skill for some agents, or gives it back to all; durably.
    ///
    /// # Errors
    /// When the name is none, the file is not ours, or the disk refuses.
    pub fn keep_for(dir: &Path, name: &str, agents: Option<&[AgentId]>) -> Result<Self, Error> {
        Self::change(dir, name, |settings| {
            settings.agents.remove(name);
            if let Some(agents) = agents {
                let agents = agents
                    .iter()
                    .map(|agent| agent.as_str().to_owned())
                    .collect();
                settings.agents.insert(name.to_owned(), agents);
            }
        })
    }

    /// Whether a skill is enabled.
    #[must_use]
    pub fn is_enabled(&self, name: &str) -> bool {
        !self.disabled.contains(name)
    }

    /// Whether an agent may see a skill.
    #[must_use]
    pub fn lets(&self, agent: &AgentId, name: &str) -> bool {
        let agents = self.agents.get(name);
        self.is_enabled(name) && agents.is_none_or(|agents| agents.contains(agent.as_str()))
    }

    fn change(dir: &Path, name: &str, act: impl FnOnce(&mut Self)) -> Result<Self, Error> {
        if !is_name(name) {
            let name = name.chars().take(64).collect();
            return Err(Error::Unknown {
                name,
                nearest: None,
            });
        }
        files::create_dir(dir).map_err(|error| Error::disk("make", dir, error))?;
        let _lock = files::lock_dir(dir).map_err(|error| Error::disk("lock", dir, error))?;
        let mut settings = Self::read(dir)?;
        act(&mut settings);
        settings.version = VERSION;
        write_json(&dir.join(FILE), &settings)?;
        Ok(settings)
    }
}

pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Error> {
    match files::read(path, STATE_BYTES_MAX).map_err(|error| Error::disk("read", path, error))? {
        Found::Nothing => Ok(None),
        Found::Bytes(bytes) => match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(Error::Foreign {
                path: path.into(),
                source: Some(error),
            }),
        },
        Found::TooLarge | Found::Odd => Err(Error::Foreign {
            path: path.into(),
            source: None,
        }),
    }
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let encoded = serde_json::to_vec_pretty(value).map_err(std::io::Error::from);
    let written = encoded.and_then(|mut bytes| {
        bytes.push(b'\n');
        files::replace(path, &bytes)
    });
    written.map_err(|error| Error::disk("write", path, error))
}
