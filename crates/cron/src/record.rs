//! What is remembered of a run: one line of the log.

use openclaw_types::{AgentId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    job::{JobId, ms, timestamp},
    limits::REASON_BYTES_MAX,
};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "reason", rename_all = "lowercase")]
pub enum Outcome {
    /// It did what it should.
    Ok,
    /// It failed.
    Failed(String),
    /// It was cut off when the gateway stopped, or before it began; it is not repeated.
    Interrupted,
    /// Nobody ended it in a day.
    Lost,
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// The run.
    pub run: String,
    /// The job.
    pub job: JobId,
    /// Its agent, as text.
    pub agent: String,
    /// The slot it was for.
    #[serde(
        rename = "slotMs",
        serialize_with = "ms",
        deserialize_with = "timestamp"
    )]
    pub slot: Timestamp,
    /// When it was handed out.
    #[serde(
        rename = "startedMs",
        serialize_with = "ms",
        deserialize_with = "timestamp"
    )]
    pub started: Timestamp,
    /// When it ended.
    #[serde(
        rename = "endedMs",
        serialize_with = "ms",
        deserialize_with = "timestamp"
    )]
    pub ended: Timestamp,
    /// Whether it was late, or stood for others.
    pub is_catch_up: bool,
    /// How many slots before it were skipped.
    pub missed: u32,
    /// Whether somebody asked for it, outside its schedule.
    pub is_manual: bool,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Outcome {
    /// A failure with its reason, cut to what the log keeps.
    #[must_use]
    pub fn failed(reason: &str) -> Self {
        let mut end = reason.len().min(REASON_BYTES_MAX);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        Self::Failed(reason.get(..end).unwrap_or_default().to_owned())
    }
}

/// Which runs are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this job only.
    pub job: Option<JobId>,
    /// Of this agent only.
    pub agent: Option<AgentId>,
    /// At most so many, the latest; all that are kept when there is no number.
    pub count_max: Option<usize>,
}

impl RunFilter {
    pub(crate) fn keeps(&self, record: &RunRecord) -> bool {
        self.job.as_ref().is_none_or(|job| *job == record.job)
            && self
                .agent
                .as_ref()
                .is_none_or(|agent| agent.as_str() == record.agent)
    }
}
