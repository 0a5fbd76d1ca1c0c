//! Proofs with the whole gateway: killed, cut off from power, and out of space; `cargo xtask prove` runs them longer.
//!
//! Each has a negative control beside it: the same check where something is planted that it must catch.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

mod full;
mod kill;
mod ledger;
mod load;
mod power;

/// A number from the environment, or the one that every test run affords.
fn asked(name: &str, default: usize) -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "the long runs and the short ones are the same tests"
    )]
    let value = std::env::var(name);
    value.map_or(default, |value| {
        value
            .parse()
            .unwrap_or_else(|error| panic!("{name}={value}: {error}"))
    })
}

/// Set for the run of a test inside its own mounts.
const INSIDE: &str = "OPENCLAW_PROVE_INSIDE";

/// Whether this is the run inside namespaces of its own; elsewhere such a run is made and waited for.
///
/// What it mounts and starts there ends with it, however it ends: the mounts are nobody else's, and every process
/// in it is killed with the first.
fn inside(test: &str, programs: &[&str]) -> bool {
    if asked(INSIDE, 0) == 1 {
        return true;
    }
    assert!(
        rustix::process::getuid().is_root(),
        "mounting needs root: run it as root, or leave it out with `-E 'not test({test})'`"
    );
    for program in programs {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .stdout(Stdio::null())
            .status();
        assert!(
            found.is_ok_and(|status| status.success()),
            "`{program}` is missing: `apt-get install e2fsprogs mount util-linux strace` brings all that is needed"
        );
    }
    let said = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut stdout = std::io::stdout().lock();
    drop(stdout.write_all(&said.stdout));
    drop(stdout.write_all(&said.stderr));
    assert!(said.status.success(), "{test}: {}", said.status);
    // A name that no test has would pass in silence.
    let ran = String::from_utf8_lossy(&said.stdout).contains("1 passed");
    assert!(ran, "{test} is not the name of a test");
    false
}

/// Runs a short program that must succeed.
fn run(program: &str, args: &[&str]) {
    let said = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        said.status.success(),
        "{program} {args:?}: {} {}",
        said.status,
        String::from_utf8_lossy(&said.stderr)
    );
}
