//! The waiting places of one lane: bounded, by priority and then by arrival.

use openclaw_types::{Priority, RunId};

/// One reserved place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// What a run had in the queue when it was taken out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    /// It was waiting.
    Waiting(T),
    /// Its place was reserved and is still to be filled or released.
    Reserved,
}

#[derive(Debug)]
struct Place<T> {
    ticket: Ticket,
    run: RunId,
    priority: Priority,
    item: Option<T>,
}

/// Messages that wait for their run, and places for messages on their way to the disk.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    places: Vec<Place<T>>,
    depth_max: usize,
    tickets: u64,
}

impl<T> Queue<T> {
    pub(crate) const fn new(depth_max: usize) -> Self {
        Self {
            places: Vec::new(),
            depth_max,
            tickets: 0,
        }
    }

    /// Takes a place, before anything is written; `None` when all are taken.
    pub(crate) fn reserve(&mut self, run: RunId, priority: Priority) -> Option<Ticket> {
        if self.places.len() >= self.depth_max {
            return None;
        }
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.places.push(Place {
            ticket,
            run,
            priority,
            item: None,
        });
        Some(ticket)
    }

    /// Puts the message in its place; returns how many run before it.
    ///
    /// `None` and the message lost: the ticket is not, or no longer, one of ours.
    pub(crate) fn fill(&mut self, ticket: Ticket, item: T) -> Option<usize> {
        let at = self.places.iter().position(|p| p.ticket == ticket)?;
        let place = &mut self.places[at];
        place.item = Some(item);
        let priority = place.priority;
        let before = self
            .places
            .iter()
            .filter(|p| p.priority > priority || (p.priority == priority && p.ticket < ticket))
            .count();
        Some(before)
    }

    /// Gives a place back.
    pub(crate) fn release(&mut self, ticket: Ticket) {
        self.places.retain(|p| p.ticket != ticket);
    }

    /// The next message: of the highest priority, the one that came first.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let (at, _) = self
            .places
            .iter()
            .enumerate()
            .filter(|(_, p)| p.item.is_some())
            .max_by_key(|(_, p)| (p.priority, std::cmp::Reverse(p.ticket)))?;
        self.places.remove(at).item
    }

    /// Takes a run's message out, wherever it waits.
    pub(crate) fn take(&mut self, run: &RunId) -> Option<Taken<T>> {
        let at = self.places.iter().position(|p| &p.run == run)?;
        if self.places[at].item.is_none() {
            return Some(Taken::Reserved);
        }
        self.places.remove(at).item.map(Taken::Waiting)
    }

    /// The runs that have a place, in the order they came.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &RunId> {
        self.places.iter().map(|p| &p.run)
    }

    pub(crate) const fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(n: usize) -> RunId {
        RunId::parse(&format!("r{n}")).unwrap()
    }

    fn put(queue: &mut Queue<usize>, n: usize, priority: Priority) -> Option<usize> {
        let ticket = queue.reserve(run(n), priority)?;
        queue.fill(ticket, n)
    }

    #[test]
    fn priority_goes_first_and_then_arrival() {
        let mut queue = Queue::new(9);
        let positions: Vec<_> = [
            (0, Priority::Normal),
            (1, Priority::Low),
            (2, Priority::High),
            (3, Priority::Normal),
            (4, Priority::Critical),
        ]
        .into_iter()
        .map(|(n, priority)| put(&mut queue, n, priority))
        .collect();
        assert_eq!(positions, [Some(0), Some(1), Some(0), Some(2), Some(0)]);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [4, 2, 0, 3, 1]);
    }

    #[test]
    fn a_full_queue_refuses_before_anything_is_written() {
        let mut queue = Queue::<usize>::new(2);
        let first = queue.reserve(run(0), Priority::Normal).unwrap();
        assert!(queue.reserve(run(1), Priority::Normal).is_some());
        assert_eq!(queue.reserve(run(2), Priority::Critical), None);
        queue.release(first);
        assert!(queue.reserve(run(2), Priority::Low).is_some());
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn a_reserved_place_holds_nobody_up() {
        let mut queue = Queue::new(4);
        let early = queue.reserve(run(0), Priority::Critical).unwrap();
        assert_eq!(put(&mut queue, 1, Priority::Low), Some(1));
        assert_eq!(queue.take(&run(0)), Some(Taken::Reserved));
        assert_eq!(queue.pop(), Some(1));
        assert_eq!(queue.fill(early, 0), Some(0));
        assert_eq!(queue.take(&run(0)), Some(Taken::Waiting(0)));
        assert_eq!(queue.fill(early, 0), None);
        assert!(queue.is_empty());
    }

    proptest! {
        #[test]
        fn whatever_comes_leaves_in_a_stable_order_by_priority(words in prop::collection::vec(0..4_usize, 0..20)) {
            let priorities = [Priority::Low, Priority::Normal, Priority::High, Priority::Critical];
            let mut queue = Queue::new(20);
            for (n, &word) in words.iter().enumerate() {
                prop_assert!(put(&mut queue, n, priorities[word]).is_some());
            }
            let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
            let mut expected: Vec<usize> = (0..words.len()).collect();
            expected.sort_by_key(|&n| std::cmp::Reverse(words[n]));
            prop_assert_eq!(order, expected);
        }
    }
}
