//! `connect`, `health`, `status` and `gateway.stop`: the daemon itself.

use std::sync::Arc;

use openclaw_agents::AgentStatus;
use openclaw_wire::{
    ErrorShape, Scope, Scopes,
    connect::{Features, Granted, HelloOk, HelloType, Policy, Server, SessionDefaults, Snapshot},
    event::EVENTS,
    frame::StateVersion,
    method::METHODS,
    methods::{
        Empty,
        gateway::{
            AgentCount, AgentHealth, GatewayStopParams, GatewayStopResult, HealthResult, LimitUse,
            Probe, Process, SessionCount, SessionTotal, StatusParams, StatusResult,
        },
    },
};
use serde_json::{Value, json};

use super::{Call, MAIN_SESSION, models, router};
use crate::{conn::limits, keeper, listen, probe, report, state::State};

/// The answer to `connect`.
pub(crate) fn hello(
    state: &State,
    peer: &crate::conn::Peer,
    protocol: u32,
    scopes: Scopes,
) -> HelloOk {
    let allowed = METHODS.iter().filter(|row| scopes.allows(row.scope));
    let admin = scopes.allows(Scope::Admin);
    let default_agent_id = state.primary().map(|id| id.to_string()).unwrap_or_default();
    HelloOk {
        r#type: HelloType::HelloOk,
        protocol,
        server: Server {
            version: crate::VERSION.to_owned(),
            conn_id: peer.id.clone(),
            boot_id: Some(state.instance.clone()),
        },
        features: Features {
            methods: allowed.map(|row| row.name.to_owned()).collect(),
            events: EVENTS.iter().map(|row| row.name.to_owned()).collect(),
            capabilities: Vec::new(),
        },
        snapshot: Snapshot {
            presence: Vec::new(),
            health: health_value(state),
            state_version: StateVersion::default(),
            uptime_ms: state.uptime_ms(),
            config_path: admin.then(|| state.config.paths.config_file.display().to_string()),
            state_dir: admin.then(|| state.state_dir.display().to_string()),
            session_defaults: Some(SessionDefaults {
                main_session_key: format!("agent:{default_agent_id}:{MAIN_SESSION}"),
                default_agent_id,
                main_key: MAIN_SESSION.to_owned(),
                scope: Some("per-sender".to_owned()),
            }),
            auth_mode: Some("token".to_owned()),
        },
        auth: Granted {
            role: "operator".to_owned(),
            scopes: scopes.words(),
        },
        policy: Policy {
            max_payload: limits::FRAME_BYTES_MAX,
            max_buffered_bytes: limits::OUTBOX_BYTES_MAX,
            tick_interval_ms: u64::try_from(limits::TICK.as_millis()).unwrap_or_default(),
        },
    }
}

fn health_value(state: &State) -> Value {
    json!({"ok": true, "ts": state.env.now().as_millis(), "agents": state.agents.list().len()})
}

/// Whether all is well, and with whom it isn't.
pub(crate) fn health(call: &Call, _params: &Empty) -> Result<HealthResult, ErrorShape> {
    let state = &call.state;
    let default = state.primary();
    let path = state.config.paths.agents().display().to_string();
    let all = state.agents.list();
    let problems: Vec<String> = all
        .iter()
        .filter_map(|status| {
            report::state_reason(&status.state).map(|reason| format!("{}: {reason}", status.id))
        })
        .collect();
    let agents = all.iter().map(|status| AgentHealth {
        agent_id: status.id.to_string(),
        is_default: Some(&status.id) == default.as_ref(),
        status: report::state_text(&status.state).to_owned(),
        sessions: SessionCount {
            path: path.clone(),
            count: report::count(status.sessions),
            recent: Vec::new(),
        },
    });
    Ok(HealthResult {
        ok: problems.is_empty(),
        ts: state.env.now().as_millis(),
        duration_ms: 0,
        channels: std::collections::BTreeMap::new(),
        channel_order: Vec::new(),
        channel_labels: std::collections::BTreeMap::new(),
        heartbeat_seconds: 0,
        agents: agents.collect(),
        default_agent_id: default.map(|id| id.to_string()).unwrap_or_default(),
        problems,
    })
}

