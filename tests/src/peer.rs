//! Routers in processes of their own: a real LiteLLM, and ours.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{http, within};

/// The key of every router here; LiteLLM refuses to start with one that is publicly known.
pub const MASTER_KEY: &str = "sk-7f41c09b55e2d83a6610fe27";
/// The key that backends are asked with.
pub const UPSTREAM_KEY: &str = "sk-upstream-secret";
/// LiteLLM needs ten seconds on an idle machine before it listens.
const START_DEADLINE: Duration = Duration::from_secs(170);
/// One question whether it listens.
const ASK_DEADLINE: Duration = Duration::from_secs(5);
/// Between two questions.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// A router in a process of its own.
#[derive(Debug)]
pub struct Peer {
    /// Where it listens.
    pub address: SocketAddr,
    /// The process.
    pub child: Child,
    /// Its home, with its configuration and what it printed.
    pub home: TempDir,
}

/// A file of this crate.
#[must_use]
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Where `cargo xtask setup` puts the Python packages that the tests need.
#[must_use]
pub fn python_packages() -> PathBuf {
    file("../target/peers/python")
}

/// A configuration of the fixtures with the backend's address in it.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn configuration(name: &str, backend: SocketAddr) -> String {
    let path = file("fixtures/litellm").join(name);
    std::fs::read_to_string(path)
        .unwrap()
        .replace("BACKEND", &backend.to_string())
        .replace(
            "bearer os.environ/UPSTREAM_KEY",
            &format!("bearer {UPSTREAM_KEY}"),
        )
}

/// A port that nobody listens on.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Peer {
    /// Starts a real LiteLLM with a configuration.
    ///
    /// # Panics
    /// When it is not installed, or does not come up.
    pub async fn litellm(configuration: &str) -> Self {
        let packages = python_packages();
        assert!(
            packages.join("litellm").is_dir(),
            "LiteLLM is not there; `cargo xtask setup` installs it"
        );
        let home = TempDir::with_prefix("openclaw-litellm-").unwrap();
        for name in ["keys.py", "keys.json"] {
            let from = file("fixtures/litellm").join(name);
            let _bytes = std::fs::copy(from, home.path().join(name)).unwrap();
        }
        std::fs::write(home.path().join("config.yaml"), configuration).unwrap();
        let port = free_port();
        let mut command = Command::new("python3");
        let _command = command
            .args(["-c", "from litellm import run_server; run_server()"])
            .args(["--config", "config.yaml", "--host", "127.0.0.1", "--port"])
            .arg(port.to_string())
            .env("PYTHONPATH", packages)
            // Prices are fetched from the net otherwise.
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("LITELLM_TELEMETRY", "False");
        Self::start(command, port, home, "/health/liveliness").await
    }

    /// Starts our router with a configuration.
    ///
    /// # Panics
    /// When it was not built, or does not come up.
    pub async fn ours(configuration: &str) -> Self {
        // Beside the folder of test programs, where the build of the workspace puts it.
        let tests = std::env::current_exe().unwrap();
        let program = tests.ancestors().nth(2).unwrap().join("openclaw");
        let home = TempDir::with_prefix("openclaw-router-").unwrap();
        std::fs::write(home.path().join("config.yaml"), configuration).unwrap();
        let port = free_port();
        let mut command = Command::new(program);
        let _command = command
            .arg("--state-dir")
            .arg(home.path().join("state"))
            .args(["router", "run", "--config", "config.yaml", "--port"])
            .arg(port.to_string());
        Self::start(command, port, home, "/health/liveliness").await
    }

    async fn start(mut command: Command, port: u16, home: TempDir, path: &str) -> Self {
        let output = std::fs::File::create(home.path().join("output")).unwrap();
        let child = command
            .current_dir(home.path())
            .env("HOME", home.path())
            .env("LITELLM_MASTER_KEY", MASTER_KEY)
            .env("UPSTREAM_KEY", UPSTREAM_KEY)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut peer = Self {
            address,
            child,
            home,
        };
        within("a router that listens", START_DEADLINE, peer.listens(path)).await;
        peer
    }

    async fn listens(&mut self, path: &str) {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the router ended with {status}:\n{}", self.output());
            }
            if tokio::net::TcpStream::connect(self.address).await.is_ok() {
                let request = http::request("GET", path, &[("Host", "localhost")]);
                let answer = http::whole(self.address, &request, ASK_DEADLINE).await;
                if answer.status == 200 {
                    return;
                }
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// What it printed.
    #[must_use]
    pub fn output(&self) -> String {
        let path = self.home.path().join("output");
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// Ends it at once.
    pub async fn kill(&mut self) {
        drop(self.child.kill().await);
    }
}
