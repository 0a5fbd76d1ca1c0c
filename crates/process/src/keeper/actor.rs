//! The thread's loop: take requests, enforce deadlines, wait for the next thing to happen.

use std::sync::Arc;

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    io::Errno,
};
use tokio::time::Instant;

use super::{Shared, entry::Entry, lock};
use crate::cgroup::Delegation;

pub(super) struct Actor {
    shared: Arc<Shared>,
    entries: Vec<Entry>,
    delegation: Option<Delegation>,
}

/// What a descriptor's readiness means.
#[derive(Clone, Copy)]
enum Source {
    Bell,
    Report(usize),
    Exit(usize),
}

impl Actor {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            entries: Vec::new(),
            delegation: None,
        }
    }

    pub(super) fn run(mut self) {
        self.delegation = Delegation::find();
        loop {
            let is_closed = self.admit();
            if is_closed {
                if self.entries.is_empty() {
                    return;
                }
                for entry in &self.entries {
                    entry.slot.pull(Instant::now());
                }
            }
            let now = Instant::now();
            for entry in &mut self.entries {
                entry.enforce(now);
            }
            for source in self.poll() {
                match source {
                    Source::Bell => self.quiet(),
                    Source::Report(index) => self.entries[index].read_report(),
                    Source::Exit(index) => self.entries[index].finish(),
                }
            }
            self.forget();
        }
    }

    /// Starts what was asked for; says whether the last handle is gone.
    fn admit(&mut self) -> bool {
        let (requests, is_closed) = {
            let mut inbox = lock(&self.shared.inbox);
            (std::mem::take(&mut inbox.requests), inbox.is_closed)
        };
        for request in requests {
            let group = self.delegation.as_mut().and_then(Delegation::group);
            match Entry::start(request, group) {
                Some(entry) => self.entries.push(entry),
                None => lock(&self.shared.inbox).children -= 1,
            }
        }
        is_closed
    }

    fn poll(&self) -> Vec<Source> {
        let mut sources = vec![Source::Bell];
        let mut polled = vec![PollFd::new(&self.shared.bell, PollFlags::IN)];
        for (index, entry) in self.entries.iter().enumerate() {
            // The report comes first, so that it is read before the exit that follows it is acted on.
            if let Some(control) = entry.control() {
                sources.push(Source::Report(index));
                polled.push(PollFd::new(control, PollFlags::IN));
            }
            sources.push(Source::Exit(index));
            polled.push(PollFd::new(entry.pidfd(), PollFlags::IN));
        }
        let now = Instant::now();
        let next = self.entries.iter().filter_map(Entry::deadline).min();
        let timeout = next.map(|at| {
            let left = at.saturating_duration_since(now);
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            }
        });
        match rustix::event::poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => {
                tracing::error!(%error, "children can't be watched");
                // Without this the loop would spin; nothing wakes a `poll` that the kernel refuses.
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }
        let ready = polled.iter().map(|polled| !polled.revents().is_empty());
        sources
            .into_iter()
            .zip(ready)
            .filter_map(|(source, ready)| ready.then_some(source))
            .collect()
    }

    fn quiet(&self) {
        let mut count = [0; 8];
        // Nothing to read means that it is quiet already.
        rustix::io::read(&self.shared.bell, &mut count).ok();
    }

    fn forget(&mut self) {
        let before = self.entries.len();
        self.entries.retain(|entry| !entry.is_finished());
        lock(&self.shared.inbox).children -= before - self.entries.len();
    }
}
