//! Who may even speak HTTP to us: Host, Origin, fetch metadata and forwarding headers, decided before anything else.
//!
//! Pure: headers and the peer's address in, a verdict out.
//! Localhost is not a trust boundary: any web page in the user's browser can reach a loopback port, so a request that
//! shows any sign of a browser or a proxy must match a list, and anything malformed is refused.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use openclaw_config::Network;

/// Headers that a proxy adds. Any of them from a peer that is not a listed proxy is refused, because believing them
/// lets a caller choose its own address, and ignoring them hides that the caller is not local.
const FORWARDING_HEADERS: [&str; 10] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-forwarded",
];
/// Further ones share this beginning: `x-forwarded-for`, `-host`, `-proto`, `-port`, `-server` and whatever comes.
const FORWARDING_PREFIX: &str = "x-forwarded-";

/// What the operator allows beyond loopback.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Reverse proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// Host names accepted besides loopback ones, in lower case; one with a port is accepted with that port only.
    pub allowed_hosts: Vec<String>,
    /// Origins accepted besides our own, exact: `https://dash.example`.
    pub allowed_origins: Vec<String>,
    /// Whether the listener itself is bound to loopback.
    pub bound_to_loopback: bool,
}

/// What is known of an admitted request's sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Whether the tokenless rule may apply: a local program, not a browser, not a proxy. The peer's user still has to
    /// be looked up.
    pub local_program: bool,
    /// The user of this machine who owns the other end, where it was looked up.
    pub user: Option<u32>,
    /// The browser origin, when the request named one.
    pub origin: Option<String>,
    /// The address that limits are counted by, in canonical form.
    pub address: IpAddr,
}

/// Why a request is refused, in words for the answer's body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// 400 for what is malformed, 403 for what is not allowed.
    pub status: StatusCode,
    /// What is wrong and which setting would allow it.
    pub reason: &'static str,
}

const fn malformed(reason: &'static str) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        reason,
    }
}

const fn forbidden(reason: &'static str) -> Refusal {
    Refusal {
        status: StatusCode::FORBIDDEN,
        reason,
    }
}

/// Decides whether a request may go on.
///
/// # Errors
/// The refusal to answer with.
pub fn admit(
    options: &Options,
    peer: SocketAddr,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Sender, Refusal> {
    let peer_ip = canonical(peer.ip());
    let proxied = headers.keys().any(|name| {
        name.as_str().starts_with(FORWARDING_PREFIX) || FORWARDING_HEADERS.contains(&name.as_str())
    });
    let listed_proxy = options
        .trusted_proxies
        .iter()
        .any(|network| network.contains(peer_ip));
    if proxied && !listed_proxy {
        return Err(forbidden(
            "forwarding headers from an address that gateway.trustedProxies does not list",
        ));
    }
    let (authority, host) = host(headers)?;
    let loopback_host = is_loopback_host(host);
    let listed = |name: &str| {
        options
            .allowed_hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(name))
    };
    // A proxy's requests too: a page under a rebound name can set a forwarding header and come through no proxy at all.
    if !loopback_host && !listed(host) && !listed(authority) {
        return Err(forbidden(
            "this Host is not allowed; list it in gateway.allowedHosts",
        ));
    }
    let origin = origin(options, headers)?;
    cross_site(method, headers, origin.is_some())?;
    let browser = origin.is_some()
        || headers.contains_key("sec-fetch-site")
        || headers.contains_key(header::COOKIE);
    let local_program = peer_ip.is_loopback()
        && options.bound_to_loopback
        && loopback_host
        && !browser
        && !proxied
        && !listed_proxy;
    Ok(Sender {
        local_program,
        user: None,
        origin,
        address: client_address(headers, proxied).unwrap_or(peer_ip),
    })
}

/// The one Host header, with and without its port.
fn host(headers: &HeaderMap) -> Result<(&str, &str), Refusal> {
    let text = only(headers, &header::HOST, "exactly one Host header is needed")?
        .ok_or_else(|| malformed("exactly one Host header is needed"))?;
    let authority: http::uri::Authority = text
        .parse()
        .map_err(|_unparsable| malformed("the Host header is not a host and port"))?;
    if text.contains('@') || authority.host().is_empty() {
        return Err(malformed("the Host header is not a host and port"));
    }
    let name = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => text.split(':').next().unwrap_or_default(),
    };
    if text.starts_with('[') && name.parse::<Ipv6Addr>().is_err() {
        return Err(malformed("the Host header is not a host and port"));
    }
    Ok((text, name))
}

fn is_loopback_host(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|ip| canonical(ip).is_loopback())
}

/// The Origin, if there is one and it is allowed: listed, or our own page (same host and port as the request).
fn origin(options: &Options, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(origin) = only(headers, &header::ORIGIN, "more than one Origin header")? else {
        return Ok(None);
    };
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let own = ["http://", "https://"].iter().any(|scheme| {
        origin
            .strip_prefix(scheme)
            .is_some_and(|rest| rest.eq_ignore_ascii_case(host))
    });
    if own
        || options
            .allowed_origins
            .iter()
            .any(|allowed| allowed == origin)
    {
        return Ok(Some(origin.to_owned()));
    }
    Err(forbidden(
        "this Origin is not allowed; list it in gateway.allowedOrigins",
    ))
}

/// Refuses what a browser marks as sent by another site, except following a link.
fn cross_site(method: &Method, headers: &HeaderMap, origin_allowed: bool) -> Result<(), Refusal> {
    let Some(site) = headers
        .get("sec-fetch-site")
        .map(http::HeaderValue::as_bytes)
    else {
        return Ok(());
    };
    let navigation = method == Method::GET
        && headers
            .get("sec-fetch-mode")
            .is_some_and(|mode| mode == "navigate");
    match site {
        b"same-origin" | b"none" => Ok(()),
        _ if origin_allowed || navigation => Ok(()),
        _ => Err(forbidden("requests sent by another site are not allowed")),
    }
}

fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    reason: &'static str,
) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(malformed(reason));
    }
    first
        .map(|value| {
            value
                .to_str()
                .map_err(|_not_ascii| malformed("a header holds bytes that are not ASCII"))
        })
        .transpose()
}

/// The client's address as a listed proxy reports it: the last hop that the proxy itself appended.
fn client_address(headers: &HeaderMap, proxied: bool) -> Option<IpAddr> {
    if !proxied {
        return None;
    }
    let list = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()?
        .to_str()
        .ok()?;
    list.rsplit(',').next()?.trim().parse().ok().map(canonical)
}

/// One form for one address: an IPv4 address mapped into IPv6 is that IPv4 address.
#[must_use]
pub fn canonical(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests;
