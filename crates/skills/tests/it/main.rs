//! Skills from outside: found, preferred, installed from hostile archives, listed.

#![expect(clippy::unwrap_used, reason = "a test fails where its set-up fails")]

mod bundled;
mod install;
mod library;
