//! The `openclaw` command: parse, act, print, and an exit code that says how it went.

mod args;
mod commands;
mod daemon;
mod error;
mod link;
mod output;
mod patience;
mod place;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    args::{Cli, Command},
    error::Failure,
    output::Output,
    place::Place,
};

/// What `--version` prints: ours, and the protocols we speak.
pub(crate) const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (gateway protocol 3-4, a2a-v1)");

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments
        .next()
        .is_some_and(|first| first == openclaw_process::CHILD_ARGUMENT)
    {
        return openclaw_process::child_main(arguments);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let json = cli.global.json;
    match run(cli) {
        Ok(()) => ExitCode::from(error::OK),
        Err(failure) => {
            output::failure(&failure, json);
            ExitCode::from(failure.code)
        }
    }
}

/// Help and version are no errors; everything else the parser says is.
fn usage(error: &clap::Error) -> ExitCode {
    let is_wrong = error.use_stderr();
    // The parser gave up, so whether JSON was asked for has to be seen without it.
    if is_wrong && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let text = text.trim().trim_start_matches("error: ").to_owned();
        output::line(&output::failure_value(&Failure::new(text).code(error::USAGE)).to_string());
    }
    // A closed terminal is no reason to fail in another way.
    drop(error.print());
    ExitCode::from(if is_wrong { error::USAGE } else { error::OK })
}

fn run(cli: Cli) -> Result<(), Failure> {
    let output = Output {
        json: cli.global.json,
    };
    let place = Place::new(cli.global);
    match cli.command {
        Command::Gateway(command) => commands::gateway::run(&place, output, command),
        Command::Status(deep) => commands::gateway::status::run(&place, output, deep.deep),
        Command::Init => commands::init::run(&place, output),
        Command::Agent(command) => commands::agents::run(&place, output, command),
        Command::Session(command) => commands::sessions::run(&place, output, command),
        Command::Models(command) => commands::models::run(&place, output, command),
        Command::Chat(chat) => commands::chat::run(&place, output, &chat),
    }
}
