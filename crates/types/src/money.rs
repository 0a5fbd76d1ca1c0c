//! Money in whole picodollars, and what a token costs.

use std::fmt;

use crate::usage::Usage;

/// Picodollars in one dollar: cheap models cost fractions of a microdollar per token, and sums must be exact.
const PICO: f64 = 1e12;
const PICO_WHOLE: u64 = 1_000_000_000_000;
/// What 64 bits of picodollars count up to, rounded down to whole dollars.
const DOLLARS_MAX: f64 = 18_446_744.0;

/// An amount of US dollars in picodollars (10⁻¹² USD), never negative; some 18 million dollars at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// More than anybody has.
    pub const MAX: Self = Self(u64::MAX);

    /// Dollars as configurations and protocols write them; nothing that isn't finite, is negative, or is too
    /// large to count.
    #[must_use]
    pub fn from_usd(usd: f64) -> Option<Self> {
        pico(usd).map(Self)
    }

    /// Dollars, as near as a double comes.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a double is what JSON has; amounts that lose a picodollar are above 9,000 dollars"
    )]
    pub fn as_usd(self) -> f64 {
        self.0 as f64 / PICO
    }

    /// Both together, [`Money::MAX`] at most.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left without the other, nothing at least.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Money {
    /// Dollars in full: two decimals at least, and no zeros after them: `$20.00`, `$0.000048`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / PICO_WHOLE, self.0 % PICO_WHOLE);
        let digits = format!("{part:012}");
        let kept = digits.trim_end_matches('0').len().max(2);
        write!(f, "${whole}.{}", &digits[..kept])
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

/// What a model's tokens cost, in picodollars for each token.
///
/// There is no price of nothing by accident: a model that costs nothing has [`Price::FREE`], because somebody
/// said so, and one whose price nobody knows has no price at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// For a token read.
    pub input: u64,
    /// For a token written, reasoning included.
    pub output: u64,
    /// For a token read from the provider's cache; as `input` when the provider names none.
    pub cache_read: Option<u64>,
    /// For a token written to the provider's cache; as `input` when the provider names none.
    pub cache_write: Option<u64>,
}

impl Price {
    /// A price that is known to be nothing, such as that of a model on this machine.
    pub const FREE: Self = Self {
        input: 0,
        output: 0,
        cache_read: None,
        cache_write: None,
    };

    /// A price from dollars for each token, as price lists write them.
    ///
    /// Nothing when a figure can't be a price, and nothing when input and output are both zero: lists write
    /// zero for what they don't know.
    #[must_use]
    pub fn per_token_usd(
        input: f64,
        output: f64,
        cache_read: Option<f64>,
        cache_write: Option<f64>,
    ) -> Option<Self> {
        let (input, output) = (pico(input)?, pico(output)?);
        if input == 0 && output == 0 {
            return None;
        }
        let optional = |usd: Option<f64>| usd.map_or(Some(None), |usd| pico(usd).map(Some));
        Some(Self {
            input,
            output,
            cache_read: optional(cache_read)?,
            cache_write: optional(cache_write)?,
        })
    }

