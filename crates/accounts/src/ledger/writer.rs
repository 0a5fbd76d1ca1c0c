//! The ledger's thread: writes what was gathered, syncs what was written, closes what is full.

use std::{
    sync::{PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::{Active, Shared, Waiting, lock};

/// Lines that come within this time are written together.
const GATHER: Duration = Duration::from_millis(5);

impl Shared {
    /// Runs until the ledger is shut down.
    pub(super) fn run(&self) {
        let mut unsynced_since = None;
        loop {
            let is_stopping = self.wait(unsynced_since);
            self.write_waiting();
            if unsynced_since.is_none() && lock(&self.waiting).is_unsynced {
                unsynced_since = Some(Instant::now());
            }
            let is_due = unsynced_since.is_some_and(|since| since.elapsed() >= self.sync_after());
            if is_due || (is_stopping && unsynced_since.is_some()) {
                // A sync that failed is tried again after the same time.
                unsynced_since = (!self.sync()).then(Instant::now);
            }
            self.rotate_if_full();
            if is_stopping {
                return;
            }
        }
    }

    const fn sync_after(&self) -> Duration {
        Duration::from_millis(self.options.sync_ms)
    }

    /// Waits for something to do; says whether to stop.
    fn wait(&self, unsynced_since: Option<Instant>) -> bool {
        let mut waiting = lock(&self.waiting);
        let is_idle = |waiting: &Waiting| {
            waiting.bytes.is_empty()
                && !waiting.is_stopping
                && (!waiting.is_unsynced || unsynced_since.is_some())
        };
        match unsynced_since {
            None => {
                while is_idle(&waiting) {
                    waiting = self
                        .wake
                        .wait(waiting)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
            Some(since) => {
                while is_idle(&waiting) {
                    let left = self.sync_after().saturating_sub(since.elapsed());
                    if left.is_zero() {
                        break;
                    }
                    waiting = self
                        .wake
                        .wait_timeout(waiting, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
            }
        }
        if !waiting.bytes.is_empty() && !waiting.is_stopping {
            waiting = self
                .wake
                .wait_timeout(waiting, GATHER)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        waiting.is_stopping
    }

    /// Writes what was gathered. What the disk refuses is lost, and counted.
    pub(super) fn write_waiting(&self) {
        self.write_to(&mut lock(&self.active));
    }

    /// The same, unless somebody is writing.
    pub(super) fn write_waiting_if_free(&self) {
        if let Ok(mut active) = self.active.try_lock() {
            self.write_to(&mut active);
        }
    }

    fn write_to(&self, active: &mut Active) {
        let (bytes, lines) = {
            let mut waiting = lock(&self.waiting);
            let bytes = std::mem::take(&mut waiting.bytes);
            (bytes, std::mem::take(&mut waiting.lines))
        };
        if bytes.is_empty() {
            return;
        }
        match active.append(&bytes, self) {
            Ok(()) => lock(&self.waiting).is_unsynced = true,
            Err(_) => {
                self.lost.fetch_add(lines, Relaxed);
            }
        }
    }

    /// Makes what was written durable, without holding up who writes.
    fn sync(&self) -> bool {
        lock(&self.waiting).is_unsynced = false;
        let file = {
            let mut active = lock(&self.active);
            if active.file.is_none() && active.open(&self.dir, &*self.disk).is_err() {
                return false;
            }
            active.file.clone()
        };
        let Some(file) = file else { return false };
        let synced = file.sync();
        let mut active = lock(&self.active);
        match synced {
            Ok(()) => {
                if active.sync_failure.take().is_some() {
                    tracing::info!("spending is recorded again");
                }
                true
            }
            Err(error) => {
                // Nothing is known about what was written, and a later sync of this file would not tell.
                let text = format!("cannot sync the ledger: {error}");
                tracing::error!("{text}; going on in a new file");
                active.sync_failure = Some(text);
                self.rotate(&mut active);
                false
            }
        }
    }

    fn rotate_if_full(&self) {
        let mut active = lock(&self.active);
        if active.len < active.bytes_max {
            return;
        }
        // What is in the file is durable before its name changes.
        let synced = active.file.as_ref().map_or(Ok(()), |file| file.sync());
        if let Err(error) = synced {
            tracing::error!("cannot sync the ledger: {error}");
            active.sync_failure = Some(format!("cannot sync the ledger: {error}"));
            lock(&self.waiting).is_unsynced = true;
        }
        self.rotate(&mut active);
    }

    fn rotate(&self, active: &mut Active) {
        let rotated = active.rotate(self, self.env.now());
        let opened = rotated
            .map_err(|error| error.to_string())
            .and_then(|()| active.open(&self.dir, &*self.disk));
        match opened {
            Ok(()) => active.bytes_max = self.options.file_bytes_max,
            Err(error) => {
                tracing::warn!("a new file of the ledger could not be begun: {error}");
                // Tried again when the file has grown by as much again.
                active.bytes_max = active.len.saturating_add(self.options.file_bytes_max);
            }
        }
    }
}
