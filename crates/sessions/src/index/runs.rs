//! The runs of one session that have begun and not ended.

use std::collections::BTreeMap;

use openclaw_types::RunId;

/// Runs looked through one by one; a session hardly ever has two at a time.
const SLOTS_MAX: usize = 8;

/// Runs that have a user's entry and no end.
///
/// A file read back opens and closes one for every turn, so the usual case neither hashes nor allocates: a slot
/// that was closed keeps its memory for the next run.
#[derive(Debug, Default)]
pub(crate) struct OpenRuns {
    slots: Vec<Slot>,
    /// What does not fit into the slots, so that hostile files cost no quadratic time.
    more: BTreeMap<String, u64>,
    open: usize,
}

#[derive(Debug)]
struct Slot {
    run: String,
    /// When it appeared, counted in runs; 0 in a closed slot.
    appeared: u64,
}

impl OpenRuns {
    /// Nothing is open.
    #[cfg(test)]
    const fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Begins a run, unless it has begun or its name is no name.
    pub(crate) fn begin(&mut self, run: &str, appeared: u64) {
        if self.slot(run).is_some() || self.more.contains_key(run) || RunId::parse(run).is_err() {
            return;
        }
        self.open += 1;
        if let Some(free) = self.slots.iter_mut().find(|slot| slot.appeared == 0) {
            free.run.clear();
            free.run.push_str(run);
            free.appeared = appeared;
        } else if self.slots.len() < SLOTS_MAX {
            let run = run.to_owned();
            self.slots.push(Slot { run, appeared });
        } else {
            self.more.insert(run.to_owned(), appeared);
        }
    }

    /// Ends a run, if it is open.
    pub(crate) fn end(&mut self, run: &str) {
        if self.open == 0 {
            return;
        }
        if let Some(slot) = self.slot(run) {
            slot.appeared = 0;
            self.open -= 1;
        } else if self.more.remove(run).is_some() {
            self.open -= 1;
        }
    }

    /// The open ones, and when each appeared.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let slots = self.slots.iter().filter(|slot| slot.appeared > 0);
        let slots = slots.map(|slot| (slot.run.as_str(), slot.appeared));
        let more = self.more.iter();
        slots.chain(more.map(|(run, &appeared)| (run.as_str(), appeared)))
    }

    /// Gives the memory of closed slots back.
    pub(crate) fn shrink(&mut self) {
        self.slots.retain(|slot| slot.appeared > 0);
        self.slots.shrink_to_fit();
    }

    fn slot(&mut self, run: &str) -> Option<&mut Slot> {
        let mut slots = self.slots.iter_mut();
        slots.find(|slot| slot.appeared > 0 && slot.run == run)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn open_runs_are_those_that_began_and_have_not_ended(
            steps in prop::collection::vec((any::<bool>(), 0_u8..24), 0..200),
        ) {
            let mut runs = OpenRuns::default();
            let mut model = BTreeMap::new();
            for (at, (begin, run)) in steps.into_iter().enumerate() {
                let run = format!("r{run}");
                if begin {
                    runs.begin(&run, at as u64 + 1);
                    model.entry(run).or_insert(at as u64 + 1);
                } else {
                    runs.end(&run);
                    model.remove(&run);
                }
                if at % 50 == 49 {
                    runs.shrink();
                }
                let found: BTreeMap<_, _> =
                    runs.iter().map(|(run, appeared)| (run.to_owned(), appeared)).collect();
                prop_assert_eq!(&found, &model);
                prop_assert_eq!(runs.is_empty(), model.is_empty());
            }
        }
    }

    #[test]
    fn a_run_whose_name_is_no_name_does_not_begin() {
        let mut runs = OpenRuns::default();
        runs.begin("../x", 1);
        runs.begin("", 2);
        assert!(runs.is_empty());
    }
}
