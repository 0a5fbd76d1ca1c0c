use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp(1_700_000_000_000);

fn after(ms: i64) -> Timestamp {
    Timestamp(START.as_millis() + ms)
}

fn admit(meter: &mut Meter, limits: &Limits, tokens: u64, now: Timestamp) -> Result<(), Excess> {
    meter.check(limits, tokens, now)?;
    meter.take(limits, tokens, now);
    Ok(())
}

#[test]
fn requests_are_counted_in_windows_of_a_minute_that_begin_with_the_first() {
    let limits = Limits {
        rpm: Some(2),
        ..Limits::default()
    };
    let mut meter = Meter::default();
    assert_eq!(admit(&mut meter, &limits, 5, after(0)), Ok(()));
    assert_eq!(admit(&mut meter, &limits, 5, after(10_000)), Ok(()));
    let excess = Excess {
        kind: LimitKind::Requests,
        limit: 2,
        remaining: 0,
        resets_at: Some(after(60_000)),
        retry_after_ms: 1,
    };
    assert_eq!(admit(&mut meter, &limits, 5, after(59_999)), Err(excess));
    assert_eq!(admit(&mut meter, &limits, 5, after(60_000)), Ok(()));
    let gauge = Gauge {
        limit: 2,
        remaining: 1,
        resets_at: after(120_000),
        holder: "api_key",
    };
    assert_eq!(meter.gauges(&limits, "api_key"), (Some(gauge), None));
}

#[test]
fn tokens_are_reserved_and_corrected_in_their_own_window_only() {
    let limits = Limits {
        tpm: Some(40),
        ..Limits::default()
    };
    let mut meter = Meter::default();
    assert_eq!(admit(&mut meter, &limits, 11, after(0)), Ok(()));
    meter.correct(11, 30, after(0));
    let refused = admit(&mut meter, &limits, 11, after(5)).unwrap_err();
    assert_eq!((refused.kind, refused.remaining), (LimitKind::Tokens, 10));
    assert_eq!(admit(&mut meter, &limits, 11, after(60_000)), Ok(()));
    // What ends now was reserved a minute ago.
    meter.correct(11, 40, after(5));
    assert_eq!(admit(&mut meter, &limits, 29, after(60_001)), Ok(()));
}

#[test]
fn requests_at_the_same_time_end() {
    let limits = Limits {
        parallel: Some(1),
        ..Limits::default()
    };
    let mut meter = Meter::default();
    assert_eq!(admit(&mut meter, &limits, 0, after(0)), Ok(()));
    let refused = admit(&mut meter, &limits, 0, after(0)).unwrap_err();
    assert_eq!(
        (refused.kind, refused.resets_at),
        (LimitKind::Parallel, None)
    );
    meter.end();
    assert_eq!(admit(&mut meter, &limits, 0, after(0)), Ok(()));
}

#[test]
fn after_a_burst_requests_come_at_the_pace_of_the_minute() {
    let limits = Limits {
        rpm: Some(30),
        burst: Some(3),
        ..Limits::default()
    };
    let mut meter = Meter::default();
    for _ in 0..3 {
        assert_eq!(admit(&mut meter, &limits, 0, after(0)), Ok(()));
    }
    let excess = Excess {
        kind: LimitKind::Burst,
        limit: 3,
        remaining: 0,
        resets_at: Some(after(2_000)),
        retry_after_ms: 2_000,
    };
    assert_eq!(admit(&mut meter, &limits, 0, after(0)), Err(excess));
    assert_eq!(admit(&mut meter, &limits, 0, after(2_000)), Ok(()));
    assert!(admit(&mut meter, &limits, 0, after(2_001)).is_err());
}

#[test]
fn tokens_of_a_day_are_whole_again_at_midnight_of_utc() {
    let limits = Limits {
        tokens_per_day: Some(100),
        ..Limits::default()
    };
    let midnight = Timestamp::parse("2024-03-01T00:00:00Z").unwrap();
    let before = Timestamp(midnight.as_millis() - 1);
    let mut meter = Meter::default();
    meter.restore_day(60, before);
    assert_eq!(admit(&mut meter, &limits, 40, before), Ok(()));
    let refused = admit(&mut meter, &limits, 1, before).unwrap_err();
    assert_eq!(
        (refused.kind, refused.resets_at, refused.retry_after_ms),
        (LimitKind::TokensPerDay, Some(midnight), 1)
    );
    assert_eq!(admit(&mut meter, &limits, 100, midnight), Ok(()));
}

#[test]
fn a_request_that_never_happened_is_taken_back() {
    let limits = Limits {
        rpm: Some(1),
        tpm: Some(10),
        parallel: Some(1),
        tokens_per_day: Some(10),
        ..Limits::default()
    };
    let mut meter = Meter::default();
    for _ in 0..3 {
        assert_eq!(admit(&mut meter, &limits, 10, after(0)), Ok(()));
        meter.undo(10, after(0));
    }
}

#[test]
fn a_clock_set_back_locks_nobody_out_for_longer_than_a_window() {
    let limits = Limits {
        rpm: Some(1),
        burst: Some(1),
        ..Limits::default()
    };
    let mut meter = Meter::default();
    assert_eq!(admit(&mut meter, &limits, 0, after(3_600_000)), Ok(()));
    assert!(admit(&mut meter, &limits, 0, after(0)).is_err());
    assert_eq!(admit(&mut meter, &limits, 0, after(60_000)), Ok(()));
}

proptest! {
    #[test]
    fn no_window_ever_admits_more_than_its_limit(
        rpm in 1..20_u64,
        tpm in 1..500_u64,
        parallel in 1..5_u64,
        burst in prop::option::of(1..6_u64),
        steps in prop::collection::vec((0..20_000_i64, 0..200_u64, any::<bool>()), 1..200),
    ) {
        let limits = Limits {
            rpm: Some(rpm),
            tpm: Some(tpm),
            parallel: Some(parallel),
            burst,
            tokens_per_day: Some(3 * tpm),
        };
        let mut meter = Meter::default();
        let (mut now, mut open) = (START, Vec::new());
        // What was admitted, as windows of the model: start of the window, requests, tokens.
        let mut window = (now, 0, 0);
        let mut day = (0, 0);
        for (pause, tokens, ends) in steps {
            now = Timestamp(now.as_millis() + pause);
            if ends && !open.is_empty() {
                meter.end();
                open.pop();
            }
            let of_day = now.as_millis() / DAY_MS;
            if day.0 != of_day {
                day = (of_day, 0);
            }
            if admit(&mut meter, &limits, tokens, now).is_err() {
                continue;
            }
            open.push(tokens);
            if window.1 == 0 || now.as_millis() - window.0.as_millis() >= MINUTE_MS {
                window = (now, 0, 0);
            }
            window.1 += 1;
            window.2 += tokens;
            day.1 += tokens;
            prop_assert!(window.1 <= rpm && window.2 <= 2 * tpm, "{window:?}");
            prop_assert!(meter.tokens.used <= tpm && day.1 <= 3 * tpm);
            prop_assert!(open.len() as u64 <= parallel);
        }
    }
}
