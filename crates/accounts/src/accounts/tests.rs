use std::{collections::BTreeMap, thread};

use openclaw_types::{AgentId, Money, Price, Usage, env::SimEnv};
use tempfile::TempDir;

use super::*;
use crate::{
    Allowance, BudgetExceeded, KeyFilter, KeyId, LimitKind, NewKey, Notice, Outcome, OutputLimit,
    Period, Scope, Secret, TeamId, TeamRecord, Which,
};

mod faults;
mod keys;
mod money;
mod past;
mod picture;

const START: Timestamp = Timestamp(1_700_000_000_000);
/// One picodollar for each token read, two for each written.
const PRICE: Price = Price {
    input: 1,
    output: 2,
    cache_read: None,
    cache_write: None,
};

struct World {
    dir: TempDir,
    env: Arc<SimEnv>,
    options: Options,
    accounts: Accounts,
}

impl World {
    fn new(allowances: Allowances) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            master_key: Some(Secret::new("sk-master")),
            allowances,
            ..Options::new(dir.path())
        };
        let env = Arc::new(SimEnv::new(START, 7));
        let accounts = Accounts::open(options.clone(), env.clone()).unwrap();
        Self {
            dir,
            env,
            options,
            accounts,
        }
    }

    /// Ends the process without its leave, as far as files go, and starts it again.
    fn restart(self) -> Self {
        let Self {
            dir,
            env,
            options,
            accounts,
        } = self;
        drop(accounts);
        let accounts = Accounts::open(options.clone(), env.clone()).unwrap();
        Self {
            dir,
            env,
            options,
            accounts,
        }
    }

    fn key(&self, allowance: Allowance) -> Caller {
        let new = NewKey {
            allowance,
            ..NewKey::default()
        };
        let (record, _) = self.accounts.generate(&Caller::Master, new).unwrap();
        Caller::Key(record.id)
    }

    fn settle(&self, ticket: Ticket, pico: u64) {
        let settled = ticket.settle(&answered(pico));
        assert_eq!(settled.cost, Some(Money(pico)));
    }

    fn budget(&self, scope: &Scope) -> BudgetState {
        let budgets = self.accounts.budgets();
        let found = budgets.into_iter().find(|state| state.scope == *scope);
        found.unwrap_or_else(|| panic!("no budget of {scope}"))
    }
}

fn agent(id: &str) -> AgentId {
    AgentId::parse(id).unwrap()
}

fn global(allowance: Allowance) -> Allowances {
    Allowances {
        global: allowance,
        ..Allowances::default()
    }
}

fn of_agent(id: &str, allowance: Allowance) -> Allowances {
    Allowances {
        agents: BTreeMap::from([(agent(id), allowance)]),
        ..Allowances::default()
    }
}

fn max(pico: u64) -> Allowance {
    Allowance {
        max_budget: Some(Money(pico)),
        ..Allowance::default()
    }
}

fn ask<'a>(caller: &'a Caller, input_tokens: u64, output_tokens: u64) -> Ask<'a> {
    Ask {
        price: Some(PRICE),
        input_tokens,
        output: OutputLimit::Stated(output_tokens),
        ..Ask::new(caller, "fast")
    }
}

fn answered(cost: u64) -> Outcome<'static> {
    Outcome {
        provider: "openai",
        model: "gpt",
        deployment: "one",
        usage: Some(Usage {
            input_tokens: cost,
            ..Usage::default()
        }),
        cost: Some(Money(cost)),
        status: 200,
        ms: 5,
        first_ms: None,
    }
}

fn exceeded(denied: Denied) -> BudgetExceeded {
    match denied {
        Denied::BudgetExceeded(exceeded) => *exceeded,
        other => panic!("{other}"),
    }
}

fn limited(denied: Denied) -> (LimitKind, Scope) {
    match denied {
        Denied::RateLimited(limited) => (limited.kind, limited.scope),
        other => panic!("{other}"),
    }
}
