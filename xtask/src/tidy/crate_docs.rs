//! Every crate's root introduces itself in four paragraphs, and every module in a sentence.

use super::{Report, Tree, is_test};

/// What it is, what it is not, where to start, and its invariants.
const PARAGRAPHS: usize = 4;

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for (file, text) in tree.rust() {
        if !file.contains("src/") || is_test(file) {
            continue;
        }
        let lines: Vec<&str> = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .map(|line| line.trim_start_matches("//!").trim())
            .collect();
        let Some(first) = lines.first() else {
            report.problem(
                file,
                1,
                "the module has no `//!` sentence that says what it is for",
            );
            continue;
        };
        let end = lines
            .split(|line| line.is_empty())
            .next()
            .unwrap_or_default()
            .join(" ");
        if first.is_empty()
            || !end
                .trim_end_matches(['`', ')'])
                .ends_with(['.', ':', '?', '!'])
        {
            report.problem(file, 1, "the module's first paragraph is not a sentence");
        }
        if file.ends_with("src/lib.rs") {
            let paragraphs = lines
                .split(|line| line.is_empty())
                .filter(|lines| !lines.is_empty())
                .count();
            if paragraphs < PARAGRAPHS {
                let text = format!(
                    "the crate introduces itself in {paragraphs} paragraphs; what it is, what it is not, where to \
                     start, and its invariants make {PARAGRAPHS}"
                );
                report.problem(file, 1, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_need_four_paragraphs_and_modules_a_sentence() {
        let tree = Tree::of([
            (
                "crates/a/src/lib.rs",
                "//! One.\n//! Still one.\n//!\n//! Two.\n\n//! not counted\n",
            ),
            (
                "crates/b/src/lib.rs",
                "//! One.\n//!\n//! Two.\n//!\n//! Three.\n//!\n//! Four.\n",
            ),
            ("crates/b/src/one.rs", "use x;\n"),
            ("crates/b/src/two.rs", "//! two\n"),
            ("crates/b/src/three.rs", "//! Reads `a.json`.\n"),
            ("crates/b/tests/it/main.rs", "use x;\n"),
        ]);
        let mut report = Report::default();
        check(&tree, &mut report);
        assert_eq!(
            report.lines(),
            [
                "crates/a/src/lib.rs:1: the crate introduces itself in 2 paragraphs; what it is, what it is not, \
                 where to start, and its invariants make 4",
                "crates/b/src/one.rs:1: the module has no `//!` sentence that says what it is for",
                "crates/b/src/two.rs:1: the module's first paragraph is not a sentence",
            ]
        );
    }
}
