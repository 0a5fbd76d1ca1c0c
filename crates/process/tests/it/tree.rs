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
