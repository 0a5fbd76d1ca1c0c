//! Who a connection is: the access token, the tokenless local rule, and the limit on guesses.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use openclaw_config::Secret;
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use crate::guard::Sender;

/// Wrong tokens within [`FAILURES_WINDOW`] that lock an address out.
const FAILURES_MAX: u32 = 10;
/// The window in which wrong tokens are counted.
const FAILURES_WINDOW: Duration = Duration::from_secs(60);
/// How long a lockout lasts.
const LOCKOUT: Duration = Duration::from_secs(300);
/// Addresses remembered at once; beyond it the oldest windows are forgotten first.
const ADDRESSES_MAX: usize = 4096;

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// Showed the access token.
    Operator,
    /// A program of our own user on this machine that showed none: it may message agents, read their status and use
    /// its own sessions.
    Local,
    /// Anybody else, until a token is shown.
    Anonymous,
}

/// Why a token was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not our token.
    #[error("the token is wrong; `openclaw gateway token` prints the right one")]
    WrongToken,
    /// Too many wrong tokens from this address.
    #[error("too many wrong tokens from this address; try again in {retry_after_s} s")]
    LockedOut {
        /// Seconds until the next attempt is looked at.
        retry_after_s: u64,
    },
}

#[derive(Debug)]
struct Failures {
    count: u32,
    since: Instant,
    locked_until: Option<Instant>,
}

/// Whose wrong tokens are counted together: an address, on this machine each of its users by themselves, so that one
/// can't lock out another; and a browser's pages by their origin.
type Key = (IpAddr, Option<u32>, Option<String>);

/// Checks tokens and counts wrong ones by address and browser origin.
#[derive(Debug)]
pub struct Auth {
    token: Secret,
    failures: Mutex<BTreeMap<Key, Failures>>,
}

impl Auth {
    /// Accepts this token and no other.
    #[must_use]
    pub fn new(token: Secret) -> Arc<Self> {
        Arc::new(Self {
            token,
            failures: Mutex::new(BTreeMap::new()),
        })
    }

    /// Compares a shown token in constant time; a locked-out address is refused whatever it shows.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, sender: &Sender, shown: &str) -> Result<(), Error> {
        let key = (sender.address, sender.user, sender.origin.clone());
        let now = Instant::now();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = failures.get(&key).and_then(|entry| entry.locked_until)
            && now < until
        {
            return Err(Error::LockedOut {
                retry_after_s: (until - now).as_secs().max(1),
            });
        }
        let right = self.token.expose().as_bytes();
        if !right.is_empty() && bool::from(right.ct_eq(shown.as_bytes())) {
            let _forgotten = failures.remove(&key);
            return Ok(());
        }
        count(&mut failures, key, now);
        Err(Error::WrongToken)
    }

    /// The principal of a connection that showed no token.
    #[must_use]
    pub fn without_token(sender: &Sender) -> Principal {
        let ours = rustix::process::getuid().as_raw();
        if sender.local_program && sender.user == Some(ours) {
            Principal::Local
        } else {
            Principal::Anonymous
        }
    }
}

fn count(failures: &mut BTreeMap<Key, Failures>, key: Key, now: Instant) {
    if failures.len() >= ADDRESSES_MAX && !failures.contains_key(&key) {
        let oldest = failures
            .iter()
            .min_by_key(|(_, entry)| entry.since)
            .map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            let _forgotten = failures.remove(&oldest);
        }
    }
    let entry = failures.entry(key).or_insert(Failures {
        count: 0,
        since: now,
        locked_until: None,
    });
    if now - entry.since > FAILURES_WINDOW {
        *entry = Failures {
            count: 0,
            since: now,
            locked_until: None,
        };
    }
    entry.count += 1;
    if entry.count >= FAILURES_MAX {
        entry.locked_until = Some(now + LOCKOUT);
    }
}

#[cfg(test)]
mod tests {
    use openclaw_config::Origin;

    use super::*;

    fn sender(address: &str, origin: Option<&str>) -> Sender {
        Sender {
            local_program: false,
            user: None,
            origin: origin.map(str::to_owned),
            address: address.parse().unwrap(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_exact_token_is_accepted() {
        let auth = Auth::new(Secret::new("0123456789abcdef", Origin::Inline));
        let from = |n: u8| sender(&format!("10.0.0.{n}"), None);
        for (n, shown) in [
            "",
            "0",
            "0123456789abcde",
            "0123456789abcdef0",
            "0123456789abcdeF",
            "\0",
            "é",
            "[\"0123456789abcdef\"]",
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(
                auth.check(&from(u8::try_from(n).unwrap()), shown),
                Err(Error::WrongToken),
                "{shown:?}"
            );
        }
        assert_eq!(auth.check(&from(99), "0123456789abcdef"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_configured_token_accepts_nobody() {
        let auth = Auth::new(Secret::new("", Origin::Inline));
        assert_eq!(
            auth.check(&sender("10.0.0.1", None), ""),
            Err(Error::WrongToken)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn ten_wrong_tokens_lock_an_address_out_loopback_included() {
        for (address, origin) in [
            ("127.0.0.1", None),
            ("::1", None),
            ("127.0.0.1", Some("http://localhost")),
        ] {
            let auth = Auth::new(Secret::new("right", Origin::Inline));
            let from = sender(address, origin);
            for _ in 0..10 {
                assert_eq!(auth.check(&from, "wrong"), Err(Error::WrongToken));
            }
            for _ in 0..990 {
                assert_eq!(
                    auth.check(&from, "right"),
                    Err(Error::LockedOut { retry_after_s: 300 })
                );
            }
            assert_eq!(
                auth.check(&sender(address, Some("http://other")), "right"),
                Ok(()),
                "other origins go on"
            );
            tokio::time::advance(LOCKOUT + Duration::from_secs(1)).await;
            assert_eq!(auth.check(&from, "right"), Ok(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_tokens_spread_over_time_do_not_lock_out() {
        let auth = Auth::new(Secret::new("right", Origin::Inline));
        let from = sender("10.0.0.1", None);
        for _ in 0..50 {
            assert_eq!(auth.check(&from, "wrong"), Err(Error::WrongToken));
            tokio::time::advance(Duration::from_secs(20)).await;
        }
        assert_eq!(auth.check(&from, "right"), Ok(()));
    }
}
