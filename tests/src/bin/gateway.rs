//! A gateway as a process of its own, for tests that kill it: reads the state directory given as its only argument.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use openclaw_config::{Environment, Overrides};
use openclaw_gateway::{Gateway, Start};
use openclaw_types::SystemEnv;

fn main() -> ExitCode {
    let Some(state) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return ExitCode::from(2);
    };
    match run(&state) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("failed: {error}: {:?}", error.source()));
            ExitCode::FAILURE
        }
    }
}

fn run(state: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let overrides = Overrides {
        state_dir: Some(state.to_owned()),
        ..Overrides::default()
    };
    let environment = Environment::of([("HOME", state.display().to_string())]);
    let config = openclaw_config::load(&overrides, &environment)?.config;
    openclaw_gateway::logging::init(
        &config.log_level,
        &openclaw_gateway::logging::Target::Stderr,
    )?;
    let token = openclaw_config::token::ensure(&config.paths.token(), &SystemEnv)?;
    let start = Start {
        config,
        token,
        environment,
        helper: std::env::current_exe()?,
        flags: openclaw_gateway::lock::Flags::default(),
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let gateway = Gateway::start(start).await?;
            say(&format!("listening on {}", gateway.address()));
            gateway.run_until_stopped().await?;
            Ok(())
        })
}

#[expect(clippy::print_stdout, reason = "the test that started it reads this")]
fn say(line: &str) {
    println!("{line}");
}
