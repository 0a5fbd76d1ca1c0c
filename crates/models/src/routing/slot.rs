//! One candidate of a plan, and what has become of it in this call.

use std::sync::Arc;

use super::{Ask, Deployment, Member, State};

/// One candidate of a plan.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) deployment: Arc<Deployment>,
    /// Which group of the plan.
    pub(super) stage: usize,
    /// Which level of the group.
    pub(super) order: u32,
    /// Its share among those of its level.
    pub(super) weight: u32,
    /// How far it is from what the request needs.
    pub(super) misfit: u32,
    /// Less is earlier, before anything else is looked at.
    pub(super) turn: i8,
    pub(super) tried: Tried,
}

/// What has become of a candidate in this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tried {
    /// It was not asked.
    #[default]
    No,
    /// It failed in a way that another try may mend.
    Failed,
    /// It is not asked again.
    Spent,
}

/// How candidates of one call compare; its last part is their place.
pub(super) type Rank = (i8, u32, i64, usize);

impl Slot {
    pub(super) fn new(member: &Member, stage: usize, order: u32, ask: &Ask<'_>) -> Self {
        Self {
            deployment: Arc::clone(&member.deployment),
            stage,
            order,
            weight: member.weight,
            misfit: member.deployment.misfit(ask),
            turn: 0,
            tried: Tried::No,
        }
    }

    /// Less is better: what fits before what does not, what is well before what rests, then the plan's own order.
    pub(super) const fn rank(&self, state: State, place: usize) -> Option<Rank> {
        let rest = match state {
            State::Well => i64::MIN,
            // What recovers first is the likeliest to be well again.
            State::Last(until) => until.as_millis(),
            State::Away(_) => return None,
        };
        Some((self.turn, self.misfit, rest, place))
    }
}
