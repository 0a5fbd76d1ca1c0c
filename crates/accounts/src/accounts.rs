//! The accounts: keys, book and ledger behind one door.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use memchr::memmem;
use openclaw_types::{Env, Timestamp};

use self::restore::restore;
use crate::{
    alerts::{Alerts, Board},
    ask::Ask,
    book::Book,
    caller::Caller,
    denied::Denied,
    error::Error,
    files,
    key::{self, Loaded, Ring},
    ledger::{Disk, Kind, Ledger, Line, RealDisk, lock, read},
    options::{Allowances, Options},
    report::{Alert, BudgetState, Dimension, LogEntry, Query, Report, Status},
    secret::{Digest, Secret},
    ticket::Ticket,
};

pub(crate) mod keys;
pub(crate) mod restore;
#[cfg(test)]
mod tests;

/// Virtual keys and teams.
pub(crate) const KEYS: &str = "keys.json";
/// No key is longer; what is presented is not looked at beyond.
const PRESENTED_BYTES_MAX: usize = 4 * 1024;
/// Calls that one question returns.
pub const LOGS_MAX: usize = 10_000;

/// Who may spend what, and what was spent. Cheap to clone; all clones are the same accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

/// What all clones and tickets share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) ledger: Ledger,
    dir: PathBuf,
    master: Option<Digest>,
    /// The same in clear, only to find it where it must not be.
    master_key: Option<Secret>,
    book: Mutex<Book>,
    board: Arc<Board>,
    /// Held while the file of keys is replaced, so that one change follows the other.
    keys_file: Mutex<()>,
    /// What is wrong with the file of keys.
    keys_failure: Option<Error>,
    /// Why what was spent before isn't known; budgets have nothing to go by then.
    unread: Option<String>,
    /// Lines that could not be read, and calls whose end nobody saw, at start.
    damaged: u64,
    unsettled: u64,
    /// Tells the calls of this process from those of others.
    tag: u64,
    count: AtomicU64,
    /// The directory is this process's as long as this is open.
    _dir_lock: File,
}

impl Accounts {
    /// Opens the accounts in a directory, which is made when it isn't there: reads keys and ledger, and starts
    /// the thread that writes.
    ///
    /// # Errors
    /// When the directory can't be made or is in use by another process. A damaged file of keys is none: virtual
    /// keys are refused, and all else works. Neither is a ledger that can't be read: what has a budget is refused.
    pub fn open(options: Options, env: Arc<dyn Env>) -> Result<Self, Error> {
        Self::open_on(options, env, Arc::new(RealDisk))
    }

