//! What changed since the last look, and what to think of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Refused;

/// Where the baseline is kept.
pub const STATE_FILE: &str = "state/thought-loop.json";
/// Thoughts when nothing changed.
pub const IDLE_MAX: usize = 3;
/// Thoughts of one look; what is more is told as one.
pub const THOUGHTS_MAX: usize = 50;
/// Files that are looked at; the first in order, should there be more.
pub const FILES_MAX: usize = 20_000;

const ENDINGS: [&str; 6] = [".md", ".json", ".js", ".sh", ".yaml", ".yml"];
const DIRECTORIES: [&str; 4] = ["memory", "skills", ".curiosity", "triad"];
/// What a change of a file means, by a word in its path.
const IMPLICATIONS: [(&str, &str); 6] = [
    ("PROPOSALS", "what is proposed may have changed"),
    ("MEMORY", "what is remembered may have changed"),
    ("consensus", "what was decided may have changed"),
    ("SECURITY", "what is safe may have changed"),
    ("governance", "the rules may have changed"),
    ("IMPLEMENTATIONS", "what is being built may have changed"),
];

/// What is seen at one time. The whole of it is compared with the whole of the last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The digests of files, by their paths below the workspace.
    pub files: BTreeMap<String, String>,
    /// The digests of databases, by name.
    pub databases: BTreeMap<String, String>,
    /// Which agents are online.
    pub agents: BTreeMap<String, bool>,
}

/// Something that happened outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// A release, by name.
    Release(String),
    /// A vulnerability, by name.
    Advisory(String),
}

/// What a thought asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recommendation {
    /// Nothing but to know it.
    Note,
    /// To read what is new.
    Read,
    /// To find out why.
    Investigate,
    /// To put it to the triad.
    TriggerDeliberation,
    /// To have somebody vote for a member that is gone.
    TriggerFailoverVote,
}

/// A thought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thought {
    /// Its kind in a word.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// What was seen.
    pub observation: String,
    /// What that may mean.
    pub implication: String,
    /// What to do.
    pub recommendation: Recommendation,
    /// 0 to 1.
    pub confidence: f64,
}

/// Whether a file is looked at.
#[must_use]
pub fn is_watched(path: &str) -> bool {
    let is_known = ENDINGS.iter().any(|ending| path.ends_with(ending));
    is_known
        && path
            .split_once('/')
            .is_none_or(|(top, _)| DIRECTORIES.contains(&top))
}

/// Compares what is seen with the last time; without a last time nothing is new.
///
/// # Errors
/// When a path leads out of the workspace.
pub fn think(
    last: Option<&Seen>,
    now: &Seen,
    outside: &[Outside],
) -> Result<Vec<Thought>, Refused> {
    let leads_out =
        |path: &String| path.starts_with('/') || path.split('/').any(|part| part == "..");
    if now.files.keys().any(leads_out) {
        return Err(Refused::new(
            "the path of a file",
            "stays below the workspace",
        ));
    }
    let mut thoughts = Vec::new();
    if let Some(last) = last {
        of_files(last, now, &mut thoughts);
        of_databases(last, now, &mut thoughts);
        of_agents(last, now, &mut thoughts);
    }
    for event in outside {
        let (subject, what, confidence, recommendation) = match event {
            Outside::Release(name) => (name, "has a new release", 0.6, Recommendation::Read),
            Outside::Advisory(name) => (
                name,
                "is vulnerable",
                0.8,
                Recommendation::TriggerDeliberation,
            ),
        };
        thoughts.push(thought(
            "external",
            subject,
            what,
            (recommendation, confidence),
        ));
    }
    if thoughts.is_empty() {
        return Ok(reflections());
    }
    if let Some(more) = thoughts
        .len()
        .checked_sub(THOUGHTS_MAX)
        .filter(|more| *more > 0)
    {
        thoughts.truncate(THOUGHTS_MAX);
        let observation = format!("are {more} more changes");
        thoughts.push(thought(
            "update",
            "the rest",
            &observation,
            (Recommendation::Note, 0.3),
        ));
    }
    Ok(thoughts)
}

fn thought(kind: &str, subject: &str, what: &str, rest: (Recommendation, f64)) -> Thought {
    let known = IMPLICATIONS.iter().find(|(word, _)| subject.contains(word));
    Thought {
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        observation: format!("{subject} {what}"),
        implication: known
            .map_or("no more than it says", |(_, implication)| implication)
            .to_owned(),
        recommendation: rest.0,
        confidence: rest.1,
    }
}

fn of_files(last: &Seen, now: &Seen, thoughts: &mut Vec<Thought>) {
    let watched = now
        .files
        .iter()
        .filter(|(path, _)| is_watched(path))
        .take(FILES_MAX);
    for (path, digest) in watched {
        match last.files.get(path) {
            None => thoughts.push(thought(
                "discovery",
                path,
                "is new",
                (Recommendation::Read, 0.7),
            )),
            Some(old) if old != digest => {
                thoughts.push(thought(
                    "update",
                    path,
                    "was changed",
                    (Recommendation::Read, 0.6),
                ));
            }
            Some(_) => {}
        }
    }
    let gone = last
        .files
        .keys()
        .filter(|path| is_watched(path) && !now.files.contains_key(*path));
    for path in gone {
        thoughts.push(thought(
            "alert",
            path,
            "is gone",
            (Recommendation::Investigate, 0.8),
        ));
    }
}

