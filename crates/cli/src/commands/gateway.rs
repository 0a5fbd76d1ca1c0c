//! `openclaw gateway …`: run, start, stop, look.

use std::time::Duration;

use openclaw_config::{Config, Problem, Severity};
use openclaw_gateway::{STOP_DEADLINE, lock, probe};
use openclaw_wire::methods::gateway::{
    GatewayStop, GatewayStopParams, Status, StatusParams, StatusResult,
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    args::{Gateway, Listen},
    daemon,
    error::{self, Failure},
    link::{Link, block_on, not_running},
    output::{self, Output},
    place::Place,
};

/// How often the lock is looked at while the gateway stops.
const STOP_PAUSE: Duration = Duration::from_millis(20);
/// How often something is said while it does.
const SAY_EVERY: Duration = Duration::from_secs(2);
/// Lines of the log that explain why nothing runs.
const CAUSE_LINES: usize = 3;
/// How often a followed log is looked at.
const FOLLOW_PAUSE: Duration = Duration::from_millis(250);

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: Gateway) -> Result<(), Failure> {
    match command {
        Gateway::Run(listen) => daemon::run(place, &listen),
        Gateway::Start(listen) => start(place, output, &listen),
        Gateway::Stop => stop(place, output),
        Gateway::Restart(listen) => {
            let config = place.config()?;
            if lock::holder(&config.paths.state).is_some() {
                stop(place, output)?;
            }
            start(place, output, &listen)
        }
        Gateway::Status(deep) => status(place, output, deep.deep),
        Gateway::Validate => validate(place, output),
        Gateway::Reinstall => reinstall(place),
        Gateway::Logs { lines, follow } => logs(place, lines, follow),
        Gateway::Token => token(place, output),
    }
}

fn start(place: &Place, output: Output, listen: &Listen) -> Result<(), Failure> {
    let (config, problems) = place.load(Some(listen))?;
    if let Some(record) = lock::holder(&config.paths.state) {
        return output.either(&record, || {
            format!("a gateway runs already (pid {})", record.pid)
        });
    }
    for problem in &problems {
        output::note(&problem.to_string());
    }
    let record = block_on(daemon::start(place, &config, listen))?;
    output.either(&record, || {
        let address = record.address.as_deref().unwrap_or("an unknown address");
        format!(
            "gateway started on {address} (pid {}); log: {}",
            record.pid,
            config.paths.log_file().display()
        )
    })
}

fn stop(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let record = lock::holder(&config.paths.state).ok_or_else(|| not_running(&config))?;
    block_on(async {
        if let Err(failure) = ask_to_stop(&config).await {
            output::note(&format!(
                "it does not take requests ({failure}); sending SIGTERM"
            ));
            terminate(&config, &record)?;
        }
        wait_until_free(&config).await
    })?;
    output.either(&json!({"stopped": true, "pid": record.pid}), || {
        format!("gateway stopped (pid {})", record.pid)
    })
}

async fn ask_to_stop(config: &Config) -> Result<(), Failure> {
    let params = GatewayStopParams {
        reason: Some("openclaw gateway stop".to_owned()),
    };
    let link = Link::open(config).await?;
    let _result = link.call::<GatewayStop>(&params).await?;
    Ok(())
}

/// Signals the holder of the lock; a pid that no longer holds it is left alone.
fn terminate(config: &Config, record: &lock::Record) -> Result<(), Failure> {
    if lock::holder(&config.paths.state).is_none_or(|holder| holder.pid != record.pid) {
        return Ok(());
    }
    let pid = i32::try_from(record.pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let pid = pid
        .ok_or_else(|| Failure::new(format!("the lock names the impossible pid {}", record.pid)))?;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)
        .map_err(|errno| Failure::new(format!("signal pid {}: {errno}", record.pid)))
}

