//! What holds for every table, every sequence of outcomes, and every passing of time.

use proptest::{prelude::*, strategy::Strategy as Chosen};

use super::{Strategy, *};
use crate::{
    error::Phase,
    limits::{REPEATS_FLOOR, REPEATS_MAX, REPEATS_PER_CALLS},
    routing::slot::Tried,
};

const FAULTS: [(Kind, u16); 14] = [
    (Kind::Overloaded, 500),
    (Kind::Overloaded, 503),
    (Kind::Overloaded, 409),
    (Kind::RateLimited { retry_after: None }, 429),
    (
        Kind::RateLimited {
            retry_after: Some(Duration::from_secs(20)),
        },
        429,
    ),
    (Kind::Auth, 401),
    (Kind::NotFound, 404),
    (Kind::BadRequest, 400),
    (Kind::Refused, 400),
    (Kind::ContextOverflow, 400),
    (Kind::Timeout(Phase::FirstByte), 0),
    (Kind::Timeout(Phase::FirstByte), 408),
    (Kind::Transport, 0),
    (Kind::Malformed, 200),
];

#[derive(Debug, Clone)]
struct World {
    table: Arc<Table>,
    num_retries: u32,
    members: usize,
}

/// A candidate before a step: how it is, in which group, at which order, how early and fit, and whether it is new.
type Before = (Spot, State, usize, u32, (i8, u32), bool);

const GROUPS: [&str; 4] = ["g0", "g1", "g2", "agent/a"];

fn world() -> impl Chosen<Value = World> {
    let member = (
        0..GROUPS.len(),
        0..3_u8,
        0..5_u8,
        0..3_u32,
        0..4_u32,
        0..3_u32,
    );
    let fallbacks = prop::collection::btree_map(
        prop::sample::select(GROUPS.to_vec()),
        prop::collection::vec(prop::sample::select(GROUPS.to_vec()), 0..4),
        0..4,
    );
    (
        prop::collection::vec(member, 1..20),
        fallbacks.clone(),
        fallbacks,
        0..4_u32,
        0..4_u8,
    )
        .prop_map(|(members, fallbacks, special, num_retries, strategy)| {
            let owned = |lists: BTreeMap<&str, Vec<&str>>| {
                let list = |(name, list): (&str, Vec<&str>)| (name.to_owned(), strings(&list));
                lists.into_iter().map(list).collect::<BTreeMap<_, _>>()
            };
            let special = owned(special);
            let mut builder = Builder::new(Settings {
                num_retries,
                fallbacks: owned(fallbacks),
                context_window_fallbacks: special.clone(),
                content_policy_fallbacks: special,
                strategy: match strategy {
                    0 => Strategy::SimpleShuffle,
                    1 => Strategy::LeastBusy,
                    2 => Strategy::LatencyBased,
                    _ => Strategy::UsageBased,
                },
                ..Settings::default()
            });
            let count = members.len();
            for (group, provider, model, order, weight, window) in members {
                let mut member =
                    deployment(GROUPS[group], &format!("p{provider}"), &format!("m{model}"));
                member.context_window = window * 1_000;
                member.rpm = (weight == 3).then_some(4);
                builder.deployment(member, order, Some(weight));
            }
            World {
                table: Arc::new(builder.build()),
                num_retries,
                members: count,
            }
        })
}

