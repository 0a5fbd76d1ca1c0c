//! Who holds a place among the open sockets, and who gives it up when there are too many.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Sockets that have not yet shown who they are, and never more than half of all. When one more comes, the oldest of
/// them is dropped, so a flood of silent connections can't keep anybody out for longer than it takes to speak.
pub(crate) const UNPROVEN_MAX: usize = 512;
/// Places that are kept free by letting go of those who showed no token, the longest silent first: enough for every
/// terminal of one operator.
const RESERVED: usize = 16;
/// Only so small a part of all places is kept free.
const RESERVED_PART: usize = 64;

/// The places of open sockets.
#[derive(Debug)]
pub(super) struct Places {
    open: Arc<Semaphore>,
    all_max: usize,
    unproven_max: usize,
    /// Counts what is heard, on all sockets together.
    heard: Arc<AtomicU64>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Those that have not shown who they are, oldest first.
    unproven: VecDeque<Weak<Place>>,
    all: Vec<Weak<Place>>,
}

/// One socket's place, held for as long as anything of the connection lives.
#[derive(Debug)]
pub(crate) struct Place {
    evicted: CancellationToken,
    is_proven: AtomicBool,
    has_token: AtomicBool,
    /// The count when something was heard of it last.
    last: AtomicU64,
    heard: Arc<AtomicU64>,
    _open: OwnedSemaphorePermit,
}

impl Place {
    /// The socket has shown who it is and no longer counts as unproven.
    pub(crate) fn prove(&self) {
        self.is_proven.store(true, Ordering::Relaxed);
    }

    /// The socket has shown the token: its place is never given to another.
    pub(crate) fn keep(&self) {
        self.has_token.store(true, Ordering::Relaxed);
        self.prove();
    }

    /// Whether the socket has shown who it is.
    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven.load(Ordering::Relaxed)
    }

    /// Something was heard of it.
    pub(crate) fn hear(&self) {
        let now = self.heard.fetch_add(1, Ordering::Relaxed);
        self.last.store(now, Ordering::Relaxed);
    }

    /// Resolves when the place was taken away.
    pub(crate) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Places {
    pub(super) fn new(all_max: usize) -> Self {
        Self {
            open: Arc::new(Semaphore::new(all_max)),
            all_max,
            unproven_max: (all_max / 2).clamp(1, UNPROVEN_MAX),
            heard: Arc::default(),
            taken: Mutex::default(),
        }
    }

    /// A place for one more socket, unless there are too many.
    pub(super) fn enter(&self) -> Option<Arc<Place>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let reserved = (self.all_max / RESERVED_PART).min(RESERVED);
        if self.open.available_permits() < reserved {
            taken.let_one_go();
        }
        let open = Arc::clone(&self.open).try_acquire_owned().ok()?;
        let place = Arc::new(Place {
            evicted: CancellationToken::new(),
            is_proven: false.into(),
            has_token: false.into(),
            last: self.heard.fetch_add(1, Ordering::Relaxed).into(),
            heard: Arc::clone(&self.heard),
            _open: open,
        });
        taken.admit(&place, self.unproven_max);
        // At most every second one is gone then, so that looking for them costs little.
        if taken.all.len() > 2 * (self.all_max - self.open.available_permits()) {
            taken.all.retain(|place| place.strong_count() > 0);
        }
        Some(place)
    }
}

impl Taken {
    fn admit(&mut self, place: &Arc<Place>, unproven_max: usize) {
        let unproven = &mut self.unproven;
        if unproven.len() >= unproven_max {
            unproven.retain(|other| other.upgrade().is_some_and(|other| !other.is_proven()));
        }
        if unproven.len() >= unproven_max
            && let Some(oldest) = unproven.pop_front().and_then(|oldest| oldest.upgrade())
        {
            oldest.evicted.cancel();
        }
        unproven.push_back(Arc::downgrade(place));
        self.all.push(Arc::downgrade(place));
    }

    /// Takes the place of whoever showed no token and has been silent for the longest time.
    fn let_one_go(&mut self) {
        let places = self.all.iter().filter_map(Weak::upgrade);
        let tokenless = places.filter(|place| {
            !place.has_token.load(Ordering::Relaxed) && !place.evicted.is_cancelled()
        });
        if let Some(silent) = tokenless.min_by_key(|place| place.last.load(Ordering::Relaxed)) {
            silent.evicted.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unproven_socket_makes_room() {
        let places = Places::new(UNPROVEN_MAX * 4);
        let all: Vec<_> = (0..UNPROVEN_MAX).map(|_| places.enter().unwrap()).collect();
        all[0].prove();
        let _one_more = places.enter().unwrap();
        assert!(
            all.iter().all(|place| !place.evicted.is_cancelled()),
            "a proven place was given up first"
        );
        let _another = places.enter().unwrap();
        assert!(!all[0].evicted.is_cancelled() && all[1].evicted.is_cancelled());
        assert!(all[2..].iter().all(|place| !place.evicted.is_cancelled()));
    }

    #[test]
    fn closed_sockets_hold_no_place() {
        let places = Places::new(2);
        for _ in 0..UNPROVEN_MAX * 3 {
            drop(places.enter().unwrap());
        }
        let kept = places.enter().unwrap();
        assert!(!kept.evicted.is_cancelled());
    }

    #[test]
    fn the_last_place_is_the_last() {
        let places = Places::new(3);
        let mut all: Vec<_> = (0..3).map(|_| places.enter().unwrap()).collect();
        assert!(places.enter().is_none());
        drop(all.pop());
        assert!(places.enter().is_some());
    }

    #[test]
    fn silent_programs_without_a_token_make_room_for_the_operator() {
        let places = Places::new(RESERVED_PART);
        let mut all: Vec<_> = (0..RESERVED_PART)
            .map(|_| {
                let place = places.enter().unwrap();
                place.prove();
                place
            })
            .collect();
        assert!(all.iter().all(|place| !place.evicted.is_cancelled()));
        all[0].keep();
        all[1].hear();
        // There is no room at this moment, and the longest silent one without a token goes.
        assert!(places.enter().is_none());
        let gone = |all: &[Arc<Place>]| -> Vec<usize> {
            let places = all.iter().enumerate();
            let gone = places.filter(|(_, place)| place.evicted.is_cancelled());
            gone.map(|(index, _)| index).collect()
        };
        assert_eq!(gone(&all), [2]);
        drop(all.remove(2));
        assert!(places.enter().is_some());
        assert_eq!(gone(&all), Vec::<usize>::new());
    }
}
