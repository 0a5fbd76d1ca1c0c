//! The engine's loop: fill free slots, evaluate one batch for all of them, choose their next tokens.

use std::{num::NonZeroU32, sync::atomic::Ordering, time::Duration};

use llama_cpp_2::{
    context::{LlamaContext, params::LlamaContextParams},
    llama_batch::LlamaBatch,
    token::LlamaToken,
};
use tokio::{sync::mpsc, time::Instant};

use super::{Error, Failure, Order, Shared, Size, slot::Slot};
use crate::model::Model;

/// Most tokens of one evaluation; also what the context reserves working memory for.
const MAX_BATCH: usize = 512;
/// Prompt tokens of the first evaluation, before the speed is known.
const FIRST_BATCH: usize = 64;
/// Fewest prompt tokens an evaluation must have to tell the speed, and fewest that are asked for.
const MEASURABLE: usize = 32;
/// How long an evaluation should take: other answers, cancelling and stopping wait for it.
const ROUND: Duration = Duration::from_millis(400);
/// A slot whose tokens another conversation can reuse at least this much of is taken over.
const WORTH_SHARING: usize = 2;

type Ready = std::sync::mpsc::SyncSender<Result<(), Error>>;

/// Runs until the handle is gone or told to stop.
pub(super) fn run(
    model: &Model,
    size: Size,
    inbox: mpsc::Receiver<Order>,
    shared: &Shared,
    ready: &Ready,
) {
    let (crew, outcome) = match Crew::new(model, size) {
        Ok(crew) => (Some(crew), Ok(())),
        Err(error) => (None, Err(error)),
    };
    let heard = ready.send(outcome).is_ok();
    if let Some(mut crew) = crew.filter(|_| heard) {
        crew.work(inbox, shared);
    }
}

struct Crew<'m> {
    model: &'m Model,
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    slots: Vec<Slot<'m>>,
    clock: u64,
    /// Prompt tokens one evaluation may have to stay within [`ROUND`].
    chunk: usize,
}

/// Which slot waits for which output of an evaluation.
type Outputs = Vec<(usize, i32)>;

