//! What can go wrong between here and the gateway, and what a person can do about it.

use std::{io, time::Duration};

use openclaw_wire::{DecodeError, ErrorCode, ErrorShape, connect::refusal, frame::EncodeError};

/// Why a connection or a call did not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL makes no sense.
    #[error("gateway url `{url}` {reason}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nothing listens there.
    #[error("no gateway listens on {address}")]
    Refused {
        /// Where.
        address: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The address can't be reached.
    #[error("reach the gateway at {address}")]
    Unreachable {
        /// Where.
        address: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Something else listens there, or it refuses this host.
    #[error("{address} answered the WebSocket upgrade with HTTP {status}")]
    Upgrade {
        /// Where.
        address: String,
        /// The HTTP status.
        status: u16,
    },
    /// The bytes on the socket are no WebSocket, or break its rules.
    #[error("speak WebSocket with {address}")]
    WebSocket {
        /// Where.
        address: String,
        /// What the library saw.
        source: tokio_websockets::Error,
    },
    /// It took too long.
    #[error("{what} took longer than {} ms", after.as_millis())]
    Deadline {
        /// What was waited for.
        what: &'static str,
        /// How long.
        after: Duration,
    },
    /// The gateway did not accept who we are.
    #[error("gateway refused the connection")]
    Unauthorized {
        /// Where the token came from; none where there was no token.
        token_origin: Option<String>,
        /// What the gateway said.
        source: Box<ErrorShape>,
    },
    /// The gateway speaks another version.
    #[error("gateway speaks protocol {expected}, this program 3 to 4")]
    Protocol {
        /// The version it expects.
        expected: u64,
    },
    /// The gateway answered the request with an error.
    #[error("{method}")]
    Rejected {
        /// What was asked.
        method: &'static str,
        /// What the gateway said.
        source: Box<ErrorShape>,
    },
    /// The connection ended.
    #[error("gateway closed the connection{}", reason_text(*code, reason))]
    Closed {
        /// The close code, where there was one.
        code: Option<u16>,
        /// The reason given.
        reason: String,
    },
    /// Too many calls wait for an answer.
    #[error("{waiting} calls wait for an answer already")]
    TooManyCalls {
        /// How many.
        waiting: usize,
    },
    /// The request is larger than the gateway takes.
    #[error("request of {bytes} bytes is larger than the gateway's {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A frame from the gateway makes no sense.
    #[error("gateway sent a frame that is none")]
    Frame {
        /// What is wrong with it.
        #[from]
        source: DecodeError,
    },
    /// An answer has not the shape its method promises.
    #[error("gateway answered {method} in an unknown shape")]
    Shape {
        /// What was asked.
        method: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The parameters have no JSON form.
    #[error("request cannot be written")]
    Encode {
        /// Why.
        #[from]
        source: EncodeError,
    },
}

fn reason_text(code: Option<u16>, reason: &str) -> String {
    match (code, reason) {
        (None, "") => String::new(),
        (None, reason) => format!(": {reason}"),
        (Some(code), "") => format!(" with code {code}"),
        (Some(code), reason) => format!(" with code {code}: {reason}"),
    }
}

impl Error {
    /// What a person can do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { .. } => {
                Some("is the gateway running? start it: openclaw gateway start".to_owned())
            }
            Self::Upgrade { status: 403, .. } => Some(
                "the gateway does not answer to this host name; use 127.0.0.1, or allow it under gateway.allowedHosts"
                    .to_owned(),
            ),
            Self::Upgrade { .. } | Self::WebSocket { .. } => {
                Some("another program may be listening on this port".to_owned())
            }
            Self::Unauthorized {
                token_origin,
                source,
            } => Some(token_hint(token_origin.as_deref(), source)),
            Self::Protocol { .. } => {
                Some("update the older of the two: openclaw --version, openclaw gateway status".to_owned())
            }
            Self::Rejected { source, .. } => rejection_hint(source),
            Self::Closed { .. } => Some("see why: openclaw gateway logs".to_owned()),
            Self::Deadline { .. } => Some("is it still alive? openclaw gateway status --deep".to_owned()),
            Self::Url { .. } => Some("a url looks like ws://127.0.0.1:18789".to_owned()),
            Self::Unreachable { .. }
            | Self::TooManyCalls { .. }
            | Self::TooLarge { .. }
            | Self::Frame { .. }
            | Self::Shape { .. }
            | Self::Encode { .. } => None,
        }
    }

    /// Whether the same attempt may work a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Deadline { .. }
            | Self::Closed { .. }
            | Self::TooManyCalls { .. } => true,
            Self::Upgrade { status, .. } => *status >= 500,
            Self::Rejected { source, .. } | Self::Unauthorized { source, .. } => source
                .retryable
                .unwrap_or(source.code == ErrorCode::Unavailable),
            Self::WebSocket { source, .. } => matches!(source, tokio_websockets::Error::Io(_)),
            Self::Url { .. }
            | Self::Protocol { .. }
            | Self::TooLarge { .. }
            | Self::Frame { .. }
            | Self::Shape { .. }
            | Self::Encode { .. } => false,
        }
    }

    /// The code the gateway gave, where it answered at all.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        match self {
            Self::Rejected { source, .. } | Self::Unauthorized { source, .. } => Some(&source.code),
            _ => None,
        }
    }
}

