//! A seeded generator: the same seed makes the same bytes on every machine.

/// xorshift64*, which is enough for mutations and needs no crate.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts at a seed; zero stands for one.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(if seed == 0 { 1 } else { seed })
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`, which must not be zero.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or_default()
    }

    /// One of the items.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// One of 256.
    pub fn byte(&mut self) -> u8 {
        u8::try_from(self.next() & 0xff).unwrap_or_default()
    }
}
