//! The loop breaker: a call that fails again and again in the same way is not worth another model call.

use std::collections::BTreeMap;

use openclaw_types::{ToolCall, ToolResult};

use crate::outcome::{Failure, FailureKind};

/// Identical calls with the same error after which a run is stopped: once may be chance, twice a mistake.
const REPEATS_MAX: u32 = 3;
/// Characters of the error that the failure shows.
const SHOWN_CHARS_MAX: usize = 200;

/// What has failed in this run, and how often.
#[derive(Debug)]
pub(super) struct Repeats {
    failed: BTreeMap<(String, String, String), u32>,
}

impl Repeats {
    pub(super) const fn new() -> Self {
        Self {
            failed: BTreeMap::new(),
        }
    }

    /// Takes note of an answer; a failure when the run goes in circles.
    pub(super) fn note(&mut self, call: &ToolCall, result: &ToolResult) -> Option<Failure> {
        if !result.is_error {
            return None;
        }
        let key = (
            call.name.clone(),
            call.arguments.to_string(),
            result.content.clone(),
        );
        let times = self.failed.entry(key).or_default();
        *times += 1;
        (*times >= REPEATS_MAX).then(|| {
            let error: String = result.content.chars().take(SHOWN_CHARS_MAX).collect();
            Failure {
                hint: Some(format!(
                    "the tool said: {error}; change what it needs, or tell the agent another way"
                )),
                ..Failure::new(
                    FailureKind::Loop,
                    format!(
                        "the model called `{}` {REPEATS_MAX} times with the same arguments, and got the same error each time",
                        call.name
                    ),
                )
            }
        })
    }
}
