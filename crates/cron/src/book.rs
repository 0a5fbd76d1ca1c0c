//! The table on disk: what was handed out is durable before it is handed out.
//!
//! Two files: `jobs.json` is the table and is replaced whole, `runs.jsonl` is the log of ended runs and is appended
//! to. A run that was handed out stands in the table until it ends, so one that a crash cut off is known after it.

use std::{
    fs::File,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_types::{Env, Timestamp};
use serde_json::{Value, json};

use crate::{
    error::Error,
    files,
    job::{Edit, Job, JobId, NewJob},
    limits::{JOBS_FILE_BYTES_MAX, RUNS_FILE_BYTES_MAX, RUNS_KEPT, RUNS_MAX},
    record::{Outcome, RunFilter, RunRecord},
    table::{Due, Firing, Table, View},
};

/// The version of the file of jobs that is written and read.
const VERSION: u64 = 1;

/// The table of jobs and the log of their runs, on disk.
#[derive(Debug)]
pub struct Book {
    dir: PathBuf,
    env: Arc<dyn Env>,
    table: Table,
    runs: Vec<RunRecord>,
    log: File,
    /// Held, not used: the kernel gives the directory back when it is closed.
    _lock: File,
}

/// What opening found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Runs that were cut off; they were logged, and are not repeated.
    pub interrupted: Vec<RunRecord>,
    /// Lines of the log that could not be read, and were put aside in `runs.jsonl.bad`.
    pub bad_lines: usize,
}

