//! The ledger read again: restarts, cuts, damage, and questions about the past.

use proptest::prelude::*;

use super::*;
use crate::{
    LedgerOptions,
    ledger::{Open, Summary},
};

/// Calls of every kind; how long the ledger was, and what must be known to be spent when it is read that far:
/// what was settled, and what was held for the call under way.
fn spend_some(world: &World) -> Vec<(u64, u64)> {
    let path = world.dir.path().join("spend.jsonl");
    let len = || std::fs::metadata(&path).unwrap().len();
    let caller = Caller::Agent(agent("coder"));
    let mut settled = vec![(len(), 0)];
    let mut sum = 0;
    for round in 0..6_u64 {
        let mut ticket = world.accounts.admit(&ask(&caller, 20, 10)).unwrap();
        ticket.begin();
        settled.push((len(), sum + 40));
        if round == 2 {
            sum += ticket.charge(&answered(7)).cost.unwrap().0;
            settled.push((len(), sum + 33));
            ticket.hold_again(Money(40)).unwrap();
            settled.push((len(), sum + 40));
        }
        if round == 4 {
            drop(ticket);
            sum += 40;
        } else {
            sum += ticket.settle(&answered(30 + round)).cost.unwrap().0;
        }
        settled.push((len(), sum));
        drop(world.accounts.admit(&ask(&caller, 1, 0)).unwrap());
    }
    settled
}

/// What the book knows after reading a ledger.
fn spent_by(bytes: &[u8], allowances: &Allowances) -> u64 {
    let mut book = Book::new(Ring::default(), allowances.clone(), START);
    let (mut open, mut found) = (Open::default(), read::Found::default());
    let mut each = |line: &Line<'_>| {
        open.follow(line);
        book.restore(line);
    };
    read::lines(bytes, &mut found, &mut each).unwrap();
    assert_eq!(found.damaged, 0);
    book.restored(START);
    for held in open.into_held() {
        book.unsettled(&restore::ended(held), START);
    }
    book.budgets(START)[0].spent.0
}

#[test]
fn a_kill_at_every_byte_of_the_ledger_forgets_nothing_that_was_settled() {
    let allowances = of_agent("coder", max(1_000));
    let world = World::new(allowances.clone());
    let settled = spend_some(&world);
    world.accounts.shutdown();
    let bytes = std::fs::read(world.dir.path().join("spend.jsonl")).unwrap();
    for cut in 0..=bytes.len() {
        let spent = spent_by(&bytes[..cut], &allowances);
        let before = settled.iter().rev().find(|(len, _)| *len <= cut as u64);
        let known = before.map_or(0, |(_, sum)| *sum);
        // A call holds 40 before it is known to, and 41 picodollars are the dearest surprise.
        assert!(
            (known..=known + 41).contains(&spent),
            "{cut}: {spent}, {known}"
        );
        if cut % 211 == 0 {
            starts_say(&world, &bytes[..cut], spent);
        }
    }
}

/// What was found at one start is written down, so that the next says the same.
fn starts_say(world: &World, bytes: &[u8], spent: u64) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("spend.jsonl"), bytes).unwrap();
    let options = Options {
        dir: dir.path().to_owned(),
        ..world.options.clone()
    };
    for start in 0..3 {
        let accounts = Accounts::open(options.clone(), world.env.clone()).unwrap();
        let status = accounts.status();
        assert_eq!(
            (accounts.budgets()[0].spent.0, status.lines_damaged),
            (spent, 0)
        );
        assert!(start == 0 || status.unsettled == 0);
        let ticket = accounts.admit(&ask(&Caller::Master, 1, 0)).unwrap();
        ticket.settle(&answered(1));
        let total = accounts.spend(&Query::default(), &[]).total;
        assert_eq!(total.cost, Money(spent + start + 1));
    }
}

