//! Slots as croniter and zoneinfo see them; `fixtures/generate.py` wrote them down.

use openclaw_cron::Schedule;
use openclaw_types::Timestamp;

const SLOTS: &str = include_str!("../fixtures/slots.jsonl");

#[test]
fn slots_are_those_of_another_implementation() {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for line in SLOTS.lines() {
        let (text, zone, after, expected): (String, String, i64, Vec<i64>) =
            serde_json::from_str(line).unwrap();
        let schedule = Schedule::cron(&text, Some(&zone)).unwrap();
        let mut at = Timestamp(after * 1_000);
        let mut found = Vec::new();
        for _ in &expected {
            at = schedule.next_after(at).unwrap();
            found.push(at.0 / 1_000 - after);
        }
        if found != expected {
            wrong.push(format!(
                "{text} {zone} {after}: {found:?}, not {expected:?}"
            ));
        }
        compared += expected.len();
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(compared > 2_000, "{compared}");
}
