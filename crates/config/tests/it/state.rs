//! The state directory: whose it is, whether it can be used, and who may look into it.

use std::{fs, os::unix::fs::PermissionsExt};

use openclaw_config::{
    permissions::{self, Outcome},
    secure,
};

use crate::fixture::Home;

#[test]
fn upstreams_state_is_recognised_and_left_alone() {
    for file in [
        "identity/device.json",
        "devices/paired.json",
        "state/openclaw.sqlite",
        "agents/main/sessions/sessions.json",
        "agents/main/agent/openclaw-agent.sqlite",
        "agents/main/agent/other.sqlite",
        "agents/main/agent/auth-profiles.json",
    ] {
        let home = Home::new();
        let path = home.write(&format!(".openclaw/{file}"), "x");
        let report = home.report();
        assert!(
            report.starts_with("fatal: state directory: ~/.openclaw belongs to upstream OpenClaw"),
            "{report}"
        );
        assert!(
            report.contains(file) && report.contains("--state-dir"),
            "{report}"
        );
        assert_eq!(fs::read(path).unwrap(), b"x");
        let mut elsewhere = Home::new();
        elsewhere.overrides.state_dir = Some(elsewhere.path("mine"));
        elsewhere.write(&format!(".openclaw/{file}"), "x");
        assert_eq!(elsewhere.loaded().1, []);
    }
}

#[test]
fn upstreams_configuration_alone_is_recognised_by_its_stamp() {
    let stamped = "{ meta: { lastTouchedVersion: '1' }, agents: { list: [] } }";
    let home = Home::with(stamped);
    assert!(home.report().contains("belongs to upstream OpenClaw"));
    // Naming the file says that it is meant.
    let mut named = Home::new();
    named.overrides.config_file = Some(named.write("theirs.json", stamped));
    assert_eq!(named.loaded().1, []);
    // Keys of ours in it say that it is ours.
    let ours = Home::with("{ meta: { lastTouchedVersion: '1' }, model_routing: {} }");
    assert_eq!(ours.loaded().1, []);
    let started = Home::with(stamped);
    started.write(".openclaw/agents/main/session.jsonl", "");
    assert_eq!(started.loaded().1, []);
}

#[test]
fn a_directory_of_both_is_used_with_a_warning() {
    let home = Home::new();
    home.write(".openclaw/token", "x");
    home.write(".openclaw/identity/device.json", "x");
    insta::assert_snapshot!(home.report(), @r"
    warning: state directory: upstream OpenClaw keeps its state here too: ~/.openclaw/identity/device.json
        hint: give one of the two another directory with --state-dir
    ");
}

#[test]
fn a_state_directory_that_cannot_be_used_is_named() {
    let mut home = Home::new();
    home.write("file", "");
    home.overrides.state_dir = Some(home.path("file"));
    insta::assert_snapshot!(home.report(), @r"
    fatal: state directory: ~/file is not a directory
        hint: give this user the directory, or name another with --state-dir
    ");
    home.overrides.state_dir = Some(home.path("file/below"));
    assert!(
        home.report()
            .starts_with("fatal: state directory: ~/file/below can't be looked at")
    );
    home.overrides.state_dir = None;
    home.write(".openclaw/openclaw.json", "{ workspace: '/dev/null/x' }");
    assert!(
        home.report()
            .starts_with("fatal: state directory: /dev/null/x can't be looked at")
    );
}

#[test]
fn without_a_home_a_directory_must_be_named() {
    let mut home = Home::new();
    let environment = openclaw_config::Environment::of([("PATH", "/bin")]);
    let answer = openclaw_config::load(&home.overrides, &environment);
    assert!(answer.is_err());
    home.overrides.state_dir = Some(home.path("state"));
    let loaded = openclaw_config::load(&home.overrides, &environment).unwrap();
    assert_eq!(loaded.config.paths.state, home.path("state"));
}

#[test]
fn a_named_file_that_is_absent_is_refused_and_an_unnamed_one_is_not() {
    let mut home = Home::new();
    assert!(home.load().is_ok());
    home.overrides.config_file = Some(home.path("absent.json"));
    assert!(
        home.report()
            .starts_with("fatal: ~/absent.json: the file can't be read")
    );
}

#[test]
fn the_state_is_closed_to_others_and_everything_changed_is_reported() {
    let home = Home::new();
    let state = home.path("state");
    permissions::create_directory(&state.join("agents/main")).unwrap();
    let mode = |path: &str| fs::metadata(state.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (mode(""), mode("agents"), mode("agents/main")),
        (0o700, 0o700, 0o700)
    );
    assert_eq!(secure(&state).unwrap(), []);
    home.write("state/token", "x");
    home.write("state/agents/main/session.jsonl", "x");
    home.write("state/models/run.sh", "x");
    home.write("outside", "x");
    let set = |path: &str, mode: u32| {
        fs::set_permissions(home.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("state", 0o755);
    set("state/token", 0o644);
    set("state/agents/main/session.jsonl", 0o600);
    set("state/models", 0o777);
    set("state/models/run.sh", 0o755);
    set("outside", 0o644);
    std::os::unix::fs::symlink(home.path("outside"), state.join("agents/link")).unwrap();
    let findings: Vec<(String, Outcome)> = secure(&state)
        .unwrap()
        .into_iter()
        .map(|finding| {
            let path = finding
                .path
                .strip_prefix(&state)
                .unwrap()
                .display()
                .to_string();
            (path, finding.outcome)
        })
        .collect();
    let fixed = |was, now| Outcome::Fixed { was, now };
    assert_eq!(
        findings,
        [
            (String::new(), fixed(0o755, 0o700)),
            ("agents/link".to_owned(), Outcome::Link),
            ("models".to_owned(), fixed(0o777, 0o700)),
            ("models/run.sh".to_owned(), fixed(0o755, 0o700)),
            ("token".to_owned(), fixed(0o644, 0o600)),
        ]
    );
    assert_eq!(
        fs::metadata(home.path("outside"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o644
    );
    let again = secure(&state).unwrap();
    assert_eq!(again.len(), 1, "only the link is left: {again:?}");
    assert!(matches!(
        secure(&home.path("absent")),
        Err(permissions::Error::Read { .. })
    ));
}
