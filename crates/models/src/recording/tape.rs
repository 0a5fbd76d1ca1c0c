//! One recording while it is made: whoever has part in a call writes to it, and the last to let go hands it in.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::Ordering::{AcqRel, Relaxed},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream, stream::BoxStream};
use openclaw_types::{Timestamp, Usage};
use tokio::time::Instant;

use super::{Outcome, Piece, Recorder, Subject, Tally};
use crate::{
    error::{Error, Kind},
    exchange::{Answer, Body, Broken, Failure, Meter},
    http::HeaderMap,
    limits::{RECORDING_BYTES_MAX, RECORDING_PART, RECORDINGS_HELD_BYTES_MAX},
    provider::Chunk,
};

/// The longest recording among so many bytes.
pub(super) fn bytes_max(all: u64) -> usize {
    usize::try_from(all / RECORDING_PART)
        .map_or(RECORDING_BYTES_MAX, |part| part.min(RECORDING_BYTES_MAX))
}

/// Takes down one call; nothing where nothing is recorded. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tape(Option<Arc<Reel>>);

#[derive(Debug)]
struct Reel {
    recorder: Recorder,
    began: Instant,
    recording: Mutex<Option<Recording>>,
}

/// What is taken down of one call.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(super) subject: Subject,
    pub(super) reference: String,
    pub(super) at: Timestamp,
    pub(super) attempts: Vec<Attempted>,
    pub(super) head: Option<Head>,
    pub(super) pieces: Vec<(u64, Piece)>,
    /// How the pieces belong together, where a client gets them.
    pub(super) form: Form,
    pub(super) outcome: Outcome,
    pub(super) error: Option<Fault>,
    pub(super) usage: Option<Usage>,
    pub(super) ms: u64,
    pub(super) is_cut: bool,
    /// The longest it may be.
    pub(super) bytes_max: usize,
    held: usize,
    tally: Arc<Tally>,
}

/// A candidate that did not answer.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) ms: u64,
    pub(super) reference: String,
    pub(super) fault: Fault,
}

/// How something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: &'static str,
    pub(crate) status: u16,
    pub(crate) message: String,
}

/// Who answered, and with which head.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) ms: u64,
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
}

/// How the pieces of an answer belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Form {
    /// Chunks for an agent.
    #[default]
    Chunks,
    /// One document.
    Whole,
    /// Events of a stream.
    Events,
    /// Whatever was passed through.
    Raw,
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.tally.held.fetch_sub(self.held, AcqRel);
    }
}

impl Recording {
    /// Takes memory for so many bytes, unless it would be too long or there is none.
    fn hold(&mut self, bytes: usize) -> bool {
        let fits = self.held + bytes <= self.bytes_max
            && self.tally.held.load(Relaxed) + bytes <= RECORDINGS_HELD_BYTES_MAX;
        if fits {
            self.tally.held.fetch_add(bytes, AcqRel);
            self.held += bytes;
        }
        fits
    }

    fn hear(&mut self, ms: u64, piece: Piece) {
        if self.is_cut || !self.hold(piece.bytes()) {
            self.is_cut = true;
            return;
        }
        self.pieces.push((ms, piece));
    }
}

impl Drop for Reel {
    fn drop(&mut self) {
        let recording = self.recording.get_mut();
        let recording = recording.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut recording) = recording {
            recording.ms = ms_since(self.began);
            self.recorder.submit(recording);
        }
    }
}

impl Tape {
    pub(super) fn new(recorder: Recorder, subject: Subject, reference: &str) -> Self {
        let mut recording = Recording {
            at: recorder.env.now(),
            reference: reference.to_owned(),
            attempts: Vec::new(),
            head: None,
            pieces: Vec::new(),
            form: Form::default(),
            outcome: Outcome::Cancelled,
            error: None,
            usage: None,
            ms: 0,
            is_cut: false,
            bytes_max: recorder.bytes_max,
            held: 0,
            tally: recorder.tally(),
            subject,
        };
        recording.is_cut = !recording.hold(recording.subject.bytes());
        Self(Some(Arc::new(Reel {
            recorder,
            began: Instant::now(),
            recording: Mutex::new(Some(recording)),
        })))
    }

    /// A candidate did not answer.
    pub(crate) fn failed(&self, reference: &str, kind: Kind, status: u16, message: String) {
        self.write(|ms, recording| {
            recording.attempts.push(Attempted {
                ms,
                reference: reference.to_owned(),
                fault: Fault {
                    kind: kind.as_str(),
                    status,
                    message,
                },
            });
        });
    }

