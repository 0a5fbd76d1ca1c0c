//! Type names: a word that fits everything says nothing.

use super::{Report, Tree, source};

const DECLARATIONS: [&str; 5] = ["struct", "enum", "trait", "type", "union"];
/// If nothing but such a word fits, the thing is two things.
const EMPTY_WORDS: [&str; 13] = [
    "Manager",
    "Service",
    "Processor",
    "Handler",
    "Helper",
    "Util",
    "Utils",
    "Context",
    "Data",
    "Info",
    "Base",
    "Impl",
    "Misc",
];

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for (file, text) in tree.rust() {
        if file.ends_with("/mod.rs") && !super::is_test(file) {
            report.problem(file, 1, "a module `foo/mod.rs` is named `foo.rs` here");
        }
        let blanked = source::blank(text);
        for (at, name) in declared(&blanked) {
            if let Some(word) = EMPTY_WORDS.iter().find(|word| name.ends_with(**word)) {
                let line = source::line_of(&blanked, at);
                report.problem(
                    file,
                    line,
                    format!("`{name}` ends in `{word}`, which says nothing"),
                );
            }
        }
        for (at, _) in blanked.match_indices("#[ignore") {
            report.problem(
                file,
                source::line_of(&blanked, at),
                "an ignored test tests nothing",
            );
        }
    }
}

/// The types a file declares. Associated types are named by the traits that ask for them.
pub(super) fn declared(blanked: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut words = source::words(blanked).peekable();
    while let Some((at, word)) = words.next() {
        let line = blanked[..at].rsplit('\n').next().unwrap_or_default();
        let is_associated = word == "type" && line.starts_with(' ');
        if !DECLARATIONS.contains(&word) || is_associated {
            continue;
        }
        if let Some((name_at, name)) = words.peek().copied()
            && blanked[at + word.len()..name_at]
                .chars()
                .all(char::is_whitespace)
            && name.starts_with(char::is_uppercase)
        {
            found.push((name_at, name));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_words_are_refused_in_declarations_only() {
        let tree = Tree::of([
            (
                "crates/a/src/b.rs",
                "use x::Context;\n// struct RunManager\npub(crate) struct RunManager;\nenum Info {}\ntype Database = X;\n\
                 impl Y for Z {\n    type Data = u8;\n}\n",
            ),
            (
                "crates/a/src/b/mod.rs",
                "//! Tests.\n#[ignore]\nfn x() {}\n",
            ),
        ]);
        let mut report = Report::default();
        check(&tree, &mut report);
        assert_eq!(
            report.lines(),
            [
                "crates/a/src/b.rs:3: `RunManager` ends in `Manager`, which says nothing",
                "crates/a/src/b.rs:4: `Info` ends in `Info`, which says nothing",
                "crates/a/src/b/mod.rs:1: a module `foo/mod.rs` is named `foo.rs` here",
                "crates/a/src/b/mod.rs:2: an ignored test tests nothing",
            ]
        );
    }
}
