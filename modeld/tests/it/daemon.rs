//! Starts the daemon and talks to it.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Mutex, OnceLock,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{self, Reply};

/// Longest wait for the daemon to start or stop.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Tokens per conversation in these tests.
pub(crate) const CONTEXT: u64 = 2048;

pub(crate) fn model_file() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests are told where the model is by the environment"
    )]
    let path = std::env::var("OPENCLAW_MODEL_FILE")
        .expect("OPENCLAW_MODEL_FILE must name the model; run test.sh");
    PathBuf::from(path)
}

pub(crate) fn command(model: &Path, socket: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openclaw-modeld"));
    command
        .arg("serve")
        .arg("--model")
        .arg(model)
        .arg("--socket")
        .arg(socket);
    command
        .args(["--name", "tiny", "--slots", "2", "--threads", "1"])
        .args(["--context", &CONTEXT.to_string()]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

/// A running daemon; its standard input closes with this, and it ends with its standard input.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) socket: PathBuf,
    lines: Mutex<Receiver<Value>>,
    pub(crate) child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    _dir: TempDir,
}

impl Daemon {
    /// Starts a daemon and waits until it is ready.
    pub(crate) fn start() -> Self {
        let daemon = Self::start_with(&model_file());
        while daemon.line()["event"] != "ready" {}
        daemon
    }

    pub(crate) fn start_with(model: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("modeld.sock");
        let mut child = command(model, &socket)
            .arg("--exit-with-stdin")
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                drop(sender.send(serde_json::from_str(&line).unwrap()));
            }
        });
        Self {
            socket,
            lines: Mutex::new(lines),
            child,
            stdin,
            _dir: dir,
        }
    }

    /// The daemon most tests share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Daemon> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// The next line of the protocol.
    pub(crate) fn line(&self) -> Value {
        self.lines
            .lock()
            .unwrap()
            .recv_timeout(PATIENCE)
            .expect("the daemon says something")
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        client::call(&self.socket, "GET", path, b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        client::call(&self.socket, "POST", path, body.to_string().as_bytes())
    }

    pub(crate) fn chat(&self, body: &Value) -> Reply {
        self.post("/v1/chat/completions", body)
    }

    /// A chat that must succeed.
    pub(crate) fn answer(&self, body: &Value) -> Value {
        let reply = self.chat(body);
        assert_eq!(
            reply.status,
            200,
            "{}",
            String::from_utf8_lossy(&reply.body)
        );
        reply.json()
    }

    pub(crate) fn busy(&self) -> Value {
        self.get("/health").json()["busy"].clone()
    }

    /// Asks again until `busy` has the value.
    pub(crate) fn wait_busy(&self, expected: u64) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.busy() != json!(expected) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "busy never became {expected}"
            );
        }
    }

    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; a daemon that does not end is killed and the test fails.
    pub(crate) fn wait(&mut self, patience: Duration) -> ExitStatus {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            if tokio::time::Instant::now() > deadline {
                self.child.kill().unwrap();
                panic!("the daemon did not end within {patience:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.wait(PATIENCE);
    }
}

pub(crate) fn user(text: &str) -> Value {
    json!([{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": text}])
}
