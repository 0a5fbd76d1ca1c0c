//! Keys of ours in what is sent on unread: whoever puts one there is told so, and nothing leaves.
//!
//! The bytes are searched as they are: a key that somebody has written in another way, as with escapes in JSON, is
//! not found.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use memchr::memmem;
use openclaw_accounts::{Accounts, Caller};

use crate::{auth, error::Refusal};

/// Fields of queries that are for keys, as some providers have them; they are never sent on.
const KEYS_IN_QUERIES: [&str; 5] = ["key", "api_key", "api-key", "access_token", "token"];
/// Headers beside those that we read where some clients repeat their key; they are never sent on.
const NEVER_SENT: [HeaderName; 2] = [header::COOKIE, HeaderName::from_static("x-goog-api-key")];
/// Shorter keys keep no secret, and would be found in innocent text.
const SOUGHT_BYTES_MIN: usize = 6;

/// What is about to be sent on.
pub(crate) struct Sent<'a> {
    /// What follows the base URL.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

/// Whether a field of a query is there for a key.
pub(crate) fn is_for_keys(name: &str) -> bool {
    KEYS_IN_QUERIES.contains(&name.to_ascii_lowercase().as_str())
}

/// Refuses what holds the key that the caller shows, or the master key.
pub(crate) fn refuse(accounts: &Accounts, caller: &Caller, sent: &Sent<'_>) -> Result<(), Refusal> {
    // Without a key of ours, what a caller shows is no secret of ours.
    let is_ours = !matches!(caller, Caller::Open);
    let shown = auth::shown_key(sent.headers).filter(|_| is_ours);
    let shown = shown.filter(|key| key.len() >= SOUGHT_BYTES_MIN);
    let finder = shown.as_ref().map(memmem::Finder::new);
    let is_in = |bytes: &[u8]| {
        let has_shown = || finder.as_ref().is_some_and(|key| key.find(bytes).is_some());
        has_shown() || accounts.master_key_is_in(bytes, SOUGHT_BYTES_MIN)
    };
    let place = if is_in(decoded(sent.path).as_bytes()) {
        "path"
    } else if in_query(accounts, sent.query, is_in) {
        "query"
    } else if in_headers(sent.headers, is_in) {
        "headers"
    } else if is_in(sent.body) {
        "body"
    } else {
        return Ok(());
    };
    Err(Refusal::Wrong {
        message: format!(
            "the {place} of this request would take a key of this gateway to the server behind it; \
             send the key as `Authorization: Bearer <key>` and nowhere else"
        ),
        param: String::new(),
    })
}

/// Whether a field that is sent on holds a key; in a query one is told from other text even when it is another
/// caller's.
fn in_query(accounts: &Accounts, query: &str, is_in: impl Fn(&[u8]) -> bool) -> bool {
    query.split('&').any(|field| {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let (name, value) = (decoded(name), decoded(value));
        let is_anybodys = || {
            let known = accounts.identify(Some(&value));
            matches!(known, Ok(Caller::Master | Caller::Key(_)))
        };
        !is_for_keys(&name) && (is_in(name.as_bytes()) || is_in(value.as_bytes()) || is_anybodys())
    })
}

fn in_headers(headers: &HeaderMap, is_in: impl Fn(&[u8]) -> bool) -> bool {
    let mut sent = headers
        .iter()
        .filter(|(name, _)| !auth::is_credential(name) && !NEVER_SENT.contains(name));
    sent.any(|(_, value)| is_in(value.as_bytes()))
}

/// A part of an address without its percent signs.
pub(crate) fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let meant = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (byte, left) = match (first, meant) {
            (b'%', Some(meant)) => (meant, after.get(2..).unwrap_or_default()),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = left;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
