//! Finds, reads, and checks the configuration: command line over environment over file over default.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{
    check::{Checker, ENVIRONMENT, PORT_VARIABLE, router::Found},
    config::Config,
    environment::Environment,
    expand,
    file::{self, Presence},
    json5::Node,
    litellm,
    locate::{self, STATE_VARIABLE},
    normal::{Members, Normalizer},
    paths::{self, Paths, Unusable},
    problem::{Problem, Problems, Severity},
    roster,
    schema::{self, Table},
    section::Section,
    upstream::{self, Owner},
};

/// Where problems of the state directory are said to be.
pub const STATE_DIRECTORY: &str = "state directory";

/// What the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--config`.
    pub config_file: Option<PathBuf>,
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
    /// `--port`.
    pub port: Option<u16>,
    /// `--bind`.
    pub bind: Option<String>,
    /// What `openclaw router run` says; it opens the router's port whatever the file says of it.
    pub router: Option<RouterOverrides>,
}

/// What the command line says of the router.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouterOverrides {
    /// `--config`: the LiteLLM file.
    pub config: Option<PathBuf>,
    /// `--port`.
    pub port: Option<u16>,
    /// `--bind`.
    pub bind: Option<String>,
}

impl Overrides {
    /// With what the environment says where the command line says nothing: all that comes from outside the file.
    /// Paths become absolute.
    #[must_use]
    pub fn with_environment(self, environment: &Environment) -> Self {
        let port = || environment.value(PORT_VARIABLE)?.trim().parse().ok();
        Self {
            config_file: locate::named_config(&self, environment),
            state_dir: locate::named_state(&self, environment),
            port: self.port.or_else(port),
            bind: self.bind,
            router: self.router,
        }
    }
}

/// A configuration the gateway can start with.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Checked.
    pub config: Config,
    /// Warnings and degradations, in file order.
    pub problems: Vec<Problem>,
}

/// Why there is no configuration to start with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be used, or what it asks for is unsafe; exit with [`crate::EX_CONFIG`].
    #[error("the configuration forbids a start ({} problems)", problems.len())]
    Refused {
        /// All problems found, at least one of them fatal.
        problems: Vec<Problem>,
    },
}

/// Reads and checks everything. Writes nothing.
///
/// # Errors
/// Only for a file that can't be read or parsed, a state directory that can't be used, or an unsafe bind.
pub fn load(overrides: &Overrides, environment: &Environment) -> Result<Loaded, Error> {
    attempted(overrides, environment, paths::usable)
}

/// The same for who only looks: a state directory that can be read is enough, and so is one that is not there.
///
/// # Errors
/// As [`load`], but for a state directory that can't be written.
pub fn look(overrides: &Overrides, environment: &Environment) -> Result<Loaded, Error> {
    attempted(overrides, environment, paths::readable)
}

/// What a state directory must be.
type Fitness = fn(&Path) -> Result<(), Unusable>;

fn attempted(
    overrides: &Overrides,
    environment: &Environment,
    fitness: Fitness,
) -> Result<Loaded, Error> {
    let mut problems = Problems::new("openclaw.json");
    let mut of_litellm = Problems::new("litellm_config.yaml");
    let config = attempt(
        overrides,
        environment,
        fitness,
        (&mut problems, &mut of_litellm),
    );
    let is_fatal = problems.is_fatal();
    let mut problems = problems.into_sorted();
    problems.extend(of_litellm.into_sorted());
    match config {
        Some(config) if !is_fatal => Ok(Loaded { config, problems }),
        _ => Err(Error::Refused { problems }),
    }
}

/// Where things are, as far as even a configuration that forbids a start tells: for looking at a gateway that runs
/// with an earlier one, and for stopping it. Writes nothing.
#[must_use]
pub fn locate(overrides: &Overrides, environment: &Environment) -> Option<Paths> {
    let mut problems = Problems::new("openclaw.json");
    let named_state = locate::named_state(overrides, environment);
    let home_state = environment.home().map(|home| paths::default_state(&home));
    let first_state = named_state.clone().or(home_state)?;
    let (config_file, presence) = locate::config_file(overrides, environment, &first_state);
    let node = file::read(&config_file, presence, &mut problems);
    let members = normalized(node, environment, &mut problems);
    let root = Section::root(&members, schema::root());
    let state = named_state
        .or_else(|| locate::workspace(&root, &config_file, environment, &mut problems))
        .unwrap_or(first_state);
    Some(Paths { state, config_file })
}

