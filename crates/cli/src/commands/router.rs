//! `openclaw router …`: the models over HTTP.

use crate::{args::Router, daemon, error::Failure, place::Place};

/// Runs one of them.
pub(crate) fn run(place: &Place, command: &Router) -> Result<(), Failure> {
    match command {
        Router::Run(run) => daemon::run_router(place, &run.listen),
    }
}