impl Book {
    /// Opens the directory, and makes it when there is none; ends the runs that a crash cut off.
    ///
    /// # Errors
    /// When another process has it, a file is not ours, or the disk refuses.
    pub fn open(dir: &Path, env: Arc<dyn Env>) -> Result<(Self, Opened), Error> {
        files::create_dir(dir).map_err(|error| Error::disk("make", dir, error))?;
        let lock = files::lock_dir(dir).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => Error::InUse { path: dir.into() },
            _ => Error::disk("lock", dir, error),
        })?;
        let table = read_table(&dir.join("jobs.json"))?;
        let path = dir.join("runs.jsonl");
        let (runs, bad) = read_runs(&path)?;
        if !bad.is_empty() {
            set_aside(&dir.join("runs.jsonl.bad"), &bad)?;
            write_runs(&path, &runs)?;
        }
        let log = files::open_append(&path).map_err(|error| Error::disk("open", &path, error))?;
        files::sync_dir(dir).map_err(|error| Error::disk("sync", dir, error))?;
        let mut book = Self {
            dir: dir.into(),
            env,
            table,
            runs,
            log,
            _lock: lock,
        };
        let mut table = book.table.clone();
        let interrupted = table.interrupt(book.env.now());
        if !interrupted.is_empty() {
            // Logged first: a crash between the two logs them twice under one name, which reading forgives.
            book.log(&interrupted)?;
            book.keep(table)?;
        }
        let opened = Opened {
            interrupted,
            bad_lines: bad.len(),
        };
        Ok((book, opened))
    }

    /// Adds a job under a fresh id.
    ///
    /// # Errors
    /// When a field is wrong, there are too many jobs, or the disk refuses.
    pub fn add(&mut self, new: NewJob) -> Result<Job, Error> {
        let id = JobId::parse(&self.env.fresh_id())?;
        let now = self.env.now();
        self.change(|table| table.add(id, new, now))
    }

    /// Has a job of this id be as asked: adds it, or changes what differs. Its slots stay unless its schedule changes;
    /// an interval of the same length is the same schedule.
    ///
    /// # Errors
    /// When a field is wrong, there are too many jobs, or the disk refuses.
    pub fn ensure(&mut self, id: JobId, new: NewJob) -> Result<Job, Error> {
        let now = self.env.now();
        let Some(View { job, .. }) = self.table.get(&id, now) else {
            return self.change(|table| table.add(id, new, now));
        };
        let edit = Edit {
            schedule: (!job.schedule.is_like(&new.schedule)).then_some(new.schedule),
            name: Some(new.name),
            agent: Some(new.agent),
            message: Some(new.message),
            session: new.session,
            is_enabled: None,
            delete_after_run: Some(new.delete_after_run),
        };
        if job.edited(edit.clone(), now)? == job {
            return Ok(job);
        }
        self.change(|table| table.edit(&id, edit, now))
    }

    /// Changes a job.
    ///
    /// # Errors
    /// When there is no such job, a field is wrong, or the disk refuses.
    pub fn edit(&mut self, id: &JobId, edit: Edit) -> Result<Job, Error> {
        let now = self.env.now();
        self.change(|table| table.edit(id, edit, now))
    }

    /// Removes a job.
    ///
    /// # Errors
    /// When there is no such job, or the disk refuses.
    pub fn remove(&mut self, id: &JobId) -> Result<Job, Error> {
        self.change(|table| table.remove(id))
    }

    /// One job.
    #[must_use]
    pub fn get(&self, id: &JobId) -> Option<View> {
        self.table.get(id, self.env.now())
    }

    /// All jobs, by id.
    #[must_use]
    pub fn list(&self) -> Vec<View> {
        self.table.list(self.env.now())
    }

    /// When something is due next, unless a run ends before.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Timestamp> {
        self.table.wakes_at(self.env.now())
    }

    /// Hands out what is due; durable before this returns, so that nothing is handed out twice.
    ///
    /// # Errors
    /// When the disk refuses; nothing is handed out then.
    pub fn due(&mut self) -> Result<Due, Error> {
        let env = Arc::clone(&self.env);
        let now = env.now();
        let mut table = self.table.clone();
        let due = table.due(now, || env.fresh_id());
        if due == Due::default() {
            return Ok(due);
        }
        if !due.lost.is_empty() {
            self.log(&due.lost)?;
        }
        self.keep(table)?;
        Ok(due)
    }

    /// Hands a job out because somebody asked for it.
    ///
    /// # Errors
    /// When there is no such job, it is running, or the disk refuses.
    pub fn run_now(&mut self, id: &JobId) -> Result<Firing, Error> {
        let (run, now) = (self.env.fresh_id(), self.env.now());
        self.change(|table| table.run_now(id, run, now))
    }

    /// Ends a run and logs it; nothing when it is not known, or was given up.
    ///
    /// # Errors
    /// When the disk refuses; the run goes on then, and may be ended again.
    pub fn finished(&mut self, run: &str, outcome: Outcome) -> Result<Option<RunRecord>, Error> {
        let mut table = self.table.clone();
        let Some(record) = table.finished(run, outcome, self.env.now()) else {
            return Ok(None);
        };
        self.log(std::slice::from_ref(&record))?;
        self.keep(table)?;
        Ok(Some(record))
    }

    /// The runs that are asked for, the latest last.
    #[must_use]
    pub fn runs(&self, filter: &RunFilter) -> Vec<&RunRecord> {
        let mut found: Vec<_> = self
            .runs
            .iter()
            .filter(|record| filter.keeps(record))
            .collect();
        if let Some(count_max) = filter.count_max {
            found.drain(..found.len().saturating_sub(count_max));
        }
        found
    }

    /// Changes a copy, makes it durable, and only then lets it count.
    fn change<T>(&mut self, act: impl FnOnce(&mut Table) -> Result<T, Error>) -> Result<T, Error> {
        let mut table = self.table.clone();
        let result = act(&mut table)?;
        if table != self.table {
            self.keep(table)?;
        }
        Ok(result)
    }

    fn keep(&mut self, table: Table) -> Result<(), Error> {
        let path = self.dir.join("jobs.json");
        let file = json!({"version": VERSION, "jobs": table.stored()});
        let mut bytes = serde_json::to_vec_pretty(&file)
            .map_err(|error| Error::disk("encode", &path, error.into()))?;
        bytes.push(b'\n');
        files::replace(&path, &bytes).map_err(|error| Error::disk("write", &path, error))?;
        self.table = table;
        Ok(())
    }

    fn log(&mut self, records: &[RunRecord]) -> Result<(), Error> {
        let path = self.dir.join("runs.jsonl");
        let known = |run: &str| self.runs.iter().rev().any(|record| record.run == run);
        let new: Vec<_> = records
            .iter()
            .filter(|record| !known(&record.run))
            .cloned()
            .collect();
        if self.runs.len() + new.len() > RUNS_MAX {
            self.runs.extend(new);
            self.runs.drain(..self.runs.len() - RUNS_KEPT);
            write_runs(&path, &self.runs)?;
            self.log =
                files::open_append(&path).map_err(|error| Error::disk("open", &path, error))?;
            return Ok(());
        }
        let bytes = lines(&new).map_err(|error| Error::disk("encode", &path, error))?;
        let written = self
            .log
            .write_all(&bytes)
            .and_then(|()| self.log.sync_data());
        if let Err(error) = written {
            // What is behind the last whole line would spoil the next one.
            write_runs(&path, &self.runs)?;
            self.log =
                files::open_append(&path).map_err(|error| Error::disk("open", &path, error))?;
            return Err(Error::disk("write", &path, error));
        }
        self.runs.extend(new);
        Ok(())
    }
}

