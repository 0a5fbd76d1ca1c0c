//! What one ask costs: admitted once, charged for every attempt that was worth money, and settled however it ends.

use std::sync::Arc;

use openclaw_accounts::{self as accounts, Accounts, Denied, Outcome, OutputLimit, Ticket};
use openclaw_types::{Money, Price, Usage};
use tokio::time::Instant;

use super::{Ask, Gauges, Meter, weight::Weight};
use crate::routing::{Deployment, Plan};

/// A client that left before the end has no status of its own; servers commonly note this one.
const STATUS_LEFT: u16 = 499;
/// Bytes of text that are taken for one token where nobody counted.
const BYTES_PER_TOKEN: u64 = 4;

/// What one ask costs.
#[derive(Debug)]
pub(crate) struct Bill {
    ticket: Option<Ticket>,
    meter: Meter,
    began: Instant,
    input_tokens: u64,
    output_tokens: u64,
    asked: Option<Arc<Deployment>>,
    seen: Seen,
    is_charged: bool,
    is_free: bool,
    is_over: bool,
}

/// What came of an answer before anybody counted its tokens.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    pieces: u64,
    bytes: u64,
    /// The shortest piece is hardly more than its wrapping.
    least: u64,
    usage: Option<Usage>,
}

impl Bill {
    /// Asks the accounts, where there are any.
    ///
    /// # Errors
    /// When the caller may not ask this, or not now.
    pub(crate) fn admit(
        accounts: Option<&Accounts>,
        ask: &Ask,
        weight: &Weight,
        plan: &Plan,
    ) -> Result<Self, Denied> {
        let output = match weight.output_limit {
            Some(limit) => OutputLimit::Stated(limit),
            None => OutputLimit::Default(usual_output(plan)),
        };
        let asked = accounts::Ask {
            agent: ask.agent.as_ref(),
            price: dearest(plan, weight.input_tokens, output.tokens()),
            input_tokens: weight.input_tokens,
            output,
            user: ask.user.as_deref(),
            tags: &ask.controls.tags,
            request_id: ask.request_id.as_deref(),
            ..accounts::Ask::new(&ask.caller, &ask.reference)
        };
        let ticket = accounts
            .map(|accounts| accounts.admit(&asked))
            .transpose()?;
        Ok(Self {
            ticket,
            meter: Meter::default(),
            began: Instant::now(),
            input_tokens: weight.input_tokens,
            output_tokens: output.tokens(),
            asked: None,
            seen: Seen::default(),
            is_charged: false,
            is_free: false,
            is_over: false,
        })
    }

    /// For what is counted elsewhere.
    pub(crate) fn unkept() -> Self {
        Self {
            ticket: None,
            meter: Meter::default(),
            began: Instant::now(),
            input_tokens: 0,
            output_tokens: 0,
            asked: None,
            seen: Seen::default(),
            is_charged: false,
            is_free: false,
            is_over: false,
        }
    }

    /// Whether a hard stop applies, so that only candidates with a known price may be tried.
    pub(crate) fn is_budgeted(&self) -> bool {
        self.ticket.as_ref().is_some_and(Ticket::is_budgeted)
    }

    /// The limit on output tokens that the request must be given, because no more is affordable.
    pub(crate) fn output_tokens_max(&self) -> Option<u64> {
        self.ticket.as_ref().and_then(Ticket::output_tokens_max)
    }

    pub(crate) fn gauges(&self) -> Gauges {
        let ticket = self.ticket.as_ref();
        Gauges {
            requests: ticket.and_then(Ticket::requests),
            tokens: ticket.and_then(Ticket::tokens),
        }
    }

    /// Nobody was asked, and an answer is there all the same.
    pub(crate) fn settle_free(&mut self) {
        self.is_free = true;
        self.settle(Some(Usage::default()), 200, true);
    }

    pub(crate) fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// A candidate is about to be asked: from here on it may cost something.
    ///
    /// # Errors
    /// When an earlier attempt has used up what the caller may spend.
    pub(crate) fn sending(&mut self, deployment: &Arc<Deployment>) -> Result<(), Denied> {
        if let Some(ticket) = &mut self.ticket {
            if self.is_charged {
                let most = |price: Price| price.most(self.input_tokens, self.output_tokens);
                ticket.hold_again(deployment.price.map(most).unwrap_or_default())?;
            }
            ticket.begin();
        }
        self.asked = Some(Arc::clone(deployment));
        self.seen = Seen::default();
        Ok(())
    }

    /// A server was waited for from here to now.
    pub(crate) fn waited(&self, since: Instant) {
        self.meter.lock().upstream_ms += ms(since);
    }

    /// A piece of content came.
    pub(crate) fn content(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        let seen = &mut self.seen;
        seen.least = if seen.pieces == 0 {
            bytes
        } else {
            seen.least.min(bytes)
        };
        seen.pieces += 1;
        seen.bytes += bytes;
        if seen.pieces == 1 {
            let first = ms(self.began);
            self.meter.lock().first_ms.get_or_insert(first);
        }
    }

