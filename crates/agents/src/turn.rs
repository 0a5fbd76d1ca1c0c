//! The pure machine of one run: told everything, it says what to do next and waits for nothing.
//!
//! A turn is one or more steps. A step is one model call and the tools it asked for. Whatever happens in
//! whatever order, exactly one [`Effect::Finish`] comes out, and it comes last.

use std::sync::Arc;

use openclaw_models::Chunk;
use openclaw_sessions::{Appended, Kind};
use openclaw_types::{Message, Part, Role, StopReason, ToolCall, ToolResult, Usage};

use self::{repeats::Repeats, speech::Speech};
use crate::{
    event::EventKind,
    outcome::{Failure, FailureKind, Status},
};

mod repeats;
mod speech;

/// What a run may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Model calls.
    pub steps_max: u32,
    /// Bytes of text, reasoning and tool arguments.
    pub output_bytes_max: usize,
}

/// Who stopped a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortCause {
    /// Somebody asked for it.
    Requested,
    /// The gateway stops.
    Stopping,
    /// The agent is being deleted or restarted.
    Withdrawn,
    /// Its sender was told that the message was not accepted.
    Unwanted,
}

impl AbortCause {
    /// The reason that the aborted entry states.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "stopped on request",
            Self::Stopping => "stopped because the gateway stops",
            Self::Unwanted => "not run: its sender was told that it came too late",
            Self::Withdrawn => "stopped because the agent was restarted or deleted",
        }
    }

    /// What the sender may do about it, where that is not plain.
    #[must_use]
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::Requested | Self::Unwanted => None,
            Self::Stopping => Some(
                "start the gateway again with `openclaw gateway start`, then send the message again",
            ),
            Self::Withdrawn => Some("send the message again"),
        }
    }
}

/// What the machine is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// Begin.
    Start,
    /// The model said something.
    Chunk(Chunk),
    /// The model call ended without its last chunk.
    ModelFailed(Failure),
    /// A tool answered.
    ToolDone(ToolResult),
    /// The record is durable.
    Appended(Appended),
    /// The record could not be written, or not in time.
    AppendFailed(Failure),
    /// Somebody wants it to stop.
    Abort(AbortCause),
    /// The run's time is up.
    Deadline,
}

/// What the machine wants done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Call the model with the prompt and [`Turn::spoken`].
    CallModel,
    /// Run this tool.
    CallTool(ToolCall),
    /// Write this to the transcript, and say how that went before doing anything else.
    Append(Record),
    /// Tell whoever listens.
    Emit(EventKind),
    /// The run is over.
    Finish(Verdict),
}

/// What is to be written to the transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What it is.
    pub kind: Kind,
    /// Who speaks.
    pub role: Role,
    /// The plain text; for an aborted run the reason.
    pub content: String,
    /// The parts, when there is more than the text; for an aborted run what it had said.
    pub parts: Vec<Part>,
    /// Which model spoke.
    pub model: Option<String>,
    /// What that call used.
    pub usage: Option<Usage>,
}

/// How the run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Done, aborted or failed.
    pub status: Status,
    /// The answer, or what there was of it.
    pub text: Arc<str>,
    /// Which model spoke last.
    pub model: Option<String>,
    /// Tokens of all calls.
    pub usage: Option<Usage>,
    /// Where the last record ended up.
    pub entry: Option<Appended>,
}

#[derive(Debug)]
enum Phase {
    Idle,
    Calling,
    Tools {
        pending: Vec<ToolCall>,
    },
    Ending {
        verdict: Verdict,
        /// Records that are to be written before the one that ends the run.
        before: usize,
    },
    Ended,
}

/// One run on its way to its end.
#[derive(Debug)]
pub struct Turn {
    limits: Limits,
    phase: Phase,
    steps: u32,
    speech: Speech,
    spoken: Vec<Message>,
    repeats: Repeats,
}