fn read_table(path: &Path) -> Result<Table, Error> {
    let foreign = |what, source| Error::Foreign {
        path: path.into(),
        what,
        source,
    };
    let read = files::read(path, JOBS_FILE_BYTES_MAX);
    let Some(bytes) = read.map_err(|error| Error::disk("read", path, error))? else {
        return Ok(Table::default());
    };
    let mut file: Value =
        serde_json::from_slice(&bytes).map_err(|error| foreign("it is not JSON", Some(error)))?;
    match file.get("version").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(_) => return Err(foreign("a newer version wrote it", None)),
        None => return Err(foreign("it is no table of jobs", None)),
    }
    let jobs = file.get_mut("jobs").map(Value::take).unwrap_or_default();
    let table = Table::from_stored(jobs)
        .map_err(|error| foreign("a job in it can't be read", Some(error)))?;
    table.ok_or_else(|| foreign("two jobs in it have one id", None))
}

/// The runs of the log, each once, and the lines that are none.
fn read_runs(path: &Path) -> Result<(Vec<RunRecord>, Vec<Vec<u8>>), Error> {
    let read = files::read(path, RUNS_FILE_BYTES_MAX);
    let bytes = read
        .map_err(|error| Error::disk("read", path, error))?
        .unwrap_or_default();
    let mut runs: Vec<RunRecord> = Vec::new();
    let mut bad = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match serde_json::from_slice::<RunRecord>(line) {
            // A line without its end was not acknowledged, even when it can be read.
            Ok(record) if line.ends_with(b"\n") => {
                // Only the last few can have been logged twice.
                if !runs
                    .iter()
                    .rev()
                    .take(JOBS_AT_ONCE)
                    .any(|other| other.run == record.run)
                {
                    runs.push(record);
                }
            }
            _ => bad.push(line.to_vec()),
        }
    }
    Ok((runs, bad))
}

/// Runs that are logged in one go at most: one for each job.
const JOBS_AT_ONCE: usize = crate::limits::JOBS_MAX;

fn lines(records: &[RunRecord]) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for record in records {
        serde_json::to_writer(&mut bytes, record)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn write_runs(path: &Path, runs: &[RunRecord]) -> Result<(), Error> {
    let bytes = lines(runs).map_err(|error| Error::disk("encode", path, error))?;
    files::replace(path, &bytes).map_err(|error| Error::disk("write", path, error))
}

fn set_aside(path: &Path, bad: &[Vec<u8>]) -> Result<(), Error> {
    let write = || {
        let mut file = files::open_append(path)?;
        for line in bad {
            file.write_all(line)?;
            if !line.ends_with(b"\n") {
                file.write_all(b"\n")?;
            }
        }
        file.sync_all()
    };
    write().map_err(|error: std::io::Error| Error::disk("write", path, error))
}
