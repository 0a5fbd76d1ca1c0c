//! A day in which the clock is changed: heartbeats, cron jobs and idle cycles, with restarts, against expected times.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use openclaw_cron::{Book, IdleCycle, JobId, NewJob, Outcome, Schedule};
use openclaw_types::{AgentId, Env as _, Timestamp, env::SimEnv};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// 2026-03-28T18:00Z and 2026-10-24T18:00Z: the clocks of Berlin change at 01:00Z of the day after.
const SPRING: i64 = 1_774_720_800_000;
const AUTUMN: i64 = 1_792_864_800_000;

fn job(name: &str, schedule: Schedule) -> NewJob {
    NewJob {
        name: name.to_owned(),
        agent: AgentId::parse("steward").unwrap(),
        schedule,
        message: "go on".to_owned(),
        session: None,
        delete_after_run: false,
    }
}

fn schedules(start: Timestamp) -> [(&'static str, Schedule); 7] {
    let berlin = |text| Schedule::cron(text, Some("Europe/Berlin")).unwrap();
    [
        ("heartbeat", Schedule::every("30m", start).unwrap()),
        ("pulse", Schedule::every("5m", start).unwrap()),
        ("night", berlin("30 2 * * *")),
        ("quarter", berlin("*/15 * * * *")),
        ("dream", berlin("0 2-4 * * *")),
        (
            "digest",
            Schedule::cron("0 7 * * *", Some("America/New_York")).unwrap(),
        ),
        ("once", Schedule::at("10h", start).unwrap()),
    ]
}

/// Minutes since the start at which each fires, worked out by hand from the rules.
fn expected(is_spring: bool) -> BTreeMap<&'static str, Vec<i64>> {
    let every = |step: i64| (1..=24 * 60 / step).map(|n| n * step).collect::<Vec<_>>();
    // Spring: 18:00Z is 19:00 in Berlin; 02:00 becomes 03:00 seven hours later. New York is at UTC-4, so 07:00 is 11:00Z.
    // Autumn: 18:00Z is 20:00 in Berlin; 03:00 becomes 02:00 seven hours later. New York is at UTC-4 as well.
    let (night, dream) = if is_spring {
        (vec![7 * 60], vec![7 * 60, 8 * 60])
    } else {
        (vec![6 * 60 + 30], vec![6 * 60, 8 * 60, 9 * 60])
    };
    BTreeMap::from([
        ("heartbeat", every(30)),
        ("pulse", every(5)),
        ("night", night),
        ("quarter", every(15)),
        ("dream", dream),
        ("digest", vec![17 * 60]),
        ("once", vec![10 * 60]),
    ])
}

struct World<'a> {
    dir: &'a Path,
    env: Arc<SimEnv>,
    book: Option<Book>,
}

impl World<'_> {
    fn book(&mut self) -> &mut Book {
        let (dir, env) = (self.dir, &self.env);
        self.book.get_or_insert_with(|| {
            let (book, opened) =
                Book::open(dir, Arc::clone(env) as Arc<dyn openclaw_types::Env>).unwrap();
            assert_eq!(opened.interrupted, []);
            book
        })
    }

    /// A restart every 37 minutes, after which the configuration is applied again, and a clock that is set back by
    /// some seconds for a moment every 50.
    fn disturb(&mut self, tick: i64) {
        if tick % 74 == 0 {
            self.book = None;
            for (name, schedule) in schedules(self.env.now()) {
                if name != "once" {
                    self.book()
                        .ensure(JobId::parse(name).unwrap(), job(name, schedule))
                        .unwrap();
                }
            }
        }
        if tick % 101 == 0 {
            self.env.advance_ms(-20_000);
            assert_eq!(self.book().due().unwrap().firings, []);
            self.env.advance_ms(20_000);
        }
    }
}

fn simulate(start: i64, is_spring: bool) {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World {
        dir: dir.path(),
        env: Arc::new(SimEnv::new(Timestamp(start), 3)),
        book: None,
    };
    let idle = IdleCycle {
        after_ms: 5 * MINUTE,
        again_ms: HOUR,
    };
    let (mut last_activity, mut last_cycle) = (Timestamp(start), None);
    let mut cycles = Vec::new();
    for (name, schedule) in schedules(Timestamp(start)) {
        world
            .book()
            .ensure(JobId::parse(name).unwrap(), job(name, schedule))
            .unwrap();
    }
    let mut fired: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for tick in 1..=24 * 60 * 2 {
        world.env.advance_ms(MINUTE / 2);
        world.disturb(tick);
        let now = world.env.now();
        let firings = world.book().due().unwrap().firings;
        for firing in firings {
            assert_eq!(
                (firing.slot, firing.missed, firing.is_catch_up),
                (now, 0, false),
                "{}",
                firing.job.id
            );
            fired
                .entry(firing.job.id.to_string())
                .or_default()
                .push((now.0 - start) / MINUTE);
            world
                .book()
                .finished(&firing.run, Outcome::Ok)
                .unwrap()
                .unwrap();
        }
        // Somebody writes after six hours, and again ten minutes later.
        if tick == 12 * 60 || tick == 12 * 60 + 20 {
            last_activity = now;
        }
        if idle.is_due(last_activity, last_cycle, now) {
            last_cycle = Some(now);
            cycles.push((now.0 - start) / MINUTE);
        }
    }
    let expected: BTreeMap<String, Vec<i64>> = expected(is_spring)
        .into_iter()
        .map(|(name, at)| (name.to_owned(), at))
        .collect();
    assert_eq!(fired, expected);
    let mut idle_at: Vec<i64> = (0..6).map(|hour| 5 + hour * 60).collect();
    idle_at.push(365);
    // The second message put the next cycle off no further than an hour after the last.
    idle_at.extend(
        (1..)
            .map(|hour| 365 + hour * 60)
            .take_while(|at| *at <= 24 * 60),
    );
    assert_eq!(cycles, idle_at);
}

#[test]
fn nothing_is_missed_or_doubled_on_the_day_the_clock_is_set_forward() {
    simulate(SPRING, true);
}

#[test]
fn nothing_is_missed_or_doubled_on_the_day_the_clock_is_set_back() {
    simulate(AUTUMN, false);
}

#[test]
fn hours_without_the_gateway_are_caught_up_once_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World {
        dir: dir.path(),
        env: Arc::new(SimEnv::new(Timestamp(SPRING), 3)),
        book: None,
    };
    for (name, schedule) in schedules(Timestamp(SPRING)) {
        world
            .book()
            .ensure(JobId::parse(name).unwrap(), job(name, schedule))
            .unwrap();
    }
    world.book = None;
    world.env.advance_ms(12 * HOUR + MINUTE);
    let due = world.book().due().unwrap();
    let mut found: Vec<_> = due
        .firings
        .iter()
        .map(|firing| {
            assert!(firing.is_catch_up || firing.missed == 0);
            (
                firing.job.id.as_str(),
                (firing.slot.0 - SPRING) / MINUTE,
                firing.missed,
            )
        })
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("dream", 480, 1),
            ("heartbeat", 720, 23),
            ("night", 420, 0),
            ("once", 600, 0),
            ("pulse", 720, 143),
            ("quarter", 720, 47),
        ]
    );
}
