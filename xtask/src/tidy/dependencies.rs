//! The layers: cargo's view of who depends on whom, the table in `layers.rs`, and the table in ARCHITECTURE.md.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Report, Tree, source};
use crate::layers::{LAYERS, Layer, OUTSIDE};

const TABLE: &str = "ARCHITECTURE.md";
const LAYERS_FILE: &str = "xtask/src/layers.rs";
const PREFIX: &str = "openclaw-";
/// What a crate depends on directly, our own crates not counted: the composition root needs nearly all of those.
const DIRECT: (usize, usize) = (12, 20);
/// Over the hard line with a reason: it assembles the small crates that make an HTTP and WebSocket server.
const ASSEMBLER: &str = "openclaw-gateway";

pub(super) fn check(tree: &Tree, metadata: &Value, report: &mut Report) {
    check_ranks(report);
    let mut seen = BTreeSet::new();
    for package in workspace_packages(metadata) {
        let name = package["name"].as_str().unwrap_or_default();
        if let Some(short) = name.strip_prefix(PREFIX) {
            seen.insert(short);
        }
        check_package(tree, name, package, report);
    }
    for layer in &LAYERS {
        if !seen.contains(layer.name) {
            report.problem(
                LAYERS_FILE,
                1,
                format!("there is no crate `{}`", layer.name),
            );
        }
    }
    check_table(tree, report);
}

/// The packages of this workspace: those cargo would build by default, and all others of its members.
fn workspace_packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    let members: BTreeSet<&str> = array(&metadata["workspace_members"])
        .filter_map(Value::as_str)
        .collect();
    array(&metadata["packages"]).filter(move |package| {
        package["id"]
            .as_str()
            .is_some_and(|id| members.contains(id))
    })
}

pub(super) fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn check_ranks(report: &mut Report) {
    for layer in &LAYERS {
        for used in layer.may_use {
            let is_lower = LAYERS
                .iter()
                .any(|other| other.name == *used && other.rank < layer.rank);
            if !is_lower {
                let text = format!(
                    "`{}` may not use `{used}`: its rank isn't lower",
                    layer.name
                );
                report.problem(LAYERS_FILE, 1, text);
            }
        }
    }
}

fn check_package(tree: &Tree, name: &str, package: &Value, report: &mut Report) {
    let manifest = manifest_of(package);
    let text = tree.text(&manifest);
    let line_of = |name: &str| {
        let found = text
            .lines()
            .position(|line| line.trim_start().starts_with(name));
        found.map_or(1, |line| line + 1)
    };
    let layer = name
        .strip_prefix(PREFIX)
        .and_then(|short| LAYERS.iter().find(|layer| layer.name == short));
    if layer.is_none() && !OUTSIDE.contains(&name) {
        report.problem(&manifest, 1, format!("`{name}` is not in {LAYERS_FILE}"));
    }
    let mut direct = BTreeSet::new();
    for dependency in array(&package["dependencies"]) {
        let used = dependency["name"].as_str().unwrap_or_default();
        if dependency["kind"].as_str() != Some("dev") && !used.starts_with(PREFIX) {
            direct.insert(used);
        }
        if let Some(text) = layer.and_then(|layer| refused(layer, used)) {
            report.problem(&manifest, line_of(used), text);
        }
    }
    if layer.is_some() {
        let count = direct.len();
        let (soft, hard) = DIRECT;
        if count > hard && name != ASSEMBLER {
            let text =
                format!("`{name}` has {count} foreign direct dependencies, more than {hard}");
            report.problem(&manifest, 1, text);
        } else if count > soft {
            let problem = super::Problem {
                file: manifest,
                line: 1,
                text: format!(
                    "`{name}` has {count} foreign direct dependencies; {soft} would be better"
                ),
            };
            report.soft.push((count * 100 / soft, problem));
        }
    }
}

/// Why a crate may not depend on another, for tests included.
fn refused(layer: &Layer, used: &str) -> Option<String> {
    if OUTSIDE.contains(&used) {
        return Some(format!(
            "`{}` uses `{used}`, which is no part of the product",
            layer.name
        ));
    }
    let short = used.strip_prefix(PREFIX)?;
    let is_ours = LAYERS.iter().any(|other| other.name == short);
    let is_allowed = layer.may_use.contains(&short) || short == layer.name;
    (is_ours && !is_allowed)
        .then(|| format!("`{}` may not use `{short}`; see {LAYERS_FILE}", layer.name))
}

