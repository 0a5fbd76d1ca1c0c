//! The candidates of one call, handed out one by one, and what becomes of the rest when one fails.

use std::{sync::Arc, time::Duration};

use openclaw_types::{Money, Timestamp};
use serde_json::{Map, Value};

use super::{
    AgentMapping, Ask, Deployment, Health, Needs, State, Table, Unserved,
    order::{By, Chance, arrange},
    slot::{Slot, Tried},
    stages::{self, Stage, Stages},
    verdict,
};
use crate::{
    error::{Kind, Phase},
    limits::{CANDIDATES_MAX, REPEAT_PAUSE, REPEAT_PAUSE_MAX, REPEATS_MAX},
};

/// The turn of what comes before everything that was planned.
const FIRST: i8 = -1;

/// One model to be asked.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which.
    pub deployment: Arc<Deployment>,
    /// The group it is asked for.
    pub group: Arc<str>,
    /// Whether that is another group than the first of the plan.
    pub is_fallback: bool,
    /// Groups and levels of groups that were left before it.
    pub fallbacks: u32,
    /// Tries before it within the same level of the same group.
    pub retries: u32,
    /// When it was handed out.
    pub began: Timestamp,
    /// What the call was expected to use, in tokens.
    pub tokens: u64,
    mapping: Option<Arc<AgentMapping>>,
}

impl Candidate {
    /// Fields for the request that has them neither itself nor from the deployment's `extra`.
    #[must_use]
    pub fn defaults(&self) -> Option<&Map<String, Value>> {
        self.mapping.as_ref().map(|mapping| &mapping.defaults)
    }
}

/// What to do next.
#[derive(Debug, Clone)]
pub enum Next {
    /// Ask this one.
    Try(Candidate),
    /// Wait so long before the next question, unless the deadline passes first; then ask the plan again.
    Wait(Duration),
    /// Nobody was asked, because all want to be left alone for at least so long; give up.
    Resting(Duration),
    /// Nobody is left; give up.
    Done,
}

/// How a candidate failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What it amounts to.
    pub kind: Kind,
    /// The status of the answer; 0 when there was none.
    pub status: u16,
}

impl Fault {
    const fn is_4xx(self) -> bool {
        self.status >= 400 && self.status < 500
    }
}

/// The candidates of one call.
#[derive(Debug, Clone)]
pub struct Plan {
    table: Arc<Table>,
    stages: Stages,
    pub(super) slots: Vec<Slot>,
    needs: Needs,
    tokens: u64,
    num_retries: Option<u32>,
    current: Option<(usize, Candidate)>,
    last: Option<(usize, Kind)>,
    /// The group and level of every try so far.
    asked: Vec<(usize, u32)>,
    repeats: u32,
    /// The candidate whose repeat was announced.
    announced: Option<usize>,
    is_over: bool,
    must_be_priced: bool,
    chance: Chance,
}

/// The candidates that may answer, best first, each once; never empty.
///
/// `chance` is a random number: the same one gives the same plan.
///
/// # Errors
/// Says why there is none.
pub fn plan(
    table: &Arc<Table>,
    ask: &Ask<'_>,
    health: &Health,
    now: Timestamp,
    chance: u64,
) -> Result<Plan, Unserved> {
    let stages = stages::stages(table, ask)?;
    let mut plan = Plan {
        table: Arc::clone(table),
        slots: Vec::new(),
        needs: ask.needs,
        tokens: ask.tokens,
        num_retries: ask.num_retries,
        current: None,
        last: None,
        asked: Vec::new(),
        repeats: 0,
        announced: None,
        is_over: false,
        must_be_priced: false,
        chance: Chance(chance),
        stages,
    };
    plan.slots = plan.lined_up(0, health, now);
    if plan.slots.is_empty() {
        return Err(Unserved::OnlyVectors);
    }
    Ok(plan)
}

