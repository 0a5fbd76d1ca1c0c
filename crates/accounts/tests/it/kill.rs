//! A process that spends is killed, over and over: whatever it was told was spent is spent.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use openclaw_accounts::{Accounts, Allowance, Allowances, Options};
use openclaw_types::{Money, SystemEnv};

const KILLS: usize = 12;

/// Cargo puts examples beside the directory of the tests.
fn spender() -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/spender");
    assert!(path.exists(), "{} is not built", path.display());
    path
}

/// Lets it spend until it has said so many lines, kills it, and reads what it had said by then: what was settled,
/// and what was held for calls under way.
fn run_and_kill(dir: &Path, lines: usize) -> (u64, u64) {
    let mut child = Command::new(spender())
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut spent, mut held) = (0, BTreeMap::new());
    for (count, line) in said.enumerate() {
        let line = line.unwrap();
        let [thread, word, amount] = line.split(' ').collect::<Vec<_>>()[..] else {
            // The last line may have been cut by the kill.
            break;
        };
        let amount: u64 = amount.parse().unwrap();
        match word {
            "held" => {
                held.insert(thread.to_owned(), amount);
            }
            _ => {
                held.remove(thread);
                spent += amount;
            }
        }
        if count == lines {
            // The pipe still holds what was said before; it is read to its end.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    (spent, held.values().sum())
}

#[test]
fn a_process_that_is_killed_forgets_nothing_it_was_told() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        allowances: Allowances {
            global: Allowance {
                max_budget: Some(Money::MAX),
                ..Allowance::default()
            },
            ..Allowances::default()
        },
        ..Options::new(dir.path())
    };
    let mut before = 0;
    for round in 0..KILLS {
        let (spent, held) = run_and_kill(dir.path(), 20 + round * 137);
        let accounts = Accounts::open(options.clone(), Arc::new(SystemEnv)).unwrap();
        let now = accounts.budgets()[0].spent.0;
        let status = accounts.status();
        assert_eq!((status.lines_damaged, status.ledger_failure), (0, None));
        let known = before + spent + held;
        // Of each thread one call may have been settled or begun that it had no time to speak of.
        assert!(
            now >= before + spent,
            "round {round}: {now} < {before} + {spent}"
        );
        assert!(
            now + 3 * 250 >= known && now <= known + 3 * 250,
            "round {round}: {now}, {known}"
        );
        before = now;
    }
    assert!(before > 0);
}
