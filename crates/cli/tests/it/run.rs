//! One call of the program: its arguments, what it reads, what it printed, how it ended.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    time::timeout,
};

/// Time for any call; far more than a loaded machine of two cores needs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

/// The program under test.
pub(crate) const OPENCLAW: &str = env!("CARGO_BIN_EXE_openclaw");

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub(crate) fn from_output(output: Output) -> Self {
        let signal = output.status.signal().map(|signal| -signal);
        Self {
            code: output.status.code().or(signal).unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What it printed, where it went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.out
    }

    /// The one JSON document it printed.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The error it printed, with its exit code.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:#?}");
        self.err
    }
}

/// Starts a call whose ends are all pipes.
pub(crate) fn spawn(mut command: Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command.spawn().unwrap()
}

/// Gives it this to read and waits for its end.
pub(crate) async fn finish(mut child: Child, input: &[u8]) -> Ran {
    let mut stdin = child.stdin.take().unwrap();
    let fed = async {
        // One that reads nothing may be gone already.
        drop(stdin.write_all(input).await);
        drop(stdin);
    };
    let done = async { tokio::join!(fed, child.wait_with_output()).1 };
    let output = timeout(DEADLINE, done).await.expect("it ends");
    Ran::from_output(output.unwrap())
}
