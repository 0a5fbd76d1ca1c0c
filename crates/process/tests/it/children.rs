//! Starting, ending, and failing to start.

use std::{io, io::Write, path::PathBuf, sync::Arc, time::Duration};

use openclaw_process::{Error, Exit, Launcher, Stdio};
use tokio::io::AsyncWriteExt;

use crate::{ended, launcher, line, output, plan, shell, state, within, zombies};

#[tokio::test]
async fn the_environment_is_exactly_the_one_planned() {
    let mut plan = plan("/usr/bin/env", &["-0"]);
    plan.env = vec![
        ("B".to_owned(), "two\nlines".to_owned()),
        ("A".to_owned(), "ünï".to_owned()),
    ];
    let mut child = launcher().spawn(&plan).await.unwrap();
    assert_eq!(output(&mut child).await, "A=ünï\0B=two\nlines\0");
    assert_eq!(within(child.wait()).await, Exit::Code(0));

    plan.env.clear();
    let mut child = launcher().spawn(&plan).await.unwrap();
    assert_eq!(output(&mut child).await, "");
}

#[tokio::test]
async fn arguments_arrive_as_they_are() {
    let mut child = launcher()
        .spawn(&plan(
            "/usr/bin/printf",
            &["<%s>", "", "a b", "*", "$HOME", "é"],
        ))
        .await
        .unwrap();
    assert_eq!(output(&mut child).await, "<><a b><*><$HOME><é>");
}

#[tokio::test]
async fn a_plan_of_the_greatest_length_starts() {
    // Sixty arguments of 1,600 bytes come close to the limit on an encoded plan.
    let long = "x".repeat(1_600);
    let mut args = vec!["-c", "printf %s $#", "sh"];
    args.extend(std::iter::repeat_n(long.as_str(), 60));
    let mut child = launcher().spawn(&plan("/bin/sh", &args)).await.unwrap();
    assert_eq!(output(&mut child).await, "60");
}

#[tokio::test]
async fn pipes_carry_both_ways_and_a_closed_input_ends_the_child() {
    let mut plan = plan("/bin/cat", &[]);
    plan.stdin = Stdio::Pipe;
    let mut child = launcher().spawn(&plan).await.unwrap();
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"hello\n")
        .await
        .unwrap();
    assert_eq!(line(&mut child).await, "hello");
    assert_eq!(child.exit(), None);
    child.stdin = None;
    assert_eq!(within(child.wait()).await, Exit::Code(0));
    assert_eq!(child.exit(), Some(Exit::Code(0)));
}

#[tokio::test]
async fn files_serve_as_input_and_output() {
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(b"from a file").unwrap();
    io::Seek::rewind(&mut input).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let mut plan = plan("/bin/cat", &[]);
    plan.stdin = Stdio::File(Arc::new(input));
    plan.stdout = Stdio::File(Arc::new(std::fs::File::create(&path).unwrap()));
    let mut child = launcher().spawn(&plan).await.unwrap();
    assert!(within(child.wait()).await.is_success());
    assert_eq!(std::fs::read_to_string(path).unwrap(), "from a file");
}

