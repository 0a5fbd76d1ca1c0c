//! An agent's directory: made from templates where files are missing, never overwritten, read with care.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use openclaw_types::AgentId;

use self::file::{as_text, create_whole, make_dir, read_head};
pub(crate) use self::file::{make_dirs, replace};
use crate::{
    options::AgentOptions,
    roster::{self, Roster},
    settings::{self, SETTINGS_BYTES_MAX, Settings},
    templates,
};

mod file;

/// The part of a workspace file that a prompt shows, in bytes: five thousand tokens of English.
pub const FILE_BYTES_MAX: usize = 20_000;

/// The six texts of a workspace, in the order in which a prompt shows them.
pub const TEXTS: [&str; 6] = [
    "SOUL.md",
    "IDENTITY.md",
    "AGENTS.md",
    "TOOLS.md",
    "USER.md",
    "MEMORY.md",
];
/// The agent's own settings.
pub const SETTINGS: &str = "config.json";
/// The agent's transcript; the session store writes it.
const TRANSCRIPT: &str = "session.jsonl";

/// Why a workspace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory is a symbolic link.
    #[error("the workspace of `{agent}` is a symbolic link, {}; put the directory itself there", path.display())]
    SymbolicLink {
        /// Whose.
        agent: AgentId,
        /// Where.
        path: PathBuf,
    },
    /// Something else stands where the directory should be.
    #[error("the workspace of `{agent}` is not a directory, {}", path.display())]
    NotADirectory {
        /// Whose.
        agent: AgentId,
        /// Where.
        path: PathBuf,
    },
    /// The directory belongs to another user.
    #[error("the workspace of `{agent}` belongs to user {owner} and not to {expected}, {}", path.display())]
    ForeignOwner {
        /// Whose.
        agent: AgentId,
        /// Where.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who should.
        expected: u32,
    },
    /// The disk refused.
    #[error("{action} {}", path.display())]
    Disk {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The agent's settings are broken.
    #[error("{}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: settings::Error,
    },
}

fn disk<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| Error::Disk {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Makes what is missing of a configured agent's workspace, an empty transcript included; returns the names
/// of the files made. For while no gateway runs. A deleted agent's workspace is not brought back.
///
/// # Errors
/// The workspace or the roster cannot be used.
pub fn ensure(root: &Path, agent: &AgentOptions) -> Result<Vec<&'static str>, crate::Error> {
    let roster = Roster::load(root.parent().unwrap_or(root).join(roster::FILE))?;
    if roster.is_removed(&agent.id) {
        return Ok(Vec::new());
    }
    fill(root, agent).map_err(|source| crate::Error::Workspace {
        agent: agent.id.clone(),
        source,
    })
}

fn fill(root: &Path, agent: &AgentOptions) -> Result<Vec<&'static str>, Error> {
    make_dirs(root).map_err(disk("create", root))?;
    let traits = (&agent.traits(), &templates::own(&agent.id));
    let mut workspace = templates::open(root, &agent.id, traits, None)?;
    workspace.seed_file(TRANSCRIPT, String::new)?;
    Ok(workspace.made)
}

/// The settings in a workspace that may not be made yet. Nothing is written.
///
/// # Errors
/// The workspace is not ours, or its settings are missing or broken.
pub(crate) fn settings(root: &Path, agent: &AgentId) -> Result<Settings, Error> {
    let path = root.join(agent.as_str());
    let found = fs::symlink_metadata(&path).map_err(disk("look at", &path))?;
    check_owner(agent, &path, &found)?;
    let workspace = Workspace {
        agent: agent.clone(),
        path,
        made: Vec::new(),
    };
    workspace.read_settings()
}

/// What new files say.
pub(crate) struct Seed<'a> {
    /// The text of a file, by name.
    pub text: &'a dyn Fn(&str) -> String,
    /// What `config.json` says.
    pub settings: &'a Settings,
}

/// One agent's directory.
#[derive(Debug, Clone)]
pub struct Workspace {
    agent: AgentId,
    path: PathBuf,
    /// Files that were missing and are there now.
    made: Vec<&'static str>,
}

