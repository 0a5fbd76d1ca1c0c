//! The repository: where it is, and which files belong to it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{error::Error, step};

/// Directories that hold what was made, not what was written.
const MADE: [&str; 4] = [".git", "target", "node_modules", "dist"];

#[derive(Debug)]
pub(crate) struct Repo {
    root: PathBuf,
}

impl Repo {
    /// The repository this program was built from, or the one around the current directory.
    pub(crate) fn find() -> Result<Self, Error> {
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let here = std::env::current_dir().ok();
        let above = here.iter().flat_map(|here| here.ancestors());
        built_from
            .into_iter()
            .chain(above)
            .find(|root| root.join("xtask/Cargo.toml").is_file())
            .map(|root| Self {
                root: root.to_owned(),
            })
            .ok_or(Error::NotInRepository)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    pub(crate) fn has(&self, relative: &str) -> bool {
        self.path(relative).exists()
    }

    pub(crate) fn read(&self, relative: &str) -> Result<String, Error> {
        let path = self.path(relative);
        fs::read_to_string(&path).map_err(|source| Error::File { path, source })
    }

    pub(crate) fn write(&self, relative: &str, text: &str) -> Result<(), Error> {
        let path = self.path(relative);
        fs::write(&path, text).map_err(|source| Error::File { path, source })
    }

    /// All files that are tracked or could be, relative to the root, in order.
    pub(crate) fn files(&self) -> Result<Vec<String>, Error> {
        let mut git = Command::new("git");
        git.args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(&self.root);
        let mut files: Vec<String> = match step::capture(&mut git) {
            Ok(listed) => listed.split('\0').map(str::to_owned).collect(),
            // A source archive has no history; what was made is left out by name.
            Err(_) => self.walk()?,
        };
        files.retain(|file| self.path(file).is_file());
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    /// What cargo knows about the packages of the workspace at `manifest`.
    pub(crate) fn metadata(&self, with_dependencies: bool) -> Result<Value, Error> {
        let mut cargo = Command::new("cargo");
        cargo
            .args(["metadata", "--format-version", "1"])
            .current_dir(&self.root);
        if !with_dependencies {
            cargo.arg("--no-deps");
        }
        let text = step::capture(&mut cargo)?;
        serde_json::from_str(&text).map_err(|source| Error::Json {
            program: "cargo metadata".to_owned(),
            source,
        })
    }

    fn walk(&self) -> Result<Vec<String>, Error> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            let failed = |source| Error::File {
                path: folder.clone(),
                source,
            };
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                let is_made = path
                    .file_name()
                    .is_some_and(|name| MADE.iter().any(|made| name == *made));
                if is_made {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(relative) = path.strip_prefix(&self.root) {
                    files.push(relative.to_string_lossy().into_owned());
                }
            }
        }
        Ok(files)
    }
}
