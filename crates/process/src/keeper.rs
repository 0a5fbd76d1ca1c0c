//! The one thread that owns every child: it starts them, watches them, kills their trees, and reaps them.
//!
//! It is a thread of its own for two reasons.
//! The kernel's parent-death signal follows the thread that started the child, so that thread must outlive it; a
//! runtime's worker threads come and go.
//! And a child must be killed and reaped even while the runtime is blocked, stopping, or gone.

use std::{
    collections::VecDeque,
    io,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::event::EventfdFlags;
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use crate::{error::Error, plan::Exit};

mod actor;
mod entry;

/// Children running or starting at once. One `poll` watches two descriptors of each; far below the usual limit of
/// 1,024 open descriptors, pipes included.
pub const CHILDREN_MAX: usize = 128;
/// How long a helper may take from its start to the program's. It does a dozen system calls; a machine that needs
/// longer than this is not going to run the program either.
pub const SETUP_MS: u64 = 10_000;

/// A start in waiting.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) helper: Arc<PathBuf>,
    pub(crate) order: Vec<u8>,
    pub(crate) stdio: [OwnedFd; 3],
    pub(crate) program: PathBuf,
    pub(crate) cwd: PathBuf,
    pub(crate) slot: Arc<Slot>,
    pub(crate) reply: oneshot::Sender<Result<Started, Error>>,
}

/// A start that went well.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) pid: u32,
    pub(crate) exit: watch::Receiver<Option<Exit>>,
}

/// Where a handle leaves its wish for the thread: when the tree must be dead.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    kill_at: Mutex<Option<Instant>>,
}

impl Slot {
    fn kill_at(&self) -> Option<Instant> {
        *lock(&self.kill_at)
    }

    fn pull(&self, at: Instant) {
        let mut kill_at = lock(&self.kill_at);
        *kill_at = Some(kill_at.map_or(at, |earlier| earlier.min(at)));
    }
}

/// Holds a child; letting go kills its tree.
#[derive(Debug)]
pub(crate) struct Leash {
    slot: Arc<Slot>,
    // The thread must outlive every child that it started.
    keeper: Keeper,
}

impl Leash {
    /// Asks the tree to end and kills what is left after `grace`.
    pub(crate) fn pull(&self, grace: Duration) {
        let now = Instant::now();
        self.slot.pull(now.checked_add(grace).unwrap_or(now));
        self.keeper.0.wake();
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.pull(Duration::ZERO);
    }
}

/// The handle of the thread; it ends when the last handle is gone and all children are reaped.
#[derive(Debug, Clone)]
pub(crate) struct Keeper(Arc<Owner>);

#[derive(Debug)]
struct Owner(Arc<Shared>);

impl Keeper {
    pub(crate) fn start() -> Result<Self, Error> {
        let resource = |what| move |source| Error::Resource { what, source };
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let bell = rustix::event::eventfd(0, flags).map_err(io::Error::from);
        let shared = Arc::new(Shared {
            inbox: Mutex::new(Inbox::default()),
            bell: bell.map_err(resource("a wake-up descriptor"))?,
        });
        let actor = actor::Actor::new(Arc::clone(&shared));
        std::thread::Builder::new()
            .name("openclaw-children".to_owned())
            .spawn(move || actor.run())
            .map_err(resource("a thread"))?;
        Ok(Self(Arc::new(Owner(shared))))
    }

    /// The leash of a child that is about to be submitted.
    pub(crate) fn leash(&self) -> (Arc<Slot>, Leash) {
        let slot = Arc::<Slot>::default();
        let leash = Leash {
            slot: Arc::clone(&slot),
            keeper: self.clone(),
        };
        (slot, leash)
    }

    pub(crate) fn submit(&self, request: Request) -> Result<(), Error> {
        let mut inbox = lock(&self.0.0.inbox);
        if inbox.children >= CHILDREN_MAX {
            return Err(Error::TooMany {
                children_max: CHILDREN_MAX,
            });
        }
        inbox.children += 1;
        inbox.requests.push_back(request);
        drop(inbox);
        self.0.wake();
        Ok(())
    }
}

impl Owner {
    fn wake(&self) {
        // The counter being full means that the thread has been woken already.
        rustix::io::write(&self.0.bell, &1_u64.to_ne_bytes()).ok();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        lock(&self.0.inbox).is_closed = true;
        self.wake();
    }
}

/// What handles and the thread share.
#[derive(Debug)]
struct Shared {
    inbox: Mutex<Inbox>,
    bell: OwnedFd,
}

#[derive(Debug, Default)]
struct Inbox {
    // Bounded by `CHILDREN_MAX`, which counts these too.
    requests: VecDeque<Request>,
    children: usize,
    is_closed: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
