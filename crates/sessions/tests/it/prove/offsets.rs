//! A transcript cut off at every byte: what is whole is kept, what is not is put aside, and a second look agrees.

use super::{
    asked, same,
    sample::{Bench, Opened, SAMPLE_BYTES, Sample},
    stage::Lie,
    sweep,
};

/// Cases that share a simulated disk, which keeps every file it ever had.
const CHUNK: u64 = 128;
/// After so many cases every entry is read back; after the others, the last ones.
const ALL_READ_EVERY: u64 = 32;

fn check(sample: &Sample, bench: &Bench, len: u64) -> Result<(), String> {
    let cut = usize::try_from(len).unwrap();
    bench.put(&sample.bytes[..cut]);
    let first = bench.open()?;
    let whole = sample.whole_until(cut);
    let end = whole
        .checked_sub(1)
        .map_or(0, |last| sample.lines[last].at.end);
    // A line that lacks only its newline is whole.
    let terminated = sample
        .lines
        .get(whole)
        .is_some_and(|line| line.at.end == cut + 1);
    let torn = (!terminated && cut > end).then(|| sample.bytes[end..cut].to_vec());
    let kept = whole + usize::from(terminated);
    let wanted = Opened {
        entries: kept as u64,
        quarantined: Vec::new(),
        torn,
        terminated,
    };
    same("the first opening", &first, &wanted)?;
    let end = kept
        .checked_sub(1)
        .map_or(0, |last| sample.lines[last].at.end);
    same_bytes(&bench.bytes(), &sample.bytes[..end])?;
    let near = kept
        .checked_sub(1)
        .filter(|_| !len.is_multiple_of(ALL_READ_EVERY));
    bench.holds(sample, &|at| at < kept, near)?;
    let second = bench.open()?;
    let wanted = Opened {
        torn: None,
        terminated: false,
        ..wanted
    };
    same("the second opening", &second, &wanted)?;
    same_bytes(&bench.bytes(), &sample.bytes[..end])?;
    bench.holds(sample, &|at| at < kept, near)
}

fn same_bytes(found: &[u8], wanted: &[u8]) -> Result<(), String> {
    if found == wanted {
        return Ok(());
    }
    let (found, wanted) = (found.len(), wanted.len());
    Err(format!(
        "the file has other bytes: {found}, wanted {wanted}"
    ))
}

fn complaints(lie: Option<Lie>, every: u64) -> Vec<(u64, String)> {
    let sample = Sample::write();
    let cases = 0..SAMPLE_BYTES as u64 / every;
    sweep(
        cases,
        CHUNK,
        |seed| Bench::new(seed, lie),
        |bench, case| check(&sample, bench, case * every),
    )
}

#[test]
fn every_truncation_offset_recovers_exactly_and_idempotently() {
    let every = asked("OPENCLAW_PROVE_EVERY", 1);
    let complaints = complaints(None, every);
    assert_eq!(complaints.len(), 0, "{:?}", complaints.first());
    println!(
        "offsets: {0} of {0} exact and idempotent",
        SAMPLE_BYTES as u64 / every
    );
}

#[test]
fn a_recovery_that_cuts_too_much_or_nothing_is_caught_at_every_torn_offset() {
    let sample = Sample::write();
    let torn = |len: usize| {
        let at = sample.line_at(len.min(SAMPLE_BYTES - 1));
        let line = &sample.lines[at].at;
        len != line.start && len + 1 != line.end
    };
    let every = 61;
    for lie in [Lie::CutsTooMuch, Lie::CutsNothing] {
        let caught: Vec<_> = complaints(Some(lie), every)
            .into_iter()
            .map(|(case, _)| case)
            .collect();
        let wanted: Vec<_> = (0..SAMPLE_BYTES as u64 / every)
            .filter(|case| torn(usize::try_from(case * every).unwrap()))
            .collect();
        assert!(wanted.len() > 1_000);
        // A first line that was cut off has nothing in front of it that could be cut too.
        let first = sample.lines[0].at.end as u64;
        let wanted: Vec<_> = match lie {
            Lie::CutsTooMuch => wanted
                .into_iter()
                .filter(|case| case * every > first)
                .collect(),
            _ => wanted,
        };
        assert_eq!(caught, wanted, "{lie:?}");
        println!(
            "offsets, {lie:?}: caught at {0} of {0} torn offsets",
            caught.len()
        );
    }
}
