//! Reading: lists, single entries, whole cases, and the check of the chain; works while somebody else writes.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{BufReader, ErrorKind},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use openclaw_types::Timestamp;
use rustix::fs::OFlags;

use crate::{
    case::Case,
    entry::{Entry, Kind, ProposalId},
    error::Error,
    limits::LIST_MAX,
    lines::{self, Piece},
    verify::{self, Head, Report},
};

/// Which entries are asked for; nothing in a field asks for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this proposal.
    pub proposal: Option<ProposalId>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// In which this agent is named.
    pub agent: Option<String>,
    /// From this number on.
    pub from_seq: Option<u64>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// At most so many, and never more than [`LIST_MAX`].
    pub count_max: Option<usize>,
}

impl Filter {
    /// Whether an entry is asked for.
    #[must_use]
    pub fn keeps(&self, entry: &Entry) -> bool {
        self.proposal
            .as_ref()
            .is_none_or(|proposal| *proposal == entry.proposal)
            && self.kind.is_none_or(|kind| kind == entry.event.kind())
            && self
                .agent
                .as_ref()
                .is_none_or(|agent| entry.event.names(agent))
            && self.from_seq.is_none_or(|seq| entry.seq >= seq)
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }

    fn count(&self) -> usize {
        self.count_max.unwrap_or(LIST_MAX).min(LIST_MAX)
    }
}

/// Reads a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    path: PathBuf,
}

impl Reader {
    /// Reads the ledger at this path; one that does not exist is empty.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.into() }
    }

    /// The first entries that are asked for.
    ///
    /// # Errors
    /// When a line before their end can't be read, or the disk refuses.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Entry>, Error> {
        let mut found = Vec::new();
        let count_max = filter.count();
        if count_max == 0 {
            return Ok(found);
        }
        self.each(|entry| {
            if filter.keeps(&entry) {
                found.push(entry);
            }
            found.len() < count_max
        })?;
        Ok(found)
    }

    /// The last entries that are asked for, in their order.
    ///
    /// # Errors
    /// When a line can't be read, or the disk refuses.
    pub fn tail(&self, filter: &Filter) -> Result<Vec<Entry>, Error> {
        let mut found = VecDeque::new();
        let count_max = filter.count();
        self.each(|entry| {
            if filter.keeps(&entry) {
                found.push_back(entry);
            }
            if found.len() > count_max {
                found.pop_front();
            }
            true
        })?;
        Ok(found.into())
    }

    /// One entry.
    ///
    /// # Errors
    /// When a line before it can't be read, or the disk refuses.
    pub fn entry(&self, seq: u64) -> Result<Option<Entry>, Error> {
        let mut found = None;
        self.each(|entry| {
            let is_before = entry.seq < seq;
            if entry.seq == seq {
                found = Some(entry);
            }
            is_before
        })?;
        Ok(found)
    }

    /// All that is known of a proposal.
    ///
    /// # Errors
    /// When a line can't be read, or the disk refuses.
    pub fn show(&self, proposal: &ProposalId) -> Result<Option<Case>, Error> {
        let mut case: Option<Case> = None;
        self.each(|entry| {
            if entry.proposal == *proposal {
                case.get_or_insert_with(|| Case::new(proposal.clone()))
                    .add(entry);
            }
            true
        })?;
        Ok(case)
    }

    /// Checks the whole chain, against a head somebody remembered if there is one.
    ///
    /// # Errors
    /// When the disk refuses; what is wrong with the chain is in the report.
    pub fn verify(&self, known: Option<&Head>) -> Result<Report, Error> {
        let read = match self.open()? {
            Some(file) => verify::walk(BufReader::new(file), known, drop),
            None => verify::walk(std::io::empty(), known, drop),
        };
        read.map_err(|error| Error::disk("read", &self.path, error))
    }

    fn open(&self) -> Result<Option<File>, Error> {
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
        match OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(&self.path)
        {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::disk("open", &self.path, error)),
        }
    }

    /// Shows each entry, until told to stop; what is behind the last line is being written, and not shown.
    fn each(&self, mut visit: impl FnMut(Entry) -> bool) -> Result<(), Error> {
        let Some(file) = self.open()? else {
            return Ok(());
        };
        let mut file = BufReader::new(file);
        for line in 1.. {
            let read = lines::next(&mut file);
            let unreadable = || Error::Line {
                path: self.path.clone(),
                line,
            };
            match read.map_err(|error| Error::disk("read", &self.path, error))? {
                None | Some(Piece::Torn(_)) => break,
                Some(Piece::TooLong(_)) => return Err(unreadable()),
                Some(Piece::Line(bytes)) => {
                    let entry = serde_json::from_slice(&bytes).map_err(|_error| unreadable())?;
                    if !visit(entry) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}
