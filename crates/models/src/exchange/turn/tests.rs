//! What holds of the loop for every plan, every way to fail, every delay and every patience.

use std::{collections::BTreeMap, future::pending};

use bytes::Bytes;
use openclaw_accounts::{Accounts, Allowance, Caller, Options, Query};
use openclaw_types::{AgentId, Money, Price, SystemEnv, Timestamp, Usage};
use proptest::prelude::*;

use super::*;
use crate::{
    dialect::Front,
    exchange::{self, weight::Weight},
    limits::REPEATS_MAX,
    options::Deadlines,
    routing::{self, Ask, Builder, Deployment, Rules, Server, Settings, Spot},
};

/// Short, so that what a caller gets who names no deadline is short too.
const DEADLINES: Deadlines = Deadlines {
    connect_ms: 1_000,
    first_byte_ms: 5_000,
    idle_ms: 5_000,
    total_ms: 10_000,
};
/// Tokio's timers count in whole milliseconds, and each wait of the loop may be rounded up.
const SLACK: Duration = Duration::from_millis(100);
const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A clock that goes with tokio's, which the test has stopped.
#[derive(Debug)]
struct Paused(Instant);

impl Env for Paused {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.0.elapsed().as_millis()).expect("a short test");
        Timestamp(NOW.as_millis() + ms)
    }

    fn random(&self) -> [u8; 16] {
        [7; 16]
    }
}

/// What one candidate does when it is asked.
#[derive(Debug, Clone)]
enum Deed {
    Answers(u64),
    Fails(u64, Kind, u16),
    /// The request is at fault, whoever is asked.
    Stops(u64),
    /// It says nothing, ever.
    Hangs,
}

#[derive(Debug, Clone)]
struct World {
    /// Of each candidate: its group, provider, model and level.
    members: Vec<(usize, u8, u8, u32)>,
    num_retries: u32,
    deeds: Vec<Deed>,
    given: Option<u64>,
    /// When the caller leaves.
    leaves: Option<u64>,
    chance: u64,
}