impl Turn {
    /// A run that has not begun.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            phase: Phase::Idle,
            steps: 0,
            speech: Speech::new(),
            spoken: Vec::new(),
            repeats: Repeats::new(),
        }
    }

    /// What this run has said and heard in its earlier steps; it follows the prompt in the next call.
    #[must_use]
    pub fn spoken(&self) -> &[Message] {
        &self.spoken
    }

    /// Whether chunks of a model call are wanted; if not, the call is to be dropped.
    #[must_use]
    pub const fn is_calling(&self) -> bool {
        matches!(self.phase, Phase::Calling)
    }

    /// Whether tool results are wanted.
    #[must_use]
    pub const fn is_using_tools(&self) -> bool {
        matches!(self.phase, Phase::Tools { .. })
    }

    /// Tells the machine what happened; what it wants done is added to `effects`.
    pub fn step(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Start => self.start(effects),
            Input::Chunk(chunk) => {
                if self.is_calling() {
                    self.chunk(chunk, effects);
                }
            }
            Input::ModelFailed(failure) => {
                if self.is_calling() {
                    self.end(Status::Failed(failure), effects);
                }
            }
            Input::ToolDone(result) => self.tool_done(result, effects),
            Input::Appended(entry) => self.appended(entry, effects),
            Input::AppendFailed(failure) => {
                self.forget_calls();
                self.stop(Status::Failed(failure), None, effects);
            }
            Input::Abort(cause) => self.stop(Status::Aborted, Some(cause.as_str()), effects),
            Input::Deadline => {
                let failure = Failure::new(FailureKind::Deadline, "the run took too long");
                self.stop(Status::Failed(failure), None, effects);
            }
        }
    }

    fn start(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Idle) {
            self.call_model(effects);
        }
    }

    fn call_model(&mut self, effects: &mut Vec<Effect>) {
        self.steps += 1;
        self.phase = Phase::Calling;
        effects.push(Effect::CallModel);
    }

    fn chunk(&mut self, chunk: Chunk, effects: &mut Vec<Effect>) {
        if let Chunk::Stop(reason) = chunk {
            self.stopped(reason, effects);
            return;
        }
        match self.speech.hear(chunk, self.limits.output_bytes_max) {
            Ok(Some(kind)) => effects.push(Effect::Emit(kind)),
            Ok(None) => {}
            Err(failure) => self.end(Status::Failed(failure), effects),
        }
    }

    /// The model call is complete.
    fn stopped(&mut self, reason: StopReason, effects: &mut Vec<Effect>) {
        if self.speech.calls().is_empty() {
            self.answered(reason, effects);
        } else if self.steps >= self.limits.steps_max {
            let message = format!("the run made {} model calls and wants more", self.steps);
            self.end(
                Status::Failed(Failure::new(FailureKind::Steps, message)),
                effects,
            );
        } else {
            self.use_tools(effects);
        }
    }

    fn answered(&mut self, reason: StopReason, effects: &mut Vec<Effect>) {
        if self.speech.is_silent() {
            let message = match reason {
                StopReason::ContentFilter => "the provider's content filter withheld the answer",
                StopReason::Length => "the model used up its output limit without an answer",
                StopReason::Stop | StopReason::ToolCalls => "the model answered nothing",
            };
            self.end(
                Status::Failed(Failure::new(FailureKind::NoAnswer, message)),
                effects,
            );
            return;
        }
        let verdict = self.speech.verdict(Status::Done);
        let record = self.speech.take();
        self.phase = Phase::Ending { verdict, before: 0 };
        effects.push(Effect::Append(record));
    }

    fn use_tools(&mut self, effects: &mut Vec<Effect>) {
        let calls = self.speech.calls().to_vec();
        let record = self.speech.take();
        self.spoken.push(Message {
            role: Role::Assistant,
            parts: record.parts.clone(),
        });
        self.phase = Phase::Tools {
            pending: calls.clone(),
        };
        effects.push(Effect::Append(record));
        effects.extend(calls.into_iter().map(Effect::CallTool));
    }

    fn tool_done(&mut self, result: ToolResult, effects: &mut Vec<Effect>) {
        let Phase::Tools { pending } = &mut self.phase else {
            return;
        };
        let Some(at) = pending.iter().position(|call| call.id == result.call_id) else {
            return;
        };
        let call = pending.swap_remove(at);
        let is_last = pending.is_empty();
        let looped = self.repeats.note(&call, &result);
        effects.push(Effect::Append(answer_of(&result)));
        self.spoken.push(Message {
            role: Role::User,
            parts: vec![Part::ToolResult(result.clone())],
        });
        effects.push(Effect::Emit(EventKind::ToolResult(result)));
        if let Some(failure) = looped {
            self.end(Status::Failed(failure), effects);
        } else if is_last {
            self.call_model(effects);
        }
    }

    fn appended(&mut self, entry: Appended, effects: &mut Vec<Effect>) {
        if let Phase::Ending { before, .. } = &mut self.phase {
            if *before > 0 {
                *before -= 1;
            } else {
                self.finish(|verdict| verdict.entry = Some(entry), effects);
            }
        }
    }

    /// Stops wherever it is. At the last append there is nothing left to stop but the waiting.
    fn stop(&mut self, status: Status, reason: Option<&str>, effects: &mut Vec<Effect>) {
        match &self.phase {
            Phase::Idle | Phase::Calling | Phase::Tools { .. } => {
                self.end_because(status, reason, effects);
            }
            Phase::Ending { verdict, .. } => {
                let was_done = verdict.status == Status::Done;
                self.finish(
                    |verdict| {
                        if was_done {
                            verdict.status = status;
                        }
                    },
                    effects,
                );
            }
            Phase::Ended => {}
        }
    }

    fn finish(&mut self, change: impl FnOnce(&mut Verdict), effects: &mut Vec<Effect>) {
        if let Phase::Ending { mut verdict, .. } = std::mem::replace(&mut self.phase, Phase::Ended)
        {
            change(&mut verdict);
            effects.push(Effect::Finish(verdict));
        }
    }

    fn end(&mut self, status: Status, effects: &mut Vec<Effect>) {
        self.end_because(status, None, effects);
    }

    /// Writes the record that ends the run on disk; what was said so far is kept in it.
    fn end_because(&mut self, status: Status, reason: Option<&str>, effects: &mut Vec<Effect>) {
        let content = match (&status, reason) {
            (_, Some(reason)) => reason.to_owned(),
            (Status::Failed(failure), None) => format!("failed: {}", failure.message),
            (Status::Done | Status::Aborted, None) => "stopped".to_owned(),
        };
        let verdict = self.speech.verdict(status);
        let record = self.speech.take_unfinished(content);
        // A call without its result is a transcript that providers refuse.
        let cut_off = self.forget_calls();
        self.phase = Phase::Ending {
            verdict,
            before: cut_off.len(),
        };
        effects.extend(
            cut_off
                .iter()
                .map(|call| Effect::Append(cut_off_answer(call))),
        );
        effects.push(Effect::Append(record));
    }

    /// The calls that nobody waits for any more.
    fn forget_calls(&mut self) -> Vec<ToolCall> {
        match &mut self.phase {
            Phase::Tools { pending } => std::mem::take(pending),
            _ => Vec::new(),
        }
    }
}

/// The record of what a tool answered.
fn answer_of(result: &ToolResult) -> Record {
    Record {
        kind: Kind::ToolResult,
        role: Role::System,
        content: result.content.clone(),
        parts: vec![Part::ToolResult(result.clone())],
        model: None,
        usage: None,
    }
}

/// The record of a call whose run ended first.
fn cut_off_answer(call: &ToolCall) -> Record {
    answer_of(&ToolResult {
        call_id: call.id.clone(),
        name: call.name.clone(),
        content: "the run ended before this did; it may have had its effect".to_owned(),
        is_error: true,
    })
}

#[cfg(test)]
mod tests;
