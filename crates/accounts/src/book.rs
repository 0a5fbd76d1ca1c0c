//! The book: who may spend what, and what they did spend; everything in memory, and nothing that waits.
//!
//! Each scope has a page with its counters and its budget. A request concerns a few pages; it is checked against
//! all of them before anything is counted on one.

use std::collections::BTreeMap;

use openclaw_types::{AgentId, Money, Price, Timestamp};

pub(crate) use self::pages::{PageNumbers, Pages};
use crate::{
    allowance::Allowance,
    ask::{Ask, Gauge, OutputLimit},
    budget::{Budget, Notice, Terms},
    caller::{Caller, KeyId, Scope, TeamId},
    denied::{BudgetExceeded, Denied, RateLimited},
    key::Ring,
    ledger::{Line, Summary},
    limits::{Excess, Limits, Meter},
    options::Allowances,
    report::{Alert, BudgetState},
    rollup::Rollup,
};

mod pages;

/// A lowered limit on output is of use only above this: a shorter answer helps nobody, and a refusal says why.
const OUTPUT_TOKENS_USEFUL: u64 = 64;

/// What is counted for one scope.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) scope: Scope,
    pub(crate) allowance: Allowance,
    pub(crate) limits: Limits,
    pub(crate) meter: Meter,
    pub(crate) budget: Budget,
    /// Requests under way that hold something here.
    pub(crate) open: u64,
    /// Nobody asks for it any more; given up when the last request under way has ended.
    pub(crate) is_gone: bool,
}

/// Everything that is decided about.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) ring: Ring,
    pub(crate) allowances: Allowances,
    pub(crate) pages: Pages,
    pub(crate) rollup: Rollup,
    /// What happened to budgets and is still to be told, outside the lock that guards the book.
    pub(crate) alerts: Vec<Alert>,
}

/// In whose name a request is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parties {
    pub(crate) key: Option<KeyId>,
    pub(crate) team: Option<TeamId>,
    pub(crate) agent: Option<AgentId>,
}

/// What was counted for a request that was admitted.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) parties: Parties,
    pub(crate) pages: PageNumbers,
    pub(crate) at: Timestamp,
    pub(crate) held: Money,
    pub(crate) tokens: u64,
    /// The limit on output that the caller must keep, when it is lower than the one it came with.
    pub(crate) output_max: Option<u64>,
    /// Whose budget applies, when one does.
    pub(crate) budget_of: Option<Scope>,
    pub(crate) requests: Option<Gauge>,
    pub(crate) token_gauge: Option<Gauge>,
}

impl Book {
    pub(crate) fn new(ring: Ring, allowances: Allowances, now: Timestamp) -> Self {
        let mut book = Self {
            ring,
            allowances,
            pages: Pages::new(now),
            rollup: Rollup::default(),
            alerts: Vec::new(),
        };
        book.lay_out_all(now);
        book
    }

    /// Decides on a request, and counts it when it may be made.
    pub(crate) fn admit(&mut self, ask: &Ask<'_>, now: Timestamp) -> Result<Grant, Denied> {
        let parties = self.parties(ask, now)?;
        let pages = self.pages.concerned(&parties, ask.model);
        self.check_model(&pages, ask.model)?;
        let stated = match ask.output {
            OutputLimit::Stated(tokens) => tokens,
            // What a model could write at most says nothing about the rate at which it will.
            OutputLimit::Default(_) => 0,
        };
        let tokens = ask.input_tokens.saturating_add(stated);
        self.check_limits(&pages, tokens, now)?;
        let budget_of = self.budget_of(&pages, now);
        let (held, output_max) = match &budget_of {
            Some(scope) => self.hold(ask, &pages, scope, now)?,
            None => (Money::ZERO, None),
        };
        for number in pages.iter() {
            let Some(page) = self.pages.get_mut(number) else {
                continue;
            };
            page.meter.take(&page.limits, tokens, now);
            page.open += 1;
        }
        let (requests, token_gauge) = self.gauges(&pages);
        Ok(Grant {
            parties,
            pages,
            at: now,
            held,
            tokens,
            output_max,
            budget_of,
            requests,
            token_gauge,
        })
    }

