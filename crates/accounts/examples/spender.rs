//! Spends under a budget until it is killed, and says what it was told: one `held` line before each call and one
//! `spent` line after it, in picodollars. `cargo run --example spender -- DIR [SECONDS]`

use std::{
    io::{self, Write as _},
    sync::Arc,
    thread,
};

use openclaw_accounts::{
    Accounts, Allowance, Allowances, Ask, Caller, Options, Outcome, OutputLimit,
};
use openclaw_types::{Money, Price, SystemEnv};

const THREADS: u64 = 3;
const PRICE: Price = Price {
    input: 1,
    output: 1,
    cache_read: None,
    cache_write: None,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).ok_or("usage: spender DIR")?;
    let options = Options {
        allowances: Allowances {
            global: Allowance {
                max_budget: Some(Money::MAX),
                ..Allowance::default()
            },
            ..Allowances::default()
        },
        ..Options::new(dir)
    };
    let accounts = Accounts::open(options, Arc::new(SystemEnv))?;
    thread::scope(|scope| {
        for number in 0..THREADS {
            let accounts = accounts.clone();
            scope.spawn(move || spend(&accounts, number));
        }
    });
    Ok(())
}

/// Ends when nobody listens any more.
fn spend(accounts: &Accounts, number: u64) {
    let say = |word: &str, amount: Money| {
        let line = format!("{number} {word} {}\n", amount.0);
        io::stdout().lock().write_all(line.as_bytes()).is_ok()
    };
    for round in 0.. {
        let ask = Ask {
            price: Some(PRICE),
            input_tokens: 100 + round % 50,
            output: OutputLimit::Stated(100),
            ..Ask::new(&Caller::Open, "fast")
        };
        let Ok(mut ticket) = accounts.admit(&ask) else {
            return;
        };
        ticket.begin();
        if !say("held", ticket.held()) {
            return;
        }
        let settled = ticket.settle(&Outcome {
            provider: "example",
            model: "fast",
            cost: Some(Money(50 + round % 100)),
            status: 200,
            ..Outcome::default()
        });
        if !say("spent", settled.cost.unwrap_or_default()) {
            return;
        }
    }
}