fn attempt(
    overrides: &Overrides,
    environment: &Environment,
    fitness: Fitness,
    (problems, of_litellm): (&mut Problems, &mut Problems),
) -> Option<Config> {
    let named_state = locate::named_state(overrides, environment);
    let home_state = environment.home().map(|home| paths::default_state(&home));
    let Some(first_state) = named_state.clone().or_else(|| home_state.clone()) else {
        problems
            .outside(
                Severity::Fatal,
                ENVIRONMENT,
                "HOME",
                "not set, so there is no place for the state",
            )
            .hint(format!("set HOME or {STATE_VARIABLE}, or pass --state-dir"));
        return None;
    };
    let (config_file, presence) = locate::config_file(overrides, environment, &first_state);
    problems.set_file(config_file.display().to_string());
    let node = file::read(&config_file, presence, problems);
    if problems.is_fatal() {
        return None;
    }
    let stamped = presence == Presence::Optional && node.as_ref().is_some_and(upstream::wrote);
    let members = normalized(node, environment, problems);
    let root = Section::root(&members, schema::root());
    let state = match named_state {
        Some(state) => state,
        None => {
            locate::workspace(&root, &config_file, environment, problems).unwrap_or(first_state)
        }
    };
    fit(&state, fitness, problems)?;
    owned(&state, stamped.then_some(config_file.as_path()), problems)?;
    let paths = Paths { state, config_file };
    let removed = removed(&paths, problems);
    let mut checker = Checker {
        environment,
        overrides,
        problems,
    };
    let mut config = checker.config(&root, paths, &removed);
    let file = litellm_file(&root, &config.paths, &checker);
    let found = match file {
        None => Found::Nothing,
        Some(file) => litellm::read(&file, environment, config.models.deadlines, of_litellm),
    };
    config.router = checker.router(&root, found);
    Some(config)
}

/// The LiteLLM file: the one named, or the first where it is looked for.
fn litellm_file(root: &Section<'_>, paths: &Paths, checker: &Checker<'_>) -> Option<PathBuf> {
    let home = checker.environment.home();
    let named = checker.router_file(root).map(|text| {
        let path = expand::path(&text, home.as_deref());
        // As with `workspace`: a relative path starts beside the file, one of the command line where it was typed.
        let directory = match &checker.overrides.router {
            Some(RouterOverrides {
                config: Some(_), ..
            }) => None,
            _ => paths.config_file.parent(),
        };
        let path = directory.map_or_else(|| path.clone(), |directory| directory.join(&path));
        paths::absolute(&path)
    });
    named.or_else(|| litellm::find(&paths.state, home.as_deref()))
}

fn normalized(node: Option<Node>, environment: &Environment, problems: &mut Problems) -> Members {
    let mut normalizer = Normalizer {
        table: Table::Openclaw,
        environment,
        problems,
        unset: None,
        told: BTreeSet::new(),
    };
    node.map(|node| normalizer.root(node)).unwrap_or_default()
}

fn fit(state: &Path, fitness: Fitness, problems: &mut Problems) -> Option<()> {
    let why = match fitness(state) {
        Ok(()) => return Some(()),
        Err(why) => why,
    };
    problems
        .outside(Severity::Fatal, STATE_DIRECTORY, "", why.to_string())
        .hint("give this user the directory, or name another with --state-dir");
    None
}

/// Leaves a directory of upstream OpenClaw alone.
fn owned(state: &Path, stamped: Option<&Path>, problems: &mut Problems) -> Option<()> {
    let (evidence, shared) = match upstream::owner(state) {
        Owner::Upstream { evidence } => (evidence, false),
        Owner::Both { evidence } => (evidence, true),
        Owner::Ours => return Some(()),
        Owner::Nobody => match stamped {
            Some(config_file) => (config_file.to_path_buf(), false),
            None => return Some(()),
        },
    };
    let evidence = evidence.display();
    if shared {
        problems
            .outside(
                Severity::Warning,
                STATE_DIRECTORY,
                "",
                format!("upstream OpenClaw keeps its state here too: {evidence}"),
            )
            .hint("give one of the two another directory with --state-dir");
        return Some(());
    }
    problems
        .outside(
            Severity::Fatal,
            STATE_DIRECTORY,
            "",
            format!("{} belongs to upstream OpenClaw: it holds {evidence}; nothing was touched", state.display()),
        )
        .hint(format!(
            "use another directory with --state-dir or {STATE_VARIABLE}; your data there can be imported later, and its configuration can be read with --config"
        ));
    None
}

fn removed(paths: &Paths, problems: &mut Problems) -> BTreeSet<String> {
    match roster::removed(&paths.roster()) {
        Ok(removed) => removed,
        Err(error) => {
            problems.outside(
                Severity::Degraded,
                &paths.roster().display().to_string(),
                "",
                format!("can't be read: {error}; every agent of the roster runs"),
            );
            BTreeSet::new()
        }
    }
}
