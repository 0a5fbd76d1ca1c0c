//! What one round does to one agent's file: number and encode, write once, and after the sync publish.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use openclaw_types::{Env, SessionId};
use tokio::sync::oneshot;

use crate::{
    agent::{ActiveFile, AgentFiles, Writer},
    cache::TailCache,
    chain::Life,
    commit::{Shared, lock},
    disk::{Disk, DiskFile, write_full},
    entry::{Appended, Draft, Entry, Kind, encode},
    error::Error,
    index::Place,
    limits::VALUE_DEPTH_MAX,
    segment::sync_names,
};

/// Who is told how an append went.
pub(crate) type Reply = oneshot::Sender<Result<Vec<Appended>, Error>>;

/// What must hold of a session when an entry is written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It has neither another marker nor another life by now, and what a marker covers is on the disk or goes there
    /// with it.
    Life(Life),
    /// All of it is in archives: nobody has written to it since.
    Archived,
}

/// Drafts of one call, which become durable together.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) drafts: Vec<Draft>,
    /// Entries from elsewhere, which keep their times.
    pub(crate) imported: Vec<Entry>,
    /// Only if this holds of the one session concerned; otherwise nothing is appended, and that is the answer.
    pub(crate) only_if: Option<Condition>,
    pub(crate) reply: Reply,
}

/// All requests of one round for one agent.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) agent: Arc<AgentFiles>,
    pub(crate) requests: Vec<Request>,
}

/// A batch whose bytes are in the file and not yet known to be on the disk.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) agent: Arc<AgentFiles>,
    pub(crate) file: Arc<dyn DiskFile>,
    lines: Lines,
    end: u64,
}

#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    /// Where each entry's line begins in `bytes`, its length without newline, and the entry.
    entries: Vec<(u64, u32, Arc<Entry>)>,
    replies: Vec<(Reply, Vec<Appended>)>,
    /// The highest number given out per session.
    numbers: BTreeMap<SessionId, u64>,
}

impl Batch {
    /// Writes the batch's lines; answers the requests itself when that fails.
    pub(crate) fn write(self, shared: &Shared) -> Option<Written> {
        let Self { agent, requests } = self;
        let env = &*shared.env;
        if let Err(error) = agent.make_ready(&*shared.disk, env, &shared.cache) {
            for request in requests {
                answer(request.reply, Err(error.clone()));
            }
            return None;
        }
        let mut lines = Lines::default();
        for request in requests {
            lines.add(&agent, request, env, shared.entry_bytes_max);
        }
        if lines.entries.is_empty() {
            lines.acknowledge();
            return None;
        }
        let mut writer = agent.writer();
        let written = append(&mut writer, &lines.bytes, &agent);
        drop(writer);
        match written {
            Ok((file, end)) => Some(Written {
                agent,
                file,
                lines,
                end,
            }),
            Err(error) => {
                lines.refuse(&agent, &error);
                None
            }
        }
    }
}

/// Writes at the end of the active file, or leaves it as it was, or poisons it.
fn append(
    writer: &mut Writer,
    bytes: &[u8],
    agent: &AgentFiles,
) -> Result<(Arc<dyn DiskFile>, u64), Error> {
    let path = agent.layout.active();
    let Some(active) = writer.ready() else {
        return Err(Error::UnknownAgent {
            agent: agent.id.clone(),
        });
    };
    if let Err(error) = write_full(&*active.file, bytes) {
        if take_back(active).is_err() {
            writer.poison();
        }
        return Err(Error::disk("append to", path, error));
    }
    active.dirty = true;
    Ok((Arc::clone(&active.file), active.len + bytes.len() as u64))
}

/// Cuts off what a failed write left behind, and makes sure that it is gone.
fn take_back(active: &ActiveFile) -> std::io::Result<()> {
    active.file.truncate(active.len)?;
    if active.file.state()?.len == active.len {
        Ok(())
    } else {
        Err(std::io::ErrorKind::InvalidData.into())
    }
}

impl Written {
    /// Publishes and acknowledges the batch, if it was synced and the path still names this file.
    pub(crate) fn finish(
        self,
        synced: std::io::Result<()>,
        disk: &dyn Disk,
        cache: &Mutex<TailCache>,
    ) -> bool {
        let path = self.agent.layout.active();
        let checked = synced
            .map_err(|error| Error::disk("sync", &path, error))
            .inspect_err(|_| self.abandon())
            .and_then(|()| self.check(disk));
        if let Err(error) = checked {
            self.lines.refuse(&self.agent, &error);
            return false;
        }
        if let Some(active) = self.agent.writer().ready() {
            active.len = self.end;
        }
        self.publish(cache);
        self.lines.acknowledge();
        true
    }

    /// After a failed sync nothing is known about the bytes: they go, and nothing follows them.
    fn abandon(&self) {
        let mut writer = self.agent.writer();
        if let Some(active) = writer.ready() {
            // What is left was synced before, or the file was suspect from the beginning.
            active.dirty = false;
            if let Err(error) = active.file.truncate(active.len) {
                tracing::warn!(agent = %self.agent.id, %error, "unacknowledged lines stay in the poisoned segment");
            }
        }
        writer.poison();
    }

