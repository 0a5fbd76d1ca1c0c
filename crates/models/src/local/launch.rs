//! How the model's process is started and restarted.

use std::{
    ffi::OsString,
    fs::File,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    time::Duration,
};

use openclaw_process::{Limits, Plan, Stdio, supervisor};

use crate::options::LocalOptions;

/// Descriptors it may have: its connections, its file, and a few more.
const OPEN_FILES_MAX: u64 = 256;
/// Conversations that it keeps warm and answers at the same time.
const SLOTS: &str = "4";

/// What its socket is called.
const SOCKET: &str = "modeld.sock";
/// Longest path to the socket that is used as it is. The system takes 107 bytes, and 103 on some; the name under which
/// the socket is made has up to 11 more.
const SOCKET_PATH_BYTES_MAX: usize = 92;

/// How the socket is reached.
#[derive(Debug)]
pub(super) struct Door {
    /// A path that is short enough.
    pub(super) path: PathBuf,
    /// What a path that would be too long goes through; it leads nowhere when this is closed.
    _directory: Option<File>,
}

impl Door {
    /// The way to where the process listens. Its directory may lie as deep as it likes.
    pub(super) fn to(options: &LocalOptions) -> Self {
        let path = options.run_dir.join(SOCKET);
        let directory = is_too_long(&path).then(|| File::open(&options.run_dir));
        // A directory that can't be opened can't be listened in either, and whoever tries says why.
        match directory.and_then(Result::ok) {
            Some(directory) => Self {
                path: Path::new("/proc/self/fd")
                    .join(directory.as_raw_fd().to_string())
                    .join(SOCKET),
                _directory: Some(directory),
            },
            None => Self {
                path,
                _directory: None,
            },
        }
    }
}

fn is_too_long(path: &Path) -> bool {
    path.as_os_str().len() > SOCKET_PATH_BYTES_MAX
}

/// Where it is to listen, for a process that begins in its directory.
fn socket(options: &LocalOptions) -> PathBuf {
    let path = options.run_dir.join(SOCKET);
    if is_too_long(&path) {
        PathBuf::from(SOCKET)
    } else {
        path
    }
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
        fence: None,
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
