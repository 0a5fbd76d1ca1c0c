use super::*;
use crate::secret::Origin;

#[test]
fn a_network_holds_the_addresses_of_its_prefix() {
    for (network, inside, outside) in [
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
        ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
        ("192.168.1.77/24", "192.168.1.1", "192.168.2.1"),
        ("10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1"),
        ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.1"),
        ("fd00::/8", "fdff::1", "fe80::1"),
        ("::1", "::1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "::1"),
    ] {
        let parsed = Network::parse(network).unwrap();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(parsed.contains(address(inside)), "{network} {inside}");
        assert!(!parsed.contains(address(outside)), "{network} {outside}");
    }
    for text in [
        "",
        "x",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "10.0.0",
        "::1/129",
        "::ffff:1.2.3.4/90",
    ] {
        assert_eq!(Network::parse(text), None, "{text}");
    }
    assert!(Network::parse("0.0.0.0/0").unwrap().is_everything());
}

#[test]
fn a_connection_string_gives_host_and_port() {
    for (text, found) in [
        (
            "postgresql://u:p@postgres:5433/db",
            Some(("postgres", 5433)),
        ),
        (
            "postgres://postgres/db?sslmode=disable",
            Some(("postgres", 5)),
        ),
        ("redis://:p@ss@host:6380/0", Some(("host", 6380))),
        ("redis://[::1]:1", Some(("::1", 1))),
        ("host=db port=7 password=x", Some(("db", 7))),
        ("host=db", Some(("db", 5))),
        ("db:9", Some(("db", 9))),
        ("db", Some(("db", 5))),
        ("user=x", None),
        ("redis://", None),
        ("redis://h:port", None),
        ("redis://h:70000", None),
        ("a b", None),
        ("", None),
    ] {
        let endpoint = endpoint(Secret::new(text, Origin::Inline), 5);
        let found_here = endpoint.as_ref().map(|it| (it.host.as_str(), it.port));
        assert_eq!(found_here, found, "{text}");
    }
}

#[test]
fn ollamas_variable_becomes_an_address_to_call() {
    for (text, url) in [
        ("0.0.0.0", Some("http://127.0.0.1:11434")),
        ("0.0.0.0:8080", Some("http://127.0.0.1:8080")),
        ("[::]:1", Some("http://[::1]:1")),
        ("gpu", Some("http://gpu:11434")),
        ("http://gpu/", Some("http://gpu:11434")),
        ("https://gpu", Some("https://gpu:443")),
        ("http://u:p@gpu:1", Some("http://gpu:1")),
        ("a b", None),
        (":1", None),
    ] {
        assert_eq!(ollama_url(text).as_deref(), url, "{text}");
    }
}
