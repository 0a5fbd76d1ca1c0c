//! Calls under way, as a stretch of the ledger leaves them: those it began and did not end, and what it says of
//! those that began before it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::line::{Kind, Line};

/// Calls under way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Open {
    /// Those that began here, with what is still held for them.
    pub(super) held: BTreeMap<u64, Line<'static>>,
    /// What is said of others.
    pub(super) others: BTreeMap<u64, Said>,
}

/// What a stretch says of a call that began before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    has_ended: bool,
    /// What is held for it anew.
    again: Option<u64>,
    /// What it was charged since.
    charged: u64,
}

impl Open {
    /// Follows a line. A call without a budget holds nothing, and its lines have no id.
    pub(crate) fn follow(&mut self, line: &Line<'_>) {
        if line.id == 0 {
            return;
        }
        let amount = match line.kind {
            Kind::Reserve => {
                self.held.insert(line.id, line.clone().into_owned());
                return;
            }
            Kind::Charge => line.cost.unwrap_or(0),
            Kind::Again => line.reserved.unwrap_or(0),
            Kind::Release | Kind::Settle | Kind::Unsettled => {
                if self.held.remove(&line.id).is_none() {
                    self.others.entry(line.id).or_default().has_ended = true;
                }
                return;
            }
        };
        let is_charge = line.kind == Kind::Charge;
        match self.held.get_mut(&line.id) {
            Some(held) if is_charge => {
                held.reserved = held.reserved.map(|held| held.saturating_sub(amount));
            }
            Some(held) => held.reserved = Some(amount),
            None if is_charge => {
                let said = self.others.entry(line.id).or_default();
                said.charged = said.charged.saturating_add(amount);
            }
            None => {
                let said = self.others.entry(line.id).or_default();
                (said.again, said.charged) = (Some(amount), 0);
            }
        }
    }

    /// Follows the stretch that comes next.
    pub(crate) fn follow_all(&mut self, next: Self) {
        for (id, said) in next.others {
            if said.has_ended {
                self.held.remove(&id);
                continue;
            }
            if let Some(held) = self.held.get_mut(&id) {
                let before = said.again.or(held.reserved).unwrap_or(0);
                held.reserved = Some(before.saturating_sub(said.charged));
            }
        }
        self.held.extend(next.held);
    }

    /// Those that never ended.
    pub(crate) fn into_held(self) -> impl Iterator<Item = Line<'static>> {
        self.held.into_values()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines of a few calls, each of which begins once, is charged and held again, and may end.
    fn lines() -> impl Strategy<Value = Vec<Line<'static>>> {
        let step = (0..5_u64, 0..6_u8, 1..100_u64);
        prop::collection::vec(step, 0..60).prop_map(|steps| {
            let mut ids = [1, 2, 3, 4, 5];
            let mut begun = [false; 5];
            let mut lines = Vec::new();
            for (at, kind, amount) in steps {
                let at = usize::try_from(at).unwrap_or(0);
                let kind = match kind {
                    _ if !begun[at] => Kind::Reserve,
                    0 | 1 => Kind::Charge,
                    2 | 3 => Kind::Again,
                    4 => Kind::Settle,
                    _ => Kind::Release,
                };
                lines.push(Line {
                    kind,
                    id: ids[at],
                    cost: matches!(kind, Kind::Charge | Kind::Settle).then_some(amount),
                    reserved: matches!(kind, Kind::Reserve | Kind::Again).then_some(amount),
                    ..Line::default()
                });
                begun[at] = !matches!(kind, Kind::Settle | Kind::Release);
                // The next call has an id of its own.
                ids[at] += if begun[at] { 0 } else { 5 };
            }
            lines
        })
    }

    proptest! {
        #[test]
        fn stretches_one_after_the_other_say_what_the_whole_says(
            lines in lines(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            let mut whole = Open::default();
            lines.iter().for_each(|line| whole.follow(line));
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(lines.len() + 1)).collect();
            cuts.extend([0, lines.len()]);
            cuts.sort_unstable();
            let mut together = Open::default();
            for ends in cuts.windows(2) {
                let mut stretch = Open::default();
                lines[ends[0]..ends[1]].iter().for_each(|line| stretch.follow(line));
                together.follow_all(stretch);
            }
            let held = |open: Open| -> Vec<Line<'static>> { open.into_held().collect() };
            prop_assert_eq!(held(together), held(whole));
        }
    }
}
