//! The table of jobs: what is due, and what was handed out; told the time, without IO.
//!
//! A slot is a point in time, so a clock that is set back shows slots that were handed out before, and they are not
//! handed out again. What a clock skipped when it was set ahead is remembered: should it come back, the job goes on
//! there, instead of waiting for the future it saw.

use std::collections::BTreeMap;

use openclaw_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    job::{Edit, Job, JobId, NewJob, ms, timestamp},
    limits::{JOBS_MAX, LATE_AFTER_MS, RUNNING_MS_MAX},
    record::{Outcome, RunRecord},
};

mod slots;

use self::slots::Slots;

/// The right and the duty to run a job once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The run; its end is told with it.
    pub run: String,
    /// What is to be run.
    pub job: Job,
    /// Which slot.
    pub slot: Timestamp,
    /// Whether it is late, or stands for others.
    pub is_catch_up: bool,
    /// How many slots before it were skipped; a thousand stands for more.
    pub missed: u32,
    /// Whether somebody asked for it, outside the schedule.
    pub is_manual: bool,
}

/// What is to be done now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// Jobs to run.
    pub firings: Vec<Firing>,
    /// Runs that nobody ended, and that are given up.
    pub lost: Vec<RunRecord>,
}

/// A job and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The job.
    pub job: Job,
    /// The slot that was handed out last.
    pub last: Option<Timestamp>,
    /// The slot that comes next; none when it is disabled or there are no more.
    pub next: Option<Timestamp>,
    /// The run that goes on, if one does.
    pub running: Option<String>,
    /// How many slots were skipped since the job was made.
    pub missed: u64,
}

/// A run that was handed out and has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Running {
    run: String,
    #[serde(
        rename = "slotMs",
        serialize_with = "ms",
        deserialize_with = "timestamp"
    )]
    slot: Timestamp,
    #[serde(
        rename = "startedMs",
        serialize_with = "ms",
        deserialize_with = "timestamp"
    )]
    started: Timestamp,
    is_catch_up: bool,
    missed: u32,
    is_manual: bool,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    job: Job,
    slots: Slots,
    running: Option<Running>,
}

/// All jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    rows: BTreeMap<JobId, Row>,
}

impl Table {
    /// Adds a job.
    ///
    /// # Errors
    /// When its id is taken, there are too many, or a field is wrong.
    pub fn add(&mut self, id: JobId, new: NewJob, now: Timestamp) -> Result<Job, Error> {
        if self.rows.contains_key(&id) {
            return Err(Error::Taken { id: id.to_string() });
        }
        if self.rows.len() >= JOBS_MAX {
            return Err(Error::Full { jobs_max: JOBS_MAX });
        }
        let job = Job::new(id, new, now)?;
        self.insert(job.clone(), now);
        Ok(job)
    }

    fn insert(&mut self, job: Job, now: Timestamp) {
        let row = Row {
            job: job.clone(),
            slots: Slots::since(now),
            running: None,
        };
        self.rows.insert(job.id, row);
    }

    /// Changes a job. A new schedule, and being enabled again, begin now: what was before is not caught up.
    ///
    /// # Errors
    /// When there is no such job, or a field is wrong.
    pub fn edit(&mut self, id: &JobId, edit: Edit, now: Timestamp) -> Result<Job, Error> {
        let row = self.row(id)?;
        let edited = row.job.edited(edit, now)?;
        let begins =
            edited.schedule != row.job.schedule || edited.is_enabled && !row.job.is_enabled;
        if begins {
            row.slots.begin(now);
        }
        row.job = edited.clone();
        Ok(edited)
    }

    /// Removes a job; a run of it that goes on is forgotten.
    ///
    /// # Errors
    /// When there is no such job.
    pub fn remove(&mut self, id: &JobId) -> Result<Job, Error> {
        let row = self.rows.remove(id);
        row.map(|row| row.job)
            .ok_or_else(|| Error::Unknown { id: id.to_string() })
    }

    fn row(&mut self, id: &JobId) -> Result<&mut Row, Error> {
        self.rows
            .get_mut(id)
            .ok_or_else(|| Error::Unknown { id: id.to_string() })
    }

    /// One job.
    #[must_use]
    pub fn get(&self, id: &JobId, now: Timestamp) -> Option<View> {
        self.rows.get(id).map(|row| row.view(now))
    }

    /// All jobs, by id.
    #[must_use]
    pub fn list(&self, now: Timestamp) -> Vec<View> {
        self.rows.values().map(|row| row.view(now)).collect()
    }

