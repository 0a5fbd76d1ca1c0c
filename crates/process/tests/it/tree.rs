//! Nothing a child has started outlives it.

use std::time::Duration;

use openclaw_process::Exit;

use crate::{ended, launcher, line, shell, within};

async fn pids(child: &mut openclaw_process::Child, count: usize) -> Vec<u32> {
    let mut pids = Vec::new();
    for _ in 0..count {
        pids.push(line(child).await.parse().unwrap());
    }
    pids
}

#[tokio::test]
async fn a_shell_that_forks_sleepers_takes_them_along_when_killed() {
    let script =
        "for i in 1 2 3; do (sleep 1000 & echo $!; wait) & done; sleep 1000 & echo $!; wait";
    for grace_ms in [0, 5_000] {
        let mut child = launcher().spawn(&shell(script)).await.unwrap();
        let sleepers = pids(&mut child, 4).await;
        within(child.kill_tree(Duration::from_millis(grace_ms))).await;
        for sleeper in sleepers {
            ended(sleeper).await;
        }
    }
}

#[tokio::test]
async fn sleepers_are_killed_when_the_shell_leaves_by_itself() {
    let mut child = launcher()
        .spawn(&shell("sleep 1000 & echo $!; exit 4"))
        .await
        .unwrap();
    let sleepers = pids(&mut child, 1).await;
    assert_eq!(within(child.wait()).await, Exit::Code(4));
    ended(sleepers[0]).await;
}

#[tokio::test]
async fn job_control_does_not_hide_a_sleeper() {
    // Under `set -m` every background job gets a process group of its own.
    let mut child = launcher()
        .spawn(&shell("set -m; sleep 1000 & echo $!; exit 0"))
        .await
        .unwrap();
    let sleepers = pids(&mut child, 1).await;
    assert_eq!(within(child.wait()).await, Exit::Code(0));
    ended(sleepers[0]).await;
}

#[tokio::test]
async fn a_sleeper_with_its_own_session_is_found_when_the_tree_is_killed() {
    let script = "setsid sh -c 'echo $$; exec sleep 1000' & wait";
    for grace_ms in [0, 5_000] {
        let mut child = launcher().spawn(&shell(script)).await.unwrap();
        let sleepers = pids(&mut child, 1).await;
        within(child.kill_tree(Duration::from_millis(grace_ms))).await;
        ended(sleepers[0]).await;
    }
}

#[tokio::test]
async fn a_tree_that_keeps_moving_is_caught() {
    // Eight chains in which every process starts the next one and leaves.
    let script = "trap '' TERM; f() { sleep 0.001; (f) & exit; }; \
                  for i in 1 2 3 4 5 6 7 8; do (f) & done; echo 0; sleep 1000";
    let plan = shell(script);
    let mut child = launcher().spawn(&plan).await.unwrap();
    assert_eq!(line(&mut child).await, "0");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let pid = child.pid();
    within(child.kill_tree(Duration::ZERO)).await;
    within(async {
        while session_has_members(pid) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

fn session_has_members(session: u32) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let mut fields = stat
            .rsplit_once(") ")
            .map_or("", |(_, rest)| rest)
            .split(' ');
        fields.next() != Some("Z") && fields.nth(2) == Some(&session.to_string())
    })
}

/// A control group of the unified hierarchy that is marked as delegated; removed when dropped.
struct Delegated(std::path::PathBuf);

impl Delegated {
    fn make() -> std::io::Result<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "));
        let mount = mount.ok_or(std::io::ErrorKind::NotFound)?;
        let point = mount.split(' ').nth(4).unwrap();
        let made = Self(std::path::Path::new(point).join(format!("test-{}", std::process::id())));
        std::fs::create_dir(&made.0)?;
        rustix::fs::setxattr(
            &made.0,
            "user.delegate",
            b"1",
            rustix::fs::XattrFlags::empty(),
        )?;
        // Only with this file are groups ended as a whole.
        made.0.join("cgroup.kill").metadata()?;
        Ok(made)
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        std::fs::remove_dir(&self.0).ok();
    }
}

#[tokio::test]
async fn a_delegated_control_group_holds_even_those_who_run_away() {
    let delegated = match Delegated::make() {
        Ok(delegated) => delegated,
        Err(error) => {
            // Only root may do this, and not inside every container; then the kernel has to have said so.
            assert_ne!(error.kind(), std::io::ErrorKind::AlreadyExists, "{error}");
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    // The sleeper has a session of its own, and nobody in between is left when the child ends.
    let script = format!(
        "(setsid sh -c 'echo $$ > {0}; exec sleep 1000' &) ; until [ -s {0} ]; do sleep 0.01; done",
        file.display()
    );
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", "echo $$ > \"$0/cgroup.procs\"; exec \"$@\""])
        .arg(&delegated.0)
        .args([
            env!("CARGO_BIN_EXE_openclaw-process-child"),
            "parent",
            "/bin/sh",
            "-c",
            &script,
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    ended(
        std::fs::read_to_string(file)
            .unwrap()
            .trim()
            .parse()
            .unwrap(),
    )
    .await;
    let left: Vec<_> = std::fs::read_dir(&delegated.0)
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
