//! Which state directory and configuration a command is about, and what is wrong with them.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use openclaw_config::{
    self as config, Config, Environment, Overrides, Paths, Problem, Secret, Severity,
};

use crate::{
    args::{Global, Listen},
    error::{self, Failure},
    output,
};

/// What is needed to find a gateway and to talk with it.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// Where things are on disk.
    pub(crate) paths: Paths,
    /// The configured token; `None` means the token file.
    pub(crate) token: Option<Secret>,
}

impl From<&Config> for Home {
    fn from(config: &Config) -> Self {
        Self {
            paths: config.paths.clone(),
            token: config.gateway.token.clone(),
        }
    }
}

/// The command line's view of the configuration, read when it is needed.
#[derive(Debug)]
pub(crate) struct Place {
    global: Global,
    environment: Environment,
}

impl Place {
    pub(crate) fn new(global: Global) -> Self {
        Self {
            global,
            environment: Environment::capture(),
        }
    }

    /// The variables this program was started with.
    pub(crate) const fn environment(&self) -> &Environment {
        &self.environment
    }

    fn overrides(&self, listen: Option<&Listen>) -> Overrides {
        Overrides {
            config_file: self.global.config.clone(),
            state_dir: self.global.state_dir.clone(),
            port: listen.and_then(|listen| listen.port),
            bind: listen
                .and_then(|listen| listen.bind)
                .map(|bind| bind.to_string()),
        }
    }

    /// Reads and checks everything; the problems come with it, and alone where they forbid a start.
    pub(crate) fn check(
        &self,
        listen: Option<&Listen>,
    ) -> Result<(Config, Vec<Problem>), Vec<Problem>> {
        match config::load(&self.overrides(listen), &self.environment) {
            Ok(loaded) => Ok((loaded.config, loaded.problems)),
            Err(config::Error::Refused { problems }) => Err(problems),
        }
    }

    /// The configuration for a start; what is wrong with it is printed.
    pub(crate) fn load(&self, listen: Option<&Listen>) -> Result<Config, Failure> {
        let (config, problems) = self.check(listen).map_err(|problems| refused(&problems))?;
        say(&problems);
        Ok(config)
    }

    /// The configuration for commands that only look; its warnings are the daemon's business.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let checked = self.check(None).map_err(|problems| refused(&problems));
        checked.map(|(config, _warnings)| config)
    }

    /// Where a gateway that may run already is reached; a configuration that forbids a start forbids no more than
    /// that, and what is wrong with it is printed.
    pub(crate) fn home(&self) -> Result<Home, Failure> {
        let problems = match self.check(None) {
            Ok((config, _warnings)) => return Ok(Home::from(&config)),
            Err(problems) => problems,
        };
        let failure = refused(&problems);
        let paths = config::locate(&self.overrides(None), &self.environment);
        let paths = paths.ok_or(failure)?;
        Ok(Home { paths, token: None })
    }

    /// The arguments that make another call of this program mean the same place.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut arguments = Vec::new();
        for (flag, path) in [
            ("--state-dir", &self.global.state_dir),
            ("--config", &self.global.config),
        ] {
            if let Some(path) = path {
                arguments.push(flag.into());
                arguments.push(absolute(path).into_os_string());
            }
        }
        arguments
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_unreadable_cwd| path.to_owned())
}

/// A problem as it is printed: how bad, where, what, and the way out.
pub(crate) fn problem_text(problem: &Problem) -> String {
    let mut text = format!("{}: {problem}", problem.severity.as_str());
    if let Some(hint) = &problem.hint {
        text.push_str("\n  hint: ");
        text.push_str(hint);
    }
    text
}

fn say(problems: &[Problem]) {
    for problem in problems {
        output::note(&problem_text(problem));
    }
}

/// A refused configuration as one failure: every problem on a line of its own.
fn refused(problems: &[Problem]) -> Failure {
    say(problems);
    forbidden(problems)
}

/// The failure alone, where the problems are shown otherwise.
pub(crate) fn forbidden(problems: &[Problem]) -> Failure {
    let fatal = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Fatal)
        .count();
    Failure::new(format!("the configuration forbids a start ({fatal} fatal)"))
        .hint("mend what is listed above; `openclaw gateway validate` checks again")
        .code(error::CONFIG)
}
