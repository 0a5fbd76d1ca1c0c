use super::*;

const LOOPBACK: &str = "127.0.0.1:50000";

fn options() -> Options {
    Options {
        trusted_proxies: vec![Network::parse("10.1.2.3").unwrap()],
        allowed_hosts: vec![
            "gateway.example".to_owned(),
            "ported.example:8443".to_owned(),
        ],
        allowed_origins: vec!["https://dash.example".to_owned()],
        bound_to_loopback: true,
    }
}

fn admit_with(peer: &str, pairs: &[(&str, &str)]) -> Result<Sender, u16> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    admit(&options(), peer.parse().unwrap(), &Method::GET, &headers)
        .map_err(|refusal| refusal.status.as_u16())
}

fn local(pairs: &[(&str, &str)]) -> Result<bool, u16> {
    admit_with(LOOPBACK, pairs).map(|sender| sender.local_program)
}

#[test]
fn a_local_program_may_speak_without_a_token() {
    for host in [
        "127.0.0.1:18789",
        "localhost",
        "LOCALHOST:1",
        "localhost.",
        "[::1]:18789",
        "127.9.9.9",
    ] {
        assert_eq!(local(&[("host", host)]), Ok(true), "{host}");
    }
}

#[test]
fn node_sends_sec_fetch_mode_alone_and_is_still_local() {
    assert_eq!(
        local(&[("host", "127.0.0.1:18789"), ("sec-fetch-mode", "websocket")]),
        Ok(true)
    );
}

#[test]
fn malformed_hosts_are_answered_with_400() {
    for host in [
        "[",
        "[::1",
        "",
        "a b",
        "user@localhost",
        "http://localhost",
        "localhost:x:y",
        "[zz]:1",
        "\u{e9}",
    ] {
        assert_eq!(local(&[("host", host)]), Err(400), "{host:?}");
    }
    assert_eq!(local(&[]), Err(400));
    assert_eq!(
        local(&[("host", "localhost"), ("host", "localhost")]),
        Err(400)
    );
}

#[test]
fn foreign_hosts_are_refused_so_that_dns_rebinding_fails() {
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.168.1.7:18789",
        "0.0.0.0",
    ] {
        assert_eq!(local(&[("host", host)]), Err(403), "{host}");
    }
    assert_eq!(local(&[("host", "gateway.example:443")]), Ok(false));
    assert_eq!(local(&[("host", "ported.example:8443")]), Ok(false));
    assert_eq!(local(&[("host", "ported.example:443")]), Err(403));
}

#[test]
fn a_browser_never_counts_as_a_local_program() {
    let host = ("host", "127.0.0.1:18789");
    assert_eq!(
        local(&[host, ("origin", "http://127.0.0.1:18789")]),
        Ok(false)
    );
    assert_eq!(
        local(&[host, ("origin", "https://dash.example")]),
        Ok(false)
    );
    assert_eq!(local(&[host, ("cookie", "a=b")]), Ok(false));
    assert_eq!(local(&[host, ("sec-fetch-site", "none")]), Ok(false));
}

#[test]
fn foreign_origins_are_refused() {
    let host = ("host", "127.0.0.1:18789");
    for origin in [
        "null",
        "http://evil.example",
        "http://127.0.0.1:1",
        "https://dash.example.evil",
        "http://localhost:18789",
        "HTTPS://DASH.EXAMPLE",
        "file://",
        "",
    ] {
        assert_eq!(local(&[host, ("origin", origin)]), Err(403), "{origin:?}");
    }
}

#[test]
fn requests_from_another_site_are_refused_but_links_work() {
    let host = ("host", "127.0.0.1:18789");
    assert_eq!(local(&[host, ("sec-fetch-site", "cross-site")]), Err(403));
    assert_eq!(
        local(&[
            host,
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-mode", "no-cors")
        ]),
        Err(403)
    );
    assert_eq!(
        local(&[
            host,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate")
        ]),
        Ok(false)
    );
    assert_eq!(
        local(&[
            host,
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://dash.example")
        ]),
        Ok(false)
    );
}

#[test]
fn forwarding_headers_are_believed_from_listed_proxies_only() {
    for name in FORWARDING_HEADERS.into_iter().chain([
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-server",
    ]) {
        assert_eq!(
            local(&[("host", "localhost"), (name, "127.0.0.1")]),
            Err(403),
            "{name}"
        );
        let sender = admit_with(
            "10.1.2.3:99",
            &[("host", "gateway.example"), (name, "203.0.113.9")],
        )
        .unwrap();
        assert!(!sender.local_program, "{name}");
        let rebound = [("host", "anything.example"), (name, "203.0.113.9")];
        assert_eq!(admit_with("10.1.2.3:99", &rebound), Err(403), "{name}");
    }
    let mapped = admit_with(
        "[::ffff:10.1.2.3]:99",
        &[
            ("host", "localhost"),
            ("x-forwarded-for", "1.1.1.1, 203.0.113.9"),
        ],
    );
    assert_eq!(
        mapped.unwrap().address,
        "203.0.113.9".parse::<IpAddr>().unwrap()
    );
}

#[test]
fn a_listed_proxy_is_never_a_local_program_even_without_its_headers() {
    let mut options = options();
    options
        .trusted_proxies
        .push(Network::parse("127.0.0.0/8").unwrap());
    let mut headers = HeaderMap::new();
    headers.insert("host", http::HeaderValue::from_static("localhost"));
    let sender = admit(&options, LOOPBACK.parse().unwrap(), &Method::GET, &headers).unwrap();
    assert!(!sender.local_program);
}

#[test]
fn the_address_limits_count_by_has_one_form() {
    let plain = admit_with("1.2.3.4:5", &[("host", "localhost")]).unwrap();
    let mapped = admit_with("[::ffff:1.2.3.4]:5", &[("host", "localhost")]).unwrap();
    assert_eq!(plain.address, mapped.address);
}

#[test]
fn nobody_is_a_local_program_where_others_reach_the_port() {
    let mut options = options();
    options.bound_to_loopback = false;
    let mut headers = HeaderMap::new();
    headers.insert("host", http::HeaderValue::from_static("127.0.0.1:18789"));
    let peer = LOOPBACK.parse().unwrap();
    let sender = admit(&options, peer, &Method::GET, &headers).unwrap();
    assert!(!sender.local_program);
}
