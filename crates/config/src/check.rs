//! The typed tree in, the checked configuration out, with every problem found on the way.

mod agents;
mod gateway;
mod memory;
pub(crate) mod models;
mod plugins;
mod providers;
pub(crate) mod router;
mod routing;
mod session;

use std::collections::BTreeSet;

use crate::{
    config::{Config, Router},
    environment::Environment,
    json5::Position,
    load::Overrides,
    paths::Paths,
    problem::{Added, Problems, Severity},
    section::Section,
};

/// What the checks share.
pub(crate) struct Checker<'a> {
    pub environment: &'a Environment,
    pub overrides: &'a Overrides,
    pub problems: &'a mut Problems,
}

/// The name of the environment as the source of a problem.
pub(crate) const ENVIRONMENT: &str = "environment";

/// The name of the command line as the source of a problem.
pub(crate) const COMMAND_LINE: &str = "command line";
/// Names the port, below the command line and above the file.
pub(crate) const PORT_VARIABLE: &str = "OPENCLAW_GATEWAY_PORT";

impl Checker<'_> {
    /// Checks the whole file. `removed` are the built-in agents that were deleted.
    pub(crate) fn config(
        &mut self,
        root: &Section<'_>,
        paths: Paths,
        removed: &BTreeSet<String>,
    ) -> Config {
        let models = self.models(root);
        Config {
            paths,
            gateway: self.gateway(root),
            agents: self.agents(root, removed),
            routing: self.routing(root),
            router: Router::default(),
            memory: self.memory(root, &models.discovery.ollama_url),
            embedding: self.embedding(root),
            session: self.session(root),
            limits: self.limits(root),
            plugins: self.plugins(root),
            skills_path: self.skills_path(root),
            log_level: self.log_level(root),
            models,
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

    fn log_level(&mut self, root: &Section<'_>) -> String {
        const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
        const VARIABLE: &str = "OPENCLAW_LOG_LEVEL";
        if let Some(level) = self.environment.value(VARIABLE) {
            let level = level.to_lowercase();
            if LEVELS.contains(&level.as_str()) {
                return level;
            }
            self.problems
                .outside(
                    Severity::Degraded,
                    ENVIRONMENT,
                    VARIABLE,
                    "not a log level; it is ignored",
                )
                .hint(format!("one of {}", LEVELS.join(", ")));
        }
        root.section("logging").text_or_default("level").to_owned()
    }
}
