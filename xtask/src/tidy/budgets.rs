//! Sizes: files, functions, crate roots, direct dependencies, and snapshots.

use super::{Report, Tree, is_test, source};

/// Lines of a file, tests not counted: soft and hard.
const FILE: (usize, usize) = (300, 600);
/// Lines of code in a function.
const FUNCTION: (usize, usize) = (40, 70);
/// Lines of code in a crate's `lib.rs`.
const ROOT: (usize, usize) = (80, 150);
/// A snapshot that nobody reads proves nothing.
const SNAPSHOT: (usize, usize) = (100, 300);
/// Tables are long and have one idea; each is exempt from the file budget for the reason beside it.
const TABLES: [(&str, &str); 0] = [];

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for (file, text) in tree.rust() {
        if !is_test(file) {
            check_source(file, text, report);
        }
    }
    for (file, text) in tree.texts() {
        if file.ends_with(".snap") {
            report.budget((file, 1), "the snapshot", text.lines().count(), SNAPSHOT);
        }
    }
}

fn check_source(file: &str, text: &str, report: &mut Report) {
    let blanked = source::blank(text);
    let tests = source::test_modules(&blanked);
    let in_tests = |at: usize| tests.iter().any(|module| module.contains(&at));
    let test_lines: usize = tests
        .iter()
        .map(|module| blanked[module.clone()].lines().count())
        .sum();
    if !TABLES.iter().any(|(table, _)| file == *table) {
        report.budget(
            (file, 1),
            "the file without tests",
            text.lines().count() - test_lines,
            FILE,
        );
    }
    if file.ends_with("src/lib.rs") {
        report.budget(
            (file, 1),
            "the crate's root",
            source::code_lines(&blanked),
            ROOT,
        );
    }
    for function in source::functions(&blanked) {
        if !in_tests(function.at) {
            let what = format!("`{}`", function.name);
            report.budget((file, function.line), &what, function.lines, FUNCTION);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_without_tests_and_comments() {
        let code = "let x = 1;\n".repeat(71);
        let tests = "\n// nothing\n".repeat(400);
        let fine = format!("#[cfg(test)]\nmod tests {{\nfn long() {{\n{code}{tests}}}\n}}\n");
        let long = format!("fn long() {{\n{code}}}\n");
        let tree = Tree::of([
            ("crates/a/src/fine.rs", fine.as_str()),
            ("crates/a/src/long.rs", &long),
            ("crates/a/tests/it/long.rs", &long),
            ("crates/a/src/high.rs", &"\n".repeat(601)),
        ]);
        let mut report = Report::default();
        check(&tree, &mut report);
        assert_eq!(
            report.lines(),
            [
                "crates/a/src/high.rs:1: the file without tests has 601 lines, more than 600",
                "crates/a/src/long.rs:1: `long` has 71 lines, more than 70",
            ]
        );
    }
}
