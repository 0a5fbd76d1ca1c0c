//! Crashes between what is made durable and what is handed out, torn logs, and files of somebody else.

use std::{fs, path::Path, sync::Arc};

use openclaw_cron::{Book, Edit, Error, JobId, NewJob, Outcome, RunFilter, Schedule};
use openclaw_types::{AgentId, Env as _, Timestamp, env::SimEnv};

const HOUR: i64 = 3_600_000;
const T0: i64 = 1_774_742_400_000;

fn env() -> Arc<SimEnv> {
    Arc::new(SimEnv::new(Timestamp(T0), 1))
}

fn open(dir: &Path, env: &Arc<SimEnv>) -> (Book, openclaw_cron::Opened) {
    Book::open(dir, Arc::clone(env) as Arc<dyn openclaw_types::Env>).unwrap()
}

fn hourly(env: &SimEnv) -> NewJob {
    NewJob {
        name: "pulse".to_owned(),
        agent: AgentId::parse("steward").unwrap(),
        schedule: Schedule::every("1h", env.now()).unwrap(),
        message: "look after everyone".to_owned(),
        session: None,
        delete_after_run: false,
    }
}

#[test]
fn a_slot_whose_run_was_cut_off_is_told_and_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let env = env();
    let (mut book, _) = open(dir.path(), &env);
    let job = book.add(hourly(&env)).unwrap();
    env.advance_ms(HOUR);
    let firing = book.due().unwrap().firings.remove(0);
    // The process dies with the run in its hands.
    drop(book);
    let (mut book, opened) = open(dir.path(), &env);
    assert_eq!(opened.interrupted.len(), 1);
    assert_eq!(opened.interrupted[0].run, firing.run);
    assert_eq!(opened.interrupted[0].outcome, Outcome::Interrupted);
    assert_eq!(book.due().unwrap().firings, []);
    drop(book);
    // And it is told once.
    let (mut book, opened) = open(dir.path(), &env);
    assert_eq!(opened.interrupted, []);
    env.advance_ms(HOUR);
    let next = book.due().unwrap().firings.remove(0);
    assert_eq!((next.slot, next.missed), (Timestamp(T0 + 2 * HOUR), 0));
    book.finished(&next.run, Outcome::Ok).unwrap().unwrap();
    let runs = book.runs(&RunFilter {
        job: Some(job.id),
        ..RunFilter::default()
    });
    let outcomes: Vec<_> = runs.iter().map(|run| run.outcome.clone()).collect();
    assert_eq!(outcomes, [Outcome::Interrupted, Outcome::Ok]);
}

/// The states of the files in which a crash can leave a hand-out: before the new table has its name, and after.
#[test]
fn a_crash_at_any_point_of_a_hand_out_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let env = env();
    let (mut book, _) = open(dir.path(), &env);
    book.add(hourly(&env)).unwrap();
    env.advance_ms(HOUR);
    let jobs = dir.path().join("jobs.json");
    let before = fs::read(&jobs).unwrap();
    let handed_out = book.due().unwrap().firings;
    assert_eq!(handed_out.len(), 1);
    let after = fs::read(&jobs).unwrap();
    drop(book);
    // Renamed already: nothing is due any more, whether the caller saw it or not.
    let (mut book, _) = open(dir.path(), &env);
    assert_eq!(book.due().unwrap().firings, []);
    drop(book);
    // Not yet renamed, with any part of the new table beside the old: it was not handed out, so it is now, once.
    for length in (0..after.len()).step_by(7) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("jobs.json"), &before).unwrap();
        fs::write(dir.path().join("jobs.json.new"), &after[..length]).unwrap();
        let (mut book, opened) = open(dir.path(), &env);
        assert_eq!(opened.interrupted, []);
        assert_eq!(book.due().unwrap().firings.len(), 1);
        assert_eq!(book.due().unwrap().firings, []);
    }
}

