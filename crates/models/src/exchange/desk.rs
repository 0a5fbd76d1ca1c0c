//! One ask from the plan to the answer: admitted once, sent to one candidate after the other, settled once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use openclaw_accounts::Accounts;
use openclaw_types::{Env, Usage};

use super::{
    Answer, Ask, Body, By, Failure,
    again::{self, Again},
    attempt::InTheirWords,
    bill::Bill,
    events::Events,
    flight::Flight,
    lines::Lines,
    passing::{Passing, Raw},
    translation::{Begun, Translation},
    turn::Turn,
    weight::Weight,
};
use crate::{
    cache::Cache,
    http::{HeaderMap, Http},
    recording::{Heard, Recorder, Tape},
    routes::Routes,
    routing::{Health, Plan},
};

/// What every exchange works with.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) http: Http,
    pub(crate) lines: Lines,
    pub(crate) accounts: Option<Accounts>,
    /// Answers that may be given again.
    pub(crate) cache: Option<Cache>,
    /// Takes down what is asked and answered.
    pub(crate) recorder: Option<Recorder>,
    pub(crate) health: Arc<Mutex<Health>>,
    pub(crate) env: Arc<dyn Env>,
}

/// What a candidate said.
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
}

/// The answer, as far as it has come when the candidate is kept.
pub(crate) enum Content {
    Whole(Bytes, Option<Usage>),
    Stream(Box<Translation>, Begun),
    Raw(Box<Raw>),
    /// As it was recorded.
    Recorded(Box<Heard>),
}

impl Desk {
    /// A desk at which nobody has been yet.
    pub(crate) fn new(
        http: Http,
        accounts: Option<Accounts>,
        cache: Option<Cache>,
        env: Arc<dyn Env>,
    ) -> Self {
        Self {
            http,
            lines: Lines::default(),
            accounts,
            cache,
            recorder: None,
            health: Arc::default(),
            env,
        }
    }

    /// The answer of the first candidate that begins to.
    ///
    /// # Errors
    /// When the caller may not ask, or nobody answers.
    pub(crate) async fn exchange(
        &self,
        ask: &Ask,
        weight: &Weight,
        mut plan: Plan,
        routes: &Routes,
    ) -> Result<Answer, Failure> {
        let mut bill = Bill::admit(self.accounts.as_ref(), ask, weight, &plan)?;
        let again = Again::of(self.cache.as_ref(), ask);
        if let Some(again) = &again
            && let Some(entry) = again.find().await
        {
            // Nobody is asked, so it costs nothing; it counts as a request all the same.
            let (gauges, meter) = (bill.gauges(), bill.meter());
            bill.settle_free();
            return Ok(again::answer(entry, &ask.reference, gauges, meter));
        }
        if bill.is_budgeted() {
            // The accounts have seen to it that one is left.
            plan.keep_priced();
        }
        let given = ask.controls.timeout_ms.map(Duration::from_millis);
        let turn = self.turn(plan, &ask.reference, given);
        let recorder = self.recorder.as_ref();
        let tape = recorder.map_or_else(Tape::default, |recorder| recorder.of_caller(ask));
        let asking = InTheirWords {
            desk: self,
            ask,
            weight,
            routes,
        };
        match turn.run(&asking, &mut bill, &tape).await {
            Ok((said, by, flight)) => {
                let answer = tape.answer(answer(said, by, flight, bill));
                Ok(match again {
                    Some(again) => again.keep(answer).await,
                    None => answer,
                })
            }
            Err(unanswered) => {
                let failure = Failure::from(unanswered);
                tape.refused(&failure);
                Err(failure)
            }
        }
    }

    /// A turn that begins now; `given` is how long the caller waits.
    pub(crate) fn turn(&self, plan: Plan, reference: &str, given: Option<Duration>) -> Turn {
        let (health, env) = (Arc::clone(&self.health), Arc::clone(&self.env));
        Turn::new(plan, Arc::from(reference), health, env, given)
    }
}

/// What the client gets of what a candidate said.
fn answer(said: Said, by: By, mut flight: Flight, mut bill: Bill) -> Answer {
    let Said {
        status,
        headers,
        content,
    } = said;
    flight.answered();
    let (gauges, meter) = (bill.gauges(), bill.meter());
    let body = match content {
        Content::Whole(body, usage) => {
            flight.ended(usage.as_ref());
            bill.settle(usage, status, true);
            Body::Whole(body)
        }
        Content::Stream(translation, begun) => {
            if let Begun::Finished(usage) = begun {
                flight.ended(usage.as_ref());
                bill.settle(usage, status, true);
            }
            let events = Events {
                translation,
                bill,
                flight,
            };
            Body::Events(events.boxed())
        }
        Content::Recorded(heard) => {
            flight.ended(heard.usage.as_ref());
            bill.settle(heard.usage, status, heard.is_whole());
            heard.body()
        }
        Content::Raw(raw) => Body::Raw(Passing { raw, bill, flight }.boxed()),
    };
    Answer {
        status,
        headers,
        by,
        body,
        gauges,
        meter,
    }
}
