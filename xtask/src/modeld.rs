//! Builds and tests the local model's engine, a workspace of its own with a native library inside.

use std::fs;

use crate::{args::Modeld, error::Error, repo::Repo, setup, step::Step};

const FOLDER: &str = "modeld";
const BINARY: &str = "openclaw-modeld";

pub(crate) fn run(repo: &Repo, what: Modeld) -> Result<(), Error> {
    setup::native(repo)?;
    build(repo)?;
    match what {
        Modeld::Build => Ok(()),
        Modeld::Test => test(repo),
    }
}

/// Builds it and puts it beside the gateway's binaries, which is where the gateway looks for it.
pub(crate) fn build(repo: &Repo) -> Result<(), Error> {
    Step::cargo(
        "build the local model's engine (minutes, the first time)",
        &repo.path(FOLDER),
    )
    .args(["build", "--release", "--locked"])
    .env("CARGO_TARGET_DIR", repo.path("modeld/target"))
    .hint("the engine needs cmake, clang, and libclang; `cargo xtask setup` installs them")
    .run()?;
    for profile in ["release", "debug"] {
        let folder = repo.path("target").join(profile);
        place(repo, &folder)?;
    }
    Ok(())
}

pub(crate) fn test(repo: &Repo) -> Result<(), Error> {
    setup::pip(repo)?;
    let folder = repo.path(FOLDER);
    let target = repo.path("modeld/target");
    Step::cargo("lint the local model's engine", &folder)
        .args([
            "clippy",
            "--release",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ])
        .env("CARGO_TARGET_DIR", &target)
        .run()?;
    Step::new("test the local model's engine with its model", "sh")
        .args(["test.sh"])
        .env("CARGO_TARGET_DIR", &target)
        .dir(&folder)
        .run()
}

/// Copies by way of a temporary name: a running engine keeps its old file.
fn place(repo: &Repo, folder: &std::path::Path) -> Result<(), Error> {
    let built = repo.path("modeld/target/release").join(BINARY);
    let target = folder.join(BINARY);
    let part = folder.join(format!("{BINARY}.part"));
    fs::create_dir_all(folder)
        .and_then(|()| fs::copy(&built, &part))
        .and_then(|_| fs::rename(&part, &target))
        .map_err(|source| Error::File {
            path: target,
            source,
        })
}