fn manifest_of(package: &Value) -> String {
    let manifest = package["manifest_path"].as_str().unwrap_or_default();
    let mut parts: Vec<&str> = manifest.rsplit('/').take(3).collect();
    parts.reverse();
    if parts.first() != Some(&"crates") {
        parts.remove(0);
    }
    parts.join("/")
}

/// Rows look like `` | `types` | 0 | what it is | `a` `b` | ``.
fn check_table(tree: &Tree, report: &mut Report) {
    let text = tree.text(TABLE);
    let mut missing: BTreeSet<&str> = LAYERS.iter().map(|layer| layer.name).collect();
    for (line, row) in text.lines().enumerate() {
        let cells: Vec<&str> = row
            .trim()
            .trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        let [name, rank, _, uses] = cells[..] else {
            continue;
        };
        let Ok(rank) = rank.parse::<u8>() else {
            continue;
        };
        let name = name.trim_matches('`');
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            report.problem(TABLE, line + 1, format!("`{name}` is not in {LAYERS_FILE}"));
            continue;
        };
        missing.remove(name);
        let written: BTreeSet<&str> = source::words(uses).map(|(_, word)| word).collect();
        let real: BTreeSet<&str> = layer.may_use.iter().copied().collect();
        if rank != layer.rank || written != real {
            let text = format!(
                "`{name}` has rank {} and may use {}; see {LAYERS_FILE}",
                layer.rank,
                layer.may_use.join(", ")
            );
            report.problem(TABLE, line + 1, text);
        }
    }
    for name in missing {
        report.problem(
            TABLE,
            1,
            format!("the table of crates has no row for `{name}`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|(name, kind)| json!({"name": name, "kind": kind}))
            .collect();
        let folder = name.strip_prefix(PREFIX).unwrap_or(name);
        json!({
            "name": name, "id": name, "dependencies": dependencies,
            "manifest_path": format!("/x/crates/{folder}/Cargo.toml"),
        })
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_a_problem_even_for_tests() {
        let tree = Tree::of([(
            "crates/sessions/Cargo.toml",
            "[dependencies]\nopenclaw-models = 1\n",
        )]);
        let mut report = Report::default();
        let allowed = [("openclaw-types", None), ("serde", None)];
        check_package(
            &tree,
            "openclaw-wire",
            &package("openclaw-wire", &allowed),
            &mut report,
        );
        let refused = [
            ("openclaw-models", None),
            ("openclaw-client", Some("dev")),
            ("xtask", None),
        ];
        check_package(
            &tree,
            "openclaw-sessions",
            &package("openclaw-sessions", &refused),
            &mut report,
        );
        check_package(
            &tree,
            "openclaw-new",
            &package("openclaw-new", &[]),
            &mut report,
        );
        assert_eq!(
            report.lines(),
            [
                "crates/new/Cargo.toml:1: `openclaw-new` is not in xtask/src/layers.rs",
                "crates/sessions/Cargo.toml:1: `sessions` may not use `client`; see xtask/src/layers.rs",
                "crates/sessions/Cargo.toml:1: `sessions` uses `xtask`, which is no part of the product",
                "crates/sessions/Cargo.toml:2: `sessions` may not use `models`; see xtask/src/layers.rs",
            ]
        );
    }

    #[test]
    fn the_table_in_the_data_points_downwards() {
        let mut report = Report::default();
        check_ranks(&mut report);
        assert_eq!(report.lines(), Vec::<String>::new());
    }

    #[test]
    fn a_row_that_says_something_else_is_a_problem() {
        let mut rows = String::new();
        for layer in &LAYERS {
            let uses: Vec<String> = layer
                .may_use
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            let rank = if layer.name == "wire" { 3 } else { layer.rank };
            rows += &format!(
                "| `{}` | {rank} | text | {} |\n",
                layer.name,
                uses.join(", ")
            );
        }
        let tree = Tree::of([(TABLE, &*format!("| `gone` | 1 | text | |\n{rows}"))]);
        let mut report = Report::default();
        check_table(&tree, &mut report);
        assert_eq!(
            report.lines(),
            [
                "ARCHITECTURE.md:1: `gone` is not in xtask/src/layers.rs",
                "ARCHITECTURE.md:4: `wire` has rank 1 and may use types; see xtask/src/layers.rs",
            ]
        );
    }
}
