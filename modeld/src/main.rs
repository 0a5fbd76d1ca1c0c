//! The `openclaw-modeld` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    openclaw_modeld::cli::run(std::env::args_os())
}
