//! `sessions_list` and `sessions_history`: an agent's own conversations.

use std::{fmt::Write as _, sync::Weak};

use futures_util::{FutureExt as _, future::BoxFuture};
use openclaw_sessions::Kind;
use openclaw_tools::{Caller, Error, Output, Tool};
use openclaw_types::{SessionId, ToolSpec};
use serde_json::{Value, json};

use super::{alive, not_a_name};
use crate::core::Core;

/// Conversations that are listed; the rest is older.
const LISTED_MAX: usize = 50;
/// Entries that are shown unless the model says otherwise.
const ENTRIES: u64 = 20;
/// The most that are shown.
const ENTRIES_MAX: u64 = 200;
/// Bytes of one entry that are shown.
const ENTRY_BYTES_MAX: usize = 4_000;

/// `sessions_list`.
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
                name: "sessions_list".to_owned(),
                description: "Lists your own conversations, the latest first.".to_owned(),
                parameters: json!({"type": "object", "properties": {}, "additionalProperties": false}),
            },
        }
    }

    fn list(&self, caller: &Caller) -> Result<Output, Error> {
        let core = alive(&self.core)?;
        let mut sessions = core.store.list(Some(&caller.agent));
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_activity));
        let (mut text, mut details) = (String::new(), Vec::new());
        for session in sessions.iter().take(LISTED_MAX) {
            let id = &session.session;
            writeln!(
                text,
                "{id}: {} entries, {}: {}",
                session.entries, session.last_activity, session.preview
            )
            .ok();
            details.push(json!({"session": id.as_str(), "entries": session.entries}));
        }
        if sessions.len() > LISTED_MAX {
            writeln!(text, "[{} in all]", sessions.len()).ok();
        }
        Ok(Output::text(text).with(json!({"sessions": details})))
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

/// `sessions_history`.
#[derive(Debug)]
pub(super) struct History {
    core: Weak<Core>,
    spec: ToolSpec,
}

impl History {
    pub(super) fn new(core: &Weak<Core>) -> Self {
        let properties = json!({
            "session": {"type": "string"},
            "limit": {"type": "integer", "minimum": 1, "maximum": ENTRIES_MAX},
        });
        Self {
            core: Weak::clone(core),
            spec: ToolSpec {
                name: "sessions_history".to_owned(),
                description: "Shows the last entries of one of your own conversations.".to_owned(),
                parameters: json!({"type": "object", "properties": properties, "required": ["session"], "additionalProperties": false}),
            },
        }
    }

    fn history(&self, caller: &Caller, arguments: &Value) -> Result<Output, Error> {
        let core = alive(&self.core)?;
        let session = arguments["session"].as_str().unwrap_or_default();
        let session = SessionId::parse(session).map_err(|error| not_a_name("/session", error))?;
        let limit = arguments["limit"]
            .as_u64()
            .unwrap_or(ENTRIES)
            .min(ENTRIES_MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let entries = core
            .store
            .tail(&caller.agent, &session, limit)
            .map_err(|error| Error::failed(format!("reading `{session}`"), error))?;
        if entries.is_empty() {
            return Err(Error::NotFound {
                what: format!("your conversation `{session}`"),
                hint: Some("`sessions_list` names those there are".to_owned()),
            });
        }
        let mut text = String::new();
        for entry in &entries {
            let who = match entry.kind {
                Kind::Message => entry.role.as_str(),
                kind => kind.as_str(),
            };
            let said = cut(&entry.content);
            writeln!(text, "[{}] {who}: {said}", entry.timestamp).ok();
        }
        let details = json!({"session": session.as_str(), "entries": entries.len()});
        Ok(Output::text(text).with(details))
    }
}

impl Tool for History {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn call<'a>(
        &'a self,
        caller: &'a Caller,
        arguments: Value,
    ) -> BoxFuture<'a, Result<Output, Error>> {
        async move { self.history(caller, &arguments) }.boxed()
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(ENTRY_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
