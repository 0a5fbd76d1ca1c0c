//! Budgets: what is spent, what is held, and what is left; pure, and told the time.
//!
//! What a call may cost at most is held before it and exchanged for its cost after it, so that what is spent
//! and what is held together never exceed the hard stop by anything but what a provider charges beyond that most.

use openclaw_types::{Money, Timestamp};

use crate::{
    allowance::{ALERT_AT, Allowance},
    period::{Period, Span},
};

/// What a budget is told at its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The hard stop.
    pub max: Option<Money>,
    /// Told when reached.
    pub soft: Option<Money>,
    /// When it starts anew.
    pub period: Option<Period>,
    /// What its periods are counted from.
    pub anchor: Timestamp,
    /// Shares of the hard stop that are told, in percent.
    pub alert_at: Vec<u8>,
}

impl Terms {
    /// The terms that an allowance has.
    #[must_use]
    pub fn of(allowance: &Allowance, anchor: Timestamp) -> Self {
        Self {
            max: allowance.max_budget,
            soft: allowance.soft_budget,
            period: allowance.budget_duration,
            anchor,
            alert_at: if allowance.alert_at.is_empty() {
                ALERT_AT.to_vec()
            } else {
                allowance.alert_at.clone()
            },
        }
    }

    /// The period around a moment; without one, all times are one.
    #[must_use]
    pub fn span(&self, now: Timestamp) -> Option<Span> {
        self.period.map(|period| period.span(now, self.anchor))
    }
}

/// What is told of a budget, each once in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// So many percent of the hard stop are spent.
    Share(u8),
    /// The soft budget is spent.
    Soft,
    /// A request was refused because too little is left.
    Refused,
}

/// What is spent, held, and left.
#[derive(Debug, Clone)]
pub struct Budget {
    terms: Terms,
    span: Option<Span>,
    spent: Money,
    reserved: Money,
    told: Vec<Notice>,
}

impl Budget {
    /// Nothing spent yet.
    #[must_use]
    pub fn new(terms: Terms, now: Timestamp) -> Self {
        Self {
            span: terms.span(now),
            terms,
            spent: Money::ZERO,
            reserved: Money::ZERO,
            told: Vec::new(),
        }
    }

    /// The same spending under other terms. What was spent stays, unless the new terms begin a new period.
    pub fn set_terms(&mut self, terms: Terms, now: Timestamp) {
        let is_longer = self.terms.period != terms.period || self.terms.anchor != terms.anchor;
        self.span = if is_longer {
            terms.span(now)
        } else {
            self.span
        };
        self.terms = terms;
        // A larger budget is told anew as it is spent, and what is spent already is not news.
        self.told.clear();
        self.pass_over();
    }

    /// Starts anew when the period is over. A clock that was set back ends no period, and begins none before its
    /// time: what is spent stays spent.
    pub fn turn(&mut self, now: Timestamp) {
        let Some(span) = self.span else { return };
        if now >= span.end {
            self.spent = Money::ZERO;
            self.told.clear();
            self.span = self.terms.span(now);
        } else if now < span.start {
            self.span = self.terms.span(now);
        }
    }

    /// Holds an amount, if it fits. Nothing always fits: what is free needs no budget.
    #[must_use]
    pub fn reserve(&mut self, amount: Money) -> bool {
        let fits = amount.is_zero() || self.left().is_none_or(|left| amount <= left);
        if fits {
            self.reserved = self.reserved.saturating_add(amount);
        }
        fits
    }

    /// Gives back what was held.
    pub fn release(&mut self, held: Money) {
        self.reserved = self.reserved.saturating_sub(held);
    }

    /// Spends an amount in the place of what was held for it.
    pub fn settle(&mut self, held: Money, cost: Money) {
        self.release(held);
        self.spent = self.spent.saturating_add(cost);
    }

    /// What may still be reserved; absent when there is no hard stop.
    #[must_use]
    pub fn left(&self) -> Option<Money> {
        let held = self.spent.saturating_add(self.reserved);
        self.terms.max.map(|max| max.saturating_sub(held))
    }

    /// What there is to tell that was not told in this period.
    pub fn notices(&mut self) -> Vec<Notice> {
        let due: Vec<Notice> = self
            .reached()
            .filter(|notice| !self.told.contains(notice))
            .collect();
        self.told.extend(&due);
        due
    }

    /// A request was refused; says whether that is to be told.
    pub fn refused(&mut self) -> bool {
        let is_news = !self.told.contains(&Notice::Refused);
        if is_news {
            self.told.push(Notice::Refused);
        }
        is_news
    }

    /// Takes what is reached by now as told.
    pub fn pass_over(&mut self) {
        drop(self.notices());
    }

    fn reached(&self) -> impl Iterator<Item = Notice> {
        let spent = u128::from(self.spent.0) * 100;
        let max = self.terms.max.filter(|max| !max.is_zero());
        let shares = self.terms.alert_at.iter().filter(move |percent| {
            max.is_some_and(|max| spent >= u128::from(max.0) * u128::from(**percent))
        });
        let is_soft = self.terms.soft.is_some_and(|soft| self.spent >= soft);
        shares
            .map(|percent| Notice::Share(*percent))
            .chain(is_soft.then_some(Notice::Soft))
    }

    /// Its terms.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Spent in this period.
    #[must_use]
    pub const fn spent(&self) -> Money {
        self.spent
    }

    /// Held for requests under way.
    #[must_use]
    pub const fn reserved(&self) -> Money {
        self.reserved
    }

    /// The period it is in.
    #[must_use]
    pub const fn span(&self) -> Option<Span> {
        self.span
    }

    /// What was told in this period.
    #[must_use]
    pub fn told(&self) -> &[Notice] {
        &self.told
    }
}

#[cfg(test)]
mod tests;
