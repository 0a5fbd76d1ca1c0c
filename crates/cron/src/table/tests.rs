use openclaw_types::AgentId;
use proptest::prelude::*;

use super::*;
use crate::schedule::Schedule;

const HOUR: i64 = 3_600_000;
const T0: i64 = 1_774_742_400_000;

fn new_job(schedule: Schedule) -> NewJob {
    NewJob {
        name: "look around".to_owned(),
        agent: AgentId::parse("explorer").unwrap(),
        schedule,
        message: "scan".to_owned(),
        session: None,
        delete_after_run: false,
    }
}

fn id() -> JobId {
    JobId::parse("scan").unwrap()
}

fn table(schedule: Schedule) -> Table {
    let mut table = Table::default();
    table.add(id(), new_job(schedule), Timestamp(T0)).unwrap();
    table
}

fn hourly() -> Table {
    table(Schedule::every("1h", Timestamp(T0)).unwrap())
}

/// Hands out at this time, and ends what was handed out.
fn fire(table: &mut Table, now: i64) -> Vec<(i64, u32, bool)> {
    let due = table.due(Timestamp(now), || "run".to_owned());
    let fired = due.firings.iter();
    let fired = fired
        .map(|firing| (firing.slot.0 - T0, firing.missed, firing.is_catch_up))
        .collect();
    for firing in due.firings {
        table
            .finished(&firing.run, Outcome::Ok, Timestamp(now))
            .unwrap();
    }
    fired
}

#[test]
fn a_slot_is_handed_out_once_and_missed_ones_as_one() {
    let mut table = hourly();
    assert_eq!(fire(&mut table, T0 + HOUR - 1), []);
    assert_eq!(fire(&mut table, T0 + HOUR), [(HOUR, 0, false)]);
    assert_eq!(fire(&mut table, T0 + HOUR), []);
    assert_eq!(fire(&mut table, T0 + 5 * HOUR + 3), [(5 * HOUR, 3, true)]);
    assert_eq!(
        fire(&mut table, T0 + 6 * HOUR + 90_000),
        [(6 * HOUR, 0, true)]
    );
    assert_eq!(table.get(&id(), Timestamp(T0)).unwrap().missed, 3);
}

#[test]
fn a_clock_that_goes_back_hands_nothing_out_twice() {
    let mut table = hourly();
    for hour in 1..=3 {
        fire(&mut table, T0 + hour * HOUR);
    }
    assert_eq!(fire(&mut table, T0 + HOUR), []);
    assert_eq!(fire(&mut table, T0 + 3 * HOUR), []);
    assert_eq!(fire(&mut table, T0 + 4 * HOUR), [(4 * HOUR, 0, false)]);
}

#[test]
fn a_clock_that_was_in_the_future_does_not_stop_a_job() {
    let mut table = hourly();
    fire(&mut table, T0 + HOUR);
    let year = 365 * 24 * HOUR;
    assert_eq!(fire(&mut table, T0 + year), [(year, 1_000, true)]);
    assert_eq!(fire(&mut table, T0 + HOUR + 5), []);
    assert_eq!(fire(&mut table, T0 + 2 * HOUR), [(2 * HOUR, 0, false)]);
    assert_eq!(fire(&mut table, T0 + 3 * HOUR), [(3 * HOUR, 0, false)]);
    // What it did in the future stays done.
    assert_eq!(fire(&mut table, T0 + year), []);
    assert_eq!(
        fire(&mut table, T0 + year + HOUR),
        [(year + HOUR, 0, false)]
    );
}

#[test]
fn a_job_made_while_the_clock_was_ahead_begins_now() {
    let table = hourly();
    let past = T0 - 24 * HOUR;
    let next = table.get(&id(), Timestamp(past)).unwrap().next;
    assert_eq!(next, Some(Timestamp(T0)));
}

#[test]
fn a_run_that_goes_on_holds_its_job_and_one_that_never_ends_is_given_up() {
    let mut table = hourly();
    let now = Timestamp(T0 + HOUR);
    let due = table.due(now, || "first".to_owned());
    assert_eq!(due.firings.len(), 1);
    assert_eq!(
        table.due(Timestamp(T0 + 4 * HOUR), || "x".to_owned()),
        Due::default()
    );
    let late = Timestamp(now.0 + RUNNING_MS_MAX);
    assert_eq!(table.wakes_at(now), Some(late));
    let due = table.due(late, || "second".to_owned());
    assert_eq!(due.lost.len(), 1);
    assert_eq!(due.lost[0].outcome, Outcome::Lost);
    assert_eq!((due.firings[0].slot, due.firings[0].missed), (late, 23));
    assert_eq!(table.finished("first", Outcome::Ok, late), None);
}

