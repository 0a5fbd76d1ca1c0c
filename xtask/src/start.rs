//! The README's first command: from a fresh machine to a conversation.

use std::{ffi::OsString, os::unix::process::CommandExt, process::Command};

use crate::{error::Error, modeld, output, repo::Repo, setup, step::Step};

pub(crate) fn run(repo: &Repo, no_local_model: bool, chat: &[OsString]) -> Result<(), Error> {
    setup::compiler(repo)?;
    if !no_local_model {
        setup::native(repo)?;
        setup::pip(repo)?;
    }
    Step::cargo("build the gateway (minutes, the first time)", repo.root())
        .args(["build", "--release", "-p", "openclaw-cli"])
        .run()?;
    let openclaw = repo.path("target/release/openclaw");
    if !no_local_model {
        modeld::build(repo)?;
        Step::new("fetch the default local model", &openclaw)
            .args(["models", "pull"])
            .dir(repo.root())
            .hint("with a provider's key in the environment, `cargo xtask start --no-local-model` does without it")
            .run()?;
    }
    output::heading("chat");
    // From here on the terminal belongs to the conversation.
    let source = Command::new(&openclaw).arg("chat").args(chat).exec();
    Err(Error::Start {
        program: openclaw.display().to_string(),
        source,
    })
}
