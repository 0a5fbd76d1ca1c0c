//! `openclaw gateway logs`: the log file of a gateway in the background.

use std::{io, time::Duration};

use serde_json::json;

use crate::{
    daemon::log::{self, Follower},
    error::{self, Failure},
    link::block_on,
    output::{self, Output},
    place::Place,
};

/// How often a followed log is looked at.
const FOLLOW_PAUSE: Duration = Duration::from_millis(200);

/// Prints the end of the log, and what is added.
pub(super) fn run(
    place: &Place,
    output: Output,
    (lines, follow): (usize, bool),
) -> Result<(), Failure> {
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
    let end = log::tail(&path, lines);
    if !follow {
        let body = json!({"log": path, "lines": end});
        if end.is_empty() && !output.json {
            return Ok(());
        }
        return output.either(&body, || end.join("\n"));
    }
    // What has no end can't be one document, so it is one a line.
    let print = |line: &str| {
        if output.json {
            output::line(&json!({"line": line}).to_string());
        } else {
            output::line(line);
        }
    };
    end.iter().for_each(|line| print(line));
    block_on(async {
        while !output::reader_left() {
            let added = follower.added().map_err(failed)?;
            added.lines().for_each(print);
            tokio::time::sleep(FOLLOW_PAUSE).await;
        }
        Ok(())
    })
}
