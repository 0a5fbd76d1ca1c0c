//! `agents_list`: who is here.

use std::{fmt::Write as _, sync::Weak};

use futures_util::{FutureExt as _, future::BoxFuture};
use openclaw_tools::{Caller, Error, Output, Tool};
use openclaw_types::ToolSpec;
use serde_json::{Value, json};

use super::alive;
use crate::{agents::AgentState, core::Core};

/// The tool.
#[derive(Debug)]
pub(super) struct List {
    core: Weak<Core>,
    spec: ToolSpec,
}

impl List {
    pub(super) fn new(core: &Weak<Core>) -> Self {
        Self {
            core: Weak::clone(core),
            spec: ToolSpec {
                name: "agents_list".to_owned(),
                description: "Lists the agents here: id, role, and whether each is at work."
                    .to_owned(),
                parameters: json!({"type": "object", "properties": {}, "additionalProperties": false}),
            },
        }
    }

    fn list(&self, caller: &Caller) -> Result<Output, Error> {
        let core = alive(&self.core)?;
        let (mut text, mut details) = (String::new(), Vec::new());
        for agent in core.all() {
            let status = crate::agents::status_of(&core, &agent);
            let state = match &status.state {
                AgentState::Error { .. } => "broken",
                AgentState::Offline => "offline",
                AgentState::Busy => "busy",
                AgentState::Idle => "idle",
            };
            let you = if status.id == caller.agent {
                " (you)"
            } else {
                ""
            };
            writeln!(text, "{}{you}: {}, {state}", status.id, status.role).ok();
            details.push(json!({"id": status.id.as_str(), "role": status.role, "state": state}));
        }
        Ok(Output::text(text).with(json!({"agents": details})))
    }
}

impl Tool for List {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn call<'a>(&'a self, caller: &'a Caller, _: Value) -> BoxFuture<'a, Result<Output, Error>> {
        async { self.list(caller) }.boxed()
    }
}