/// What a test tells of one step: how long before it, how the candidate fails, and whether it answers instead.
fn steps() -> impl Chosen<Value = Vec<(u16, usize, bool)>> {
    prop::collection::vec(
        (0..4_000_u16, 0..FAULTS.len(), prop::bool::weighted(0.2)),
        1..60,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn a_call_ends_and_asks_nobody_twice_that_it_must_not(
        world in world(),
        reference in prop::sample::select(GROUPS.to_vec()),
        steps in steps(),
        tokens in 0..3_000_u64,
        chance in any::<u64>(),
    ) {
        let mut health = Health::default();
        let ask = Ask { tokens, ..ask(reference) };
        let Ok(mut plan) = plan(&world.table, &ask, &health, NOW, chance) else {
            return Ok(());
        };
        let mut now = NOW;
        let mut spent: Vec<Spot> = Vec::new();
        let mut tried: BTreeMap<Spot, u32> = BTreeMap::new();
        let mut steps = steps.into_iter().cycle();
        let mut count = 0;
        loop {
            count += 1;
            prop_assert!(count <= 3 * (world.members + REPEATS_MAX as usize) + 3, "it does not end");
            let before: Vec<Before> = plan.slots.iter().map(|slot| {
                let state = health.state(&slot.deployment, tokens, now);
                let is_new = slot.tried == Tried::No;
                (slot.deployment.spot.clone(), state, slot.stage, slot.order, (slot.turn, slot.misfit), is_new)
            }).collect();
            let candidate = match plan.next(&mut health, now) {
                Next::Try(candidate) => candidate,
                Next::Wait(_) => continue,
                Next::Resting(_) | Next::Done => break,
            };
            let spot = candidate.deployment.spot.clone();
            prop_assert!(!spent.contains(&spot), "{spot} was spent");
            let times = tried.entry(spot.clone()).or_default();
            *times += 1;
            let mine = before.iter().find(|other| other.0 == spot).expect("it was planned");
            prop_assert!(!matches!(mine.1, State::Away(_)), "{spot} is to be left alone");
            if *times == 1 {
                let is_better = |other: &&Before| {
                    let is_well = other.5 && other.1 == State::Well && other.2 == mine.2 && other.4 == mine.4;
                    let is_level = other.3 == mine.3 && mine.1 != State::Well;
                    is_well && (other.3 < mine.3 || is_level)
                };
                let better = before.iter().find(is_better);
                prop_assert!(better.is_none(), "{better:?} is better than {mine:?}");
            } else {
                let is_left = |other: &Before| {
                    other.5 && !matches!(other.1, State::Away(_))
                };
                prop_assert!(!before.iter().any(is_left), "others were left");
            }
            let (ms, fault, answers) = steps.next().expect("it goes round");
            now = Timestamp(now.as_millis() + i64::from(ms));
            if answers {
                health.answered(&candidate);
                health.ended(&candidate, &Ended::default(), now);
                break;
            }
            let (kind, status) = FAULTS[fault];
            if (400..500).contains(&status) {
                spent.push(spot);
            }
            plan.failed(Fault { kind, status }, &mut health, now);
        }
        let repeats: u32 = tried.values().map(|times| times - 1).sum();
        prop_assert!(repeats <= world.num_retries, "{repeats} repeats");
        for spot in tried.keys() {
            prop_assert_eq!(health.in_flight(spot), 0);
        }
    }

    #[test]
    fn repeats_to_a_candidate_stay_within_their_share_of_any_minute(
        world in world(),
        calls in prop::collection::vec((prop::sample::select(GROUPS.to_vec()), 0..9_000_u16, steps()), 1..60),
        chance in any::<u64>(),
    ) {
        let mut health = Health::default();
        let mut now = NOW;
        let mut seen: BTreeMap<Spot, Vec<(Timestamp, bool)>> = BTreeMap::new();
        for (reference, ms, steps) in calls {
            now = Timestamp(now.as_millis() + i64::from(ms));
            let Ok(mut plan) = plan(&world.table, &ask(reference), &health, now, chance) else {
                continue;
            };
            let mut tried: Vec<Spot> = Vec::new();
            let mut steps = steps.into_iter().cycle();
            loop {
                let candidate = match plan.next(&mut health, now) {
                    Next::Try(candidate) => candidate,
                    Next::Wait(pause) => {
                        now = Timestamp(now.as_millis() + i64::try_from(pause.as_millis()).unwrap());
                        continue;
                    }
                    Next::Resting(_) | Next::Done => break,
                };
                let spot = candidate.deployment.spot.clone();
                let is_repeat = tried.contains(&spot);
                let times = seen.entry(spot.clone()).or_default();
                times.push((now, is_repeat));
                let in_minute = |wanted: bool| {
                    let since = now.as_millis() - 60_000;
                    let is_in = |&&(at, is_repeat): &&(Timestamp, bool)| at.as_millis() > since && is_repeat == wanted;
                    times.iter().filter(is_in).count() as u64
                };
                if is_repeat {
                    let most = REPEATS_FLOOR + in_minute(false) / REPEATS_PER_CALLS;
                    prop_assert!(in_minute(true) <= most, "{} of {most}", in_minute(true));
                }
                tried.push(spot);
                let (ms, fault, answers) = steps.next().expect("it goes round");
                now = Timestamp(now.as_millis() + i64::from(ms));
                if answers {
                    health.ended(&candidate, &Ended::default(), now);
                    break;
                }
                let (kind, status) = FAULTS[fault];
                plan.failed(Fault { kind, status }, &mut health, now);
            }
        }
    }
}

#[test]
fn weights_give_their_shares() {
    let mut builder = Builder::new(Settings::default());
    let weights: [(&str, u32); 4] = [("a", 9), ("b", 1), ("c", 0), ("d", 10)];
    for (model, weight) in weights {
        builder.deployment(deployment("g", "p", model), 0, Some(weight));
    }
    let table = Arc::new(builder.build());
    let health = Health::default();
    let rounds: u32 = 20_000;
    let mut first: BTreeMap<String, u32> = BTreeMap::new();
    let mut second: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..rounds {
        let plan = plan(&table, &ask("g"), &health, NOW, u64::from(seed)).unwrap();
        let names: Vec<String> = plan.deployments().map(|d| d.model.to_string()).collect();
        assert_eq!(names.len(), 4);
        assert_eq!(names[3], "c", "what has no share comes last");
        *first.entry(names[0].clone()).or_default() += 1;
        if names[0] == "d" {
            *second.entry(names[1].clone()).or_default() += 1;
        }
    }
    let is_near = |count: u32, of: u32, share: f64| {
        let part = f64::from(count) / f64::from(of);
        assert!((part - share).abs() < 0.015, "{part} is not {share}");
    };
    for (model, weight) in weights.iter().filter(|(_, weight)| *weight > 0) {
        is_near(first[*model], rounds, f64::from(*weight) / 20.0);
    }
    // When one has failed, the others share by their weights.
    is_near(second["a"], first["d"], 0.9);
}

#[test]
fn the_same_chance_gives_the_same_plan() {
    let names: &[&str] = &["p/a", "p/b", "p/c", "p/d", "p/e"];
    let table = grouped(Settings::default(), &[("g", &[names])]);
    let order = |seed| {
        let plan = plan(&table, &ask("g"), &Health::default(), NOW, seed).unwrap();
        plan.deployments()
            .map(|d| d.model.to_string())
            .collect::<String>()
    };
    let orders: std::collections::BTreeSet<String> = (0..500).map(order).collect();
    assert_eq!(order(11), order(11));
    assert!(orders.len() > 100, "{} of 120 orders", orders.len());
}
