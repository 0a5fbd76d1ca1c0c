//! Why a request has no answer.

use std::io;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection was refused, reset, or its name is unknown.
    #[error("connect")]
    Connect {
        /// The cause.
        source: reqwest::Error,
    },
    /// The connection did not stand in time.
    #[error("connect in time")]
    ConnectDeadline {
        /// The cause.
        source: reqwest::Error,
    },
    /// The connection broke.
    #[error("read the answer")]
    Broken {
        /// The cause.
        source: reqwest::Error,
    },
    /// The answer has more bytes than are taken.
    #[error("the answer has more than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The machine has no root certificates, so nothing can be trusted.
    #[error("read the system's root certificates")]
    Roots {
        /// The cause.
        source: reqwest::Error,
    },
    /// The client could not be made.
    #[error("make an HTTP client")]
    Client {
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// What the other side did, after its address, where one word says it all; the causes repeat themselves.
    pub(crate) fn brief(&self) -> Option<&'static str> {
        match self {
            Self::Connect { source } if is_refused(source) => Some("refuses the connection"),
            Self::Connect { source } if is_unknown_host(source) => Some("has an unknown name"),
            Self::ConnectDeadline { .. } => Some("did not take the connection in time"),
            _ => None,
        }
    }

    /// What a person may do about it.
    #[must_use]
    pub fn hint(&self, address: &str) -> Option<String> {
        match self {
            Self::Connect { source } if is_certificate(source) => Some(format!(
                "the certificate of {address} is not trusted by this machine"
            )),
            Self::Connect { source } if is_unknown_host(source) => {
                Some(format!("no machine is known by the name in {address}"))
            }
            Self::Connect { .. } | Self::ConnectDeadline { .. } => {
                Some(format!("check that a server listens at {address}"))
            }
            Self::Roots { .. } => Some("install the package `ca-certificates`".to_owned()),
            Self::Broken { .. } | Self::TooLarge { .. } | Self::Client { .. } => None,
        }
    }
}

/// Causes of an error, outermost first.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_refused(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
    })
}

fn is_certificate(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        // A TLS failure travels inside an IO error.
        let inner = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let error = inner.or_else(|| cause.downcast_ref::<rustls::Error>());
        matches!(error, Some(rustls::Error::InvalidCertificate(_)))
    })
}

/// The resolver's failure has no type of its own to be told by.
fn is_unknown_host(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.to_string() == "dns error")
}
