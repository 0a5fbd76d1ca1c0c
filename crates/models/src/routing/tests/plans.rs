//! Who is asked, in which order, and how often.

use super::*;
use crate::error::Phase;

const OVERLOADED: Option<Fault> = Some(Fault {
    kind: Kind::Overloaded,
    status: 503,
});

fn tried(
    table: &Arc<Table>,
    ask: &Ask<'_>,
    respond: impl Fn(&str) -> Option<Fault>,
) -> Vec<String> {
    let mut health = Health::default();
    Run::of(table, ask, &mut health, NOW)
        .go(&mut health, NOW, respond)
        .tried
}

#[test]
fn levels_come_in_order_then_fallbacks_and_every_candidate_once() {
    let settings = Settings {
        fallbacks: lists(&[("g", &["h", "g", "h", "nobody", "i"])]),
        ..Settings::default()
    };
    let table = grouped(
        settings,
        &[
            ("g", &[&["p/one"], &["p/two", "p/one"], &["p/three"]]),
            ("h", &[&["q/one"], &["p/two"]]),
            ("i", &[&["q/two"]]),
        ],
    );
    let expected = ["p/one", "p/two", "p/three", "q/one", "q/two"];
    assert_eq!(tried(&table, &ask("g"), |_| OVERLOADED), expected);
    // A key that one server refuses may be right for another.
    assert_eq!(
        tried(&table, &ask("g"), |_| fault(Kind::Auth, 401)),
        expected
    );
    let mut health = Health::default();
    let run = Run::of(&table, &ask("g"), &mut health, NOW).go(&mut health, NOW, |_| OVERLOADED);
    let counts: Vec<(bool, u32, u32)> = run
        .candidates
        .iter()
        .map(|c| (c.is_fallback, c.fallbacks, c.retries))
        .collect();
    assert_eq!(
        counts,
        [
            (false, 0, 0),
            (false, 1, 0),
            (false, 2, 0),
            (true, 3, 0),
            (true, 4, 0)
        ]
    );
}

#[test]
fn only_so_many_fallbacks_are_tried() {
    let settings = Settings {
        max_fallbacks: Some(2),
        default_fallbacks: strings(&["h", "i", "j"]),
        ..Settings::default()
    };
    let table = grouped(
        settings,
        &[
            ("g", &[&["p/g"]]),
            ("h", &[&["p/h"]]),
            ("i", &[&["p/i"]]),
            ("j", &[&["p/j"]]),
        ],
    );
    let expected = ["p/g", "p/h", "p/i"];
    assert_eq!(tried(&table, &ask("g"), |_| OVERLOADED), expected);
}

#[test]
fn what_just_failed_is_asked_again_only_when_nothing_else_is_left() {
    let settings = |num_retries| Settings {
        num_retries,
        fallbacks: lists(&[("pair", &["solo"])]),
        ..Settings::default()
    };
    let groups: [(&str, &[&[&str]]); 2] = [("solo", &[&["p/s"]]), ("pair", &[&["p/a"], &["p/b"]])];
    let cases: [(u32, &str, Option<Fault>, &[&str]); 9] = [
        (0, "solo", OVERLOADED, &["p/s"]),
        (2, "solo", OVERLOADED, &["p/s", "p/s", "p/s"]),
        (1, "pair", OVERLOADED, &["p/a", "p/b", "p/s", "p/a"]),
        (2, "solo", fault(Kind::Transport, 0), &["p/s", "p/s", "p/s"]),
        (
            2,
            "solo",
            fault(Kind::Malformed, 200),
            &["p/s", "p/s", "p/s"],
        ),
        (2, "solo", fault(Kind::Auth, 401), &["p/s"]),
        (2, "solo", fault(Kind::Overloaded, 409), &["p/s"]),
        (
            2,
            "solo",
            fault(Kind::Timeout(Phase::FirstByte), 408),
            &["p/s"],
        ),
        (
            2,
            "solo",
            fault(Kind::RateLimited { retry_after: None }, 429),
            &["p/s"],
        ),
    ];
    for (num_retries, reference, fault, expected) in cases {
        let table = grouped(settings(num_retries), &groups);
        let tried = tried(&table, &ask(reference), |_| fault);
        assert_eq!(tried, expected, "{num_retries} {reference} {fault:?}");
    }
    // The request's own number comes first, then that of the kind.
    let table = grouped(settings(2), &groups);
    let own = Ask {
        num_retries: Some(1),
        ..ask("solo")
    };
    assert_eq!(tried(&table, &own, |_| OVERLOADED), ["p/s", "p/s"]);
    let policy = Settings {
        retry_policy: PerKind {
            internal_server: Some(0),
            ..PerKind::default()
        },
        ..settings(2)
    };
    let table = grouped(policy, &groups);
    assert_eq!(tried(&table, &ask("solo"), |_| OVERLOADED), ["p/s"]);
}