    /// Whether nothing that such a model does costs anything.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.input == 0
            && self.output == 0
            && self.cache_read.unwrap_or(0) == 0
            && self.cache_write.unwrap_or(0) == 0
    }

    /// What a call cost that used so many tokens.
    ///
    /// Cached tokens are part of those read. A provider that counts more of them than it read is charged for
    /// what it counted: a cost is never too low because counts don't add up.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Money {
        let cached = usage.cached_tokens;
        let written = usage.cache_write_tokens;
        let plain = usage
            .input_tokens
            .saturating_sub(cached.saturating_add(written));
        [
            (plain, self.input),
            (cached, self.cache_read.unwrap_or(self.input)),
            (written, self.cache_write.unwrap_or(self.input)),
            (usage.output_tokens, self.output),
        ]
        .into_iter()
        .map(|(tokens, each)| Money(tokens.saturating_mul(each)))
        .sum()
    }

    /// The part of [`Self::cost`] that is for tokens written.
    #[must_use]
    pub const fn output_cost(&self, usage: &Usage) -> Money {
        Money(usage.output_tokens.saturating_mul(self.output))
    }

    /// The most that a call can cost that reads and writes at most so many tokens: all that is read is taken as
    /// the dearest kind of reading.
    #[must_use]
    pub fn most(&self, input_tokens: u64, output_tokens: u64) -> Money {
        let read = self
            .input
            .max(self.cache_read.unwrap_or(0))
            .max(self.cache_write.unwrap_or(0));
        Money(input_tokens.saturating_mul(read))
            .saturating_add(Money(output_tokens.saturating_mul(self.output)))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked first"
)]
fn pico(usd: f64) -> Option<u64> {
    // A comparison with not-a-number is false.
    if !(0.0..DOLLARS_MAX).contains(&usd) {
        return None;
    }
    // Whole dollars and their fraction apart, so that a round amount stays round.
    let part = (usd.fract() * PICO).round() as u64;
    (usd.trunc() as u64 * PICO_WHOLE).checked_add(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dollars_print_in_full_and_without_noise() {
        for (usd, text) in [
            (0.0, "$0.00"),
            (20.0, "$20.00"),
            (0.000_048, "$0.000048"),
            (1.5, "$1.50"),
            (0.1 + 0.2, "$0.30"),
            (1e-12, "$0.000000000001"),
            (12_345_678.25, "$12345678.25"),
        ] {
            assert_eq!(Money::from_usd(usd).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_an_amount_is_none() {
        for usd in [-0.01, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.9e7] {
            assert_eq!(Money::from_usd(usd), None, "{usd}");
        }
        assert_eq!(Money::from_usd(-0.0), Some(Money::ZERO));
    }

    #[test]
    fn sums_stay_within_their_bounds() {
        let one = Money(1);
        assert_eq!(Money::MAX.saturating_add(one), Money::MAX);
        assert_eq!(Money::ZERO.saturating_sub(one), Money::ZERO);
        assert_eq!(
            [one, Money(2), Money::MAX].into_iter().sum::<Money>(),
            Money::MAX
        );
    }

    #[test]
    fn each_kind_of_token_has_its_price() {
        let price = Price::per_token_usd(3e-6, 15e-6, Some(0.3e-6), Some(3.75e-6)).unwrap();
        let usage = Usage {
            input_tokens: 1_000,
            output_tokens: 100,
            cached_tokens: 600,
            cache_write_tokens: 300,
            reasoning_tokens: 90,
        };
        assert_eq!(
            price.cost(&usage).to_string(),
            // 100 read, 600 from the cache, 300 into it, 100 written; reasoning is among the written.
            "$0.003105"
        );
        let plain = Price {
            cache_read: None,
            cache_write: None,
            ..price
        };
        assert_eq!(plain.cost(&usage).to_string(), "$0.0045");
    }

    #[test]
    fn a_price_of_zero_is_unknown_unless_somebody_said_free() {
        assert_eq!(Price::per_token_usd(0.0, 0.0, None, None), None);
        assert_eq!(Price::per_token_usd(0.0, 0.0, Some(1e-6), None), None);
        assert_eq!(Price::per_token_usd(1e-7, f64::NAN, None, None), None);
        assert_eq!(Price::per_token_usd(1e-7, 4e-7, Some(-1.0), None), None);
        assert!(Price::per_token_usd(0.0, 4e-7, None, None).is_some());
        assert!(Price::FREE.is_free());
        assert_eq!(
            Price::FREE.cost(&Usage {
                input_tokens: 9,
                ..Usage::default()
            }),
            Money::ZERO
        );
    }

    proptest! {
        #[test]
        fn no_call_costs_more_than_the_most(
            prices in any::<[u32; 4]>(),
            [input, output] in any::<[u32; 2]>(),
            shares in (0.0..1.0, 0.0..1.0),
        ) {
            let [input_price, output_price, cache_read, cache_write] = prices.map(u64::from);
            let price = Price {
                input: input_price,
                output: output_price,
                cache_read: Some(cache_read),
                cache_write: Some(cache_write),
            };
            let (input, output) = (u64::from(input), u64::from(output));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                clippy::cast_sign_loss,
                reason = "a share of a count"
            )]
            let part = |whole: u64, share: f64| (whole as f64 * share) as u64;
            let cached_tokens = part(input, shares.0);
            let usage = Usage {
                input_tokens: input,
                output_tokens: output,
                cached_tokens,
                cache_write_tokens: part(input - cached_tokens, shares.1),
                reasoning_tokens: 0,
            };
            prop_assert!(price.cost(&usage) <= price.most(input, output));
        }

        #[test]
        fn dollars_read_back_as_they_were(micros in 0..1_000_000_000_u64) {
            let money = Money(micros * 1_000_000);
            prop_assert_eq!(Money::from_usd(money.as_usd()), Some(money));
        }
    }
}
