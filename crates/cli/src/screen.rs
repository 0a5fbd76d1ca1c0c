//! What a terminal can show: its width, and whether it has block characters.

use std::io::{self, IsTerminal as _};

use openclaw_config::Environment;
use rustix::termios::tcgetwinsize;

/// Columns where the terminal doesn't say.
const COLUMNS_DEFAULT: usize = 80;
/// Columns that a drawing uses at most; longer bars say no more.
const COLUMNS_MAX: usize = 120;

/// A terminal to draw on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Columns to draw on.
    pub(crate) columns: usize,
    /// Whether it shows more than ASCII.
    pub(crate) is_utf8: bool,
}

impl Screen {
    /// That of standard output; `None` where it is no terminal.
    pub(crate) fn of_output(environment: &Environment) -> Option<Self> {
        let out = io::stdout();
        if !out.is_terminal() {
            return None;
        }
        let told = tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
        let columns = told.filter(|columns| *columns > 0);
        Some(Self {
            columns: columns.unwrap_or(COLUMNS_DEFAULT).min(COLUMNS_MAX),
            is_utf8: is_utf8(environment),
        })
    }
}

/// Whether the locale says so; the first of the variables that is set counts.
fn is_utf8(environment: &Environment) -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let locale = names.iter().find_map(|name| environment.value(name));
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_says_whether_there_is_more_than_ascii() {
        for (variables, expected) in [
            (vec![], false),
            (vec![("LANG", "C.UTF-8")], true),
            (vec![("LANG", "de_DE.utf8")], true),
            (vec![("LANG", "C.UTF-8"), ("LC_ALL", "C")], false),
            (vec![("LC_CTYPE", "en_US.UTF-8"), ("LC_ALL", "")], true),
        ] {
            let environment = Environment::of(variables.clone());
            assert_eq!(is_utf8(&environment), expected, "{variables:?}");
        }
    }
}
