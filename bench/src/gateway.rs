//! A gateway under measurement: its process, its state directory, its model.

use std::{
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use crate::model;

/// A gateway that is not ready by then is broken.
const READY_DEADLINE: Duration = Duration::from_secs(20);
/// How often readiness is asked for; well below what is measured.
const READY_PAUSE: Duration = Duration::from_micros(200);

/// The scripted model server as a process; killed when dropped.
#[derive(Debug)]
pub(crate) struct Model {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
}

impl Model {
    /// Starts it and reads its address.
    pub(crate) fn start() -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .arg(model::ARGUMENT)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("start the model server: {error}"))?;
        let mut address = String::new();
        let stdout = child
            .stdout
            .take()
            .ok_or("the model server has no output")?;
        let _length = BufReader::new(stdout)
            .read_line(&mut address)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            child,
            address: address.trim().to_owned(),
        })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself; either way it is reaped.
    drop(child.kill());
    drop(child.wait());
}

/// A state directory with a configuration that points at the model.
#[derive(Debug)]
pub(crate) struct Home {
    directory: TempDir,
}

impl Home {
    /// Makes one.
    pub(crate) fn new(model: &Model, history_entries: u32) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let config = serde_json::json!({
            "models": {"providers": {"bench": {
                "baseUrl": format!("http://{}", model.address),
                "apiKey": "none",
                "models": [{"id": "echo", "name": "echo", "api": "openai-completions", "contextWindow": 128_000, "maxTokens": 8192}],
            }}},
            "model_routing": {"default": "bench/echo"},
            "session": {"historyEntries": history_entries},
        });
        std::fs::write(directory.path().join("openclaw.json"), config.to_string())
            .map_err(|error| error.to_string())?;
        Ok(Self { directory })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// A running gateway; killed when dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of its process until it said that it is ready.
    pub(crate) ready_after: Duration,
    state: PathBuf,
}

impl Gateway {
    /// Starts the binary and waits until it is ready.
    pub(crate) async fn start(binary: &Path, home: &Home) -> Result<Self, String> {
        let address = free_address()?;
        let log = std::fs::File::create(home.path().join("bench.log"))
            .map_err(|error| error.to_string())?;
        let started = Instant::now();
        let child = Command::new(binary)
            .args([
                "gateway",
                "run",
                "--port",
                &address.port().to_string(),
                "--state-dir",
            ])
            .arg(home.path())
            .env_clear()
            .env("HOME", home.path())
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("start {}: {error}", binary.display()))?;
        let mut gateway = Self {
            child,
            address,
            ready_after: Duration::ZERO,
            state: home.path().to_owned(),
        };
        while !ready(address).await {
            if let Ok(Some(status)) = gateway.child.try_wait() {
                return Err(format!(
                    "the gateway ended with {status}:\n{}",
                    gateway.log()
                ));
            }
            if started.elapsed() > READY_DEADLINE {
                return Err(format!(
                    "the gateway was not ready in time:\n{}",
                    gateway.log()
                ));
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
        gateway.ready_after = started.elapsed();
        Ok(gateway)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.state.join("bench.log")).unwrap_or_default()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn free_address() -> Result<SocketAddr, String> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|error| error.to_string())
}

async fn ready(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut answer = [0; 15];
        let _length = stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with(b"HTTP/1.1 200"))
    };
    ask.await.unwrap_or(false)
}
