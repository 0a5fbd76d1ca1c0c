//! How time and fresh ids enter the system: one trait, so that a run is a function of its inputs.

use std::sync::Mutex;

use crate::time::Timestamp;

/// The outside world's clock and chance.
pub trait Env: Send + Sync + std::fmt::Debug + 'static {
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// Sixteen bytes that no other call returned.
    fn random(&self) -> [u8; 16];

    /// A fresh id of 32 hex digits that sorts by time: a version 7 UUID (RFC 9562) without hyphens.
    fn fresh_id(&self) -> String {
        let mut bytes = self.random();
        let ms = self.now().as_millis().max(0).to_be_bytes();
        bytes[..6].copy_from_slice(&ms[2..]);
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = String::with_capacity(32);
        for byte in bytes {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        text
    }
}

/// The real clock and the kernel's random source.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEnv;

impl Env for SystemEnv {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the real clock is read"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(
        clippy::panic,
        reason = "a kernel without a random source cannot make tokens; going on would be unsafe"
    )]
    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        if let Err(error) = getrandom::fill(&mut bytes) {
            panic!("the kernel's random source failed: {error}");
        }
        bytes
    }
}

/// A clock that tests move and ids that count up from a seed.
#[derive(Debug)]
pub struct SimEnv {
    state: Mutex<(Timestamp, u64)>,
}

impl SimEnv {
    /// Starts at `now`; ids derive from `seed`.
    #[must_use]
    pub const fn new(now: Timestamp, seed: u64) -> Self {
        Self {
            state: Mutex::new((now, seed)),
        }
    }

    /// Moves the clock.
    pub fn advance_ms(&self, ms: i64) {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.0 = Timestamp(state.0.as_millis().saturating_add(ms));
    }
}

impl Env for SimEnv {
    fn now(&self) -> Timestamp {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .0
    }

    fn random(&self) -> [u8; 16] {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut bytes = [0; 16];
        // SplitMix64 steps: distinct for distinct states, and the same for the same seed.
        for half in bytes.chunks_exact_mut(8) {
            state.1 = state.1.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state.1;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            half.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_ids_sort_by_time_and_differ() {
        let env = SimEnv::new(Timestamp(1_700_000_000_000), 7);
        let first = env.fresh_id();
        let twin = env.fresh_id();
        env.advance_ms(1);
        let later = env.fresh_id();
        assert_eq!(first.len(), 32);
        assert_ne!(first, twin);
        assert!(first < later && twin < later);
        assert_eq!(&first[12..13], "7");
    }

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let make = || SimEnv::new(Timestamp(5), 42).fresh_id();
        assert_eq!(make(), make());
    }
}
