//! A provider that answers with what was recorded, and refuses what never was.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{StreamExt, TryFutureExt, stream};
use openclaw_types::AgentId;

use super::{
    Piece, Subject,
    library::{Library, Missing},
    line::Played,
};
use crate::{
    error::{Error, Kind},
    provider::{Chunk, ChunkStream, Head, Provider, Request},
};

/// Answers from the recordings below a directory; nobody else is asked. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Replay {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    provider: Arc<str>,
    dir: PathBuf,
    /// Opened when it is first needed.
    library: Mutex<Option<Library>>,
}

/// An answer as it was recorded for a client.
pub(crate) type Heard = Played;

impl Replay {
    /// Looks at nothing yet.
    pub(crate) fn new(provider: &str, dir: PathBuf) -> Self {
        Self {
            shared: Arc::new(Shared {
                provider: Arc::from(provider),
                dir,
                library: Mutex::new(None),
            }),
        }
    }

    /// The next recorded answer to a question.
    ///
    /// # Errors
    /// When there is none, or it can't be read.
    pub(crate) async fn find(&self, subject: Subject) -> Result<Heard, Error> {
        let shared = Arc::clone(&self.shared);
        let looking = tokio::task::spawn_blocking(move || shared.find(&subject));
        let heard = looking.await.unwrap_or(Err(Error::Cancelled))?;
        match self.shared.failure(&heard) {
            Some(error) if heard.pieces.is_empty() => Err(error),
            _ => Ok(heard),
        }
    }

    async fn open(self, request: Request) -> Result<ChunkStream, Error> {
        // Whose agent's it was does not count.
        let agent = AgentId::parse("any").map_err(|_never| Error::Cancelled)?;
        let heard = self.find(Subject::agent(&agent, &request)).await?;
        let broken = self.shared.failure(&heard);
        let start = Chunk::Start {
            provider: heard.provider,
            model: heard.model,
            head: Some(Arc::new(Head {
                status: heard.status,
                headers: heard.headers,
            })),
        };
        let chunks = heard.pieces.into_iter().filter_map(|piece| match piece {
            Piece::Chunk(chunk) => Some(Ok(chunk)),
            Piece::Bytes(_) => None,
        });
        let chunks = [Ok(start)].into_iter().chain(chunks);
        Ok(stream::iter(chunks.chain(broken.map(Err)).collect::<Vec<_>>()).boxed())
    }
}

impl Provider for Replay {
    fn stream(&self, request: Request) -> ChunkStream {
        let replay = self.clone();
        async move { replay.open(request).await }
            .try_flatten_stream()
            .boxed()
    }
}

impl Shared {
    fn find(&self, subject: &Subject) -> Result<Heard, Error> {
        let mut library = self.library.lock().unwrap_or_else(PoisonError::into_inner);
        let unreadable = |path, source| Error::Recording {
            provider: Arc::clone(&self.provider),
            path,
            source,
        };
        let library = match &mut *library {
            Some(library) => library,
            none => none.insert(
                Library::open(&self.dir).map_err(|error| unreadable(self.dir.clone(), error))?,
            ),
        };
        library.next(subject).map_err(|missing| match missing {
            Missing::Unknown { key, nearest } => Error::Unrecorded {
                provider: Arc::clone(&self.provider),
                key,
                nearest: nearest.map(|nearest| (nearest.file, nearest.at)),
            },
            Missing::Unreadable { path, source } => unreadable(path, source),
        })
    }

    /// How a recorded answer ends where it does not end as it should.
    fn failure(&self, heard: &Heard) -> Option<Error> {
        if heard.is_whole() {
            return None;
        }
        let provider = Arc::clone(&self.provider);
        Some(match &heard.error {
            Some((kind, status, message)) => Error::Answer {
                provider,
                model: Arc::from(heard.model.as_str()),
                status: *status,
                kind: Kind::parse(kind),
                message: message.clone(),
                hint: None,
            },
            None => Error::CutOff { provider },
        })
    }
}
