//! Chooses the next token: by probability, within the grammar where there is one.
//!
//! The samplers are applied one by one instead of through the engine's combined call, because that call
//! lets errors of the grammar escape as native exceptions, which would end the process.

use std::collections::VecDeque;

use llama_cpp_2::{
    context::LlamaContext,
    sampling::LlamaSampler,
    token::{LlamaToken, data::LlamaTokenData, data_array::LlamaTokenDataArray},
};

use super::{Failure, Job, Shape};
use crate::{model::Model, tool_call::OPEN_TAG};

/// Tokens over which a repetition is held back.
const REPEAT_WINDOW: usize = 128;
/// The rule every grammar begins with.
const ROOT: &str = "root";

/// Whether the engine accepts a grammar.
#[must_use]
pub fn check_grammar(model: &Model, grammar: &str) -> bool {
    LlamaSampler::grammar(&model.weights, grammar, ROOT).is_ok()
}

/// The samplers of one answer.
#[derive(Debug)]
pub(super) struct Picker<'m> {
    model: &'m Model,
    chain: LlamaSampler,
    grammar: Option<LlamaSampler>,
    opening: Opening,
    repeat_penalty: f32,
    recent: VecDeque<LlamaToken>,
}

/// What the beginning of the answer still decides.
#[derive(Debug)]
enum Opening {
    /// Nothing.
    Settled,
    /// A call may not be opened until there is text.
    NoCall,
    /// If a call is opened, this grammar holds it; the tokens so far are kept for it.
    Lazy {
        grammar: String,
        tokens: Vec<LlamaToken>,
        text: Vec<u8>,
    },
}

impl<'m> Picker<'m> {
    pub(super) fn new(model: &'m Model, job: &Job) -> Result<Self, Failure> {
        let make = |text: &str| LlamaSampler::grammar(&model.weights, text, ROOT);
        let (grammar, opening) = match &job.shape {
            Shape::Free => (None, Opening::Settled),
            Shape::NoCall => (None, Opening::NoCall),
            Shape::Always(text) => {
                let grammar = make(text).map_err(|error| {
                    tracing::warn!(%error, "grammar refused");
                    Failure::Grammar
                })?;
                (Some(grammar), Opening::Settled)
            }
            Shape::OnceCalled(text) => (
                None,
                Opening::Lazy {
                    grammar: text.clone(),
                    tokens: Vec::new(),
                    text: Vec::new(),
                },
            ),
        };
        Ok(Self {
            model,
            chain: chain(job),
            grammar,
            opening,
            repeat_penalty: job.sampling.repeat_penalty,
            recent: VecDeque::with_capacity(REPEAT_WINDOW),
        })
    }

    /// Chooses the token after output `index` of the last evaluation.
    pub(super) fn pick(
        &mut self,
        context: &LlamaContext<'_>,
        index: i32,
    ) -> Result<LlamaToken, Failure> {
        let mut candidates = self.candidates(context, index);
        self.chain.apply(&mut candidates);
        let mut token = candidates.selected_token().ok_or(Failure::DeadEnd)?;
        if let Some(grammar) = &mut self.grammar {
            // Nearly always the choice fits; asking about one token is far cheaper than about all.
            if !fits(grammar, token) {
                let mut candidates = self.model_candidates(context, index);
                candidates = self.only_fitting(candidates)?;
                self.chain.apply(&mut candidates);
                token = candidates.selected_token().ok_or(Failure::DeadEnd)?;
            }
            self.accept_in_grammar(token)?;
        }
        if self.chain.try_accept(token).is_err() {
            return Err(Failure::Decode);
        }
        self.remember(token);
        self.watch_opening(token);
        Ok(token)
    }

    fn model_candidates(&self, context: &LlamaContext<'_>, index: i32) -> LlamaTokenDataArray {
        let mut candidates = context.token_data_array_ith(index);
        for token in &self.model.banned {
            revalue(&mut candidates, *token, |_| f32::NEG_INFINITY);
        }
        // Done here rather than by the native sampler, which looks up every token of the vocabulary.
        let penalty = self.repeat_penalty;
        let held_back = |logit: f32| {
            if logit > 0.0 {
                logit / penalty
            } else {
                logit * penalty
            }
        };
        for (i, token) in self.recent.iter().enumerate() {
            if !self.recent.range(..i).any(|earlier| earlier == token) {
                revalue(&mut candidates, *token, held_back);
            }
        }
        candidates
    }

