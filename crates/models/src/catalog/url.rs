//! Fetches a file from the web; what broke off is taken up where it ended.

use std::{fs, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::{
    Error, OnProgress, Progress, Pulled, Step,
    saver::{Keeps, Saver},
    store::Store,
    work::{PROGRESS_INTERVAL, watched},
};
use crate::http::{
    self, Call, HeaderMap, HeaderValue, Http, Method, Response, StatusCode, Transport, Url, header,
};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(15);
/// Longest wait for the next byte.
const STALL: Duration = Duration::from_secs(60);
/// Places a file may move to.
const REDIRECTS_MAX: usize = 5;
/// Pieces that wait to be written; the network is slowed down to the disk beyond that.
const PIECES_QUEUED_MAX: usize = 16;
/// The largest model file that is fetched.
const FILE_BYTES_MAX: u64 = 64 << 30;

/// Fetches the file.
pub(super) async fn fetch(
    http: &Http,
    store: Store,
    url: Url,
    on_progress: OnProgress<'_>,
) -> Result<Pulled, Error> {
    if url.scheme() == "http" && !is_loopback(&url) && !store.has_hash() {
        return Err(Error::Unsafe {
            url: url.to_string(),
        });
    }
    let note = fs::read_to_string(store.note_path()).unwrap_or_default();
    let validator = note
        .strip_prefix(url.as_str())
        .and_then(|rest| rest.strip_prefix('\n'))
        .filter(|validator| !validator.is_empty())
        .map(str::to_owned);
    let keeps = if validator.is_some() {
        Keeps::Partial
    } else {
        Keeps::Nothing
    };
    let mut saver = watched(None, on_progress, move |_| store.begin(keeps)).await?;
    let resume = validator.filter(|_| saver.bytes() > 0);
    let mut response = get(http, &url, resume.as_deref().map(|v| (saver.bytes(), v))).await?;
    if response.status == StatusCode::RANGE_NOT_SATISFIABLE {
        response = get(http, &url, None).await?;
    }
    if response.status != StatusCode::PARTIAL_CONTENT && saver.bytes() > 0 {
        saver = saver.restart()?;
    }
    if !response.status.is_success() {
        return Err(Error::Status {
            url: url.to_string(),
            status: response.status.as_u16(),
        });
    }
    leave_note(&saver, &url, &response.headers);
    let total = length(&response.headers).map(|length| saver.bytes() + length);
    let saver = receive(saver, response, &url, total, on_progress).await?;
    watched(total, on_progress, move |_| saver.finish()).await
}

/// Writes the body as it comes; on an error what has come stays for the next time.
async fn receive(
    mut saver: Saver,
    response: Response,
    url: &Url,
    total: Option<u64>,
    on_progress: OnProgress<'_>,
) -> Result<Saver, Error> {
    let http_error = |source| Error::Http {
        url: url.to_string(),
        source,
    };
    let mut bytes = saver.bytes();
    let mut told = tokio::time::Instant::now();
    let (sender, mut pieces) = mpsc::channel::<Bytes>(PIECES_QUEUED_MAX);
    let writer = tokio::task::spawn_blocking(move || {
        while let Some(piece) = pieces.blocking_recv() {
            saver.write(&piece)?;
        }
        Ok(saver)
    });
    let mut body = response.body;
    let ended = loop {
        let piece = match tokio::time::timeout(STALL, body.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(source))) => break Err(http_error(source)),
            Ok(None) => break Ok(()),
            Err(_elapsed) => {
                break Err(Error::Stalled {
                    from: url.to_string(),
                    seconds: STALL.as_secs(),
                });
            }
        };
        bytes += piece.len() as u64;
        if bytes > FILE_BYTES_MAX {
            let bytes_max = usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX);
            break Err(http_error(http::Error::TooLarge { bytes_max }));
        }
        if sender.send(piece).await.is_err() {
            // The writer has ended early and says why below.
            break Ok(());
        }
        if told.elapsed() >= PROGRESS_INTERVAL {
            told = tokio::time::Instant::now();
            on_progress(Progress {
                step: Step::Fetch,
                bytes,
                total,
            });
        }
    };
    drop(sender);
    let saver = writer.await.unwrap_or(Err(Error::Stopped))?;
    ended.map(|()| saver)
}

/// Asks for the file, or for what is missing of it, wherever it has moved. No credentials are ever sent.
async fn get(http: &Http, url: &Url, resume: Option<(u64, &str)>) -> Result<Response, Error> {
    let mut place = url.clone();
    for _ in 0..=REDIRECTS_MAX {
        let mut headers = HeaderMap::new();
        if let Some((bytes, validator)) = resume {
            let range = HeaderValue::try_from(format!("bytes={bytes}-"));
            let validator = HeaderValue::try_from(validator);
            if let (Ok(range), Ok(validator)) = (range, validator) {
                headers.insert(header::RANGE, range);
                headers.insert(header::IF_RANGE, validator);
            }
        }
        let call = Call {
            method: Method::GET,
            url: place.clone(),
            headers,
            body: Bytes::new(),
            transport: Transport::Tcp,
            connect: CONNECT,
        };
        let response = match tokio::time::timeout(STALL, http.send(call)).await {
            Ok(Ok(response)) => response,
            Ok(Err(source)) => {
                return Err(Error::Http {
                    url: place.to_string(),
                    source,
                });
            }
            Err(_elapsed) => {
                return Err(Error::Stalled {
                    from: place.to_string(),
                    seconds: STALL.as_secs(),
                });
            }
        };
        if !response.status.is_redirection() {
            return Ok(response);
        }
        let next = response
            .headers
            .get(header::LOCATION)
            .and_then(|location| place.join(location.to_str().ok()?).ok());
        match next {
            // Never from an encrypted place to an open one.
            Some(next) if next.scheme() == "https" || place.scheme() == "http" => place = next,
            _ => break,
        }
    }
    Err(Error::Redirects {
        url: url.to_string(),
    })
}

/// Notes what the partial file is part of, so that it can be taken up only when that has not changed.
fn leave_note(saver: &Saver, url: &Url, headers: &HeaderMap) {
    let strong = headers
        .get(header::ETAG)
        .and_then(|tag| tag.to_str().ok())
        .filter(|tag| !tag.starts_with("W/"));
    let dated = headers
        .get(header::LAST_MODIFIED)
        .and_then(|date| date.to_str().ok());
    let path = saver.store().note_path();
    match strong.or(dated) {
        // Without the note the next time begins anew, which is slower and no worse.
        Some(validator) => fs::write(path, format!("{url}\n{validator}")).ok(),
        None => fs::remove_file(path).ok(),
    };
}

fn length(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(header::CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
