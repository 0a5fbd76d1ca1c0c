//! The name of a recording's file: what was asked, when, and in which run.

use std::cmp::Ordering;

/// What files of recordings end in.
const END: &str = ".jsonl";
/// Digits of a SHA-256.
const KEY_DIGITS: usize = 64;

/// `<key>.<ms>-<number>.<run>.jsonl`; a recording of no run has `-` there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// The SHA-256 of the request's normal form, in hex.
    pub(super) key: String,
    /// When it was asked, in milliseconds since 1970.
    pub(super) at: i64,
    /// Tells apart what was asked in one millisecond.
    pub(super) number: u32,
    /// The run it belongs to.
    pub(super) run: Option<String>,
}

impl Name {
    /// The name of a file, if that is a recording's.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (key, rest) = text.strip_suffix(END)?.split_once('.')?;
        let (when, run) = rest.split_once('.')?;
        let (at, number) = when.split_once('-')?;
        let is_key = key.len() == KEY_DIGITS && key.bytes().all(|b| b.is_ascii_hexdigit());
        is_key.then_some(Self {
            key: key.to_owned(),
            at: at.parse().ok()?,
            number: number.parse().ok()?,
            run: (run != "-").then(|| run.to_owned()),
        })
    }

    /// The file's name.
    pub(super) fn file(&self) -> String {
        let run = self.run.as_deref().unwrap_or("-");
        // A client may choose the id of a run.
        let run: String = run
            .chars()
            .map(|c| match c {
                c if c.is_ascii_alphanumeric() || "-_:.".contains(c) => c,
                _ => '_',
            })
            .collect();
        format!("{}.{:013}-{:06}.{run}{END}", self.key, self.at, self.number)
    }

    /// The directory that it is in, so that none holds too many.
    pub(super) fn part(&self) -> &str {
        self.key.get(..2).unwrap_or(&self.key)
    }

    /// Older ones first.
    pub(super) fn by_age(&self, other: &Self) -> Ordering {
        let order = |name: &Self| (name.at, name.number);
        order(self).cmp(&order(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written() {
        for run in [None, Some("run-1".to_owned())] {
            let name = Name {
                key: "ab".repeat(32),
                at: 1_711_843_200_000,
                number: 7,
                run,
            };
            assert_eq!(Name::parse(&name.file()), Some(name.clone()));
            assert_eq!(name.part(), "ab");
        }
    }

    #[test]
    fn other_files_are_no_recordings() {
        let key = "ab".repeat(32);
        for text in [
            "session.jsonl".to_owned(),
            format!("{key}.1-1.-.json"),
            format!("{key}.1.-.jsonl"),
            format!(".{key}.1-1.-.jsonl"),
            format!("{}.1-1.-.jsonl", &key[1..]),
        ] {
            assert_eq!(Name::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn a_run_leads_nowhere_else() {
        let name = Name {
            key: "ab".repeat(32),
            at: 1,
            number: 0,
            run: Some("../../etc/passwd".to_owned()),
        };
        assert!(!name.file().contains('/'));
    }
}
