//! `openclaw gateway stop`: ask, signal where asking does not work, and wait until the lock is free.

use std::time::Duration;

use openclaw_gateway::{STOP_DEADLINE, lock};
use openclaw_wire::methods::gateway::{GatewayStop, GatewayStopParams};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    error::Failure,
    link::{Link, block_on, not_running},
    output::{self, Output, Pace},
    place::{Home, Place},
};

/// How often the lock is looked at while the gateway stops.
const STOP_PAUSE: Duration = Duration::from_millis(10);
/// A gateway that takes no request within this time gets a signal.
const ASK_DEADLINE: Duration = Duration::from_secs(5);
/// Nothing is said before; most stops are over by then.
const SAY_AFTER: Duration = Duration::from_secs(1);
/// How often something is said while it stops.
const SAY_EVERY: Duration = Duration::from_secs(2);

/// Stops the gateway of this state directory.
pub(super) fn run(place: &Place, output: Output) -> Result<(), Failure> {
    let pid = stop(&place.home()?)?;
    output.either(&json!({"stopped": true, "pid": pid}), || {
        format!("gateway stopped (pid {pid})")
    })
}

/// The same, returning the pid that ended.
pub(super) fn stop(home: &Home) -> Result<u32, Failure> {
    let record = lock::holder(&home.paths.state).ok_or_else(|| not_running(&home.paths))?;
    block_on(async {
        if let Err(failure) = ask(home).await {
            output::note(&format!(
                "the gateway takes no requests ({failure}); sending SIGTERM to pid {}",
                record.pid
            ));
            terminate(home, &record)?;
        }
        wait_until_free(home, &record).await
    })?;
    Ok(record.pid)
}

async fn ask(home: &Home) -> Result<(), Failure> {
    let params = GatewayStopParams {
        reason: Some("openclaw gateway stop".to_owned()),
    };
    let link = Link::open(home).await?;
    let _result = link
        .call_within::<GatewayStop>(&params, ASK_DEADLINE)
        .await?;
    Ok(())
}

/// Whether the very start that was to stop still holds the lock.
fn holds(home: &Home, record: &lock::Record) -> bool {
    lock::holder(&home.paths.state).is_some_and(|holder| holder.instance == record.instance)
}

/// Signals the holder of the lock; a pid that no longer holds it is left alone.
fn terminate(home: &Home, record: &lock::Record) -> Result<(), Failure> {
    if !holds(home, record) {
        return Ok(());
    }
    let pid = i32::try_from(record.pid).ok().and_then(Pid::from_raw);
    let pid = pid
        .ok_or_else(|| Failure::new(format!("the lock names the impossible pid {}", record.pid)))?;
    kill_process(pid, Signal::TERM)
        .map_err(|errno| Failure::new(format!("signal pid {}: {errno}", record.pid)))
}

async fn wait_until_free(home: &Home, record: &lock::Record) -> Result<(), Failure> {
    let started = Instant::now();
    let mut pace = Pace::new(SAY_EVERY);
    while holds(home, record) {
        let waited = started.elapsed();
        if waited > STOP_DEADLINE {
            return Err(Failure::new(format!(
                "the gateway (pid {}) did not stop within {} s",
                record.pid,
                STOP_DEADLINE.as_secs()
            ))
            .hint(format!(
                "look into {}; `kill -9 {}` ends it at once, and acknowledged entries are safe",
                home.paths.log_file().display(),
                record.pid
            )));
        }
        if waited > SAY_AFTER && pace.is_due() {
            let seconds = waited.as_secs();
            output::progress(&format!("stopping, runs may end first: {seconds} s"));
        }
        sleep(STOP_PAUSE).await;
    }
    output::progress_done();
    Ok(())
}
