//! Checks what compilers don't: layers, budgets, documents, names, and licences.

mod budgets;
mod crate_docs;
mod dependencies;
mod glossary;
mod licences;
mod links;
mod names;
mod source;
mod words;

use std::collections::BTreeMap;

use crate::{error::Error, output, repo::Repo, step::now};

/// How many of those over a soft budget are named.
const SOFT_LISTED_MAX: usize = 10;

/// Something out of order, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    file: String,
    line: usize,
    text: String,
}

/// What the checks look at, read once.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Text by path; what isn't text is here with nothing in it.
    files: BTreeMap<String, String>,
}

/// What the checks found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    problems: Vec<Problem>,
    /// Over a soft budget: how far in hundredths of the budget, where, and what.
    soft: Vec<(usize, Problem)>,
}

impl Report {
    pub(crate) fn problem(&mut self, file: &str, line: usize, text: impl Into<String>) {
        self.problems.push(Problem {
            file: file.to_owned(),
            line,
            text: text.into(),
        });
    }

    /// Compares a size with its two budgets.
    pub(crate) fn budget(
        &mut self,
        at: (&str, usize),
        what: &str,
        size: usize,
        budget: (usize, usize),
    ) {
        let ((file, line), (soft, hard)) = (at, budget);
        if size > hard {
            self.problem(
                file,
                line,
                format!("{what} has {size} lines, more than {hard}"),
            );
        } else if size > soft {
            let problem = Problem {
                file: file.to_owned(),
                line,
                text: format!("{what} has {size} lines; {soft} would be better"),
            };
            self.soft.push((size * 100 / soft, problem));
        }
    }
}

impl Tree {
    pub(crate) fn read(repo: &Repo) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        for file in repo.files()? {
            // What isn't text has no lines to check, but links may lead to it.
            let text = repo.read(&file).unwrap_or_default();
            files.insert(file, text);
        }
        Ok(Self { files })
    }

    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(file, text)| (file.as_str(), text.as_str()))
    }

    /// Rust files, those of the model daemon included.
    fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(file, _)| file.ends_with(".rs"))
    }

    fn markdown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(file, _)| file.ends_with(".md"))
    }

    fn text(&self, file: &str) -> &str {
        self.files.get(file).map_or("", String::as_str)
    }

    /// Whether the path is a file, or a directory with files in it.
    fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        if self.files.contains_key(path) || path.is_empty() {
            return true;
        }
        let folder = format!("{path}/");
        self.files
            .range(folder.clone()..)
            .next()
            .is_some_and(|(file, _)| file.starts_with(&folder))
    }
}

/// Whether the file is test code, which has no budgets.
fn is_test(file: &str) -> bool {
    file.contains("/tests/") || file.starts_with("tests/") || file.ends_with("/tests.rs")
}

pub(crate) fn run(repo: &Repo) -> Result<(), Error> {
    output::heading("tidy");
    let started = now();
    let tree = Tree::read(repo)?;
    let metadata = repo.metadata(true)?;
    let mut report = Report::default();
    dependencies::check(&tree, &metadata, &mut report);
    licences::check(&tree, &metadata, &mut report);
    budgets::check(&tree, &mut report);
    crate_docs::check(&tree, &mut report);
    names::check(&tree, &mut report);
    words::check(&tree, &mut report);
    links::check(&tree, &mut report);
    glossary::check(&tree, &mut report);
    print(&mut report);
    if report.problems.is_empty() {
        output::line(&format!(
            "   {} files in order, {}",
            tree.files.len(),
            output::seconds(started.elapsed())
        ));
        return Ok(());
    }
    Err(Error::Tidy {
        count: report.problems.len(),
    })
}

fn print(report: &mut Report) {
    report.soft.sort_by(|one, other| other.cmp(one));
    if !report.soft.is_empty() {
        output::line(&format!("   over a soft budget: {}", report.soft.len()));
    }
    for (_, Problem { file, line, text }) in report.soft.iter().take(SOFT_LISTED_MAX) {
        output::line(&format!("   {file}:{line}: {text}"));
    }
    report.problems.sort();
    for Problem { file, line, text } in &report.problems {
        output::line(&format!("{file}:{line}: {text}"));
    }
}

#[cfg(test)]
impl Tree {
    /// A tree for tests.
    fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let own = |(file, text): (&str, &str)| (file.to_owned(), text.to_owned());
        Self {
            files: files.into_iter().map(own).collect(),
        }
    }
}

#[cfg(test)]
impl Report {
    /// The problems as they would be printed, in order.
    fn lines(mut self) -> Vec<String> {
        self.problems.sort();
        let print = |Problem { file, line, text }| format!("{file}:{line}: {text}");
        self.problems.into_iter().map(print).collect()
    }
}
