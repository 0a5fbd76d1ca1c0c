//! A path as a list of names below the workspace: no `..`, nothing empty, nothing absolute.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::{error::Error, limits::PATH_DEPTH_MAX};

/// A path below a workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Relative {
    names: Vec<String>,
}

impl Relative {
    /// Takes a path apart. An absolute one must begin with one of the workspace's own paths.
    pub(super) fn parse(text: &str, roots: [&Path; 2]) -> Result<Self, Error> {
        let outside = || {
            Error::denied(
                format!("`{}` is outside the workspace", shown(text)),
                "use a path relative to the workspace",
            )
        };
        if text.contains('\0') {
            return Err(Error::argument(
                "/path",
                "a path without zero bytes is expected",
            ));
        }
        if text == "~" || text.starts_with("~/") {
            return Err(outside());
        }
        let below = if text.starts_with('/') {
            let below = roots.iter().find_map(|root| {
                let rest = text.strip_prefix(root.to_str()?.trim_end_matches('/'))?;
                (rest.is_empty() || rest.starts_with('/')).then_some(rest)
            });
            below.ok_or_else(outside)?
        } else {
            text
        };
        let mut names: Vec<String> = Vec::new();
        for name in below.split('/') {
            match name {
                "" | "." => {}
                // Links are never followed, so what a name leads to is what it says.
                ".." => {
                    names.pop().ok_or_else(outside)?;
                }
                name if name.len() > 255 => {
                    return Err(Error::argument(
                        "/path",
                        "names of at most 255 bytes are expected",
                    ));
                }
                name => names.push(name.to_owned()),
            }
        }
        if names.len() > PATH_DEPTH_MAX {
            let what = format!("at most {PATH_DEPTH_MAX} directories are expected");
            return Err(Error::argument("/path", what));
        }
        Ok(Self { names })
    }

    /// A name directly in the workspace.
    pub(super) fn of_name(name: &str) -> Self {
        Self {
            names: vec![name.to_owned()],
        }
    }

    /// The names from the workspace downwards.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many there are.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.names.len()
    }

    /// The last name.
    ///
    /// # Errors
    /// When this is the workspace itself.
    pub fn name(&self) -> Result<&str, Error> {
        let name = self.names.last().map(String::as_str);
        name.ok_or_else(|| Error::argument("/path", "a file's name is expected, not the workspace"))
    }

    /// The directory it is in; the workspace is in itself.
    #[must_use]
    pub fn parent(&self) -> Self {
        self.prefix(self.depth().saturating_sub(1))
    }

    /// Its first names.
    #[must_use]
    pub fn prefix(&self, depth: usize) -> Self {
        Self {
            names: self.names[..depth.min(self.names.len())].to_vec(),
        }
    }

    /// A name below it.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let mut names = self.names.clone();
        names.push(name.to_owned());
        Self { names }
    }

    /// For the system: `.` for the workspace itself.
    #[must_use]
    pub fn to_path(&self) -> PathBuf {
        if self.names.is_empty() {
            return PathBuf::from(".");
        }
        self.names.iter().collect()
    }
}

impl fmt::Display for Relative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.names.is_empty() {
            return f.write_str(".");
        }
        f.write_str(&shown(&self.names.join("/")))
    }
}

/// Names can hold line ends and terminal sequences; what is told of them can't.
fn shown(text: &str) -> String {
    let visible = text
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c });
    visible.take(512).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        Relative::parse(text, [Path::new("/state/agents/coder"), Path::new("/link")])
            .map(|path| path.to_string())
            .map_err(|error| error.code().to_owned())
    }

    #[test]
    fn a_path_is_names_below_the_workspace_or_nothing() {
        for (text, expected) in [
            ("a", Ok("a")),
            ("./a//b/", Ok("a/b")),
            ("a/../b", Ok("b")),
            (".", Ok(".")),
            ("", Ok(".")),
            ("/state/agents/coder/a", Ok("a")),
            ("/link/a/b", Ok("a/b")),
            ("/state/agents/coder", Ok(".")),
            ("...", Ok("...")),
            ("a\nb", Ok("a\u{fffd}b")),
            ("..", Err("denied")),
            ("a/../../b", Err("denied")),
            ("/etc/passwd", Err("denied")),
            ("/state/agents/coder2/a", Err("denied")),
            ("/state/agents/coder/../other/a", Err("denied")),
            ("~/.ssh/id", Err("denied")),
            ("a\0b", Err("arguments")),
        ] {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(parse(text), expected, "{text:?}");
        }
        assert_eq!(parse(&"a/".repeat(65)), Err("arguments".to_owned()));
        assert_eq!(parse(&"a".repeat(256)), Err("arguments".to_owned()));
    }

    proptest! {
        #[test]
        fn whatever_is_parsed_holds_no_step_upwards(text in "[a./~\\\\]{0,24}") {
            if let Ok(path) = Relative::parse(&text, [Path::new("/a"), Path::new("/.")]) {
                for name in path.names() {
                    prop_assert!(!name.is_empty() && name != "." && name != ".." && !name.contains('/'));
                }
            }
        }
    }
}
