//! The engine: one thread that owns the model's context and answers several conversations at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

use llama_cpp_2::token::LlamaToken;
use tokio::sync::mpsc;

use crate::{chat::Sampling, model::Model};

mod crew;
mod picker;
mod slot;
mod text;

pub use picker::check_grammar;

/// Jobs that may wait for a slot: fewer than there may be connections, so that a client that meets a
/// full queue is told to come back instead of waiting unseen.
const QUEUE: usize = 32;

/// What holds the answer's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Nothing.
    Free,
    /// The answer must not begin like a tool call.
    NoCall,
    /// This grammar, from the first token on.
    Always(String),
    /// This grammar, once the answer begins like a tool call.
    OnceCalled(String),
}

/// An answer to be made.
#[derive(Debug)]
pub struct Job {
    /// The prompt; not empty.
    pub prompt: Vec<LlamaToken>,
    /// The conversation it belongs to.
    pub session: Option<String>,
    /// Most tokens of the answer.
    pub max_tokens: usize,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Seed of the choice.
    pub seed: u32,
    /// What holds the answer's shape.
    pub shape: Shape,
    /// Texts that end the answer.
    pub stops: Vec<String>,
}

/// What comes back from a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// More text, whole characters only.
    Text(String),
    /// The answer is complete.
    Done(Done),
    /// The answer failed.
    Failed(Failure),
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model was done, or a stop text came.
    Stop,
    /// The token limit was reached.
    Length,
}

/// The end of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Prompt tokens that did not have to be computed again.
    pub cached_tokens: usize,
    /// Tokens of the answer.
    pub completion_tokens: usize,
}

/// Why an answer could not be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The engine could not evaluate the tokens.
    #[error("the model failed to evaluate the conversation")]
    Decode,
    /// No token fits the grammar.
    #[error("the model found no way to continue in the requested shape")]
    DeadEnd,
    /// The grammar was refused.
    #[error("the requested shape can't be followed")]
    Grammar,
    /// The daemon is going away.
    #[error("the daemon is stopping")]
    Stopping,
}

/// Why a job was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The queue is full.
    #[error("too many requests are waiting")]
    Full,
    /// The engine is gone.
    #[error("the engine has stopped")]
    Stopped,
}

/// Why the engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The context does not fit.
    #[error("no memory for {slots} conversations of {context} tokens")]
    Memory {
        /// Conversations.
        slots: u32,
        /// Tokens of each.
        context: u32,
        /// What the engine said.
        source: llama_cpp_2::LlamaContextLoadError,
    },
    /// The system gave no thread.
    #[error("the engine's thread can't be started")]
    Thread(#[source] std::io::Error),
    /// The thread ended before it was ready.
    #[error("the engine ended while it started")]
    Vanished,
}

/// How large the engine is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Tokens of one conversation.
    pub context: u32,
    /// Conversations at the same time.
    pub slots: u32,
    /// Threads that compute.
    pub threads: i32,
}

struct Order {
    job: Job,
    events: mpsc::Sender<Event>,
}

/// The handle to the engine's thread.
#[derive(Debug)]
pub struct Engine {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    size: Size,
}

/// What the thread and its handle both see.
#[derive(Debug, Default)]
struct Shared {
    busy: AtomicUsize,
    stopping: AtomicBool,
}

impl Engine {
    /// Starts the thread and waits until its context exists.
    ///
    /// # Errors
    ///
    /// When there is no memory or no thread for it.
    pub fn start(model: Arc<Model>, size: Size) -> Result<(Self, JoinHandle<()>), Error> {
        let (orders, inbox) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared::default());
        let (ready, started) = std::sync::mpsc::sync_channel(1);
        let theirs = Arc::clone(&shared);
        let body = move || crew::run(&model, size, inbox, &theirs, &ready);
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(body)
            .map_err(Error::Thread)?;
        started.recv().unwrap_or(Err(Error::Vanished))?;
        Ok((
            Self {
                orders,
                shared,
                size,
            },
            thread,
        ))
    }

    /// Hands over a job; dropping the receiver cancels it.
    ///
    /// # Errors
    ///
    /// When the queue is full or the engine has stopped.
    pub fn submit(&self, job: Job) -> Result<mpsc::Receiver<Event>, Refused> {
        // Room for every event the job can ever cause, so a slow reader never holds up the engine.
        let (events, receiver) = mpsc::channel(job.max_tokens + 2);
        self.orders
            .try_send(Order { job, events })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Refused::Full,
                mpsc::error::TrySendError::Closed(_) => Refused::Stopped,
            })?;
        Ok(receiver)
    }

    /// How large it was made.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Answers being made or waiting.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.shared.busy.load(Ordering::Relaxed)
            + (self.orders.max_capacity() - self.orders.capacity())
    }

    /// Ends all answers; the thread ends within one evaluation after the handle is dropped.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }
}
