//! Sockets of another user: the tokenless rule looks at who owns the other end.

use std::{
    io,
    net::{SocketAddr, TcpStream},
};

use rustix::process::Uid;

/// `nobody` on every Linux.
pub const NOBODY: u32 = 65_534;

/// Connects as another user. Only the thread that does it changes its user, and it ends with the connection made.
///
/// # Errors
/// When we may not become that user, or the connection is refused.
pub fn connect_as(uid: u32, address: SocketAddr) -> io::Result<TcpStream> {
    let connecting = std::thread::spawn(move || {
        let uid = Uid::from_raw(uid);
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        TcpStream::connect(address)
    });
    connecting
        .join()
        .unwrap_or_else(|_panic| Err(io::Error::other("the connecting thread panicked")))
}

/// Whether this process may become other users.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
