//! Every way out of a workspace that was ever published, and every way to the record, tried on both ways of opening.

use std::{
    os::unix::fs::symlink,
    sync::atomic::{AtomicBool, Ordering},
};

use openclaw_tools::{
    Grants, Root,
    root::{Openat2, Opener, Walk},
};
use serde_json::json;

use crate::{Bench, OUTSIDE, RECORD};

const OPENERS: [&dyn Opener; 2] = [&Openat2, &Walk];
const RECORDS: [&str; 12] = [
    "session.jsonl",
    "SESSION.JSONL",
    "./x/../session.jsonl",
    "\u{17f}ession.jsonl",
    "sessions/a.jsonl",
    "Sessions/new.jsonl",
    "archive/b.jsonl",
    "archive-new/x",
    "config.json",
    "config.json.bak",
    "ledger.jsonl",
    "approvals.json",
];

fn roots(bench: &Bench) -> [Root; 2] {
    OPENERS.map(|opener| Root::open_with(&bench.caller.workspace, Grants::none(), opener).unwrap())
}

#[tokio::test]
async fn the_record_is_written_by_no_tool_in_any_spelling() {
    let bench = Bench::granting(Grants::of(["session.jsonl", "config.json", "sessions"]));
    let absolute = bench
        .caller
        .workspace
        .join("session.jsonl")
        .display()
        .to_string();
    for path in RECORDS.into_iter().chain([&*absolute]) {
        for (tool, arguments) in [
            ("write", json!({"path": path, "content": "x"})),
            (
                "apply_patch",
                json!({"patch": format!("*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch")}),
            ),
            (
                "apply_patch",
                json!({"patch": format!("*** Begin Patch\n*** Delete File: {path}\n*** End Patch")}),
            ),
        ] {
            let (code, text) = bench.refused(tool, arguments).await;
            assert_eq!(code, "denied", "{tool} {path}: {text}");
        }
    }
    for path in ["session.jsonl", "sessions/a.jsonl", "config.json"] {
        let edits = json!([{"old": "record", "new": "forgery"}]);
        let (code, _) = bench
            .refused("edit", json!({"path": path, "edits": edits}))
            .await;
        assert_eq!(code, "denied", "{path}");
    }
    bench.put("mine.txt", "mine\n");
    let (code, _) = bench
        .refused("apply_patch", json!({"patch": "*** Begin Patch\n*** Update File: mine.txt\n*** Move to: session.jsonl\n@@\n-mine\n+x\n*** End Patch"}))
        .await;
    assert_eq!(code, "denied");
    assert_eq!(bench.text("mine.txt"), "mine\n");
    bench.assert_untouched();
}

#[tokio::test]
async fn identity_is_read_only_until_it_is_granted_and_then_every_change_is_told() {
    let bench = Bench::new();
    for path in [
        "SOUL.md",
        "soul.md",
        "IDENTITY.md",
        "AGENTS.md",
        "USER.md",
        "TOOLS.md",
        "BOOTSTRAP.md",
        "skills/a/SKILL.md",
    ] {
        let (code, _) = bench
            .refused("write", json!({"path": path, "content": "x"}))
            .await;
        assert_eq!(code, "denied", "{path}");
    }
    bench.assert_untouched();
    let bench = Bench::granting(Grants::of(["SOUL.md"]));
    let outcome = bench
        .call("write", json!({"path": "SOUL.md", "content": "x"}))
        .await;
    assert_eq!(
        outcome.details,
        json!({"changed": [{"path": "SOUL.md", "new": false, "identity": true}]})
    );
    let (code, _) = bench
        .refused("write", json!({"path": "USER.md", "content": "x"}))
        .await;
    assert_eq!(code, "denied");
}