impl<'m> Crew<'m> {
    fn new(model: &'m Model, size: Size) -> Result<Self, Error> {
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(size.context.saturating_mul(size.slots)))
            .with_n_seq_max(size.slots)
            .with_kv_unified(false)
            .with_n_batch(512)
            .with_n_ubatch(512)
            .with_n_threads(size.threads)
            .with_n_threads_batch(size.threads)
            .with_no_perf(true);
        let context = model
            .weights
            .new_context(&model.backend, params)
            .map_err(|source| Error::Memory {
                slots: size.slots,
                context: size.context,
                source,
            })?;
        let slots = (0..i32::try_from(size.slots).unwrap_or(1))
            .map(Slot::new)
            .collect();
        let batch = LlamaBatch::new(MAX_BATCH, 1);
        Ok(Self {
            model,
            context,
            batch,
            slots,
            clock: 0,
            chunk: FIRST_BATCH,
        })
    }

    fn work(&mut self, mut inbox: mpsc::Receiver<Order>, shared: &Shared) {
        loop {
            let idle = self.slots.iter().all(|slot| slot.work.is_none());
            shared.busy.store(
                self.slots.iter().filter(|slot| slot.work.is_some()).count(),
                Ordering::Relaxed,
            );
            if idle {
                match inbox.blocking_recv() {
                    Some(order) => self.seat(order),
                    None => return,
                }
            }
            while self.slots.iter().any(|slot| slot.work.is_none()) {
                match inbox.try_recv() {
                    Ok(order) => self.seat(order),
                    Err(_) => break,
                }
            }
            shared.busy.store(
                self.slots.iter().filter(|slot| slot.work.is_some()).count(),
                Ordering::Relaxed,
            );
            if shared.stopping.load(Ordering::Relaxed) {
                self.slots
                    .iter_mut()
                    .for_each(|slot| slot.fail(Failure::Stopping));
                return;
            }
            self.slots.iter_mut().for_each(Slot::drop_if_abandoned);
            self.round();
        }
    }

    /// Gives an order to the free slot that has the most of it already.
    fn seat(&mut self, order: Order) {
        if order.events.is_closed() {
            return;
        }
        let Some(index) = self.best_slot(&order) else {
            return;
        };
        self.clock += 1;
        let slot = &mut self.slots[index];
        slot.used = self.clock;
        let mut keep = slot.shared_prefix(&order.job.prompt);
        let from = u32::try_from(keep).ok();
        let seq = u32::try_from(slot.id).ok();
        if !matches!(self.context.clear_kv_cache_seq(seq, from, None), Ok(true)) {
            // Models with a running state can't forget only the end.
            drop(self.context.clear_kv_cache_seq(seq, None, None));
            keep = 0;
        }
        slot.tokens.truncate(keep);
        slot.begin(self.model, order, keep);
    }

    fn best_slot(&self, order: &Order) -> Option<usize> {
        let free = || {
            self.slots
                .iter()
                .enumerate()
                .filter(|(_, slot)| slot.work.is_none())
        };
        let own = |slot: &Slot<'_>| slot.session.is_some() && slot.session == order.job.session;
        let prefix = |slot: &Slot<'_>| slot.shared_prefix(&order.job.prompt);
        let mine = free().find(|(_, slot)| own(slot));
        let alike = || {
            free()
                .filter(|(_, slot)| slot.session.is_none() || order.job.session.is_none())
                .filter(|(_, slot)| {
                    !slot.tokens.is_empty() && prefix(slot) * WORTH_SHARING >= slot.tokens.len()
                })
                .max_by_key(|(_, slot)| prefix(slot))
        };
        let oldest = || free().min_by_key(|(_, slot)| slot.used);
        mine.or_else(alike).or_else(oldest).map(|(index, _)| index)
    }

    /// Evaluates one batch and moves every answer in it one step on.
    fn round(&mut self) {
        self.batch.clear();
        let Some((outputs, prompt_tokens)) = self.fill() else {
            self.fail_all();
            return;
        };
        if self.batch.n_tokens() == 0 {
            return;
        }
        let started = Instant::now();
        if let Err(error) = self.context.decode(&mut self.batch) {
            tracing::error!(%error, "evaluation failed");
            self.fail_all();
            return;
        }
        if prompt_tokens >= MEASURABLE {
            self.pace(started.elapsed());
        }
        for (index, output) in outputs {
            let slot = &mut self.slots[index];
            let Some(work) = &mut slot.work else { continue };
            match work.picker.pick(&self.context, output) {
                Ok(token) => slot.advance(token, self.model),
                Err(failure) => slot.fail(failure),
            }
        }
    }

    /// Puts the next tokens of every slot into the batch; answers first, then prompts in turn.
    fn fill(&mut self) -> Option<(Outputs, usize)> {
        let mut outputs = Outputs::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some(token) = slot.work.as_mut().and_then(|work| work.next.take()) else {
                continue;
            };
            outputs.push((index, self.batch.n_tokens()));
            add(&mut self.batch, slot, &[token], true)?;
        }
        let answers = outputs.len();
        let mut left = self.chunk.min(MAX_BATCH.saturating_sub(answers));
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let pending = slot.pending();
            let tokens: Vec<_> = pending.iter().take(left).copied().collect();
            if tokens.is_empty() {
                continue;
            }
            let complete = tokens.len() == pending.len();
            left -= tokens.len();
            add(&mut self.batch, slot, &tokens, complete)?;
            if complete {
                outputs.push((index, self.batch.n_tokens() - 1));
            }
        }
        let prompt_tokens = usize::try_from(self.batch.n_tokens())
            .ok()?
            .saturating_sub(answers);
        Some((outputs, prompt_tokens))
    }

    /// Adapts the size of the next evaluations to how long this one took.
    fn pace(&mut self, took: Duration) {
        let tokens = usize::try_from(self.batch.n_tokens()).unwrap_or(1);
        let per_token = took.as_secs_f64() / tokens as f64;
        let wanted = (ROUND.as_secs_f64() / per_token.max(1e-6)) as usize;
        self.chunk = wanted.clamp(MEASURABLE, MAX_BATCH);
    }

    /// After a failed evaluation nothing in the context can be relied on.
    fn fail_all(&mut self) {
        for slot in &mut self.slots {
            slot.fail(Failure::Decode);
            slot.tokens.clear();
            slot.session = None;
        }
        self.context.clear_kv_cache();
    }
}

/// Adds a slot's next tokens at the places that follow what it holds.
fn add(
    batch: &mut LlamaBatch<'_>,
    slot: &mut Slot<'_>,
    tokens: &[LlamaToken],
    output: bool,
) -> Option<()> {
    for (i, token) in tokens.iter().enumerate() {
        let position = i32::try_from(slot.tokens.len()).ok()?;
        let wanted = output && i + 1 == tokens.len();
        batch.add(*token, position, &[slot.id], wanted).ok()?;
        slot.tokens.push(*token);
    }
    Some(())
}
