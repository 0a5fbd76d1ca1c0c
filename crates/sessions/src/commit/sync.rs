//! Syncing several files at once: the disk merges what reaches it together.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{Builder, JoinHandle},
};

use crate::{disk::DiskFile, limits::STACK_BYTES};

/// A few threads that sync files, and the caller as one of them.
#[derive(Debug)]
pub(crate) struct SyncPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    begun: Condvar,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    files: Vec<Arc<dyn DiskFile>>,
    results: Vec<Option<io::Result<()>>>,
    /// The next file nobody has taken.
    next: usize,
    /// Files not yet synced.
    left: usize,
    closed: bool,
}

impl SyncPool {
    /// Starts the threads; the caller of [`Self::sync`] is one more.
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut pool = Self {
            shared,
            threads: Vec::new(),
        };
        for _ in 1..threads {
            let shared = Arc::clone(&pool.shared);
            let thread = Builder::new()
                .name("sessions-sync".to_owned())
                .stack_size(STACK_BYTES)
                .spawn(move || shared.run())?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Syncs all files and says for each how it went.
    pub(crate) fn sync(&self, files: Vec<Arc<dyn DiskFile>>) -> Vec<io::Result<()>> {
        if self.threads.is_empty() || files.len() < 2 {
            return files.iter().map(|file| file.datasync()).collect();
        }
        let count = files.len();
        let mut state = self.shared.lock();
        state.files = files;
        state.results = (0..count).map(|_| None).collect();
        state.next = 0;
        state.left = count;
        for _ in 1..count.min(self.threads.len() + 1) {
            self.shared.begun.notify_one();
        }
        state = self.shared.work(state);
        while state.left > 0 {
            state = self
                .shared
                .ended
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.files.clear();
        let results = std::mem::take(&mut state.results);
        drop(state);
        // A file nobody reported on was not synced.
        let unreported = || Err(io::ErrorKind::Other.into());
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(unreported))
            .collect()
    }
}

impl Drop for SyncPool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.begun.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a sync thread panicked");
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut state = self.lock();
        while !state.closed {
            state = self.work(state);
            if state.closed {
                return;
            }
            state = self
                .begun
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Syncs files until none is left to take.
    fn work<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while let Some(file) = state.files.get(state.next).cloned() {
            let at = state.next;
            state.next += 1;
            drop(state);
            let result = file.datasync();
            drop(file);
            state = self.lock();
            if let Some(slot) = state.results.get_mut(at) {
                *slot = Some(result);
            }
            state.left -= 1;
            if state.left == 0 {
                self.ended.notify_one();
            }
        }
        state
    }
}
