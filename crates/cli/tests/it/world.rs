//! A home directory with a configuration, a scripted model, and the program to be called in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use openclaw_gateway::lock;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    model::{Model, Step, last_user, pieces},
    run::{OPENCLAW, Ran, finish, spawn},
};

/// A fresh machine, as far as the program can see. A gateway that it started ends with it.
pub(crate) struct World {
    home: TempDir,
    pub model: Model,
}

impl World {
    /// With a model that repeats what it is told, and two agents, which start faster than twelve.
    pub(crate) async fn two() -> Self {
        let agents = json!([{"id": "steward", "primary": true}, "alpha"]);
        Self::with(json!({"roster": "listed", "agents": agents}), |request| {
            pieces(&["you said: ", &last_user(request)])
        })
        .await
    }

    /// With the twelve agents of the roster.
    pub(crate) async fn twelve() -> Self {
        Self::with(json!({}), |request| {
            pieces(&["you said: ", &last_user(request)])
        })
        .await
    }

    /// With these keys in the configuration and this model.
    pub(crate) async fn with(
        config: Value,
        answer: impl Fn(&Value) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let model = Model::start(Box::new(answer)).await;
        let world = Self {
            home: TempDir::with_prefix("openclaw-cli-").unwrap(),
            model,
        };
        let mut whole = json!({
            "gateway": {"port": 0},
            "models": {
                "local": false,
                "providers": {"scripted": {
                    "baseUrl": format!("http://{}", world.model.address),
                    "apiKey": "none",
                    "models": [{"id": "echo", "name": "echo", "contextWindow": 128_000, "maxTokens": 8192}],
                }},
            },
            "model_routing": {"default": "scripted/echo"},
        });
        for (key, value) in config.as_object().unwrap() {
            whole[key] = value.clone();
        }
        world.configure(&whole.to_string());
        world
    }

    /// Adds keys to the configuration.
    pub(crate) fn add(&self, keys: &Value) {
        let path = self.state().join("openclaw.json");
        let text = fs::read_to_string(path).unwrap();
        let mut whole: Value = serde_json::from_str(&text).unwrap();
        for (key, value) in keys.as_object().unwrap() {
            whole[key] = value.clone();
        }
        self.configure(&whole.to_string());
    }

    /// Replaces the configuration.
    pub(crate) fn configure(&self, text: &str) {
        fs::create_dir_all(self.state()).unwrap();
        fs::write(self.state().join("openclaw.json"), text).unwrap();
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.home.path().join(".openclaw")
    }

    /// The program, with these arguments, in this home and in no other environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(OPENCLAW);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.home.path());
        command
    }

    /// Starts a call.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        spawn(self.command(arguments))
    }

    /// One whole call that reads nothing.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "").await
    }

    /// One whole call that reads this.
    pub(crate) async fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        finish(self.spawn(arguments), input.as_bytes()).await
    }

    /// Starts a gateway in the background.
    pub(crate) async fn start(&self) {
        let started = self.run(&["gateway", "start"]).await;
        assert_eq!(started.code, 0, "{started:#?}");
    }

    /// Who runs here.
    pub(crate) fn holder(&self) -> Option<lock::Record> {
        lock::holder(&self.state())
    }

    /// Sends a signal to the gateway.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.holder().unwrap().pid;
        kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
    }

    /// The text without what differs from call to call.
    pub(crate) fn redact(&self, text: &str) -> String {
        let home = self.home.path().display().to_string();
        let text = text.replace(&home, "~");
        let numbers = |text: &str, before: &str, shown: &str| {
            let mut parts = text.split(before);
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |redacted, part| {
                let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
                let shown = if rest.len() < part.len() { shown } else { "" };
                format!("{redacted}{before}{shown}{rest}")
            })
        };
        let text = numbers(&text, "127.0.0.1:", "PORT");
        let text = numbers(&text, "pid ", "PID");
        let text = numbers(&text, "Uptime: ", "N");
        let text = numbers(&text, "Memory: ", "N");
        text.lines()
            .map(|line| match line.rsplit_once(", ") {
                Some((rest, took)) if took.ends_with(" ms") => format!("{rest}, N ms\n"),
                _ => format!("{line}\n"),
            })
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.holder().is_some() {
            self.signal(Signal::KILL);
        }
    }
}
