//! What the end-to-end tests stand on: a gateway, a scripted model, and clients that can be rude.
//!
//! It is no part of the product and tests nothing by itself; the tests are in `tests/e2e/`, one module a namespace.
//!
//! Start at [`gateway::Setup`], which starts a gateway on a free port with a temporary state directory, then
//! [`client`] for talking to it and [`scripted_model`] for what its model says.
//!
//! Invariants: nothing leaves loopback; nothing waits without a deadline; nothing is retried; a failure panics with
//! what was seen.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test equipment fails by panicking with what it saw"
)]

pub mod backend;
pub mod captures;
pub mod client;
pub mod frame;
pub mod gateway;
pub mod http;
pub mod models;
pub mod native;
pub mod normal;
pub mod peer;
pub mod random;
pub mod scripted_model;
pub mod user;

use std::time::Duration;

/// Time for anything that should happen at once; far more than a loaded machine of two cores needs.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// Waits for `future`, and names what was waited for when it does not come.
///
/// # Panics
/// When the deadline passes.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(what, DEADLINE, future).await
}

/// The same with a deadline of its own.
///
/// # Panics
/// When the deadline passes.
pub async fn within<T>(what: &str, deadline: Duration, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(deadline, future).await {
        Ok(value) => value,
        Err(_elapsed) => panic!("{what}: nothing within {deadline:?}"),
    }
}

/// Looks every few milliseconds until `look` finds something, for what can't be waited for in another way.
///
/// # Panics
/// When the deadline passes.
pub async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    soon(what, async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}