    /// When something is due next, unless a run ends before.
    #[must_use]
    pub fn wakes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let wakes = self.rows.values().filter_map(|row| match &row.running {
            Some(running) => Some(Timestamp(running.started.0.saturating_add(RUNNING_MS_MAX))),
            None => row.next(now),
        });
        wakes.min()
    }

    /// Hands out what is due, and gives up what never ended. `name` makes the runs' ids.
    ///
    /// A job whose run goes on is not due; when that ends, the latest of its slots is.
    pub fn due(&mut self, now: Timestamp, mut name: impl FnMut() -> String) -> Due {
        let mut due = Due::default();
        for row in self.rows.values_mut() {
            if let Some(running) = &row.running {
                if now.since_ms(running.started) < RUNNING_MS_MAX {
                    continue;
                }
                due.lost.extend(row.end(Outcome::Lost, now));
            }
            if !row.job.is_enabled {
                continue;
            }
            let Some((slot, missed)) = row.slots.take(&row.job.schedule, now) else {
                continue;
            };
            let is_catch_up = missed > 0 || now.since_ms(slot) > LATE_AFTER_MS;
            let running = Running {
                run: name(),
                slot,
                started: now,
                is_catch_up,
                missed,
                is_manual: false,
            };
            due.firings.push(row.fire(running));
        }
        due
    }

    /// Hands a job out because somebody asked for it; its slots stay as they are.
    ///
    /// # Errors
    /// When there is no such job, or it is running.
    pub fn run_now(&mut self, id: &JobId, run: String, now: Timestamp) -> Result<Firing, Error> {
        let row = self.row(id)?;
        if row.running.is_some() {
            return Err(Error::Running { id: id.to_string() });
        }
        Ok(row.fire(Running {
            run,
            slot: now,
            started: now,
            is_catch_up: false,
            missed: 0,
            is_manual: true,
        }))
    }

    /// Ends a run; nothing when it is not known, or was given up.
    pub fn finished(&mut self, run: &str, outcome: Outcome, now: Timestamp) -> Option<RunRecord> {
        let is_it = |row: &Row| {
            row.running
                .as_ref()
                .is_some_and(|running| running.run == run)
        };
        let row = self.rows.values_mut().find(|row| is_it(row))?;
        let record = row.end(outcome, now)?;
        let is_done =
            row.job.delete_after_run && record.outcome == Outcome::Ok && !record.is_manual;
        if is_done && row.next(now).is_none() {
            self.rows.remove(&record.job);
        }
        Some(record)
    }

    /// Ends all runs that go on: nobody does them any more.
    pub(crate) fn interrupt(&mut self, now: Timestamp) -> Vec<RunRecord> {
        let rows = self.rows.values_mut();
        rows.filter_map(|row| row.end(Outcome::Interrupted, now))
            .collect()
    }

    /// The rows as they are stored.
    pub(crate) fn stored(&self) -> impl Serialize + use<> {
        self.rows.values().cloned().collect::<Vec<_>>()
    }

    /// The table of stored rows; `None` when two have the same id.
    pub(crate) fn from_stored(json: serde_json::Value) -> Result<Option<Self>, serde_json::Error> {
        let rows: Vec<Row> = serde_json::from_value(json)?;
        let count = rows.len();
        let rows: BTreeMap<_, _> = rows
            .into_iter()
            .map(|row| (row.job.id.clone(), row))
            .collect();
        Ok((rows.len() == count).then_some(Self { rows }))
    }
}

impl Row {
    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let next = self.slots.next(&self.job.schedule, now)?;
        self.job.is_enabled.then_some(next.slot)
    }

    fn view(&self, now: Timestamp) -> View {
        View {
            job: self.job.clone(),
            last: self.slots.last(),
            next: self.next(now),
            running: self.running.as_ref().map(|running| running.run.clone()),
            missed: self.slots.missed(),
        }
    }

    fn fire(&mut self, running: Running) -> Firing {
        let firing = Firing {
            run: running.run.clone(),
            job: self.job.clone(),
            slot: running.slot,
            is_catch_up: running.is_catch_up,
            missed: running.missed,
            is_manual: running.is_manual,
        };
        self.running = Some(running);
        firing
    }

    fn end(&mut self, outcome: Outcome, now: Timestamp) -> Option<RunRecord> {
        let running = self.running.take()?;
        Some(RunRecord {
            run: running.run,
            job: self.job.id.clone(),
            agent: self.job.agent.to_string(),
            slot: running.slot,
            started: running.started,
            ended: now,
            is_catch_up: running.is_catch_up,
            missed: running.missed,
            is_manual: running.is_manual,
            outcome,
        })
    }
}

#[cfg(test)]
mod tests;
