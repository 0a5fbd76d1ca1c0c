//! A home directory of its own for each test.

use std::{fs, path::PathBuf};

use openclaw_config::{Config, Environment, Error, Loaded, Overrides, Problem, load};

/// The sample of the specification, verbatim.
pub(crate) const SAMPLE: &str = include_str!("../fixtures/seed.json");

pub(crate) struct Home {
    directory: tempfile::TempDir,
    pub overrides: Overrides,
    variables: Vec<(String, String)>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            overrides: Overrides::default(),
            variables: Vec::new(),
        }
    }

    /// A home whose `~/.openclaw/openclaw.json` has this text.
    pub(crate) fn with(text: impl AsRef<[u8]>) -> Self {
        let home = Self::new();
        home.write(".openclaw/openclaw.json", text);
        home
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    pub(crate) fn write(&self, relative: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn environment(&self) -> Environment {
        let home = self.directory.path().to_str().unwrap().to_owned();
        let mut variables = self.variables.clone();
        variables.push(("HOME".to_owned(), home));
        Environment::of(variables)
    }

    pub(crate) fn load(&self) -> Result<Loaded, Error> {
        load(&self.overrides, &self.environment())
    }

    /// The configuration and its problems; panics with them if the start is refused.
    pub(crate) fn loaded(&self) -> (Config, Vec<Problem>) {
        match self.load() {
            Ok(Loaded { config, problems }) => (config, problems),
            Err(error) => panic!("{error:#?}"),
        }
    }

    /// All problems, whether or not they forbid a start.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        match self.load() {
            Ok(loaded) => loaded.problems,
            Err(Error::Refused { problems }) => problems,
        }
    }

    /// The problems as lines, this home's directory cut out.
    pub(crate) fn report(&self) -> String {
        report(&self.problems()).replace(self.directory.path().to_str().unwrap(), "~")
    }
}

pub(crate) fn report(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        text.push_str(&format!("{}: {problem}\n", problem.severity.as_str()));
        if let Some(hint) = &problem.hint {
            text.push_str(&format!("    hint: {hint}\n"));
        }
    }
    text
}
