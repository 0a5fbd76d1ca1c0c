//! What the gateway sends unasked, in order, with what had to be left out.

use openclaw_wire::{frame, frame::StateVersion};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::limits::EVENTS_WAITING_MAX;

/// One event, its payload not yet read.
#[derive(Debug)]
pub struct Event {
    /// Its name, such as `chat`.
    pub name: String,
    /// Its payload.
    pub payload: Box<RawValue>,
    /// Its number on this connection; targeted events have none.
    pub seq: Option<u64>,
    /// Which version of the shared state it belongs to.
    pub state_version: Option<StateVersion>,
}

impl Event {
    /// Reads the payload as the type the event's name promises.
    ///
    /// # Errors
    /// When the payload has another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.payload.get())
    }

    pub(crate) fn from_frame(event: &frame::Event<'_>) -> Self {
        Self {
            name: event.event.clone().into_owned(),
            payload: event.payload.unwrap_or(RawValue::NULL).to_owned(),
            seq: event.seq,
            state_version: event.state_version,
        }
    }
}

/// What a reader of events gets.
#[derive(Debug)]
pub enum Received {
    /// An event.
    Event(Event),
    /// The reader was too slow, and so many events were left out before the next one.
    Missed(u64),
}

/// The events of one connection. Dropping it is fine: the events are dropped too.
#[derive(Debug)]
pub struct Events {
    rx: mpsc::Receiver<Received>,
}

impl Events {
    /// The next event, or none once the connection has ended.
    pub async fn next(&mut self) -> Option<Received> {
        self.rx.recv().await
    }
}

/// The writing end, which never waits.
#[derive(Debug)]
pub(crate) struct Outlet {
    tx: mpsc::Sender<Received>,
    missed: u64,
}

pub(crate) fn channel() -> (Outlet, Events) {
    let (tx, rx) = mpsc::channel(EVENTS_WAITING_MAX);
    (Outlet { tx, missed: 0 }, Events { rx })
}

impl Outlet {
    /// Queues the event, or counts it where the queue is full: answers to calls must not wait for a reader of
    /// events.
    pub(crate) fn push(&mut self, event: Event) {
        if self.missed > 0 {
            // The notice needs a place, and the event after it another.
            if self.tx.capacity() < 2 || self.tx.try_send(Received::Missed(self.missed)).is_err() {
                self.missed += 1;
                return;
            }
            self.missed = 0;
        }
        if self.tx.try_send(Received::Event(event)).is_err() {
            self.missed += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64) -> Event {
        Event {
            name: "tick".to_owned(),
            payload: RawValue::NULL.to_owned(),
            seq: Some(seq),
            state_version: None,
        }
    }

    #[tokio::test]
    async fn what_a_slow_reader_misses_is_counted_and_told_in_its_place() {
        let (mut outlet, mut events) = channel();
        let full = EVENTS_WAITING_MAX as u64;
        for seq in 0..full + 3 {
            outlet.push(event(seq));
        }
        for seq in 0..full {
            let Some(Received::Event(event)) = events.next().await else {
                panic!("event {seq} is gone");
            };
            assert_eq!(event.seq, Some(seq));
        }
        outlet.push(event(full + 3));
        assert!(matches!(events.next().await, Some(Received::Missed(3))));
        let Some(Received::Event(last)) = events.next().await else {
            panic!("the event after the gap is gone");
        };
        assert_eq!(last.seq, Some(full + 3));
        drop(outlet);
        assert!(events.next().await.is_none());
    }
}
