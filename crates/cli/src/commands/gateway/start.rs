//! `openclaw gateway start|restart`: what was asked for is what runs afterwards, or it is said what runs instead.

use std::net::{SocketAddr, TcpListener};

use openclaw_config::Config;
use openclaw_gateway::lock::{Flags, Record};
use serde_json::json;

use super::stop;
use crate::{
    args::Listen,
    daemon,
    error::Failure,
    link::block_on,
    output::{self, Output, quoted},
    place::{Home, Place},
};

/// Starts a gateway where none runs.
pub(super) fn start(place: &Place, output: Output, listen: &Listen) -> Result<(), Failure> {
    let config = place.load(Some(listen))?;
    let before = place.running().cloned();
    let is_new = before.is_none();
    let record = match before {
        Some(record) => record,
        None => block_on(daemon::start::start(place, &config, listen))?,
    };
    agrees(&record, &place.said(listen), &config)?;
    report(output, &config, &record, is_new)
}

fn report(output: Output, config: &Config, record: &Record, is_new: bool) -> Result<(), Failure> {
    let log = config.paths.log_file();
    let body = json!({
        "started": is_new,
        "pid": record.pid,
        "address": record.address,
        "log": log,
        "stateDir": config.paths.state,
    });
    output.either(&body, || {
        let (pid, log) = (record.pid, log.display());
        match (&record.address, is_new) {
            (Some(address), true) => {
                format!("gateway started on {address} (pid {pid}); log: {log}")
            }
            (Some(address), false) => format!("a gateway runs already on {address} (pid {pid})"),
            (None, _) => format!("a gateway is starting already (pid {pid})"),
        }
    })
}

/// Fails where the gateway that runs is not the one that was asked for.
fn agrees(record: &Record, said: &Flags, config: &Config) -> Result<(), Failure> {
    let at: Option<SocketAddr> = record
        .address
        .as_ref()
        .and_then(|address| address.parse().ok());
    let port = at.map(|at| at.port()).or(record.flags.port);
    let bind = at.map(|at| at.ip()).or(record.flags.bind);
    let built_in = config.paths.state.join("openclaw.json");
    let file = record.flags.config.clone();
    let file = file.or_else(|| built_in.to_str().map(str::to_owned));
    let other = Flags {
        // Port 0 is any port.
        port: said
            .port
            .filter(|wanted| *wanted != 0 && port != Some(*wanted)),
        bind: said.bind.filter(|wanted| bind != Some(*wanted)),
        config: said
            .config
            .clone()
            .filter(|wanted| file.as_ref() != Some(wanted)),
    };
    if other == Flags::default() {
        return Ok(());
    }
    let address = record.address.as_deref().unwrap_or("its way up");
    let file = file.unwrap_or_default();
    Err(Failure::new(format!(
        "a gateway runs already on {address} with {file} (pid {}), so this was not done: {}",
        record.pid,
        words(&other)
    ))
    .hint(format!(
        "`openclaw gateway restart{}` stops it and starts it so",
        listen_words(&other)
    )))
}

/// Stops the gateway and starts it as it was started, but for what is said otherwise.
pub(super) fn restart(place: &Place, output: Output, listen: &Listen) -> Result<(), Failure> {
    let again = place.listen_again(listen);
    // What can't start again is not stopped.
    let config = place.load(Some(&again))?;
    let Some(before) = place.running().cloned() else {
        return start(place, output, listen);
    };
    can_listen(&config, &before)?;
    let after = place.flags(&again);
    for line in differences(&before.flags, &after) {
        output::note(&line);
    }
    let pid = stop::stop(&Home::from(&config))?;
    output::note(&format!("gateway stopped (pid {pid})"));
    let record = block_on(daemon::start::start(place, &config, &again)).map_err(|failure| {
        let hint = failure.hint.clone().unwrap_or_default();
        failure.hint(format!("{hint}; the gateway that ran before is stopped"))
    })?;
    report(output, &config, &record, true)
}

/// Fails where the new gateway could not listen; what the old one holds is free once that one is stopped.
fn can_listen(config: &Config, before: &Record) -> Result<(), Failure> {
    let (ip, wanted) = (config.gateway.bind, config.gateway.port);
    let held = before.address.as_ref();
    let held = held.and_then(|held| held.parse::<SocketAddr>().ok());
    let is_its_own = held.is_some_and(|held| held.port() == wanted);
    let port = if is_its_own { 0 } else { wanted };
    match TcpListener::bind((ip, port)) {
        Ok(_free) => Ok(()),
        Err(error) => Err(Failure::new(format!(
            "the gateway was not stopped, because the new one could not listen on {}: {error}",
            SocketAddr::new(ip, wanted)
        ))
        .hint("choose another with --port or --bind")),
    }
}

/// What is told again, and what is told otherwise.
fn differences(before: &Flags, after: &Flags) -> Vec<String> {
    let mut lines = Vec::new();
    let mut kept = Vec::new();
    for ((name, before), (_name, after)) in pairs(before).into_iter().zip(pairs(after)) {
        match (before, after) {
            (before, Some(after)) if before.as_ref() == Some(&after) => {
                kept.push(format!("{name} {}", quoted(&after)));
            }
            (Some(before), Some(after)) => {
                lines.push(format!("{name} was {before}, is now {after}"));
            }
            (None, Some(after)) => lines.push(format!("{name} was not given, is now {after}")),
            (_, None) => {}
        }
    }
    if !kept.is_empty() {
        lines.push(format!("as before: {}", kept.join(" ")));
    }
    lines
}

fn pairs(flags: &Flags) -> [(&'static str, Option<String>); 3] {
    [
        ("--config", flags.config.clone()),
        ("--port", flags.port.map(|port| port.to_string())),
        ("--bind", flags.bind.map(|bind| bind.to_string())),
    ]
}

/// The flags of the command itself, to be typed after it; every command in a hint has the others already.
fn listen_words(flags: &Flags) -> String {
    let config = None;
    let own = words(&Flags {
        config,
        ..flags.clone()
    });
    if own.is_empty() {
        own
    } else {
        format!(" {own}")
    }
}

/// The flags as they are typed.
fn words(flags: &Flags) -> String {
    let given = pairs(flags).into_iter().filter_map(|(name, value)| {
        let value = value?;
        Some(format!("{name} {}", quoted(&value)))
    });
    given.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_and_what_changes_is_said() {
        let before = Flags {
            config: Some("/a b".to_owned()),
            port: Some(1),
            bind: None,
        };
        let after = Flags {
            port: Some(2),
            bind: Some("::1".parse().unwrap()),
            ..before.clone()
        };
        assert_eq!(
            differences(&before, &after),
            [
                "--port was 1, is now 2",
                "--bind was not given, is now ::1",
                "as before: --config '/a b'"
            ]
        );
        assert_eq!(differences(&Flags::default(), &Flags::default()), [""; 0]);
        assert_eq!(words(&after), "--config '/a b' --port 2 --bind ::1");
    }
}
