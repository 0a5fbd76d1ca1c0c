//! Writes the reference pages that come from the code, or says which of them are out of date.

mod command_line;
mod methods;

use crate::{error::Error, output, repo::Repo, step::Step};

type Page = (&'static str, fn(&Repo) -> Result<String, Error>);

/// Each page and what writes it.
const PAGES: [Page; 2] = [
    ("docs/methods.md", methods::page),
    ("docs/cli.md", command_line::page),
];

pub(crate) fn run(repo: &Repo, check: bool) -> Result<(), Error> {
    if !check {
        configuration(repo)?;
    }
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

/// The table of keys stands in the middle of a guide: the test that compares the two also writes it.
fn configuration(repo: &Repo) -> Result<(), Error> {
    Step::cargo("write the table of configuration keys", repo.root())
        .args(["test", "--quiet", "-p", "openclaw-config", "--test", "it"])
        .args(["the_page_holds_every_key"])
        .env("OPENCLAW_WRITE_DOCS", "1")
        .run()
}
