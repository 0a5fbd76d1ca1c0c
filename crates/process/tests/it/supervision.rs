//! Restarting, giving up, and stopping.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use openclaw_process::{
    Exit, State, Supervisor,
    supervisor::{Options, Reason},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{ended, launcher, plan, shell, within};

fn options() -> Options {
    Options {
        restarts_max: 5,
        window: Duration::from_secs(60),
        pause_first: Duration::from_millis(1),
        pause_max: Duration::from_millis(4),
        grace: Duration::from_secs(10),
    }
}

fn running(state: &State) -> Option<u32> {
    match state {
        State::Running { pid } => Some(*pid),
        State::Starting | State::Backoff { .. } | State::Stopped | State::Failed { .. } => None,
    }
}

#[tokio::test]
async fn a_child_that_keeps_dying_is_restarted_five_times_and_then_given_up() {
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&starts);
    let (supervisor, handle) = Supervisor::new(options(), launcher(), shell("exit 9"));
    let supervisor = supervisor.on_start(Box::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    }));
    let last = within(supervisor.run(CancellationToken::new())).await;
    assert!(
        matches!(
            last,
            State::Failed {
                reason: Reason::Ended(Exit::Code(9))
            }
        ),
        "{last:?}"
    );
    assert!(handle.state().borrow().is_final());
    assert_eq!(starts.load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn a_program_that_is_not_there_fails_at_once() {
    let (supervisor, _handle) = Supervisor::new(options(), launcher(), plan("/nowhere", &[]));
    let State::Failed { reason } = within(supervisor.run(CancellationToken::new())).await else {
        panic!("it can't run");
    };
    assert!(
        reason.to_string().starts_with("execute `/nowhere`: "),
        "{reason}"
    );
}

#[tokio::test]
async fn a_killed_child_comes_back_and_a_stop_ends_it() {
    let stop = CancellationToken::new();
    let (supervisor, handle) =
        Supervisor::new(options(), launcher(), plan("/bin/sleep", &["1000"]));
    let mut state = handle.state();
    let mut tasks = JoinSet::new();
    tasks.spawn(supervisor.run(stop.clone()));

    let first = running(
        &within(state.wait_for(|s| running(s).is_some()))
            .await
            .unwrap(),
    )
    .unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::SEGV).unwrap();
    let is_next = |s: &State| running(s).is_some_and(|pid| pid != first);
    let second = running(&within(state.wait_for(is_next)).await.unwrap()).unwrap();

    handle.restart();
    let is_next = |s: &State| running(s).is_some_and(|pid| pid != second);
    let third = running(&within(state.wait_for(is_next)).await.unwrap()).unwrap();
    ended(second).await;

    stop.cancel();
    let last = within(tasks.join_next()).await.unwrap().unwrap();
    assert!(matches!(last, State::Stopped), "{last:?}");
    ended(third).await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_pause() {
    let stop = CancellationToken::new();
    let slow = Options {
        pause_first: Duration::from_secs(3_600),
        pause_max: Duration::from_secs(3_600),
        ..options()
    };
    let (supervisor, handle) = Supervisor::new(slow, launcher(), shell("exit 1"));
    let mut state = handle.state();
    let mut tasks = JoinSet::new();
    tasks.spawn(supervisor.run(stop.clone()));
    within(state.wait_for(|s| matches!(s, State::Backoff { .. })))
        .await
        .unwrap();
    stop.cancel();
    assert!(matches!(
        within(tasks.join_next()).await.unwrap().unwrap(),
        State::Stopped
    ));
}

#[tokio::test]
async fn a_supervisor_that_is_dropped_takes_its_child_along() {
    let (supervisor, handle) =
        Supervisor::new(options(), launcher(), plan("/bin/sleep", &["1000"]));
    let mut state = handle.state();
    let mut tasks = JoinSet::new();
    tasks.spawn(supervisor.run(CancellationToken::new()));
    let pid = running(
        &within(state.wait_for(|s| running(s).is_some()))
            .await
            .unwrap(),
    )
    .unwrap();
    drop(tasks);
    ended(pid).await;
}
