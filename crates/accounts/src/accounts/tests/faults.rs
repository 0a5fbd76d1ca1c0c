//! Disks that refuse.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize},
    time::Duration,
};

use super::*;
use crate::{LedgerOptions, ledger::Appended};

/// A disk that can be told to be full, tears what it writes then, and fails to sync.
#[derive(Debug, Default)]
struct Faulty {
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    is_full: AtomicBool,
    syncs_fail: AtomicBool,
    truncates_fail: AtomicBool,
    opens: AtomicUsize,
    syncs: AtomicUsize,
}

#[derive(Debug)]
struct FaultyFile {
    real: Arc<dyn Appended>,
    faults: Arc<Faults>,
}

fn fail_if(fault: &AtomicBool) -> io::Result<()> {
    match fault.load(Relaxed) {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => Ok(()),
    }
}

impl Disk for Faulty {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn Appended>> {
        self.faults.opens.fetch_add(1, Relaxed);
        Ok(Arc::new(FaultyFile {
            real: RealDisk.open(path)?,
            faults: Arc::clone(&self.faults),
        }))
    }
}

impl Appended for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = fail_if(&self.faults.is_full) {
            self.real.append(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.real.append(bytes)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        fail_if(&self.faults.truncates_fail)?;
        self.real.truncate(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.faults.syncs.fetch_add(1, Relaxed);
        fail_if(&self.faults.syncs_fail)?;
        self.real.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.real.len()
    }
}

fn open(dir: &TempDir) -> (Accounts, Arc<Faults>) {
    let options = Options {
        allowances: of_agent("coder", max(1_000)),
        ledger: LedgerOptions {
            sync_ms: 1,
            ..LedgerOptions::default()
        },
        ..Options::new(dir.path())
    };
    let disk = Faulty::default();
    let faults = Arc::clone(&disk.faults);
    let env = Arc::new(SimEnv::new(START, 1));
    let accounts = Accounts::open_on(options, env, Arc::new(disk)).unwrap();
    (accounts, faults)
}

fn spend(accounts: &Accounts, caller: &Caller) -> Result<(), Denied> {
    let ticket = accounts.admit(&ask(caller, 10, 0))?;
    ticket.settle(&answered(10));
    Ok(())
}

fn coder() -> Caller {
    Caller::Agent(agent("coder"))
}

/// The thread that writes has its own time.
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("{what}");
}

#[test]
fn a_full_disk_refuses_what_has_a_budget_and_lets_all_else_go_on() {
    for truncates_fail in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (accounts, faults) = open(&dir);
        spend(&accounts, &coder()).unwrap();
        let before = accounts.admit(&ask(&coder(), 10, 0)).unwrap();
        faults.is_full.store(true, Relaxed);
        faults.truncates_fail.store(truncates_fail, Relaxed);
        for _ in 0..3 {
            let denied = spend(&accounts, &coder()).unwrap_err();
            assert!(
                matches!(denied, Denied::LedgerUnavailable { .. }),
                "{denied}"
            );
        }
        spend(&accounts, &Caller::Open).unwrap();
        eventually("a line is lost", || accounts.status().lines_lost > 0);
        assert!(accounts.status().ledger_failure.is_some());
        // What was admitted before ends as it should; only the ledger still says that more was held.
        before.settle(&answered(3));
        let state = &accounts.budgets()[0];
        assert_eq!((state.spent, state.reserved), (Money(13), Money::ZERO));
        faults.is_full.store(false, Relaxed);
        faults.truncates_fail.store(false, Relaxed);
        spend(&accounts, &coder()).unwrap();
        assert_eq!(accounts.status().ledger_failure, None);
        drop(accounts);
        let (accounts, _) = open(&dir);
        assert_eq!(accounts.status().lines_damaged, 0);
        assert_eq!(accounts.budgets()[0].spent, Money(30));
    }
}

#[test]
fn a_sync_that_fails_refuses_what_has_a_budget_until_a_new_file_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let (accounts, faults) = open(&dir);
    faults.syncs_fail.store(true, Relaxed);
    spend(&accounts, &coder()).unwrap();
    eventually("the failure shows", || {
        accounts.status().ledger_failure.is_some()
    });
    let denied = spend(&accounts, &coder()).unwrap_err();
    assert!(
        matches!(denied, Denied::LedgerUnavailable { .. }),
        "{denied}"
    );
    spend(&accounts, &Caller::Open).unwrap();
    faults.syncs_fail.store(false, Relaxed);
    eventually("it works again", || {
        accounts.status().ledger_failure.is_none()
    });
    spend(&accounts, &coder()).unwrap();
    assert!(faults.opens.load(Relaxed) > 1);
    drop(accounts);
    let (accounts, _) = open(&dir);
    assert_eq!(accounts.budgets()[0].spent, Money(20));
}

#[test]
fn what_was_written_is_synced_without_being_asked_and_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (accounts, faults) = open(&dir);
    for caller in [coder(), Caller::Open] {
        let before = faults.syncs.load(Relaxed);
        spend(&accounts, &caller).unwrap();
        eventually("it is synced", || faults.syncs.load(Relaxed) > before);
    }
    spend(&accounts, &Caller::Open).unwrap();
    accounts.shutdown();
    let found = read::latest(dir.path(), None, 10, &|_| true).unwrap();
    assert_eq!(found.len(), 3);
    // What has a budget is written by whoever asks, also when the thread has ended.
    spend(&accounts, &coder()).unwrap();
    assert_eq!(
        read::latest(dir.path(), None, 10, &|_| true).unwrap().len(),
        4
    );
}

#[test]
fn a_ledger_that_cannot_be_read_refuses_what_has_a_budget() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("spend.jsonl")).unwrap();
    let (accounts, _) = open(&dir);
    let denied = spend(&accounts, &coder()).unwrap_err();
    assert!(
        matches!(denied, Denied::LedgerUnavailable { .. }),
        "{denied}"
    );
    spend(&accounts, &Caller::Open).unwrap();
    assert!(accounts.status().ledger_failure.is_some());
}
