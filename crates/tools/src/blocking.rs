//! Work on the disk, away from the threads that serve connections.

use crate::error::Error;

/// Runs it on a thread for blocking work. A caller that stops waiting doesn't stop it; every such piece is bounded.
pub(crate) async fn off_thread<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(tool = name, %error, "a tool's work on the disk broke");
            Err(Error::Broken {
                name: name.to_owned(),
            })
        }
    }
}
