//! `openclaw gateway logs`: the log file of a gateway in the background.

use std::{io, time::Duration};

use crate::{
    daemon::log::{self, Follower},
    error::{self, Failure},
    link::block_on,
    output,
    place::Place,
};

/// How often a followed log is looked at.
const FOLLOW_PAUSE: Duration = Duration::from_millis(200);

/// Prints the end of the log, and what is added.
pub(super) fn run(place: &Place, lines: usize, follow: bool) -> Result<(), Failure> {
    let path = place.home()?.paths.log_file();
    if !path.is_file() {
        return Err(Failure::new(format!("there is no log at {}", path.display()))
            .hint(
                "only a gateway started in the background writes one; under systemd: `journalctl -u openclaw-gateway -f`",
            )
            .code(error::NOT_FOUND));
    }
    let failed =
        |error: io::Error| Failure::new(format!("read the log {}: {error}", path.display()));
    let mut follower = Follower::new(&path).map_err(failed)?;
    for line in log::tail(&path, lines) {
        output::line(&line);
    }
    if !follow {
        return Ok(());
    }
    block_on(async {
        while !output::reader_left() {
            let added = follower.added().map_err(failed)?;
            if !added.is_empty() {
                output::piece(&added);
            }
            tokio::time::sleep(FOLLOW_PAUSE).await;
        }
        Ok(())
    })
}
