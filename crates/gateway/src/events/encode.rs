//! Events as frames: the a2a-v1 form, and the native forms of both protocol versions.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use openclaw_agents::{AbortCause, Event, EventKind, Outcome, Status};
use openclaw_sessions::Store;
use openclaw_types::{Env, RunId, SessionKey};
use openclaw_wire::{
    a2a_v1::reply::{self, Stamp},
    event::{
        self, AgentEvent, Assistant, ChatEvent, ChatMessage, ChatState, Lifecycle, SessionMessage,
        SessionsChanged, Stream, Tool,
    },
    frame::EncodedEvent,
};
use serde::Serialize;

use crate::{conn::outbox::Text, report, transcript};

/// Runs whose text so far is kept; beyond it older clients are sent pieces without the whole.
const RUNS_MAX: usize = 1024;
/// Text so far is sent with every piece up to this length, and then only as often as it grows by a
/// [`GROWTH`]th, because sending the whole each time would cost the square of its length.
const WHOLE_BYTES_MAX: usize = 4096;
/// See [`WHOLE_BYTES_MAX`].
const GROWTH: usize = 32;

/// What native events need to know of a run under way.
#[derive(Debug, Default)]
struct Progress {
    text: String,
    /// Length of the text when the whole was sent last.
    shown: usize,
    seq: u64,
}

/// Writes events as frames.
#[derive(Debug)]
pub(super) struct Encoder {
    env: Arc<dyn Env>,
    runs: Mutex<BTreeMap<RunId, Progress>>,
}

impl Encoder {
    pub(super) fn new(env: Arc<dyn Env>) -> Self {
        Self {
            env,
            runs: Mutex::default(),
        }
    }

    /// Keeps up with a run's text, where a native client listens.
    pub(super) fn follow(&self, event: &Event, listened: bool) {
        let Some(run) = &event.run else { return };
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.kind {
            EventKind::Delta(piece)
                if listened && (runs.len() < RUNS_MAX || runs.contains_key(run)) =>
            {
                runs.entry(run.clone()).or_default().text.push_str(piece);
            }
            // A run's last event still needs its number; `native` removes it.
            EventKind::RunEnded(_) if !listened => drop(runs.remove(run)),
            _ => {}
        }
    }

    /// The a2a-v1 frame, if the dialect has one for this; the same for everybody, its id included.
    pub(super) fn a2a(&self, event: &Event) -> Option<Text> {
        let stamp = Stamp {
            id: format!("evt-{}", self.env.fresh_id()),
            timestamp: self.env.now(),
            client: String::new(),
        };
        let (state, text): (&'static str, &str) = match &event.kind {
            EventKind::Delta(piece) => ("delta", piece),
            EventKind::RunEnded(outcome) => (final_word(outcome), &outcome.text),
            EventKind::AgentState { previous, now } => {
                let change = reply::StatusChange {
                    agent: event.agent.as_str(),
                    status: report::state_word(now),
                    previous: report::state_word(previous),
                    timestamp: stamp.timestamp.as_millis(),
                };
                return Some(reply::status_event(&stamp, change).into());
            }
            _ => return None,
        };
        let writing = reply::Writing {
            agent: event.agent.as_str(),
            session_id: event.session.as_ref()?.as_str(),
            run_id: event.run.as_ref()?.as_str(),
            state,
            text,
        };
        Some(reply::message_event(&stamp, writing).into())
    }

    /// The native frames of one event: `agent` and `chat` of a run, or `agent:status`.
    pub(super) fn native(&self, event: &Event) -> Vec<EncodedEvent> {
        if let EventKind::AgentState { previous, now } = &event.kind {
            let change = event::AgentStatus {
                agent_id: event.agent.to_string(),
                status: report::state_text(now).to_owned(),
                previous: report::state_text(previous).to_owned(),
                reason: report::state_reason(now),
                ts: self.env.now().as_millis(),
            };
            return encoded(event::AGENT_STATUS, &change).into_iter().collect();
        }
        // What stands in the transcript is told by events of its own, so it takes no number of the run's.
        if let EventKind::EntryAppended { .. } = &event.kind {
            return Vec::new();
        }
        let (Some(run), Some(session)) = (&event.run, &event.session) else {
            return Vec::new();
        };
        let key = SessionKey {
            agent: event.agent.clone(),
            session: session.clone(),
        }
        .to_string();
        let (seq, whole) = self.advance(run, &event.kind);
        let frames = Frames {
            event,
            run: run.as_str(),
            key: &key,
            seq,
            ts: self.env.now().as_millis(),
        };
        frames.of(&event.kind, whole.as_deref())
    }

