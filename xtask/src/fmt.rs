//! Formats the code with imports grouped and merged.

use crate::{error::Error, repo::Repo, step::Step};

/// These two settings aren't stable in the file but are on the command line.
const IMPORTS: &str = "imports_granularity=Crate,group_imports=StdExternalCrate";

pub(crate) fn run(repo: &Repo, check: bool) -> Result<(), Error> {
    for (title, folder) in [
        ("format", "."),
        ("format the model daemon", "modeld"),
        ("format the fuzz targets", "fuzz"),
    ] {
        if !repo.has(&format!("{folder}/Cargo.toml")) {
            continue;
        }
        let mut step = Step::cargo(title, &repo.path(folder))
            .args(["fmt", "--all", "--"])
            .args(["--config", IMPORTS])
            .hint("run `cargo xtask fmt`");
        if check {
            step = step.args(["--check"]);
        }
        step.run()?;
    }
    Ok(())
}
