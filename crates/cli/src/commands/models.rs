//! `openclaw models …`: what can be asked for, what is used, whether it works, what can be fetched.

mod auth;
mod files;
mod list;
mod probe;
mod status;

use std::time::Duration;

use openclaw_wire::methods::{
    Empty,
    models::{ModelsStatus, ModelsStatusResult},
};
use tokio::time::Instant;

use crate::{
    args::Models,
    error::Failure,
    link::Link,
    output::{self, Output, Pace},
    place::Place,
};

/// How often progress is shown where there is no terminal.
const SAY_EVERY: Duration = Duration::from_secs(2);
/// The look for a model takes this long at most: every place has its own shorter deadline.
const SETTLE_DEADLINE: Duration = Duration::from_secs(5);
/// How often it is asked whether the look has ended.
const SETTLE_PAUSE: Duration = Duration::from_millis(20);

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: Models) -> Result<(), Failure> {
    match command {
        Models::List => list::run(place, output),
        Models::Status => status::run(place, output),
        Models::Auth => auth::run(place, output),
        Models::Pull { source, sha256 } => {
            files::pull(place, output, source.as_deref(), sha256.as_deref())
        }
        Models::Rm { name } => files::remove(place, output, &name),
        Models::Probe {
            model,
            all,
            timeout,
        } => probe::run(place, output, (model, all), Duration::from_secs(timeout)),
    }
}

/// How the models are once they were looked for, which begins with the gateway and takes a moment.
pub(crate) async fn settled(link: &Link) -> Result<ModelsStatusResult, Failure> {
    let started = Instant::now();
    let mut pace = Pace::new(SAY_EVERY);
    loop {
        let status = link.call::<ModelsStatus>(&Empty {}).await?;
        if status.source.is_some() || started.elapsed() > SETTLE_DEADLINE {
            output::progress_done();
            return Ok(status);
        }
        if started.elapsed() > SAY_EVERY && pace.is_due() {
            output::progress("looking for a model");
        }
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
}