fn kind() -> impl Strategy<Value = (Kind, u16)> {
    let away = |seconds| Kind::RateLimited {
        retry_after: Some(Duration::from_secs(seconds)),
    };
    prop_oneof![
        Just((Kind::Overloaded, 500)),
        Just((Kind::Overloaded, 503)),
        Just((Kind::Overloaded, 529)),
        Just((Kind::Overloaded, 409)),
        Just((Kind::RateLimited { retry_after: None }, 429)),
        (0..90_000_u64).prop_map(move |seconds| (away(seconds), 429)),
        Just((Kind::Auth, 401)),
        Just((Kind::Auth, 403)),
        Just((Kind::NotFound, 404)),
        Just((Kind::BadRequest, 400)),
        Just((Kind::Refused, 400)),
        Just((Kind::ContextOverflow, 413)),
        Just((Kind::NoModel, 0)),
        Just((Kind::Timeout(Phase::FirstByte), 408)),
        Just((Kind::Timeout(Phase::FirstByte), 0)),
        Just((Kind::Timeout(Phase::Connect), 0)),
        Just((Kind::Transport, 0)),
        Just((Kind::Malformed, 200)),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        1 => (0..4_000_u64).prop_map(Deed::Answers),
        12 => (prop_oneof![Just(0), 0..4_000_u64], kind())
            .prop_map(|(ms, (kind, status))| Deed::Fails(ms, kind, status)),
        1 => (0..4_000_u64).prop_map(Deed::Stops),
        1 => Just(Deed::Hangs),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let member = (0..3_usize, 0..3_u8, 0..4_u8, 0..3_u32);
    (
        prop::collection::vec(member, 1..12),
        0..5_u32,
        prop::collection::vec(deed(), 1..40),
        prop::option::of(0..30_000_u64),
        prop::option::weighted(0.3, 0..20_000_u64),
        any::<u64>(),
    )
        .prop_map(
            |(members, num_retries, deeds, given, leaves, chance)| World {
                members,
                num_retries,
                deeds,
                given,
                leaves,
                chance,
            },
        )
}

impl World {
    fn plan(&self, health: &Health) -> Plan {
        let groups = ["g0", "g1", "g2"];
        let first = groups[self.members[0].0];
        let others = groups.iter().filter(|group| **group != first);
        let settings = Settings {
            num_retries: self.num_retries,
            fallbacks: BTreeMap::from([(
                first.to_owned(),
                others.map(|&group| group.to_owned()).collect(),
            )]),
            ..Settings::default()
        };
        let mut builder = Builder::new(settings);
        for (group, provider, model, order) in &self.members {
            let server = Arc::new(Server::inner(&format!("p{provider}")));
            let template = Deployment::of(server, DEADLINES, Rules::default());
            let deployment = Deployment {
                id: Arc::from(format!("{group}:{provider}/{model}")),
                price: Price::per_token_usd(0.01, 0.01, None, None),
                ..template.of_model(&Arc::from(groups[*group]), &format!("m{model}"))
            };
            builder.deployment(deployment, *order, None);
        }
        let ask = Ask {
            reference: first,
            is_stated: true,
            ..Ask::default()
        };
        let table = Arc::new(builder.build());
        routing::plan(&table, &ask, health, NOW, self.chance).expect("it is served")
    }
}

/// What was asked of whom, and what came of it, when it came to anything.
#[derive(Debug, Default)]
struct Log(Vec<(Spot, Option<u16>)>);

struct Fake {
    deeds: Vec<Deed>,
    log: Mutex<Log>,
}

impl Asking for Fake {
    type Answer = ();
    type Stop = ();

    async fn ask(&self, attempt: Attempt<'_>, bill: &mut Bill) -> Result<(), Stumble<()>> {
        let deployment = &attempt.candidate.deployment;
        let place = {
            let mut log = self.log.lock().expect("a lock");
            log.0.push((deployment.spot.clone(), None));
            log.0.len() - 1
        };
        let told = |status| self.log.lock().expect("a lock").0[place].1 = Some(status);
        let wait = |ms: u64| tokio::time::sleep(Duration::from_millis(ms));
        match self.deeds[place % self.deeds.len()] {
            Deed::Answers(ms) => {
                wait(ms).await;
                told(200);
                bill.content(3);
                Ok(())
            }
            Deed::Stops(ms) => {
                wait(ms).await;
                Err(Stumble::Request(()))
            }
            Deed::Hangs => pending().await,
            Deed::Fails(ms, kind, status) => {
                wait(ms).await;
                told(status);
                Err(Stumble::from(Error::Answer {
                    provider: Arc::clone(deployment.provider()),
                    model: Arc::clone(&deployment.model),
                    status,
                    kind,
                    message: "no".to_owned(),
                    hint: None,
                }))
            }
        }
    }
}

/// Accounts with one agent that has a budget and one place.
fn accounts(dir: &std::path::Path, agent: &AgentId) -> Accounts {
    let mut options = Options::new(dir);
    let allowance = Allowance {
        max_budget: Money::from_usd(1_000.0),
        max_parallel: Some(1),
        ..Allowance::default()
    };
    options.allowances.agents.insert(agent.clone(), allowance);
    Accounts::open(options, Arc::new(SystemEnv)).expect("accounts")
}

/// How a run ended: with an answer, without, or because the caller left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Answered,
    Unanswered,
    Left,
}

