//! The licences of everything we build from, against the one list in `deny.toml`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Report, Tree, dependencies::array};

const LIST: &str = "deny.toml";

pub(super) fn check(tree: &Tree, metadata: &Value, report: &mut Report) {
    let text = tree.text(LIST);
    let allowed = strings(text, "[licenses]", "allow");
    let banned = strings(text, "[bans]", "deny");
    if allowed.is_empty() {
        report.problem(LIST, 1, "there is no list of allowed licences");
        return;
    }
    for package in array(&metadata["packages"]) {
        let name = package["name"].as_str().unwrap_or_default();
        let version = package["version"].as_str().unwrap_or_default();
        if banned.contains(name) {
            report.problem(
                LIST,
                1,
                format!("{name} {version} is banned, and something needs it"),
            );
        }
        let source = package["source"].as_str().unwrap_or_default();
        if source.starts_with("git+") {
            report.problem(
                LIST,
                1,
                format!("{name} {version} comes from a repository, not from a release"),
            );
        }
        match package["license"].as_str() {
            Some(licence) if is_allowed(licence, &allowed) => {}
            Some(licence) => {
                report.problem(
                    LIST,
                    1,
                    format!("{name} {version} has the licence {licence}"),
                );
            }
            None => report.problem(LIST, 1, format!("{name} {version} names no licence")),
        }
    }
}

/// The strings of one array, one table deep: all the TOML this needs.
fn strings<'a>(text: &'a str, table: &str, key: &str) -> BTreeSet<&'a str> {
    let Some((_, rest)) = text.split_once(&format!("{table}\n")) else {
        return BTreeSet::new();
    };
    let rest = rest.split("\n[").next().unwrap_or_default();
    let Some((_, list)) = rest.split_once(&format!("{key} = [")) else {
        return BTreeSet::new();
    };
    let list = list.split(']').next().unwrap_or_default();
    let code = list
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    code.flat_map(|line| line.split('"').skip(1).step_by(2))
        .collect()
}

/// Whether an SPDX expression can be met with allowed licences alone.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    // Before SPDX expressions a slash meant a choice.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut tokens: Vec<&str> = spaced.split_whitespace().rev().collect();
    let is_met = any(&mut tokens, allowed);
    is_met && tokens.is_empty()
}

fn any(tokens: &mut Vec<&str>, allowed: &BTreeSet<&str>) -> bool {
    let mut is_met = all(tokens, allowed);
    while tokens.last() == Some(&"OR") {
        tokens.pop();
        is_met |= all(tokens, allowed);
    }
    is_met
}

fn all(tokens: &mut Vec<&str>, allowed: &BTreeSet<&str>) -> bool {
    let mut is_met = one(tokens, allowed);
    while tokens.last() == Some(&"AND") {
        tokens.pop();
        is_met &= one(tokens, allowed);
    }
    is_met
}

fn one(tokens: &mut Vec<&str>, allowed: &BTreeSet<&str>) -> bool {
    match tokens.pop() {
        Some("(") => {
            let is_met = any(tokens, allowed);
            tokens.pop() == Some(")") && is_met
        }
        Some(licence) if tokens.last() == Some(&"WITH") => {
            tokens.pop();
            let exception = tokens.pop().unwrap_or_default();
            allowed.contains(licence) || allowed.contains(&*format!("{licence} WITH {exception}"))
        }
        Some(licence) => allowed.contains(licence),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_from_its_own_table() {
        let text = "[other]\nallow = [\"GPL\"]\n\n[licenses]\n# why\nallow = [\n  \"MIT\", # \"ISC\"\n  \"Zlib\",\n]\n\n[bans]\ndeny = [\"x\"]\n";
        assert_eq!(
            strings(text, "[licenses]", "allow"),
            BTreeSet::from(["MIT", "Zlib"])
        );
        assert_eq!(strings(text, "[bans]", "deny"), BTreeSet::from(["x"]));
        assert_eq!(strings(text, "[none]", "deny"), BTreeSet::new());
    }

    #[test]
    fn expressions_are_met_or_not() {
        let allowed = BTreeSet::from(["MIT", "Apache-2.0", "Unicode-3.0", "GPL-3.0 WITH x"]);
        for expression in [
            "MIT",
            "MIT/GPL-3.0",
            "GPL-3.0 OR MIT",
            "(GPL-3.0 OR MIT) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "GPL-3.0 WITH x",
            "GPL-2.0 AND MIT OR Apache-2.0",
        ] {
            assert!(is_allowed(expression, &allowed), "{expression}");
        }
        for expression in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "MIT GPL-3.0",
            "(MIT",
            "(GPL-3.0 OR MIT) AND GPL-2.0",
            "GPL-3.0 WITH y",
        ] {
            assert!(!is_allowed(expression, &allowed), "{expression}");
        }
    }
}
