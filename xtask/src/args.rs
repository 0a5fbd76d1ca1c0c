//! The commands and their arguments.

use std::ffi::OsString;

use clap::{Parser, Subcommand, ValueEnum};

use crate::prove::Proof;

/// Builds, checks, tests, and starts the gateway.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set up, build, fetch the default model, and start a conversation
    Start {
        /// Neither build the local model's engine nor fetch its model
        #[arg(long)]
        no_local_model: bool,
        /// Passed to `openclaw chat`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        chat: Vec<OsString>,
    },
    /// Run every check and every test, those that fail fastest first
    Ci,
    /// Install what building and testing need, and nothing that is there already
    Setup {
        /// Leave out what only the local model's engine needs
        #[arg(long)]
        no_local_model: bool,
    },
    /// Format the code
    Fmt {
        /// Change nothing; fail if something is not formatted
        #[arg(long)]
        check: bool,
    },
    /// Run clippy on all targets, warnings being errors
    Lint,
    /// Run the tests and the documentation's tests
    Test {
        /// Only tests whose name holds this text
        filter: Option<String>,
        /// Passed to nextest
        #[arg(last = true)]
        rest: Vec<OsString>,
    },
    /// Check layers, budgets, links, names, licences, and documents
    Tidy,
    /// Write the reference pages that come from the code
    Codegen {
        /// Change nothing; fail if a page is out of date
        #[arg(long)]
        check: bool,
    },
    /// Build or test the local model's engine
    Modeld {
        #[arg(value_enum, default_value_t = Modeld::Build)]
        what: Modeld,
    },
    /// Measure one scenario with a release build
    Bench {
        /// The scenario; `all` runs every one
        name: String,
        /// Passed to the scenario
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<OsString>,
    },
    /// Prove what the session store promises, at full length
    Prove {
        #[arg(value_enum)]
        proof: Proof,
        /// How many kills, cuts, or histories
        #[arg(long)]
        rounds: Option<u64>,
        /// Where the random numbers begin: the same seed does the same
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Build what is released, with checksums, into target/dist
    Dist,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Modeld {
    /// Build it for release and put it beside the gateway's binary
    Build,
    /// Build it, then run its own checks and its tests with the real model
    Test,
}
