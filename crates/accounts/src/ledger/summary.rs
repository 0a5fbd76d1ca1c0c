//! What a closed file of the ledger comes to, kept beside it so that the next start need not read it again.
//!
//! It is a cache: it is made by reading the file, says which bytes it was made of, and may be deleted.

use std::{
    collections::BTreeMap,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    line::{Line, decode, is_sealed, seal},
    open::{Open, Said},
    read::Found,
};
use crate::{
    files,
    rollup::{Cell, Rollup},
};

/// A file with another version is made anew.
const VERSION: u32 = 1;
/// A file is known again by its length and the checksum of so much of its end.
const END_BYTES: u64 = 4 * 1024;

/// What a closed file comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    version: u32,
    bytes: u64,
    end: u32,
    lines: u64,
    damaged: u64,
    /// The times of the earliest and the latest spending in it.
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) cells: Vec<Cell>,
    /// Calls that began in it and did not end, each as a line.
    held: Vec<String>,
    /// What is said of calls that began before it.
    others: BTreeMap<u64, Said>,
}

/// A summary that is being made.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    rollup: Rollup,
    open: Open,
    times: Option<(i64, i64)>,
}

impl Draft {
    /// Counts a line.
    pub(crate) fn follow(&mut self, line: &Line<'_>) {
        self.open.follow(line);
        if line.is_spending() {
            self.rollup.add(line);
            let (first, last) = self.times.unwrap_or((line.at, line.at));
            self.times = Some((first.min(line.at), last.max(line.at)));
        }
    }

    /// What the file says of calls under way, without keeping anything.
    pub(crate) fn into_open(self) -> Open {
        self.open
    }

    /// Keeps the summary beside the file; gives back what the file says of calls under way. A disk that refuses
    /// costs the next start some time.
    pub(crate) fn keep(self, path: &Path, found: Found) -> Open {
        let (first, last) = self.times.unwrap_or_default();
        let summary = known(path).map(|(bytes, end)| Summary {
            version: VERSION,
            bytes,
            end,
            lines: found.lines,
            damaged: found.damaged,
            first,
            last,
            cells: self.rollup.cells().collect(),
            held: self.open.held.values().map(encoded).collect(),
            others: self.open.others.clone(),
        });
        let kept = summary.and_then(|summary| {
            let mut bytes = serde_json::to_vec(&summary)?;
            seal(&mut bytes, 0);
            files::replace(&beside(path), &bytes)
        });
        if let Err(error) = kept {
            tracing::debug!("the sums of {} are not kept: {error}", path.display());
        }
        self.open
    }
}

impl Summary {
    /// What is kept beside a file, if it was made of the bytes that are in the file now.
    pub(crate) fn load(path: &Path) -> Option<Self> {
        let bytes = std::fs::read(beside(path)).ok()?;
        let object = bytes
            .strip_suffix(b"\n")
            .filter(|object| is_sealed(object))?;
        let summary: Self = serde_json::from_slice(object).ok()?;
        let is_known = known(path).ok()? == (summary.bytes, summary.end);
        (summary.version == VERSION && is_known).then_some(summary)
    }

    /// How many lines there were.
    pub(crate) const fn found(&self) -> Found {
        Found {
            lines: self.lines,
            damaged: self.damaged,
            torn: 0,
        }
    }

    /// What the file says of calls under way.
    pub(crate) fn open(&self) -> Open {
        let lines = self.held.iter().filter_map(|line| decode(line.as_bytes()));
        Open {
            held: lines.map(|line| (line.id, line.into_owned())).collect(),
            others: self.others.clone(),
        }
    }
}

fn encoded(line: &Line<'static>) -> String {
    let mut bytes = Vec::new();
    line.encode(&mut bytes);
    bytes.pop();
    String::from_utf8(bytes).unwrap_or_default()
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("sums.json")
}

/// The length of a file, and the checksum of its end.
fn known(path: &Path) -> io::Result<(u64, u32)> {
    let file = files::open_read(path)?;
    let bytes = file.metadata()?.len();
    let len = bytes.min(END_BYTES);
    let mut end = vec![0; usize::try_from(len).unwrap_or_default()];
    file.read_exact_at(&mut end, bytes - len)?;
    Ok((bytes, crc32c::crc32c(&end)))
}
