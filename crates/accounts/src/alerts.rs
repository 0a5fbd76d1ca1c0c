//! Alerts: kept for a while, and told to those who listen.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::sync::watch;

use crate::{ledger::lock, report::Alert};

/// Alerts that are kept. A listener that falls further behind misses the oldest, and is told how many.
const KEPT_MAX: usize = 256;

/// The alerts of late.
#[derive(Debug)]
pub(crate) struct Board {
    kept: Mutex<Kept>,
    count: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    alerts: VecDeque<Alert>,
    /// How many there ever were.
    count: u64,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            kept: Mutex::default(),
            count: watch::Sender::new(0),
        }
    }

    pub(crate) fn post(&self, alert: Alert) {
        tracing::warn!(
            scope = %alert.scope,
            notice = ?alert.notice,
            spent = %alert.spent,
            max = alert.max.map(tracing::field::display),
            "a budget's owner should know",
        );
        let mut kept = lock(&self.kept);
        if kept.alerts.len() >= KEPT_MAX {
            kept.alerts.pop_front();
        }
        kept.alerts.push_back(alert);
        kept.count += 1;
        self.count.send_replace(kept.count);
    }

    pub(crate) fn recent(&self) -> Vec<Alert> {
        lock(&self.kept).alerts.iter().cloned().collect()
    }

    /// The first alert after so many, and the number of those that are no longer kept.
    fn after(&self, seen: u64) -> Option<(Alert, u64)> {
        let kept = lock(&self.kept);
        let first = kept.count - kept.alerts.len() as u64;
        let at = usize::try_from(seen.saturating_sub(first)).ok()?;
        let alert = kept.alerts.get(at)?.clone();
        Some((alert, first.saturating_sub(seen)))
    }
}

/// Hears of every alert from now on.
#[derive(Debug)]
pub struct Alerts {
    board: Arc<Board>,
    count: watch::Receiver<u64>,
    seen: u64,
    missed: u64,
}

impl Alerts {
    pub(crate) fn of(board: Arc<Board>) -> Self {
        let mut count = board.count.subscribe();
        let seen = *count.borrow_and_update();
        Self {
            board,
            count,
            seen,
            missed: 0,
        }
    }

    /// The next alert. Waits for one; losing the wait loses nothing.
    pub async fn next(&mut self) -> Alert {
        loop {
            if let Some((alert, missed)) = self.board.after(self.seen) {
                self.seen += missed + 1;
                self.missed += missed;
                return alert;
            }
            // The sender is in the board, and the board is here.
            if self.count.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Alerts that were not heard because too many came at once.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        self.missed
    }
}