#[test]
fn a_torn_log_is_mended_and_what_was_torn_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let env = env();
    let (mut book, _) = open(dir.path(), &env);
    let job = book.add(hourly(&env)).unwrap();
    for _ in 0..3 {
        let firing = book.run_now(&job.id).unwrap();
        book.finished(&firing.run, Outcome::failed("no \"model\"\n"))
            .unwrap()
            .unwrap();
    }
    drop(book);
    let log = fs::read(dir.path().join("runs.jsonl")).unwrap();
    for length in 0..=log.len() {
        fs::write(dir.path().join("runs.jsonl"), &log[..length]).unwrap();
        fs::remove_file(dir.path().join("runs.jsonl.bad")).unwrap_or_default();
        let (book, opened) = open(dir.path(), &env);
        let whole = log[..length].iter().filter(|byte| **byte == b'\n').count();
        let end = log[..length]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        assert_eq!(book.runs(&RunFilter::default()).len(), whole);
        assert_eq!(opened.bad_lines, usize::from(end < length));
        assert_eq!(
            fs::read(dir.path().join("runs.jsonl")).unwrap(),
            &log[..end]
        );
        if end < length {
            let bad = fs::read(dir.path().join("runs.jsonl.bad")).unwrap();
            assert_eq!(bad, [&log[end..length], b"\n"].concat());
        }
    }
}

#[test]
fn files_of_others_are_refused_and_left_alone() {
    for text in [
        "",
        "[]",
        "{\"version\":2,\"jobs\":[]}",
        "{\"version\":1,\"jobs\":[{}]}",
        "{\"jobs\":[]}",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jobs.json");
        fs::write(&path, text).unwrap();
        let opened = Book::open(dir.path(), env());
        assert!(matches!(opened, Err(Error::Foreign { .. })), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    let dir = tempfile::tempdir().unwrap();
    let held = open(dir.path(), &env());
    assert!(matches!(
        Book::open(dir.path(), env()),
        Err(Error::InUse { .. })
    ));
    drop(held);
}

#[test]
fn the_log_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let env = env();
    let (mut book, _) = open(dir.path(), &env);
    let job = book.add(hourly(&env)).unwrap();
    drop(book);
    let firing = |index: usize| {
        format!(
            "{{\"run\":\"run{index}\",\"job\":\"{}\",\"agent\":\"steward\",\"slotMs\":1,\"startedMs\":1,\"endedMs\":1,\
             \"isCatchUp\":false,\"missed\":0,\"isManual\":false,\"outcome\":\"ok\"}}\n",
            job.id
        )
    };
    let log: String = (0..openclaw_cron::limits::RUNS_MAX).map(firing).collect();
    fs::write(dir.path().join("runs.jsonl"), log).unwrap();
    let (mut book, _) = open(dir.path(), &env);
    let run = book.run_now(&job.id).unwrap().run;
    book.finished(&run, Outcome::Ok).unwrap().unwrap();
    let runs = book.runs(&RunFilter::default());
    assert_eq!(runs.len(), openclaw_cron::limits::RUNS_KEPT);
    assert_eq!(runs.last().unwrap().run, run);
    drop(book);
    let (book, opened) = open(dir.path(), &env);
    assert_eq!(
        (book.runs(&RunFilter::default()).len(), opened.bad_lines),
        (2_000, 0)
    );
    let filter = RunFilter {
        count_max: Some(5),
        ..RunFilter::default()
    };
    assert_eq!(book.runs(&filter).len(), 5);
}

#[test]
fn a_configured_job_keeps_its_slots_until_its_schedule_changes() {
    let dir = tempfile::tempdir().unwrap();
    let env = env();
    let (mut book, _) = open(dir.path(), &env);
    let id = JobId::parse("heartbeat:steward").unwrap();
    book.ensure(id.clone(), hourly(&env)).unwrap();
    env.advance_ms(HOUR / 2);
    let same = book.ensure(id.clone(), hourly(&env)).unwrap();
    assert_eq!(same.session.as_str(), "cron:heartbeat:steward");
    assert_eq!(book.wakes_at(), Some(Timestamp(T0 + HOUR)));
    let changed = NewJob {
        schedule: Schedule::every("10m", env.now()).unwrap(),
        ..hourly(&env)
    };
    book.ensure(id.clone(), changed).unwrap();
    assert_eq!(book.wakes_at(), Some(Timestamp(T0 + HOUR / 2 + 600_000)));
    book.edit(
        &id,
        Edit {
            message: Some(" ".to_owned()),
            ..Edit::default()
        },
    )
    .unwrap_err();
    book.remove(&id).unwrap();
    assert_eq!(book.list(), []);
    assert!(matches!(book.remove(&id), Err(Error::Unknown { .. })));
}
