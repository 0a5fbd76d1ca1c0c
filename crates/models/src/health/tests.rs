use super::*;

fn spot(model: &str, key: &str) -> Spot {
    Spot {
        target: Target {
            provider: "p".to_owned(),
            model: model.to_owned(),
        },
        key: Arc::from(key),
    }
}

fn plan(models: &[&str]) -> Vec<Spot> {
    models.iter().map(|model| spot(model, "k")).collect()
}

const LIMITED: Kind = Kind::RateLimited {
    retry_after: Some(Duration::from_secs(30)),
};

#[test]
fn every_kind_has_its_row_in_the_table() {
    let last = |seconds| Rest::Last(Duration::from_secs(seconds));
    let rows = [
        (Kind::Overloaded, true, last(5)),
        (Kind::RateLimited { retry_after: None }, true, last(10)),
        (LIMITED, true, Rest::Away(Duration::from_secs(30))),
        (
            Kind::RateLimited {
                retry_after: Some(Duration::from_secs(86_400)),
            },
            true,
            Rest::Away(RETRY_AFTER_MAX),
        ),
        (Kind::Auth, true, last(60)),
        (Kind::NotFound, true, last(60)),
        (Kind::BadRequest, false, Rest::None),
        (Kind::ContextOverflow, true, Rest::None),
        (Kind::Refused, false, Rest::None),
        (Kind::Timeout(Phase::Connect), true, last(10)),
        (Kind::Timeout(Phase::FirstByte), true, last(10)),
        (Kind::Timeout(Phase::Idle), true, last(10)),
        (Kind::Timeout(Phase::Total), false, Rest::None),
        (Kind::Transport, true, last(5)),
        (Kind::Malformed, true, last(10)),
        (Kind::NoModel, true, Rest::None),
        (Kind::Cancelled, false, Rest::None),
    ];
    for (kind, moves_on, rest) in rows {
        assert_eq!(verdict(kind), Verdict { moves_on, rest }, "{kind:?}");
    }
}

#[test]
fn what_failed_goes_last_and_what_asked_for_peace_is_left_alone() {
    let now = Timestamp(1_000_000);
    let at = |ms: i64| Timestamp(now.as_millis() + ms);
    let mut health = Health::default();
    health.failed(&spot("a", "k"), Kind::Auth, now);
    health.failed(&spot("b", "k"), LIMITED, now);
    health.failed(&spot("c", "k"), Kind::Transport, now);
    health.failed(&spot("d", "k"), Kind::BadRequest, now);
    let order = |ms, models: &[&str]| health.order(plan(models), at(ms));
    let all = ["a", "b", "c", "d"];
    assert_eq!(order(0, &all), Order::Try(plan(&["d", "c", "a"])));
    assert_eq!(order(5_000, &all), Order::Try(plan(&["c", "d", "a"])));
    assert_eq!(order(30_000, &all), Order::Try(plan(&["b", "c", "d", "a"])));
    assert_eq!(order(60_000, &all), Order::Try(plan(&all)));
    assert_eq!(order(0, &["a"]), Order::Try(plan(&["a"])));
    assert_eq!(order(10_000, &["b"]), Order::Wait(Duration::from_secs(20)));
    // Another key has limits of its own.
    let other = vec![spot("b", "other")];
    assert_eq!(health.order(other.clone(), now), Order::Try(other));
    // A clock that was set back does not make a rest longer.
    assert_eq!(order(-7_200_000, &["b"]), Order::Try(plan(&["b"])));
}

#[test]
fn an_answer_ends_a_rest() {
    let now = Timestamp(0);
    let mut health = Health::default();
    health.failed(&spot("a", "k"), Kind::Transport, now);
    assert_eq!(health.resting(now).count(), 1);
    health.answered(&spot("a", "k"));
    assert_eq!(health, Health::default());
}

#[test]
fn only_so_many_rests_are_remembered() {
    let mut health = Health::default();
    for number in 0..=COOLDOWNS_MAX {
        let now = Timestamp(i64::try_from(number).unwrap());
        health.failed(&spot(&number.to_string(), "k"), Kind::Auth, now);
    }
    let now = Timestamp(2_000);
    assert_eq!(health.resting(now).count(), COOLDOWNS_MAX);
    assert!(
        health
            .resting(now)
            .all(|(spot, _)| spot.target.model != "0")
    );
}