    /// A piece of the answer to an agent, or why there is none.
    pub(crate) fn chunk(&self, chunk: &Result<Chunk, Error>) {
        self.write(|ms, recording| match chunk {
            Ok(Chunk::Start {
                provider,
                model,
                head,
            }) => {
                let (status, headers) = match head {
                    Some(head) => (head.status, head.headers.clone()),
                    None => (200, HeaderMap::new()),
                };
                recording.head = Some(Head {
                    ms,
                    provider: provider.clone(),
                    model: model.clone(),
                    status,
                    headers,
                });
            }
            Ok(chunk) => {
                match chunk {
                    Chunk::Usage(usage) => recording.usage = Some(*usage),
                    Chunk::Stop(_) => recording.outcome = Outcome::Whole,
                    _ => {}
                }
                recording.hear(ms, Piece::Chunk(chunk.clone()));
            }
            Err(error) => {
                recording.outcome = Outcome::Failed;
                recording.error = Some(Fault {
                    kind: error.kind().as_str(),
                    status: match error {
                        Error::Answer { status, .. } => *status,
                        _ => 0,
                    },
                    message: error.full_text(),
                });
            }
        });
    }

    /// Nobody answered a client.
    pub(crate) fn refused(&self, failure: &Failure) {
        self.write(|_ms, recording| {
            recording.outcome = Outcome::Failed;
            let (kind, status) = match failure {
                Failure::Upstream(upstream) => (upstream.kind, upstream.shown_status()),
                Failure::BadRequest { .. } => (Kind::BadRequest, 400),
                Failure::Denied(_) | Failure::Resting { .. } => {
                    (Kind::RateLimited { retry_after: None }, 429)
                }
                Failure::Unserved { .. } => (Kind::NoModel, 400),
                Failure::Cancelled => (Kind::Cancelled, 503),
            };
            recording.error = Some(Fault {
                kind: kind.as_str(),
                status,
                message: failure.to_string(),
            });
        });
    }

    /// The answer that a client gets, listened to.
    pub(crate) fn answer(self, mut answer: Answer) -> Answer {
        if self.0.is_none() {
            return answer;
        }
        let meter = answer.meter.clone();
        self.begin(&answer);
        answer.body = match answer.body {
            Body::Whole(bytes) => {
                self.piece(&bytes);
                self.end(&meter);
                Body::Whole(bytes)
            }
            Body::Events(events) => Body::Events(self.events(events, meter)),
            Body::Raw(raw) => Body::Raw(self.raw(raw, meter)),
        };
        answer
    }

    fn begin(&self, answer: &Answer) {
        self.write(|ms, recording| {
            recording.form = match answer.body {
                Body::Whole(_) => Form::Whole,
                Body::Events(_) => Form::Events,
                Body::Raw(_) => Form::Raw,
            };
            recording.head = Some(Head {
                ms,
                provider: answer.by.provider.to_string(),
                model: answer.by.model.to_string(),
                status: answer.status,
                headers: answer.headers.clone(),
            });
        });
    }

    fn events(self, events: BoxStream<'static, Bytes>, meter: Meter) -> BoxStream<'static, Bytes> {
        stream::unfold((events, self, meter), |(mut events, tape, meter)| async {
            let Some(bytes) = events.next().await else {
                tape.end(&meter);
                return None;
            };
            tape.piece(&bytes);
            Some((bytes, (events, tape, meter)))
        })
        .boxed()
    }

    fn raw(
        self,
        raw: BoxStream<'static, Result<Bytes, Broken>>,
        meter: Meter,
    ) -> BoxStream<'static, Result<Bytes, Broken>> {
        stream::unfold((raw, self, meter), |(mut raw, tape, meter)| async {
            let Some(piece) = raw.next().await else {
                tape.end(&meter);
                return None;
            };
            if let Ok(bytes) = &piece {
                tape.piece(bytes);
            }
            Some((piece, (raw, tape, meter)))
        })
        .boxed()
    }

    fn piece(&self, bytes: &Bytes) {
        self.write(|ms, recording| recording.hear(ms, Piece::Bytes(Bytes::copy_from_slice(bytes))));
    }

    /// The answer to a client came to an end, its own or another.
    fn end(&self, meter: &Meter) {
        let spent = meter.read();
        self.write(|_ms, recording| {
            recording.usage = spent.usage.filter(|_| !spent.is_estimate);
            recording.outcome = if spent.is_whole {
                Outcome::Whole
            } else {
                Outcome::Failed
            };
        });
    }

    fn write(&self, then: impl FnOnce(u64, &mut Recording)) {
        if let Some(reel) = &self.0 {
            let ms = ms_since(reel.began);
            let mut recording: MutexGuard<'_, Option<Recording>> = reel
                .recording
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(recording) = recording.as_mut() {
                then(ms, recording);
            }
        }
    }
}

fn ms_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
