//! Which state directory and configuration a command is about, and what is wrong with them.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use openclaw_config::{
    self as config, Config, Environment, Overrides, Paths, Problem, RouterOverrides, Secret,
    Severity,
};
use openclaw_gateway::lock;

use crate::{
    args::{Global, Listen, RouterListen},
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
    /// Where a gateway runs already, and what it was told; empty until it is asked for.
    running: Option<(PathBuf, lock::Record)>,
}

impl Place {
    pub(crate) fn new(global: Global) -> Self {
        Self {
            global,
            environment: Environment::capture(),
            running: None,
        }
    }

    /// Means the configuration file that the running gateway was started with, where none is named here.
    pub(crate) fn follow_running(&mut self) {
        let paths = config::locate(&self.overrides(None), &self.environment);
        self.running = paths.and_then(|paths| {
            let record = lock::holder(&paths.state)?;
            Some((paths.state, record))
        });
    }

    /// The gateway that ran when this command began.
    pub(crate) fn running(&self) -> Option<&lock::Record> {
        self.running.as_ref().map(|(_state, record)| record)
    }

    /// What was said here by flags, and nothing else.
    pub(crate) fn said(&self, listen: &Listen) -> lock::Flags {
        let config = self.global.config.as_deref();
        let config = config.and_then(|path| std::path::absolute(path).ok());
        lock::Flags {
            config: config.as_deref().and_then(Path::to_str).map(str::to_owned),
            port: listen.port,
            bind: listen.bind,
        }
    }

    /// The same as they are typed again, for hints.
    pub(crate) fn words(&self) -> String {
        let mut words = String::new();
        for (flag, path) in [
            ("--state-dir", &self.global.state_dir),
            ("--config", &self.global.config),
        ] {
            if let Some(path) = path {
                let path = output::quoted(&path.display().to_string());
                words.push_str(&format!("{flag} {path} "));
            }
        }
        words
    }

    /// What the running gateway was told.
    fn running_flags(&self) -> Option<&lock::Flags> {
        self.running.as_ref().map(|(_state, record)| &record.flags)
    }

    /// The variables this program was started with.
    pub(crate) const fn environment(&self) -> &Environment {
        &self.environment
    }

    fn overrides(&self, listen: Option<&Listen>) -> Overrides {
        let named = Overrides {
            config_file: self.global.config.clone(),
            state_dir: self.global.state_dir.clone(),
            port: listen.and_then(|listen| listen.port),
            bind: listen
                .and_then(|listen| listen.bind)
                .map(|bind| bind.to_string()),
            router: None,
        };
        let mut named = named.with_environment(&self.environment);
        if let Some((state, record)) = &self.running {
            named.state_dir.get_or_insert_with(|| state.clone());
            let config = record.flags.config.as_ref().map(PathBuf::from);
            named.config_file = named.config_file.or(config);
        }
        named
    }

    /// The configuration for a router alone; what is wrong with it is printed. `--config` names the LiteLLM file, unless
    /// it is one of ours by its ending.
    pub(crate) fn load_router(&self, listen: &RouterListen) -> Result<Config, Failure> {
        let mut overrides = self.overrides(None);
        let named = self.global.config.clone();
        let is_ours = |path: &PathBuf| {
            let ending = path.extension().and_then(std::ffi::OsStr::to_str);
            matches!(ending, Some("json" | "json5"))
        };
        let litellm = named.filter(|path| !is_ours(path));
        if litellm.is_some() {
            overrides.config_file = None;
        }
        overrides.router = Some(RouterOverrides {
            config: litellm,
            port: listen.port,
            bind: listen.bind.map(|bind| bind.to_string()),
        });
        match config::load(&overrides, &self.environment) {
            Ok(loaded) => {
                say(&loaded.problems);
                Ok(loaded.config)
            }
            Err(config::Error::Refused { problems }) => Err(refused(problems)),
        }
    }

    /// What a gateway started from here is told beside its configuration file.
    pub(crate) fn flags(&self, listen: &Listen) -> lock::Flags {
        let named = self.overrides(Some(listen));
        let config = named.config_file.as_deref().and_then(Path::to_str);
        lock::Flags {
            config: config.map(str::to_owned),
            port: named.port,
            bind: listen.bind,
        }
    }

    /// Where the gateway is to listen: as said here, else as the running one was told.
    pub(crate) fn listen_again(&self, listen: &Listen) -> Listen {
        let said = self.flags(listen);
        let running = self.running_flags();
        Listen {
            port: said.port.or_else(|| running.and_then(|flags| flags.port)),
            bind: said.bind.or_else(|| running.and_then(|flags| flags.bind)),
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
        let (config, problems) = self.check(listen).map_err(refused)?;
        say(&problems);
        Ok(config)
    }

    /// The same for commands that only look: the state directory need not be writable.
    pub(crate) fn look(&self) -> Result<Config, Vec<Problem>> {
        match config::look(&self.overrides(None), &self.environment) {
            Ok(loaded) => Ok(loaded.config),
            Err(config::Error::Refused { problems }) => Err(problems),
        }
    }

    /// The configuration for commands that only look; its warnings are the daemon's business.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        self.look().map_err(refused)
    }

    /// Where a gateway that may run already is reached; a configuration that forbids a start forbids no more than
    /// that, and what is wrong with it is printed.
    pub(crate) fn home(&self) -> Result<Home, Failure> {
        let problems = match self.look() {
            Ok(config) => return Ok(Home::from(&config)),
            Err(problems) => problems,
        };
        let paths = config::locate(&self.overrides(None), &self.environment);
        let Some(paths) = paths else {
            return Err(refused(problems));
        };
        say(&problems);
        Ok(Home { paths, token: None })
    }

    /// The arguments that make another call of this program mean the same place.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let named = self.overrides(None);
        let mut arguments = Vec::new();
        for (flag, path) in [
            ("--state-dir", &named.state_dir),
            ("--config", &named.config_file),
        ] {
            if let Some(path) = path {
                arguments.push(flag.into());
                arguments.push(path.into());
            }
        }
        arguments
    }
}

/// Prints problems that are no failure yet.
pub(crate) fn say(problems: &[Problem]) {
    for problem in problems {
        output::note(&output::problem_text(problem));
    }
}

/// A refused configuration as one failure, with every problem.
pub(crate) fn refused(problems: Vec<Problem>) -> Failure {
    forbidden(&problems).problems(problems)
}

/// The failure alone, where the problems are shown otherwise.
pub(crate) fn forbidden(problems: &[Problem]) -> Failure {
    let fatal = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Fatal);
    let count = fatal.clone().count();
    let message = if fatal
        .clone()
        .all(|problem| problem.file == config::STATE_DIRECTORY)
    {
        "the state directory can't be used".to_owned()
    } else {
        format!("the configuration forbids a start ({count} fatal)")
    };
    Failure::new(message)
        .hint("mend what is listed above; `openclaw gateway validate` checks again")
        .code(error::CONFIG)
}