    /// The event's number within its run, and the text so far where it is due.
    fn advance(&self, run: &RunId, kind: &EventKind) -> (u64, Option<String>) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let EventKind::RunEnded(_) = kind {
            return (
                runs.remove(run).map_or(1, |progress| progress.seq + 1),
                None,
            );
        }
        if runs.len() >= RUNS_MAX && !runs.contains_key(run) {
            return (1, None);
        }
        let progress = runs.entry(run.clone()).or_default();
        progress.seq += 1;
        let length = progress.text.len();
        let due = length <= WHOLE_BYTES_MAX || length - progress.shown >= length / GROWTH;
        let whole = (due && matches!(kind, EventKind::Delta(_))).then(|| {
            progress.shown = length;
            progress.text.clone()
        });
        (progress.seq, whole)
    }

    /// `sessions.changed`, for what changes a session's row in a list.
    pub(super) fn sessions_changed(&self, event: &Event) -> Option<EncodedEvent> {
        let session = event.session.as_ref()?;
        let (phase, message_seq) = match &event.kind {
            EventKind::RunStarted { .. } => ("start", None),
            EventKind::RunEnded(_) => ("end", None),
            EventKind::EntryAppended { seq, .. } => ("message", Some(*seq)),
            _ => return None,
        };
        let changed = SessionsChanged {
            session_key: SessionKey {
                agent: event.agent.clone(),
                session: session.clone(),
            }
            .to_string(),
            agent_id: Some(event.agent.to_string()),
            phase: Some(phase.to_owned()),
            reason: None,
            run_id: event.run.as_ref().map(ToString::to_string),
            message_seq,
            ts: self.env.now().as_millis(),
            session: None,
        };
        encoded(event::SESSIONS_CHANGED, &changed)
    }

    /// `session.message`, for an entry that is now on disk.
    pub(super) fn session_message(
        &self,
        event: &Event,
        store: Option<&Store>,
    ) -> Option<EncodedEvent> {
        let EventKind::EntryAppended { seq, .. } = &event.kind else {
            return None;
        };
        let session = event.session.as_ref()?;
        let entries = store?
            .tail(&event.agent, session, report::RECENT_ENTRIES)
            .ok()?;
        let entry = entries.iter().rev().find(|entry| entry.seq == *seq)?;
        let message = SessionMessage {
            session_key: SessionKey {
                agent: event.agent.clone(),
                session: session.clone(),
            }
            .to_string(),
            agent_id: Some(event.agent.to_string()),
            message: transcript::history_message(entry),
            message_id: Some(entry.id.clone()),
            message_seq: *seq,
        };
        encoded(event::SESSION_MESSAGE, &message)
    }
}

const fn final_word(outcome: &Outcome) -> &'static str {
    match outcome.status {
        Status::Done => "final",
        Status::Aborted => "aborted",
        Status::Failed(_) => "error",
    }
}

/// The word for a stop that somebody asked for is upstream's; other stops are told in words.
const fn stop_reason(outcome: &Outcome) -> &'static str {
    match outcome.stopped {
        Some(AbortCause::Requested) | None => "aborted",
        Some(cause) => cause.as_str(),
    }
}

fn encoded<P: Serialize>(name: &str, payload: &P) -> Option<EncodedEvent> {
    match EncodedEvent::new(name, payload, None) {
        Ok(encoded) => Some(encoded),
        Err(error) => {
            tracing::error!(event = name, %error, "an event can't be written");
            None
        }
    }
}

/// What all frames of one event share.
struct Frames<'a> {
    event: &'a Event,
    run: &'a str,
    key: &'a str,
    seq: u64,
    ts: i64,
}

