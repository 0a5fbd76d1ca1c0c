//! Port, bind, token, proxies, hosts, and origins.

use std::net::{IpAddr, Ipv4Addr};

use super::{COMMAND_LINE, Checker, ENVIRONMENT, PORT_VARIABLE};
use crate::{
    config::Gateway,
    endpoint::{self, Network, Url},
    problem::Severity,
    secret::Secret,
    section::Section,
};

/// Shorter tokens can be guessed; ours have 64 characters.
const TOKEN_BYTES_MIN: usize = 16;

const TOKEN_VARIABLE: &str = "OPENCLAW_GATEWAY_TOKEN";
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Whether the gateway may be opened to a network.
enum Auth {
    /// Token authentication was written down.
    Stated,
    /// Nothing was said about it.
    Unsaid,
    /// Something else than a token was asked for.
    Refused,
}

impl Checker<'_> {
    pub(super) fn gateway(&mut self, root: &Section<'_>) -> Gateway {
        let gateway = root.section("gateway");
        if gateway.text("mode") == Some("remote") {
            self.warning(
                gateway.at("mode"),
                gateway.path_of("mode"),
                "this gateway is always local; the key has no effect",
            );
        }
        let token = self.token(&gateway);
        let auth = self.auth(&gateway, token.as_ref());
        Gateway {
            port: self.port(root, &gateway),
            bind: self.bind(&gateway, &auth, token.as_ref()),
            token,
            trusted_proxies: self.trusted_proxies(&gateway),
            allowed_hosts: self.allowed_hosts(&gateway),
            allowed_origins: self.allowed_origins(&gateway),
        }
    }

    fn port(&mut self, root: &Section<'_>, gateway: &Section<'_>) -> u16 {
        if let Some(port) = self.overrides.port {
            return port;
        }
        if let Some(text) = self.environment.value(PORT_VARIABLE) {
            match text.trim().parse() {
                Ok(port) => return port,
                Err(_) => self
                    .problems
                    .outside(
                        Severity::Degraded,
                        ENVIRONMENT,
                        PORT_VARIABLE,
                        "not a port number; it is ignored",
                    )
                    .hint("write a number from 0 to 65535"),
            }
        }
        let older = root.section("collective").section("configuration");
        gateway
            .stated("port")
            .or_else(|| older.stated("gateway_port"))
            .unwrap_or_else(|| gateway.number("port"))
    }

    fn token(&mut self, gateway: &Section<'_>) -> Option<Secret> {
        let auth = gateway.section("auth");
        let from_environment = self.variable_secret(TOKEN_VARIABLE);
        let in_environment = from_environment.is_some();
        let token = from_environment.or_else(|| auth.secret("token"))?;
        let usable = token.expose().bytes().all(|b| b.is_ascii_graphic());
        let (severity, message) = match token.expose().len() {
            _ if !usable => (
                Severity::Degraded,
                "a token holds visible ASCII characters only; the token file is used instead",
            ),
            0..TOKEN_BYTES_MIN => (Severity::Warning, "a token this short can be guessed"),
            _ => return Some(token),
        };
        let added = if in_environment {
            self.problems
                .outside(severity, ENVIRONMENT, TOKEN_VARIABLE, message)
        } else {
            let (at, path) = (auth.at("token"), auth.path_of("token"));
            self.problems.at(severity, at, path, message)
        };
        added.hint("leave it out: a good one is made at the first start");
        usable.then_some(token)
    }

    fn auth(&mut self, gateway: &Section<'_>, token: Option<&Secret>) -> Auth {
        let auth = gateway.section("auth");
        match auth.text("mode") {
            Some("token") => Auth::Stated,
            None if token.is_some() => Auth::Stated,
            None => Auth::Unsaid,
            Some(_) => {
                self.degraded(
                    auth.at("mode"),
                    auth.path_of("mode"),
                    "only token authentication exists here; it is used",
                )
                .hint("write \"token\"; local programs of the same user may talk with agents without one");
                Auth::Refused
            }
        }
    }

    fn bind(&mut self, gateway: &Section<'_>, auth: &Auth, token: Option<&Secret>) -> IpAddr {
        let address = self.bind_address(gateway);
        if address.is_loopback() {
            return address;
        }
        let why = match auth {
            Auth::Stated if token.is_some_and(|token| token.expose().len() < TOKEN_BYTES_MIN) => {
                format!("its token is shorter than {TOKEN_BYTES_MIN} characters")
            }
            Auth::Stated => return address,
            Auth::Unsaid => "no authentication is written down".to_owned(),
            Auth::Refused => "`gateway.auth.mode` is not `token`".to_owned(),
        };
        let message = format!("{address} can be reached from other machines, and {why}");
        let added = if self.overrides.bind.is_some() {
            self.problems
                .outside(Severity::Fatal, COMMAND_LINE, "--bind", message)
        } else {
            self.problems.at(
                Severity::Fatal,
                gateway.at("bind"),
                gateway.path_of("bind"),
                message,
            )
        };
        added.hint(
            "add `gateway: { auth: { mode: \"token\" } }`, or keep the loopback bind behind an authenticated proxy",
        );
        LOOPBACK
    }

    fn bind_address(&mut self, gateway: &Section<'_>) -> IpAddr {
        let stated = self.overrides.bind.as_deref();
        let text = stated.unwrap_or_else(|| gateway.text_or_default("bind"));
        let text = match text.trim() {
            "custom" => gateway.text("customBindHost").unwrap_or("custom"),
            text => text,
        };
        if let Some(address) = named_address(text) {
            return address;
        }
        let message = "not `loopback`, `lan`, or an address; the gateway stays on 127.0.0.1";
        let added = match stated {
            Some(_) => self
                .problems
                .outside(Severity::Degraded, COMMAND_LINE, "--bind", message),
            None => self.degraded(gateway.at("bind"), gateway.path_of("bind"), message),
        };
        added.hint("write \"loopback\", \"lan\", or an address of this machine");
        LOOPBACK
    }

    fn trusted_proxies(&mut self, gateway: &Section<'_>) -> Vec<Network> {
        let mut networks = Vec::new();
        for (at, path, text) in gateway.text_items("trustedProxies") {
            match Network::parse(text) {
                Some(network) if network.is_everything() => self
                    .degraded(at, path, "this trusts every address; it is left out")
                    .hint("list your proxy's own address"),
                Some(network) => networks.push(network),
                None => self
                    .degraded(at, path, "not an address or network; it is left out")
                    .hint("write \"127.0.0.1\" or \"10.0.0.0/8\""),
            }
        }
        networks
    }

    fn allowed_hosts(&mut self, gateway: &Section<'_>) -> Vec<String> {
        let mut hosts = Vec::new();
        for (at, path, text) in gateway.text_items("allowedHosts") {
            match endpoint::split_port(text) {
                Some(_) => hosts.push(text.to_lowercase()),
                None => self
                    .degraded(at, path, "not a host name; it is left out")
                    .hint("write \"gateway.example.org\", without scheme or path"),
            }
        }
        hosts
    }

    fn allowed_origins(&mut self, gateway: &Section<'_>) -> Vec<String> {
        let mut origins = Vec::new();
        let pages = gateway.section("controlUi");
        let listed = gateway.text_items("allowedOrigins");
        for (at, path, text) in listed.into_iter().chain(pages.text_items("allowedOrigins")) {
            match origin(text) {
                Some(origin) if origins.contains(&origin) => {}
                Some(origin) => origins.push(origin),
                None => self
                    .degraded(at, path, "not a web origin; it is left out")
                    .hint("write \"https://dash.example.org\" or \"http://host:3000\"; `*` is never allowed"),
            }
        }
        origins
    }
}

/// An address as `bind` names it.
pub(super) fn named_address(text: &str) -> Option<IpAddr> {
    match text.trim().to_ascii_lowercase().as_str() {
        "loopback" | "localhost" | "auto" | "local" => return Some(LOOPBACK),
        "lan" | "all" | "any" => return Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        _ => {}
    }
    let text = text.trim();
    text.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// An origin as browsers send it: lower case, no path, no default port.
fn origin(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let url = Url::parse(&text)?;
    let default_port = match url.scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    if url.has_credentials || url.has_query || !matches!(url.path, "" | "/") {
        return None;
    }
    let host = if url.host.contains(':') {
        format!("[{}]", url.host)
    } else {
        url.host.to_owned()
    };
    let port = url.port.filter(|&port| port != default_port);
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{}://{host}{port}", url.scheme))
}
