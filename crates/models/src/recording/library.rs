//! Recordings that are there to be heard: found by what was asked, taken in the order in which they were made.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    Outcome, Subject,
    files::walk,
    line::{self, Asked, Line, Played},
    name::Name,
    subject,
};
use crate::limits::{
    RECORDING_BYTES_MAX, RECORDINGS_COMPARED_MAX, RECORDINGS_DEPTH_MAX, RECORDINGS_MAX,
};

/// The longest file that is read: JSON may write a byte of a recording as six.
const FILE_BYTES_MAX: u64 = RECORDING_BYTES_MAX as u64 * 6 + (1 << 20);

/// Recordings below one directory.
#[derive(Debug)]
pub(super) struct Library {
    shelves: BTreeMap<String, Shelf>,
}

/// Answers to one question, the oldest first.
#[derive(Debug, Default)]
struct Shelf {
    takes: Vec<(Name, PathBuf)>,
    next: usize,
}

/// The recording that is most like what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nearest {
    /// Its file's name.
    pub(crate) file: String,
    /// Where they differ first, such as `messages[1].content`.
    pub(crate) at: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Missing {
    /// It was never asked.
    Unknown {
        key: String,
        nearest: Option<Nearest>,
    },
    /// It can't be read.
    Unreadable { path: PathBuf, source: io::Error },
}

impl Library {
    /// Looks at what is there.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        std::fs::read_dir(dir)?;
        let mut shelves: BTreeMap<String, Shelf> = BTreeMap::new();
        let mut count = 0;
        walk(dir, RECORDINGS_DEPTH_MAX, &mut |path, name| {
            if let Some(name) = Name::parse(name)
                && count < RECORDINGS_MAX
            {
                count += 1;
                let shelf = shelves.entry(name.key.clone()).or_default();
                shelf.takes.push((name, path));
            }
        });
        for shelf in shelves.values_mut() {
            shelf.takes.sort_by(|a, b| a.0.by_age(&b.0));
        }
        Ok(Self { shelves })
    }

    /// The next answer to a question; the last one is given again and again. One that nobody waited for to the end
    /// is only given where there is no other.
    pub(super) fn next(&mut self, subject: &Subject) -> Result<Played, Missing> {
        let key = subject.key();
        let Some(shelf) = self.shelves.get_mut(&key) else {
            let nearest = self.nearest(subject);
            return Err(Missing::Unknown { key, nearest });
        };
        let mut given_up = None;
        while let Some((_, path)) = shelf.takes.get(shelf.next) {
            let played = play(path)?;
            if played.outcome == Outcome::Cancelled && shelf.takes.len() > 1 {
                shelf.takes.remove(shelf.next);
                shelf.next = shelf.next.min(shelf.takes.len().saturating_sub(1));
                given_up = Some(played);
                continue;
            }
            if shelf.next + 1 < shelf.takes.len() {
                shelf.next += 1;
            }
            return Ok(played);
        }
        given_up.ok_or(Missing::Unknown { key, nearest: None })
    }

    /// The recording of the same kind that is most like what was asked.
    fn nearest(&self, subject: &Subject) -> Option<Nearest> {
        let takes = self.shelves.values().flat_map(|shelf| &shelf.takes);
        let mut takes: Vec<&(Name, PathBuf)> = takes.collect();
        takes.sort_by(|a, b| b.0.by_age(&a.0));
        let wanted = subject.asked();
        let text = wanted.to_string();
        let alike = takes.into_iter().filter_map(|(name, path)| {
            let asked = first_line(path)?;
            (asked.door == subject.door()).then(|| (name, subject::normal(asked.request)))
        });
        let alike = alike.take(RECORDINGS_COMPARED_MAX).map(|(name, other)| {
            let same = likeness(&text, &other.to_string());
            (same, name, other)
        });
        let (_, name, other) = alike.min_by_key(|(same, ..)| Reverse(*same))?;
        Some(Nearest {
            file: name.file(),
            at: difference(&wanted, &other).unwrap_or_default(),
        })
    }
}

fn play(path: &Path) -> Result<Played, Missing> {
    let unreadable = |source| Missing::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
        .map_err(unreadable)?;
    line::read(&text)
        .map_err(|error| unreadable(error.into()))?
        .ok_or_else(|| unreadable(io::Error::other("it has no end")))
}

fn first_line(path: &Path) -> Option<Asked> {
    let mut text = String::new();
    let file = BufReader::new(File::open(path).ok()?);
    file.take(FILE_BYTES_MAX).read_line(&mut text).ok()?;
    match serde_json::from_str(&text).ok()? {
        Line::Request(asked) => Some(asked),
        _ => None,
    }
}

/// How many bytes two texts share at their beginnings and ends.
fn likeness(one: &str, other: &str) -> usize {
    let same = |(a, b): &(u8, u8)| a == b;
    let front = one.bytes().zip(other.bytes()).take_while(same).count();
    let back = one.bytes().rev().zip(other.bytes().rev());
    let longest = one.len().min(other.len()) - front;
    front + back.take_while(same).take(longest).count()
}

/// Where two documents differ first.
fn difference(one: &Value, other: &Value) -> Option<String> {
    let inner = |name: String, at: String| match at.as_str() {
        "" => name,
        at if at.starts_with('[') => format!("{name}{at}"),
        at => format!("{name}.{at}"),
    };
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys());
            let mut places = names.filter_map(|name| match (one.get(name), other.get(name)) {
                (Some(one), Some(other)) => Some(inner(name.clone(), difference(one, other)?)),
                _ => Some(name.clone()),
            });
            places.next()
        }
        (Value::Array(one), Value::Array(other)) => {
            let both = one.iter().zip(other).enumerate();
            let mut places =
                both.filter_map(|(n, (a, b))| Some(inner(format!("[{n}]"), difference(a, b)?)));
            let shorter = one.len().min(other.len());
            let length = (one.len() != other.len()).then(|| format!("[{shorter}]"));
            places.next().or(length)
        }
        _ => (one != other).then(String::new),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_has_a_place() {
        let one = json!({"m": [{"c": "a"}, {"c": "b"}], "t": 1});
        for (other, at) in [
            (one.clone(), None),
            (
                json!({"m": [{"c": "a"}, {"c": "x"}], "t": 1}),
                Some("m[1].c"),
            ),
            (json!({"m": [{"c": "a"}], "t": 1}), Some("m[1]")),
            (json!({"m": [{"c": "a"}, {"c": "b"}]}), Some("t")),
            (json!(null), Some("")),
        ] {
            assert_eq!(difference(&one, &other).as_deref(), at, "{other}");
        }
    }

    #[test]
    fn texts_are_alike_at_both_ends() {
        for (one, other, same) in [
            ("abc", "abc", 3),
            ("abXcd", "abYcd", 4),
            ("aa", "aaa", 2),
            ("", "x", 0),
        ] {
            assert_eq!(likeness(one, other), same, "{one} {other}");
        }
    }
}
