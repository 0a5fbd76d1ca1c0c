//! The reference of methods and events, from the tables that both ends of the socket read.

use std::process::Command;

use crate::{error::Error, repo::Repo, step};

const INTRODUCTION: &str = "# Methods and events\n\n\
    Every call of the native protocol with its fields, and every event.\n\
    How frames look and how a connection starts is in [the protocol](protocol.md).\n\
    `cargo xtask codegen` writes this page.\n\n";

pub(super) fn page(repo: &Repo) -> Result<String, Error> {
    let mut cargo = Command::new("cargo");
    cargo
        .args([
            "run",
            "--quiet",
            "-p",
            "openclaw-wire",
            "--example",
            "reference",
        ])
        .current_dir(repo.root());
    Ok(format!("{INTRODUCTION}{}", step::capture(&mut cargo)?))
}