#[tokio::test]
async fn no_path_leads_out() {
    let bench = Bench::new();
    let neighbour = format!("{}/../outside.txt", bench.caller.workspace.display());
    let absolute = bench.outer.path().join("outside.txt").display().to_string();
    for path in [
        "../outside.txt",
        "a/../../outside.txt",
        "/etc/passwd",
        "~/x",
        &neighbour,
        &absolute,
    ] {
        for (tool, arguments) in [
            ("read", json!({"path": path})),
            ("write", json!({"path": path, "content": "x"})),
            ("list", json!({"path": path})),
            ("grep", json!({"path": path, "pattern": "x"})),
            (
                "edit",
                json!({"path": path, "edits": [{"old": "o", "new": "x"}]}),
            ),
            (
                "apply_patch",
                json!({"patch": format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-outside\n+x\n")}),
            ),
            ("memory_get", json!({"path": path})),
            (
                "memory_forget",
                json!({"path": path, "line": 1, "text": "outside"}),
            ),
        ] {
            let (code, text) = bench.refused(tool, arguments).await;
            // A patch takes the `a/` of an absolute path as a directory, which isn't there.
            assert!(
                matches!(code, "denied" | "not_found"),
                "{tool} {path}: {code} {text}"
            );
        }
    }
    bench.assert_untouched();
}

#[test]
fn links_are_not_followed_by_either_way_of_opening() {
    let bench = Bench::new();
    let workspace = &bench.caller.workspace;
    symlink("../outside.txt", workspace.join("out")).unwrap();
    symlink("/etc", workspace.join("etc")).unwrap();
    symlink("session.jsonl", workspace.join("innocent.txt")).unwrap();
    symlink("sessions", workspace.join("work")).unwrap();
    symlink("/proc/self/root", workspace.join("magic")).unwrap();
    for root in roots(&bench) {
        for path in [
            "out",
            "etc/passwd",
            "innocent.txt",
            "work/a.jsonl",
            "magic/etc/passwd",
        ] {
            let path = root.relative(path).unwrap();
            for result in [
                root.read(&path).map(|_| ()),
                root.write(&path, b"x").map(|_| ()),
                root.append(&path, b"x").map(|_| ()),
                root.remove(&path),
            ] {
                assert_eq!(result.unwrap_err().code(), "denied", "{path} {root:?}");
            }
        }
    }
    bench.assert_untouched();
}

#[test]
fn a_second_name_of_a_file_is_not_written_through() {
    let bench = Bench::new();
    let workspace = &bench.caller.workspace;
    std::fs::hard_link(
        bench.outer.path().join("outside.txt"),
        workspace.join("out"),
    )
    .unwrap();
    std::fs::hard_link(
        workspace.join("session.jsonl"),
        workspace.join("innocent.txt"),
    )
    .unwrap();
    for root in roots(&bench) {
        for name in ["out", "innocent.txt"] {
            let path = root.relative(name).unwrap();
            assert_eq!(root.write(&path, b"x").unwrap_err().code(), "denied");
            assert_eq!(root.append(&path, b"x").unwrap_err().code(), "denied");
        }
    }
    bench.assert_untouched();
}

#[test]
fn pipes_sockets_and_directories_are_not_read_and_nobody_waits_for_them() {
    let bench = Bench::new();
    let workspace = &bench.caller.workspace;
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        workspace.join("pipe"),
        rustix::fs::Mode::RWXU,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(workspace.join("socket")).unwrap();
    std::fs::create_dir(workspace.join("dir")).unwrap();
    for root in roots(&bench) {
        for name in ["pipe", "socket", "dir"] {
            let path = root.relative(name).unwrap();
            assert_eq!(root.read(&path).unwrap_err().code(), "denied", "{name}");
            assert_eq!(
                root.write(&path, b"x").unwrap_err().code(),
                "denied",
                "{name}"
            );
            assert_eq!(
                root.append(&path, b"x").unwrap_err().code(),
                "denied",
                "{name}"
            );
        }
    }
}

#[test]
fn a_thread_that_exchanges_a_directory_for_a_link_wins_nothing() {
    let bench = Bench::new();
    let workspace = bench.caller.workspace.clone();
    std::fs::create_dir(workspace.join("dir")).unwrap();
    std::fs::write(workspace.join("dir/outside.txt"), "inside\n").unwrap();
    symlink(bench.outer.path(), workspace.join("link")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            let (dir, link) = (workspace.join("dir"), workspace.join("link"));
            while !stop.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(rustix::fs::CWD, &dir, rustix::fs::CWD, &link, flags)
                    .unwrap();
            }
        });
        let mut reached = [0, 0];
        for round in 0..4_000 {
            for root in roots(&bench) {
                let path = root.relative("dir/outside.txt").unwrap();
                if let Ok(bytes) = root.read(&path) {
                    assert_ne!(bytes, OUTSIDE.as_bytes());
                    reached[0] += 1;
                } else {
                    reached[1] += 1;
                }
                if round % 16 == 0 {
                    root.write(&path, b"inside\n").ok();
                    root.write(&root.relative("dir/new.txt").unwrap(), b"x")
                        .ok();
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(
            reached[0] > 0 && reached[1] > 0,
            "no race took place: {reached:?}"
        );
    });
    bench.assert_untouched();
}

#[test]
fn a_thread_that_exchanges_a_file_for_the_record_wins_nothing() {
    let bench = Bench::new();
    let workspace = bench.caller.workspace.clone();
    std::fs::write(workspace.join("a.txt"), "mine\n").unwrap();
    symlink("session.jsonl", workspace.join("b.txt")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            let (one, other) = (workspace.join("a.txt"), workspace.join("b.txt"));
            while !stop.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(rustix::fs::CWD, &one, rustix::fs::CWD, &other, flags)
                    .ok();
            }
        });
        for _ in 0..300 {
            for root in roots(&bench) {
                let path = root.relative("a.txt").unwrap();
                root.append(&path, b"x").ok();
                root.write(&path, b"forgery\n").ok();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(bench.text("session.jsonl"), RECORD);
    bench.assert_untouched();
}

#[test]
fn a_workspace_around_the_gateways_state_is_refused_by_whatever_path() {
    let bench = Bench::new();
    let state = bench.outer.path();
    let alias = bench.caller.workspace.join("alias");
    symlink(state, &alias).unwrap();
    for workspace in [state, state.parent().unwrap(), &alias] {
        let root = Root::open(workspace, Grants::none()).unwrap();
        assert_eq!(root.keep_out(state).unwrap_err().code(), "denied");
    }
    let root = Root::open(&bench.caller.workspace, Grants::none()).unwrap();
    root.keep_out(state).unwrap();
}
