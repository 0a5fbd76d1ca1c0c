//! Runs clippy on everything, warnings being errors.

use crate::{error::Error, repo::Repo, step::Step};

pub(crate) fn run(repo: &Repo) -> Result<(), Error> {
    Step::cargo("lint", repo.root())
        .args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
        .run()
}
