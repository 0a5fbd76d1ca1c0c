//! The public promises of the session store, on a real directory and on a disk that fails.

mod archive;
mod basics;
mod chain;
mod checkpoint;
mod compatibility;
mod faults;
mod harness;
mod hostile;
mod import;
mod ledger;
mod numbers;
mod prove;
mod real;
mod rewrites;
mod search;
mod seeds;
mod unsynced;
