//! Secrets: inline, from a variable, or from a file of their own.

use std::{fs, io::Read, os::unix::fs::PermissionsExt, path::Path};

use super::Normalizer;
use crate::{
    expand,
    json5::{Member, Position, Value},
    problem::{Added, Severity},
    schema::{Effect, Kind, Table},
    secret::{Origin, Secret},
    trail::Trail,
};

/// Longest secret file; keys and connection strings are far shorter.
const SECRET_BYTES_MAX: u64 = 65_536;

impl Normalizer<'_> {
    /// `"env:NAME"`, `"${NAME}"`, `"file:PATH"`, `{source, id}`, or the value itself.
    pub(super) fn secret(
        &mut self,
        value: Value,
        at: Position,
        trail: &Trail<'_>,
    ) -> Option<Secret> {
        let text = match value {
            Value::Text(text) => text,
            Value::Object(members) => {
                let named = named(&members);
                if named.is_none() {
                    self.unusable("this is no way to name a secret", at, trail)
                        .hint("write \"env:NAME\", \"file:PATH\", or the value");
                }
                named?
            }
            other => {
                self.mismatch(&[Kind::Secret], &other, Effect::Used, (at, trail));
                return None;
            }
        };
        if self.table == Table::Litellm {
            return self.litellm_secret(&text, at, trail);
        }
        let variable = text.strip_prefix("env:");
        if let Some(name) = variable.or_else(|| expand::sole_variable(&text)) {
            return self.secret_variable(name, at, trail);
        }
        if let Some(path) = text.strip_prefix("file:") {
            return self.secret_file(path, at, trail);
        }
        match expand::variables(&text, self.environment) {
            Ok(text) => Some(Secret::new(&text, Origin::Inline)),
            Err(name) => {
                self.unset(&name, at, trail);
                None
            }
        }
    }

    /// `os.environ/NAME`, alone or inside a longer text, or the value itself.
    fn litellm_secret(&mut self, text: &str, at: Position, trail: &Trail<'_>) -> Option<Secret> {
        if let Some(name) = text.strip_prefix(expand::LITELLM_VARIABLE) {
            return self.secret_variable(name, at, trail);
        }
        match self.put_in(text) {
            Ok(text) => Some(Secret::new(&text, Origin::Inline)),
            Err(name) => {
                self.unset(&name, at, trail);
                None
            }
        }
    }

    fn unusable(&mut self, what: &str, at: Position, trail: &Trail<'_>) -> Added<'_> {
        let message = format!("{what}; the key is ignored");
        self.problems
            .at(Severity::Degraded, at, trail.to_string(), message)
    }

    fn secret_variable(&mut self, name: &str, at: Position, trail: &Trail<'_>) -> Option<Secret> {
        if !expand::is_name(name) {
            self.unusable("this is not a variable's name", at, trail);
            return None;
        }
        let Some(value) = self.environment.value(name) else {
            self.unset(name, at, trail);
            return None;
        };
        Some(Secret::new(value, Origin::Environment(name.to_owned())))
    }

    fn secret_file(&mut self, text: &str, at: Position, trail: &Trail<'_>) -> Option<Secret> {
        let path = expand::path(text, self.environment.home().as_deref());
        let value = match read(&path) {
            Ok((value, mode)) => {
                if mode & 0o077 != 0 {
                    self.problems
                        .at(
                            Severity::Warning,
                            at,
                            trail.to_string(),
                            format!("{} can be read by other users", path.display()),
                        )
                        .hint(format!("chmod 600 {}", path.display()));
                }
                value
            }
            Err(why) => {
                let what = format!("the secret file {} can't be used: {why}", path.display());
                self.unusable(&what, at, trail);
                return None;
            }
        };
        Some(Secret::new(&value, Origin::File(path)))
    }
}

/// The short form of `{source: "env", id: "NAME"}`.
fn named(members: &[Member]) -> Option<String> {
    let text = |name: &str| {
        members.iter().find_map(|member| match &member.node.value {
            Value::Text(text) if member.key == name => Some(text.as_str()),
            _ => None,
        })
    };
    match (text("source")?, text("id")?) {
        (source @ ("env" | "file"), id) => Some(format!("{source}:{id}")),
        _ => None,
    }
}

/// The file's text without the white space around it, and its mode.
fn read(path: &Path) -> Result<(String, u32), String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(SECRET_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    match text.trim() {
        "" => Err("it is empty".to_owned()),
        text => Ok((text.to_owned(), metadata.permissions().mode())),
    }
}
