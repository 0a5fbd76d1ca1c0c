//! Blocking work on a file, done on a thread of its own while its progress is told.

use std::{
    io::Read,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{Error, OnProgress, Progress, Step, store::io_error};

/// Read and written at once; large enough that the disk is what takes the time.
const BLOCK_BYTES: usize = 256 << 10;
/// How often progress is told.
pub(super) const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// How far blocking work has come, and whether anybody still wants it.
#[derive(Debug, Default)]
pub(super) struct Meter {
    bytes: AtomicU64,
    is_stopped: AtomicBool,
}

impl Meter {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Stops the work when the one who waits for it goes away.
struct StopOnDrop(Arc<Meter>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.is_stopped.store(true, Ordering::Relaxed);
    }
}

/// Does blocking work on a thread of its own and tells its progress meanwhile.
pub(super) async fn watched<T: Send + 'static>(
    total: Option<u64>,
    on_progress: OnProgress<'_>,
    work: impl FnOnce(Arc<Meter>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let meter = Arc::new(Meter::default());
    let _stop = StopOnDrop(Arc::clone(&meter));
    let theirs = Arc::clone(&meter);
    let mut work = tokio::task::spawn_blocking(move || work(theirs));
    let mut ticks = tokio::time::interval(PROGRESS_INTERVAL);
    loop {
        tokio::select! {
            biased;
            // The end is the best progress.
            done = &mut work => return done.unwrap_or(Err(Error::Stopped)),
            _ = ticks.tick() => on_progress(Progress {
                step: Step::Store,
                bytes: meter.bytes(),
                total,
            }),
        }
    }
}

/// Reads to the end, block by block, as long as anybody wants it.
pub(super) fn each_block(
    from: &mut impl Read,
    path: &Path,
    meter: &Meter,
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        if meter.is_stopped.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        let count = from.read(&mut block).map_err(io_error("read", path))?;
        if count == 0 {
            return Ok(());
        }
        take(&block[..count])?;
        meter.bytes.fetch_add(count as u64, Ordering::Relaxed);
    }
}
