//! Reading the ledger: all of it at start, and its end for those who ask for calls.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use openclaw_types::Timestamp;

use super::{
    ACTIVE,
    line::{LINE_BYTES_MAX, Line, decode},
};
use crate::{error::Error, files, report::LogEntry};

/// One read of the disk.
const BLOCK_BYTES: usize = 256 * 1024;
/// So much of the ledger is looked through for calls, from its end: some 200,000 of them.
const SEARCHED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What reading the whole ledger came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Lines read.
    pub(crate) lines: u64,
    /// Lines that were none, before the end of a file.
    pub(crate) damaged: u64,
    /// Bytes of the torn tail that was cut aside.
    pub(crate) torn: u64,
}

/// The files of the ledger, the oldest first; the one written to is the last.
pub(crate) fn paths(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if number_of(&path).is_some() {
            paths.push(path);
        }
    }
    paths.sort();
    let active = dir.join(ACTIVE);
    if active.exists() {
        paths.push(active);
    }
    Ok(paths)
}

/// The running number of a file that is closed: `spend-000007-2026-11.jsonl`.
pub(crate) fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let middle = name.strip_prefix("spend-")?.strip_suffix(".jsonl")?;
    let number = middle.get(..6).filter(|_| middle.get(6..7) == Some("-"))?;
    number.parse().ok()
}

/// Reads a file's lines; says where its last whole line ends.
pub(crate) fn one(
    path: &Path,
    found: &mut Found,
    each: &mut dyn FnMut(&Line<'_>),
) -> io::Result<u64> {
    lines(files::open_read(path)?, found, each)
}

/// The same, wherever the bytes come from.
pub(crate) fn lines(
    bytes: impl io::Read,
    found: &mut Found,
    each: &mut dyn FnMut(&Line<'_>),
) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(BLOCK_BYTES, bytes);
    let (mut line, mut at, mut end) = (Vec::new(), 0, 0);
    loop {
        line.clear();
        let count = (&mut reader)
            .take(LINE_BYTES_MAX as u64)
            .read_until(b'\n', &mut line)?;
        if count == 0 {
            return Ok(end);
        }
        at += count as u64;
        let Some(whole) = line.strip_suffix(b"\n") else {
            continue;
        };
        match decode(whole) {
            Some(line) => {
                found.lines += 1;
                each(&line);
            }
            None => found.damaged += 1,
        }
        // A whole line that is damaged is left where it is: what follows it is good.
        end = at;
    }
}

/// What is behind the last line break was being written when the power or the program went.
pub(crate) fn cut_aside(path: &Path, end: u64, found: &mut Found) -> io::Result<()> {
    let file = files::open_append(path)?;
    let len = file.metadata()?.len();
    if len <= end {
        return Ok(());
    }
    found.torn = len - end;
    let mut tail = vec![0; usize::try_from(found.torn).unwrap_or(0).min(LINE_BYTES_MAX)];
    let count = file.read_at(&mut tail, end)?;
    let aside = path.with_file_name(format!("spend.torn-{end:012}"));
    files::replace(&aside, &tail[..count])?;
    file.set_len(end)?;
    file.sync_all()
}

/// The last calls that fit, the latest first; lines are read from the end backwards.
pub(crate) fn latest(
    dir: &Path,
    since: Option<Timestamp>,
    count_max: usize,
    fits: &dyn Fn(&Line<'_>) -> bool,
) -> Result<Vec<LogEntry>, Error> {
    let mut entries = Vec::new();
    let mut searched = 0;
    let paths = paths(dir).map_err(|error| Error::disk("list", dir, error))?;
    for path in paths.iter().rev() {
        let file = files::open_read(path).map_err(|error| Error::disk("open", path, error))?;
        let mut back = Backwards::new(file).map_err(|error| Error::disk("read", path, error))?;
        while let Some(bytes) = back
            .next_line()
            .map_err(|error| Error::disk("read", path, error))?
        {
            searched += bytes.len() as u64 + 1;
            if entries.len() >= count_max || searched > SEARCHED_BYTES_MAX {
                return Ok(entries);
            }
            let Some(line) = decode(&bytes) else { continue };
            if since.is_some_and(|since| line.at < since.as_millis() - CLOCK_MS) {
                return Ok(entries);
            }
            if line.is_spending() && fits(&line) {
                entries.push(line.to_entry());
            }
        }
    }
    Ok(entries)
}

/// Lines are in the order of their writing; their times may differ from it by as much as a clock is set back,
/// or a call whose end nobody saw lies behind. A day is looked behind.
const CLOCK_MS: i64 = 86_400_000;

/// A file's lines from its end to its beginning.
struct Backwards {
    file: File,
    /// Everything before is unread.
    at: u64,
    /// The end of what was read, of which the first line may not be whole.
    bytes: VecDeque<Vec<u8>>,
    /// The beginning of what was read, whose own beginning is unread.
    head: Vec<u8>,
}

impl Backwards {
    fn new(file: File) -> io::Result<Self> {
        Ok(Self {
            at: file.metadata()?.len(),
            file,
            bytes: VecDeque::new(),
            head: Vec::new(),
        })
    }

    fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(line) = self.bytes.pop_back() {
                return Ok(Some(line));
            }
            if self.at == 0 {
                let head = std::mem::take(&mut self.head);
                return Ok((!head.is_empty()).then_some(head));
            }
            self.read_block()?;
        }
    }

    fn read_block(&mut self) -> io::Result<()> {
        let len = self.at.min(BLOCK_BYTES as u64);
        let mut block = vec![0; usize::try_from(len).unwrap_or(BLOCK_BYTES)];
        self.at -= len;
        self.file.read_exact_at(&mut block, self.at)?;
        // Damage without line breaks is not gathered.
        if self.head.len() <= LINE_BYTES_MAX {
            block.extend_from_slice(&self.head);
        }
        let mut lines = block.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
        self.head = lines.next().unwrap_or_default();
        self.bytes = lines.collect();
        Ok(())
    }
}
