//! Commit markers: a line that says up to where its session can be verified, and against which hash.

use serde_json::{Value, json};

use super::{Entry, Kind};

/// The key the marker's facts stand under, between `usage` and `seq` like every later key.
const KEY: &str = "commit";
/// Bytes of a SHA-256 sum.
pub(crate) const SUM_BYTES: usize = 32;

/// What a commit marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// How many lines it covers that no marker before it does.
    pub entries: u64,
    /// The number of the last line it covers.
    pub through: u64,
    /// The running hash over every line from the beginning of the session's life up to that one.
    pub sha256: [u8; SUM_BYTES],
}

impl Marker {
    /// The marker an entry is, if it is one.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        if entry.kind != Kind::Commit {
            return None;
        }
        Self::from_value(entry.extra.get(KEY)?)
    }

    /// The hash as 64 lower-case hex digits.
    #[must_use]
    pub fn sum(&self) -> String {
        self.sha256
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let number = |key: &str| value.get(key)?.as_u64();
        Some(Self {
            entries: number("entries")?,
            through: number("through")?,
            sha256: parse_sum(value.get("sha256")?.as_str()?)?,
        })
    }

    pub(crate) fn to_value(self) -> Value {
        json!({"entries": self.entries, "through": self.through, "sha256": self.sum()})
    }

    /// Makes the entry say it.
    pub(crate) fn mark(self, entry: &mut Entry) {
        entry.extra.insert(KEY.to_owned(), self.to_value());
    }
}

fn parse_sum(text: &str) -> Option<[u8; SUM_BYTES]> {
    let bytes = text.as_bytes();
    if bytes.len() != 2 * SUM_BYTES {
        return None;
    }
    let mut sum = [0; SUM_BYTES];
    for (byte, pair) in sum.iter_mut().zip(bytes.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(sum)
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}
