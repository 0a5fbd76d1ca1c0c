//! What stands before the scripted backend: our router, and nginx as the peer.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{net::TcpStream, time::Instant};

use super::client::Ask;
use crate::usage;

/// The key that may do everything, in the measured configuration.
pub(crate) const MASTER_KEY: &str = "sk-bench-0123456789abcdef";
/// A server that is not ready by then is broken.
const READY_DEADLINE: Duration = Duration::from_secs(20);
/// How often an ending server is looked at, with [`GOODBYE_PAUSE`] between, before it is killed.
const GOODBYES: u32 = 100;
/// Far shorter than a scenario.
const GOODBYE_PAUSE: Duration = Duration::from_millis(20);

/// A server under measurement with its files; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    home: TempDir,
}

impl Server {
    /// Our router before a backend, with prices, limits and budgets in force.
    pub(crate) async fn ours(binary: &Path, backend: &str) -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let address = free_address()?;
        let file = home.path().join("litellm_config.yaml");
        std::fs::write(&file, config(backend)).map_err(|error| error.to_string())?;
        let mut command = Command::new(binary);
        command
            .args(["router", "run", "--bind", "127.0.0.1", "--port"])
            .arg(address.port().to_string())
            .arg("--config")
            .arg(&file)
            .arg("--state-dir")
            .arg(home.path().join("state"))
            .env_clear()
            .env("HOME", home.path())
            .env("PATH", "/usr/bin:/bin");
        Self::start(command, address, home).await
    }

    /// nginx that passes everything on, connections to the backend kept.
    pub(crate) async fn nginx(backend: &str) -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let address = free_address()?;
        let at = home.path().display();
        let text = format!(
            "daemon off; worker_processes auto; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 8192; }}\n\
             http {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n\
             keepalive_requests 100000000;\n\
             upstream backend {{ server {backend}; keepalive 256; keepalive_requests 100000000; }}\n\
             server {{ listen {address}; location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering off; }} }} }}\n"
        );
        let file = home.path().join("nginx.conf");
        std::fs::write(&file, text).map_err(|error| error.to_string())?;
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&file).arg("-p").arg(home.path());
        Self::start(command, address, home)
            .await
            .map_err(|error| format!("{error}\nhint: the peer is Debian's package nginx-light"))
    }

    async fn start(
        mut command: Command,
        address: SocketAddr,
        home: TempDir,
    ) -> Result<Self, String> {
        let log = std::fs::File::create(home.path().join("bench.log"))
            .map_err(|error| error.to_string())?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("start {}: {error}", command.get_program().display()))?;
        let mut server = Self {
            child,
            address,
            home,
        };
        let started = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            let ended = server.child.try_wait().ok().flatten();
            if ended.is_some() || started.elapsed() > READY_DEADLINE {
                let log = std::fs::read_to_string(server.home.path().join("bench.log"));
                return Err(format!(
                    "a server did not start:\n{}",
                    log.unwrap_or_default()
                ));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(server)
    }

    /// A key with a budget and limits, none of which is ever reached.
    pub(crate) async fn key(&self) -> Result<String, String> {
        let asked = r#"{"key_alias":"bench","max_budget":1000000,"budget_duration":"30d","rpm_limit":100000000,"tpm_limit":100000000000,"max_parallel_requests":100000}"#;
        let answer = Ask::post(self.address, "/key/generate", MASTER_KEY, asked).await?;
        let made: serde_json::Value =
            serde_json::from_str(&answer).map_err(|error| format!("{error}: {answer}"))?;
        let key = made.get("key").and_then(|key| key.as_str());
        key.map(str::to_owned)
            .ok_or_else(|| format!("no key in {answer}"))
    }

    /// CPU time so far, that of its workers included.
    pub(crate) fn cpu(&self) -> Result<Duration, String> {
        let workers = usage::children(self.child.id())?;
        let mut sum = usage::cpu(self.child.id())?;
        for worker in workers {
            sum += usage::cpu(worker)?;
        }
        Ok(sum)
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> Result<u64, String> {
        usage::resident(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Workers follow a master that is asked to end, not one that is killed.
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            // It may have ended by itself.
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        }
        for _attempt in 0..GOODBYES {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(GOODBYE_PAUSE);
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_address() -> Result<SocketAddr, String> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|error| error.to_string())
}

/// One group a manner of the backend; the failing ones fall back to the good one.
fn config(backend: &str) -> String {
    let member = |name: &str, path: &str| {
        format!(
            "  - model_name: {name}\n    litellm_params:\n      model: openai/echo\n      api_base: {path}\n      api_key: sk-upstream\n      input_cost_per_token: 0.0000001\n      output_cost_per_token: 0.0000004\n"
        )
    };
    let groups = [
        ("ok", format!("http://{backend}/v1")),
        ("hold", format!("http://{backend}/hold/v1")),
        ("overloaded", format!("http://{backend}/fail/500/v1")),
        ("throttled", format!("http://{backend}/fail/429/v1")),
        // Nothing listens on the discard port.
        ("refused", "http://127.0.0.1:9/v1".to_owned()),
    ];
    let members: String = groups
        .iter()
        .map(|(name, base)| member(name, base))
        .collect();
    format!(
        "model_list:\n{members}router_settings:\n  disable_cooldowns: true\n  num_retries: 0\n  fallbacks:\n    - overloaded: [ok]\n    - throttled: [ok]\n    - refused: [ok]\ngeneral_settings:\n  master_key: {MASTER_KEY}\n"
    )
}