pub(crate) fn detail_code(shape: &ErrorShape) -> Option<&str> {
    shape.details.as_ref()?.get("code")?.as_str()
}

fn token_hint(origin: Option<&str>, shape: &ErrorShape) -> String {
    match (detail_code(shape), origin) {
        (Some(refusal::TOKEN_MISMATCH), Some(origin)) => format!(
            "the token from {origin} is not the running gateway's; print that one: openclaw gateway token"
        ),
        (Some(refusal::RATE_LIMITED), _) => "too many wrong tokens; wait a minute".to_owned(),
        (Some(refusal::PAIRING_REQUIRED), _) => {
            "this device is not paired with the gateway".to_owned()
        }
        (_, None) => "the gateway wants its token: openclaw gateway token".to_owned(),
        (_, Some(origin)) => format!("check the token from {origin}: openclaw gateway token"),
    }
}

fn rejection_hint(shape: &ErrorShape) -> Option<String> {
    let details = shape.details.as_ref()?;
    if let Some(hint) = details.get("hint").and_then(|hint| hint.as_str()) {
        return Some(hint.to_owned());
    }
    let scope = details.get("missingScope")?.as_str()?;
    Some(format!(
        "this needs the scope {scope}; connect with the gateway's token: openclaw gateway token"
    ))
}

#[cfg(test)]
mod tests {
    use openclaw_wire::Scope;
    use serde_json::json;

    use super::*;

    fn refused(code: &str, origin: Option<&str>) -> Error {
        let details = json!({ "code": code });
        Error::Unauthorized {
            token_origin: origin.map(str::to_owned),
            source: Box::new(ErrorShape::invalid("unauthorized").with_details(details)),
        }
    }

    #[test]
    fn every_error_a_person_can_act_on_says_how() {
        let refused_by_kernel = Error::Refused {
            address: "127.0.0.1:1".to_owned(),
            source: io::ErrorKind::ConnectionRefused.into(),
        };
        let forbidden = Error::Rejected {
            method: "gateway.stop",
            source: Box::new(ErrorShape::missing_scope(Scope::Admin, 4)),
        };
        for (error, want) in [
            (refused_by_kernel, "openclaw gateway start"),
            (
                refused(refusal::TOKEN_MISMATCH, Some("/s/token")),
                "/s/token",
            ),
            (
                refused(refusal::TOKEN_MISSING, None),
                "openclaw gateway token",
            ),
            (refused(refusal::RATE_LIMITED, Some("x")), "wait"),
            (forbidden, "operator.admin"),
        ] {
            let hint = error.hint().unwrap();
            assert!(hint.contains(want), "{error}: {hint}");
        }
    }

    #[test]
    fn only_what_may_pass_is_worth_another_try() {
        let closed = Error::Closed {
            code: Some(1012),
            reason: String::new(),
        };
        let busy = ErrorShape::new(ErrorCode::Unavailable, "busy").with_retry(Some(5));
        let busy = Error::Rejected {
            method: "agent",
            source: Box::new(busy),
        };
        assert!(closed.is_transient() && busy.is_transient());
        assert!(!refused(refusal::TOKEN_MISMATCH, None).is_transient());
        assert!(!Error::Protocol { expected: 9 }.is_transient());
    }
}
