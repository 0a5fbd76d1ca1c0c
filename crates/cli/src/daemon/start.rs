//! A gateway in the background: our own program again, detached, waited for until it is ready.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use openclaw_config::{Config, permissions};
use openclaw_gateway::lock;
use tokio::time::{Instant, sleep};

use super::{executable, log, token};
use crate::{
    args::{DETACHED, Listen},
    error::{self, Failure},
    output::{self, Pace},
    place::Place,
};

/// A gateway on this machine is ready within a fraction of a second; a slow disk gets this long.
const READY_DEADLINE: Duration = Duration::from_secs(30);
/// How often readiness is asked for.
const READY_PAUSE: Duration = Duration::from_millis(5);
/// Nothing is said before; most starts are over by then.
const SAY_AFTER: Duration = Duration::from_secs(1);
/// How often something is said while waiting.
const SAY_EVERY: Duration = Duration::from_secs(2);
/// Lines of the log shown when a start failed.
const LOG_LINES: usize = 12;

/// Starts a gateway in the background and waits until it is ready.
pub(crate) async fn start(
    place: &Place,
    config: &Config,
    listen: &Listen,
) -> Result<lock::Record, Failure> {
    let _token = token(config)?;
    let log_file = config.paths.log_file();
    permissions::create_directory(&config.paths.logs())
        .map_err(|error| Failure::from_error(&error))?;
    let log = log::open(&log_file)?;
    let said_before = log.metadata().map_or(0, |metadata| metadata.len());
    let mut child = spawn(place, listen, log)?;
    let started = Instant::now();
    let mut pace = Pace::new(SAY_EVERY);
    loop {
        // Another start may have been faster; that one is as good.
        if let Some(record) = lock::holder(&config.paths.state)
            && record.address.is_some()
        {
            output::progress_done();
            if record.pid != child.id() {
                give_up(&mut child);
            }
            return Ok(record);
        }
        if let Ok(Some(status)) = child.try_wait() {
            output::progress_done();
            return Err(died(status.code(), &log_file, said_before));
        }
        if started.elapsed() > READY_DEADLINE {
            return Err(not_ready(&log_file));
        }
        if started.elapsed() > SAY_AFTER && pace.is_due() {
            let seconds = started.elapsed().as_secs();
            output::progress(&format!("starting the gateway: {seconds} s"));
        }
        sleep(READY_PAUSE).await;
    }
}

/// Starts ourselves as `gateway run`, which then leaves the terminal, so that it outlives this one.
fn spawn(place: &Place, listen: &Listen, log: File) -> Result<Child, Failure> {
    let errors = log
        .try_clone()
        .map_err(|error| Failure::from_error(&error))?;
    let mut command = Command::new(executable()?);
    command
        .args(place.arguments())
        .args(["gateway", "run", DETACHED]);
    if let Some(port) = listen.port {
        command.args(["--port", &port.to_string()]);
    }
    if let Some(bind) = listen.bind {
        command.args(["--bind", &bind.to_string()]);
    }
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    command
        .spawn()
        .map_err(|error| Failure::new(format!("start the gateway: {error}")))
}

/// Ends a gateway that came too late: left alone it would take the lock the moment the other one is stopped.
fn give_up(child: &mut Child) {
    // It may have ended by itself already.
    drop(child.kill());
    drop(child.wait());
}

fn not_ready(log_file: &Path) -> Failure {
    Failure::new(format!(
        "the gateway was not ready within {} s",
        READY_DEADLINE.as_secs()
    ))
    .hint(format!("look into {}", log_file.display()))
}

/// Why the start failed: its own last words, which are its error and hint where it could still say them.
fn died(code: Option<i32>, log_file: &Path, said_before: u64) -> Failure {
    let lines = log::since(log_file, said_before, LOG_LINES);
    for line in &lines {
        output::note(&format!("  {line}"));
    }
    let how = code.map_or_else(
        || "was killed".to_owned(),
        |code| format!("ended with code {code}"),
    );
    let why = lines
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix("error: "));
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let failure = Failure::new(format!("the gateway did not start, it {how}{why}")).hint(format!(
        "the lines above are the end of {}",
        log_file.display()
    ));
    match code {
        Some(code) if code == i32::from(error::CONFIG) => failure.code(error::CONFIG),
        _ => failure,
    }
}
