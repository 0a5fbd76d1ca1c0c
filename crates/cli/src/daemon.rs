//! The gateway as this program runs it: in the foreground, or detached in the background.

use std::{
    fs::OpenOptions,
    os::unix::{fs::OpenOptionsExt as _, process::CommandExt as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use openclaw_config::{Config, Secret};
use openclaw_gateway::{Gateway, Start, lock, logging};
use openclaw_types::SystemEnv;
use tokio::time::{Instant, sleep};

use crate::{
    args::Listen,
    error::{self, Failure},
    output,
    place::Place,
};

/// A gateway on this machine is ready within a fraction of a second; a slow disk gets this long.
const READY_DEADLINE: Duration = Duration::from_secs(30);
/// How often readiness is asked for.
const READY_PAUSE: Duration = Duration::from_millis(10);
/// How often something is said while waiting.
const SAY_EVERY: Duration = Duration::from_secs(2);
/// Lines of the log shown when a start failed.
const LOG_LINES: usize = 8;

/// Runs the gateway until it is told to stop.
pub(crate) fn run(place: &Place, listen: &Listen) -> Result<(), Failure> {
    let (config, problems) = place.load(Some(listen))?;
    logging::init(&config.log_level, &logging::Target::Stderr)
        .map_err(|error| Failure::from_error(&error))?;
    for problem in &problems {
        output::note(&problem.to_string());
    }
    let token = token(&config)?;
    let start = Start {
        config,
        token,
        environment: place.environment().clone(),
        helper: executable()?,
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(&error))?
        .block_on(async {
            let gateway = Gateway::start(start)
                .await
                .map_err(|error| start_failure(&error))?;
            output::note(&format!("listening on {}", gateway.address()));
            gateway
                .run_until_stopped()
                .await
                .map_err(|error| Failure::from_error(&error))
        })
}

/// The access token: the configured one, or the file's, made when it is missing.
pub(crate) fn token(config: &Config) -> Result<Secret, Failure> {
    if let Some(token) = &config.gateway.token {
        return Ok(token.clone());
    }
    openclaw_config::permissions::create_directory(&config.paths.state)
        .map_err(|error| Failure::from_error(&error))?;
    openclaw_config::token::ensure(&config.paths.token(), &SystemEnv)
        .map_err(|error| Failure::from_error(&error))
}

fn start_failure(error: &openclaw_gateway::Error) -> Failure {
    let failure = Failure::from_error(error);
    match error {
        openclaw_gateway::Error::Listen { address, .. } => failure.hint(format!(
            "another program may use the port; see it with `ss -ltnp 'sport = :{}'`, or choose one with --port",
            address.port()
        )),
        openclaw_gateway::Error::Lock { .. } => {
            failure.hint("`openclaw gateway status` shows it, `openclaw gateway stop` stops it")
        }
        _ => failure,
    }
}

pub(crate) fn executable() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::from_error(&error))
}

/// Starts a gateway in the background and waits until it is ready.
pub(crate) async fn start(
    place: &Place,
    config: &Config,
    listen: &Listen,
) -> Result<lock::Record, Failure> {
    let _token = token(config)?;
    let log_file = config.paths.log_file();
    openclaw_config::permissions::create_directory(&config.paths.logs())
        .map_err(|error| Failure::from_error(&error))?;
    let mut child = detach(place, listen, &log_file)?;
    let started = Instant::now();
    let mut said = started;
    loop {
        if let Some(record) = lock::holder(&config.paths.state)
            && record.address.is_some()
        {
            output::progress_done();
            return Ok(record);
        }
        if let Ok(Some(status)) = child.try_wait() {
            output::progress_done();
            return Err(died(status.code(), &log_file));
        }
        if started.elapsed() > READY_DEADLINE {
            return Err(Failure::new(format!(
                "the gateway was not ready within {} s",
                READY_DEADLINE.as_secs()
            ))
            .hint(format!("look into {}", log_file.display())));
        }
        if said.elapsed() > SAY_EVERY {
            said = Instant::now();
            output::progress(&format!(
                "starting the gateway … {} s",
                started.elapsed().as_secs()
            ));
        }
        sleep(READY_PAUSE).await;
    }
}

/// Starts ourselves as `gateway run`, in a session of its own so that it outlives this terminal.
fn detach(place: &Place, listen: &Listen, log_file: &std::path::Path) -> Result<Child, Failure> {
    let open = |error: std::io::Error| {
        Failure::new(format!("open the log {}: {error}", log_file.display()))
    };
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(log_file)
        .map_err(open)?;
    let errors = log.try_clone().map_err(open)?;
    let mut command = Command::new(executable()?);
    command.args(place.arguments()).args(["gateway", "run"]);
    if let Some(port) = listen.port {
        command.args(["--port", &port.to_string()]);
    }
    if let Some(bind) = listen.bind {
        command.args(["--bind", &bind.to_string()]);
    }
    command
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .process_group(0);
    command
        .spawn()
        .map_err(|error| Failure::new(format!("start the gateway: {error}")))
}

fn died(code: Option<i32>, log_file: &std::path::Path) -> Failure {
    let tail = tail(log_file, LOG_LINES);
    for line in &tail {
        output::note(&format!("  {line}"));
    }
    let how = code.map_or_else(
        || "was killed".to_owned(),
        |code| format!("ended with code {code}"),
    );
    let mut failure = Failure::new(format!("the gateway did not start: it {how}")).hint(format!(
        "the lines above are the end of {}",
        log_file.display()
    ));
    if code == Some(i32::from(error::CONFIG)) {
        failure.code = error::CONFIG;
    }
    failure
}

/// The last lines of a file; nothing where there is none.
pub(crate) fn tail(path: &std::path::Path, lines: usize) -> Vec<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    /// As much of the end as is looked at.
    const TAIL_BYTES: u64 = 256 * 1024;
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        let _at = file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        let _length = file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all.iter()
        .skip(all.len().saturating_sub(lines))
        .map(|line| (*line).to_owned())
        .collect()
}