#[test]
fn a_torn_tail_is_cut_and_kept_aside() {
    let world = World::new(global(max(1_000)));
    spend_some(&world);
    world.accounts.shutdown();
    let path = world.dir.path().join("spend.jsonl");
    let whole = std::fs::read(&path).unwrap();
    let tail = b"{\"at\":1,\"kind\":\"set";
    std::fs::write(&path, [whole.as_slice(), tail].concat()).unwrap();
    let world = world.restart();
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    let aside = format!("spend.torn-{:012}", whole.len());
    assert_eq!(std::fs::read(world.dir.path().join(aside)).unwrap(), tail);
}

#[test]
fn a_damaged_line_hides_only_itself() {
    let world = World::new(global(max(1_000)));
    for _ in 0..3 {
        world.settle(
            world.accounts.admit(&ask(&Caller::Master, 10, 0)).unwrap(),
            8,
        );
    }
    world.accounts.shutdown();
    let path = world.dir.path().join("spend.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6);
    // The end of the second call can't be read: all that was held for it counts.
    let damaged = lines[3].replace("\"cost\":8", "\"cost\":0");
    std::fs::write(&path, text.replacen(lines[3], &damaged, 1)).unwrap();
    let world = world.restart();
    let status = world.accounts.status();
    assert_eq!((status.lines_damaged, status.unsettled), (1, 1));
    assert_eq!(world.budget(&Scope::Global).spent, Money(26));
}

#[test]
fn alerts_that_were_told_are_not_told_again_after_a_kill_and_new_ones_are() {
    let world = World::new(global(max(100)));
    world.settle(
        world.accounts.admit(&ask(&Caller::Master, 60, 0)).unwrap(),
        60,
    );
    let mut open = world.accounts.admit(&ask(&Caller::Master, 25, 0)).unwrap();
    open.begin();
    // What a killed process leaves behind: its files as they are now.
    let copy = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(world.dir.path().join("spend.jsonl")).unwrap();
    std::fs::write(copy.path().join("spend.jsonl"), bytes).unwrap();
    let options = Options {
        dir: copy.path().to_owned(),
        ..world.options.clone()
    };
    let accounts = Accounts::open(options, world.env).unwrap();
    let alerts = accounts.recent_alerts();
    let told: Vec<_> = alerts
        .iter()
        .map(|alert| (alert.notice, alert.spent))
        .collect();
    assert_eq!(told, [(Notice::Share(80), Money(85))]);
    drop(open);
}

#[test]
fn periods_go_on_over_a_restart() {
    let day = Allowance {
        budget_duration: Some(Period::Day),
        tokens_per_day: Some(100),
        ..max(100)
    };
    let world = World::new(global(day));
    let spend = |world: &World, pico| -> Result<(), Denied> {
        world.settle(world.accounts.admit(&ask(&Caller::Master, pico, 0))?, pico);
        Ok(())
    };
    spend(&world, 70).unwrap();
    world.env.advance_ms(86_400_000);
    spend(&world, 60).unwrap();
    let world = world.restart();
    assert_eq!(world.budget(&Scope::Global).spent, Money(60));
    assert_eq!(
        limited(spend(&world, 41).unwrap_err()).0,
        LimitKind::TokensPerDay
    );
    spend(&world, 40).unwrap();
    world.env.advance_ms(86_400_000);
    spend(&world, 100).unwrap();
}

#[test]
fn full_files_are_closed_and_read_in_their_order() {
    let mut world = World::new(global(max(1_000_000)));
    world.options.ledger = LedgerOptions {
        file_bytes_max: 2_000,
        sync_ms: 1,
    };
    let mut world = world.restart();
    let mut calls = 0;
    let files = |world: &World| read::paths(world.dir.path()).unwrap();
    for round in 0..3 {
        let before = files(&world).len();
        while files(&world).len() < before + 2 {
            world.settle(
                world.accounts.admit(&ask(&Caller::Master, 10, 0)).unwrap(),
                9,
            );
            calls += 1;
        }
        world = world.restart();
        assert_eq!(
            world.budget(&Scope::Global).spent,
            Money(9 * calls),
            "{round}"
        );
    }
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let names: Vec<String> = files(&world).iter().map(name).collect();
    assert_eq!(names[0], "spend-000001-2023-11.jsonl");
    assert_eq!(names.last().unwrap(), "spend.jsonl");
    assert!(names.len() >= 7, "{names:?}");
    let found = world.accounts.logs(&Query::default(), LOGS_MAX).unwrap();
    assert_eq!(found.len() as u64, calls);
}

#[test]
fn calls_are_found_the_latest_first() {
    let world = World::new(Allowances::default());
    let tags = ["a".to_owned(), "b".to_owned()];
    for round in 0..2_000_u64 {
        world.env.advance_ms(1_000);
        let id = format!("call-{round}");
        let caller = match round % 2 {
            0 => Caller::Master,
            _ => Caller::Agent(agent("coder")),
        };
        let ask = Ask {
            request_id: Some(&id),
            user: Some("bea"),
            tags: &tags,
            ..ask(&caller, 5, 5)
        };
        let ticket = world.accounts.admit(&ask).unwrap();
        ticket.settle(&Outcome {
            first_ms: Some(2),
            ..answered(round)
        });
    }
    let query = Query {
        agent: Some(agent("coder")),
        since: Some(Timestamp(START.as_millis() + 1_990_000)),
        ..Query::default()
    };
    let found = world.accounts.logs(&query, 100).unwrap();
    let ids: Vec<_> = found
        .iter()
        .filter_map(|entry| entry.request_id.as_deref())
        .collect();
    assert_eq!(
        ids,
        [
            "call-1999",
            "call-1997",
            "call-1995",
            "call-1993",
            "call-1991",
            "call-1989"
        ]
    );
    let first = LogEntry {
        at: Timestamp(START.as_millis() + 2_000_000),
        request_id: Some("call-1999".to_owned()),
        agent: Some(agent("coder")),
        user: Some("bea".to_owned()),
        tags: tags.to_vec(),
        group: "fast".to_owned(),
        provider: "openai".to_owned(),
        model: "gpt".to_owned(),
        deployment: "one".to_owned(),
        usage: Some(Usage {
            input_tokens: 1_999,
            ..Usage::default()
        }),
        cost: Some(Money(1_999)),
        status: 200,
        ms: 5,
        first_ms: Some(2),
        ..LogEntry::default()
    };
    assert_eq!(found[0], first);
    let count = |max| world.accounts.logs(&Query::default(), max).unwrap().len();
    assert_eq!((count(LOGS_MAX), count(3), count(0)), (2_000, 3, 0));
}

/// What is asked, and the rows of the answer.
type Case<'a> = (&'a Query, &'a [Dimension], &'a [(&'a str, u64)]);

/// What a report says, each row as its names and its cost.
fn sums(world: &World, query: &Query, by: &[Dimension]) -> Vec<(String, u64)> {
    let report = world.accounts.spend(query, by);
    let sum: Money = report.rows.iter().map(|row| row.tally.cost).sum();
    assert_eq!(sum, report.total.cost);
    let text = |row: &crate::Row| {
        let names = [
            &row.day,
            &row.key,
            &row.team,
            &row.agent,
            &row.group,
            &row.provider,
            &row.model,
        ];
        let names: Vec<String> = names.into_iter().flatten().cloned().collect();
        names.join(" ")
    };
    report
        .rows
        .iter()
        .map(|row| (text(row), row.tally.cost.0))
        .collect()
}

#[test]
fn sums_are_broken_down_as_asked_and_the_same_after_a_restart() {
    let world = World::new(Allowances::default());
    let day_ms = 86_400_000;
    for (day, name, model, cost) in [
        (0, "coder", "gpt", 1),
        (0, "coder", "glm", 2),
        (1, "coder", "gpt", 4),
        (1, "empath", "gpt", 8),
    ] {
        world
            .env
            .advance_ms(START.as_millis() + day * day_ms - world.env.now().as_millis());
        let caller = Caller::Agent(agent(name));
        let ticket = world.accounts.admit(&ask(&caller, 1, 1)).unwrap();
        ticket.settle(&Outcome {
            model,
            ..answered(cost)
        });
    }
    let world = world.restart();
    let all = Query::default();
    let second = Query {
        since: Some(Timestamp(START.as_millis() + day_ms)),
        ..Query::default()
    };
    let gpt = Query {
        model: Some("gpt".to_owned()),
        until: Timestamp::parse("2023-11-15T00:00:00Z"),
        ..Query::default()
    };
    let nobody = Query {
        agent: Some(agent("nobody")),
        ..Query::default()
    };
    use Dimension::{Agent, Day, Model, Provider};
    let cases: [Case<'_>; 6] = [
        (&all, &[Agent], &[("coder", 7), ("empath", 8)]),
        (&all, &[Day], &[("2023-11-14", 3), ("2023-11-15", 12)]),
        (
            &all,
            &[Day, Agent, Model],
            &[
                ("2023-11-14 coder glm", 2),
                ("2023-11-14 coder gpt", 1),
                ("2023-11-15 coder gpt", 4),
                ("2023-11-15 empath gpt", 8),
            ],
        ),
        (&second, &[Model], &[("gpt", 12)]),
        (&gpt, &[Provider], &[("openai", 1)]),
        (&nobody, &[Agent], &[]),
    ];
    for (query, by, expected) in cases {
        let own = |(text, cost): &(&str, u64)| ((*text).to_owned(), *cost);
        let expected: Vec<_> = expected.iter().map(own).collect();
        assert_eq!(sums(&world, query, by), expected);
    }
    assert_eq!(world.accounts.spend(&all, &[]).total.requests, 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_restart_changes_no_budget_and_no_sum(
        steps in prop::collection::vec((0..60_u64, 0..40_u64, 0..4_u8, 0..40_000_000_i64), 1..40),
    ) {
        let day = Allowance { budget_duration: Some(Period::Day), ..max(200) };
        let hour = Allowance { budget_duration: Some(Period::Rolling(3_600_000)), ..max(300) };
        let world = World::new(Allowances { global: hour, ..of_agent("coder", day) });
        let key = world.key(max(500));
        let coder = agent("coder");
        for (input, output, kind, pause) in steps {
            world.env.advance_ms(pause);
            let ask = Ask { agent: (kind % 2 == 0).then_some(&coder), ..ask(&key, input, output) };
            let Ok(mut ticket) = world.accounts.admit(&ask) else { continue };
            match kind {
                0 | 1 => world.settle(ticket, input + output),
                2 => {
                    ticket.begin();
                    drop(ticket);
                }
                _ => drop(ticket),
            }
            for state in world.accounts.budgets() {
                prop_assert!(state.spent.saturating_add(state.reserved) <= state.max.unwrap());
            }
        }
        let seen = |world: &World| {
            let states: Vec<_> = world.accounts.budgets().into_iter().map(|state| {
                (state.scope, state.spent, state.reserved, state.resets_at)
            }).collect();
            (states, world.accounts.spend(&Query::default(), &Dimension::ALL))
        };
        let before = seen(&world);
        let world = world.restart();
        prop_assert_eq!(seen(&world), before);
    }
}

/// What can be seen of the past of a directory: budgets, sums, and what was found.
fn seen_in(
    dir: &Path,
    options: &Options,
    env: &Arc<SimEnv>,
) -> impl PartialEq + std::fmt::Debug + use<> {
    let options = Options {
        dir: dir.to_owned(),
        ..options.clone()
    };
    let accounts = Accounts::open(options, env.clone()).unwrap();
    let budgets: Vec<_> = accounts
        .budgets()
        .into_iter()
        .map(|state| (state.scope, state.spent, state.resets_at))
        .collect();
    let report = accounts.spend(&Query::default(), &Dimension::ALL);
    (budgets, report, accounts.status().unsettled)
}

fn copy_of(dir: &Path, wanted: impl Fn(&str) -> bool) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if wanted(&name) {
            std::fs::copy(entry.path(), copy.path().join(name)).unwrap();
        }
    }
    copy
}

/// Calls over two days and many small files, some of them under way for long, charged between, never ended.
fn long_past(world: &World, key: &Caller) -> Vec<Ticket> {
    let coder = Caller::Agent(agent("coder"));
    let mut open: Vec<Ticket> = Vec::new();
    for round in 0..240_u64 {
        world.env.advance_ms(720_000);
        let caller = [key, &coder, &Caller::Master][usize::try_from(round % 3).unwrap()];
        let mut ticket = world.accounts.admit(&ask(caller, 20, 10)).unwrap();
        ticket.begin();
        match round % 8 {
            0..4 => world.settle(ticket, round % 40),
            4 => drop(ticket),
            5 => {
                ticket.charge(&answered(5));
                open.push(ticket);
            }
            _ => open.push(ticket),
        }
        if round % 5 == 4 && !open.is_empty() {
            let mut ticket = open.remove(0);
            ticket.charge(&answered(3));
            ticket.hold_again(Money(30)).unwrap();
            if round % 10 == 9 {
                world.settle(ticket, 11);
            } else {
                open.push(ticket);
            }
        }
        // Files are closed by a thread with its own time.
        let full = |world: &World| {
            let len = std::fs::metadata(world.dir.path().join("spend.jsonl"));
            len.is_ok_and(|len| len.len() >= 2_000)
        };
        while full(world) {
            world.accounts.inner.ledger.flush();
            thread::yield_now();
        }
    }
    open
}

#[test]
fn the_sums_beside_closed_files_say_what_the_files_say() {
    let day = Allowance {
        budget_duration: Some(Period::Day),
        model_max_budget: BTreeMap::from([("fast".to_owned(), Money(100_000))]),
        ..max(100_000)
    };
    let rolling = Allowance {
        budget_duration: Some(Period::Rolling(5_000_000)),
        ..max(100_000)
    };
    let mut world = World::new(Allowances {
        global: rolling,
        ..of_agent("coder", day)
    });
    world.options.ledger = LedgerOptions {
        file_bytes_max: 2_000,
        sync_ms: 1,
    };
    let world = world.restart();
    let key = world.key(max(100_000));
    let open = long_past(&world, &key);
    world.accounts.inner.ledger.flush();
    let files = copy_of(world.dir.path(), |name| !name.ends_with(".sums.json"));
    let first = copy_of(files.path(), |_| true);
    let expected = seen_in(first.path(), &world.options, &world.env);
    let sums = |name: &str| name.ends_with(".sums.json");
    let count = |dir: &Path| read::paths(dir).unwrap().len();
    assert!(count(files.path()) > 20);
    // Now with sums beside all closed files, some of them damaged, and some of another file.
    let with_sums = copy_of(first.path(), |name| sums(name));
    let names: Vec<String> = std::fs::read_dir(with_sums.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), count(files.path()) - 1);
    for damage in [None, Some("cut"), Some("bit"), Some("other")] {
        let again = copy_of(files.path(), |_| true);
        for (number, name) in names.iter().enumerate() {
            let mut bytes = std::fs::read(with_sums.path().join(name)).unwrap();
            match damage {
                Some("cut") if number % 2 == 0 => bytes.truncate(bytes.len() / 2),
                Some("bit") if number % 2 == 0 => bytes[40] ^= 1,
                Some("other") => bytes = std::fs::read(with_sums.path().join(&names[0])).unwrap(),
                _ => {}
            }
            std::fs::write(again.path().join(name), bytes).unwrap();
        }
        let paths = read::paths(again.path()).unwrap();
        let loaded = paths
            .iter()
            .filter(|path| Summary::load(path).is_some())
            .count();
        let expected_loaded = match damage {
            None => names.len(),
            Some("other") => 1,
            Some(_) => names.len() / 2,
        };
        assert_eq!(loaded, expected_loaded, "{damage:?}");
        assert!(
            seen_in(again.path(), &world.options, &world.env) == expected,
            "{damage:?}"
        );
    }
    drop(open);
}
