//! How a client is made: with the system's roots only where something is encrypted.

use std::sync::Arc;

use super::{Error, Key, Options, Transport};
use crate::limits::{IDLE_CONNECTION, IDLE_CONNECTION_TLS, IDLE_CONNECTIONS_MAX};

pub(super) fn build(key: &Key, options: &Options) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("openclaw/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(key.connect)
        .tcp_nodelay(true)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    builder = if key.tls {
        install_crypto();
        builder.pool_idle_timeout(IDLE_CONNECTION_TLS)
    } else {
        builder
            .pool_idle_timeout(IDLE_CONNECTION)
            .http1_only()
            .tls_backend_preconfigured(trusting_nobody()?)
    };
    match (&key.transport, &options.proxy) {
        (Transport::Unix(path), _) => builder = builder.unix_socket(path.as_path()),
        (Transport::Tcp, Some(proxy)) => {
            let proxy = reqwest::Proxy::all(proxy).map_err(|source| Error::Client {
                source: source.into(),
            })?;
            let loopback = reqwest::NoProxy::from_string("localhost,127.0.0.0/8,::1");
            builder = builder.proxy(proxy.no_proxy(loopback));
        }
        (Transport::Tcp, None) => {}
    }
    builder.build().map_err(|source| {
        if key.tls {
            Error::Roots { source }
        } else {
            Error::Client {
                source: source.into(),
            }
        }
    })
}

/// Names ring as the process's cryptography, unless something did so before.
fn install_crypto() {
    // The only failure is that one is installed, which is what we want.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
}

/// TLS that trusts no certificate: plain connections need none, and reading the system's takes memory and time.
fn trusting_nobody() -> Result<rustls::ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| Error::Client {
            source: source.into(),
        })?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(config)
}
