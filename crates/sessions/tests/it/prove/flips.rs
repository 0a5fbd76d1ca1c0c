//! A transcript with every single bit flipped: the damaged line is set apart alone, and everything else is kept.

use super::{
    asked, same,
    sample::{Bench, Opened, SAMPLE_BYTES, Sample},
    sweep,
};

/// Cases that share a simulated disk, which keeps every file it ever had.
const CHUNK: u64 = 128;
/// After so many cases every entry is read back; after the others, those around the damage.
const ALL_READ_EVERY: u64 = 64;
/// Every so many bits are flipped: all of them, which takes two processors a minute.
const FLIP_EVERY: u64 = 1;
/// Where the checksum stands in front of the end of a line: its eight digits, `"}`, and the newline.
const CHECKSUM_FROM_END: usize = 11;

fn check(
    sample: &Sample,
    bench: &Bench,
    bit: u64,
    spoil: &dyn Fn(&mut Vec<u8>, usize),
) -> Result<(), String> {
    let byte = usize::try_from(bit / 8).unwrap();
    let mut bytes = sample.bytes.clone();
    bytes[byte] ^= 1 << (bit % 8);
    let at = sample.line_at(byte);
    spoil(&mut bytes, at);
    bench.put(&bytes);
    let first = bench.open()?;
    let line = &sample.lines[at].at;
    let is_newline = byte + 1 == line.end;
    let at_end = is_newline && line.end == sample.bytes.len();
    let kept = |other: usize| is_newline || other != at;
    let wanted = Opened {
        entries: (0..sample.lines.len()).filter(|at| kept(*at)).count() as u64,
        quarantined: first.quarantined.clone(),
        torn: at_end.then(|| vec![bytes[byte]]),
        terminated: at_end,
    };
    same("the first opening", &first, &wanted)?;
    // What is set apart is the damaged line, or what stands where its newline was, and nothing else.
    let damage: u64 = first
        .quarantined
        .iter()
        .map(|bad| bad.end - bad.start)
        .sum();
    let inside = first
        .quarantined
        .iter()
        .all(|bad| line.start as u64 <= bad.start && bad.end <= line.end as u64);
    let line_len = line.len() as u64 - 1;
    let expected = match (at_end, is_newline) {
        (true, _) => 0..=0,
        (false, true) => 1..=1,
        // A bit that makes a newline of a letter leaves two damaged lines around it.
        (false, false) => line_len - 1..=line_len,
    };
    if !inside || !expected.contains(&damage) {
        return Err(format!(
            "set apart {:?}, the damage is in {line:?}",
            first.quarantined
        ));
    }
    let near = (!bit.is_multiple_of(ALL_READ_EVERY)).then_some(at);
    bench.holds(sample, &kept, near)?;
    if !at_end && bench.bytes() != bytes {
        return Err("the file was changed".to_owned());
    }
    let second = bench.open()?;
    let wanted = Opened {
        torn: None,
        terminated: false,
        ..first
    };
    same("the second opening", &second, &wanted)?;
    bench.holds(sample, &kept, near)
}

fn complaints(every: u64, spoil: impl Fn(&mut Vec<u8>, usize) + Sync) -> Vec<(u64, String)> {
    complaints_on(&Sample::write(), every, &spoil)
}

fn complaints_on(
    sample: &Sample,
    every: u64,
    spoil: &(dyn Fn(&mut Vec<u8>, usize) + Sync),
) -> Vec<(u64, String)> {
    let cases = 0..(SAMPLE_BYTES as u64 * 8).div_ceil(every);
    sweep(
        cases,
        CHUNK,
        |seed| Bench::new(seed, None),
        |bench, case| check(sample, bench, case * every, spoil),
    )
}

#[test]
fn every_flipped_bit_costs_its_own_line_and_nothing_else() {
    let every = asked("OPENCLAW_PROVE_EVERY", FLIP_EVERY);
    let complaints = complaints(every, |_, _| {});
    assert_eq!(complaints.len(), 0, "{:?}", complaints.first());
    println!(
        "flips: {0} of {0} exact and idempotent",
        (SAMPLE_BYTES as u64 * 8).div_ceil(every)
    );
}

#[test]
fn lines_without_a_working_checksum_are_caught() {
    let sample = Sample::write();
    let every = 509;
    // The checksum is made to fit whatever the line says now: as if nobody had looked at it.
    let complaints = complaints_on(&sample, every, &|bytes: &mut Vec<u8>, at: usize| {
        let line = sample.lines[at].at.clone();
        let digits = line.end - CHECKSUM_FROM_END;
        let sum = crc32c::crc32c(&bytes[line.start..digits - br#","crc":""#.len()]);
        bytes[digits..digits + 8].copy_from_slice(format!("{sum:08x}").as_bytes());
    });
    let cases = (SAMPLE_BYTES as u64 * 8).div_ceil(every);
    // Flips of the frame itself still show: of a key, of a quote, of the newline, of the checksum.
    assert!(
        complaints.len() as u64 > cases / 3,
        "caught {} of {cases}",
        complaints.len()
    );
    println!(
        "flips without checksums: {} of {cases} caught",
        complaints.len()
    );
}