impl Frames<'_> {
    fn of(&self, kind: &EventKind, whole: Option<&str>) -> Vec<EncodedEvent> {
        let both = match kind {
            EventKind::RunStarted { started } => [self.started(started.as_millis()), None],
            EventKind::Delta(piece) => [self.delta(piece, whole), self.chat_delta(piece, whole)],
            EventKind::Reasoning(piece) => {
                let delta = Assistant {
                    text: None,
                    delta: Cow::Borrowed(piece),
                };
                [self.agent(Stream::Reasoning(delta)), None]
            }
            EventKind::ToolCall(call) => [self.tool_call(call), None],
            EventKind::ToolResult(result) => [self.tool_result(result), None],
            EventKind::RunEnded(outcome) => [self.ended(outcome), self.chat_end(outcome)],
            EventKind::EntryAppended { .. } | EventKind::AgentState { .. } => [None, None],
        };
        both.into_iter().flatten().collect()
    }

    fn agent(&self, stream: Stream<'_>) -> Option<EncodedEvent> {
        let payload = AgentEvent {
            run_id: Cow::Borrowed(self.run),
            stream,
            session_key: Some(Cow::Borrowed(self.key)),
            agent_id: Some(Cow::Borrowed(self.event.agent.as_str())),
            seq: self.seq,
            ts: self.ts,
        };
        encoded(event::AGENT, &payload)
    }

    fn chat(&self, state: ChatState<'_>) -> Option<EncodedEvent> {
        let payload = ChatEvent {
            run_id: Cow::Borrowed(self.run),
            session_key: Cow::Borrowed(self.key),
            agent_id: Some(Cow::Borrowed(self.event.agent.as_str())),
            seq: self.seq,
            state,
        };
        encoded(event::CHAT, &payload)
    }

    fn lifecycle(&self, phase: &'static str) -> Lifecycle<'static> {
        Lifecycle {
            phase: Cow::Borrowed(phase),
            started_at: None,
            ended_at: None,
            aborted: None,
            error: None,
            model: None,
        }
    }

    fn started(&self, at: i64) -> Option<EncodedEvent> {
        self.agent(Stream::Lifecycle(Lifecycle {
            started_at: Some(at),
            ..self.lifecycle("start")
        }))
    }

    fn delta(&self, piece: &str, whole: Option<&str>) -> Option<EncodedEvent> {
        self.agent(Stream::Assistant(Assistant {
            text: whole.map(Cow::Borrowed),
            delta: Cow::Borrowed(piece),
        }))
    }

    fn chat_delta(&self, piece: &str, whole: Option<&str>) -> Option<EncodedEvent> {
        let message = whole.map(|text| ChatMessage::assistant(text, self.ts));
        self.chat(ChatState::Delta {
            delta_text: Cow::Borrowed(piece),
            message,
        })
    }

    fn tool_call(&self, call: &openclaw_types::ToolCall) -> Option<EncodedEvent> {
        self.agent(Stream::Tool(Tool {
            phase: Cow::Borrowed("start"),
            name: Cow::Borrowed(&call.name),
            tool_call_id: Cow::Borrowed(&call.id),
            args: Some(call.arguments.clone()),
            result: None,
            is_error: None,
        }))
    }

    fn tool_result(&self, result: &openclaw_types::ToolResult) -> Option<EncodedEvent> {
        self.agent(Stream::Tool(Tool {
            phase: Cow::Borrowed("result"),
            name: Cow::Borrowed(&result.name),
            tool_call_id: Cow::Borrowed(&result.call_id),
            args: None,
            result: Some(serde_json::Value::String(result.content.clone())),
            is_error: Some(result.is_error),
        }))
    }

    fn ended(&self, outcome: &Outcome) -> Option<EncodedEvent> {
        let mut lifecycle = self.lifecycle(if matches!(outcome.status, Status::Failed(_)) {
            "error"
        } else {
            "end"
        });
        lifecycle.started_at = Some(outcome.started.as_millis());
        lifecycle.ended_at = Some(outcome.ended.as_millis());
        lifecycle.aborted = matches!(outcome.status, Status::Aborted).then_some(true);
        lifecycle.model = outcome
            .model
            .as_deref()
            .map(|model| Cow::Owned(model.to_owned()));
        if let Status::Failed(failure) = &outcome.status {
            lifecycle.error = Some(Cow::Owned(failure.message.clone()));
        }
        self.agent(Stream::Lifecycle(lifecycle))
    }

    fn chat_end(&self, outcome: &Outcome) -> Option<EncodedEvent> {
        let message =
            (!outcome.text.is_empty()).then(|| ChatMessage::assistant(&*outcome.text, self.ts));
        self.chat(match &outcome.status {
            Status::Done => ChatState::Final {
                message,
                stop_reason: None,
                usage: outcome.usage.map(Into::into),
            },
            Status::Aborted => ChatState::Aborted {
                stop_reason: Some(Cow::Borrowed(stop_reason(outcome))),
                message,
            },
            Status::Failed(failure) => ChatState::Error {
                error_message: Cow::Borrowed(&failure.message),
            },
        })
    }
}
