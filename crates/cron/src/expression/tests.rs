use super::*;

fn after(text: &str, wall: DateTime, count: usize) -> Vec<String> {
    let expression = Expression::parse(text).unwrap();
    let mut at = wall;
    (0..count)
        .map(|_| {
            at = expression.next_wall(at).unwrap();
            at.to_string()
        })
        .collect()
}

#[test]
fn the_next_times_are_those_that_are_named() {
    let start = DateTime::constant(2026, 1, 30, 23, 59, 30, 0);
    for (text, times) in [
        ("* * * * *", ["2026-01-31T00:00:00", "2026-01-31T00:01:00"]),
        ("@hourly", ["2026-01-31T00:00:00", "2026-01-31T01:00:00"]),
        ("0 0 L * *", ["2026-01-31T00:00:00", "2026-02-28T00:00:00"]),
        ("0 0 31 * *", ["2026-01-31T00:00:00", "2026-03-31T00:00:00"]),
        (
            "0 12 * * 5#3",
            ["2026-02-20T12:00:00", "2026-03-20T12:00:00"],
        ),
        (
            "0 12 * * FRI#L",
            ["2026-02-27T12:00:00", "2026-03-27T12:00:00"],
        ),
        (
            "0 12 * * 5L",
            ["2026-02-27T12:00:00", "2026-03-27T12:00:00"],
        ),
        (
            "30 6 29 2 *",
            ["2028-02-29T06:30:00", "2032-02-29T06:30:00"],
        ),
        (
            "0 9 1 * MON",
            ["2026-02-01T09:00:00", "2026-02-02T09:00:00"],
        ),
        (
            "0 9 * * Sat-Sun",
            ["2026-01-31T09:00:00", "2026-02-01T09:00:00"],
        ),
        (
            "5/20 8 * * *",
            ["2026-01-31T08:05:00", "2026-01-31T08:25:00"],
        ),
        (
            "*/20 * * * * *",
            ["2026-01-30T23:59:40", "2026-01-31T00:00:00"],
        ),
        (
            "0 0 * feb,MAR 7",
            ["2026-02-01T00:00:00", "2026-02-08T00:00:00"],
        ),
    ] {
        assert_eq!(after(text, start, 2), times, "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_field() {
    for (text, expected) in [
        (
            "",
            "`` has 0 fields; write five (minute hour day month weekday) or six (second first)",
        ),
        (
            "* * * *",
            "`* * * *` has 4 fields; write five (minute hour day month weekday) or six (second first)",
        ),
        (
            "60 * * * *",
            "`60` in the field minute is outside what the field may be",
        ),
        (
            "* 22-4 * * *",
            "`22-4` in the field hour runs backwards; write two ranges with a comma",
        ),
        (
            "*/0 * * * *",
            "`*/0` in the field minute has a step that is no number or larger than the field",
        ),
        (
            "*/61 * * * *",
            "`*/61` in the field minute has a step that is no number or larger than the field",
        ),
        (
            "*/+5 * * * *",
            "`*/+5` in the field minute has a step that is no number or larger than the field",
        ),
        (
            "1,,2 * * * *",
            "`` in the field minute has nothing where a number should be",
        ),
        (
            "* * 15W * *",
            "`15W` in the field day of the month asks for the nearest weekday, which is not supported",
        ),
        (
            "* * * * 1#6",
            "`1#6` in the field day of the week counts from 1 to 5, or has L for the last",
        ),
        (
            "* * * foo *",
            "`foo` in the field month is neither a number nor a name that belongs there",
        ),
        (
            "* * 0 * *",
            "`0` in the field day of the month is outside what the field may be",
        ),
        (
            "0 0 30 2 *",
            "`0 0 30 2 *` never happens: no month has such a day",
        ),
        (
            "@reboot",
            "`@reboot` is not known; there are @yearly, @monthly, @weekly, @daily and @hourly",
        ),
    ] {
        assert_eq!(Expression::parse(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn an_expression_prints_as_what_it_means() {
    for (text, printed) in [
        ("  0   9 * *  1-5 ", "0 9 * * 1-5"),
        ("@Daily", "0 0 * * *"),
    ] {
        let expression = Expression::parse(text).unwrap();
        assert_eq!(expression.to_string(), printed);
        assert_eq!(Expression::parse(printed).unwrap(), expression);
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[0-9*/,#L?a-zA-Z@ -]{0,40}") {
        drop(Expression::parse(&text));
    }
}
