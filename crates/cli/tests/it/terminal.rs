//! A terminal as the program sees one: a pseudo-terminal whose other end a test types on and reads.

use std::{os::fd::OwnedFd, process::Stdio};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
    time::timeout,
};

use crate::run::DEADLINE;

/// A program in a terminal.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: File,
    seen: String,
    /// How much of it was waited for already.
    read: usize,
}

impl Terminal {
    /// Runs the program in a session of its own, whose terminal this is.
    pub(crate) fn open(program: &Command) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        let stdio = || Stdio::from(theirs.try_clone().unwrap());
        let program = program.as_std();
        // util-linux' `setsid --ctty` makes its standard input the controlling terminal, which Ctrl-C needs.
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "--wait"])
            .arg(program.get_program())
            .args(program.get_args())
            .env_clear()
            .envs(
                program
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env("TERM", "xterm")
            .current_dir(program.get_current_dir().unwrap())
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .kill_on_drop(true);
        let child = command.spawn().unwrap();
        let file = |fd: OwnedFd| File::from_std(std::fs::File::from(fd));
        Self {
            child,
            keyboard: file(ours.try_clone().unwrap()),
            screen: file(ours),
            seen: String::new(),
            read: 0,
        }
    }

    /// Presses keys.
    pub(crate) async fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).await.unwrap();
        self.keyboard.flush().await.unwrap();
    }

    /// Waits until this stands on the screen, after what was waited for before; returns what came until then.
    #[track_caller]
    pub(crate) fn see<'a>(&'a mut self, text: &'a str) -> impl Future<Output = String> + 'a {
        let at = std::panic::Location::caller();
        async move {
            let looking = async {
                loop {
                    let unread = &self.seen[self.read..];
                    if let Some(at) = unread.find(text) {
                        let until = unread[..at].to_owned();
                        self.read += at + text.len();
                        return until;
                    }
                    let mut bytes = [0; 4096];
                    // The kernel reports an error once nobody has the terminal open.
                    let length = self.screen.read(&mut bytes).await.unwrap_or_default();
                    assert!(length > 0, "{at}: no `{text}` in {:?}", &self.seen);
                    self.seen
                        .push_str(&String::from_utf8_lossy(&bytes[..length]));
                }
            };
            match timeout(DEADLINE, looking).await {
                Ok(until) => until,
                Err(_elapsed) => panic!("{at}: `{text}` was not seen in {:?}", &self.seen),
            }
        }
    }

    /// Waits for the end of the program.
    pub(crate) async fn end(mut self) -> i32 {
        // A program whose terminal nobody reads would wait for room on it.
        let drain = async {
            let mut rest = Vec::new();
            drop(self.screen.read_to_end(&mut rest).await);
            std::future::pending::<()>().await;
        };
        let ended = async {
            tokio::select! {
                biased;
                status = self.child.wait() => status,
                () = drain => unreachable!("it never ends"),
            }
        };
        let status = timeout(DEADLINE, ended).await.expect("it ends");
        status.unwrap().code().unwrap()
    }
}