    /// In whose name the request is made; a key may have been stopped since it was shown.
    fn parties(&self, ask: &Ask<'_>, now: Timestamp) -> Result<Parties, Denied> {
        let agent = ask.agent.cloned();
        match ask.caller {
            Caller::Open | Caller::Master => Ok(Parties {
                agent,
                ..Parties::default()
            }),
            Caller::Agent(own) => Ok(Parties {
                agent: agent.or_else(|| Some(own.clone())),
                ..Parties::default()
            }),
            Caller::Key(id) => {
                let record = self.ring.key(id).ok_or(Denied::WrongKey)?;
                self.ring.usable(record, now)?;
                Ok(Parties {
                    key: Some(id.clone()),
                    team: record.team.clone(),
                    agent: agent.or_else(|| record.agent.clone()),
                })
            }
        }
    }

    fn check_model(&self, pages: &PageNumbers, model: &str) -> Result<(), Denied> {
        let forbids = |page: &&Page| !page.allowance.allows(model);
        match self.concerned(pages).find(forbids) {
            Some(page) => Err(Denied::ModelNotAllowed {
                model: model.to_owned(),
                scope: page.scope.clone(),
            }),
            None => Ok(()),
        }
    }

    fn check_limits(
        &mut self,
        pages: &PageNumbers,
        tokens: u64,
        now: Timestamp,
    ) -> Result<(), Denied> {
        for number in pages.iter() {
            let Some(page) = self.pages.get_mut(number) else {
                continue;
            };
            if let Err(excess) = page.meter.check(&page.limits, tokens, now) {
                return Err(limited(excess, page.scope.clone()));
            }
        }
        Ok(())
    }

    /// The first scope with a hard stop; all budgets concerned are brought to the present.
    fn budget_of(&mut self, pages: &PageNumbers, now: Timestamp) -> Option<Scope> {
        let mut first = None;
        for number in pages.iter() {
            let Some(page) = self.pages.get_mut(number) else {
                continue;
            };
            page.budget.turn(now);
            if first.is_none() && page.budget.terms().max.is_some() {
                first = Some(page.scope.clone());
            }
        }
        first
    }