    fn remember(&mut self, token: LlamaToken) {
        if self.recent.len() == REPEAT_WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(token);
    }

    fn candidates(&self, context: &LlamaContext<'_>, index: i32) -> LlamaTokenDataArray {
        let mut candidates = self.model_candidates(context, index);
        if matches!(self.opening, Opening::NoCall) {
            candidates.data.retain(|c| !opens_call(&self.piece(c.id())));
        }
        candidates
    }

    fn only_fitting(
        &mut self,
        mut candidates: LlamaTokenDataArray,
    ) -> Result<LlamaTokenDataArray, Failure> {
        if let Some(grammar) = &mut self.grammar {
            grammar.apply(&mut candidates);
        }
        candidates.data.retain(|c| c.logit().is_finite());
        if candidates.data.is_empty() {
            Err(Failure::DeadEnd)
        } else {
            Ok(candidates)
        }
    }

    fn accept_in_grammar(&mut self, token: LlamaToken) -> Result<(), Failure> {
        match &mut self.grammar {
            Some(grammar) => grammar.try_accept(token).map_err(|error| {
                tracing::warn!(%error, "a token the grammar allowed was refused");
                Failure::DeadEnd
            }),
            None => Ok(()),
        }
    }

    fn piece(&self, token: LlamaToken) -> Vec<u8> {
        self.model
            .weights
            .vocab()
            .token_to_piece(token, false, None)
    }

    /// Settles the beginning of the answer as soon as its first visible character is there.
    fn watch_opening(&mut self, token: LlamaToken) {
        let piece = self.piece(token);
        match &mut self.opening {
            Opening::Settled => {}
            Opening::NoCall => {
                if !piece.trim_ascii().is_empty() {
                    self.opening = Opening::Settled;
                }
            }
            Opening::Lazy {
                grammar,
                tokens,
                text,
            } => {
                tokens.push(token);
                text.extend_from_slice(&piece);
                let begun = text.trim_ascii_start();
                if opens_call(begun) {
                    self.grammar = replayed(self.model, grammar, tokens);
                    self.opening = Opening::Settled;
                } else if !OPEN_TAG.as_bytes().starts_with(begun) {
                    self.opening = Opening::Settled;
                }
            }
        }
    }
}

/// Whether text that starts like this is a call.
fn opens_call(text: &[u8]) -> bool {
    let begun = text.trim_ascii_start();
    begun.starts_with(b"{") || begun.starts_with(OPEN_TAG.as_bytes())
}

/// The grammar after the tokens that were already chosen, if they fit it.
fn replayed(model: &Model, grammar: &str, tokens: &[LlamaToken]) -> Option<LlamaSampler> {
    let mut sampler = LlamaSampler::grammar(&model.weights, grammar, ROOT).ok()?;
    for token in tokens {
        if !fits(&mut sampler, *token) || sampler.try_accept(*token).is_err() {
            return None;
        }
    }
    Some(sampler)
}

fn fits(grammar: &mut LlamaSampler, token: LlamaToken) -> bool {
    let mut one = LlamaTokenDataArray::new(vec![LlamaTokenData::new(token, 1.0, 0.0)], false);
    grammar.apply(&mut one);
    one.data.first().is_some_and(|c| c.logit().is_finite())
}

/// Changes the logit of one token.
fn revalue(candidates: &mut LlamaTokenDataArray, token: LlamaToken, change: impl Fn(f32) -> f32) {
    // The array is still in vocabulary order here, so a token's number is its place.
    let slot = usize::try_from(token.0)
        .ok()
        .and_then(|i| candidates.data.get_mut(i));
    if let Some(slot) = slot {
        *slot = LlamaTokenData::new(token, change(slot.logit()), 0.0);
    }
}

fn chain(job: &Job) -> LlamaSampler {
    let s = &job.sampling;
    let mut parts = Vec::new();
    if s.temperature <= 0.0 {
        parts.push(LlamaSampler::greedy());
    } else {
        parts.extend([
            LlamaSampler::top_k(s.top_k),
            LlamaSampler::top_p(s.top_p, 1),
            LlamaSampler::min_p(s.min_p, 1),
            LlamaSampler::temp(s.temperature),
            LlamaSampler::dist(job.seed),
        ]);
    }
    LlamaSampler::chain(parts, true)
}
