//! Leaving at once, without taking anything down.

/// Ends the process without running destructors or exit handlers.
///
/// A thread may still be inside the native library, evaluating or tokenizing; a normal exit would
/// destroy the library's statics under it.
#[expect(
    unsafe_code,
    reason = "the standard library has no exit that skips exit handlers"
)]
pub fn now(code: u8) -> ! {
    // SAFETY: `_exit` has no preconditions and does not return.
    unsafe { libc::_exit(i32::from(code)) }
}
