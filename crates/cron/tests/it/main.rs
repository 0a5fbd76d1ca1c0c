//! The whole crate from outside: slots against another implementation, files that a crash cut, and whole days.

mod crash;
mod day;
mod oracle;