fn of_databases(last: &Seen, now: &Seen, thoughts: &mut Vec<Thought>) {
    for (name, digest) in &now.databases {
        if last.databases.get(name).is_some_and(|old| old != digest) {
            thoughts.push(thought(
                "state_change",
                name,
                "was changed",
                (Recommendation::Note, 0.5),
            ));
        }
    }
}

fn of_agents(last: &Seen, now: &Seen, thoughts: &mut Vec<Thought>) {
    for (agent, is_online) in &now.agents {
        let (what, recommendation) = match (last.agents.get(agent), is_online) {
            (Some(true), false) if super::TRIAD.contains(&agent.as_str()) => {
                ("went offline", Recommendation::TriggerFailoverVote)
            }
            (Some(true), false) => ("went offline", Recommendation::Investigate),
            (Some(false) | None, true) => ("came online", Recommendation::Note),
            _ => continue,
        };
        thoughts.push(thought("agent", agent, what, (recommendation, 0.9)));
    }
}

fn reflections() -> Vec<Thought> {
    let about = [
        ("goals", 0.5),
        ("pending actions", 0.4),
        ("system health", 0.4),
    ];
    let reflect = |(subject, confidence)| {
        thought(
            "reflection",
            subject,
            "are as they were",
            (Recommendation::Note, confidence),
        )
    };
    about.into_iter().take(IDLE_MAX).map(reflect).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(files: &[(&str, &str)]) -> Seen {
        let owned = |(path, digest): &(&str, &str)| ((*path).to_owned(), (*digest).to_owned());
        Seen {
            files: files.iter().map(owned).collect(),
            ..Seen::default()
        }
    }

    fn told(thoughts: &[Thought]) -> Vec<(&str, &str, f64)> {
        thoughts
            .iter()
            .map(|t| (t.kind.as_str(), t.observation.as_str(), t.confidence))
            .collect()
    }

    #[test]
    fn changes_are_those_of_the_whole_and_deletions_are_real() {
        let last = seen(&[
            ("MEMORY.md", "1"),
            ("memory/a.md", "1"),
            ("skills/x/SKILL.md", "1"),
        ]);
        let now = seen(&[
            ("MEMORY.md", "2"),
            ("memory/b.md", "1"),
            ("skills/x/SKILL.md", "1"),
            ("other/c.md", "1"),
        ]);
        let thoughts = think(Some(&last), &now, &[]).unwrap();
        assert_eq!(
            told(&thoughts),
            [
                ("update", "MEMORY.md was changed", 0.6),
                ("discovery", "memory/b.md is new", 0.7),
                ("alert", "memory/a.md is gone", 0.8),
            ]
        );
        assert_eq!(
            thoughts[0].implication,
            "what is remembered may have changed"
        );
        // The same look again has nothing to tell, and deletes nothing.
        let again = think(Some(&now), &now, &[]).unwrap();
        assert!(again.iter().all(|thought| thought.kind == "reflection"));
        assert_eq!(again.len(), IDLE_MAX);
    }

    #[test]
    fn the_first_look_reports_nothing_as_new() {
        let thoughts = think(None, &seen(&[("MEMORY.md", "1")]), &[]).unwrap();
        assert!(thoughts.iter().all(|thought| thought.kind == "reflection"));
    }

    #[test]
    fn agents_and_the_world_outside_ask_for_something() {
        let with = |alpha, coder| Seen {
            agents: [("alpha".to_owned(), alpha), ("coder".to_owned(), coder)].into(),
            ..Seen::default()
        };
        let outside = [
            Outside::Advisory("zlib".to_owned()),
            Outside::Release("zlib".to_owned()),
        ];
        let thoughts = think(Some(&with(true, true)), &with(false, false), &outside).unwrap();
        let asked: Vec<_> = thoughts
            .iter()
            .map(|thought| (thought.recommendation, thought.confidence))
            .collect();
        assert_eq!(
            asked,
            [
                (Recommendation::TriggerFailoverVote, 0.9),
                (Recommendation::Investigate, 0.9),
                (Recommendation::TriggerDeliberation, 0.8),
                (Recommendation::Read, 0.6),
            ]
        );
    }

    #[test]
    fn a_path_that_leads_out_is_refused_and_many_changes_are_told_as_one() {
        assert!(think(None, &seen(&[("../secret.md", "1")]), &[]).is_err());
        let many: Vec<String> = (0..80)
            .map(|number| format!("memory/{number}.md"))
            .collect();
        let many: Vec<(&str, &str)> = many.iter().map(|path| (path.as_str(), "1")).collect();
        let thoughts = think(Some(&Seen::default()), &seen(&many), &[]).unwrap();
        assert_eq!(thoughts.len(), THOUGHTS_MAX + 1);
        assert_eq!(
            thoughts[THOUGHTS_MAX].observation,
            "the rest are 30 more changes"
        );
    }
}
