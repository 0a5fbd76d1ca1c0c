//! One server with every provider's dialect and every fault, addressed by path: `/m/<mode>[,key=value...]/v1/...`.
//!
//! The mode says what happens (see [`fault`]), the path after it which dialect it happens in, and the keys adjust it:
//! `l` labels the text, `g` only tells counters apart, `t` waits so many milliseconds first, `n` is a size or a number,
//! and `p` a number of tool calls. What was asked is counted by everything between the slashes.

mod captured;
mod dialect;
mod events;
mod fault;
mod refusal;
mod spec;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

pub use self::{dialect::Dialect, spec::Spec};
use crate::scripted_model::{Asked, Model, Script, Step};

/// A running backend.
#[derive(Debug)]
pub struct Backend {
    /// Where it listens.
    pub address: SocketAddr,
    model: Model,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    hits: Mutex<BTreeMap<String, u64>>,
    last: Mutex<Option<Asked>>,
}

impl Backend {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    /// Starts one at an address.
    pub async fn start_at(address: &str) -> Self {
        let seen = Arc::new(Seen::default());
        let answering = Arc::clone(&seen);
        let model = Model::start_at(address, move |asked| answering.answer(asked)).await;
        Self {
            address: model.address,
            model,
            seen,
        }
    }

    /// The base URL of a mode, without `/v1`.
    #[must_use]
    pub fn base(&self, mode: &str) -> String {
        format!("http://{}/m/{mode}", self.address)
    }

    /// How often a mode was asked.
    #[must_use]
    pub fn hits(&self, mode: &str) -> u64 {
        lock(&self.seen.hits).get(mode).copied().unwrap_or_default()
    }

    /// How often each mode was asked.
    #[must_use]
    pub fn all_hits(&self) -> BTreeMap<String, u64> {
        lock(&self.seen.hits).clone()
    }

    /// The last request.
    #[must_use]
    pub fn last(&self) -> Option<Asked> {
        lock(&self.seen.last).clone()
    }

    /// Everything asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.model.asked()
    }

    /// Forgets what was asked and counted.
    pub fn forget(&self) {
        self.model.forget();
        self.seen.forget();
    }

    /// Waits until so many clients left before their answer ended.
    pub async fn left_times(&self, times: usize) {
        self.model.left_times(times).await;
    }
}

fn lock<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seen {
    fn answer(&self, asked: &Asked) -> Script {
        let (_, target) = asked.target();
        match target {
            "/hits" => return said(&json!(*lock(&self.hits))),
            "/last" => return said(&self.last_as_json()),
            "/forget" => {
                self.forget();
                return said(&Value::Null);
            }
            _ => {}
        }
        let Some((mode, path)) = target
            .strip_prefix("/m/")
            .and_then(|rest| rest.split_once('/'))
        else {
            return fault::nothing_here(target);
        };
        *lock(&self.hits).entry(mode.to_owned()).or_default() += 1;
        *lock(&self.last) = Some(asked.clone());
        fault::script(&Spec::read(mode), path, asked)
    }

    fn last_as_json(&self) -> Value {
        lock(&self.last).as_ref().map_or(
            Value::Null,
            |last| json!({"head": last.head, "body": last.json}),
        )
    }

    fn forget(&self) {
        lock(&self.hits).clear();
        *lock(&self.last) = None;
    }
}

fn said(value: &Value) -> Script {
    vec![Step::Whole(
        200,
        vec![("content-type", "application/json".to_owned())],
        value.to_string().into_bytes(),
    )]
}
