//! What a child is denied: resources, privileges, descriptors, and a life after ours.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio as StdStdio},
    time::Duration,
};

use openclaw_process::{Exit, Limits, Stdio};
use tokio::io::AsyncWriteExt;

use crate::{ended, launcher, line, output, plan, shell, state, within};

#[tokio::test]
async fn limits_apply() {
    let mut plan = plan("/bin/cat", &["/proc/self/limits"]);
    plan.limits = Limits {
        address_space_bytes: Some(1 << 30),
        cpu_seconds: Some(5),
        open_files: Some(32),
        processes: Some(1_000),
        file_bytes: Some(4_096),
        core_bytes: 0,
    };
    let mut child = launcher().spawn(&plan).await.unwrap();
    let text = output(&mut child).await;
    let of = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        let words: Vec<&str> = line[name.len()..].split_whitespace().collect();
        (words[0].to_owned(), words[1].to_owned())
    };
    let both = |value: &str| (value.to_owned(), value.to_owned());
    assert_eq!(of("Max address space"), both("1073741824"));
    assert_eq!(of("Max cpu time"), ("5".to_owned(), "6".to_owned()));
    assert_eq!(of("Max open files"), both("32"));
    assert_eq!(of("Max processes"), both("1000"));
    assert_eq!(of("Max file size"), both("4096"));
    assert_eq!(of("Max core file size"), both("0"));
}

#[tokio::test]
async fn a_limit_above_our_own_is_lowered_to_ours() {
    let mut plan = shell("ulimit -Hn");
    plan.limits.open_files = Some(u64::MAX - 1);
    let mut child = launcher().spawn(&plan).await.unwrap();
    let own = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    assert_eq!(output(&mut child).await.trim(), own.unwrap().to_string());
}

#[tokio::test]
async fn a_child_that_writes_too_much_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(
        "/bin/dd",
        &["if=/dev/zero", "of=big", "bs=1024", "count=100"],
    );
    plan.cwd = folder.path().to_owned();
    plan.limits.file_bytes = Some(10 * 1_024);
    let mut child = launcher().spawn(&plan).await.unwrap();
    // SIGXFSZ is 25 on every Linux we run on.
    assert_eq!(within(child.wait()).await, Exit::Signal(25));
    assert_eq!(
        folder.path().join("big").metadata().unwrap().len(),
        10 * 1_024
    );
}

#[tokio::test]
async fn a_child_that_computes_too_long_is_stopped() {
    let mut plan = shell("while :; do :; done");
    plan.limits.cpu_seconds = Some(1);
    let mut child = launcher().spawn(&plan).await.unwrap();
    // SIGXCPU is 24 on every Linux we run on.
    assert_eq!(within(child.wait()).await, Exit::Signal(24));
}

#[tokio::test]
async fn a_child_has_no_way_to_new_privileges_and_leads_its_own_session() {
    let mut child = launcher()
        .spawn(&shell(
            "grep NoNewPrivs /proc/self/status; cut -d' ' -f5,6 /proc/$$/stat; umask; pwd",
        ))
        .await
        .unwrap();
    let pid = child.pid();
    let text = output(&mut child).await;
    assert_eq!(text, format!("NoNewPrivs:\t1\n{pid} {pid}\n0077\n/\n"));
}

#[tokio::test]
async fn a_child_gets_its_three_descriptors_and_no_other() {
    // A descriptor that stays open across exec, as a careless parent of ours could have left one.
    let leaked = std::fs::File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let mut plan = plan("/bin/cat", &[]);
    plan.stdin = Stdio::Pipe;
    let mut child = launcher().spawn(&plan).await.unwrap();
    // Once it echoes, its loader has closed the libraries it looked at.
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"x\n")
        .await
        .unwrap();
    assert_eq!(line(&mut child).await, "x");
    let mut names: Vec<_> = std::fs::read_dir(format!("/proc/{}/fd", child.pid()))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["0", "1", "2"]);
}

#[tokio::test]
async fn a_child_ends_on_a_broken_pipe_and_blocks_no_signal() {
    let mut child = launcher()
        .spawn(&shell(
            "grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2",
        ))
        .await
        .unwrap();
    let text = output(&mut child).await;
    let mut masks = text
        .lines()
        .map(|mask| u64::from_str_radix(mask, 16).unwrap());
    let (blocked, ignored) = (masks.next().unwrap(), masks.next().unwrap());
    // SIGPIPE is signal 13; our own runtime ignores it, a program must not inherit that.
    assert_eq!((blocked, ignored & (1 << 12)), (0, 0));
}

#[tokio::test]
async fn the_death_of_the_parent_kills_the_child() {
    let mut parent = Command::new(env!("CARGO_BIN_EXE_openclaw-process-child"))
        .args(["parent", "/bin/sleep", "1000"])
        .stdout(StdStdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    BufReader::new(parent.stdout.take().unwrap())
        .read_line(&mut text)
        .unwrap();
    let child: u32 = text.trim().parse().unwrap();
    assert!(state(child).is_some());
    parent.kill().unwrap();
    parent.wait().unwrap();
    ended(child).await;
}

#[test]
fn the_end_of_the_thread_that_asked_does_not_kill_the_child() {
    let launcher = launcher();
    let (mut child, runtime) = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let child = runtime
            .block_on(launcher.spawn(&plan("/bin/cat", &[])))
            .unwrap();
        (child, runtime)
    })
    .join()
    .unwrap();
    let exit = runtime.block_on(within(child.wait()));
    // `cat` reads the end of `/dev/null` and leaves by itself; the kernel's signal would show here.
    assert_eq!(exit, Exit::Code(0));
}

#[tokio::test]
async fn a_child_that_ignores_the_request_is_killed_after_the_grace() {
    let mut child = launcher()
        .spawn(&shell(
            "trap '' TERM; echo ready; while :; do sleep 1; done",
        ))
        .await
        .unwrap();
    assert_eq!(line(&mut child).await, "ready");
    let before = tokio::time::Instant::now();
    let exit = within(child.kill_tree(Duration::from_millis(300))).await;
    assert_eq!(exit, Exit::Signal(9));
    assert!(before.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_child_that_obeys_the_request_chooses_its_own_end() {
    let mut child = launcher()
        .spawn(&shell(
            "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done",
        ))
        .await
        .unwrap();
    assert_eq!(line(&mut child).await, "ready");
    assert_eq!(
        within(child.kill_tree(Duration::from_secs(20))).await,
        Exit::Code(5)
    );
}
