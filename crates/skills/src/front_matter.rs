//! `SKILL.md`: a front matter in YAML, and instructions behind it; everything wrong with it is told at once.

use std::collections::{BTreeMap, BTreeSet};

use openclaw_types::AgentId;

use crate::{
    limits::{
        COMPATIBILITY_CHARS_MAX, DESCRIPTION_CHARS_MAX, FRONT_MATTER_BYTES_MAX, NAME_CHARS_MAX,
        PROBLEMS_MAX,
    },
    problem::{Problem, Severity, What},
    skill::{Requires, Skill, Source},
    yaml::{self, Node, Value},
};

mod metadata;

/// What was read, as far as it could be.
#[derive(Debug)]
pub(crate) struct Read {
    /// The skill, when nothing is so wrong that it can't be used.
    pub(crate) skill: Option<Skill>,
    /// Everything that is wrong.
    pub(crate) problems: Vec<Problem>,
}

/// What is known so far.
#[derive(Debug)]
struct Draft<'a> {
    file: &'a str,
    problems: Vec<Problem>,
    skill: Skill,
}

/// Reads the text of the file named `file`.
pub(crate) fn read(file: &str, text: &str, source: Source) -> Read {
    let skill = Skill {
        name: String::new(),
        description: String::new(),
        version: None,
        requires: Requires::default(),
        agents: BTreeSet::new(),
        is_hidden: false,
        thresholds: BTreeMap::new(),
        state_files: Vec::new(),
        body: String::new(),
        source,
        dir: None,
        digest: String::new(),
    };
    let mut draft = Draft {
        file,
        problems: Vec::new(),
        skill,
    };
    draft.read(text);
    let Draft {
        mut problems,
        skill,
        ..
    } = draft;
    problems.truncate(PROBLEMS_MAX);
    let is_usable = problems
        .iter()
        .all(|problem| problem.severity == Severity::Warning);
    Read {
        skill: is_usable.then_some(skill),
        problems,
    }
}

/// The front matter, and the body with the number of its first line.
fn split(text: &str) -> Option<(&str, &str, usize)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rest = text
        .strip_prefix("---\n")
        .or_else(|| text.strip_prefix("---\r\n"))?;
    let mut at = 0;
    for (index, line) in rest.split_inclusive('\n').enumerate() {
        if line.trim_end() == "---" {
            let matter = rest.get(..at)?;
            return Some((matter, rest.get(at + line.len()..)?, index + 3));
        }
        at += line.len();
        if at > FRONT_MATTER_BYTES_MAX {
            return None;
        }
    }
    None
}

impl Draft<'_> {
    fn error(&mut self, line: usize, what: What) {
        self.problems.push(Problem::error(self.file, line, what));
    }

    fn warning(&mut self, line: usize, what: What) {
        self.problems.push(Problem::warning(self.file, line, what));
    }

    fn wrong(&mut self, line: usize, key: &str, rule: &'static str) {
        let key = key.to_owned();
        self.error(line, What::Value { key, rule });
    }

    fn read(&mut self, text: &str) {
        let Some((matter, body, body_line)) = split(text) else {
            return self.error(1, What::NoFrontMatter);
        };
        if body.trim().is_empty() {
            self.error(body_line, What::NoBody);
        }
        self.skill.body = body.trim().to_owned();
        match yaml::parse(matter, 2) {
            Err(fault) => self.error(
                fault.line,
                What::Yaml {
                    reason: fault.reason,
                },
            ),
            Ok(node) => match node.value {
                Value::Map(members) => self.members(&members),
                _ => self.error(
                    node.line,
                    What::Yaml {
                        reason: "it has no keys".to_owned(),
                    },
                ),
            },
        }
    }

    fn members(&mut self, members: &[(String, usize, Node)]) {
        let mut seen = BTreeSet::new();
        for (key, line, node) in members {
            if !seen.insert(key.as_str()) {
                self.error(*line, What::Twice { key: key.clone() });
                continue;
            }
            self.member(key, *line, node);
        }
        for key in ["name", "description"] {
            if !seen.contains(key) {
                self.error(1, What::Missing { key });
            }
        }
    }

    fn member(&mut self, key: &str, line: usize, node: &Node) {
        match key {
            "name" => match node.text() {
                Some(name) if is_name(name) => self.skill.name = name.to_owned(),
                _ => self.wrong(
                    line,
                    key,
                    "has 1 to 64 of a-z, 0-9 and single `-`, none of them first or last",
                ),
            },
            "description" => {
                let words: Vec<&str> = node.text().unwrap_or_default().split_whitespace().collect();
                let text = words.join(" ");
                let is_good = !text.is_empty()
                    && text.chars().count() <= DESCRIPTION_CHARS_MAX
                    && !text.contains(char::is_control);
                if is_good {
                    self.skill.description = text;
                } else {
                    self.wrong(
                        line,
                        key,
                        "is a text of 1 to 1024 characters, none of them a control character",
                    );
                }
            }
            "version" => match node.text() {
                Some(version) => {
                    self.skill.version = Some(version.chars().take(NAME_CHARS_MAX).collect());
                }
                None => self.wrong(line, key, "is a text"),
            },
            "compatibility" => {
                let fits = |text: &str| text.chars().count() <= COMPATIBILITY_CHARS_MAX;
                if !node.text().is_some_and(fits) {
                    self.wrong(line, key, "is a text of up to 500 characters");
                }
            }
            "license" | "homepage" | "author" => {
                if node.text().is_none() {
                    self.wrong(line, key, "is a text");
                }
            }
            "allowed-tools" => match node.texts() {
                Some(_) => {}
                None => self.wrong(line, key, "is a list of names"),
            },
            "disable-model-invocation" => match node.flag() {
                Some(flag) => self.skill.is_hidden = flag,
                None => self.wrong(line, key, "is true or false"),
            },
            "user-invocable" => {
                if node.flag().is_none() {
                    self.wrong(line, key, "is true or false");
                }
            }
            "metadata" => self.metadata(line, node),
            _ => self.warning(
                line,
                What::Unknown {
                    key: key.to_owned(),
                },
            ),
        }
    }

    fn agents(&mut self, line: usize, names: &[String]) {
        for name in names {
            match AgentId::parse(name) {
                Ok(agent) => drop(self.skill.agents.insert(agent)),
                Err(_) => self.wrong(line, "agents", "is a list of agents' ids"),
            }
        }
    }
}

/// The rule that is published for names.
pub(crate) fn is_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty()
        && name.len() <= NAME_CHARS_MAX
        && name.bytes().all(is_good)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

#[cfg(test)]
mod tests;
