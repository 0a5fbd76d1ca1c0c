//! Addresses of other programs: networks, URLs, and connection strings.

use std::net::IpAddr;

use crate::{config::Api, secret::Secret};

/// A side service: where it listens, and the whole connection string, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// As it was written.
    pub url: Secret,
}

/// Addresses that share a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Parses `10.0.0.0/8`, `fd00::/8`, or a single address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u8 = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|&prefix| prefix <= bits)?,
            None => bits,
        };
        match (address, address.to_canonical()) {
            (IpAddr::V6(_), IpAddr::V4(mapped)) => Some(Self {
                address: IpAddr::V4(mapped),
                prefix: prefix.checked_sub(96)?,
            }),
            _ => Some(Self { address, prefix }),
        }
    }

    /// Whether the address belongs to the network; a mapped IPv4 address counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let shift = 32_u32.saturating_sub(u32::from(self.prefix));
                let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
                ours.to_bits() & mask == theirs.to_bits() & mask
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let shift = 128_u32.saturating_sub(u32::from(self.prefix));
                let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
                ours.to_bits() & mask == theirs.to_bits() & mask
            }
            _ => false,
        }
    }

    /// Whether it holds every address there is, which makes a list of trusted proxies worthless.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.prefix == 0
    }
}

/// The parts of a URL that matter here.
pub(crate) struct Url<'a> {
    pub scheme: &'a str,
    pub host: &'a str,
    pub port: Option<u16>,
    /// What follows the authority, with its first slash, without query and fragment.
    pub path: &'a str,
    /// Whether a name or password stands before the host.
    pub has_credentials: bool,
    /// Whether a query or fragment follows, where keys like to hide.
    pub has_query: bool,
}

impl<'a> Url<'a> {
    /// Takes a URL apart; `None` where there is no scheme or no host, or the port is no port.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if scheme.is_empty() || !scheme.chars().all(valid) {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let path = &tail[..tail.find(['?', '#']).unwrap_or(tail.len())];
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, authority),
        };
        let (host, port) = split_port(address)?;
        Some(Self {
            scheme,
            host,
            port,
            path,
            has_credentials: credentials.is_some(),
            has_query: path.len() < tail.len(),
        })
    }
}

/// Splits `host`, `host:port`, `[::1]:port`; `None` where either part is malformed.
pub(crate) fn split_port(address: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = address.strip_prefix('[') {
        let (host, tail) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        match tail {
            "" => (host, None),
            _ => (host, Some(tail.strip_prefix(':')?)),
        }
    } else {
        match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    let valid = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(valid) {
        return None;
    }
    match port {
        Some(port) => Some((host, Some(port.parse().ok()?))),
        None => Some((host, None)),
    }
}

/// The base URL of an OpenAI-compatible server: no slash at the end, `/v1` where no version is named.
pub(crate) fn versioned(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let url = url.strip_suffix("/chat/completions").unwrap_or(url);
    if has_version(url) {
        url.to_owned()
    } else {
        format!("{url}/v1")
    }
}

/// Whether a segment of the path names a version.
fn has_version(url: &str) -> bool {
    let path = Url::parse(url).map_or("", |parts| parts.path);
    let is_version = |segment: &str| {
        let mut chars = segment.chars();
        chars.next() == Some('v') && chars.next().is_some_and(|c| c.is_ascii_digit())
    };
    path.split('/').any(is_version)
}

/// The base URL of a server that speaks this protocol: with the version segment its paths start with.
pub(crate) fn based(url: &str, api: Api) -> String {
    let url = url.trim_end_matches('/');
    match api {
        // Its own paths start with `/api`; `/v1` is its OpenAI-compatible side.
        Api::Ollama => {
            let url = url.strip_suffix("/v1").unwrap_or(url);
            url.strip_suffix("/api").unwrap_or(url).to_owned()
        }
        Api::Gemini if !has_version(url) => format!("{url}/v1beta"),
        Api::AnthropicMessages => versioned(url.strip_suffix("/messages").unwrap_or(url)),
        Api::OpenAiResponses => versioned(url.strip_suffix("/responses").unwrap_or(url)),
        Api::OpenAiCompletions | Api::Gemini => versioned(url),
    }
}

/// `OLLAMA_HOST` as a URL: scheme and port are optional, and an address to listen on becomes one to call.
pub(crate) fn ollama_url(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('/');
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let url = Url::parse(&with_scheme)?;
    let host = match url.host {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    let port = match (url.port, url.scheme) {
        (Some(port), _) => port,
        (None, "https") => 443,
        (None, _) => 11_434,
    };
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    Some(format!("{}://{host}:{port}", url.scheme))
}

/// The service behind a connection string: a URL, or PostgreSQL's `host=… port=…` words.
pub(crate) fn endpoint(url: Secret, default_port: u16) -> Option<Endpoint> {
    let text = url.expose();
    let (host, port) = if let Some(parts) = Url::parse(text) {
        (parts.host.to_owned(), parts.port)
    } else if text.contains('=') {
        let word = |name: &str| {
            text.split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        let port = match word("port") {
            Some(port) => Some(port.parse().ok()?),
            None => None,
        };
        (word("host")?.to_owned(), port)
    } else {
        let (host, port) = split_port(text)?;
        (host.to_owned(), port)
    };
    Some(Endpoint {
        host,
        port: port.unwrap_or(default_port),
        url,
    })
}

#[cfg(test)]
mod tests;
