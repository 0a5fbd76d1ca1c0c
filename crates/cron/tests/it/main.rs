//! The whole crate from outside: slots against another implementation, files that a crash cut, and whole days.

#![expect(clippy::unwrap_used, reason = "a test fails where its set-up fails")]

mod crash;
mod day;
mod oracle;
