//! Keys and spending as they are on disk, for looking while no process of ours has the accounts open.

use std::{path::Path, sync::Mutex};

use openclaw_types::Timestamp;

use crate::{
    accounts::{KEYS, keys, restore::look},
    book::Book,
    error::Error,
    key::{self, KeyFilter, KeyState, Ring, Which},
    ledger::lock,
    options::Allowances,
    report::{BudgetState, Dimension, Query, Report},
};

/// What the files of a directory say. Reading changes none of them, so they may be written to meanwhile: the last
/// lines may be missing then, and what is held for calls under way counts as spent.
#[derive(Debug)]
pub struct Picture {
    book: Mutex<Book>,
    now: Timestamp,
}

impl Picture {
    /// Reads the files; a directory that is not there has none.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn read(dir: &Path, allowances: Allowances, now: Timestamp) -> Result<Self, Error> {
        let ring = Ring::of(key::load(&dir.join(KEYS))?);
        let mut book = Book::new(ring, allowances, now);
        look(dir, &mut book, now)?;
        Ok(Self {
            book: Mutex::new(book),
            now,
        })
    }

    /// A key and what was spent on it.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn info(&self, which: &Which<'_>) -> Result<KeyState, Error> {
        keys::info(&mut lock(&self.book), which, self.now)
    }

    /// The keys, by the time of their making.
    #[must_use]
    pub fn list(&self, filter: &KeyFilter) -> Vec<KeyState> {
        keys::list(&mut lock(&self.book), filter, self.now)
    }

    /// What was spent, broken down.
    #[must_use]
    pub fn spend(&self, query: &Query, by: &[Dimension]) -> Report {
        lock(&self.book).rollup.report(query, by)
    }

    /// All budgets with a hard stop or a soft one.
    #[must_use]
    pub fn budgets(&self) -> Vec<BudgetState> {
        lock(&self.book).budgets(self.now)
    }
}
