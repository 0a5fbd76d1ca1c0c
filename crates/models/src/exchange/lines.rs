//! Servers that are ready to be called, made when first needed.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::line::Line;
use crate::{error::Error, limits::LINES_MAX, routing::Server};

/// Servers that are ready to be called.
#[derive(Debug, Default)]
pub(crate) struct Lines(RwLock<BTreeMap<Arc<str>, Arc<Line>>>);

impl Lines {
    /// The line to a server; one that has changed since it was last called gets a new one.
    ///
    /// # Errors
    /// When its key or a header can't be sent.
    pub(crate) fn to(&self, server: &Arc<Server>) -> Result<Arc<Line>, Error> {
        let lines = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&server.name)
            && (Arc::ptr_eq(&line.server, server) || line.server == *server)
        {
            return Ok(Arc::clone(line));
        }
        drop(lines);
        let line = Arc::new(Line::new(server)?);
        let mut lines = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LINES_MAX {
            // Calls under way keep theirs; a later one makes it again.
            lines.pop_first();
        }
        lines.insert(Arc::clone(&server.name), Arc::clone(&line));
        Ok(line)
    }
}
