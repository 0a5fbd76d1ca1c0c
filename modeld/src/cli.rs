//! The command line: `serve` and `check`, and the exit codes.

use std::{ffi::OsString, io::Write, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    cpu::Abilities,
    daemon, leave,
    report::{self, Code, Line, say},
};

/// The command line was wrong.
const EXIT_USAGE: u8 = 2;

/// Serves one GGUF chat model over a unix socket.
///
/// Exit codes: 0 ok, 2 usage, 3 processor, 4 model, 5 socket.
#[derive(Debug, Parser)]
#[command(name = "openclaw-modeld", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load a model and answer requests until SIGTERM.
    Serve(Serve),
    /// Print as JSON whether this processor can run the kernels.
    Check,
}

/// The options of `serve`.
#[derive(Debug, Clone, clap::Args)]
pub struct Serve {
    /// The GGUF file.
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// Where to create the socket; its directory must exist.
    #[arg(long, value_name = "PATH")]
    pub socket: PathBuf,
    /// The name under which the model answers; the file's name without its ending by default.
    #[arg(long)]
    pub name: Option<String>,
    /// Tokens one conversation may have; capped by what the model was trained for.
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u32).range(256..=1_048_576))]
    pub context: u32,
    /// Threads that compute; all processors but one by default, at most 8.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub threads: Option<u16>,
    /// Conversations kept ready and served at the same time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub slots: u16,
    /// Exit when standard input ends, so as not to outlive the parent.
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// Parses the arguments and runs the command.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let failed = error.use_stderr();
            // Nowhere is left to report a failure to print the usage text.
            drop(error.print());
            return if failed {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let abilities = Abilities::detect();
    match cli.command {
        Command::Check => {
            say(&abilities);
            if abilities.ok {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(Code::CpuUnsupported.exit())
            }
        }
        Command::Serve(options) => leave::now(serve(&options, &abilities)),
    }
}

/// Serves until the end and gives the exit code.
fn serve(options: &Serve, abilities: &Abilities) -> u8 {
    if !abilities.ok {
        let code = Code::CpuUnsupported;
        say(&Line::Error {
            code,
            message: format!("this processor has no {}", abilities.missing.join(", ")),
            hint: "use a remote provider, or build without the GGML_* settings in modeld/.cargo/config.toml".to_owned(),
        });
        return code.exit();
    }
    start_log();
    match daemon::run(options) {
        Ok(()) => 0,
        Err(error) => {
            let code = error.code();
            report::say(&Line::Error {
                code,
                message: full_text(&error),
                hint: error.hint().to_owned(),
            });
            code.exit()
        }
    }
}

/// An error with its causes, one after the other.
fn full_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

fn start_log() {
    let logged = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(tracing::Level::WARN)
        .try_init();
    if logged.is_err() {
        // A log that was already started keeps working.
        drop(std::io::stderr().flush());
    }
}
