//! The glossary and the code use the same words: every type it names exists.

use std::collections::BTreeSet;

use super::{Report, Tree, names::declared, source};

const GLOSSARY: &str = "GLOSSARY.md";

pub(super) fn check(tree: &Tree, report: &mut Report) {
    let mut types = BTreeSet::new();
    for (_, text) in tree.rust() {
        let blanked = source::blank(text);
        types.extend(
            declared(&blanked)
                .into_iter()
                .map(|(_, name)| name.to_owned()),
        );
        // Names made by a macro are written as its arguments.
        types.extend(
            source::words(&blanked)
                .filter(|(_, word)| is_type(word))
                .map(|(_, word)| word.to_owned()),
        );
    }
    for (index, line) in tree.text(GLOSSARY).lines().enumerate() {
        for code in line.split('`').skip(1).step_by(2) {
            let last = code.rsplit("::").next().unwrap_or_default();
            if is_type(last) && !types.contains(last) {
                report.problem(GLOSSARY, index + 1, format!("no type `{code}` exists"));
            }
        }
    }
}

fn is_type(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
        && word.chars().any(char::is_lowercase)
        && word.chars().all(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_gone_is_found() {
        let tree = Tree::of([
            (
                "GLOSSARY.md",
                "| run | `RunId`, `runs::Run`, `run.rs` |\n| lane | `Lane` |\n",
            ),
            (
                "crates/a/src/b.rs",
                "id!(RunId);\n// struct Lane;\nstruct Run;\n",
            ),
        ]);
        let mut report = Report::default();
        check(&tree, &mut report);
        assert_eq!(report.lines(), ["GLOSSARY.md:2: no type `Lane` exists"]);
    }
}