#[test]
fn a_job_with_one_slot_goes_away_when_it_went_well() {
    let at = Schedule::at("20m", Timestamp(T0)).unwrap();
    for (outcome, is_left) in [(Outcome::Ok, false), (Outcome::failed("no model"), true)] {
        let mut table = Table::default();
        let mut new = new_job(at.clone());
        new.delete_after_run = true;
        table.add(id(), new, Timestamp(T0)).unwrap();
        let now = Timestamp(T0 + 20 * 60_000);
        assert_eq!(table.due(now, || "run".to_owned()).firings.len(), 1);
        table.finished("run", outcome, now).unwrap();
        let view = table.get(&id(), now);
        assert_eq!(view.is_some(), is_left);
        assert_eq!(view.and_then(|view| view.next), None);
    }
    let past = Table::default().add(id(), new_job(at), Timestamp(T0 + 20 * 60_000));
    assert!(matches!(past, Err(Error::Past { .. })));
}

#[test]
fn what_was_disabled_is_not_caught_up() {
    let mut table = hourly();
    let enabled = |is_enabled| Edit {
        is_enabled: Some(is_enabled),
        ..Edit::default()
    };
    table.edit(&id(), enabled(false), Timestamp(T0)).unwrap();
    assert_eq!(fire(&mut table, T0 + 3 * HOUR), []);
    table
        .edit(&id(), enabled(true), Timestamp(T0 + 3 * HOUR + 1))
        .unwrap();
    assert_eq!(fire(&mut table, T0 + 3 * HOUR + 2), []);
    assert_eq!(fire(&mut table, T0 + 4 * HOUR), [(4 * HOUR, 0, false)]);
}

#[test]
fn asking_for_a_run_leaves_the_slots_alone() {
    let mut table = hourly();
    let now = Timestamp(T0 + 5);
    let firing = table.run_now(&id(), "by hand".to_owned(), now).unwrap();
    assert!(firing.is_manual);
    assert!(matches!(
        table.run_now(&id(), "again".to_owned(), now),
        Err(Error::Running { .. })
    ));
    table.finished("by hand", Outcome::Ok, now).unwrap();
    assert_eq!(fire(&mut table, T0 + HOUR), [(HOUR, 0, false)]);
}

fn schedules() -> impl Strategy<Value = Schedule> {
    prop_oneof![
        (1_i64..7_200_000).prop_map(|ms| Schedule::Every {
            ms: ms.max(1_000),
            from: Timestamp(T0)
        }),
        prop::sample::select(vec![
            "*/5 * * * *",
            "30 2 * * *",
            "0 */2 * * *",
            "15,45 1-4 * * *",
            "*/20 * * * * *"
        ])
        .prop_map(|text| Schedule::cron(text, Some("Europe/Berlin")).unwrap()),
        (1_i64..36 * HOUR).prop_map(|ms| Schedule::At {
            at: Timestamp(T0 + ms)
        }),
    ]
}

proptest! {
    #[test]
    fn whatever_the_clock_does_no_slot_is_handed_out_twice(
        schedule in schedules(),
        jumps in prop::collection::vec(-30 * HOUR..40 * HOUR, 1..60),
    ) {
        let mut table = table(schedule.clone());
        let mut now = T0;
        let mut fired = std::collections::BTreeSet::new();
        for jump in jumps {
            now += jump / 4;
            for (slot, ..) in fire(&mut table, now) {
                prop_assert!(slot + T0 <= now);
                prop_assert!(fired.insert(slot), "{slot} twice");
                prop_assert_eq!(schedule.next_after(Timestamp(T0 + slot - 1)), Some(Timestamp(T0 + slot)));
            }
        }
    }

    #[test]
    fn on_a_clock_that_only_goes_on_every_slot_is_handed_out_or_counted(
        schedule in schedules(),
        steps in prop::collection::vec(1_i64..3 * HOUR, 1..40),
    ) {
        let mut table = table(schedule.clone());
        let mut now = T0;
        let mut seen = 0;
        for step in &steps {
            now += step;
            seen += fire(&mut table, now).iter().map(|(_, missed, _)| u64::from(*missed) + 1).sum::<u64>();
        }
        let mut expected = 0;
        let mut at = Timestamp(T0);
        while let Some(next) = schedule.next_after(at).filter(|next| next.0 <= now) {
            (at, expected) = (next, expected + 1);
        }
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn the_next_slot_is_after_and_none_lies_between(schedule in schedules(), after in T0 - 48 * HOUR..T0 + 400 * 24 * HOUR) {
        if let Some(next) = schedule.next_after(Timestamp(after)) {
            prop_assert!(next.0 > after);
            let middle = after + (next.0 - after) / 2;
            prop_assert_eq!(schedule.next_after(Timestamp(middle.min(next.0 - 1))), Some(next));
        }
    }
}
