//! The tools that agents are offered.

use std::sync::Arc;

use openclaw_tools::{Registry, files, memory};
use openclaw_types::Env;

use super::Error;

/// Every tool there is.
pub(crate) fn tools(env: &Arc<dyn Env>) -> Result<Arc<Registry>, Error> {
    let mut registry = Registry::default();
    for tool in files::tools()
        .into_iter()
        .chain(memory::tools(Arc::clone(env)))
    {
        registry.register(tool)?;
    }
    Ok(Arc::new(registry))
}
