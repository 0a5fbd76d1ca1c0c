//! Threads that serve connections, each connection on one of them from its first byte to its last.
//!
//! Where a request is read, sent on and answered by the same thread, nothing has to wake another one, which is most of
//! what passing it on costs.
//! The client keeps connections to servers per thread for the same reason.

use std::{io, num::NonZero, thread};

use tokio::runtime::{self, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// More threads than that find no more work to do than so many.
const THREADS_MAX: usize = 16;

/// The threads; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Threads {
    handles: Vec<Handle>,
    next: usize,
    _ended: DropGuard,
}

impl Threads {
    /// Starts one thread a core.
    ///
    /// # Errors
    /// When the system gives us no thread.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let ended = CancellationToken::new();
        let handles = (0..cores.min(THREADS_MAX))
            .map(|number| thread_of(&format!("{name}-{number}"), &ended))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            handles,
            next: 0,
            _ended: ended.drop_guard(),
        })
    }

    /// The thread whose turn it is.
    pub(crate) fn next(&mut self) -> Option<&Handle> {
        self.next = (self.next + 1) % self.handles.len().max(1);
        self.handles.get(self.next)
    }
}

fn thread_of(name: &str, ended: &CancellationToken) -> io::Result<Handle> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .thread_name(name)
        .build()?;
    let (handle, ended) = (runtime.handle().clone(), ended.clone());
    // It ends by itself when the last connection has, and nobody waits for it.
    let _thread = thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || runtime.block_on(ended.cancelled()))?;
    Ok(handle)
}