async fn wait_until_free(config: &Config) -> Result<(), Failure> {
    let started = Instant::now();
    let mut said = started;
    while lock::holder(&config.paths.state).is_some() {
        if started.elapsed() > STOP_DEADLINE {
            return Err(Failure::new(format!(
                "the gateway did not stop within {} s",
                STOP_DEADLINE.as_secs()
            ))
            .hint(format!("look into {}", config.paths.log_file().display())));
        }
        if said.elapsed() > SAY_EVERY {
            said = Instant::now();
            output::progress(&format!(
                "stopping; runs may take a moment to end … {} s",
                started.elapsed().as_secs()
            ));
        }
        sleep(STOP_PAUSE).await;
    }
    output::progress_done();
    Ok(())
}

/// Whether a gateway runs here, and how it is.
pub(crate) fn status(place: &Place, output: Output, deep: bool) -> Result<(), Failure> {
    let config = place.config()?;
    if crate::link::address(&config).is_none() {
        return Err(stopped(&config, output, deep));
    }
    let result = block_on(async {
        Link::open(&config)
            .await?
            .call::<Status>(&StatusParams { deep })
            .await
    })?;
    output.either(&result, || text(&config, &result))?;
    let bad = result.probes.iter().filter(|probe| !probe.ok).count();
    if bad > 0 {
        return Err(Failure::new(format!(
            "{bad} of {} checks failed",
            result.probes.len()
        )));
    }
    Ok(())
}

fn text(config: &Config, status: &StatusResult) -> String {
    let gateway = &status.gateway;
    let others = status.agents.configured.saturating_sub(1);
    let mut lines = vec![
        format!(
            "Gateway: {}",
            if gateway.phase == "running" {
                "Running"
            } else {
                gateway.phase.as_str()
            }
        ),
        format!("Version: v{}", status.runtime_version),
        format!(
            "Address: ws://{}:{} (pid {})",
            gateway.bind, gateway.port, gateway.pid
        ),
        format!("Uptime: {} s", gateway.uptime_ms / 1000),
        format!("Workspace: {}", gateway.state_dir),
        format!(
            "Agents: {} configured (main + {others} collective), {} busy",
            status.agents.configured, status.agents.busy
        ),
        format!("Sessions: {}", status.sessions.count),
        format!("Plugins: {} loaded", status.plugins),
        format!("Skills: {} loaded", status.skills),
        format!("Durability: {}", durability(config)),
    ];
    if let Some(models) = &status.models {
        let model = models.model.as_deref().unwrap_or("none yet");
        let why = models
            .why
            .as_deref()
            .unwrap_or("nothing was looked for yet");
        lines.push(format!("Model: {model} ({why})"));
        if let Some(local) = &models.local {
            lines.push(format!("Local model: {} {}", local.state, local.detail));
        }
    }
    if let Some(bytes) = gateway.rss_bytes {
        lines.push(format!("Memory: {:.1} MB", megabytes(bytes)));
    }
    lines.extend(
        status
            .problems
            .iter()
            .map(|problem| format!("Problem: {problem}")),
    );
    for probe in &status.probes {
        let verdict = if probe.ok { "ok" } else { "FAILED" };
        let took = probe
            .latency_ms
            .map(|ms| format!(", {ms} ms"))
            .unwrap_or_default();
        lines.push(format!(
            "Check {} ({}): {verdict}: {}{took}",
            probe.name, probe.target, probe.detail
        ));
        if let (false, Some(hint)) = (probe.ok, &probe.hint) {
            lines.push(format!("  hint: {hint}"));
        }
    }
    if !status.probes.is_empty() {
        lines.extend(status.limits.iter().map(|limit| {
            let used = limit
                .used
                .map(|used| format!(", {used} in use"))
                .unwrap_or_default();
            format!("Limit {}: {}{used}", limit.name, limit.value)
        }));
    }
    lines.join("\n")
}

/// Bytes in millions, for people.
fn megabytes(bytes: u64) -> f64 {
    let tenths = u32::try_from(bytes / 100_000).unwrap_or(u32::MAX);
    f64::from(tenths) / 10.0
}

