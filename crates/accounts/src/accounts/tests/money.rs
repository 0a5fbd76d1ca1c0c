//! Budgets and limits, through the door.

use super::*;

#[test]
fn what_is_held_for_one_call_is_not_there_for_another() {
    let world = World::new(global(max(100)));
    let caller = Caller::Master;
    let first = world.accounts.admit(&ask(&caller, 20, 20)).unwrap();
    assert_eq!(first.held(), Money(60));
    let denied = exceeded(world.accounts.admit(&ask(&caller, 20, 20)).unwrap_err());
    assert_eq!(
        denied,
        BudgetExceeded {
            scope: Scope::Global,
            spent: Money::ZERO,
            reserved: Money(60),
            max: Money(100),
            needed: Money(60),
            resets_at: None,
            affordable_output_tokens: 10,
        }
    );
    assert_eq!(denied.left(), Money(40));
    let settled = first.settle(&answered(15));
    assert_eq!(
        (settled.cost, settled.is_estimate),
        (Some(Money(15)), false)
    );
    let second = world.accounts.admit(&ask(&caller, 20, 20)).unwrap();
    drop(second);
    let state = world.budget(&Scope::Global);
    assert_eq!((state.spent, state.reserved), (Money(15), Money::ZERO));
}

#[test]
fn a_limit_that_nobody_stated_is_lowered_to_what_is_affordable() {
    let world = World::new(global(max(1_000)));
    let caller = Caller::Master;
    let open = Ask {
        output: OutputLimit::Default(100_000),
        ..ask(&caller, 100, 0)
    };
    let ticket = world.accounts.admit(&open).unwrap();
    assert_eq!(
        (ticket.output_tokens_max(), ticket.held()),
        (Some(450), Money(1_000))
    );
    world.settle(ticket, 900);
    // A hundred are left, and a hundred tokens of input take them.
    let denied = exceeded(world.accounts.admit(&open).unwrap_err());
    assert_eq!(
        (denied.left(), denied.affordable_output_tokens),
        (Money(100), 0)
    );
    let small = Ask {
        input_tokens: 0,
        output: OutputLimit::Default(10),
        ..open.clone()
    };
    let ticket = world.accounts.admit(&small).unwrap();
    assert_eq!(
        (ticket.output_tokens_max(), ticket.held()),
        (None, Money(20))
    );
    let stated = Ask {
        input_tokens: 0,
        output: OutputLimit::Stated(60),
        ..open
    };
    let denied = exceeded(world.accounts.admit(&stated).unwrap_err());
    assert_eq!(
        (denied.left(), denied.affordable_output_tokens),
        (Money(80), 40)
    );
}

#[test]
fn an_unknown_price_is_refused_where_a_budget_applies_and_only_there() {
    let world = World::new(of_agent("coder", max(100)));
    let (caller, coder) = (Caller::Master, agent("coder"));
    let unpriced = Ask {
        price: None,
        ..ask(&caller, 1, 1)
    };
    let ticket = world.accounts.admit(&unpriced).unwrap();
    assert!(!ticket.is_budgeted());
    let outcome = Outcome {
        cost: None,
        ..answered(3)
    };
    assert_eq!(ticket.settle(&outcome).cost, None);
    let denied = world.accounts.admit(&Ask {
        agent: Some(&coder),
        ..unpriced.clone()
    });
    let expected = Denied::Unpriced {
        model: "fast".to_owned(),
        scope: Scope::Agent(coder.clone()),
    };
    assert_eq!(denied.unwrap_err(), expected);
    let own = Caller::Agent(coder);
    assert_eq!(
        world
            .accounts
            .admit(&Ask {
                caller: &own,
                ..unpriced
            })
            .unwrap_err(),
        expected
    );
    let total = world.accounts.spend(&Query::default(), &[]).total;
    assert_eq!((total.requests, total.unpriced), (1, 1));
}

#[test]
fn what_is_free_needs_no_budget() {
    let world = World::new(global(max(0)));
    let caller = Caller::Master;
    let free = Ask {
        price: Some(Price::FREE),
        ..ask(&caller, 9, 9)
    };
    let ticket = world.accounts.admit(&free).unwrap();
    let settled = ticket.settle(&Outcome {
        cost: None,
        ..answered(0)
    });
    assert_eq!(settled.cost, Some(Money::ZERO));
    assert!(world.accounts.admit(&ask(&caller, 1, 0)).is_err());
}

