//! Measures one scenario with release builds of the gateway and of the load generator.

use std::ffi::OsString;

use crate::{error::Error, repo::Repo, step::Step};

pub(crate) fn run(repo: &Repo, name: &str, rest: &[OsString]) -> Result<(), Error> {
    Step::cargo("build for release", repo.root())
        .args([
            "build",
            "--release",
            "-p",
            "openclaw-cli",
            "-p",
            "openclaw-bench",
        ])
        .run()?;
    Step::new(
        &format!("measure {name}"),
        repo.path("target/release/openclaw-bench"),
    )
    .args([name])
    .args(rest)
    .dir(repo.root())
    .run()
}