    pub(crate) fn open_on(
        options: Options,
        env: Arc<dyn Env>,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, Error> {
        let Options {
            dir,
            master_key,
            allowances,
            ledger,
        } = options;
        let dir_lock = take_dir(&dir)?;
        let (loaded, keys_failure) = match key::load(&dir.join(KEYS)) {
            Ok(loaded) => (loaded, None),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "virtual keys are refused"
                );
                (Loaded::default(), Some(error))
            }
        };
        let now = env.now();
        let mut book = Book::new(Ring::of(loaded), allowances, now);
        let past = restore(&dir, &mut book, now);
        let ledger = Ledger::start(&dir, disk, Arc::clone(&env), ledger)?;
        let board = Arc::new(Board::new());
        for line in &past.unsettled {
            book.unsettled(line, now);
            // When the disk refuses, the line that says it is held counts again at the next start.
            ledger.write_now(line).unwrap_or_default();
        }
        for alert in std::mem::take(&mut book.alerts) {
            board.post(alert);
        }
        let tag = u64::from_be_bytes(env.random()[..8].try_into().unwrap_or_default());
        Ok(Self {
            inner: Arc::new(Inner {
                env,
                ledger,
                dir,
                master: master_key.as_ref().map(|key| Digest::of(key.expose())),
                master_key,
                book: Mutex::new(book),
                board,
                keys_file: Mutex::new(()),
                keys_failure,
                unread: past.failure,
                damaged: past.found.damaged,
                unsettled: past.unsettled.len() as u64,
                tag,
                count: AtomicU64::new(0),
                _dir_lock: dir_lock,
            }),
        })
    }

    /// Who presents this key. How long it takes says nothing about how near a wrong key comes.
    ///
    /// # Errors
    /// When a key is needed and this is none, or it may not be used now.
    pub fn identify(&self, presented: Option<&str>) -> Result<Caller, Denied> {
        let inner = &self.inner;
        let Some(text) = presented.map(str::trim).filter(|text| !text.is_empty()) else {
            return match inner.master {
                None => Ok(Caller::Open),
                Some(_) => Err(Denied::MissingKey),
            };
        };
        if text.len() > PRESENTED_BYTES_MAX {
            return Err(Denied::WrongKey);
        }
        let digest = Digest::of(text);
        if inner.master.is_some_and(|master| master.matches(&digest)) {
            return Ok(Caller::Master);
        }
        if let Some(failure) = &inner.keys_failure {
            return Err(Denied::KeysUnreadable {
                reason: failure.to_string(),
            });
        }
        let book = inner.book();
        match book.ring.by_digest(&digest) {
            Some(record) => {
                book.ring.usable(record, inner.env.now())?;
                Ok(Caller::Key(record.id.clone()))
            }
            None if inner.master.is_none() => Ok(Caller::Open),
            None => Err(Denied::WrongKey),
        }
    }

    /// Whether the master key is somewhere in these bytes; one that is shorter than `bytes_min` is not looked for.
    #[must_use]
    pub fn master_key_is_in(&self, bytes: &[u8], bytes_min: usize) -> bool {
        let key = self.inner.master_key.as_ref().map(Secret::expose);
        let key = key.filter(|key| key.len() >= bytes_min.max(1));
        key.is_some_and(|key| memmem::find(bytes, key.as_bytes()).is_some())
    }

    /// Asks for a call. Limits come first, then budgets; nothing is counted of what is refused.
    ///
    /// # Errors
    /// Why the call may not be made.
    pub fn admit(&self, ask: &Ask<'_>) -> Result<Ticket, Denied> {
        let inner = &self.inner;
        let now = inner.env.now();
        let grant = inner.in_book(|book| book.admit(ask, now))?;
        // Zero says that nothing is held.
        let id = inner
            .tag
            .wrapping_add(inner.count.fetch_add(1, Relaxed))
            .max(1);
        let (scope, held) = (grant.budget_of.clone(), grant.held);
        let mut ticket = Ticket::new(Arc::clone(inner), grant, id, ask);
        if let Some(scope) = scope
            && !held.is_zero()
        {
            let written = match &inner.unread {
                Some(reason) => Err(reason.clone()),
                None => ticket.write_held(Kind::Reserve, now),
            };
            // The ticket that is dropped here gives back what it holds.
            written.map_err(|reason| Denied::LedgerUnavailable { scope, reason })?;
        }
        Ok(ticket)
    }

    /// Puts other allowances in the place of those of the configuration. What was counted stays counted.
    pub fn set_allowances(&self, allowances: Allowances) {
        let now = self.inner.env.now();
        let mut book = self.inner.book();
        book.allowances = allowances;
        book.lay_out_all(now);
    }

    /// What was spent, broken down.
    #[must_use]
    pub fn spend(&self, query: &Query, by: &[Dimension]) -> Report {
        self.inner.book().rollup.report(query, by)
    }

    /// The latest calls, the last one first; no more than [`LOGS_MAX`], and no further back than the last
    /// 64 MiB of the ledger.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn logs(&self, query: &Query, count_max: usize) -> Result<Vec<LogEntry>, Error> {
        self.inner.ledger.flush();
        read::latest(
            &self.inner.dir,
            query.since,
            count_max.min(LOGS_MAX),
            &|line| accepts(query, line),
        )
    }

    /// All budgets with a hard stop or a soft one, as they are now.
    #[must_use]
    pub fn budgets(&self) -> Vec<BudgetState> {
        let now = self.inner.env.now();
        self.inner.book().budgets(now)
    }

    /// Hears of every alert from now on.
    #[must_use]
    pub fn alerts(&self) -> Alerts {
        Alerts::of(Arc::clone(&self.inner.board))
    }

    /// The alerts of late, the oldest first.
    #[must_use]
    pub fn recent_alerts(&self) -> Vec<Alert> {
        self.inner.board.recent()
    }

    /// Whether keys and ledger work.
    #[must_use]
    pub fn status(&self) -> Status {
        let inner = &self.inner;
        let keys = match &inner.keys_failure {
            Some(error) => Err(error.to_string()),
            None => Ok(inner.book().ring.len()),
        };
        Status {
            keys,
            ledger_failure: inner.unread.clone().or_else(|| inner.ledger.failure()),
            lines_damaged: inner.damaged,
            lines_lost: inner.ledger.lost(),
            unsettled: inner.unsettled,
        }
    }

    /// Writes and syncs everything; calls that end later are still written when they were under a budget.
    pub fn shutdown(&self) {
        self.inner.ledger.shutdown();
    }
}

impl Inner {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// Does something in the book, and tells afterwards what came of it.
    pub(crate) fn in_book<T>(&self, act: impl FnOnce(&mut Book) -> T) -> T {
        let mut book = self.book();
        let done = act(&mut book);
        let alerts = std::mem::take(&mut book.alerts);
        drop(book);
        for alert in alerts {
            self.board.post(alert);
        }
        done
    }
}

fn take_dir(dir: &Path) -> Result<File, Error> {
    files::create_dir(dir).map_err(|error| Error::disk("make", dir, error))?;
    files::lock_dir(dir).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Error::Locked {
            path: dir.to_owned(),
        },
        _ => Error::disk("lock", dir, error),
    })
}

fn accepts(query: &Query, line: &Line<'_>) -> bool {
    let at = Timestamp(line.at);
    let is = |wanted: Option<&str>, text: &str| wanted.is_none_or(|wanted| wanted == text);
    query.since.is_none_or(|since| at >= since)
        && query.until.is_none_or(|until| at < until)
        && is(query.key.as_ref().map(|key| key.as_str()), &line.key)
        && is(query.team.as_ref().map(|team| team.as_str()), &line.team)
        && is(
            query.agent.as_ref().map(|agent| agent.as_str()),
            &line.agent,
        )
        && is(query.group.as_deref(), &line.group)
        && is(query.provider.as_deref(), &line.provider)
        && is(query.model.as_deref(), &line.model)
}
