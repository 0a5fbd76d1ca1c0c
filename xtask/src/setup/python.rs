//! The Python packages that the tests run the gateway against: LiteLLM, and the official clients.

use std::{fs, process::Command};

use crate::{
    error::Error,
    repo::Repo,
    step::{self, Step},
};

/// What is needed, each with the hashes of its files.
const REQUIREMENTS: &str = "tests/python/requirements.txt";
/// Where it goes; nothing outside the build folder is touched.
const FOLDER: &str = "target/peers/python";
/// A copy of the requirements that the folder was filled with.
const FILLED_WITH: &str = "target/peers/python.txt";
/// The oldest Python that all of them run on.
const MINOR_MIN: u32 = 10;

/// Fetches the packages unless they are there.
pub(crate) fn packages(repo: &Repo) -> Result<(), Error> {
    let requirements = repo.path(REQUIREMENTS);
    let (folder, filled_with) = (repo.path(FOLDER), repo.path(FILLED_WITH));
    let wanted = fs::read(&requirements).map_err(|source| Error::File {
        path: requirements.clone(),
        source,
    })?;
    if fs::read(&filled_with).is_ok_and(|filled| filled == wanted) {
        return Ok(());
    }
    super::pip(repo)?;
    version()?;
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|source| Error::File {
            path: folder.clone(),
            source,
        })?;
    }
    Step::new(
        "fetch LiteLLM and the official Python clients (minutes, the first time)",
        "python3",
    )
    .args(["-m", "pip", "install", "--require-hashes", "--no-deps"])
    .args(["--only-binary", ":all:", "--no-compile", "--target"])
    .args([folder.as_os_str(), "-r".as_ref(), requirements.as_os_str()])
    .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    .env("PIP_ROOT_USER_ACTION", "ignore")
    .hint("the Python package index must be reachable; only the tests need it")
    .run()?;
    fs::write(&filled_with, wanted).map_err(|source| Error::File {
        path: filled_with,
        source,
    })
}

fn version() -> Result<(), Error> {
    let version = step::capture(Command::new("python3").arg("--version"))?;
    let minor = version
        .trim()
        .strip_prefix("Python 3.")
        .and_then(|rest| rest.split('.').next())
        .and_then(|minor| minor.parse::<u32>().ok());
    if minor >= Some(MINOR_MIN) {
        return Ok(());
    }
    Err(Error::Missing {
        missing: vec![format!(
            "Python 3.{MINOR_MIN} or later (there is {})",
            version.trim()
        )],
        hint: "install a newer python3; only the tests need it".to_owned(),
    })
}
