//! Answers that are given again: looked for before anybody is asked, and kept when they were given whole.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream, stream::BoxStream};

use super::{Answer, Ask, Body, By, Gauges, Meter};
use crate::{
    cache::{Cache, Controls, Entry, Key},
    http::HeaderMap,
    limits::CACHED_ANSWER_BYTES_MAX,
};

/// Where the answer to one ask is kept.
#[derive(Debug, Clone)]
pub(crate) struct Again {
    cache: Cache,
    key: Key,
    controls: Controls,
}

impl Again {
    /// Where the answer to this ask is kept; nothing for what is never kept.
    pub(crate) fn of(cache: Option<&Cache>, ask: &Ask) -> Option<Self> {
        let cache = cache.filter(|_| ask.controls.passthrough.is_none())?;
        let controls = &ask.controls.cache;
        let key = cache.key(controls, ask.front.as_str(), &ask.reference, &ask.body)?;
        Some(Self {
            cache: cache.clone(),
            key,
            controls: controls.clone(),
        })
    }

    /// The answer, where it was given before and may be given again.
    pub(crate) async fn find(&self) -> Option<Entry> {
        self.cache.get(&self.key, &self.controls).await
    }

    /// Keeps an answer if it is given whole; what is told to the client stays the same.
    pub(crate) async fn keep(self, mut answer: Answer) -> Answer {
        answer.body = match answer.body {
            Body::Whole(bytes) => {
                let (key, controls) = (&self.key, &self.controls);
                self.cache.put(key, controls, false, bytes.clone()).await;
                Body::Whole(bytes)
            }
            Body::Events(events) => Body::Events(self.listening(events, answer.meter.clone())),
            raw @ Body::Raw(_) => raw,
        };
        answer
    }

    /// The same events, remembered until it is known whether they are the whole answer.
    fn listening(
        self,
        events: impl Stream<Item = Bytes> + Send + 'static,
        meter: Meter,
    ) -> BoxStream<'static, Bytes> {
        let heard = (Box::pin(events), BytesMut::new(), Some(self), meter);
        stream::unfold(
            heard,
            |(mut events, mut all, mut again, meter)| async move {
                let Some(piece) = events.next().await else {
                    let whole = again.filter(|_| meter.read().is_whole);
                    if let Some(again) = whole {
                        let (key, controls) = (&again.key, &again.controls);
                        again.cache.put(key, controls, true, all.freeze()).await;
                    }
                    return None;
                };
                if again.is_some() && all.len() + piece.len() <= CACHED_ANSWER_BYTES_MAX {
                    all.extend_from_slice(&piece);
                } else {
                    again = None;
                    all = BytesMut::new();
                }
                Some((piece, (events, all, again, meter)))
            },
        )
        .boxed()
    }
}

/// An answer that was kept, as one.
pub(crate) fn answer(entry: Entry, reference: &str, gauges: Gauges, meter: Meter) -> Answer {
    let body = if entry.is_events {
        Body::Events(stream::iter([entry.body]).boxed())
    } else {
        Body::Whole(entry.body)
    };
    let none: Arc<str> = Arc::from("");
    Answer {
        status: 200,
        headers: HeaderMap::new(),
        by: By {
            deployment: Arc::clone(&none),
            provider: Arc::from("cache"),
            model: Arc::from(reference),
            group: Arc::from(reference),
            api_base: none,
            retries: 0,
            fallbacks: 0,
            is_cached: true,
        },
        body,
        gauges,
        meter,
    }
}