    /// Holds the most that the request may cost, in all budgets concerned or in none.
    fn hold(
        &mut self,
        ask: &Ask<'_>,
        pages: &PageNumbers,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<(Money, Option<u64>), Denied> {
        let Some(price) = ask.price else {
            return Err(Denied::Unpriced {
                model: ask.model.to_owned(),
                scope: scope.clone(),
            });
        };
        let needed = price.most(ask.input_tokens, ask.output.tokens());
        let Some((left, number)) = self.least_left(pages) else {
            return Ok((Money::ZERO, None));
        };
        let affordable = affordable_tokens(price, ask.input_tokens, left);
        let (amount, output_max) = if needed.is_zero() || needed <= left {
            (needed, None)
        } else if is_enough(ask.output, affordable) {
            (price.most(ask.input_tokens, affordable), Some(affordable))
        } else {
            return Err(self.exceeded(number, needed, affordable, now));
        };
        for number in pages.iter() {
            if let Some(page) = self.pages.get_mut(number) {
                // It fits where least is left, and so everywhere.
                let fits = page.budget.reserve(amount);
                debug_assert!(fits, "the least that is left was enough");
            }
        }
        Ok((amount, output_max))
    }

    /// What the budget has left that has the least left.
    fn least_left(&self, pages: &PageNumbers) -> Option<(Money, usize)> {
        pages
            .iter()
            .filter_map(|number| Some((self.pages.get(number)?.budget.left()?, number)))
            .min()
    }

    fn exceeded(
        &mut self,
        number: usize,
        needed: Money,
        affordable: u64,
        now: Timestamp,
    ) -> Denied {
        let Some(page) = self.pages.get_mut(number) else {
            return Denied::WrongKey;
        };
        if page.budget.refused() {
            self.alerts.push(page.alert(Notice::Refused, now));
        }
        let budget = &page.budget;
        Denied::BudgetExceeded(Box::new(BudgetExceeded {
            scope: page.scope.clone(),
            spent: budget.spent(),
            reserved: budget.reserved(),
            max: budget.terms().max.unwrap_or_default(),
            needed,
            resets_at: budget.span().map(|span| span.end),
            affordable_output_tokens: affordable,
        }))
    }

    /// Holds the most again for one more attempt, after an earlier one cost something.
    pub(crate) fn hold_again(&mut self, grant: &mut Grant, most: Money) -> Result<(), Denied> {
        let more = most.saturating_sub(grant.held);
        if let Some((left, number)) = self.least_left(&grant.pages)
            && more > left
        {
            return Err(self.exceeded(number, more, 0, grant.at));
        }
        for page in grant.pages.iter() {
            if let Some(page) = self.pages.get_mut(page) {
                let fits = page.budget.reserve(more);
                debug_assert!(fits, "the least that is left was enough");
            }
        }
        grant.held = grant.held.saturating_add(more);
        Ok(())
    }

    /// Spends part of what a grant holds; its request goes on.
    pub(crate) fn charge(&mut self, grant: &mut Grant, line: &Line<'_>) {
        let cost = Money(line.cost.unwrap_or(0));
        let held = cost.min(grant.held);
        self.spend(grant, held, cost, Timestamp(line.at));
        grant.held = grant.held.saturating_sub(held);
        self.rollup.add(line);
    }

    /// Ends a request: what it cost takes the place of what was held.
    pub(crate) fn settle(&mut self, grant: &Grant, line: &Line<'_>) {
        let (cost, now) = (Money(line.cost.unwrap_or(0)), Timestamp(line.at));
        self.spend(grant, grant.held, cost, now);
        let used = line
            .usage()
            .map(|usage| usage.input_tokens.saturating_add(usage.output_tokens));
        // Who says nothing about a success is taken by what was asked.
        let is_success = (200..300).contains(&line.status);
        let used = used.unwrap_or(if is_success { grant.tokens } else { 0 });
        self.end(grant, |page| {
            page.meter.correct(grant.tokens, used, grant.at);
            page.meter.end();
        });
        self.rollup.add(line);
    }

    /// Takes back a request that never happened.
    pub(crate) fn release(&mut self, grant: &Grant) {
        self.end(grant, |page| {
            page.budget.release(grant.held);
            page.meter.undo(grant.tokens, grant.at);
        });
    }

    fn spend(&mut self, grant: &Grant, held: Money, cost: Money, now: Timestamp) {
        for number in grant.pages.iter() {
            let Some(page) = self.pages.get_mut(number) else {
                continue;
            };
            page.budget.turn(now);
            page.budget.settle(held, cost);
            page.tell(now, &mut self.alerts);
        }
    }

    fn end(&mut self, grant: &Grant, mut each: impl FnMut(&mut Page)) {
        for number in grant.pages.iter() {
            let Some(page) = self.pages.get_mut(number) else {
                continue;
            };
            each(page);
            page.open = page.open.saturating_sub(1);
            self.pages.drop_if_gone(number);
        }
    }

    /// Counts a line of the past.
    pub(crate) fn restore(&mut self, line: &Line<'_>) {
        if !line.is_spending() {
            return;
        }
        let cost = Money(line.cost.unwrap_or(0));
        self.restore_cost(line, cost, Timestamp(line.at));
        self.rollup.add(line);
    }

    /// Counts what was spent in the names of a line.
    fn restore_cost(&mut self, names: &Line<'_>, cost: Money, at: Timestamp) {
        for number in self.pages.of_line(names).iter() {
            let Some(page) = self.pages.get_mut(number) else {
                continue;
            };
            // What comes after the period is the clock's doing, and counts.
            if page.budget.span().is_none_or(|span| at >= span.start) {
                page.budget.settle(Money::ZERO, cost);
            }
        }
    }

    /// Whether what a file of the past sums up is enough to know what was spent in every period; not so when a
    /// period began in the midst of it.
    pub(crate) fn is_enough(&mut self, summary: &Summary) -> bool {
        let mut is_enough = true;
        self.pages.each(|page| {
            let start = page.budget.span().map(|span| span.start.as_millis());
            is_enough &= start.is_none_or(|start| start <= summary.first || start > summary.last);
        });
        is_enough
    }

    /// Counts a file of the past.
    pub(crate) fn restore_summary(&mut self, summary: &Summary) {
        for cell in &summary.cells {
            let names = Line {
                key: cell.key.as_str().into(),
                team: cell.team.as_str().into(),
                agent: cell.agent.as_str().into(),
                group: cell.group.as_str().into(),
                ..Line::default()
            };
            self.restore_cost(&names, Money(cell.cost), Timestamp(summary.first));
            self.rollup.add_cell(cell);
        }
    }

    /// After all lines of the past: what is reached is not news, and the day's tokens are known.
    pub(crate) fn restored(&mut self, now: Timestamp) {
        let rollup = &self.rollup;
        self.pages.each(|page| {
            page.budget.pass_over();
            if page.allowance.tokens_per_day.is_some() {
                let tokens = rollup.tokens_of_day(&pages::query_of(&page.scope), now);
                page.meter.restore_day(tokens, now);
            }
        });
    }

    /// A call of the past whose end nobody saw: it is news now.
    pub(crate) fn unsettled(&mut self, line: &Line<'_>, now: Timestamp) {
        self.restore(line);
        for number in self.pages.of_line(line).iter() {
            if let Some(page) = self.pages.get_mut(number) {
                page.tell(now, &mut self.alerts);
            }
        }
    }

    fn concerned(&self, pages: &PageNumbers) -> impl Iterator<Item = &Page> {
        pages.iter().filter_map(|number| self.pages.get(number))
    }

    /// The gauges with the least left.
    fn gauges(&self, pages: &PageNumbers) -> (Option<Gauge>, Option<Gauge>) {
        let least = |one: Option<Gauge>, other: Option<Gauge>| {
            let gauges = one.into_iter().chain(other);
            gauges.min_by_key(|gauge| gauge.remaining)
        };
        self.concerned(pages)
            .map(|page| page.meter.gauges(&page.limits, page.scope.word()))
            .fold((None, None), |sum, page| {
                (least(sum.0, page.0), least(sum.1, page.1))
            })
    }

    /// All budgets that are limited or used.
    pub(crate) fn budgets(&mut self, now: Timestamp) -> Vec<BudgetState> {
        let mut states = Vec::new();
        self.pages.each(|page| {
            page.budget.turn(now);
            let terms = page.budget.terms();
            if !page.is_gone && (terms.max.is_some() || terms.soft.is_some()) {
                states.push(page.state());
            }
        });
        states.sort_by(|one, other| one.scope.cmp(&other.scope));
        states
    }

    /// What the key of a request has spent in its period.
    pub(crate) fn key_spend(&self, grant: &Grant) -> Option<Money> {
        let number = self.pages.of_key(grant.parties.key.as_ref()?)?;
        Some(self.pages.get(number)?.budget.spent())
    }

    /// The budget of a key.
    pub(crate) fn key_budget(&mut self, id: &KeyId, now: Timestamp) -> Option<BudgetState> {
        let number = self.pages.of_key(id)?;
        let page = self.pages.get_mut(number)?;
        page.budget.turn(now);
        Some(page.state())
    }
}

impl Page {
    pub(crate) fn new(
        scope: Scope,
        allowance: Allowance,
        anchor: Timestamp,
        now: Timestamp,
    ) -> Self {
        Self {
            scope,
            limits: Limits::from(&allowance),
            budget: Budget::new(Terms::of(&allowance, anchor), now),
            allowance,
            meter: Meter::default(),
            open: 0,
            is_gone: false,
        }
    }

