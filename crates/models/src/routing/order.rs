//! The order of a level's members: by chance and weight, or by what a strategy goes by.

use openclaw_types::Timestamp;

use super::{Health, Needs, Strategy, slot::Slot};

/// Numbers that look random and follow from the first: the generator called `SplitMix64`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }
}

/// What members are put in order by.
#[derive(Debug, Clone, Copy)]
pub(super) struct By<'a> {
    pub(super) strategy: Strategy,
    pub(super) health: &'a Health,
    pub(super) needs: Needs,
    pub(super) now: Timestamp,
}

/// Puts the members of one level in order.
pub(super) fn arrange(members: &mut [Slot], by: By<'_>, chance: &mut Chance) {
    if members.len() < 2 {
        return;
    }
    shuffle(members, chance);
    if by.strategy != Strategy::SimpleShuffle {
        let load = |slot: &Slot| {
            by.health
                .load(&slot.deployment.spot, by.strategy, by.needs, by.now)
        };
        // Equal ones stay shuffled.
        members.sort_by_cached_key(load);
    }
}

/// Draws one after the other, each with the chance that its weight is of what is left.
fn shuffle(members: &mut [Slot], chance: &mut Chance) {
    let weight = |slot: &Slot| u64::from(slot.weight);
    let mut total: u64 = members.iter().map(weight).sum();
    let mut left = members;
    while left.len() > 1 {
        let drawn = if total == 0 {
            let among = chance.below(left.len() as u64);
            usize::try_from(among).unwrap_or(0)
        } else {
            let mut mark = chance.below(total);
            let holds = |slot: &Slot| {
                let is_here = mark < weight(slot);
                mark = mark.saturating_sub(weight(slot));
                is_here
            };
            left.iter().position(holds).unwrap_or(0)
        };
        total -= weight(&left[drawn]);
        left.swap(0, drawn);
        left = &mut left[1..];
    }
}
