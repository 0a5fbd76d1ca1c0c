//! Which user owns the other end of a loopback connection: one question to the kernel's socket diagnostics.
//!
//! The tokenless rule holds only for our own user, so a connection from another user or a container is told apart
//! here. Wherever the answer can't be had the caller must ask for the token: it fails closed.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use rustix::{
    fd::AsFd,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send,
        socket_with,
    },
};

/// `SOCK_DIAG_BY_FAMILY` of `linux/sock_diag.h`.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST` of `linux/netlink.h`.
const NLM_F_REQUEST: u16 = 1;
/// The netlink header (16 bytes) and `struct inet_diag_req_v2` (56 bytes).
const REQUEST_BYTES: usize = 72;
/// Offset of `idiag_uid` in an answer: netlink header 16, then family to retrans 4, the socket id 48, three words.
const UID_OFFSET: usize = 16 + 4 + 48 + 12;
/// Offset of `idiag_state`, the byte after the family.
const STATE_OFFSET: usize = 16 + 1;
/// `TCP_ESTABLISHED` of `linux/tcp_states.h`.
const TCP_ESTABLISHED: u8 = 1;
/// Offset of `idiag_inode`, the word after it.
const INODE_OFFSET: usize = UID_OFFSET + 4;

/// The user id that owns the peer's socket of a TCP connection between two loopback addresses of this machine.
///
/// # Errors
/// When the kernel can't be asked, knows no such socket, or the answer is not understood.
pub fn uid(peer: SocketAddr, local: SocketAddr) -> io::Result<u32> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        Some(netlink::SOCK_DIAG),
    )?;
    let _sent = send(socket.as_fd(), &request(peer, local)?, SendFlags::empty())?;
    let mut answer = [0_u8; 1024];
    // The kernel answers a single look-up inside the send, so there is nothing to wait for.
    let (length, _) = recv(socket.as_fd(), &mut answer[..], RecvFlags::empty())?;
    parse(answer.get(..length).unwrap_or_default())
}

fn request(peer: SocketAddr, local: SocketAddr) -> io::Result<[u8; REQUEST_BYTES]> {
    let (family, source, target) = match (peer.ip(), local.ip()) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            (2_u8, padded(&source.octets()), padded(&target.octets()))
        }
        (IpAddr::V6(source), IpAddr::V6(target)) => (10_u8, source.octets(), target.octets()),
        _ => return Err(io::Error::from(io::ErrorKind::InvalidInput)),
    };
    let mut bytes = [0_u8; REQUEST_BYTES];
    bytes[0..4].copy_from_slice(&72_u32.to_ne_bytes());
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    bytes[16] = family;
    // IPPROTO_TCP.
    bytes[17] = 6;
    bytes[20..24].copy_from_slice(&u32::MAX.to_ne_bytes());
    bytes[24..26].copy_from_slice(&peer.port().to_be_bytes());
    bytes[26..28].copy_from_slice(&local.port().to_be_bytes());
    bytes[28..44].copy_from_slice(&source);
    bytes[44..60].copy_from_slice(&target);
    // No cookie: INET_DIAG_NOCOOKIE is all ones.
    bytes[64..72].copy_from_slice(&[0xff; 8]);
    Ok(bytes)
}

fn padded(octets: &[u8; 4]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(octets);
    bytes
}

fn parse(answer: &[u8]) -> io::Result<u32> {
    let kind = answer
        .get(4..6)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u16::from_ne_bytes);
    let word = |offset: usize| {
        let bytes = answer.get(offset..offset + 4)?;
        bytes.try_into().ok().map(u32::from_ne_bytes)
    };
    // In any other state, listening included, it is not the other end of a connection that somebody holds.
    if answer.get(STATE_OFFSET) != Some(&TCP_ESTABLISHED) {
        return Err(io::Error::from(io::ErrorKind::NotConnected));
    }
    match (kind, word(UID_OFFSET), word(INODE_OFFSET)) {
        // A socket that its program has closed has no inode, and many kernels then say that root owns it.
        (Some(SOCK_DIAG_BY_FAMILY), Some(uid), Some(1..)) => Ok(uid),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn our_own_connection_belongs_to_us() {
        let ours = rustix::process::getuid().as_raw();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                continue;
            };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, peer) = listener.accept().unwrap();
            assert_eq!(
                uid(peer, server.local_addr().unwrap()).unwrap(),
                ours,
                "{address}"
            );
            drop(client);
        }
    }

    #[test]
    fn a_connection_whose_program_is_gone_belongs_to_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        let local = server.local_addr().unwrap();
        assert!(uid(peer, local).is_ok());
        drop(client);
        assert!(uid(peer, local).is_err());
    }

    #[test]
    fn an_unknown_connection_is_an_error_and_not_a_user() {
        let peer = "127.0.0.1:1".parse().unwrap();
        assert!(uid(peer, "127.0.0.1:2".parse().unwrap()).is_err());
        assert!(uid(peer, "[::1]:2".parse().unwrap()).is_err());
    }
}
