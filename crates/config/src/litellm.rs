//! Reads a `litellm_config.yaml`: YAML in, checked groups, settings, and budgets out.
//!
//! Nothing in it is fatal: a broken member is left out, a broken file is as good as none, and the gateway runs.

mod access;
mod agents;
mod allowance;
mod cache;
mod deployment;
mod fallbacks;
mod provider;
mod settings;
mod shares;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{
    check::router::Found,
    config::{Deadlines, Litellm},
    environment::Environment,
    file,
    json5::{Node, Position, Value},
    normal::Normalizer,
    problem::{Added, Problems, Severity},
    schema::Table,
    section::Section,
    yaml,
};

/// What LiteLLM calls its file.
const FILE: &str = "litellm_config.yaml";

/// What its container calls it.
const FILE_IN_CONTAINER: &str = "config.yaml";

/// Where people keep it, below the home directory.
const DIRECTORY: &str = ".litellm";

/// Ways to lock the door that are not ours: who wrote one of them wants it locked.
const OTHER_LOCKS: [&str; 3] = ["custom_auth", "enable_jwt_auth", "enable_oauth2_auth"];

/// The file, if there is one where it is looked for.
pub(crate) fn find(state: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let directory = home.map(|home| home.join(DIRECTORY));
    let below = |name: &str| directory.as_ref().map(|directory| directory.join(name));
    let places = [
        Some(state.join(FILE)),
        below(FILE),
        below(FILE_IN_CONTAINER),
    ];
    places.into_iter().flatten().find(|place| place.is_file())
}

/// Reads the file. All that is wrong is in `problems`.
pub(crate) fn read(
    file: &Path,
    environment: &Environment,
    deadlines: Deadlines,
    problems: &mut Problems,
) -> Found {
    problems.set_file(file.display().to_string());
    let Some(node) = tree(file, problems) else {
        return Found::Broken;
    };
    let environment = environment.with_defaults(variables(&node, environment));
    let mut normalizer = Normalizer {
        table: Table::Litellm,
        environment: &environment,
        problems,
        unset: None,
        told: BTreeSet::new(),
    };
    let members = normalizer.root(node);
    let root = Section::root(&members, Table::Litellm.root());
    let mut reader = Reader {
        environment: &environment,
        problems,
        deadlines,
    };
    let litellm = Box::new(reader.litellm(&root, file));
    let general = root.section("general_settings");
    let asks_otherwise = OTHER_LOCKS.iter().any(|key| general.has(key));
    Found::Read {
        lacks_key: general.unset("master_key").is_some()
            || asks_otherwise && litellm.master_key.is_none(),
        litellm,
    }
}

fn tree(file: &Path, problems: &mut Problems) -> Option<Node> {
    let text = match file::text(file) {
        Ok(text) => text,
        Err(fault) => {
            let at = fault.position().unwrap_or(Position { line: 0, column: 0 });
            let message = format!("{fault}; nothing of it is used");
            problems
                .at(Severity::Degraded, at, "", message)
                .hint("write the file, or don't name one");
            return None;
        }
    };
    match yaml::parse(&text) {
        Ok(node) if matches!(node.value, Value::Object(_)) => Some(node),
        Ok(node) => {
            let message = "expected an object; nothing of the file is used";
            problems
                .at(Severity::Degraded, node.at, "", message)
                .hint("start the file with a key like `model_list:`");
            None
        }
        Err(error) => {
            let message = format!("{}; nothing of the file is used", error.fault);
            problems.at(Severity::Degraded, error.at, "", message);
            None
        }
    }
}

/// `environment_variables`, which the other values may name.
fn variables(root: &Node, environment: &Environment) -> Vec<(String, String)> {
    let Value::Object(members) = &root.value else {
        return Vec::new();
    };
    let mut variables = Vec::new();
    for member in members {
        let Value::Object(pairs) = &member.node.value else {
            continue;
        };
        if member.key != "environment_variables" {
            continue;
        }
        for pair in pairs {
            let value = match &pair.node.value {
                Value::Text(text) => crate::expand::litellm_variables(text, environment).ok(),
                Value::Integer(number) => Some(number.to_string()),
                Value::Number(number) => Some(number.to_string()),
                Value::Flag(flag) => Some(flag.to_string()),
                Value::Null | Value::List(_) | Value::Object(_) => None,
            };
            variables.extend(value.map(|value| (pair.key.clone(), value)));
        }
    }
    variables
}

/// What the checks share.
struct Reader<'a> {
    environment: &'a Environment,
    problems: &'a mut Problems,
    /// Of calls that the file says nothing about.
    deadlines: Deadlines,
}

impl Reader<'_> {
    fn litellm(&mut self, root: &Section<'_>, file: &Path) -> Litellm {
        let general = root.section("general_settings");
        let settings = root.section("litellm_settings");
        let mut deployments = self.deployments(root);
        let agents = self.agents(root, &mut deployments);
        let groups: BTreeSet<&str> = deployments
            .iter()
            .map(|deployment| deployment.group.as_str())
            .collect();
        let routing = self.routing(root, &groups);
        self.default_groups(&settings, &routing, &groups);
        self.callbacks(&settings);
        Litellm {
            file: file.to_path_buf(),
            default_model: settings.text("default_model").map(str::to_owned),
            cache: self.cache(&settings),
            master_key: self.master_key(&general),
            metrics_need_key: settings.stated_flag("require_auth_for_metrics_endpoint"),
            pass_through: self.pass_through(&general),
            pass_through_timeout_ms: ms(general.fraction("pass_through_request_timeout")),
            request_bytes_max: general
                .stated_fraction("max_request_size_mb")
                .map(|megabytes| (megabytes * 1_048_576.0) as u64),
            budgets: self.budgets(root),
            deployments,
            routing,
            agents,
        }
    }

    /// Something written is not in effect.
    fn degraded(
        &mut self,
        at: Position,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Added<'_> {
        self.problems.at(Severity::Degraded, at, path, message)
    }

    /// Something looks like a mistake.
    fn warning(
        &mut self,
        at: Position,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Added<'_> {
        self.problems.at(Severity::Warning, at, path, message)
    }
}

/// Seconds as milliseconds; the table bounds them.
fn ms(seconds: f64) -> u64 {
    (seconds * 1_000.0).round() as u64
}
