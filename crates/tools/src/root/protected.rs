//! The names no tool writes: the gateway's record never, the files that say who an agent is unless they are granted.

use std::collections::BTreeSet;

use super::Relative;

/// Files that say who an agent is, and skills, which are instructions too.
const IDENTITY: [&str; 7] = [
    "soul.md",
    "identity.md",
    "agents.md",
    "user.md",
    "tools.md",
    "bootstrap.md",
    "skills",
];
/// The gateway's own, directly in a workspace; what begins with such a name is protected with it, because copies, torn
/// tails, and temporary files are named so.
const RECORD: [&str; 6] = [
    "session.jsonl",
    "sessions",
    "archive",
    "config.json",
    "ledger.jsonl",
    "approvals.json",
];

/// How a name is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    None,
    /// Writable when granted.
    Identity,
    /// Never writable.
    Record,
}

/// The names of identity that a policy lets its agent write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants(BTreeSet<String>);

impl Grants {
    /// Nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// These names; others than those of identity change nothing.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(folded).collect())
    }

    pub(super) fn allows(&self, path: &Relative) -> bool {
        let first = path.names().first();
        first.is_some_and(|name| self.0.contains(&folded(name)))
    }
}

/// How a path is protected.
#[must_use]
pub fn protection(path: &Relative) -> Protection {
    let names: Vec<String> = path.names().iter().map(|name| folded(name)).collect();
    let Some(first) = names.first() else {
        // The workspace itself can't be replaced.
        return Protection::Record;
    };
    // A session's transcript is one at any depth: an older workspace may lie within this one.
    let is_record = RECORD.iter().any(|record| first.starts_with(record))
        || names.iter().any(|name| name.starts_with("session.jsonl"));
    if is_record {
        Protection::Record
    } else if IDENTITY.contains(&first.as_str()) {
        Protection::Identity
    } else {
        Protection::None
    }
}

/// A name as any file system may compare it: case, compatibility letters, invisible characters, trailing dots.
fn folded(name: &str) -> String {
    let visible: String = name
        .chars()
        .filter(|c| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
        .collect();
    // Full-width letters are the ASCII ones at a distance.
    let narrow = visible.chars().map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    });
    // Upper case first: the long s and the Kelvin sign become ASCII only on that way.
    let upper: String = narrow.flat_map(char::to_uppercase).collect();
    upper.to_lowercase().trim_end_matches(['.', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_protected_in_every_spelling() {
        for (text, expected) in [
            ("session.jsonl", Protection::Record),
            ("SESSION.JSONL", Protection::Record),
            ("\u{17f}e\u{17f}\u{17f}ion.jsonl", Protection::Record),
            ("session.jsonl.tmp", Protection::Record),
            ("session.jsonl ", Protection::Record),
            ("session\u{200b}.jsonl", Protection::Record),
            ("\u{ff53}ession.jsonl", Protection::Record),
            ("x/../Sessions/a.jsonl", Protection::Record),
            ("archive-2026/a", Protection::Record),
            ("Archived.jsonl", Protection::Record),
            ("config.json", Protection::Record),
            ("deep/other/session.jsonl", Protection::Record),
            (".", Protection::Record),
            ("soul.MD", Protection::Identity),
            ("SOUL.md.", Protection::Identity),
            ("skills/a/S\u{212a}ILL.md", Protection::Identity),
            ("TOOLS.md", Protection::Identity),
            ("MEMORY.md", Protection::None),
            ("project/config.json", Protection::None),
            ("project/SOUL.md", Protection::None),
        ] {
            let path = Relative::parse(text, [Path::new("/w"), Path::new("/w")]).unwrap();
            assert_eq!(protection(&path), expected, "{text:?}");
        }
    }

    #[test]
    fn a_grant_never_reaches_the_record() {
        let grants = Grants::of(["SOUL.md", "session.jsonl"]);
        let soul = Relative::of_name("soul.md");
        assert!(grants.allows(&soul));
        assert_eq!(
            protection(&Relative::of_name("session.jsonl")),
            Protection::Record
        );
        assert!(!Grants::none().allows(&soul));
    }
}
