//! Everything that must pass, in the order in which it fails fastest.

use std::time::Duration;

use crate::{
    codegen, error::Error, fmt, lint, modeld, output, repo::Repo, setup, step::now, test, tidy,
};

type Check = (&'static str, fn(&Repo) -> Result<(), Error>);

const CHECKS: [Check; 9] = [
    ("prerequisites", |repo| setup::everything(repo, false)),
    ("fmt", |repo| fmt::run(repo, true)),
    ("tidy", tidy::run),
    ("codegen", |repo| codegen::run(repo, true)),
    ("lint", lint::run),
    ("test", test::all),
    ("documentation tests", test::documentation),
    ("modeld", |repo| {
        modeld::build(repo).and_then(|()| modeld::test(repo))
    }),
    ("javascript clients", |repo| {
        if repo.has("tests/js/package.json") {
            test::javascript(repo)
        } else {
            Ok(())
        }
    }),
];

pub(crate) fn run(repo: &Repo) -> Result<(), Error> {
    let started = now();
    let mut rows: Vec<(&str, Option<(bool, Duration)>)> =
        CHECKS.iter().map(|(name, _)| (*name, None)).collect();
    let mut outcome = Ok(());
    for ((_, check), (_, row)) in CHECKS.iter().zip(&mut rows) {
        let began = now();
        outcome = check(repo);
        *row = Some((outcome.is_ok(), began.elapsed()));
        if outcome.is_err() {
            break;
        }
    }
    output::heading("summary");
    for (name, row) in &rows {
        output::line(&match row {
            Some((true, elapsed)) => {
                format!("   {name:<20} ok      {:>9}", output::seconds(*elapsed))
            }
            Some((false, elapsed)) => {
                format!("   {name:<20} FAILED  {:>9}", output::seconds(*elapsed))
            }
            None => format!("   {name:<20} not run"),
        });
    }
    output::line(&format!(
        "   {:<20}         {:>9}",
        "total",
        output::seconds(started.elapsed())
    ));
    outcome
}
