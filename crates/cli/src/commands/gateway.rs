//! `openclaw gateway …`: run, start, stop, and the smaller commands around it.

mod logs;
pub(crate) mod status;
mod stop;
mod validate;

use openclaw_gateway::lock;
use serde_json::json;

use crate::{
    args::{Gateway, Listen},
    daemon::{self, start},
    error::Failure,
    link::{block_on, is_running},
    output::{self, Output},
    place::{Home, Place},
};

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: Gateway) -> Result<(), Failure> {
    match command {
        Gateway::Run { listen, detached } => {
            if detached {
                daemon::detach()?;
            }
            daemon::run(place, &listen)
        }
        Gateway::Start(listen) => start(place, output, &listen),
        Gateway::Stop => stop::run(place, output),
        Gateway::Restart(listen) => restart(place, output, &listen),
        Gateway::Status(deep) => status::run(place, output, deep.deep),
        Gateway::Validate => validate::run(place, output),
        Gateway::Reinstall => reinstall(place, output),
        Gateway::Logs { lines, follow } => logs::run(place, lines, follow),
        Gateway::Token => token(place, output),
    }
}

fn start(place: &Place, output: Output, listen: &Listen) -> Result<(), Failure> {
    let config = place.load(Some(listen))?;
    let before = lock::holder(&config.paths.state);
    let is_new = before.is_none();
    let record = match before {
        Some(record) => record,
        None => block_on(start::start(place, &config, listen))?,
    };
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

fn restart(place: &Place, output: Output, listen: &Listen) -> Result<(), Failure> {
    // What can't start again is not stopped.
    let config = place.load(Some(listen))?;
    if is_running(&config.paths) {
        let pid = stop::stop(&Home::from(&config))?;
        output::note(&format!("gateway stopped (pid {pid})"));
    }
    start(place, output, listen)
}

/// What a service definition would be, and why none is written yet.
fn reinstall(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let program = daemon::executable()?;
    let unit = unit(
        &program.display().to_string(),
        &config.paths.state.display().to_string(),
    );
    let path = "/etc/systemd/system/openclaw-gateway.service";
    let failure = Failure::new("this version writes no service definitions; nothing was changed")
        .hint(format!(
            "write it to {path} yourself and run `systemctl enable --now openclaw-gateway`, or use `openclaw gateway start`"
        ));
    output.either(
        &json!({"path": path, "unit": unit, "written": false}),
        || format!("this would write {path}:\n\n{unit}"),
    )?;
    Err(failure.told())
}

fn unit(program: &str, state: &str) -> String {
    let no_restart = openclaw_config::EX_CONFIG;
    format!(
        "[Unit]\n\
         Description=OpenClaw Gateway\n\
         After=network.target\n\n\
         [Service]\n\
         Type=notify\n\
         ExecStart=\"{program}\" --state-dir \"{state}\" gateway run\n\
         Restart=on-failure\n\
         RestartSec=10\n\
         RestartPreventExitStatus={no_restart}\n\
         NoNewPrivileges=yes\n\
         SyslogIdentifier=openclaw-gateway\n\n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}

fn token(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let token = daemon::token(&config)?;
    output.either(&json!({"token": token.expose()}), || {
        token.expose().to_owned()
    })
}
