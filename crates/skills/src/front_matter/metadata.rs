//! What a front matter says under `metadata`: requirements, agents, thresholds, state files.

use super::Draft;
use crate::{problem::What, yaml::Node};

/// Names under which programs like this one look; what they say is put together.
const OURS: [&str; 3] = ["openclaw", "clawdbot", "heretek"];

impl Draft<'_> {
    pub(super) fn metadata(&mut self, line: usize, node: &Node) {
        let Some(members) = node.members() else {
            return self.wrong(line, "metadata", "is an object");
        };
        for (key, line, node) in members {
            // Others may keep what they like beside ours.
            if OURS.contains(&key.as_str()) {
                match node.members() {
                    Some(members) => members
                        .iter()
                        .for_each(|(key, line, node)| self.ours(key, *line, node)),
                    None => self.wrong(*line, key, "is an object"),
                }
            }
        }
    }

    fn ours(&mut self, key: &str, line: usize, node: &Node) {
        match key {
            "requires" => match node.members() {
                Some(members) => members
                    .iter()
                    .for_each(|(key, line, node)| self.requirement(key, *line, node)),
                None => self.wrong(line, key, "is an object"),
            },
            "os" => self.names(key, line, node, |draft, names| {
                draft.skill.requires.os = names;
            }),
            "agents" => self.names(key, line, node, |draft, names| draft.agents(line, &names)),
            "state" => self.names(key, line, node, |draft, names| {
                draft.state_files(line, names);
            }),
            "thresholds" => self.thresholds(line, node),
            "always" => {
                if node.flag().is_none() {
                    self.wrong(line, key, "is true or false");
                }
            }
            // What other programs show or install; nothing is run here.
            "emoji" | "homepage" | "primaryEnv" | "skillKey" | "install" | "kind" => {}
            _ => self.warning(
                line,
                What::Unknown {
                    key: format!("metadata.openclaw.{key}"),
                },
            ),
        }
    }

    fn requirement(&mut self, key: &str, line: usize, node: &Node) {
        self.names(key, line, node, |draft, names| {
            let requires = &mut draft.skill.requires;
            match key {
                "bins" => requires.bins = draft_bins(names),
                "anyBins" => requires.any_bins = draft_bins(names),
                "env" => requires.env = names,
                "tools" => requires.tools = names,
                // Keys of the configuration are judged by whoever reads it.
                "config" => {}
                _ => draft.warning(
                    line,
                    What::Unknown {
                        key: format!("requires.{key}"),
                    },
                ),
            }
        });
        let is_bins = key == "bins" || key == "anyBins";
        if is_bins
            && node
                .texts()
                .is_some_and(|names| names.iter().any(|name| name.contains('/')))
        {
            self.wrong(
                line,
                key,
                "is a list of programs' names, without directories",
            );
        }
    }

    fn names(
        &mut self,
        key: &str,
        line: usize,
        node: &Node,
        keep: impl FnOnce(&mut Self, Vec<String>),
    ) {
        match node.texts() {
            Some(names) => keep(self, names),
            None => self.wrong(line, key, "is a list of names"),
        }
    }

    fn state_files(&mut self, line: usize, names: Vec<String>) {
        let is_good = |name: &String| {
            !name.starts_with('/')
                && !name
                    .split('/')
                    .any(|part| part.is_empty() || part == "." || part == "..")
        };
        if names.iter().all(is_good) {
            self.skill.state_files = names;
        } else {
            self.wrong(line, "state", "is a list of files below the workspace");
        }
    }

    fn thresholds(&mut self, line: usize, node: &Node) {
        let Some(members) = node.members() else {
            return self.wrong(line, "thresholds", "is an object of numbers");
        };
        for (key, line, node) in members {
            match node.number() {
                Some(number) => drop(self.skill.thresholds.insert(key.clone(), number)),
                None => self.wrong(*line, key, "is a number"),
            }
        }
    }
}

/// Names of programs; what has a directory in it is told elsewhere, and never looked for.
fn draft_bins(names: Vec<String>) -> Vec<String> {
    names
        .into_iter()
        .filter(|name| !name.contains('/'))
        .collect()
}