#[test]
fn a_repeat_of_the_only_one_waits_longer_each_time_and_a_broken_connection_is_made_anew_at_once() {
    let settings = Settings {
        num_retries: 3,
        ..Settings::default()
    };
    let table = grouped(settings, &[("solo", &[&["p/s"]])]);
    let waits = |kind| {
        let mut health = Health::default();
        // Many calls earn the repeats.
        for _ in 0..20 {
            Run::of(&table, &ask("solo"), &mut health, NOW).go(&mut health, NOW, |_| None);
        }
        let run = Run::of(&table, &ask("solo"), &mut health, NOW);
        run.go(&mut health, NOW, |_| fault(kind, 0)).waits
    };
    let overloaded = waits(Kind::Overloaded);
    assert_eq!(overloaded.len(), 3);
    for (wait, longest) in overloaded.iter().zip([500, 1_000, 2_000]) {
        let ms = wait.as_millis();
        assert!(ms >= longest / 2 && ms <= longest, "{overloaded:?}");
    }
    assert_eq!(waits(Kind::Transport).len(), 2);
}

#[test]
fn repeats_to_a_quiet_candidate_have_a_small_allowance_and_then_end() {
    let settings = Settings {
        num_retries: 16,
        ..Settings::default()
    };
    let table = grouped(settings, &[("solo", &[&["p/s"]])]);
    let mut health = Health::default();
    let mut call = |ms: i64| {
        let now = Timestamp(NOW.as_millis() + ms);
        let run = Run::of(&table, &ask("solo"), &mut health, now);
        run.go(&mut health, now, |_| OVERLOADED).tried.len()
    };
    assert_eq!(call(0), 3);
    assert_eq!(call(1_000), 1);
    assert_eq!(call(59_000), 1);
    assert_eq!(call(71_000), 3);
}

#[test]
fn a_request_at_fault_leaves_its_group_for_the_fallbacks_that_were_chosen_for_it_only() {
    let settings = Settings {
        fallbacks: lists(&[("g", &["h"]), ("p/listed", &["h"])]),
        content_policy_fallbacks: lists(&[("c", &["safe"])]),
        context_window_fallbacks: lists(&[("c", &["big"])]),
        ..Settings::default()
    };
    let mut builder = Builder::new(settings);
    for (group, provider, model) in [
        ("g", "p", "a"),
        ("g", "p", "b"),
        ("h", "q", "h"),
        ("c", "p", "a"),
        ("c", "p", "b"),
        ("safe", "q", "safe"),
        ("big", "q", "big"),
    ] {
        builder.deployment(deployment(group, provider, model), 0, None);
    }
    builder.provider(listing("p", &["listed"]));
    let table = Arc::new(builder.build());
    let starts = |reference, kind, status| {
        let mut tried = tried(&table, &ask(reference), |name| {
            (!matches!(name, "q/h" | "q/safe" | "q/big")).then_some(Fault { kind, status })
        });
        // Which of a group comes first is chance.
        for name in &mut tried {
            name.truncate(name.trim_end_matches("/a").trim_end_matches("/b").len());
        }
        tried
    };
    for kind in [Kind::BadRequest, Kind::Refused] {
        assert_eq!(starts("g", kind, 400), ["p", "q/h"]);
        assert_eq!(starts("p/listed", kind, 400), ["p/listed"]);
    }
    assert_eq!(starts("c", Kind::BadRequest, 400), ["p"]);
    assert_eq!(starts("c", Kind::Refused, 400), ["p", "q/safe"]);
    assert_eq!(starts("c", Kind::ContextOverflow, 400), ["p", "q/big"]);
    assert_eq!(starts("g", Kind::ContextOverflow, 400), ["p", "p", "q/h"]);
    assert_eq!(
        starts("g", Kind::Timeout(Phase::Total), 0),
        ["p", "p", "q/h"]
    );
}

