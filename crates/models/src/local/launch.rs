//! How the model's process is started and restarted.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use openclaw_process::{Limits, Plan, Stdio, supervisor};

use crate::options::LocalOptions;

/// Descriptors it may have: its connections, its file, and a few more.
const OPEN_FILES_MAX: u64 = 256;
/// Conversations that it keeps warm and answers at the same time.
const SLOTS: &str = "4";

/// Where it listens.
pub(super) fn socket(options: &LocalOptions) -> PathBuf {
    options.run_dir.join("modeld.sock")
}

/// What it is to be.
pub(super) fn plan(options: &LocalOptions, program: &Path, name: &str, model: &Path) -> Plan {
    let socket = socket(options);
    let context = options.context_window.to_string();
    let mut args: Vec<OsString> = vec!["serve".into()];
    let pairs: [(&str, OsString); 5] = [
        ("--model", model.into()),
        ("--socket", socket.into()),
        ("--name", name.into()),
        ("--context", context.into()),
        ("--slots", SLOTS.into()),
    ];
    for (option, value) in pairs {
        args.extend([option.into(), value]);
    }
    args.push("--exit-with-stdin".into());
    Plan {
        program: program.to_owned(),
        args,
        env: Vec::new(),
        cwd: options.run_dir.clone(),
        limits: Limits {
            address_space_bytes: Some(options.memory_bytes_max),
            open_files: Some(OPEN_FILES_MAX),
            file_bytes: Some(0),
            ..Limits::NONE
        },
        // It ends when this pipe does.
        stdin: Stdio::Pipe,
        stdout: Stdio::Pipe,
        stderr: Stdio::Pipe,
    }
}

/// How often it may die.
pub(super) const fn restarts() -> supervisor::Options {
    supervisor::Options {
        restarts_max: 3,
        window: Duration::from_secs(60),
        pause_first: Duration::from_millis(200),
        pause_max: Duration::from_secs(5),
        // It promises to end within two seconds.
        grace: Duration::from_secs(3),
    }
}
