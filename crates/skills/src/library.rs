//! All skills there are, and which of them an agent has.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use openclaw_types::AgentId;

use crate::{
    bundle, bundled, digest,
    error::Error,
    front_matter::Read,
    limits::{DIR_ENTRIES_MAX, SKILLS_MAX},
    lock::Lock,
    problem::{Problem, What},
    settings::Settings,
    skill::{Skill, Source},
    validate,
};

/// The skills of the binary and those that were installed, and what was decided about them.
#[derive(Debug, Clone, Default)]
pub struct Library {
    skills: BTreeMap<String, Arc<Skill>>,
    settings: Settings,
}

impl Library {
    /// Reads the directory of installed skills, `<state>/skills`; one that does not exist is empty.
    ///
    /// One skill that is not in order does not keep the others from being used.
    ///
    /// # Errors
    /// When the settings or the lock are not ours, or the disk refuses them.
    pub fn open(dir: &Path) -> Result<(Self, Vec<Problem>), Error> {
        let settings = Settings::read(dir)?;
        let lock = Lock::read(dir)?;
        let mut skills: BTreeMap<_, _> = bundled::all()
            .iter()
            .map(|skill| (skill.name.clone(), Arc::clone(skill)))
            .collect();
        let (found, mut problems) = root(dir, Source::State);
        for mut skill in found {
            if let Some(locked) = lock.skills.get(&skill.name) {
                match bundle::of_dir(&dir.join(&skill.name)).map(|files| digest::of_files(&files)) {
                    Ok(digest) if digest == locked.digest => skill.digest = digest,
                    _ => {
                        let file = dir.join(&skill.name);
                        problems.push(Problem::error(&file.to_string_lossy(), 0, What::Changed));
                        continue;
                    }
                }
            }
            skills.insert(skill.name.clone(), Arc::new(skill));
        }
        Ok((Self { skills, settings }, problems))
    }

    /// The skills of the binary alone.
    #[must_use]
    pub fn of_binary() -> Self {
        let skills = bundled::all()
            .iter()
            .map(|skill| (skill.name.clone(), Arc::clone(skill)))
            .collect();
        Self {
            skills,
            settings: Settings::default(),
        }
    }

    /// All skills that every agent may have, enabled or not, by name.
    #[must_use]
    pub fn all(&self) -> Vec<&Arc<Skill>> {
        self.skills.values().collect()
    }

    /// What was decided about skills.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The skills of an agent, by name: those of its workspace first, then those of all.
    ///
    /// `only` are the names that its configuration allows; all when there is none. The workspace is read each time,
    /// because its agent may write there.
    #[must_use]
    pub fn for_agent(
        &self,
        agent: &AgentId,
        workspace: Option<&Path>,
        only: Option<&[String]>,
    ) -> (Vec<Arc<Skill>>, Vec<Problem>) {
        let mut skills = self.skills.clone();
        let mut problems = Vec::new();
        if let Some(workspace) = workspace {
            let (found, wrong) = root(&workspace.join("skills"), Source::Workspace);
            problems = wrong;
            for skill in found {
                skills.insert(skill.name.clone(), Arc::new(skill));
            }
        }
        let is_allowed =
            |name: &str| only.is_none_or(|only| only.iter().any(|allowed| allowed == name));
        let keeps = |skill: &Arc<Skill>| {
            self.settings.lets(agent, &skill.name) && skill.is_for(agent) && is_allowed(&skill.name)
        };
        (skills.into_values().filter(keeps).collect(), problems)
    }

    /// A skill by name.
    ///
    /// # Errors
    /// When there is none; names the one that is most like it.
    pub fn get(&self, name: &str) -> Result<&Arc<Skill>, Error> {
        self.skills.get(name).ok_or_else(|| Error::Unknown {
            name: name.chars().take(64).collect(),
            nearest: self.nearest(name).map(str::to_owned),
        })
    }

    /// The name that shares the longest beginning, if that is more than half of what was asked for.
    fn nearest(&self, name: &str) -> Option<&str> {
        let shared = |other: &str| {
            name.bytes()
                .zip(other.bytes())
                .take_while(|(a, b)| a == b)
                .count()
        };
        let best = self.skills.keys().max_by_key(|other| shared(other))?;
        (shared(best) * 2 > name.len()).then_some(best)
    }
}

/// The skills of one directory, by name.
fn root(dir: &Path, source: Source) -> (Vec<Skill>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut names = Vec::new();
    let shown = dir.to_string_lossy();
    match std::fs::read_dir(dir) {
        Ok(entries) => {
            for entry in entries.take(DIR_ENTRIES_MAX).flatten() {
                let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let name = entry.file_name().to_string_lossy().into_owned();
                // Names with a point are those of installations under way, and of other programs.
                if is_dir && !name.starts_with('.') {
                    names.push(name);
                }
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            let reason = error.to_string();
            problems.push(Problem::error(&shown, 0, What::Unreadable { reason }));
        }
    }
    names.sort_unstable();
    if names.len() > SKILLS_MAX {
        let skills_max = SKILLS_MAX;
        problems.push(Problem::warning(&shown, 0, What::TooMany { skills_max }));
        names.truncate(SKILLS_MAX);
    }
    let mut skills = Vec::new();
    for name in names {
        let Read {
            skill,
            problems: found,
        } = validate::of_dir(&dir.join(&name), Some(&name), source);
        skills.extend(skill);
        problems.extend(found);
    }
    (skills, problems)
}
