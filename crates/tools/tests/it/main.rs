//! The tools as the registry calls them, over real directories.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what the tests share is test code too, and it ends a test by panicking"
)]

mod fence;
mod file_tools;
mod registry;

use std::sync::Arc;

use openclaw_tools::{Caller, Grants, Origin, Registry, files, memory, registry::Outcome};
use openclaw_types::{AgentId, RunId, SessionId, Timestamp, ToolCall, env::SimEnv};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// A workspace with a gateway's record in it, and something outside that nobody may reach.
struct Bench {
    outer: tempfile::TempDir,
    registry: Registry,
    caller: Caller,
}

const RECORD: &str = "the record\n";
const OUTSIDE: &str = "outside\n";

impl Bench {
    fn new() -> Self {
        Self::granting(Grants::none())
    }

    fn granting(grants: Grants) -> Self {
        let outer = tempfile::tempdir().unwrap();
        let workspace = outer.path().join("coder");
        std::fs::create_dir_all(workspace.join("sessions")).unwrap();
        std::fs::create_dir_all(workspace.join("archive")).unwrap();
        for name in [
            "session.jsonl",
            "sessions/a.jsonl",
            "archive/b.jsonl",
            "config.json",
            "SOUL.md",
        ] {
            std::fs::write(workspace.join(name), RECORD).unwrap();
        }
        std::fs::write(outer.path().join("outside.txt"), OUTSIDE).unwrap();
        let mut registry = Registry::default();
        let env = Arc::new(SimEnv::new(Timestamp(1_700_000_000_000), 1));
        for tool in files::tools().into_iter().chain(memory::tools(env)) {
            registry.register(tool).unwrap();
        }
        let caller = Caller {
            agent: AgentId::parse("coder").unwrap(),
            session: SessionId::parse("main").unwrap(),
            run: RunId::parse("r1").unwrap(),
            workspace,
            origin: Origin::Client,
            grants,
        };
        Self {
            outer,
            registry,
            caller,
        }
    }

    async fn call(&self, name: &str, arguments: Value) -> Outcome {
        let call = ToolCall {
            id: "c1".to_owned(),
            name: name.to_owned(),
            arguments,
        };
        self.registry
            .call(&self.caller, call, &CancellationToken::new())
            .await
    }

    /// The answer of a call that succeeds.
    async fn ok(&self, name: &str, arguments: Value) -> String {
        let outcome = self.call(name, arguments).await;
        assert_eq!(outcome.error, None, "{}", outcome.result.content);
        outcome.result.content
    }

    /// The stable word of a call that fails, and what the model is told.
    async fn refused(&self, name: &str, arguments: Value) -> (&'static str, String) {
        let outcome = self.call(name, arguments).await;
        match outcome.error {
            Some(code) => (code, outcome.result.content),
            None => panic!("it was done: {}", outcome.result.content),
        }
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.caller.workspace.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.caller.workspace.join(name)).unwrap()
    }

    /// Nothing of the record and nothing outside has changed.
    fn assert_untouched(&self) {
        for name in [
            "session.jsonl",
            "sessions/a.jsonl",
            "archive/b.jsonl",
            "config.json",
            "SOUL.md",
        ] {
            assert_eq!(self.text(name), RECORD, "{name}");
        }
        let outside = std::fs::read_to_string(self.outer.path().join("outside.txt")).unwrap();
        assert_eq!(outside, OUTSIDE);
        let names: Vec<_> = std::fs::read_dir(self.outer.path()).unwrap().collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }
}
