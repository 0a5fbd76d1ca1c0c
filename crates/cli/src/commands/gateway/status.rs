//! `openclaw gateway status`: whether it runs, where, with what; and where it does not, why, and what next.

use openclaw_config::{Config, Paths, config::Durability};
use openclaw_gateway::{lock, probe};
use openclaw_types::Timestamp;
use openclaw_wire::methods::{
    gateway::{Probe, Status, StatusParams, StatusResult},
    models::ModelsStatusResult,
    router::RouterBrief,
};
use serde_json::{Value, json};

use crate::{
    amount::dollars,
    commands::{
        agents::{primary, resting},
        router::alerts,
    },
    daemon::log,
    error::{self, Failure},
    link::{Link, block_on, is_running, not_running},
    output::{self, Output},
    place::{Place, say},
};

/// The last line of the log of a gateway that stopped in order.
const STOPPED: &str = "gateway stopped";
/// Lines of the log that explain why nothing runs.
const CAUSE_LINES: usize = 5;

/// Prints the status.
pub(crate) fn run(place: &Place, output: Output, deep: bool) -> Result<(), Failure> {
    let home = place.home()?;
    let config = match place.check(None) {
        Ok((config, _warnings)) => Some(config),
        Err(problems) => {
            // What keeps nobody from looking was not said yet.
            if place.look().is_ok() {
                say(&problems);
            }
            None
        }
    };
    if !is_running(&home.paths) {
        return stopped(&home.paths, config.as_ref(), output, deep);
    }
    let result = block_on(async {
        let link = Link::open(&home).await?;
        link.call::<Status>(&StatusParams { deep }).await
    })?;
    let known = serde_json::to_value(&result).map_err(|error| Failure::from_error(&error))?;
    let body = document(known, &home.paths);
    output.either(&body, || text(config.as_ref(), &result))?;
    verdict(&result.probes)
}

/// What is known, with all keys, so that a script finds each whether a gateway runs or not.
fn document(known: Value, paths: &Paths) -> Value {
    let mut whole = json!({
        "running": true,
        "stateDir": paths.state,
        "runtimeVersion": env!("CARGO_PKG_VERSION"),
        "gateway": null,
        "agents": null,
        "sessions": null,
        "models": null,
        "router": null,
        "plugins": 0,
        "skills": 0,
        "limits": [],
        "probes": [],
        "problems": [],
        "cause": [],
        "error": null,
        "hint": null,
    });
    if let (Some(whole), Value::Object(known)) = (whole.as_object_mut(), known) {
        whole.extend(known);
    }
    whole
}

fn verdict(probes: &[Probe]) -> Result<(), Failure> {
    let bad = probes.iter().filter(|probe| !probe.ok).count();
    if bad == 0 {
        return Ok(());
    }
    let failure = Failure::new(format!("{bad} of {} checks failed", probes.len()));
    Err(failure.told())
}

fn text(config: Option<&Config>, status: &StatusResult) -> String {
    let gateway = &status.gateway;
    let phase = match gateway.phase.as_str() {
        "running" => "Running",
        "draining" => "Stopping",
        other => other,
    };
    let agents = &status.agents;
    let others = agents.configured.saturating_sub(1);
    let mut lines = vec![
        format!("Gateway: {phase}"),
        format!("Version: v{}", status.runtime_version),
        format!(
            "Address: ws://{} (pid {})",
            address(&gateway.bind, gateway.port),
            gateway.pid
        ),
        format!("Uptime: {}", span(gateway.uptime_ms / 1000)),
        format!("Workspace: {}", gateway.state_dir),
        format!(
            "Agents: {} configured ({} + {others} collective)",
            agents.configured,
            config.and_then(primary).unwrap_or("main")
        ),
        format!("Plugins: {} loaded", status.plugins),
        format!("Skills: {} loaded", status.skills),
        format!("Sessions: {}", status.sessions.count),
        format!("Busy: {} of {} online", agents.busy, agents.online),
    ];
    if let Some(config) = config {
        let durability = durability(config.session.durability);
        lines.push(format!("Durability: {durability}"));
    }
    lines.extend(status.models.iter().flat_map(model));
    lines.extend(status.router.iter().flat_map(router));
    if let Some(bytes) = gateway.rss_bytes {
        lines.push(format!("Memory: {} MB", bytes / 1_000_000));
    }
    let problems = status.problems.iter();
    lines.extend(problems.map(|problem| format!("Problem: {problem}")));
    lines.extend(status.probes.iter().flat_map(check));
    if !status.probes.is_empty() {
        lines.extend(limits(status));
    }
    lines.join("\n")
}

fn address(bind: &str, port: u16) -> String {
    if bind.contains(':') {
        format!("[{bind}]:{port}")
    } else {
        format!("{bind}:{port}")
    }
}

/// Seconds as people say them.
fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

fn durability(durability: Durability) -> String {
    match durability {
        Durability::Always => "always (an acknowledged entry is on stable storage)".to_owned(),
        Durability::Batch { interval_ms } => {
            format!("batch (a power cut may cost the last {interval_ms} ms)")
        }
        Durability::Os => "os (a power cut may cost what the system had not written)".to_owned(),
    }
}

fn model(models: &ModelsStatusResult) -> Vec<String> {
    let why = models.why.as_deref();
    let why = why.unwrap_or("nothing was looked for yet");
    let model = models.model.as_deref().unwrap_or("none yet");
    let mut lines = vec![format!("Model: {model} ({why})")];
    if let Some(local) = &models.local {
        lines.push(format!("Local model: {}: {}", local.state, local.detail));
    }
    let cooldowns = models.cooldowns.iter().map(|cooldown| {
        let until = Timestamp(cooldown.until_ms);
        format!(
            "Cooldown: {} until {until} ({})",
            cooldown.model, cooldown.reason
        )
    });
    lines.extend(cooldowns);
    lines
}

