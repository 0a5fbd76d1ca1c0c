//! A streamed answer as the client gets it. Dropping it cancels the call and settles with what is known.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::Stream;

use super::{
    bill::Bill,
    flight::Flight,
    translation::{News, Translation},
};

/// A streamed answer as the client gets it.
pub(crate) struct Events {
    pub(crate) translation: Box<Translation>,
    pub(crate) bill: Bill,
    pub(crate) flight: Flight,
}

impl Stream for Events {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = &mut *self;
        loop {
            if let Some(bytes) = this.translation.told() {
                return Poll::Ready(Some(bytes));
            }
            match ready!(this.translation.poll_news(&mut this.bill, cx)) {
                News::Preamble | News::Content => {}
                News::Finished(usage) => {
                    this.flight.ended(usage.as_ref());
                    this.bill.settle(usage, 200, true);
                }
                News::Failed(failed) => {
                    this.flight.broke(failed.error.kind());
                    this.bill.settle(None, failed.shown_status(), false);
                    this.translation.tell(&failed);
                }
                News::Over => return Poll::Ready(None),
            }
        }
    }
}
