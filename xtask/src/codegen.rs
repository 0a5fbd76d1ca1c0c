//! Writes the reference pages that come from the code, or says which of them are out of date.

mod command_line;

use crate::{error::Error, output, repo::Repo};

type Page = (&'static str, fn(&Repo) -> Result<String, Error>);

/// Each page and what writes it.
const PAGES: [Page; 1] = [("docs/cli.md", command_line::page)];

pub(crate) fn run(repo: &Repo, check: bool) -> Result<(), Error> {
    let mut stale = Vec::new();
    for (path, page) in PAGES {
        let text = page(repo)?;
        if repo.has(path) && repo.read(path)? == text {
            continue;
        }
        if check {
            stale.push(path.to_owned());
        } else {
            repo.write(path, &text)?;
            output::line(&format!("   wrote {path}"));
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(Error::OutOfDate { pages: stale })
}