#[test]
fn a_call_that_began_and_was_never_settled_has_spent_what_was_held() {
    let world = World::new(global(max(100)));
    let caller = Caller::Master;
    let mut ticket = world.accounts.admit(&ask(&caller, 20, 10)).unwrap();
    ticket.begin();
    drop(ticket);
    drop(world.accounts.admit(&ask(&caller, 1, 1)).unwrap());
    assert_eq!(world.budget(&Scope::Global).spent, Money(40));
    let total = world.accounts.spend(&Query::default(), &[]).total;
    assert_eq!(
        (total.requests, total.unsettled, total.cost),
        (1, 1, Money(40))
    );
    assert!(world.accounts.logs(&Query::default(), 10).unwrap()[0].is_unsettled);
}

#[test]
fn success_without_a_known_cost_is_charged_what_was_held_and_failure_nothing() {
    let world = World::new(global(max(100)));
    let caller = Caller::Master;
    let settle = |status| {
        let ticket = world.accounts.admit(&ask(&caller, 20, 5)).unwrap();
        ticket.settle(&Outcome {
            cost: None,
            usage: None,
            status,
            ..answered(0)
        })
    };
    let failed = settle(500);
    assert_eq!((failed.cost, failed.is_estimate), (None, false));
    let settled = settle(200);
    assert_eq!((settled.cost, settled.is_estimate), (Some(Money(30)), true));
    assert_eq!(world.budget(&Scope::Global).spent, Money(30));
}

#[test]
fn an_attempt_that_cost_something_leaves_less_for_the_next() {
    let world = World::new(global(max(100)));
    let caller = Caller::Master;
    let mut ticket = world.accounts.admit(&ask(&caller, 20, 20)).unwrap();
    ticket.begin();
    assert_eq!(ticket.charge(&answered(50)).cost, Some(Money(50)));
    let state = world.budget(&Scope::Global);
    assert_eq!((state.spent, state.reserved), (Money(50), Money(10)));
    assert!(matches!(
        ticket.hold_again(Money(60)),
        Err(Denied::BudgetExceeded(_))
    ));
    ticket.hold_again(Money(45)).unwrap();
    assert_eq!(world.budget(&Scope::Global).reserved, Money(45));
    assert_eq!(ticket.settle(&answered(45)).cost, Some(Money(45)));
    let state = world.budget(&Scope::Global);
    assert_eq!((state.spent, state.reserved), (Money(95), Money::ZERO));
    assert_eq!(
        world.accounts.spend(&Query::default(), &[]).total.requests,
        1
    );
    let world = world.restart();
    assert_eq!(world.budget(&Scope::Global).spent, Money(95));
}

#[test]
fn each_scope_has_its_own_limits_and_a_refusal_costs_nothing_elsewhere() {
    let one = |rpm| Allowance {
        rpm: Some(rpm),
        ..Allowance::default()
    };
    let blue = TeamId::new("blue");
    let world = World::new(Allowances {
        teams: BTreeMap::from([(blue.clone(), one(2))]),
        global: one(5),
        ..of_agent("coder", one(3))
    });
    let allowance = Allowance {
        model_rpm: BTreeMap::from([("fast".to_owned(), 1)]),
        ..Allowance::default()
    };
    let new = NewKey {
        team: Some(blue.clone()),
        allowance,
        ..NewKey::default()
    };
    let (record, _) = world.accounts.generate(&Caller::Master, new).unwrap();
    let (key, coder) = (Caller::Key(record.id.clone()), agent("coder"));
    let slow = Ask {
        model: "slow",
        ..ask(&key, 1, 1)
    };
    let by_agent = Ask {
        agent: Some(&coder),
        ..ask(&Caller::Master, 1, 1)
    };
    let spend = |ask: &Ask<'_>| {
        world
            .accounts
            .admit(ask)
            .map(|ticket| world.settle(ticket, 1))
    };
    let refused = |ask: &Ask<'_>| limited(spend(ask).unwrap_err());
    spend(&ask(&key, 1, 1)).unwrap();
    let model = Scope::Model {
        within: Box::new(Scope::Key(record.id)),
        model: Arc::from("fast"),
    };
    assert_eq!(refused(&ask(&key, 1, 1)), (LimitKind::Requests, model));
    spend(&slow).unwrap();
    assert_eq!(refused(&slow), (LimitKind::Requests, Scope::Team(blue)));
    for _ in 0..3 {
        spend(&by_agent).unwrap();
    }
    // The agent's limit is named, since it is looked at before everybody's.
    assert_eq!(
        refused(&by_agent),
        (LimitKind::Requests, Scope::Agent(coder.clone()))
    );
    let anybody = ask(&Caller::Master, 1, 1);
    assert_eq!(refused(&anybody), (LimitKind::Requests, Scope::Global));
    world.env.advance_ms(60_000);
    spend(&anybody).unwrap();
}

