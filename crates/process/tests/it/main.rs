//! Children for real: the helper is this crate's own small binary, the programs are the system's.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what the tests share is test code too, and it ends a test by panicking"
)]

mod children;
mod fence;
mod limits;
mod supervision;
mod tree;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use openclaw_process::{Child, Launcher, Limits, Plan, Stdio};
use tokio::io::AsyncReadExt;

/// Generous: reached only when something is wrong.
const DEADLINE: Duration = Duration::from_secs(30);

fn launcher() -> Launcher {
    Launcher::new(PathBuf::from(env!("CARGO_BIN_EXE_openclaw-process-child")))
}

fn plan(program: &str, args: &[&str]) -> Plan {
    Plan {
        program: PathBuf::from(program),
        args: args.iter().map(Into::into).collect(),
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        cwd: PathBuf::from("/"),
        limits: Limits::NONE,
        fence: None,
        stdin: Stdio::Null,
        stdout: Stdio::Pipe,
        stderr: Stdio::Null,
    }
}

fn shell(script: &str) -> Plan {
    plan("/bin/sh", &["-c", script])
}

/// Everything the child says until it closes its output.
async fn output(child: &mut Child) -> String {
    let mut text = String::new();
    let mut stdout = child.stdout.take().expect("the plan asked for a pipe");
    within(stdout.read_to_string(&mut text))
        .await
        .expect("output is text");
    text
}

/// The first line the child says.
async fn line(child: &mut Child) -> String {
    let stdout = child.stdout.as_mut().expect("the plan asked for a pipe");
    let mut line = Vec::new();
    loop {
        match within(stdout.read_u8())
            .await
            .expect("the child says a line")
        {
            b'\n' => return String::from_utf8(line).expect("the line is text"),
            byte => line.push(byte),
        }
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("it happens before the deadline")
}

/// The process's state letter, or `None` when it is gone.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Waits until the process has ended, reaped or not.
async fn ended(pid: u32) {
    within(async {
        while state(pid).is_some_and(|state| state != 'Z') {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// The zombies among this process's own children.
fn zombies() -> Vec<u32> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in Path::new("/proc")
        .read_dir()
        .expect("/proc is there")
        .flatten()
    {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let mut fields = stat
            .rsplit_once(") ")
            .map_or("", |(_, rest)| rest)
            .split(' ');
        if fields.next() == Some("Z") && fields.next() == Some(&own) {
            found.push(pid);
        }
    }
    found
}