/// The whole picture; `deep` asks the neighbours too.
pub(crate) async fn status(
    call: Arc<Call>,
    params: StatusParams,
) -> Result<StatusResult, ErrorShape> {
    let state = &call.state;
    let all = state.agents.list();
    let count = |state: &str| {
        u64::try_from(
            all.iter()
                .filter(|status| report::state_text(&status.state) == state)
                .count(),
        )
        .unwrap_or_default()
    };
    let busy = count("busy");
    let problems = all.iter().filter_map(|status| {
        report::state_reason(&status.state).map(|reason| format!("{}: {reason}", status.id))
    });
    Ok(StatusResult {
        runtime_version: crate::VERSION.to_owned(),
        gateway: process(state),
        agents: AgentCount {
            configured: u64::try_from(all.len()).unwrap_or_default(),
            online: count("idle") + busy,
            busy,
        },
        sessions: SessionTotal {
            count: u64::try_from(state.store.stats().sessions).unwrap_or_default(),
        },
        models: Some(models::status_result(state)),
        plugins: 0,
        skills: 0,
        limits: limits_in_use(state),
        probes: if params.deep {
            probes(state).await
        } else {
            Vec::new()
        },
        problems: problems.chain(keeper::archive::problems(state)).collect(),
        router: Some(router::brief(state)),
    })
}

fn process(state: &State) -> Process {
    Process {
        pid: std::process::id(),
        bind: state.address.ip().to_string(),
        port: state.address.port(),
        instance: state.instance.clone(),
        started_at: state.started.as_millis(),
        uptime_ms: state.uptime_ms(),
        state_dir: state.state_dir.display().to_string(),
        config_path: Some(state.config.paths.config_file.display().to_string()),
        rss_bytes: resident_bytes(),
        connections: u64::try_from(state.bus.listeners()).unwrap_or_default(),
        phase: if state.stopping.is_cancelled() {
            "draining"
        } else {
            "running"
        }
        .to_owned(),
    }
}

/// Resident memory of this process, as the kernel counts it in pages.
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * u64::try_from(rustix::param::page_size()).ok()?)
}

fn limits_in_use(state: &State) -> Vec<LimitUse> {
    let limit = |name: &str, value: usize, used: Option<usize>| LimitUse {
        name: name.to_owned(),
        value: u64::try_from(value).unwrap_or(u64::MAX),
        used: used.and_then(|used| u64::try_from(used).ok()),
    };
    let stats = state.store.stats();
    let running = state
        .agents
        .list()
        .iter()
        .map(|status| status.running)
        .sum::<usize>();
    vec![
        limit(
            "connections",
            state.config.limits.connections as usize,
            Some(state.tasks.len()),
        ),
        limit("connections not yet proven", listen::UNPROVEN_MAX, None),
        limit(
            "runs in flight",
            state.config.limits.runs as usize,
            Some(running),
        ),
        limit(
            "messages waiting in one session",
            state.config.limits.lane_depth as usize,
            None,
        ),
        limit(
            "appends waiting for the disk",
            stats.queue_depth,
            Some(stats.queued),
        ),
        limit(
            "frame bytes before authentication",
            limits::PREAUTH_FRAME_BYTES_MAX,
            None,
        ),
        limit("frame bytes", limits::FRAME_BYTES_MAX, None),
        limit(
            "outbox bytes of one connection",
            limits::OUTBOX_BYTES_MAX,
            None,
        ),
        limit("requests of one connection", limits::REQUESTS_MAX, None),
    ]
}

async fn probes(state: &State) -> Vec<Probe> {
    let mut probes = probe::neighbours(&state.config).await;
    probes.extend(state.agents.list().iter().map(workspace));
    probes
}

/// The files every workspace has.
const WORKSPACE_FILES: [&str; 8] = [
    "SOUL.md",
    "IDENTITY.md",
    "AGENTS.md",
    "USER.md",
    "TOOLS.md",
    "MEMORY.md",
    "session.jsonl",
    "config.json",
];

/// Whether an agent can run, and whether its directory has what it should.
fn workspace(status: &AgentStatus) -> Probe {
    let missing: Vec<&str> = WORKSPACE_FILES
        .into_iter()
        .filter(|file| {
            !std::fs::metadata(status.workspace.join(file)).is_ok_and(|found| found.is_file())
        })
        .collect();
    let reason = report::state_reason(&status.state)
        .or_else(|| (!missing.is_empty()).then(|| format!("not readable: {}", missing.join(", "))));
    Probe {
        name: format!("workspace {}", status.id),
        target: status.workspace.display().to_string(),
        ok: reason.is_none(),
        hint: reason.is_some().then(|| {
            format!(
                "`openclaw agent restart {}` makes what is missing",
                status.id
            )
        }),
        detail: reason.unwrap_or_else(|| "complete and readable".to_owned()),
        latency_ms: None,
    }
}

/// Begins the stop; the answer leaves before the connection does.
pub(crate) fn stop(
    call: &Call,
    params: &GatewayStopParams,
) -> Result<GatewayStopResult, ErrorShape> {
    let reason = params.reason.as_deref().unwrap_or_default();
    tracing::info!(conn_id = %call.peer.id, reason = %reason.escape_debug(), "stop requested");
    call.state.stop.cancel();
    Ok(GatewayStopResult {
        ok: true,
        pid: std::process::id(),
    })
}
