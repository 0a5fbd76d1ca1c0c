//! From an HTTP request to a WebSocket: the checks of RFC 6455 section 4.2 and the choice of a subprotocol.

use base64::Engine as _;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};

/// The subprotocol of our own native frames.
pub(crate) const NATIVE: &str = "openclaw";
/// The specification's own dialect.
pub(crate) const A2A_V1: &str = "a2a-v1";
/// The one version of the WebSocket protocol there is.
pub(crate) const VERSION: &str = "13";
/// Appended to the client's key before hashing (RFC 6455 section 1.3).
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Which dialect the client declared by subprotocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    /// [`NATIVE`]: it waits for our challenge.
    Native,
    /// [`A2A_V1`]: nothing is sent before it speaks.
    A2a,
    /// Nothing, or nothing we know.
    Nothing,
}

/// Why a request is no upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnUpgrade {
    /// The status to answer with.
    pub(crate) status: StatusCode,
    /// What is wrong.
    pub(crate) reason: &'static str,
}

/// Whether a request asks for a WebSocket at all.
#[must_use]
pub(crate) fn wanted(headers: &HeaderMap) -> bool {
    lists(headers, &header::UPGRADE, "websocket")
}

/// Checks an upgrade request and makes the answer to it.
///
/// # Errors
/// The refusal to answer with.
pub(crate) fn answer(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
) -> Result<(Response<()>, Declared), NotAnUpgrade> {
    let refuse = |status, reason| Err(NotAnUpgrade { status, reason });
    if method != Method::GET || version != Version::HTTP_11 {
        return refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "a WebSocket starts with GET over HTTP/1.1",
        );
    }
    if !lists(headers, &header::CONNECTION, "upgrade") {
        return refuse(
            StatusCode::BAD_REQUEST,
            "the Connection header does not list upgrade",
        );
    }
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != VERSION)
    {
        return refuse(
            StatusCode::UPGRADE_REQUIRED,
            "only WebSocket version 13 is spoken here",
        );
    }
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .map(HeaderValue::as_bytes);
    let valid = key.filter(|key| {
        base64::engine::general_purpose::STANDARD
            .decode(key)
            .is_ok_and(|raw| raw.len() == 16)
    });
    let Some(key) = valid else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "Sec-WebSocket-Key is not 16 bytes in base64",
        );
    };
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let declared = declared(headers);
    let fields = response.headers_mut();
    let _none = fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let _none = fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    let _none = fields.insert(header::SEC_WEBSOCKET_ACCEPT, accept(key));
    let chosen = match declared {
        Declared::Native => Some(NATIVE),
        Declared::A2a => Some(A2A_V1),
        Declared::Nothing => None,
    };
    if let Some(chosen) = chosen {
        let _none = fields.insert(
            header::SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(chosen),
        );
    }
    Ok((response, declared))
}

/// The first subprotocol that we know, in the client's order of preference.
fn declared(headers: &HeaderMap) -> Declared {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|name| match name.trim() {
            NATIVE => Some(Declared::Native),
            A2A_V1 => Some(Declared::A2a),
            _ => None,
        })
        .unwrap_or(Declared::Nothing)
}

fn lists(headers: &HeaderMap, name: &header::HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(word))
}

fn accept(key: &[u8]) -> HeaderValue {
    let mut hash = sha1_smol::Sha1::new();
    hash.update(key);
    hash.update(KEY_SUFFIX.as_bytes());
    let text = base64::engine::general_purpose::STANDARD.encode(hash.digest().bytes());
    HeaderValue::from_str(&text).unwrap_or_else(|_base64_is_ascii| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        .iter()
        .chain(pairs)
        {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn answer_to(
        pairs: &[(&'static str, &'static str)],
    ) -> Result<(Response<()>, Declared), StatusCode> {
        answer(&Method::GET, Version::HTTP_11, &request(pairs)).map_err(|refusal| refusal.status)
    }

    #[test]
    fn the_sample_key_of_the_standard_gets_the_sample_answer() {
        let (response, _) = answer_to(&[]).unwrap();
        assert_eq!(
            response.headers()["sec-websocket-accept"],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn a_known_subprotocol_is_selected_and_none_is_needed() {
        for (offered, declared, selected) in [
            ("a2a-v1", Declared::A2a, Some("a2a-v1")),
            ("x, a2a-v1", Declared::A2a, Some("a2a-v1")),
            ("openclaw", Declared::Native, Some("openclaw")),
            ("other", Declared::Nothing, None),
        ] {
            let (response, got) = answer_to(&[("sec-websocket-protocol", offered)]).unwrap();
            assert_eq!(got, declared, "{offered}");
            assert_eq!(
                response
                    .headers()
                    .get("sec-websocket-protocol")
                    .map(|v| v.to_str().unwrap()),
                selected
            );
        }
        assert_eq!(answer_to(&[]).unwrap().1, Declared::Nothing);
    }

    #[test]
    fn bad_upgrades_are_refused_with_the_right_status() {
        for (name, value, status) in [
            ("sec-websocket-key", "short", 400),
            ("sec-websocket-key", "", 400),
            ("sec-websocket-version", "8", 426),
            ("connection", "keep-alive", 400),
        ] {
            assert_eq!(
                answer_to(&[(name, value)]).unwrap_err().as_u16(),
                status,
                "{name}: {value}"
            );
        }
        assert_eq!(
            answer(&Method::POST, Version::HTTP_11, &request(&[]))
                .unwrap_err()
                .status
                .as_u16(),
            405
        );
    }
}