    /// A piece of plain text came.
    pub(crate) fn text(&mut self, bytes: usize) {
        self.content(bytes);
        self.seen.least = 0;
    }

    /// Bytes of an answer in one piece came.
    pub(crate) const fn body(&mut self, bytes: usize) {
        if bytes > 0 {
            self.seen.pieces = 1;
            self.seen.bytes = bytes as u64;
        }
    }

    /// What came was no answer.
    pub(crate) fn nothing(&mut self) {
        self.seen = Seen::default();
    }

    /// The server has said what was used so far.
    pub(crate) const fn used(&mut self, usage: Option<Usage>) {
        if usage.is_some() {
            self.seen.usage = usage;
        }
    }

    /// The attempt failed, and another may follow.
    pub(crate) fn failed(&mut self, status: u16) {
        let usage = self.seen.usage.or_else(|| self.estimate());
        self.nothing();
        let (Some(deployment), Some(usage)) = (self.asked.take(), usage) else {
            return;
        };
        if let Some(ticket) = &mut self.ticket {
            let settled = ticket.charge(&Outcome {
                usage: Some(usage),
                cost: deployment.price.map(|price| price.cost(&usage)),
                status,
                ms: ms(self.began),
                ..outcome(&deployment)
            });
            self.is_charged = true;
            let mut spent = self.meter.lock();
            if let Some(cost) = settled.cost {
                spent.cost = Some(spent.cost.unwrap_or_default().saturating_add(cost));
            }
        }
    }

    /// The ask is over.
    pub(crate) fn settle(&mut self, usage: Option<Usage>, status: u16, is_whole: bool) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let told = usage.or(self.seen.usage);
        let usage = told.or_else(|| self.estimate());
        let asked = self.asked.take();
        let price = asked.as_ref().and_then(|asked| asked.price);
        let cost = usage.and_then(|usage| Some(price?.cost(&usage)));
        let cost = self.is_free.then_some(Money::ZERO).or(cost);
        let took = ms(self.began);
        let first_ms = self.meter.read().first_ms;
        let settled = self.ticket.take().map(|ticket| {
            let outcome = Outcome {
                usage,
                cost,
                status,
                ms: took,
                first_ms,
                ..asked.as_deref().map(outcome).unwrap_or_default()
            };
            ticket.settle(&outcome)
        });
        let mut spent = self.meter.lock();
        let charged = settled.map_or(cost, |settled| settled.cost);
        spent.cost = match (spent.cost, charged) {
            (Some(before), Some(last)) => Some(before.saturating_add(last)),
            (before, last) => before.or(last),
        };
        spent.output_cost = usage
            .zip(price)
            .filter(|_| !self.is_free)
            .map(|(usage, price)| price.output_cost(&usage));
        spent.usage = usage;
        spent.is_estimate = told.is_none() || settled.is_some_and(|settled| settled.is_estimate);
        spent.key_spend = settled.and_then(|settled| settled.key_spend);
        spent.ms = took;
        spent.is_over = true;
        spent.is_whole = is_whole;
    }

    /// What was probably used, by the bytes that came; nothing where none did.
    fn estimate(&self) -> Option<Usage> {
        let seen = &self.seen;
        if seen.pieces == 0 {
            return None;
        }
        let text = seen.bytes.saturating_sub(seen.least * seen.pieces);
        Some(Usage {
            input_tokens: self.input_tokens,
            // A piece is a token at least.
            output_tokens: seen.pieces.max(text / BYTES_PER_TOKEN),
            ..Usage::default()
        })
    }
}

/// Nobody wants the answer any more.
impl Drop for Bill {
    fn drop(&mut self) {
        if self.asked.is_some() {
            self.settle(None, STATUS_LEFT, false);
        }
    }
}

fn ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn outcome(deployment: &Deployment) -> Outcome<'_> {
    Outcome {
        provider: deployment.provider(),
        model: &deployment.model,
        deployment: &deployment.id,
        ..Outcome::default()
    }
}

/// The price of the candidate that may cost most, of those whose price is known.
fn dearest(plan: &Plan, input_tokens: u64, output_tokens: u64) -> Option<Price> {
    let prices = plan.deployments().filter_map(|deployment| deployment.price);
    prices.max_by_key(|price| price.most(input_tokens, output_tokens))
}

/// How much a model writes that was not told when to stop: as much as it can, as far as that is known.
fn usual_output(plan: &Plan) -> u64 {
    let known = plan.deployments().map(|deployment| deployment.max_output);
    let most = known.max().unwrap_or(0);
    if most == 0 {
        crate::limits::OUTPUT_TOKENS_USUAL
    } else {
        u64::from(most)
    }
}