fn durability(config: &Config) -> String {
    use openclaw_config::config::Durability;
    match config.session.durability {
        Durability::Always => "always (an acknowledged entry is on stable storage)".to_owned(),
        Durability::Batch { interval_ms } => {
            format!("batch (a power cut may cost the last {interval_ms} ms)")
        }
        Durability::Os => "os (a power cut may cost what the system had not written)".to_owned(),
    }
}

/// Says that nothing runs, as far as possible why, and what can be checked without a gateway.
fn stopped(config: &Config, output: Output, deep: bool) -> Failure {
    let log = config.paths.log_file();
    let tail = daemon::tail(&log, CAUSE_LINES);
    let cause = if tail.is_empty() {
        format!(
            "no gateway was ever started in the background here; {} is absent",
            log.display()
        )
    } else {
        format!("its log ends with: {}", tail.join(" | "))
    };
    let checks = if deep {
        offline_checks(config)
    } else {
        Vec::new()
    };
    if !output.json {
        output::line(&format!(
            "Gateway: Stopped\nWorkspace: {}\nCause: {cause}",
            config.paths.state.display()
        ));
        for check in &checks {
            output::line(check);
        }
    }
    not_running(config)
}

fn offline_checks(config: &Config) -> Vec<String> {
    let memory = &config.memory;
    let neighbours = [
        (probe::Protocol::Postgres, &memory.pgvector),
        (probe::Protocol::Redis, &memory.redis),
    ];
    let asked = neighbours
        .into_iter()
        .filter_map(|(protocol, endpoint)| endpoint.as_ref().map(|endpoint| (protocol, endpoint)))
        .map(|(protocol, endpoint)| probe::ask(protocol, &endpoint.host, endpoint.port));
    let found =
        block_on(async { Ok(futures_util::future::join_all(asked).await) }).unwrap_or_default();
    let neighbours = found.into_iter().map(|found| {
        let said = found.outcome.map_or_else(
            |error| format!("FAILED: {error}"),
            |took| format!("ok, {} ms", took.as_millis()),
        );
        format!("Check {} ({}): {said}", found.name, found.address)
    });
    let workspaces = config.agents.iter().map(|agent| {
        let path = config.paths.agents().join(agent.id.as_str());
        let said = if path.join("config.json").is_file() {
            "ok"
        } else {
            "not made yet; `openclaw init` makes it"
        };
        format!("Check workspace {} ({}): {said}", agent.id, path.display())
    });
    neighbours.chain(workspaces).collect()
}

/// Every problem at once, and whether a start would be refused.
fn validate(place: &Place, output: Output) -> Result<(), Failure> {
    // A refusal prints its own problems.
    let (config, problems) = place.load(None)?;
    let workspaces = workspace_problems(&config);
    let count = |severity: Severity| {
        problems
            .iter()
            .filter(|problem| problem.severity == severity)
            .count()
    };
    let (degraded, warnings) = (
        count(Severity::Degraded) + workspaces.len(),
        count(Severity::Warning),
    );
    let shown: Vec<serde_json::Value> = problems.iter().map(problem_value).collect();
    let body = json!({
        "config": config.paths.config_file.display().to_string(),
        "agents": config.agents.len(),
        "degraded": degraded,
        "warnings": warnings,
        "problems": shown,
        "workspaces": workspaces,
    });
    output.either(&body, || {
        let mut lines: Vec<String> = problems.iter().flat_map(problem_lines).collect();
        lines.extend(workspaces.iter().cloned());
        lines.push(format!(
            "{}: {} agents, {degraded} degraded, {warnings} warnings; a start would succeed",
            config.paths.config_file.display(),
            config.agents.len()
        ));
        lines.join("\n")
    })?;
    if degraded > 0 {
        return Err(Failure::new(format!("{degraded} units are degraded"))
            .hint("each is named above, with its line"));
    }
    Ok(())
}

