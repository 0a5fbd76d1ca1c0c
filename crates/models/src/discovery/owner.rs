//! Which users listen on a port of this machine: what a key is shown to on loopback may be anybody's program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::http::Url;

/// Where the kernel lists the sockets of this network namespace.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// `TCP_LISTEN` of `linux/tcp_states.h`, as the tables show it.
const LISTENING: &str = "0A";

/// Another ordinary user who listens where this URL leads on loopback, if one does.
///
/// Root may read our keys anyway. Elsewhere than on loopback the owner of a socket is not ours to know.
pub(super) fn stranger(url: &str) -> Option<u32> {
    let port = loopback_port(url)?;
    let ours = rustix::process::geteuid().as_raw();
    TABLES
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .find_map(|table| stranger_in(&table, port, ours))
}

/// Whether a URL leads to this machine.
pub(super) fn is_loopback(url: &str) -> bool {
    loopback_port(url).is_some()
}

fn loopback_port(url: &str) -> Option<u16> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let is_loopback = match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback() || ip.is_unspecified(),
        Err(_name) => host == "localhost" || host.ends_with(".localhost"),
    };
    url.port_or_known_default().filter(|_port| is_loopback)
}

/// Several programs may listen on one port at different addresses; one stranger among them is enough.
fn stranger_in(table: &str, port: u16, ours: u32) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (address, listened) = words.next()?.split_once(':')?;
        let state = words.nth(1)?;
        let uid: u32 = words.nth(3)?.parse().ok()?;
        let is_it = state == LISTENING
            && u16::from_str_radix(listened, 16).ok() == Some(port)
            && is_local(address);
        (is_it && uid != ours && uid != 0).then_some(uid)
    })
}

/// Whether a socket at this address is reached over loopback. Each word of four bytes is shown as the number it is in
/// memory.
fn is_local(address: &str) -> bool {
    let words = (0..address.len()).step_by(8).map(|at| {
        let word = address.get(at..at + 8)?;
        u32::from_str_radix(word, 16).ok().map(u32::to_ne_bytes)
    });
    let bytes: Option<Vec<[u8; 4]>> = words.collect();
    let bytes = bytes.unwrap_or_default().concat();
    let ip = match (
        <[u8; 4]>::try_from(bytes.as_slice()),
        <[u8; 16]>::try_from(bytes.as_slice()),
    ) {
        (Ok(four), _) => IpAddr::V4(Ipv4Addr::from(four)),
        (_, Ok(sixteen)) => IpAddr::V6(Ipv6Addr::from(sixteen)).to_canonical(),
        // What is not understood may be anywhere.
        _ => return true,
    };
    ip.is_loopback() || ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn row(address: &str, state: &str, uid: u32) -> String {
        format!(
            "{HEAD}   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 {uid:>5}        0 1060 1 0 100 0 0 10 0\n"
        )
    }

    #[test]
    fn only_another_ordinary_user_who_listens_there_is_a_stranger() {
        let loopback = format!("{:08X}:0FA0", u32::from_ne_bytes([127, 0, 0, 1]));
        let lan = format!("{:08X}:0FA0", u32::from_ne_bytes([192, 0, 2, 7]));
        let v6 = format!("{:024X}{:08X}:0FA0", 0, u32::from_ne_bytes([0, 0, 0, 1]));
        for (address, state, uid, found) in [
            (loopback.as_str(), "0A", 1001, Some(1001)),
            ("00000000:0FA0", "0A", 1001, Some(1001)),
            (&v6, "0A", 1001, Some(1001)),
            (&loopback, "0A", 0, None),
            (&loopback, "0A", 1000, None),
            (&loopback, "01", 1001, None),
            ("00000000:0FA1", "0A", 1001, None),
            (&lan, "0A", 1001, None),
        ] {
            let table = row(address, state, uid);
            assert_eq!(stranger_in(&table, 4000, 1000), found, "{table}");
        }
        assert_eq!(stranger_in("no table", 4000, 1000), None);
    }

    #[test]
    fn only_addresses_of_loopback_are_looked_at() {
        for (url, port) in [
            ("http://127.0.0.1:4000", Some(4000)),
            ("http://localhost:4000/v1", Some(4000)),
            ("http://[::1]:4000", Some(4000)),
            ("http://127.0.0.1", Some(80)),
            ("https://litellm.example:4000", None),
            ("http://192.0.2.7:4000", None),
            ("no url", None),
        ] {
            assert_eq!(loopback_port(url), port, "{url}");
        }
    }

    #[test]
    fn we_are_no_stranger_to_ourselves() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        assert_eq!(stranger(&url), None);
    }
}
