//! Appending what was read: whole, or not at all.

use openclaw_types::{AgentId, SessionId};
use tokio::time::{Duration, Instant};

use crate::{
    entry::{Appended, Entry},
    error::Error,
    limits::{IMPORT_BATCH_BYTES, IMPORT_BUSY_MS},
    store::Store,
};

/// How long to wait before a full queue is tried again.
const PAUSE: Duration = Duration::from_millis(20);

impl Store {
    /// Makes a session of entries from elsewhere. They keep their times and get new ids and numbers.
    ///
    /// They are appended in batches; when one fails, the session is deleted again. A crash in between leaves the
    /// batches that were acknowledged by then.
    ///
    /// # Errors
    /// The session has entries already, or an append failed.
    pub async fn import(
        &self,
        agent: &AgentId,
        session: &SessionId,
        entries: Vec<Entry>,
    ) -> Result<Vec<Appended>, Error> {
        if self.summary(agent, session).is_some() {
            return Err(Error::Taken {
                agent: agent.clone(),
                session: session.clone(),
            });
        }
        let mut all = Vec::new();
        for batch in batches(entries) {
            match self.import_more(agent, session, batch).await {
                Ok(mut appended) => all.append(&mut appended),
                Err(error) => {
                    self.take_back(agent, session, all.is_empty()).await;
                    return Err(error);
                }
            }
        }
        Ok(all)
    }

    /// Appends one batch of entries from elsewhere to a session, all or none of them.
    ///
    /// # Errors
    /// The append failed, or the queue stayed full.
    pub async fn import_more(
        &self,
        agent: &AgentId,
        session: &SessionId,
        mut batch: Vec<Entry>,
    ) -> Result<Vec<Appended>, Error> {
        for entry in &mut batch {
            entry.session = session.clone();
        }
        let deadline = Instant::now() + Duration::from_millis(IMPORT_BUSY_MS);
        loop {
            match self.queue(agent, Vec::new(), batch.clone()).await {
                Err(Error::Busy) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                other => return other,
            }
        }
    }

    async fn take_back(&self, agent: &AgentId, session: &SessionId, nothing: bool) {
        if nothing {
            return;
        }
        if let Err(error) = self.delete(agent, session).await {
            tracing::warn!(%agent, %session, error = &error as &dyn std::error::Error, "a part of an import stays");
        }
    }
}

/// Entries in batches of a size that leaves others room in the queue.
fn batches(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        bytes += entry.memory_bytes();
        batch.push(entry);
        if bytes >= IMPORT_BATCH_BYTES {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}
