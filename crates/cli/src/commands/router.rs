//! `openclaw router …`: who may spend what on models, what was spent, and how whatever answers is.

mod budgets;
mod health;
mod keys;
mod spend;

use openclaw_accounts::Picture;
use openclaw_config::Config;
use openclaw_gateway::accounts_options;
use openclaw_types::{Env as _, SystemEnv, Timestamp};
use openclaw_wire::ErrorShape;

pub(crate) use self::budgets::alerts;
use crate::{
    args::Router,
    daemon,
    error::{self, Failure},
    output::Output,
    place::Place,
};

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: Router) -> Result<(), Failure> {
    match command {
        Router::Run(run) => daemon::run_router(place, &run.listen),
        Router::Keys(command) => keys::run(place, output, *command),
        Router::Spend(wanted) => spend::run(place, output, &wanted),
        Router::Budgets => budgets::run(place, output),
        Router::Health => health::run(place, output),
    }
}

/// Now.
fn now() -> Timestamp {
    SystemEnv.now()
}

/// Keys and spending as they are on disk, while no gateway runs.
fn picture(config: &Config) -> Result<Picture, Failure> {
    let options = accounts_options(config);
    Picture::read(&options.dir, options.allowances, now())
        .map_err(|error| Failure::from_error(&error))
}

/// What a gateway would have answered, without one.
fn refused(shape: &ErrorShape) -> Failure {
    let failure = Failure::new(shape.message.clone());
    let hint = shape
        .details
        .as_ref()
        .and_then(|details| details["hint"].as_str());
    let failure = failure.maybe_hint(hint.map(str::to_owned));
    if shape.code == openclaw_wire::ErrorCode::NotFound {
        failure.code(error::NOT_FOUND)
    } else {
        failure
    }
}
