//! Marks every descriptor above 2 to close when the program is executed, whoever opened it.

use std::{io, os::fd::BorrowedFd, str::FromStr};

use rustix::io::FdFlags;

/// Marks them all; those we own ourselves are marked already.
pub(super) fn close_on_exec() -> io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| i32::from_str(name).ok());
        if let Some(number) = number.filter(|number| *number > 2) {
            mark(number)?;
        }
    }
    Ok(())
}

#[expect(
    unsafe_code,
    reason = "only the kernel knows what we inherited, and a borrowed descriptor is the way to name one to it"
)]
fn mark(number: i32) -> io::Result<()> {
    // SAFETY: the number was just listed by the kernel and this process has a single thread, so it stays open for the
    // length of this call; the call changes a flag and neither closes nor takes over the descriptor.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
    Ok(())
}
