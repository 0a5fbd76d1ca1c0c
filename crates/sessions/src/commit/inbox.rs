//! The queue in front of the commit thread: bounded in entries and bytes, taken over whole.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::time::Duration;

use crate::limits::QUEUE_BYTES_MAX;

/// What does not fit, or comes too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The queue is full.
    Full,
    /// The thread has stopped taking.
    Closed,
}

/// A bounded queue with one taker, who takes all there is at once.
///
/// The taker is woken only when it waits, so that under load no sender pays for a wake-up.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    depth: usize,
}

#[derive(Debug)]
struct State<T> {
    waiting: Vec<T>,
    bytes: usize,
    closed: bool,
    taker_waits: bool,
}

impl<T> Inbox<T> {
    /// A queue of so many items.
    pub(crate) const fn new(depth: usize) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: Vec::new(),
                bytes: 0,
                closed: false,
                taker_waits: false,
            }),
            filled: Condvar::new(),
            depth,
        }
    }

    /// Adds an item that holds so many bytes.
    pub(crate) fn push(&self, item: T, bytes: usize) -> Result<(), Refused> {
        let mut state = self.state();
        if state.closed {
            return Err(Refused::Closed);
        }
        let full = state.waiting.len() >= self.depth || state.bytes + bytes > QUEUE_BYTES_MAX;
        // One item always fits an empty queue, or a large one could never be written at all.
        if full && !state.waiting.is_empty() {
            return Err(Refused::Full);
        }
        state.add(item, bytes);
        let wake = std::mem::take(&mut state.taker_waits);
        drop(state);
        if wake {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Adds an item that must not be refused for lack of room: one per agent or one per store.
    pub(crate) fn push_control(&self, item: T) -> Result<(), Refused> {
        let mut state = self.state();
        if state.closed {
            return Err(Refused::Closed);
        }
        state.add(item, 0);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes everything, waiting for the first item; `false` when closed and empty. With a time limit the
    /// batch may be empty.
    pub(crate) fn take(&self, batch: &mut Vec<T>, limit: Option<Duration>) -> bool {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.closed {
                return false;
            }
            state.taker_waits = true;
            let Some(limit) = limit else {
                state = self
                    .filled
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (after, timeout) = self
                .filled
                .wait_timeout(state, limit)
                .unwrap_or_else(PoisonError::into_inner);
            state = after;
            if timeout.timed_out() {
                break;
            }
        }
        state.taker_waits = false;
        state.bytes = 0;
        std::mem::swap(&mut state.waiting, batch);
        true
    }

    /// Refuses what comes from now on.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.state().waiting.len()
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn add(&mut self, item: T, bytes: usize) {
        self.waiting.push(item);
        self.bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_bounded_in_items_and_bytes_and_taken_whole() {
        let inbox = Inbox::new(3);
        assert_eq!(
            inbox.push(1, QUEUE_BYTES_MAX + 1),
            Ok(()),
            "one always fits"
        );
        assert_eq!(inbox.push(2, 1), Err(Refused::Full), "no bytes left");
        let mut batch = Vec::new();
        assert!(inbox.take(&mut batch, None));
        assert_eq!(batch, [1]);
        batch.clear();
        for item in 2..5 {
            assert_eq!(inbox.push(item, 1), Ok(()));
        }
        assert_eq!(inbox.push(5, 1), Err(Refused::Full), "no places left");
        assert_eq!(inbox.push_control(6), Ok(()), "control always fits");
        assert_eq!(inbox.len(), 4);
        inbox.close();
        assert_eq!(inbox.push(7, 1), Err(Refused::Closed));
        assert!(
            inbox.take(&mut batch, None),
            "what was accepted is still taken"
        );
        assert_eq!(batch, [2, 3, 4, 6]);
        batch.clear();
        assert!(!inbox.take(&mut batch, None));
    }

    #[test]
    fn a_taker_with_a_time_limit_comes_back_empty_handed() {
        let inbox: Inbox<u8> = Inbox::new(3);
        let mut batch = Vec::new();
        assert!(inbox.take(&mut batch, Some(Duration::from_millis(1))));
        assert_eq!(batch, [0; 0]);
    }
}
