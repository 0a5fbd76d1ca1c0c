//! A ticket: the right to make one call, and the duty to say what came of it.

use std::sync::Arc;

use openclaw_types::{Money, Timestamp};

use crate::{
    accounts::Inner,
    ask::{Ask, Gauge, Outcome, Settled},
    book::Grant,
    denied::Denied,
    ledger::{Kind, Line, TAGS_MAX, shortened},
};

/// The right to make one call.
///
/// Whatever happens, it ends in one of three ways. [`Ticket::settle`] exchanges what is held for what the call
/// cost. Dropped before [`Ticket::begin`], it gives everything back. Dropped after it, the call may have cost
/// anything up to what is held, so all of that is spent.
#[derive(Debug)]
pub struct Ticket {
    inner: Arc<Inner>,
    grant: Grant,
    id: u64,
    group: String,
    user: String,
    request_id: String,
    tags: Vec<String>,
    /// Whether the ledger says that something is held.
    is_written: bool,
    has_begun: bool,
    is_done: bool,
}

impl Ticket {
    pub(crate) fn new(inner: Arc<Inner>, grant: Grant, id: u64, ask: &Ask<'_>) -> Self {
        let text = |text: Option<&str>| shortened(text.unwrap_or_default()).to_owned();
        let tags = ask.tags.iter().take(TAGS_MAX);
        Self {
            inner,
            grant,
            id,
            group: shortened(ask.model).to_owned(),
            user: text(ask.user),
            request_id: text(ask.request_id),
            tags: tags.map(|tag| shortened(tag).to_owned()).collect(),
            is_written: false,
            has_begun: false,
            is_done: false,
        }
    }

    /// The limit on output tokens the call must be given, because no more is affordable; absent when the limit
    /// it came with may stay.
    #[must_use]
    pub const fn output_tokens_max(&self) -> Option<u64> {
        self.grant.output_max
    }

    /// What is held for the call; nothing when no budget applies.
    #[must_use]
    pub const fn held(&self) -> Money {
        self.grant.held
    }

    /// Whether a hard stop applies, so that only candidates with a known price may be tried.
    #[must_use]
    pub const fn is_budgeted(&self) -> bool {
        self.grant.budget_of.is_some()
    }

    /// What is left of the tightest limit on requests in a minute.
    #[must_use]
    pub const fn requests(&self) -> Option<Gauge> {
        self.grant.requests
    }

    /// What is left of the tightest limit on tokens in a minute.
    #[must_use]
    pub const fn tokens(&self) -> Option<Gauge> {
        self.grant.token_gauge
    }

    /// The call is about to be sent: from here on it may cost something.
    pub const fn begin(&mut self) {
        self.has_begun = true;
    }

    /// Writes down what is held.
    pub(crate) fn write_held(&mut self, kind: Kind, now: Timestamp) -> Result<(), String> {
        let line = Line {
            id: self.id,
            reserved: Some(self.grant.held.0),
            ..self.line(kind, now)
        };
        self.inner.ledger.write_now(&line)?;
        self.is_written = true;
        Ok(())
    }

    /// An attempt failed and cost something all the same; the call goes on with another.
    pub fn charge(&mut self, outcome: &Outcome<'_>) -> Settled {
        let cost = outcome
            .cost
            .or_else(|| outcome.is_success().then_some(self.grant.held));
        let inner = Arc::clone(&self.inner);
        let now = inner.env.now();
        let mut grant = self.grant.clone();
        let line = self.spending(Kind::Charge, now, outcome, cost);
        let key_spend = inner.in_book(|book| {
            book.charge(&mut grant, &line);
            book.key_spend(&grant)
        });
        self.write(&line);
        self.grant = grant;
        Settled {
            cost,
            is_estimate: outcome.cost.is_none() && cost.is_some(),
            key_spend,
        }
    }

    /// Holds the most that another attempt may cost, after an earlier one was charged.
    ///
    /// # Errors
    /// When a budget has not so much left, or spending can't be recorded; what was held stays held.
    pub fn hold_again(&mut self, most: Money) -> Result<(), Denied> {
        let Some(scope) = self.grant.budget_of.clone() else {
            return Ok(());
        };
        let grant = &mut self.grant;
        self.inner.in_book(|book| book.hold_again(grant, most))?;
        let now = self.inner.env.now();
        let kind = if self.is_written {
            Kind::Again
        } else {
            Kind::Reserve
        };
        self.write_held(kind, now)
            .map_err(|reason| Denied::LedgerUnavailable { scope, reason })
    }

    /// The call has ended: what it cost takes the place of what was held.
    pub fn settle(mut self, outcome: &Outcome<'_>) -> Settled {
        self.is_done = true;
        let is_estimate =
            outcome.cost.is_none() && outcome.is_success() && self.grant.budget_of.is_some();
        let cost = if is_estimate {
            Some(self.grant.held)
        } else {
            outcome.cost
        };
        let now = self.inner.env.now();
        let line = Line {
            estimate: is_estimate,
            ..self.spending(Kind::Settle, now, outcome, cost)
        };
        let key_spend = self.inner.in_book(|book| {
            book.settle(&self.grant, &line);
            book.key_spend(&self.grant)
        });
        self.write(&line);
        Settled {
            cost,
            is_estimate,
            key_spend,
        }
    }

    /// Under a budget a line is written before anything else happens. If the disk refuses, what the ledger says
    /// is held counts as spent at the next start, which is never too little.
    fn write(&self, line: &Line<'_>) {
        if self.is_written {
            self.inner.ledger.write_now(line).unwrap_or_default();
        } else {
            self.inner.ledger.write_soon(line);
        }
    }

    fn line(&self, kind: Kind, now: Timestamp) -> Line<'_> {
        let parties = &self.grant.parties;
        Line {
            at: now.as_millis(),
            kind,
            id: if self.is_written { self.id } else { 0 },
            key: parties.key.as_ref().map_or("", |key| key.as_str()).into(),
            team: parties
                .team
                .as_ref()
                .map_or("", |team| team.as_str())
                .into(),
            agent: parties
                .agent
                .as_ref()
                .map_or("", |agent| agent.as_str())
                .into(),
            group: self.group.as_str().into(),
            ..Line::default()
        }
    }

    fn spending<'a>(
        &'a self,
        kind: Kind,
        now: Timestamp,
        outcome: &Outcome<'a>,
        cost: Option<Money>,
    ) -> Line<'a> {
        let mut line = Line {
            user: self.user.as_str().into(),
            request_id: self.request_id.as_str().into(),
            tags: self.tags.clone(),
            provider: shortened(outcome.provider).into(),
            model: shortened(outcome.model).into(),
            deployment: shortened(outcome.deployment).into(),
            cost: cost.map(|cost| cost.0),
            status: outcome.status,
            ms: outcome.ms,
            first_ms: outcome.first_ms,
            ..self.line(kind, now)
        };
        line.set_usage(outcome.usage);
        line
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let now = self.inner.env.now();
        if !self.has_begun {
            self.inner.book().release(&self.grant);
            if self.is_written {
                self.write(&self.line(Kind::Release, now));
            }
            return;
        }
        let cost = self.is_budgeted().then_some(self.grant.held);
        let line = Line {
            estimate: cost.is_some(),
            ..self.spending(Kind::Unsettled, now, &Outcome::default(), cost)
        };
        self.inner.in_book(|book| book.settle(&self.grant, &line));
        self.write(&line);
    }
}