impl Workspace {
    /// Checks the directory and makes what is missing.
    ///
    /// # Errors
    /// The directory is not ours or cannot be used.
    pub(crate) fn open(root: &Path, agent: &AgentId, seed: &Seed<'_>) -> Result<Self, Error> {
        let path = root.join(agent.as_str());
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_dir(&path).map_err(disk("create", &path))?;
            }
            Err(error) => return Err(disk("look at", &path)(error)),
            Ok(found) => check_owner(agent, &path, &found)?,
        }
        let mut workspace = Self {
            agent: agent.clone(),
            path,
            made: Vec::new(),
        };
        workspace.tighten(&workspace.path, 0o700)?;
        for name in TEXTS {
            workspace.seed_file(name, || (seed.text)(name))?;
        }
        workspace.seed_file(SETTINGS, || seed.settings.to_text())?;
        workspace.tighten(&workspace.path.join(TRANSCRIPT), 0o600)?;
        Ok(workspace)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn seed_file(
        &mut self,
        name: &'static str,
        text: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        let path = self.path.join(name);
        match fs::symlink_metadata(&path) {
            Ok(_) => self.tighten(&path, 0o600),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_whole(&path, text().as_bytes()).map_err(disk("create", &path))?;
                self.made.push(name);
                Ok(())
            }
            Err(error) => Err(disk("look at", &path)(error)),
        }
    }

    /// Takes rights of others away; what a link points to is left alone.
    fn tighten(&self, path: &Path, mode: u32) -> Result<(), Error> {
        let Ok(found) = fs::symlink_metadata(path) else {
            return Ok(());
        };
        if found.file_type().is_symlink() || found.mode() & 0o7777 == mode {
            return Ok(());
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(disk("protect", path))
    }

    /// What the files looked like from outside; as long as it is the same they need not be read again.
    pub(crate) fn stamp(&self) -> Stamp {
        let mut path = self.path.join(SETTINGS);
        let mut stamp = Stamp::default();
        stamp.0[0] = Mark::of(&path);
        for (mark, name) in stamp.0[1..].iter_mut().zip(TEXTS) {
            path.set_file_name(name);
            *mark = Mark::of(&path);
        }
        stamp
    }

    /// Reads the texts; one that is missing or unreadable is empty, and logged.
    pub(crate) fn read_texts(&self) -> Files {
        Files(TEXTS.map(|name| {
            let path = self.path.join(name);
            match read_head(&path, FILE_BYTES_MAX + 4) {
                Ok(bytes) => as_text(&bytes, FILE_BYTES_MAX),
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                Err(error) => {
                    tracing::warn!(agent = %self.agent, path = %path.display(), %error, "workspace file left out of the prompt");
                    String::new()
                }
            }
        }))
    }

    /// Reads `config.json`.
    ///
    /// # Errors
    /// It cannot be read, or is broken.
    pub(crate) fn read_settings(&self) -> Result<Settings, Error> {
        let path = self.path.join(SETTINGS);
        let bytes = read_head(&path, SETTINGS_BYTES_MAX + 1).map_err(disk("read", &path))?;
        Settings::parse(&self.agent, &bytes).map_err(|source| Error::Settings { path, source })
    }

    /// Replaces `config.json` in one step: a reader sees the old one or the new one.
    ///
    /// # Errors
    /// The disk refused; the old file is still there.
    pub(crate) fn write_settings(&self, settings: &Settings) -> Result<(), Error> {
        let path = self.path.join(SETTINGS);
        replace(&path, settings.to_text().as_bytes()).map_err(disk("replace", &path))
    }

    /// Moves the whole directory; not a byte is removed.
    ///
    /// # Errors
    /// The disk refused; the directory is where it was.
    pub(crate) fn move_to(&self, trash: &Path, name: &str) -> Result<PathBuf, Error> {
        make_dirs(trash).map_err(disk("create", trash))?;
        let target = trash.join(name);
        rename(&self.path, &target)?;
        Ok(target)
    }

    /// Undoes [`Self::move_to`].
    ///
    /// # Errors
    /// The disk refused, or something stands where the directory was.
    pub(crate) fn move_back(&self, from: &Path) -> Result<(), Error> {
        rename(from, &self.path)
    }
}

/// Renames a directory where nothing is replaced.
fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    let (cwd, flags) = (rustix::fs::CWD, rustix::fs::RenameFlags::NOREPLACE);
    rustix::fs::renameat_with(cwd, from, cwd, to, flags)
        .map_err(|errno| disk("move", from)(errno.into()))
}

fn check_owner(agent: &AgentId, path: &Path, found: &fs::Metadata) -> Result<(), Error> {
    let (agent, path) = (agent.clone(), path.to_owned());
    let expected = rustix::process::geteuid().as_raw();
    if found.file_type().is_symlink() {
        Err(Error::SymbolicLink { agent, path })
    } else if !found.is_dir() {
        Err(Error::NotADirectory { agent, path })
    } else if found.uid() != expected {
        Err(Error::ForeignOwner {
            agent,
            path,
            owner: found.uid(),
            expected,
        })
    } else {
        Ok(())
    }
}

/// The texts of a workspace, cut to what a prompt may show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(pub(crate) [String; TEXTS.len()]);

impl Files {
    /// Name and text, in the order in which a prompt shows them.
    pub fn in_prompt_order(&self) -> impl Iterator<Item = (&'static str, &str)> {
        TEXTS.into_iter().zip(self.0.iter().map(String::as_str))
    }

    /// `SOUL.md`.
    #[must_use]
    pub fn soul(&self) -> &str {
        &self.0[0]
    }
}

/// How the settings and the texts look from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stamp([Mark; TEXTS.len() + 1]);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mark {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Mark {
    fn of(path: &Path) -> Self {
        // A file that cannot be looked at has the mark of a missing one; reading it says why.
        fs::metadata(path).map_or_else(
            |_| Self::default(),
            |found| Self {
                inode: found.ino(),
                bytes: found.len(),
                modified: (found.mtime(), found.mtime_nsec()),
            },
        )
    }
}

#[cfg(test)]
mod tests;
