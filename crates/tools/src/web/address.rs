//! Which addresses are the public internet, and which are this machine, its network, or a way to them.
//!
//! A name is judged by the addresses it has, never by its spelling: whoever connects asks about the very address that
//! is connected to, after the name was resolved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This machine.
    #[error("this machine")]
    Loopback,
    /// No address at all, or this machine by another name.
    #[error("no address of a host")]
    Unspecified,
    /// A private network, that of a provider's customers included.
    #[error("a private network")]
    Private,
    /// Only the same cable; clouds answer here with keys.
    #[error("the local link")]
    LinkLocal,
    /// Several hosts at once.
    #[error("a group of hosts")]
    Multicast,
    /// Kept for documents, tests, or the future.
    #[error("a reserved range")]
    Reserved,
    /// An address of the new protocol that leads to one of the old through a translator we can't look into.
    #[error("a tunnel")]
    Tunnel,
}

/// Judges an address. One within another is judged as both.
///
/// # Errors
/// Says which kind of place it is.
pub fn check(address: IpAddr) -> Result<(), Refusal> {
    match address {
        IpAddr::V4(address) => check_v4(address),
        IpAddr::V6(address) => check_v6(address),
    }
}

fn check_v4(address: Ipv4Addr) -> Result<(), Refusal> {
    let refusal = match address.octets() {
        [0, ..] => Refusal::Unspecified,
        [127, ..] => Refusal::Loopback,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Refusal::Private,
        [169, 254, ..] => Refusal::LinkLocal,
        [224..=239, ..] => Refusal::Multicast,
        // Protocol assignments, documents, 6to4 relays, benchmarks, and what is left for the future.
        [192, 0, 0 | 2, _]
        | [192, 31, 196, _]
        | [192, 52, 193, _]
        | [192, 88, 99, _]
        | [192, 175, 48, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => Refusal::Reserved,
        _ => return Ok(()),
    };
    Err(refusal)
}

fn check_v6(address: Ipv6Addr) -> Result<(), Refusal> {
    let refusal = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Refusal::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Refusal::Loopback,
        // Mapped, and the deprecated compatible form: the old address is where it leads.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => return check_v4(joined(high, low)),
        // NAT64, 6to4, Teredo, ISATAP: the translator may stand in our own network.
        [0x64, 0xff9b, ..] | [0x2002, ..] | [0x2001, 0, ..] | [.., 0 | 0x200, 0x5efe, _, _] => {
            Refusal::Tunnel
        }
        // SIIT.
        [0, 0, 0, 0, 0xffff, 0, _, _] => Refusal::Tunnel,
        [0xfe80..=0xfebf, ..] => Refusal::LinkLocal,
        // Unique local, and the site-local range before it.
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Refusal::Private,
        [0xff00..=0xffff, ..] => Refusal::Multicast,
        // Documents, benchmarks, identifiers of hosts, and the range for protocols around them.
        [0x2001, 0xdb8, ..] | [0x2001, 1..=0x1ff, ..] | [0x3fff, 0..=0xfff, ..] => {
            Refusal::Reserved
        }
        // Only this eighth of the space is given out.
        [0x2000..=0x3fff, ..] => return Ok(()),
        _ => Refusal::Reserved,
    };
    Err(refusal)
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REFUSED: [(&str, Refusal); 62] = [
        ("0.0.0.0", Refusal::Unspecified),
        ("0.0.0.1", Refusal::Unspecified),
        ("0.255.255.255", Refusal::Unspecified),
        ("127.0.0.1", Refusal::Loopback),
        ("127.0.0.2", Refusal::Loopback),
        ("127.255.255.255", Refusal::Loopback),
        ("10.0.0.0", Refusal::Private),
        ("10.255.255.255", Refusal::Private),
        ("172.16.0.1", Refusal::Private),
        ("172.31.255.255", Refusal::Private),
        ("192.168.0.1", Refusal::Private),
        ("192.168.255.255", Refusal::Private),
        ("100.64.0.1", Refusal::Private),
        ("100.100.100.200", Refusal::Private),
        ("100.127.255.255", Refusal::Private),
        ("169.254.0.1", Refusal::LinkLocal),
        ("169.254.169.254", Refusal::LinkLocal),
        ("169.254.170.2", Refusal::LinkLocal),
        ("192.0.0.1", Refusal::Reserved),
        ("192.0.0.192", Refusal::Reserved),
        ("192.0.2.1", Refusal::Reserved),
        ("192.88.99.1", Refusal::Reserved),
        ("198.18.0.1", Refusal::Reserved),
        ("198.19.255.255", Refusal::Reserved),
        ("198.51.100.1", Refusal::Reserved),
        ("203.0.113.1", Refusal::Reserved),
        ("224.0.0.1", Refusal::Multicast),
        ("239.255.255.250", Refusal::Multicast),
        ("240.0.0.1", Refusal::Reserved),
        ("255.255.255.255", Refusal::Reserved),
        ("::", Refusal::Unspecified),
        ("::1", Refusal::Loopback),
        ("::127.0.0.1", Refusal::Loopback),
        ("::ffff:127.0.0.1", Refusal::Loopback),
        ("::ffff:7f00:1", Refusal::Loopback),
        ("::ffff:0.0.0.0", Refusal::Unspecified),
        ("::ffff:10.0.0.1", Refusal::Private),
        ("::ffff:169.254.169.254", Refusal::LinkLocal),
        ("::ffff:a9fe:a9fe", Refusal::LinkLocal),
        ("::ffff:192.168.1.1", Refusal::Private),
        ("::ffff:100.64.0.1", Refusal::Private),
        ("::10.0.0.1", Refusal::Private),
        ("::ffff:0:127.0.0.1", Refusal::Tunnel),
        ("64:ff9b::7f00:1", Refusal::Tunnel),
        ("64:ff9b::8.8.8.8", Refusal::Tunnel),
        ("64:ff9b:1::1", Refusal::Tunnel),
        ("2002:7f00:1::", Refusal::Tunnel),
        ("2002:a9fe:a9fe::1", Refusal::Tunnel),
        ("2001::1", Refusal::Tunnel),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Refusal::Tunnel),
        ("2a00::5efe:7f00:1", Refusal::Tunnel),
        ("2a00::200:5efe:10.0.0.1", Refusal::Tunnel),
        ("fe80::1", Refusal::LinkLocal),
        ("febf::1", Refusal::LinkLocal),
        ("fec0::1", Refusal::Private),
        ("fc00::1", Refusal::Private),
        ("fd00:ec2::254", Refusal::Private),
        ("ff02::1", Refusal::Multicast),
        ("2001:db8::1", Refusal::Reserved),
        ("3fff::1", Refusal::Reserved),
        ("100::1", Refusal::Reserved),
        ("4000::1", Refusal::Reserved),
    ];

    #[test]
    fn every_form_of_an_inner_address_is_refused() {
        for (text, expected) in REFUSED {
            assert_eq!(check(text.parse().unwrap()), Err(expected), "{text}");
        }
    }

    #[test]
    fn the_public_internet_is_reached() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.0",
            "192.167.0.1",
            "192.169.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::8",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(check(text.parse().unwrap()), Ok(()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_address_and_its_mapped_form_are_judged_alike(bits: u32) {
            let address = Ipv4Addr::from(bits);
            let mapped = IpAddr::V6(address.to_ipv6_mapped());
            prop_assert_eq!(check(IpAddr::V4(address)), check(mapped));
        }
    }
}
