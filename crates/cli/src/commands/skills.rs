//! `openclaw skills …`; skills are files, so no gateway is needed. Agents have what is new with their next run.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_skills::{
    Error, Library, Plan, Problem, Settings, Severity, Skill, Surroundings, remove, validate,
};
use openclaw_types::SystemEnv;
use serde_json::{Value, json};

use super::agents::agent_id;
use crate::{
    args::Skills,
    error::{self, Failure},
    output::{self, Output, table},
    place::Place,
};

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: &Skills) -> Result<(), Failure> {
    let paths = place.home()?.paths;
    let dir = paths.state.join("skills");
    match command {
        Skills::List { agent } => {
            let workspaces = paths.agents();
            list(
                place,
                output,
                &dir,
                agent.as_deref().map(|agent| (agent, workspaces.as_path())),
            )
        }
        Skills::Show { name } => show(output, &dir, name),
        Skills::Validate { path } => check(output, path),
        Skills::Install { from, digest, yes } => {
            install(output, &dir, from, (digest.as_deref(), *yes))
        }
        Skills::Remove { name } => {
            remove(&dir, name, &SystemEnv).map_err(|error| failed(&error))?;
            output.either(&json!({"removed": name}), || format!("{name} is removed"))
        }
        Skills::Enable { name } => enable(output, &dir, name, true),
        Skills::Disable { name } => enable(output, &dir, name, false),
    }
}

fn failed(error: &Error) -> Failure {
    let failure = Failure::from_error(error);
    match error {
        Error::Unknown { .. } => failure
            .hint("`openclaw skills list` shows all")
            .code(error::NOT_FOUND),
        Error::Problems { problems } => {
            problems
                .iter()
                .skip(1)
                .for_each(|problem| output::note(&problem.to_string()));
            failure
        }
        _ => failure,
    }
}

fn open(dir: &Path) -> Result<Library, Failure> {
    let (library, problems) = Library::open(dir).map_err(|error| failed(&error))?;
    problems
        .iter()
        .for_each(|problem| output::note(&problem.to_string()));
    Ok(library)
}

fn list(
    place: &Place,
    output: Output,
    dir: &Path,
    of: Option<(&str, &Path)>,
) -> Result<(), Failure> {
    let library = open(dir)?;
    let skills: Vec<Arc<Skill>> = match of {
        Some((agent, workspaces)) => {
            let agent = agent_id(agent)?;
            let workspace = workspaces.join(agent.as_str());
            let (skills, problems) = library.for_agent(&agent, Some(&workspace), None);
            problems
                .iter()
                .for_each(|problem| output::note(&problem.to_string()));
            skills
        }
        None => library.all().into_iter().cloned().collect(),
    };
    let environment = place.environment();
    let path = environment.value("PATH").unwrap_or_default();
    let around = Surroundings {
        path: path
            .split(':')
            .filter(|dir| !dir.is_empty())
            .map(PathBuf::from)
            .collect(),
        env: environment
            .variables()
            .map(|(name, _)| name.to_owned())
            .collect(),
        // Which tools there are depends on the agent, and is judged when it runs.
        tools: skills
            .iter()
            .flat_map(|skill| skill.requires.tools.clone())
            .collect::<BTreeSet<_>>(),
    };
    let rows: Vec<Value> = skills
        .iter()
        .map(|skill| row(skill, library.settings(), &around))
        .collect();
    output.either(&rows, || {
        let cell = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let line = |row: &Value| {
            ["name", "source", "state", "description"]
                .map(|key| cell(row, key))
                .to_vec()
        };
        let lines: Vec<_> = rows.iter().map(line).collect();
        table(&["Skill", "From", "State", "What for"], &lines)
    })
}

