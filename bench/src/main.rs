//! Scenarios that measure the gateway from outside, as its users meet it: a real binary, a scripted model server, a
//! load generator, each in a process of its own, and the operating system's account of each.
//!
//! `cargo xtask bench NAME` builds the release binary and runs this. A scenario prints its figures beside their limits
//! and exits non-zero when one is missed.

mod gateway;
mod load;
mod model;
mod report;
mod router;
mod scenarios;
mod sessions;
mod usage;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

/// Measure the gateway.
#[derive(Debug, Parser)]
struct Cli {
    /// Which scenario: start, idle, turns, throughput, list, history, sessions, router,
    /// size, or all
    name: String,
    /// The binary to measure
    #[arg(long, default_value = "target/release/openclaw")]
    binary: PathBuf,
    /// Seconds of load where a scenario runs for a time
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Append the figures to this Markdown file
    #[arg(long)]
    write: Option<PathBuf>,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    if arguments.nth(1).as_deref() == Some(model::ARGUMENT) {
        return model::serve();
    }
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let figures = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(scenarios::run(&cli.name, &cli.binary, cli.seconds)));
    match figures {
        Ok(figures) => report::print(&figures, cli.write.as_deref()),
        Err(error) => report::failed(&error),
    }
}