#[test]
fn requests_at_the_same_time_end_with_their_tickets() {
    let world = World::new(global(Allowance {
        max_parallel: Some(2),
        tpm: Some(1_000),
        rpm: Some(10),
        ..Allowance::default()
    }));
    let caller = Caller::Master;
    let one = world.accounts.admit(&ask(&caller, 10, 20)).unwrap();
    let left = (
        one.requests().unwrap().remaining,
        one.tokens().unwrap().remaining,
    );
    assert_eq!(left, (9, 970));
    let two = world.accounts.admit(&ask(&caller, 1, 1)).unwrap();
    let denied = world.accounts.admit(&ask(&caller, 1, 1)).unwrap_err();
    assert_eq!(limited(denied), (LimitKind::Parallel, Scope::Global));
    drop(one);
    let three = world.accounts.admit(&ask(&caller, 1, 1)).unwrap();
    world.settle(two, 1);
    drop(three);
    assert!(world.accounts.admit(&ask(&caller, 1, 1)).is_ok());
}

#[test]
fn a_model_has_a_budget_of_its_own() {
    let world = World::new(Allowances::default());
    let key = world.key(Allowance {
        model_max_budget: BTreeMap::from([("fast".to_owned(), Money(10))]),
        ..Allowance::default()
    });
    assert!(world.accounts.admit(&ask(&key, 11, 0)).is_err());
    let other = Ask {
        model: "slow",
        ..ask(&key, 11, 0)
    };
    assert!(!world.accounts.admit(&other).unwrap().is_budgeted());
    world.settle(world.accounts.admit(&ask(&key, 9, 0)).unwrap(), 9);
    let world = world.restart();
    let denied = exceeded(world.accounts.admit(&ask(&key, 2, 0)).unwrap_err());
    assert_eq!(
        (denied.spent, denied.scope.word()),
        (Money(9), "model_per_key")
    );
}

#[tokio::test]
async fn alerts_are_heard_once_each_in_a_period() {
    let world = World::new(global(Allowance {
        budget_duration: Some(Period::Day),
        soft_budget: Some(Money(60)),
        ..max(100)
    }));
    let mut alerts = world.accounts.alerts();
    let spend = |pico| {
        let ticket = world.accounts.admit(&ask(&Caller::Master, pico, 0));
        world.settle(ticket.unwrap(), pico);
    };
    for _ in 0..10 {
        spend(10);
    }
    for _ in 0..3 {
        assert!(world.accounts.admit(&ask(&Caller::Master, 1, 0)).is_err());
    }
    let recent = world.accounts.recent_alerts();
    let notices: Vec<Notice> = recent.iter().map(|alert| alert.notice).collect();
    let expected = [
        Notice::Share(50),
        Notice::Soft,
        Notice::Share(80),
        Notice::Share(100),
        Notice::Refused,
    ];
    assert_eq!(notices, expected);
    for (notice, spent) in expected.into_iter().zip([50, 60, 80, 100, 100]) {
        let alert = alerts.next().await;
        assert_eq!(
            (alert.notice, alert.spent, alert.scope),
            (notice, Money(spent), Scope::Global)
        );
    }
    assert_eq!(alerts.missed(), 0);
    world.env.advance_ms(86_400_000);
    spend(50);
    assert_eq!(alerts.next().await.notice, Notice::Share(50));
    assert_eq!(world.budget(&Scope::Global).told, [Notice::Share(50)]);
}

