//! The `openclaw` command: parse, act, print, and an exit code that says how it went.

mod amount;
mod args;
mod commands;
mod daemon;
mod error;
mod link;
mod output;
mod patience;
mod place;
mod plot;
mod screen;

use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use clap::Parser as _;

use crate::{
    args::{Cli, Command, Gateway},
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
    survive_full_files();
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

/// `SIGXFSZ`, which is 25 on every Linux we run on: a file reached the size that its process may write.
const SIGXFSZ: i32 = 25;

/// Makes a write beyond the limit of a file's size fail, as on a full disk, where it would end the process by default.
/// What is started from here has the default again.
fn survive_full_files() {
    let seen = Arc::new(AtomicBool::new(false));
    // Where that fails, a full file is as bad as without it.
    drop(signal_hook::flag::register(SIGXFSZ, seen));
}

/// Help and version are no errors; everything else the parser says is.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A closed terminal is no reason to fail in another way.
        drop(error.print());
        return ExitCode::from(error::OK);
    }
    // The parser gave up, so whether JSON was asked for has to be seen without it.
    let json = std::env::args_os().any(|argument| argument == "--json");
    let missing = clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if error.kind() == missing && json {
        let failure = Failure::new("a command is missing").hint("see `openclaw --help`");
        output::failure(&failure.code(error::USAGE), json);
    } else if error.kind() == missing {
        drop(error.print());
    } else {
        output::failure(&misuse(&error.render().to_string()), json);
    }
    ExitCode::from(error::USAGE)
}

/// What the parser says of a wrong command line, in the form of every other failure.
fn misuse(said: &str) -> Failure {
    let (mut message, mut usage, mut tips) = (Vec::new(), None, Vec::new());
    for line in said.lines().map(str::trim) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            tips.push(tip.to_owned());
        } else if let Some(form) = line.strip_prefix("Usage: ") {
            usage = Some(form);
        } else if !line.is_empty() && !line.starts_with("For more information") {
            message.push(line.trim_start_matches("error: "));
        }
    }
    tips.extend(usage.map(|form| format!("write `{form}`")));
    tips.push("--help shows what is possible".to_owned());
    Failure::new(message.join(" "))
        .hint(tips.join("; "))
        .code(error::USAGE)
}

fn run(cli: Cli) -> Result<(), Failure> {
    let output = Output {
        json: cli.global.json,
    };
    let mut place = Place::new(cli.global);
    output::give_with_hints(place.words());
    // One that is to run itself is told all it needs.
    if !matches!(cli.command, Command::Gateway(Gateway::Run { .. })) {
        place.follow_running();
    }
    match cli.command {
        Command::Gateway(command) => commands::gateway::run(&place, output, command),
        Command::Status(deep) => commands::gateway::status::run(&place, output, deep.deep),
        Command::Init => commands::init::run(&place, output),
        Command::Agent(command) => commands::agents::run(&place, output, command),
        Command::Session(command) => commands::sessions::run(&place, output, command),
        Command::Router(command) => commands::router::run(&place, output, command),
        Command::Models(command) => commands::models::run(&place, output, command),
        Command::Skills(command) => commands::skills::run(&place, output, &command),
        Command::Ledger(command) => commands::ledger::run(&place, output, &command),
        Command::Chat(chat) => commands::chat::run(&place, output, &chat),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_command_line_is_one_error_and_one_hint() {
        for (line, message, hint) in [
            (
                "openclaw agent lst",
                "unrecognized subcommand 'lst'",
                "a similar subcommand exists: 'list'; write `openclaw agent [OPTIONS] <COMMAND>`; --help shows what is possible",
            ),
            (
                "openclaw agent send",
                "the following required arguments were not provided: <AGENT>",
                "write `openclaw agent send <AGENT> [TEXT]...`; --help shows what is possible",
            ),
            (
                "openclaw gateway run --port x",
                "invalid value 'x' for '--port <PORT>': it is a whole number from 0 to 65535",
                "--help shows what is possible",
            ),
        ] {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            let failure = misuse(&error.render().to_string());
            assert_eq!(failure.message, message);
            assert_eq!(failure.hint.as_deref(), Some(hint));
            assert_eq!(failure.code, error::USAGE);
        }
    }
}