    /// Makes the file's name durable, once, and notices an editor that replaced the file or a program that
    /// wrote to it.
    fn check(&self, disk: &dyn Disk) -> Result<(), Error> {
        let mut writer = self.agent.writer();
        let path = self.agent.layout.active();
        let Some(active) = writer.ready() else {
            return Err(Error::Closed);
        };
        if !active.named {
            if let Err(error) = sync_names(disk, &self.agent.layout) {
                *writer = Writer::Lost;
                return Err(error);
            }
            active.named = true;
        }
        let same = disk
            .state(&path)
            .is_ok_and(|now| now.identity == active.identity && now.len == self.end);
        if same {
            return Ok(());
        }
        *writer = Writer::Lost;
        Err(Error::Changed { path })
    }

    fn publish(&self, cache: &Mutex<TailCache>) {
        let mut view = self.agent.view();
        let start = self.end - self.lines.bytes.len() as u64;
        let segment = view.active_number;
        let mut cache = lock(cache);
        for (offset, len, entry) in &self.lines.entries {
            let first = !view.index.is_alive(&entry.session);
            let place = Place {
                segment,
                offset: start + offset,
                len: *len,
                seq: entry.seq,
            };
            view.index.append(place, entry);
            let key = (self.agent.id.clone(), entry.session.clone());
            if !view.index.is_alive(&entry.session) {
                cache.forget(&key);
            } else {
                cache.push(&key, entry, first);
            }
        }
    }
}

impl Lines {
    /// Numbers and encodes one request, whole or not at all.
    fn add(&mut self, agent: &AgentFiles, request: Request, env: &dyn Env, bytes_max: usize) {
        if !self.still_holds(agent, &request) {
            answer(request.reply, Ok(Vec::new()));
            return;
        }
        let (bytes, entries) = (self.bytes.len(), self.entries.len());
        let now = env.now();
        let drafts = request.drafts.into_iter();
        let drafts = drafts.map(|draft| Entry::from_draft(draft, String::new(), now, 0));
        let mut appended = Vec::with_capacity(drafts.len() + request.imported.len());
        for mut entry in drafts.chain(request.imported) {
            entry.id = env.fresh_id();
            match self.add_entry(agent, entry, bytes_max) {
                Ok(done) => appended.push(done),
                Err(error) => {
                    self.bytes.truncate(bytes);
                    self.entries.truncate(entries);
                    answer(request.reply, Err(error));
                    return;
                }
            }
        }
        self.replies.push((request.reply, appended));
    }

    /// Whether what an entry depends on holds still, with what stands before it in the batch.
    fn still_holds(&self, agent: &AgentFiles, request: &Request) -> bool {
        let (Some(condition), Some(entry)) = (request.only_if, request.imported.first()) else {
            return true;
        };
        let session = &entry.session;
        let in_batch = self.entries.iter().map(|(_, _, entry)| entry);
        let mut in_batch = in_batch.filter(|entry| entry.session == *session);
        match condition {
            Condition::Life(life) => {
                if agent.is_suspect() {
                    return false;
                }
                let found = agent.view().index.committed(session);
                found.is_some_and(|found| found.life == life)
                    && !in_batch.any(|entry| matches!(entry.kind, Kind::Commit | Kind::Tombstone))
            }
            Condition::Archived => {
                agent.view().index.is_archived(session) && in_batch.next().is_none()
            }
        }
    }

    fn add_entry(
        &mut self,
        agent: &AgentFiles,
        mut entry: Entry,
        bytes_max: usize,
    ) -> Result<Appended, Error> {
        entry.seq = match self.numbers.get_mut(&entry.session) {
            Some(last) => {
                *last += 1;
                *last
            }
            None => {
                let seq = agent.view().index.next_seq(&entry.session);
                self.numbers.insert(entry.session.clone(), seq);
                seq
            }
        };
        let start = self.bytes.len();
        encode(&entry, &mut self.bytes).ok_or(Error::TooDeep {
            depth_max: VALUE_DEPTH_MAX,
        })?;
        let bytes = self.bytes.len() - start;
        if bytes > bytes_max {
            return Err(Error::TooLarge { bytes, bytes_max });
        }
        let appended = Appended {
            id: entry.id.clone(),
            seq: entry.seq,
            timestamp: entry.timestamp,
        };
        let Ok(len) = u32::try_from(bytes - 1) else {
            return Err(Error::TooLarge { bytes, bytes_max });
        };
        self.entries.push((start as u64, len, Arc::new(entry)));
        Ok(appended)
    }

    /// The promise: everything in the batch is on stable storage.
    fn acknowledge(self) {
        for (reply, appended) in self.replies {
            answer(reply, Ok(appended));
        }
    }

    /// Nothing in the batch is promised, and its numbers are never given out again.
    fn refuse(self, agent: &AgentFiles, error: &Error) {
        let mut view = agent.view();
        for (session, seq) in self.numbers {
            view.index.burn(session, seq);
        }
        drop(view);
        for (reply, _) in self.replies {
            answer(reply, Err(error.clone()));
        }
    }
}

/// A caller that stopped waiting does not hear; the entry is durable all the same.
fn answer(reply: Reply, result: Result<Vec<Appended>, Error>) {
    drop(reply.send(result));
}
