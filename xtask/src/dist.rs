//! Builds what is released: stripped binaries, licences, and checksums in one folder.

use std::{fs, path::Path, process::Command};

use crate::{error::Error, modeld, output, repo::Repo, setup, step, step::Step};

const FOLDER: &str = "target/dist";
/// What the gateway's binary may weigh, the local model's engine not included.
const GATEWAY_BYTES_MAX: u64 = 20 * 1024 * 1024;

pub(crate) fn run(repo: &Repo) -> Result<(), Error> {
    setup::native(repo)?;
    Step::cargo("build the gateway for release", repo.root())
        .args(["build", "--release", "--locked", "-p", "openclaw-cli"])
        .run()?;
    modeld::build(repo)?;
    let folder = repo.path(FOLDER);
    fs::create_dir_all(&folder).map_err(|source| Error::File {
        path: folder.clone(),
        source,
    })?;
    let files = [
        "target/release/openclaw",
        "target/release/openclaw-modeld",
        "README.md",
        "LICENSE",
        "LICENSE-APACHE",
        "LICENSE-MIT",
    ];
    let mut names = Vec::new();
    for file in files {
        let source = repo.path(file);
        let name = source.file_name().unwrap_or_default().to_owned();
        copy(&source, &folder.join(&name))?;
        names.push(name);
    }
    weigh(&folder.join("openclaw"), GATEWAY_BYTES_MAX)?;
    let sums = step::capture(Command::new("sha256sum").args(&names).current_dir(&folder))?;
    repo.write(&format!("{FOLDER}/SHA256SUMS"), &sums)?;
    output::line(&format!("\n{sums}\nin {FOLDER}"));
    Ok(())
}

fn copy(source: &Path, target: &Path) -> Result<(), Error> {
    fs::copy(source, target)
        .map(drop)
        .map_err(|error| Error::File {
            path: source.to_owned(),
            source: error,
        })
}

fn weigh(path: &Path, bytes_max: u64) -> Result<(), Error> {
    let bytes = path
        .metadata()
        .map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })?
        .len();
    if bytes <= bytes_max {
        return Ok(());
    }
    Err(Error::TooLarge {
        path: path.to_owned(),
        bytes,
        bytes_max,
    })
}