#[test]
fn a_request_goes_first_to_what_can_hold_and_read_it() {
    let of = |model: &str, window, images: bool, tools| {
        let mut deployment = deployment("g", "p", model);
        deployment.context_window = window;
        deployment.calls_tools = tools;
        if images {
            deployment
                .input_kinds
                .push(crate::options::InputKind::Image);
        }
        deployment
    };
    let mut builder = Builder::new(Settings::default());
    let members = [
        of("small", 4_000, true, None),
        of("large", 100_000, false, Some(true)),
        of("middle", 8_000, true, Some(false)),
        of("unknown", 0, false, None),
    ];
    for (order, member) in (0..).zip(members) {
        builder.deployment(member, order, None);
    }
    let table = Arc::new(builder.build());
    let order = |tokens, images, tools| {
        let needs = Needs {
            vectors: false,
            images,
            tools,
            streaming: false,
        };
        let ask = Ask {
            needs,
            tokens,
            ..ask("g")
        };
        let tried = tried(&table, &ask, |_| OVERLOADED);
        tried
            .iter()
            .map(|name| name.trim_start_matches("p/").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        order(0, false, false),
        ["small", "large", "middle", "unknown"]
    );
    assert_eq!(
        order(50_000, false, false),
        ["large", "unknown", "middle", "small"]
    );
    assert_eq!(
        order(0, true, false),
        ["small", "middle", "large", "unknown"]
    );
    assert_eq!(
        order(0, false, true),
        ["small", "large", "unknown", "middle"]
    );
    // A window that turned out too small leaves only larger ones in front.
    let overflowed = tried(&table, &ask("g"), |name| match name {
        "p/middle" | "p/small" => fault(Kind::ContextOverflow, 400),
        _ => OVERLOADED,
    });
    assert_eq!(overflowed, ["p/small", "p/large", "p/middle", "p/unknown"]);
}

#[test]
fn rests_put_last_and_retry_after_leaves_alone() {
    let table = grouped(
        Settings::default(),
        &[("g", &[&["p/a"], &["p/b"], &["p/c"]])],
    );
    let mut health = Health::default();
    let limited = Kind::RateLimited {
        retry_after: Some(Duration::from_secs(30)),
    };
    let first = Run::of(&table, &ask("g"), &mut health, NOW);
    first.go(&mut health, NOW, |name| match name {
        "p/a" => fault(limited, 429),
        "p/b" => fault(Kind::Transport, 0),
        _ => None,
    });
    let at = |ms: i64| {
        let now = Timestamp(NOW.as_millis() + ms);
        let mut health = health.clone();
        let run = Run::of(&table, &ask("g"), &mut health, now);
        run.go(&mut health, now, |_| fault(Kind::NoModel, 0)).tried
    };
    assert_eq!(at(0), ["p/c", "p/b"]);
    assert_eq!(at(5_000), ["p/b", "p/c"]);
    assert_eq!(at(30_000), ["p/a", "p/b", "p/c"]);
    // A clock that was set back does not make a rest longer.
    assert_eq!(at(-7_200_000), ["p/a", "p/b", "p/c"]);

    let solo = grouped(Settings::default(), &[("g", &[&["p/a"]])]);
    let run = Run::of(&solo, &ask("g"), &mut health, NOW);
    let run = run.go(&mut health, NOW, |_| None);
    assert_eq!(
        (run.tried.len(), run.end),
        (0, Some(Duration::from_secs(30)))
    );
}

#[test]
fn rests_are_as_long_and_as_frequent_as_is_configured() {
    let states = |settings: Settings, fails: u32, ms: i64| {
        let table = grouped(settings, &[("g", &[&["p/a"]])]);
        let mut health = Health::default();
        for _ in 0..fails {
            Run::of(&table, &ask("g"), &mut health, NOW).go(&mut health, NOW, |_| OVERLOADED);
        }
        let group = table.groups().next().unwrap();
        let member = group.deployments().next().unwrap();
        health.state(member, 0, Timestamp(NOW.as_millis() + ms))
    };
    let until = |ms: i64| State::Last(Timestamp(NOW.as_millis() + ms));
    let default = Settings::default();
    assert_eq!(states(default.clone(), 1, 0), until(5_000));
    let cooldown = Settings {
        cooldown: Some(Duration::from_secs(90)),
        ..default.clone()
    };
    assert_eq!(states(cooldown, 1, 0), until(90_000));
    let patient = Settings {
        allowed_fails: Some(2),
        ..default.clone()
    };
    assert_eq!(states(patient.clone(), 2, 0), State::Well);
    assert_eq!(states(patient.clone(), 3, 0), until(5_000));
    let policy = Settings {
        allowed_fails_policy: PerKind {
            internal_server: Some(0),
            ..PerKind::default()
        },
        ..patient
    };
    assert_eq!(states(policy, 1, 0), until(5_000));
    let off = Settings {
        disable_cooldowns: true,
        ..default
    };
    assert_eq!(states(off, 9, 0), State::Well);
}

#[test]
fn a_deployments_minute_is_a_hard_limit() {
    let mut limited = deployment("g", "p", "limited");
    limited.rpm = Some(2);
    limited.tpm = Some(1_000);
    let mut builder = Builder::new(Settings::default());
    builder.deployment(limited, 0, None);
    builder.deployment(deployment("other", "p", "other"), 0, None);
    let table = Arc::new(builder.build());
    let begin = Timestamp(NOW.as_millis().div_euclid(60_000) * 60_000);
    let call = |health: &mut Health, ms: i64, tokens| {
        let now = Timestamp(begin.as_millis() + ms);
        let ask = Ask { tokens, ..ask("g") };
        let run = Run::of(&table, &ask, health, now).go(health, now, |_| None);
        (run.tried.len(), run.end)
    };
    let mut health = Health::default();
    assert_eq!(call(&mut health, 0, 10), (1, None));
    assert_eq!(call(&mut health, 20_000, 10), (1, None));
    let left = Some(Duration::from_secs(40));
    assert_eq!(call(&mut health, 20_000, 10), (0, left));
    assert_eq!(call(&mut health, 60_000, 900), (1, None));
    assert_eq!(
        call(&mut health, 60_000, 101),
        (0, Some(Duration::from_secs(60)))
    );
    assert_eq!(call(&mut health, 60_000, 100), (1, None));
    // What no minute has room for is sent when nothing else was: its size is only an estimate.
    assert_eq!(call(&mut health, 120_000, 5_000), (1, None));
}

#[test]
fn what_a_call_really_used_replaces_what_was_expected() {
    let table = grouped(Settings::default(), &[("g", &[&["p/a"]])]);
    let mut health = Health::default();
    let ask = Ask {
        tokens: 900,
        ..ask("g")
    };
    let mut plan = plan(&table, &ask, &health, NOW, 1).unwrap();
    let Next::Try(candidate) = plan.next(&mut health, NOW) else {
        panic!("somebody is asked");
    };
    let spot = candidate.deployment.spot.clone();
    assert_eq!(
        (health.in_flight(&spot), health.used(&spot, NOW)),
        (1, (1, 900))
    );
    let ended = Ended {
        tokens: Some(20),
        ..Ended::default()
    };
    health.ended(&candidate, &ended, NOW);
    assert_eq!(
        (health.in_flight(&spot), health.used(&spot, NOW)),
        (0, (1, 20))
    );
}

#[test]
fn strategies_go_by_what_they_are_named_after() {
    let names: &[&str] = &["p/a", "p/b", "p/c"];
    let table = |strategy| {
        let settings = Settings {
            strategy,
            ..Settings::default()
        };
        grouped(settings, &[("g", &[names])])
    };
    let order = |table: &Arc<Table>, health: &Health, is_streaming| {
        let needs = Needs {
            streaming: is_streaming,
            ..Needs::default()
        };
        let ask = Ask { needs, ..ask("g") };
        let plan = plan(table, &ask, health, NOW, 3).unwrap();
        let names = plan.deployments().map(|d| d.model.to_string());
        names.collect::<String>()
    };
    // Asks each by itself, so that each has a call of its own.
    let begin = |health: &mut Health, model: &str, tokens| {
        let solo = grouped(Settings::default(), &[("s", &[&[&format!("p/{model}")]])]);
        let ask = Ask { tokens, ..ask("s") };
        let mut plan = plan(&solo, &ask, health, NOW, 1).unwrap();
        match plan.next(health, NOW) {
            Next::Try(candidate) => candidate,
            other => panic!("{other:?}"),
        }
    };
    let mut health = Health::default();
    begin(&mut health, "a", 10);
    begin(&mut health, "a", 10);
    begin(&mut health, "c", 100);
    assert_eq!(order(&table(Strategy::LeastBusy), &health, false), "bca");
    assert_eq!(order(&table(Strategy::UsageBased), &health, false), "bac");

    let mut health = Health::default();
    for (model, first_byte, whole) in [("a", 300, 1_000), ("b", 100, 9_000), ("c", 200, 500)] {
        let candidate = begin(&mut health, model, 0);
        let ended = Ended {
            first_byte: Some(Duration::from_millis(first_byte)),
            whole: Some(Duration::from_millis(whole)),
            output_tokens: Some(100),
            tokens: None,
        };
        health.ended(&candidate, &ended, NOW);
    }
    let latency = table(Strategy::LatencyBased);
    assert_eq!(order(&latency, &health, true), "bca");
    assert_eq!(order(&latency, &health, false), "cab");
    // One that is not known is measured, by one call at a time.
    let unknown = grouped(
        Settings {
            strategy: Strategy::LatencyBased,
            ..Settings::default()
        },
        &[("g", &[&["p/a", "p/d"]])],
    );
    assert_eq!(order(&unknown, &health, true), "da");
    begin(&mut health, "d", 0);
    assert_eq!(order(&unknown, &health, true), "ad");
}

#[test]
fn only_what_has_a_price_is_asked_where_it_must_have_one() {
    let price = openclaw_types::Price::per_token_usd(1e-6, 2e-6, None, None);
    let mut builder = Builder::new(Settings {
        fallbacks: lists(&[("g", &["h"])]),
        ..Settings::default()
    });
    builder.deployment(deployment("g", "p", "unknown"), 0, None);
    let mut priced = deployment("h", "p", "priced");
    priced.price = price;
    builder.deployment(priced, 0, None);
    let table = Arc::new(builder.build());
    let mut health = Health::default();
    let mut plan = plan(&table, &ask("g"), &health, NOW, 1).unwrap();
    assert_eq!(plan.most(10, 10), None);
    assert!(plan.keep_priced());
    assert_eq!(plan.most(10, 10), openclaw_types::Money::from_usd(30e-6));
    let Next::Try(candidate) = plan.next(&mut health, NOW) else {
        panic!("the priced one is asked");
    };
    assert_eq!(candidate.deployment.spot.to_string(), "p/priced");
}

#[test]
fn health_remembers_only_so_many_and_rests_longest() {
    let mut health = Health::default();
    let count = crate::limits::HEALTH_RECORDS_MAX;
    let resting = deployment("g", "p", "resting");
    health.failed(&resting, Kind::Auth, NOW);
    for number in 0..count * 2 {
        let table = grouped(Settings::default(), &[("g", &[&[&format!("p/{number}")]])]);
        Run::of(&table, &ask("g"), &mut health, NOW).go(&mut health, NOW, |_| None);
    }
    assert_eq!(health.len(), count);
    assert_eq!(health.resting(NOW).count(), 1);
}