fn problem_lines(problem: &Problem) -> Vec<String> {
    let mut lines = vec![format!("{}: {problem}", severity(problem.severity))];
    lines.extend(problem.hint.iter().map(|hint| format!("  hint: {hint}")));
    lines
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Degraded => "degraded",
        Severity::Fatal => "fatal",
    }
}

fn problem_value(problem: &Problem) -> serde_json::Value {
    json!({
        "severity": severity(problem.severity),
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
    })
}

/// What stands in the way of a configured agent's workspace. A missing one is no problem: the start makes it.
fn workspace_problems(config: &Config) -> Vec<String> {
    let check = |agent: &openclaw_config::config::Agent| -> Option<String> {
        let path = config.paths.agents().join(agent.id.as_str());
        let found = std::fs::symlink_metadata(&path).ok()?;
        if !found.is_dir() {
            return Some(format!(
                "degraded: workspace {} is not a directory",
                path.display()
            ));
        }
        let settings = path.join("config.json");
        let text = std::fs::read_to_string(&settings).ok()?;
        let error = serde_json::from_str::<serde_json::Value>(&text).err()?;
        Some(format!("degraded: {}: {error}", settings.display()))
    };
    config.agents.iter().filter_map(check).collect()
}

/// What a service definition would be, and why none is written yet.
fn reinstall(place: &Place) -> Result<(), Failure> {
    let config = place.config()?;
    let program = daemon::executable()?;
    output::line(&format!(
        "this would write /etc/systemd/system/openclaw-gateway.service:\n\n\
         [Unit]\nDescription=OpenClaw Gateway\nAfter=network.target\n\n\
         [Service]\nType=notify\nExecStart={} --state-dir {} gateway run\nRestart=on-failure\nRestartSec=10\n\
         NoNewPrivileges=yes\nSyslogIdentifier=openclaw-gateway\n\n\
         [Install]\nWantedBy=multi-user.target\n",
        program.display(),
        config.paths.state.display()
    ));
    Err(Failure::new("this version does not write service definitions; nothing was changed")
        .hint("write the file above yourself and run `systemctl enable --now openclaw-gateway`, or use `openclaw gateway start`"))
}

fn logs(place: &Place, lines: usize, follow: bool) -> Result<(), Failure> {
    let config = place.config()?;
    let path = config.paths.log_file();
    if !path.is_file() {
        return Err(Failure::new(format!("there is no log at {}", path.display()))
            .hint("a gateway started by systemd writes to the journal: `journalctl -u openclaw-gateway -f`")
            .code(error::NOT_FOUND));
    }
    for line in daemon::tail(&path, lines) {
        output::line(&line);
    }
    if follow { follow_log(&path) } else { Ok(()) }
}

/// Prints what is added until interrupted.
fn follow_log(path: &std::path::Path) -> Result<(), Failure> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::File::open(path).map_err(|error| Failure::from_error(&error))?;
    let mut at = file
        .seek(SeekFrom::End(0))
        .map_err(|error| Failure::from_error(&error))?;
    block_on(async {
        loop {
            let length = std::fs::metadata(path).map_or(at, |metadata| metadata.len());
            // A shorter file is a new one.
            at = file
                .seek(SeekFrom::Start(at.min(length)))
                .map_err(|error| Failure::from_error(&error))?;
            let mut added = String::new();
            let read = file
                .read_to_string(&mut added)
                .map_err(|error| Failure::from_error(&error))?;
            at += u64::try_from(read).unwrap_or_default();
            if !added.is_empty() {
                output::piece(&added);
            }
            tokio::select! {
                biased;
                _interrupt = tokio::signal::ctrl_c() => return Ok(()),
                () = sleep(FOLLOW_PAUSE) => {}
            }
        }
    })
}

fn token(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let token = daemon::token(&config)?;
    output.either(&json!({"token": token.expose()}), || {
        token.expose().to_owned()
    })
}
