//! `openclaw gateway validate`: every problem at once, and whether a start would be refused.

use openclaw_agents::offline;
use openclaw_config::{Config, Problem, Severity};
use serde_json::{Value, json};

use crate::{
    error::Failure,
    output::{self, Output, counted, problem_text, problem_value},
    place::{Place, forbidden},
};

/// Checks the configuration and the workspaces.
pub(super) fn run(place: &Place, output: Output) -> Result<(), Failure> {
    match place.check(None) {
        Ok((config, problems)) => passed(output, &config, &problems),
        Err(problems) => refused(output, &problems),
    }
}

fn refused(output: Output, problems: &[Problem]) -> Result<(), Failure> {
    if output.json {
        let shown: Vec<Value> = problems.iter().map(problem_value).collect();
        output.value(&json!({"starts": false, "problems": shown}))?;
    } else {
        list(problems);
    }
    Err(forbidden(problems).told())
}

fn passed(output: Output, config: &Config, problems: &[Problem]) -> Result<(), Failure> {
    let workspaces = workspaces(config)?;
    let count = |severity: Severity| {
        let of_it = problems
            .iter()
            .filter(|problem| problem.severity == severity);
        of_it.count()
    };
    let degraded = count(Severity::Degraded) + workspaces.len();
    let warnings = count(Severity::Warning);
    if output.json {
        let shown: Vec<Value> = problems.iter().map(problem_value).collect();
        output.value(&json!({
            "starts": true,
            "config": config.paths.config_file,
            "stateDir": config.paths.state,
            "litellm": config.router.litellm.as_ref().map(|litellm| &litellm.file),
            "agents": config.agents.len(),
            "degraded": degraded,
            "warnings": warnings,
            "problems": shown,
            "workspaces": workspaces,
        }))?;
    } else {
        list(problems);
        if let Some(litellm) = &config.router.litellm {
            output::line(&format!(
                "{}: {} are used",
                litellm.file.display(),
                counted(litellm.deployments.len(), "deployment")
            ));
        }
        for workspace in &workspaces {
            output::line(&format!("degraded: {workspace}"));
        }
        output::line(&format!(
            "{}: {} agents, {degraded} degraded, {}; a start would succeed",
            file(config),
            config.agents.len(),
            counted(warnings, "warning"),
        ));
    }
    if degraded > 0 {
        let what = counted(degraded, "unit");
        return Err(Failure::new(format!("{what} degraded"))
            .hint("each is named above, with its place")
            .told());
    }
    Ok(())
}

/// What was checked; a missing file is a configuration too.
fn file(config: &Config) -> String {
    let path = config.paths.config_file.display();
    if config.paths.config_file.exists() {
        path.to_string()
    } else {
        format!("{path} (absent, so everything is as built in)")
    }
}

fn list(problems: &[Problem]) {
    for problem in problems {
        output::line(&problem_text(problem));
    }
}

/// What stands in the way of an agent's workspace. A missing one is no problem: the start makes it.
fn workspaces(config: &Config) -> Result<Vec<String>, Failure> {
    let agents = super::super::agents::resting(config)?;
    let reason = |agent: offline::Resting| {
        let id = agent.id;
        agent.reason.map(|reason| format!("agent {id}: {reason}"))
    };
    Ok(agents.into_iter().filter_map(reason).collect())
}