fn router(router: &RouterBrief) -> Vec<String> {
    let listens = match &router.listen {
        Some(address) => format!("http://{address}"),
        None => "no port of its own".to_owned(),
    };
    let ready = if router.ready { "" } else { "not ready, " };
    let mut lines = vec![
        format!(
            "Router: {ready}{listens} ({} up, {} cooling)",
            router.up, router.cooling
        ),
        format!("Spent today: {}", dollars(router.spent_today_usd)),
    ];
    lines.extend(router.alerts.iter().map(|budget| {
        let of = budget.max_usd.map(|max| format!(" of {}", dollars(max)));
        format!(
            "Budget: {}: {} ({}{})",
            budget.alias.as_ref().unwrap_or(&budget.scope),
            alerts(&budget.reached),
            dollars(budget.spent_usd),
            of.unwrap_or_default()
        )
    }));
    lines.extend(router.cache.iter().map(|cache| {
        let mark = if cache.ok { "ok" } else { "FAILED" };
        let (kind, detail) = (&cache.kind, &cache.detail);
        format!("Answers kept in {kind}: {mark}: {detail}")
    }));
    lines
}

fn check(probe: &Probe) -> Vec<String> {
    let verdict = if probe.ok { "ok" } else { "FAILED" };
    let took = probe.latency_ms.map(|ms| format!(", {ms} ms"));
    let mut lines = vec![format!(
        "Check {} ({}): {verdict}: {}{}",
        probe.name,
        probe.target,
        probe.detail,
        took.unwrap_or_default()
    )];
    if let (false, Some(hint)) = (probe.ok, &probe.hint) {
        lines.push(format!("  hint: {hint}"));
    }
    lines
}

fn limits(status: &StatusResult) -> impl Iterator<Item = String> {
    status.limits.iter().map(|limit| {
        let used = limit.used.map(|used| format!(", {used} in use"));
        format!(
            "Limit {}: {}{}",
            limit.name,
            limit.value,
            used.unwrap_or_default()
        )
    })
}

/// Says that nothing runs, as far as possible why, and what can be checked without a gateway.
fn stopped(
    paths: &Paths,
    config: Option<&Config>,
    output: Output,
    deep: bool,
) -> Result<(), Failure> {
    let cause = cause(paths, config.is_some());
    let checks = match config {
        Some(config) if deep => offline_checks(config)?,
        _ => Vec::new(),
    };
    let failure = match config {
        Some(_usable) => not_running(paths),
        None => Failure::new("no gateway is running, and the configuration forbids a start")
            .hint("mend what is listed above; `openclaw gateway validate` checks again")
            .code(error::CONFIG),
    };
    if output.json {
        let agents =
            config.map(|config| json!({"configured": config.agents.len(), "online": 0, "busy": 0}));
        let known = json!({
            "running": false,
            "agents": agents,
            "cause": cause,
            "probes": checks,
            "error": failure.message,
            "hint": failure.hint.as_deref().map(output::placed),
        });
        output.value(&document(known, paths))?;
        return Err(failure.told());
    }
    output::line(&format!(
        "Gateway: Stopped\nWorkspace: {}\nCause: {}",
        paths.state.display(),
        cause.join("\n  ")
    ));
    for line in checks.iter().flat_map(check) {
        output::line(&line);
    }
    Err(failure)
}

/// Why nothing runs, as far as can be seen; the first line is the summary, the end of the log follows.
fn cause(paths: &Paths, is_usable: bool) -> Vec<String> {
    if !is_usable {
        return vec!["the configuration forbids a start".to_owned()];
    }
    let log = paths.log_file();
    let said = log::tail(&log, CAUSE_LINES);
    let Some(record) = lock::last(&paths.state) else {
        return vec!["no gateway was ever started here".to_owned()];
    };
    let last = format!(
        "the last one (pid {}, started {})",
        record.pid,
        Timestamp(record.started_at)
    );
    let mut lines = vec![match said.last() {
        None => {
            format!("{last} has ended; it ran in the foreground or as a service, so no log is here")
        }
        Some(line) if line.ends_with(STOPPED) => format!("{last} was stopped"),
        Some(_) => format!(
            "{last} ended without stopping in order; {} ends with",
            log.display()
        ),
    }];
    if said.last().is_some_and(|line| !line.ends_with(STOPPED)) {
        lines.extend(said);
    }
    lines
}

/// What can be checked without a gateway: the neighbours, and every workspace.
fn offline_checks(config: &Config) -> Result<Vec<Probe>, Failure> {
    let mut probes = block_on(async { Ok(probe::neighbours(config).await) })?;
    for agent in resting(config)? {
        let is_made = agent.workspace.join("config.json").exists();
        let detail = match (&agent.reason, is_made) {
            (Some(reason), _) => reason.clone(),
            (None, true) => "readable".to_owned(),
            (None, false) => "not made yet; the first start makes it".to_owned(),
        };
        probes.push(Probe {
            name: format!("workspace {}", agent.id),
            target: agent.workspace.display().to_string(),
            ok: agent.reason.is_none(),
            detail,
            hint: None,
            latency_ms: None,
        });
    }
    Ok(probes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_parts_at_most() {
        for (seconds, said) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3600, "1 h 0 min"),
            (90_061, "1 d 1 h"),
        ] {
            assert_eq!(span(seconds), said);
        }
    }

    #[test]
    fn an_address_of_the_sixth_version_is_bracketed() {
        assert_eq!(address("::1", 18789), "[::1]:18789");
        assert_eq!(address("127.0.0.1", 18789), "127.0.0.1:18789");
    }
}
