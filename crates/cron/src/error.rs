//! What can go wrong with schedules, jobs and their files, so that whoever is told can act.

use std::{io, path::PathBuf};

/// Why something was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A cron expression has the wrong number of fields.
    #[error(
        "`{text}` has {fields} fields; write five (minute hour day month weekday) or six (second first)"
    )]
    Fields {
        /// The expression.
        text: String,
        /// How many fields it has.
        fields: usize,
    },
    /// A field of a cron expression can't be read.
    #[error("`{part}` in the field {field} {what}")]
    Field {
        /// Which field, in words.
        field: &'static str,
        /// The part of it.
        part: String,
        /// What is wrong with it, as the rest of a sentence.
        what: &'static str,
    },
    /// A word with `@` that means nothing.
    #[error("`{text}` is not known; there are @yearly, @monthly, @weekly, @daily and @hourly")]
    Nickname {
        /// The word.
        text: String,
    },
    /// The expression names days that don't exist.
    #[error("`{text}` never happens: no month has such a day")]
    Never {
        /// The expression.
        text: String,
    },
    /// A time zone that isn't in the database.
    #[error("there is no time zone `{name}`; write one like Europe/Berlin, or UTC")]
    Zone {
        /// What was written.
        name: String,
    },
    /// An interval that can't be read, or is too short or too long.
    #[error(
        "`{text}` is no interval from one second to ten years; write one like 90s, 15m, 1h30m or 2d"
    )]
    Interval {
        /// What was written.
        text: String,
    },
    /// A point in time that can't be read.
    #[error(
        "`{text}` is no time; write one like 2026-03-29T02:30:00Z, or an interval from now like 20m"
    )]
    Time {
        /// What was written.
        text: String,
    },
    /// A point in time that is over.
    #[error("{at} is over; nothing would ever be run")]
    Past {
        /// The time.
        at: String,
    },
    /// A text that is no schedule.
    #[error(
        "`{text}` is no schedule; write `at <time>`, `every <interval>` or `cron <expression> [<zone>]`"
    )]
    Schedule {
        /// What was written.
        text: String,
    },
    /// A job's field is empty, too long, or holds what it may not.
    #[error("the job's {field} {what}")]
    Job {
        /// Which field.
        field: &'static str,
        /// What is wrong with it, as the rest of a sentence.
        what: &'static str,
    },
    /// No job has this id.
    #[error("there is no job `{id}`")]
    Unknown {
        /// The id.
        id: String,
    },
    /// A job with this id exists.
    #[error("there is a job `{id}` already")]
    Taken {
        /// The id.
        id: String,
    },
    /// A job is running and can't be run twice at a time.
    #[error("the job `{id}` is running")]
    Running {
        /// The id.
        id: String,
    },
    /// There are as many jobs as there may be.
    #[error("there are {jobs_max} jobs, and no more are kept")]
    Full {
        /// The limit.
        jobs_max: usize,
    },
    /// Another process has the files.
    #[error("{path} is in use by another process")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A file was written by a newer version, or isn't ours.
    #[error("{path} can't be used: {what}; it is left as it is")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, as a sentence.
        what: &'static str,
        /// What the reader said, if it was one that spoke.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// The disk refused.
    #[error("cannot {verb} {path}")]
    Disk {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn disk(verb: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Disk {
            verb,
            path: path.into(),
            source,
        }
    }
}
