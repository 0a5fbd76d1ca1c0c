//! Who asks: the key in one of the headers that LiteLLM's clients use; never in the address.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, header, request::Parts};
use openclaw_accounts::{Accounts, Caller};

use crate::error::Refusal;

/// Headers that hold a key as it is. The first that is there counts.
const BARE: [HeaderName; 3] = [
    HeaderName::from_static("x-litellm-api-key"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
];

/// Put into a request's extensions by whoever has already found out who sent it.
#[derive(Debug, Clone)]
pub struct Known(pub Caller);

/// What is known of a request's sender.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) headers: HeaderMap,
    known: Option<Caller>,
}

impl Asker {
    pub(crate) fn of(parts: &mut Parts) -> Self {
        Self {
            known: parts
                .extensions
                .remove::<Known>()
                .map(|Known(caller)| caller),
            headers: std::mem::take(&mut parts.headers),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// Every header that may hold the caller's key, and must not be sent on.
pub(crate) fn is_credential(name: &HeaderName) -> bool {
    *name == header::AUTHORIZATION || BARE.contains(name)
}

/// Who asks, by the key that is shown.
pub(crate) fn caller(accounts: &Accounts, asker: &Asker) -> Result<Caller, Refusal> {
    if let Some(known) = &asker.known {
        return Ok(known.clone());
    }
    let shown = key(&asker.headers)?;
    accounts.identify(shown.as_deref()).map_err(Refusal::from)
}

/// The same for what only the owner may do.
pub(crate) fn owner(accounts: &Accounts, asker: &Asker) -> Result<Caller, Refusal> {
    let caller = caller(accounts, asker)?;
    if caller.is_owner() {
        return Ok(caller);
    }
    Err(Refusal::NotOwner)
}

/// The key that a request shows, where it shows one that can be read.
#[must_use]
pub fn shown_key(headers: &HeaderMap) -> Option<String> {
    // What can't be read is refused where it is asked for.
    key(headers).unwrap_or(Some(String::new()))
}

/// The key, where one is shown. One that can't be read is a wrong key, never none.
fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    for name in &BARE {
        if let Some(value) = headers.get(name) {
            let value = value.to_str().map_err(|_invisible| Refusal::MalformedKey)?;
            let value = value.trim();
            // Some clients write the scheme into every header.
            return Ok(Some(bearer(value).unwrap_or(value).to_owned()));
        }
    }
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Refusal::MalformedKey);
    }
    let value = value.to_str().map_err(|_invisible| Refusal::MalformedKey)?;
    match bearer(value.trim()) {
        Some(key) if !key.is_empty() => Ok(Some(key.to_owned())),
        _ => Err(Refusal::MalformedKey),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
