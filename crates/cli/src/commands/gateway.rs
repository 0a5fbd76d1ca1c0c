//! `openclaw gateway …`: run, start, stop, and the smaller commands around it.

mod logs;
mod start;
pub(crate) mod status;
mod stop;
mod validate;

use openclaw_gateway::lock::Flags;
use serde_json::json;

use crate::{
    args::{Gateway, Listen},
    daemon,
    error::Failure,
    output::Output,
    place::{Place, refused},
};

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: Gateway) -> Result<(), Failure> {
    match command {
        Gateway::Run { listen, detached } => {
            if detached {
                daemon::detach()?;
            }
            daemon::run(place, &listen, detached)
        }
        Gateway::Start(listen) => start::start(place, output, &listen),
        Gateway::Stop => stop::run(place, output),
        Gateway::Restart(listen) => start::restart(place, output, &listen),
        Gateway::Status(deep) => status::run(place, output, deep.deep),
        Gateway::Validate => validate::run(place, output),
        Gateway::Reinstall(listen) => reinstall(place, output, &listen),
        Gateway::Logs { lines, follow } => logs::run(place, output, (lines, follow)),
        Gateway::Token => token(place, output),
    }
}

/// What a service definition would be, and why none is written yet.
fn reinstall(place: &Place, output: Output, listen: &Listen) -> Result<(), Failure> {
    let listen = place.listen_again(listen);
    let (config, _warnings) = place.check(Some(&listen)).map_err(refused)?;
    let program = daemon::executable()?;
    let unit = unit(
        &program.display().to_string(),
        &config.paths.state.display().to_string(),
        &place.flags(&listen),
    );
    let path = "/etc/systemd/system/openclaw-gateway.service";
    let failure = Failure::new("this version writes no service definitions; nothing was changed")
        .hint(format!(
            "write it to {path} yourself and run `systemctl enable --now openclaw-gateway`, or use `openclaw gateway start`"
        ));
    output.either(
        &json!({
            "path": path,
            "unit": unit,
            "written": false,
            "error": failure.message,
            "hint": failure.hint,
        }),
        || format!("this would write {path}:\n\n{unit}"),
    )?;
    Err(failure.told())
}

fn unit(program: &str, state: &str, flags: &Flags) -> String {
    let no_restart = openclaw_config::EX_CONFIG;
    let mut command = vec![
        program.to_owned(),
        "--state-dir".to_owned(),
        state.to_owned(),
    ];
    if let Some(config) = &flags.config {
        command.extend(["--config".to_owned(), config.clone()]);
    }
    command.extend(["gateway", "run"].map(str::to_owned));
    if let Some(port) = flags.port {
        command.extend(["--port".to_owned(), port.to_string()]);
    }
    if let Some(bind) = flags.bind {
        command.extend(["--bind".to_owned(), bind.to_string()]);
    }
    let command: Vec<String> = command.iter().map(|word| unit_word(word)).collect();
    let command = command.join(" ");
    format!(
        "[Unit]\n\
         Description=OpenClaw Gateway\n\
         After=network.target\n\n\
         [Service]\n\
         Type=notify\n\
         ExecStart={command}\n\
         Restart=on-failure\n\
         RestartSec=10\n\
         RestartPreventExitStatus={no_restart}\n\
         NoNewPrivileges=yes\n\
         SyslogIdentifier=openclaw-gateway\n\n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}

/// A word of a command as systemd reads it: quoted where it must be, nothing expanded.
fn unit_word(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
    let escaped = escaped.replace('%', "%%").replace('$', "$$");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if word.chars().all(is_plain) {
        escaped
    } else {
        format!("\"{escaped}\"")
    }
}

fn token(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let token = daemon::token(&config)?;
    output.either(&json!({"token": token.expose()}), || {
        token.expose().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_runs_the_gateway_with_what_was_given() {
        let flags = Flags {
            config: Some("/etc/open claw/50%.json".to_owned()),
            port: Some(18_790),
            bind: Some("::1".parse().unwrap()),
        };
        let unit = unit("/usr/bin/openclaw", "/srv/$state", &flags);
        let command = unit.lines().find(|line| line.starts_with("ExecStart="));
        assert_eq!(
            command,
            Some(
                "ExecStart=/usr/bin/openclaw --state-dir \"/srv/$$state\" --config \"/etc/open claw/50%%.json\" \
                 gateway run --port 18790 --bind ::1"
            )
        );
    }
}