    fn tell(&mut self, now: Timestamp, alerts: &mut Vec<Alert>) {
        for notice in self.budget.notices() {
            alerts.push(self.alert(notice, now));
        }
    }

    fn alert(&self, notice: Notice, at: Timestamp) -> Alert {
        Alert {
            at,
            scope: self.scope.clone(),
            notice,
            spent: self.budget.spent(),
            max: self.budget.terms().max,
            resets_at: self.budget.span().map(|span| span.end),
        }
    }

    fn state(&self) -> BudgetState {
        let terms = self.budget.terms();
        BudgetState {
            scope: self.scope.clone(),
            max: terms.max,
            soft: terms.soft,
            spent: self.budget.spent(),
            reserved: self.budget.reserved(),
            period: terms.period,
            resets_at: self.budget.span().map(|span| span.end),
            told: self.budget.told().to_vec(),
        }
    }
}

/// How many output tokens an amount pays for, after the input.
fn affordable_tokens(price: Price, input_tokens: u64, left: Money) -> u64 {
    let for_output = left.saturating_sub(price.most(input_tokens, 0));
    for_output.0.checked_div(price.output).unwrap_or(0)
}

/// Whether a limit that nobody stated may be lowered so far.
fn is_enough(output: OutputLimit, affordable: u64) -> bool {
    match output {
        OutputLimit::Stated(_) => false,
        OutputLimit::Default(tokens) => {
            affordable >= tokens.min(OUTPUT_TOKENS_USEFUL) && affordable > 0
        }
    }
}

fn limited(excess: Excess, scope: Scope) -> Denied {
    Denied::RateLimited(Box::new(RateLimited {
        kind: excess.kind,
        scope,
        limit: excess.limit,
        remaining: excess.remaining,
        resets_at: excess.resets_at,
        retry_after_ms: excess.retry_after_ms,
    }))
}

/// What pages there should be.
pub(crate) type Wanted = BTreeMap<Scope, (Allowance, Timestamp)>;
