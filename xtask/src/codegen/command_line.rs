//! The reference of the command line, from what every command says about itself.

use std::process::Command;

use crate::{
    error::Error,
    repo::Repo,
    step::{self, Step},
};

const INTRODUCTION: &str = "# Command line\n\n\
    Every command and option of `openclaw`, as it describes itself with `--help`.\n\
    `cargo xtask codegen` writes this page.\n";
/// The line below which a command lists its own.
const COMMANDS: &str = "Commands:";

pub(super) fn page(repo: &Repo) -> Result<String, Error> {
    Step::cargo("build the gateway for its reference", repo.root())
        .args(["build", "-p", "openclaw-cli"])
        .run()?;
    let mut page = INTRODUCTION.to_owned();
    describe(repo, &[], &mut page)?;
    Ok(page)
}

fn describe(repo: &Repo, path: &[String], page: &mut String) -> Result<(), Error> {
    let mut command = Command::new(repo.path("target/debug/openclaw"));
    // The width of somebody's terminal must not change the page.
    command.args(path).arg("--help").env("COLUMNS", "100");
    let help = step::capture(&mut command)?;
    let name = [&["openclaw".to_owned()], path].concat().join(" ");
    page.push_str(&format!("\n## `{name}`\n\n```text\n"));
    for line in help.trim_end().lines() {
        page.push_str(line.trim_end());
        page.push('\n');
    }
    page.push_str("```\n");
    for child in children(&help) {
        describe(repo, &[path, &[child.to_owned()]].concat(), page)?;
    }
    Ok(())
}

/// The names below the heading: each starts a line that is indented by two.
fn children(help: &str) -> impl Iterator<Item = &str> {
    help.lines()
        .skip_while(|line| *line != COMMANDS)
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_the_names_below_the_heading() {
        let help = "Usage: x\n\nCommands:\n  gateway  The daemon:\n           run it\n  chat     Talk\n  help     Print\n\nOptions:\n  -h  Help\n";
        assert_eq!(children(help).collect::<Vec<_>>(), ["gateway", "chat"]);
        assert_eq!(children("Usage: x\n").count(), 0);
    }
}
