use proptest::prelude::*;

use super::*;

fn line(day: i64, key: &str, cost: u64) -> Line<'_> {
    Line {
        at: day * DAY_MS,
        key: key.into(),
        cost: Some(cost),
        status: 200,
        ..Line::default()
    }
}

fn total(rollup: &Rollup, query: &Query) -> (u64, Money) {
    let total = rollup.report(query, &[]).total;
    (total.requests, total.cost)
}

#[test]
fn sums_without_end_are_summed_up_by_month_and_nothing_is_lost() {
    let mut rollup = Rollup::default();
    let names: Vec<String> = (0..400).map(|number| format!("key-{number}")).collect();
    let first = 19_000;
    let (mut requests, mut cost) = (0, 0);
    for day in 0..400 {
        for name in &names {
            rollup.add(&line(first + day, name, 3));
            requests += 1;
            cost += 3;
        }
        assert!(rollup.cells.len() <= CELLS_MAX);
    }
    assert_eq!(total(&rollup, &Query::default()), (requests, Money(cost)));
    let one = Query {
        key: Some(crate::KeyId::new("key-7")),
        ..Query::default()
    };
    assert_eq!(total(&rollup, &one), (400, Money(1_200)));
    let days = rollup.report(&one, &[Dimension::Day]).rows;
    // Early months are one line, late days have their own.
    assert_eq!(days[0].day.as_deref(), Some("2022-01"));
    assert_eq!(days.last().unwrap().day.as_deref(), Some("2023-02-11"));
    assert_eq!(days.last().unwrap().tally.requests, 1);
    assert!(days.len() < 400);
}

#[test]
fn more_keys_than_can_be_kept_apart_are_others_in_the_end() {
    let mut rollup = Rollup::default();
    for number in 0..NAMES_MAX as u64 + 1_000 {
        rollup.add(&line(19_000, &format!("key-{number}"), 1));
    }
    assert!(rollup.names.len() <= NAMES_MAX + 1);
    let rows = rollup.report(&Query::default(), &[Dimension::Key]).rows;
    let others = rows
        .iter()
        .find(|row| row.key.as_deref() == Some(OTHERS))
        .unwrap();
    assert!(others.tally.requests >= 1_000);
    let sum: u64 = rows.iter().map(|row| row.tally.requests).sum();
    assert_eq!(sum, NAMES_MAX as u64 + 1_000);
}

proptest! {
    #[test]
    fn cells_added_elsewhere_say_the_same(
        lines in prop::collection::vec((0..40_i64, "[a-c]?", "[a-b]?", any::<u32>(), 0..600_u16), 0..60),
    ) {
        let (mut one, mut other) = (Rollup::default(), Rollup::default());
        for (day, key, group, cost, status) in &lines {
            let line = Line {
                group: group.as_str().into(),
                status: *status,
                input: Some(u64::from(*cost) / 2),
                output: 7,
                ..line(19_000 + day, key, u64::from(*cost))
            };
            one.add(&line);
        }
        for cell in one.cells() {
            let text = serde_json::to_string(&cell).unwrap();
            other.add_cell(&serde_json::from_str(&text).unwrap());
        }
        for by in [&[][..], &Dimension::ALL, &[Dimension::Group], &[Dimension::Day, Dimension::Key]] {
            prop_assert_eq!(one.report(&Query::default(), by), other.report(&Query::default(), by));
        }
    }
}