#[expect(clippy::too_many_lines, reason = "a list of what must hold")]
async fn checked(world: World, accounts: &Accounts, agent: &AgentId) -> Result<(), TestCaseError> {
    let health = Arc::new(Mutex::new(Health::default()));
    let plan = world.plan(&lock(&health));
    let spots: Vec<Spot> = plan.deployments().map(|one| one.spot.clone()).collect();
    let began = Instant::now();
    let mut ask = exchange::Ask::new(
        Caller::Agent(agent.clone()),
        Front::Chat,
        "g",
        Bytes::from_static(b"{}"),
    );
    ask.agent = Some(agent.clone());
    let weight = Weight::of(Front::Chat, b"{\"max_tokens\":9}", false);
    // One place: what an earlier case still held would refuse this one.
    let mut bill = Bill::admit(Some(accounts), &ask, &weight, &plan).expect("a place and money");
    let meter = bill.meter();
    let given = world.given.map(Duration::from_millis);
    let fake = Fake {
        deeds: world.deeds.clone(),
        log: Mutex::default(),
    };
    let env = Arc::new(Paused(began));
    let turn = Turn::new(plan, Arc::from("g"), Arc::clone(&health), env, given);
    let patience = Duration::from_millis(world.leaves.unwrap_or(u64::MAX / 4));
    let tape = Tape::default();
    let run = tokio::time::timeout(patience, turn.run(&fake, &mut bill, &tape));
    let end = match run.await {
        Err(_elapsed) => End::Left,
        Ok(Err(_unanswered)) => End::Unanswered,
        Ok(Ok(((), _by, mut flight))) => {
            flight.answered();
            flight.ended(Some(&Usage::default()));
            let usage = Usage {
                input_tokens: 1,
                output_tokens: 2,
                ..Usage::default()
            };
            bill.settle(Some(usage), 200, true);
            End::Answered
        }
    };
    drop(bill);
    let longest = given.unwrap_or(Duration::from_millis(2 * DEADLINES.total_ms));
    let took = began.elapsed();
    prop_assert!(
        took <= longest.min(patience) + SLACK,
        "{took:?} of {longest:?}"
    );

    let asked = fake.log.into_inner().expect("a lock").0;
    let mut spent: Vec<&Spot> = Vec::new();
    let mut times: BTreeMap<&Spot, u32> = BTreeMap::new();
    for (spot, status) in &asked {
        prop_assert!(spots.contains(spot), "{spot} was not planned");
        prop_assert!(!spent.contains(&spot), "{spot} was asked after a 4xx");
        *times.entry(spot).or_default() += 1;
        if status.is_some_and(|status| (400..500).contains(&status)) {
            spent.push(spot);
        }
    }
    let repeats: u32 = times.values().map(|times| times - 1).sum();
    prop_assert!(
        repeats <= world.num_retries.min(REPEATS_MAX),
        "{repeats} repeats"
    );
    let answers = asked.iter().filter(|(_, status)| *status == Some(200));
    prop_assert!(
        end != End::Answered || answers.count() > 0,
        "an answer of nobody's"
    );
    for spot in &spots {
        prop_assert_eq!(lock(&health).in_flight(spot), 0, "{} is still asked", spot);
    }

    let spent = meter.read();
    let budgets = accounts.budgets();
    prop_assert_eq!(budgets.len(), 1);
    prop_assert_eq!(budgets[0].reserved, Money::ZERO, "{:?}", end);
    if end != End::Left {
        prop_assert!(spent.is_over, "{:?} is not settled", end);
        prop_assert_eq!(spent.is_whole, end == End::Answered);
    }
    Ok(())
}

#[test]
fn a_turn_ends_in_time_asks_nobody_too_often_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let agent = AgentId::parse("steward").expect("a good id");
    let accounts = accounts(dir.path(), &agent);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build();
        runtime.expect("a runtime")
    };
    let lines = |count| accounts.logs(&Query::default(), count).expect("the ledger");
    let before = std::cell::Cell::new(0);
    proptest!(ProptestConfig::with_cases(512), |(world in world())| {
        let said = format!("{world:?}");
        runtime().block_on(checked(world, &accounts, &agent))?;
        // One line for each request, whatever became of it.
        let now = lines(10_000).len();
        prop_assert_eq!(now, before.replace(now) + 1, "{}", said);
    });
    accounts.shutdown();
}