#[tokio::test]
async fn exits_tell_codes_from_signals() {
    for (script, exit) in [
        ("exit 0", Exit::Code(0)),
        ("exit 7", Exit::Code(7)),
        ("kill -TERM $$", Exit::Signal(15)),
    ] {
        let mut child = launcher().spawn(&shell(script)).await.unwrap();
        assert_eq!(within(child.wait()).await, exit, "{script}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_typed_error() {
    let error = launcher()
        .spawn(&plan("/nowhere/program", &[]))
        .await
        .unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(error.to_string(), "execute `/nowhere/program`");
    let Error::Exec { program, source } = error else {
        panic!("{error:?}");
    };
    assert_eq!(program, PathBuf::from("/nowhere/program"));
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_program_that_is_not_executable_is_a_typed_error() {
    let error = launcher()
        .spawn(&plan("/etc/passwd", &[]))
        .await
        .unwrap_err();
    let Error::Exec { source, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(source.kind(), io::ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_a_typed_error() {
    let mut plan = shell("true");
    plan.cwd = PathBuf::from("/nowhere");
    let error = launcher().spawn(&plan).await.unwrap_err();
    assert_eq!(error.to_string(), "enter the directory `/nowhere`");
    assert!(matches!(error, Error::Directory { .. }) && error.is_permanent());
}

#[tokio::test]
async fn an_address_space_too_small_to_run_in_ends_the_child_and_not_us() {
    let mut plan = shell("exit 0");
    plan.limits.address_space_bytes = Some(4_096);
    let exit = match launcher().spawn(&plan).await {
        // The kernel noticed only after it had let go of the helper.
        Ok(mut child) => within(child.wait()).await,
        Err(Error::HelperEnded { exit }) => exit,
        Err(Error::Exec { .. }) => return,
        Err(error) => panic!("{error:?}"),
    };
    assert!(matches!(exit, Exit::Signal(_)), "{exit}");
}

#[tokio::test]
async fn a_helper_that_is_missing_or_not_ours_is_a_typed_error() {
    let missing = Launcher::new(PathBuf::from("/nowhere/openclaw"));
    let error = missing.spawn(&shell("true")).await.unwrap_err();
    assert!(
        matches!(error, Error::Helper { .. }) && error.is_permanent(),
        "{error:?}"
    );

    let stranger = Launcher::new(PathBuf::from("/bin/false"));
    let error = stranger.spawn(&shell("true")).await.unwrap_err();
    let Error::HelperEnded { exit } = error else {
        panic!("{error:?}");
    };
    assert_eq!(exit, Exit::Code(1));
}

#[test]
fn a_binary_that_is_replaced_while_it_runs_still_starts_children() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openclaw");
    std::fs::copy(env!("CARGO_BIN_EXE_openclaw-process-child"), &path).unwrap();
    let mut parent = std::process::Command::new(&path)
        .args(["late-parent", "/bin/true"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Starting returns once the program runs, so its file may go.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "not a program").unwrap();
    drop(parent.stdin.take());
    assert!(parent.wait().unwrap().success());
}

#[tokio::test]
async fn dropping_a_handle_kills_the_child_and_reaps_it() {
    let launcher = launcher();
    let child = launcher
        .spawn(&plan("/bin/sleep", &["1000"]))
        .await
        .unwrap();
    let pid = child.pid();
    assert!(state(pid).is_some());
    drop(child);
    gone(pid).await;
}

#[tokio::test]
async fn dropping_a_start_kills_what_was_started() {
    let launcher = launcher();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep 1000", path.display());
    let plan = shell(&script);
    // The start is abandoned at a different moment each time; whatever came up must go away again.
    for delay in 0..20 {
        let start = launcher.spawn(&plan);
        drop(tokio::time::timeout(Duration::from_micros(delay * 200), start).await);
        if let Ok(pid) = std::fs::read_to_string(&path)
            && let Ok(pid) = pid.trim().parse()
        {
            ended(pid).await;
            std::fs::remove_file(&path).unwrap();
        }
    }
    within(async {
        while !own_children().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn two_hundred_children_leave_no_zombie() {
    let launcher = launcher();
    for round in 0..10 {
        let mut children = Vec::new();
        for _ in 0..20 {
            children.push(launcher.spawn(&shell("exit 3")).await.unwrap());
        }
        for child in &mut children {
            assert_eq!(within(child.wait()).await, Exit::Code(3), "round {round}");
        }
    }
    assert_eq!(zombies(), Vec::<u32>::new());
    assert_eq!(own_children(), Vec::<u32>::new());
}

#[tokio::test]
async fn more_children_than_allowed_are_refused_and_room_comes_back() {
    let launcher = launcher();
    let max = openclaw_process::keeper::CHILDREN_MAX;
    let plan = {
        let mut plan = plan("/bin/sleep", &["1000"]);
        plan.stdout = Stdio::Null;
        plan
    };
    let mut children = Vec::new();
    for _ in 0..max {
        children.push(launcher.spawn(&plan).await.unwrap());
    }
    let error = launcher.spawn(&plan).await.unwrap_err();
    assert!(
        matches!(error, Error::TooMany { children_max } if children_max == max),
        "{error:?}"
    );
    let mut last = children.pop().unwrap();
    assert_eq!(
        within(last.kill_tree(Duration::ZERO)).await,
        Exit::Signal(9)
    );
    within(async {
        loop {
            match launcher.spawn(&plan).await {
                Ok(_) => return,
                Err(Error::TooMany { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error:?}"),
            }
        }
    })
    .await;
}

async fn gone(pid: u32) {
    within(async {
        while state(pid).is_some() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// This process's own children, zombies included: each test runs in a process of its own.
fn own_children() -> Vec<u32> {
    let mut found = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(
            children
                .split_whitespace()
                .map(|pid| pid.parse::<u32>().unwrap()),
        );
    }
    found
}
