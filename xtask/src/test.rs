//! Runs the tests: nextest for all but those in the documentation, which only cargo itself can run.

use std::ffi::OsString;

use crate::{error::Error, repo::Repo, setup, step::Step};

pub(crate) fn run(repo: &Repo, filter: Option<&str>, rest: &[OsString]) -> Result<(), Error> {
    setup::nextest(repo)?;
    if filter.is_none() {
        setup::python::packages(repo)?;
    }
    let step = Step::cargo("test", repo.root())
        .args(["nextest", "run", "--workspace"])
        .args(filter)
        .args(rest);
    step.run()?;
    // A filter asks for particular tests; those in the documentation have no names worth filtering by.
    if filter.is_none() {
        documentation(repo)
    } else {
        Ok(())
    }
}

/// Everything, without stopping at the first failure.
pub(crate) fn all(repo: &Repo) -> Result<(), Error> {
    Step::cargo("test", repo.root())
        .args(["nextest", "run", "--workspace", "--profile", "ci"])
        .hint("run one test alone with `cargo xtask test NAME`")
        .run()
}

pub(crate) fn documentation(repo: &Repo) -> Result<(), Error> {
    Step::cargo("test the documentation", repo.root())
        .args(["test", "--workspace", "--doc", "--quiet"])
        .run()
}

/// The clients written in JavaScript, where their folder exists.
pub(crate) fn javascript(repo: &Repo) -> Result<(), Error> {
    let folder = repo.path("tests/js");
    Step::cargo("build the gateway for the clients", repo.root())
        .args([
            "build",
            "-p",
            "openclaw-cli",
            "-p",
            "openclaw-tests",
            "--bins",
        ])
        .run()?;
    Step::new("install the JavaScript clients", "npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .dir(&folder)
        .run()?;
    Step::new("test the JavaScript clients", "npm")
        .args(["test"])
        .env("OPENCLAW_BIN", repo.path("target/debug/openclaw"))
        .env(
            "OPENCLAW_TEST_BACKEND",
            repo.path("target/debug/openclaw-test-backend"),
        )
        .dir(&folder)
        .run()
}
