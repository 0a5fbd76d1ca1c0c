use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp(1_700_000_000_000);

fn terms(max: u64, period: Option<Period>) -> Terms {
    Terms {
        max: Some(Money(max)),
        soft: None,
        period,
        anchor: START,
        alert_at: ALERT_AT.to_vec(),
    }
}

#[test]
fn what_is_held_is_not_left() {
    let mut budget = Budget::new(terms(100, None), START);
    assert!(budget.reserve(Money(60)));
    assert!(!budget.reserve(Money(41)));
    assert!(budget.reserve(Money(40)));
    budget.settle(Money(60), Money(10));
    assert_eq!(budget.left(), Some(Money(50)));
    budget.release(Money(40));
    assert_eq!(
        (budget.spent(), budget.reserved()),
        (Money(10), Money::ZERO)
    );
    assert!(budget.reserve(Money(90)));
}

#[test]
fn what_is_free_fits_a_budget_that_is_spent() {
    let mut budget = Budget::new(terms(10, None), START);
    assert!(budget.reserve(Money(10)));
    budget.settle(Money(10), Money(12));
    assert!(budget.reserve(Money::ZERO));
    assert!(!budget.reserve(Money(1)));
}

#[test]
fn without_a_hard_stop_everything_fits_and_is_counted() {
    let mut budget = Budget::new(
        Terms {
            max: None,
            soft: Some(Money(5)),
            ..terms(0, None)
        },
        START,
    );
    assert!(budget.reserve(Money::MAX));
    budget.settle(Money::MAX, Money(5));
    assert_eq!(budget.notices(), [Notice::Soft]);
    assert_eq!(budget.notices(), []);
    assert_eq!(budget.left(), None);
}

#[test]
fn a_period_that_is_over_gives_back_what_was_spent_and_not_what_is_held() {
    let mut budget = Budget::new(terms(100, Some(Period::Rolling(60_000))), START);
    assert!(budget.reserve(Money(30)));
    budget.settle(Money(30), Money(30));
    assert!(budget.reserve(Money(20)));
    budget.turn(Timestamp(START.as_millis() + 59_999));
    assert_eq!(budget.left(), Some(Money(50)));
    budget.turn(Timestamp(START.as_millis() + 60_000));
    assert_eq!(budget.left(), Some(Money(80)));
    assert_eq!(
        budget.span().unwrap().end,
        Timestamp(START.as_millis() + 120_000)
    );
    // A clock that is set back gives nothing back.
    assert!(budget.reserve(Money(10)));
    budget.settle(Money(10), Money(10));
    budget.turn(START);
    assert_eq!(budget.left(), Some(Money(70)));
    assert_eq!(
        budget.span().unwrap().end,
        Timestamp(START.as_millis() + 60_000)
    );
}

#[test]
fn each_share_is_told_once_in_a_period() {
    let mut budget = Budget::new(terms(100, Some(Period::Rolling(60_000))), START);
    let spend = |budget: &mut Budget, amount| {
        budget.settle(Money::ZERO, Money(amount));
        budget.notices()
    };
    assert_eq!(spend(&mut budget, 49), []);
    assert_eq!(spend(&mut budget, 1), [Notice::Share(50)]);
    assert_eq!(spend(&mut budget, 1), []);
    assert_eq!(
        spend(&mut budget, 60),
        [Notice::Share(80), Notice::Share(100)]
    );
    assert!(budget.refused());
    assert!(!budget.refused());
    budget.turn(Timestamp(START.as_millis() + 60_000));
    assert_eq!(
        spend(&mut budget, 80),
        [Notice::Share(50), Notice::Share(80)]
    );
    assert!(budget.refused());
}

#[test]
fn new_terms_keep_what_was_spent_and_tell_only_news() {
    let mut budget = Budget::new(terms(100, None), START);
    budget.settle(Money::ZERO, Money(90));
    assert_eq!(budget.notices(), [Notice::Share(50), Notice::Share(80)]);
    budget.set_terms(terms(150, None), START);
    assert_eq!(budget.notices(), []);
    budget.settle(Money::ZERO, Money(30));
    assert_eq!(budget.notices(), [Notice::Share(80)]);
    assert_eq!(budget.left(), Some(Money(30)));
}

proptest! {
    #[test]
    fn spent_and_held_never_exceed_the_hard_stop(
        max in 0..1_000_u64,
        steps in prop::collection::vec((0..400_u64, 0..100_u64, any::<bool>(), any::<prop::sample::Index>(), 0..30_000_i64), 1..200),
    ) {
        let mut budget = Budget::new(terms(max, Some(Period::Rolling(60_000))), START);
        let (mut now, mut held, mut told) = (START, Vec::new(), Vec::new());
        for (amount, share, settles, which, pause) in steps {
            now = Timestamp(now.as_millis() + pause);
            let end = budget.span().unwrap().end;
            budget.turn(now);
            if now >= end {
                told.clear();
            }
            if settles && !held.is_empty() {
                let amount: u64 = held.swap_remove(which.index(held.len()));
                budget.settle(Money(amount), Money(amount * share / 100));
            } else if budget.reserve(Money(amount)) {
                held.push(amount);
            }
            prop_assert_eq!(budget.reserved(), held.iter().map(|&amount| Money(amount)).sum::<Money>());
            prop_assert!(budget.spent().saturating_add(budget.reserved()) <= Money(max));
            for notice in budget.notices() {
                prop_assert!(!told.contains(&notice), "{notice:?} twice");
                told.push(notice);
            }
        }
    }
}
