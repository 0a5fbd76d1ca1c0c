//! Jobs: who is told what, when, and in which session.

use std::fmt;

use openclaw_types::{AgentId, SessionId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    error::Error,
    limits::{JOB_ID_BYTES_MAX, MESSAGE_BYTES_MAX, NAME_BYTES_MAX},
    schedule::Schedule,
};

/// A job's id: lower-case letters, digits, `-`, `_` and `:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(String);

impl JobId {
    /// Checks the text.
    ///
    /// # Errors
    /// When it is empty, too long, or holds another character.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let is_good =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_:".contains(&byte);
        let what = if text.is_empty() {
            "is empty"
        } else if text.len() > JOB_ID_BYTES_MAX {
            "has more than 64 bytes"
        } else if !text.bytes().all(is_good) {
            "may hold a-z, 0-9, `-`, `_` and `:` only"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(Error::Job { field: "id", what })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is asked for when a job is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// A name for people.
    pub name: String,
    /// Who is told.
    pub agent: AgentId,
    /// When.
    pub schedule: Schedule,
    /// What.
    pub message: String,
    /// In which session; the job's own when there is none.
    pub session: Option<SessionId>,
    /// Whether it goes away after its run went well; meant for schedules with one slot.
    pub delete_after_run: bool,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// A name for people.
    pub name: String,
    /// Who is told.
    #[serde(
        rename = "agentId",
        serialize_with = "print",
        deserialize_with = "agent_id"
    )]
    pub agent: AgentId,
    /// When.
    pub schedule: Schedule,
    /// What.
    pub message: String,
    /// In which session.
    #[serde(
        rename = "sessionId",
        serialize_with = "print",
        deserialize_with = "session_id"
    )]
    pub session: SessionId,
    /// Whether its slots are handed out.
    #[serde(rename = "enabled")]
    pub is_enabled: bool,
    /// Whether it goes away after its run went well.
    pub delete_after_run: bool,
    /// When it was made.
    #[serde(
        rename = "createdAtMs",
        serialize_with = "ms",
        deserialize_with = "timestamp"
    )]
    pub created: Timestamp,
    /// When it was last changed.
    #[serde(
        rename = "updatedAtMs",
        serialize_with = "ms",
        deserialize_with = "timestamp"
    )]
    pub updated: Timestamp,
}

impl Job {
    /// Makes a job of what was asked for.
    ///
    /// # Errors
    /// Says which field is wrong; a point in time that is over is, too.
    pub fn new(id: JobId, new: NewJob, now: Timestamp) -> Result<Self, Error> {
        if let Schedule::At { at } = new.schedule
            && at <= now
        {
            return Err(Error::Past { at: at.to_string() });
        }
        let session = match new.session {
            Some(session) => session,
            None => own_session(&id)?,
        };
        let job = Self {
            id,
            name: new.name,
            agent: new.agent,
            schedule: new.schedule,
            message: new.message,
            session,
            is_enabled: true,
            delete_after_run: new.delete_after_run,
            created: now,
            updated: now,
        };
        job.check()?;
        Ok(job)
    }

    /// The job with some things changed.
    ///
    /// # Errors
    /// Says which field is wrong.
    pub fn edited(&self, edit: Edit, now: Timestamp) -> Result<Self, Error> {
        let mut job = self.clone();
        if let Some(Schedule::At { at }) = edit.schedule
            && at <= now
        {
            return Err(Error::Past { at: at.to_string() });
        }
        job.name = edit.name.unwrap_or(job.name);
        job.agent = edit.agent.unwrap_or(job.agent);
        job.schedule = edit.schedule.unwrap_or(job.schedule);
        job.message = edit.message.unwrap_or(job.message);
        job.session = edit.session.unwrap_or(job.session);
        job.is_enabled = edit.is_enabled.unwrap_or(job.is_enabled);
        job.delete_after_run = edit.delete_after_run.unwrap_or(job.delete_after_run);
        job.check()?;
        if job != *self {
            job.updated = now;
        }
        Ok(job)
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |field, what| Err(Error::Job { field, what });
        if self.name.trim().is_empty() {
            return wrong("name", "is empty");
        }
        if self.name.len() > NAME_BYTES_MAX || self.name.contains(char::is_control) {
            return wrong("name", "has more than 128 bytes, or control characters");
        }
        if self.message.trim().is_empty() {
            return wrong("message", "is empty");
        }
        if self.message.len() > MESSAGE_BYTES_MAX {
            return wrong("message", "has more than 64 KiB");
        }
        Ok(())
    }
}

/// What is to be changed in a job; nothing where there is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// A name for people.
    pub name: Option<String>,
    /// Who is told.
    pub agent: Option<AgentId>,
    /// When.
    pub schedule: Option<Schedule>,
    /// What.
    pub message: Option<String>,
    /// In which session.
    pub session: Option<SessionId>,
    /// Whether its slots are handed out.
    pub is_enabled: Option<bool>,
    /// Whether it goes away after its run went well.
    pub delete_after_run: Option<bool>,
}

/// The session that a job has for itself.
fn own_session(id: &JobId) -> Result<SessionId, Error> {
    // A job's id has fewer characters than a session's may have, and no other ones.
    SessionId::parse(&format!("cron:{id}")).map_err(|_error| Error::Job {
        field: "id",
        what: "makes no session's id",
    })
}

fn print<S: Serializer>(value: &impl fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn parsed<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    from: D,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    parse(&String::deserialize(from)?).map_err(de::Error::custom)
}

fn agent_id<'de, D: Deserializer<'de>>(from: D) -> Result<AgentId, D::Error> {
    parsed(from, AgentId::parse)
}

fn session_id<'de, D: Deserializer<'de>>(from: D) -> Result<SessionId, D::Error> {
    parsed(from, SessionId::parse)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(crate) fn ms<S: Serializer>(value: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_i64(value.0)
}

pub(crate) fn timestamp<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    i64::deserialize(from).map(Timestamp)
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parsed(from, Self::parse)
    }
}
