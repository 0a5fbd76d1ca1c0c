//! `cargo xtask`: the one door to building, checking, testing, and starting everything in this repository.
//!
//! It is not part of the product, and nothing of the product depends on it.
//!
//! Start at [`args`], which lists the commands; each has a module of its name.
//!
//! Invariants: a step prints a heading when it starts and a sign of life at least every five seconds; a failure names
//! the next thing to do; nothing is installed that is there already.

mod args;
mod bench;
mod ci;
mod codegen;
mod dist;
mod error;
mod fmt;
mod layers;
mod lint;
mod modeld;
mod output;
mod prove;
mod repo;
mod setup;
mod start;
mod step;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Args, Command},
    error::Error,
    repo::Repo,
};

fn main() -> ExitCode {
    let args = Args::parse();
    match Repo::find().and_then(|repo| run(&repo, args.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(repo: &Repo, command: Command) -> Result<(), Error> {
    match command {
        Command::Start {
            no_local_model,
            chat,
        } => start::run(repo, no_local_model, &chat),
        Command::Ci => ci::run(repo),
        Command::Setup { no_local_model } => setup::everything(repo, no_local_model),
        Command::Fmt { check } => fmt::run(repo, check),
        Command::Lint => lint::run(repo),
        Command::Test { filter, rest } => test::run(repo, filter.as_deref(), &rest),
        Command::Tidy => tidy::run(repo),
        Command::Codegen { check } => codegen::run(repo, check),
        Command::Modeld { what } => modeld::run(repo, what),
        Command::Bench { name, rest } => bench::run(repo, &name, &rest),
        Command::Prove {
            proof,
            rounds,
            seed,
        } => prove::run(repo, proof, rounds, seed),
        Command::Dist => dist::run(repo),
    }
}
