//! Documents name files that exist: links in all of them, paths in the tables of the two that map the tree.

use super::{Report, Tree};

/// Their tables tell where things are.
const MAPS: [&str; 2] = ["README.md", "ARCHITECTURE.md"];
/// The index of the pages beside it.
const INDEX: &str = "docs/README.md";

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for (file, text) in tree.markdown() {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut is_code = false;
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            } else if !is_code {
                for target in targets(line) {
                    if !resolve(folder, target).is_some_and(|path| tree.has(&path)) {
                        report.problem(
                            file,
                            index + 1,
                            format!("the link to `{target}` leads nowhere"),
                        );
                    }
                }
                if MAPS.contains(&file) && line.trim_start().starts_with('|') {
                    for path in paths(line).filter(|path| !tree.has(path)) {
                        report.problem(file, index + 1, format!("there is no `{path}`"));
                    }
                }
            }
        }
    }
    let index = tree.text(INDEX);
    for (file, _) in tree.markdown() {
        let page = file
            .strip_prefix("docs/")
            .filter(|page| !page.contains('/') && *page != "README.md");
        if let Some(page) = page
            && !index.contains(&format!("]({page})"))
        {
            report.problem(INDEX, 1, format!("the index does not link {page}"));
        }
    }
}

/// Link targets inside the repository, without their anchors.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', ' ', '#']).next()?;
        let is_inside =
            !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
        is_inside.then_some(target)
    })
}

/// Paths in backticks: they have a slash or an ending, and nothing that a path of ours has not.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2).filter(|path| {
        let looks_like_one = path.contains('/')
            || [".rs", ".md", ".toml"]
                .iter()
                .any(|end| path.ends_with(end));
        let is_ours = path
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        looks_like_one && is_ours && !path.starts_with('/')
    })
}

/// The path from the root, or nothing if it leads out of the repository.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => folder.split('/').filter(|part| !part.is_empty()).collect(),
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_paths_that_lead_nowhere_are_found() {
        let tree = Tree::of([
            (
                "README.md",
                "[a](docs/a.md#x) [b](docs/b.md) [c](https://example.org)\n| `crates/x` | `crates/y/` |\n\
                 | `GET /health` | `sessions.list` | `a.rs` |\n```\n[d](none)\n```\n",
            ),
            (
                "docs/README.md",
                "[a](a.md) [up](../README.md) [out](../../x)\n",
            ),
            ("docs/a.md", "x"),
            ("docs/new.md", "x"),
            ("crates/x/src/lib.rs", "x"),
        ]);
        let mut report = Report::default();
        check(&tree, &mut report);
        assert_eq!(
            report.lines(),
            [
                "README.md:1: the link to `docs/b.md` leads nowhere",
                "README.md:2: there is no `crates/y/`",
                "README.md:3: there is no `a.rs`",
                "docs/README.md:1: the index does not link new.md",
                "docs/README.md:1: the link to `../../x` leads nowhere",
            ]
        );
    }
}