fn row(skill: &Skill, settings: &Settings, around: &Surroundings) -> Value {
    let missing: Vec<String> = skill
        .missing(around)
        .iter()
        .map(ToString::to_string)
        .collect();
    let state = if !settings.is_enabled(&skill.name) {
        "disabled".to_owned()
    } else if missing.is_empty() {
        "ready".to_owned()
    } else {
        format!("lacks {}", missing.join(", "))
    };
    json!({
        "name": skill.name,
        "description": skill.description,
        "version": skill.version,
        "source": skill.source.as_str(),
        "enabled": settings.is_enabled(&skill.name),
        "missing": missing,
        "state": state,
        "digest": skill.digest,
        "agents": skill.agents.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn show(output: Output, dir: &Path, name: &str) -> Result<(), Failure> {
    let library = open(dir)?;
    let skill = library.get(name).map_err(|error| failed(&error))?;
    let value = json!({
        "name": skill.name,
        "description": skill.description,
        "version": skill.version,
        "source": skill.source.as_str(),
        "digest": skill.digest,
        "requires": {
            "bins": skill.requires.bins,
            "anyBins": skill.requires.any_bins,
            "env": skill.requires.env,
            "tools": skill.requires.tools,
            "os": skill.requires.os,
        },
        "thresholds": skill.thresholds,
        "state": skill.state_files,
        "body": skill.body,
    });
    output.either(&value, || {
        let head = format!(
            "{} ({}, {})",
            skill.name,
            skill.source.as_str(),
            skill.digest
        );
        format!("{head}\n{}\n\n{}", skill.description, skill.body)
    })
}

fn check(output: Output, path: &Path) -> Result<(), Failure> {
    let problems = validate(path);
    let is_usable = problems
        .iter()
        .all(|problem| problem.severity == Severity::Warning);
    let told: Vec<Value> = problems.iter().map(told).collect();
    output.either(&json!({"usable": is_usable, "problems": told}), || {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        if lines.is_empty() {
            "it is in order".to_owned()
        } else {
            lines.join("\n")
        }
    })?;
    if is_usable {
        return Ok(());
    }
    let failure = Failure::new(format!("{} is not in order", path.display()));
    Err(if output.json { failure.told() } else { failure })
}

fn told(problem: &Problem) -> Value {
    json!({
        "file": problem.file,
        "line": problem.line,
        "error": problem.severity == Severity::Error,
        "what": problem.what.to_string(),
    })
}

fn install(
    output: Output,
    dir: &Path,
    from: &Path,
    (digest, yes): (Option<&str>, bool),
) -> Result<(), Failure> {
    let plan = Plan::new(from, dir, digest).map_err(|error| failed(&error))?;
    plan.warnings
        .iter()
        .for_each(|problem| output::note(&problem.to_string()));
    if plan.is_changed_since {
        output::note(
            "its files are not those that were installed; the difference is to what is there",
        );
    }
    if plan.installed.is_some() && !plan.diff.is_empty() && !yes {
        output::note(plan.diff.trim_end());
        let message = format!(
            "{} is there, and would be changed as shown",
            plan.skill.name
        );
        return Err(Failure::new(message).hint("the same with --yes changes it"));
    }
    let installed = plan.apply(&SystemEnv).map_err(|error| failed(&error))?;
    let value = json!({
        "name": installed.name,
        "digest": installed.digest,
        "updated": installed.is_update,
        "diff": installed.diff,
    });
    output.either(&value, || {
        format!("{} is installed: {}", installed.name, installed.digest)
    })
}

fn enable(output: Output, dir: &Path, name: &str, is_enabled: bool) -> Result<(), Failure> {
    // A name that nobody has is a slip of the pen, unless it was disabled before.
    let known = Settings::read(dir).is_ok_and(|settings| !settings.is_enabled(name));
    if !known {
        open(dir)?.get(name).map_err(|error| failed(&error))?;
    }
    Settings::set_enabled(dir, name, is_enabled).map_err(|error| failed(&error))?;
    let word = if is_enabled { "enabled" } else { "disabled" };
    output.either(&json!({"name": name, "enabled": is_enabled}), || {
        format!("{name} is {word}")
    })
}
