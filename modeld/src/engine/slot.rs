//! One conversation's place in the context: the tokens it holds and the answer being made there.

use llama_cpp_2::token::LlamaToken;
use tokio::sync::mpsc;

use super::{Done, Event, Failure, Finish, Job, Order, picker::Picker, text::TextStream};
use crate::model::Model;

/// A sequence of the context.
#[derive(Debug)]
pub(super) struct Slot<'m> {
    /// The sequence's number in the context.
    pub(super) id: i32,
    /// The conversation whose tokens are here.
    pub(super) session: Option<String>,
    /// The tokens the context holds for this sequence.
    pub(super) tokens: Vec<LlamaToken>,
    /// When it was last given a job; larger is later.
    pub(super) used: u64,
    /// The answer being made.
    pub(super) work: Option<Work<'m>>,
}

/// An answer being made.
#[derive(Debug)]
pub(super) struct Work<'m> {
    prompt: Vec<LlamaToken>,
    cached: usize,
    /// The chosen token the context does not hold yet.
    pub(super) next: Option<LlamaToken>,
    made: usize,
    max_tokens: usize,
    pub(super) picker: Picker<'m>,
    text: TextStream,
    events: mpsc::Sender<Event>,
}

impl<'m> Slot<'m> {
    pub(super) const fn new(id: i32) -> Self {
        Self {
            id,
            session: None,
            tokens: Vec::new(),
            used: 0,
            work: None,
        }
    }

    /// How many tokens at the front of `prompt` are already here.
    ///
    /// The last prompt token never counts: it must be evaluated for the first token to be chosen.
    pub(super) fn shared_prefix(&self, prompt: &[LlamaToken]) -> usize {
        let same = self
            .tokens
            .iter()
            .zip(prompt)
            .take_while(|(a, b)| a == b)
            .count();
        same.min(prompt.len().saturating_sub(1))
    }

    /// Takes an order whose first `cached` prompt tokens are already here.
    pub(super) fn begin(&mut self, model: &'m Model, order: Order, cached: usize) {
        let Order { job, events } = order;
        match Picker::new(model, &job) {
            Err(failure) => tell(&events, Event::Failed(failure)),
            Ok(picker) => {
                let Job {
                    prompt,
                    session,
                    max_tokens,
                    stops,
                    ..
                } = job;
                self.session = session;
                let text = TextStream::new(stops);
                self.work = Some(Work {
                    prompt,
                    cached,
                    next: None,
                    made: 0,
                    max_tokens,
                    picker,
                    text,
                    events,
                });
            }
        }
    }

    /// Drops the answer if nobody waits for it any more.
    pub(super) fn drop_if_abandoned(&mut self) {
        if self
            .work
            .as_ref()
            .is_some_and(|work| work.events.is_closed())
        {
            self.work = None;
        }
    }

    /// The prompt tokens that are still to be evaluated.
    pub(super) fn pending(&self) -> &[LlamaToken] {
        self.work
            .as_ref()
            .and_then(|work| work.prompt.get(self.tokens.len()..))
            .unwrap_or_default()
    }

    /// Ends the answer with a failure.
    pub(super) fn fail(&mut self, failure: Failure) {
        if let Some(work) = self.work.take() {
            tell(&work.events, Event::Failed(failure));
        }
    }

    /// Takes the token chosen next: sends its text, or ends the answer.
    pub(super) fn advance(&mut self, token: LlamaToken, model: &Model) {
        let Some(work) = &mut self.work else { return };
        let vocab = model.weights.vocab();
        if vocab.is_eog(token) {
            return self.finish(Finish::Stop);
        }
        work.made += 1;
        let piece = work.text.push(&vocab.token_to_piece(token, false, None));
        if !piece.text.is_empty() {
            tell(&work.events, Event::Text(piece.text));
        }
        work.next = Some(token);
        if piece.stopped {
            self.finish(Finish::Stop);
        } else if work.made >= work.max_tokens {
            self.finish(Finish::Length);
        }
    }

    fn finish(&mut self, finish: Finish) {
        let Some(mut work) = self.work.take() else {
            return;
        };
        let rest = work.text.finish();
        if !rest.is_empty() {
            tell(&work.events, Event::Text(rest));
        }
        let done = Done {
            finish,
            prompt_tokens: work.prompt.len(),
            cached_tokens: work.cached,
            completion_tokens: work.made,
        };
        tell(&work.events, Event::Done(done));
    }
}

/// Sends an event to whoever waits; the channel has room for all events of a job.
fn tell(events: &mpsc::Sender<Event>, event: Event) {
    if events.try_send(event).is_err() {
        tracing::debug!("nobody waits for the answer");
    }
}
