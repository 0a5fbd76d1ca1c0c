//! The commands, one module a noun.

pub(crate) mod agents;
pub(crate) mod chat;
pub(crate) mod gateway;
pub(crate) mod init;
pub(crate) mod ledger;
pub(crate) mod models;
pub(crate) mod router;
pub(crate) mod sessions;
pub(crate) mod skills;