#[tokio::test]
async fn a_listener_that_is_too_slow_is_told_how_many_it_missed() {
    let world = World::new(global(Allowance {
        budget_duration: Some(Period::Rolling(1_000)),
        ..max(10)
    }));
    let mut alerts = world.accounts.alerts();
    for _ in 0..300 {
        world.env.advance_ms(1_000);
        world.settle(
            world.accounts.admit(&ask(&Caller::Master, 5, 0)).unwrap(),
            5,
        );
    }
    let first = alerts.next().await;
    assert_eq!(alerts.missed(), 44);
    assert_eq!(first.at, Timestamp(START.as_millis() + 45_000));
    for _ in 0..255 {
        alerts.next().await;
    }
    assert_eq!(alerts.missed(), 44);
}

/// Spends as fast as it can, each time a little less than was held.
fn spender(accounts: &Accounts, caller: &Caller, number: u64) -> u64 {
    let mut spent = 0;
    for round in 0..200 {
        let Ok(mut ticket) = accounts.admit(&ask(caller, 10 + round % 7, 5)) else {
            continue;
        };
        ticket.begin();
        let cost = ticket.held().0 - (round + number) % 10;
        spent += ticket.settle(&answered(cost)).cost.unwrap().0;
    }
    spent
}

#[test]
fn many_at_once_never_spend_more_than_there_is() {
    let world = World::new(global(max(10_000)));
    let key = world.key(max(7_000));
    let spent: u64 = thread::scope(|scope| {
        let spenders: Vec<_> = (0..8)
            .map(|number: u64| {
                let caller = if number < 4 {
                    key.clone()
                } else {
                    Caller::Master
                };
                let accounts = world.accounts.clone();
                scope.spawn(move || spender(&accounts, &caller, number))
            })
            .collect();
        spenders
            .into_iter()
            .map(|spender| spender.join().unwrap())
            .sum()
    });
    let state = world.budget(&Scope::Global);
    assert_eq!((state.spent, state.reserved), (Money(spent), Money::ZERO));
    // It ended because there was no more to spend.
    assert!((9_950..=10_000).contains(&spent), "{spent}");
    let Caller::Key(id) = key else { panic!() };
    assert!(world.budget(&Scope::Key(id)).spent <= Money(7_000));
    let world = world.restart();
    assert_eq!(world.budget(&Scope::Global).spent, Money(spent));
}

#[test]
fn allowances_change_while_running_and_what_was_spent_counts() {
    let world = World::new(Allowances::default());
    let (caller, coder) = (Caller::Agent(agent("coder")), agent("coder"));
    world.settle(world.accounts.admit(&ask(&caller, 30, 0)).unwrap(), 30);
    let day = Allowance {
        budget_duration: Some(Period::Day),
        tokens_per_day: Some(60),
        ..max(50)
    };
    world.accounts.set_allowances(of_agent("coder", day));
    let denied = exceeded(world.accounts.admit(&ask(&caller, 30, 0)).unwrap_err());
    assert_eq!((denied.spent, denied.max), (Money(30), Money(50)));
    let denied = world.accounts.admit(&ask(&caller, 31, 0)).unwrap_err();
    assert_eq!(
        limited(denied),
        (LimitKind::TokensPerDay, Scope::Agent(coder))
    );
    world.accounts.set_allowances(Allowances::default());
    assert_eq!(world.accounts.budgets(), []);
    assert!(world.accounts.admit(&ask(&caller, 300, 0)).is_ok());
}

#[test]
fn a_page_is_given_up_when_the_last_request_on_it_has_ended() {
    let world = World::new(of_agent("coder", max(50)));
    let caller = Caller::Agent(agent("coder"));
    let open = world.accounts.admit(&ask(&caller, 30, 0)).unwrap();
    world.accounts.set_allowances(of_agent("empath", max(7)));
    world.accounts.set_allowances(of_agent("steward", max(9)));
    world.settle(open, 20);
    let states = world.accounts.budgets();
    assert_eq!(states.len(), 1);
    // The page of another agent is not what the request was counted on.
    assert_eq!(
        (&states[0].scope, states[0].spent),
        (&Scope::Agent(agent("steward")), Money::ZERO)
    );
    world.accounts.set_allowances(of_agent("coder", max(50)));
    assert_eq!(world.budget(&Scope::Agent(agent("coder"))).spent, Money(20));
}
