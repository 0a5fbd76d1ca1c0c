//! Starting, stopping and failing to start.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    client,
    daemon::{CONTEXT, Daemon, PATIENCE, command, model_file, user},
};

#[test]
fn a_start_ends_with_the_ready_line_and_a_private_socket() {
    let daemon = Daemon::start_with(&model_file());
    let mut line = daemon.line();
    assert_eq!(line["event"], "loading");
    while line["event"] == "loading" {
        assert!(
            line["progress"]
                .as_f64()
                .is_some_and(|p| (0.0..=1.0).contains(&p)),
            "{line}"
        );
        line = daemon.line();
    }
    let load = line["loadMs"].take();
    assert!(load.as_u64().is_some());
    let socket = daemon.socket.to_str().unwrap();
    let ready = json!({"event": "ready", "socket": socket, "model": "tiny", "contextWindow": CONTEXT, "loadMs": null});
    assert_eq!(line, ready);
    let mode = std::fs::metadata(&daemon.socket)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let health =
        json!({"status": "ok", "model": "tiny", "contextWindow": CONTEXT, "slots": 2, "busy": 0});
    assert_eq!(daemon.get("/health").json(), health);
}

#[test]
fn a_signal_ends_it_in_the_middle_of_an_answer() {
    let mut daemon = Daemon::start();
    let mut stream = client::connect(&daemon.socket);
    let body =
        json!({"messages": user("Tell a very long story."), "stream": true, "max_tokens": 1500});
    client::send(
        &mut stream,
        "POST",
        "/v1/chat/completions",
        body.to_string().as_bytes(),
    );
    daemon.wait_busy(1);
    daemon.terminate();
    let status = daemon.wait(Duration::from_secs(5));
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(!daemon.socket.exists());
    drop(stream);
}

#[test]
fn it_does_not_outlive_its_standard_input() {
    let mut daemon = Daemon::start();
    drop(daemon.stdin.take());
    assert_eq!(daemon.wait(PATIENCE).code(), Some(0));
    assert!(!daemon.socket.exists());
}

#[test]
fn a_signal_while_loading_ends_it_too() {
    let mut daemon = Daemon::start_with(&model_file());
    assert_eq!(daemon.line()["event"], "loading");
    daemon.terminate();
    assert_eq!(daemon.wait(PATIENCE).code(), Some(0));
    assert!(!daemon.socket.exists());
}

/// Runs a daemon that can't start and returns its exit code and last line.
fn failed(model: &Path, socket: &Path) -> (Option<i32>, Value) {
    let out = command(model, socket)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let last = text.lines().last().expect("a line that says why");
    (out.status.code(), serde_json::from_str(last).unwrap())
}

#[test]
fn a_model_that_cannot_be_used_is_named_with_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let whole = std::fs::read(model_file()).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut wrong_version = whole[..4096].to_vec();
    wrong_version[4..8].copy_from_slice(&[0xff; 4]);
    let mut huge_counts = whole[..4096].to_vec();
    huge_counts[8..24].copy_from_slice(&[0x7f; 16]);
    let mut noise = b"GGUF".to_vec();
    noise.extend((0..20_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()));
    let cases = [
        (dir.path().join("missing.gguf"), "model-not-found"),
        (dir.path().to_owned(), "model-not-found"),
        (file("empty.gguf", b""), "model-invalid"),
        (
            file("text.gguf", b"hello, this is no model"),
            "model-invalid",
        ),
        (file("magic.gguf", b"GGUF"), "model-invalid"),
        (file("noise.gguf", &noise), "model-invalid"),
        (file("version.gguf", &wrong_version), "model-invalid"),
        (file("counts.gguf", &huge_counts), "model-invalid"),
        (file("cut-head.gguf", &whole[..100_000]), "model-invalid"),
        (
            file("cut-half.gguf", &whole[..whole.len() / 2]),
            "model-invalid",
        ),
    ];
    for (path, code) in cases {
        let (exit, line) = failed(&path, &dir.path().join("s"));
        assert_eq!(
            (exit, &line["code"]),
            (Some(4), &json!(code)),
            "{path:?}: {line}"
        );
        assert!(
            line["hint"].as_str().is_some_and(|h| !h.is_empty()) && line["message"].is_string(),
            "{line}"
        );
    }
}

#[test]
fn a_socket_that_cannot_be_made_is_exit_code_5() {
    let dir = tempfile::tempdir().unwrap();
    let taken = dir.path().join("file");
    std::fs::write(&taken, "precious").unwrap();
    let long = dir.path().join("x".repeat(200));
    for socket in [taken, dir.path().join("no/such/dir/s"), long] {
        let (exit, line) = failed(&model_file(), &socket);
        assert_eq!(
            (exit, &line["code"]),
            (Some(5), &json!("socket")),
            "{socket:?}: {line}"
        );
    }
}

#[test]
fn the_command_line_is_checked() {
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_openclaw-modeld"))
            .args(args)
            .output()
            .unwrap()
    };
    for args in [
        &[][..],
        &["serve"],
        &["dance"],
        &["serve", "--model", "m", "--socket", "s", "--slots", "0"],
    ] {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
    let version = run(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(version.stdout).unwrap(),
        "openclaw-modeld 0.1.0\n"
    );
    let check = run(&["check"]);
    assert_eq!(check.status.code(), Some(0));
    let abilities: Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!(
        (&abilities["ok"], &abilities["missing"]),
        (&json!(true), &json!([]))
    );
}