impl Plan {
    /// The deployments that are left or were tried, in the plan's order.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.slots.iter().map(|slot| &slot.deployment)
    }

    /// Whether it begins with a provider that has not said yet what it has.
    #[must_use]
    pub fn is_guess(&self) -> bool {
        let first = self.stages.stages.first();
        first.is_none_or(|stage| stage.group.is_guess)
    }

    /// The most that one candidate may cost; `None` when the price of one is unknown.
    #[must_use]
    pub fn most(&self, input_tokens: u64, output_tokens: u64) -> Option<Money> {
        let most = |slot: &Slot| Some(slot.deployment.price?.most(input_tokens, output_tokens));
        let all: Option<Vec<Money>> = self.slots.iter().map(most).collect();
        all?.into_iter().max()
    }

    /// Leaves out candidates whose price is unknown; whether any is left.
    pub fn keep_priced(&mut self) -> bool {
        self.must_be_priced = true;
        self.slots.retain(|slot| slot.deployment.price.is_some());
        !self.slots.is_empty()
    }

    /// Whether anybody but the candidate that was handed out last could still be asked for the first time.
    #[must_use]
    pub fn has_more(&self, health: &Health, now: Timestamp) -> bool {
        let current = self.current.as_ref().map(|(place, _)| *place);
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(place, _)| Some(*place) != current)
            .any(|(_, slot)| {
                let state = || health.state(&slot.deployment, self.tokens, now);
                slot.tried == Tried::No && !matches!(state(), State::Away(_))
            })
    }

    /// What to do next. The candidate it hands out counts as asked.
    pub fn next(&mut self, health: &mut Health, now: Timestamp) -> Next {
        if let Some((place, _)) = self.current.take() {
            self.slots[place].tried = Tried::Spent;
        }
        if self.is_over {
            return Next::Done;
        }
        let mut soonest: Option<i64> = None;
        let mut best = None;
        for (place, slot) in self.slots.iter().enumerate() {
            if slot.tried != Tried::No {
                continue;
            }
            let state = health.state(&slot.deployment, self.tokens, now);
            if let State::Away(until) = state {
                let left = until.since_ms(now);
                soonest = Some(soonest.map_or(left, |soonest| soonest.min(left)));
            }
            let rank = slot.rank(state, place);
            if rank.is_some() && (best.is_none() || rank < best) {
                best = rank;
            }
        }
        if let Some((.., place)) = best {
            return Next::Try(self.hand_out(place, false, health, now));
        }
        match soonest {
            Some(left) if self.asked.is_empty() => Next::Resting(milliseconds(left)),
            _ => self.repeat(health, now),
        }
    }

    /// The candidate that was handed out last failed before it had begun to answer.
    pub fn failed(&mut self, fault: Fault, health: &mut Health, now: Timestamp) {
        let Some((place, candidate)) = self.current.take() else {
            return;
        };
        health.broke(&candidate, fault.kind, now);
        let verdict = verdict(fault.kind);
        let slot = &mut self.slots[place];
        slot.tried = if verdict.may_repeat && !fault.is_4xx() {
            Tried::Failed
        } else {
            Tried::Spent
        };
        let stage = slot.stage;
        self.last = Some((place, fault.kind));
        match fault.kind {
            Kind::ContextOverflow => self.overflowed(place, health, now),
            Kind::Refused if !self.stages.content.is_empty() => {
                let content = std::mem::take(&mut self.stages.content);
                for slot in &mut self.slots {
                    slot.tried = Tried::Spent;
                }
                self.prefer(&content, health, now);
            }
            Kind::BadRequest | Kind::Refused if self.stages.is_named() => {
                let spoils = |slot: &&mut Slot| slot.stage == stage;
                for slot in self.slots.iter_mut().filter(spoils) {
                    slot.tried = Tried::Spent;
                }
            }
            _ => self.is_over = !verdict.moves_on,
        }
    }

    /// The request did not fit: its own fallbacks come first, then larger windows, then what can hardly hold it.
    fn overflowed(&mut self, place: usize, health: &Health, now: Timestamp) {
        let full = Arc::clone(&self.slots[place].deployment);
        for slot in &mut self.slots {
            let (window, other) = (full.context_window, slot.deployment.context_window);
            let is_small = window > 0 && other > 0 && other <= window;
            let is_same = slot.deployment.model == full.model
                && slot.deployment.provider() == full.provider();
            if is_small || is_same {
                slot.misfit = slot.misfit.max(u32::MAX - 1 - other);
            }
        }
        let context = std::mem::take(&mut self.stages.context);
        self.prefer(&context, health, now);
    }

    /// Puts the groups that references lead to in front of what is left.
    fn prefer(&mut self, references: &[String], health: &Health, now: Timestamp) {
        let from = self.stages.stages.len();
        let resolved = stages::resolved(&self.table, references);
        self.stages.stages.extend(resolved);
        for mut slot in self.lined_up(from, health, now) {
            slot.turn = FIRST;
            let same = |other: &&mut Slot| other.deployment.spot == slot.deployment.spot;
            if let Some(there) = self.slots.iter_mut().find(same) {
                there.turn = FIRST;
            } else if self.slots.len() < CANDIDATES_MAX
                && (slot.deployment.price.is_some() || !self.must_be_priced)
            {
                self.slots.push(slot);
            }
        }
    }

    /// The candidates of the groups from one on, each once.
    fn lined_up(&mut self, from: usize, health: &Health, now: Timestamp) -> Vec<Slot> {
        let ask = Ask {
            needs: self.needs,
            tokens: self.tokens,
            ..Ask::default()
        };
        let by = By {
            strategy: self.table.settings.strategy,
            needs: self.needs,
            health,
            now,
        };
        let stages = self.stages.stages.iter().enumerate().skip(from);
        let sizes = stages.clone().map(|(_, stage)| stage.group.levels.iter());
        let size = sizes.flatten().map(|level| level.members.len()).sum();
        let mut slots: Vec<Slot> = Vec::with_capacity(size);
        for (number, stage) in stages {
            for level in &stage.group.levels {
                let begin = slots.len();
                let members = level
                    .members
                    .iter()
                    .filter(|member| self.needs.vectors || !member.deployment.only_embeds);
                slots.extend(members.map(|member| Slot::new(member, number, level.order, &ask)));
                arrange(&mut slots[begin..], by, &mut self.chance);
            }
        }
        let mut place = 1;
        while place < slots.len().min(CANDIDATES_MAX) {
            let (before, rest) = slots.split_at(place);
            let is_there = |slot: &Slot| slot.deployment.spot == rest[0].deployment.spot;
            if before.iter().any(is_there) {
                slots.remove(place);
            } else {
                place += 1;
            }
        }
        slots.truncate(CANDIDATES_MAX);
        slots
    }

    /// Everything was tried once: whoever may be asked again, is, after a pause.
    fn repeat(&mut self, health: &mut Health, now: Timestamp) -> Next {
        if let Some(place) = self.announced.take() {
            let deployment = &self.slots[place].deployment;
            let is_away = matches!(health.state(deployment, self.tokens, now), State::Away(_));
            if is_away || !health.allows_repeat(&deployment.spot, now) {
                return Next::Done;
            }
            self.repeats += 1;
            return Next::Try(self.hand_out(place, true, health, now));
        }
        let Some((last, kind)) = self.last else {
            return Next::Done;
        };
        if self.repeats >= self.repeats_allowed(last, kind) {
            return Next::Done;
        }
        let may = |(place, slot): &(usize, &Slot)| {
            let deployment = &slot.deployment;
            slot.tried == Tried::Failed
                && health.allows_repeat(&deployment.spot, now)
                && slot
                    .rank(health.state(deployment, self.tokens, now), *place)
                    .is_some()
        };
        let slots = self.slots.iter().enumerate().filter(may);
        // What has just failed comes after all others.
        let Some((place, _)) = slots.min_by_key(|(place, slot)| (*place == last, slot.misfit))
        else {
            return Next::Done;
        };
        self.announced = Some(place);
        match self.pause_before(place == last, kind) {
            Duration::ZERO => self.repeat(health, now),
            pause => Next::Wait(pause),
        }
    }

    fn repeats_allowed(&self, place: usize, kind: Kind) -> u32 {
        let settings = &self.table.settings;
        let own = self
            .slots
            .get(place)
            .and_then(|slot| slot.deployment.num_retries);
        let allowed = self
            .num_retries
            .or_else(|| settings.retry_policy.of(kind))
            .or(own)
            .unwrap_or(settings.num_retries);
        allowed.min(REPEATS_MAX)
    }

    /// Nobody waits for a candidate that did not fail last, or for a connection to be made anew.
    fn pause_before(&mut self, is_same: bool, kind: Kind) -> Duration {
        let is_broken = matches!(kind, Kind::Transport | Kind::Timeout(Phase::Connect));
        if !is_same || (is_broken && self.repeats == 0) {
            return Duration::ZERO;
        }
        let doubled = REPEAT_PAUSE * 2_u32.saturating_pow(self.repeats.min(8));
        let half = doubled.min(REPEAT_PAUSE_MAX) / 2;
        // Half of it is chance, so that many calls that failed together don't come again together.
        let spread = u64::try_from(half.as_millis()).unwrap_or(0);
        half + Duration::from_millis(self.chance.below(spread + 1))
    }

    fn hand_out(
        &mut self,
        place: usize,
        is_repeat: bool,
        health: &mut Health,
        now: Timestamp,
    ) -> Candidate {
        let slot = &self.slots[place];
        let first = self.stages.stages.first();
        let stage = self.stages.stages.get(slot.stage);
        let group = stage.map_or(&slot.deployment.group, |stage| &stage.group.name);
        let level = (slot.stage, slot.order);
        let retries = self.asked.iter().filter(|&&asked| asked == level).count();
        let is_left = |&(place, &asked): &(usize, &(usize, u32))| {
            asked != level && !self.asked[..place].contains(&asked)
        };
        // Groups that rest are given up without being asked.
        let left = self.asked.iter().enumerate().filter(is_left).count();
        let fallbacks = left.max(slot.stage);
        let candidate = Candidate {
            deployment: Arc::clone(&slot.deployment),
            is_fallback: first.is_some_and(|first| first.group.name != *group),
            group: Arc::clone(group),
            fallbacks: u32::try_from(fallbacks).unwrap_or(u32::MAX),
            retries: u32::try_from(retries).unwrap_or(u32::MAX),
            began: now,
            tokens: self.tokens,
            mapping: stage.and_then(|stage: &Stage| stage.defaults.clone()),
        };
        self.asked.push(level);
        health.began(&candidate, is_repeat);
        self.current = Some((place, candidate.clone()));
        candidate
    }
}

fn milliseconds(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
