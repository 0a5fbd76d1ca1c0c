use openclaw_types::Role;

use super::*;

const HOUR_MS: i64 = 3_600_000;
const NOW: Timestamp = Timestamp(1_000 * HOUR_MS);

fn agent(name: &str) -> AgentId {
    AgentId::parse(name).unwrap()
}

fn session(name: &str) -> SessionId {
    SessionId::parse(name).unwrap()
}

fn summary(name: &str, idle_ms: i64, last_seq: u64, committed_seq: Option<u64>) -> SessionSummary {
    SessionSummary {
        agent: agent("alpha"),
        session: session(name),
        entries: last_seq,
        created: Timestamp(0),
        last_activity: Timestamp(NOW.as_millis() - idle_ms),
        last_role: Role::User,
        preview: String::new(),
        owner: None,
        committed_seq,
        last_seq,
        archived: false,
    }
}

const OPTIONS: KeeperOptions = KeeperOptions {
    auto_commit: true,
    archive_after_ms: Some(24 * HOUR_MS as u64),
    excess: Excess::Removed,
    sessions_max: 3,
    archive_bytes_max: 100,
};

fn names(due: &[Due]) -> Vec<String> {
    let name = |due: &Due| match due {
        Due::Commit { session, .. } => format!("commit {session}"),
        Due::Archive { agent, cutoff } => {
            format!("archive {agent} {}h", NOW.since_ms(*cutoff) / HOUR_MS)
        }
        Due::Remove { session, .. } => format!("remove {session}"),
    };
    due.iter().map(name).collect()
}

#[test]
fn a_marker_is_due_for_what_rests_or_grows_and_at_a_stop() {
    let idle = COMMIT_IDLE_MS as i64;
    let sessions = [
        summary("busy", 0, 10, None),
        summary("rests", idle, 10, None),
        summary("marked", idle, 11, Some(10)),
        summary("spoke-again", idle, 12, Some(10)),
        summary("grows", 0, 100 + COMMIT_ENTRIES_MAX, Some(99)),
        summary("future", -HOUR_MS, 5, None),
    ];
    let mut keeper = Keeper::new(OPTIONS);
    let due = |keeper: &Keeper, stopping| names(&keeper.commits(NOW, &sessions, stopping));
    assert_eq!(
        due(&keeper, false),
        ["commit rests", "commit spoke-again", "commit grows"]
    );
    assert_eq!(due(&keeper, true).len(), 5);
    assert!(keeper.is_waiting(&sessions));

    // What the store found nothing to commit in is not asked for again until it grows.
    keeper.settle(agent("alpha"), session("rests"), 10);
    assert_eq!(due(&keeper, false), ["commit spoke-again", "commit grows"]);
    keeper.forget_missing(&sessions[2..]);
    assert_eq!(due(&keeper, false).len(), 3);

    let off = Keeper::new(KeeperOptions {
        auto_commit: false,
        ..OPTIONS
    });
    assert_eq!(due(&off, true), [""; 0]);
    assert!(!off.is_waiting(&sessions));
}

#[test]
fn work_is_bounded() {
    let many: Vec<_> = (0..COMMITS_PLANNED_MAX + 7)
        .map(|at| summary(&format!("s{at}"), HOUR_MS, 1, None))
        .collect();
    let due = Keeper::new(OPTIONS).commits(NOW, &many, false);
    assert_eq!(due.len(), COMMITS_PLANNED_MAX);
}

#[test]
fn what_is_idle_for_long_is_archived_and_the_oldest_of_too_many() {
    let of = |idle: &[i64]| -> Vec<SessionSummary> {
        let all = idle.iter().zip(0..);
        all.map(|(hours, at)| summary(&format!("s{at}"), hours * HOUR_MS, 1, None))
            .collect()
    };
    for (excess, idle, due, reported) in [
        (Excess::Removed, &[1, 2, 3][..], &[][..], 0),
        (Excess::Removed, &[1, 30, 2], &["archive alpha 24h"], 0),
        (Excess::Removed, &[2, 3, 4, 5], &["archive alpha 4h"], 0),
        (Excess::Removed, &[2, 3, 4, 5, 40], &["archive alpha 4h"], 0),
        (Excess::Removed, &[0, 0, 0, 0, 0], &[], 0),
        (Excess::Reported, &[2, 3, 4, 5], &[], 1),
        (Excess::Reported, &[2, 3, 4, 50], &["archive alpha 24h"], 1),
        (Excess::Ignored, &[2, 3, 4, 5], &[], 0),
    ] {
        let keeper = Keeper::new(KeeperOptions { excess, ..OPTIONS });
        let found = keeper.archives(NOW, &of(idle), &[]);
        let counts = [(agent("alpha"), idle.len()), (agent("beta"), 1)].into_iter();
        let exceeded = exceeded(&keeper.options, counts, 0);
        assert_eq!(
            (names(&found).as_slice(), exceeded.len()),
            (
                &due.iter().map(|due| (*due).to_owned()).collect::<Vec<_>>()[..],
                reported
            ),
            "{idle:?} {excess:?}"
        );
    }
    let never = Keeper::new(KeeperOptions {
        archive_after_ms: None,
        ..OPTIONS
    });
    assert_eq!(never.archives(NOW, &of(&[5_000]), &[]), []);
}

#[test]
fn the_oldest_archives_go_until_the_rest_has_room() {
    let archive = |name: &str, age: i64, bytes: u64| KeptArchive {
        agent: agent("alpha"),
        session: session(name),
        last_activity: Timestamp(NOW.as_millis() - age),
        bytes,
        in_use: false,
    };
    let archives = [
        archive("new", 1, 60),
        archive("oldest", 3, 30),
        archive("old", 2, 40),
    ];
    for (excess, bytes_max, due, reported) in [
        (Excess::Removed, 130, &[][..], vec![]),
        (Excess::Removed, 129, &["remove oldest"], vec![]),
        (
            Excess::Removed,
            70,
            &["remove oldest", "remove old"],
            vec![],
        ),
        (
            Excess::Removed,
            0,
            &["remove oldest", "remove old", "remove new"],
            vec![],
        ),
        (
            Excess::Reported,
            100,
            &[],
            vec![Exceeded::ArchiveBytes { bytes: 130 }],
        ),
        (Excess::Ignored, 0, &[], vec![]),
    ] {
        let keeper = Keeper::new(KeeperOptions {
            excess,
            archive_bytes_max: bytes_max,
            ..OPTIONS
        });
        assert_eq!(names(&keeper.archives(NOW, &[], &archives)), due);
        let bytes = archives.iter().map(|archive| archive.bytes).sum();
        let found = exceeded(&keeper.options, std::iter::empty(), bytes);
        assert_eq!(found, reported);
    }
}

#[test]
fn a_session_goes_with_all_of_its_archives_and_not_while_it_is_used() {
    let archive = |name: &str, age: i64, in_use: bool| KeptArchive {
        agent: agent("alpha"),
        session: session(name),
        last_activity: Timestamp(NOW.as_millis() - age),
        bytes: 40,
        in_use,
    };
    let archives = [
        archive("used", 9, true),
        archive("twice", 8, false),
        archive("once", 5, false),
        archive("twice", 2, false),
    ];
    for (bytes_max, due) in [
        (160, &[][..]),
        (159, &["remove once"]),
        (119, &["remove once", "remove twice"]),
        (0, &["remove once", "remove twice"]),
    ] {
        let keeper = Keeper::new(KeeperOptions {
            archive_bytes_max: bytes_max,
            ..OPTIONS
        });
        assert_eq!(names(&keeper.archives(NOW, &[], &archives)), due);
    }
}
